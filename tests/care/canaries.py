"""Marks in every text of the made-up world: what is an attack on a page, and what names a child.

A mark ends in a script, in signs that close an attribute, and in a sum that a template would work out; it
begins with a word that stands nowhere else, so that it is found wherever it gets to.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from django.apps import apps
from django.db import models

from evi.care.children.models import Child
from evi.care.fields import EncryptedDateField, EncryptedJSONField, EncryptedTextField
from evi.care.findings.models import Finding

ATTACK = "<script>alert(1)</script>\"'>{{7*191}}"
WORKED_OUT = "1337"
RAW = ("<script>alert(1)", "\"'>{{7*191}}", "&#34;'>{{7*191}}", WORKED_OUT)
NAMES_A_CHILD = "Zzkenna"
OTHERS = "Zzfremd"
"""What the texts of a child begin with whom nobody at Hill School may see."""
SAID = "Zzwort"

TEXTS = re.compile(r"(^|_)(name|title|said_by|why|role|part|source|because|question|sentence)$")
KEYS = {"accounts.membership.role", "accounts.invitation.role", "passports.passport.begun_role"}
KEYS |= {"exchange.outsidekey.key", "exchange.outsidekey.part", "door.blockage.why", "findings.release.name"}


def is_text(field: models.Field[Any, Any]) -> bool:
    """Whether a person's words stand in a field, and not a key of ours."""
    name = f"{field.model._meta.label_lower}.{field.name}"
    if name in KEYS or field.unique or field.choices or isinstance(field, models.SlugField):
        return False
    if isinstance(field, EncryptedTextField):
        return not isinstance(field, EncryptedDateField | EncryptedJSONField) and field.name != "key"
    if isinstance(field, models.TextField) and field.name != "note":
        return True
    return isinstance(field, models.CharField) and bool(TEXTS.search(field.name))


def plant(hidden: Child) -> int:
    """Write a mark into every text of every row; gives how many fields. `hidden`: the child of `OTHERS`."""
    planted = 0
    for model in apps.get_models():
        if not model.__module__.startswith("evi.care.") or model._meta.label_lower == "door.accessentry":
            continue
        texts = [field for field in model._meta.concrete_fields if is_text(field)]
        if not texts or not model.objects.exists():
            continue
        for key in model._base_manager.values_list("pk", flat=True):
            start = SAID if model is not Child else OTHERS if key == hidden.pk else NAMES_A_CHILD
            marks = {field.name: f"{start} {field.name} {key} {ATTACK}"[: _most(field)] for field in texts}
            model._base_manager.filter(pk=key).update(**marks)
        planted += len(texts)
    Finding.objects.update(reasons=[{"text": f"{SAID} reason {ATTACK}", "items": ["chronology.education"]}])
    return planted


def _most(field: models.Field[Any, Any]) -> int:
    return field.max_length or 10_000


def addresses(answer: Any) -> list[str]:
    """Every address that an answer holds or leads to, decoded."""
    found = [answer.headers.get("Location", ""), answer.headers.get("Content-Disposition", "")]
    if answer.headers.get("Content-Type", "").startswith("text/html"):
        text = answer.content.decode()
        found += re.findall(r"""\s(?:href|action|src|formaction|hx-\w+)\s*=\s*["']([^"']*)""", text)
    return [unquote(each) for each in found]
