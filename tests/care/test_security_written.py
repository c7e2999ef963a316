"""Marks sent through every form: what people write gets into no address, log, letter or note of the ledger.

Each page with a form is opened, its form is filled as its own HTML offers (the first choice, a day soon, a
mark in every text) and sent back. What was kept is then looked at as in the walk over every page.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from evi.care.door.models import AccessEntry
from tests.care import everything
from tests.care.canaries import ATTACK, NAMES_A_CHILD, RAW, addresses, plant
from tests.care.conftest import World
from tests.care.endpoints import arguments_of, endpoints
from tests.care.test_security_walk import Everything, log  # noqa: F401 - a fixture

WRITTEN = "Zzgeschrieben"
TODAY = timezone.localdate()
SOON = TODAY + timedelta(days=20)
ROLES = ("senco", "parent", "camhs-clinician", "data-guardian", "administrator")
LAST = {"support:close", "circles:remove", "circles:end-task", "children:move-out", "accounts:person"}
"""Forms that would close the door to others."""
LEAVES = {"accounts:acting-as", "circles:leave", "exchange:exchange"}
"""Forms that would end the walk (another role, out of the circle), or answer with a file."""


class Fields(HTMLParser):
    """The controls of the forms of a page, filled."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sent: dict[str, list[str]] = {}
        self.select = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        name, kind = said.get("name", ""), said.get("type", "text")
        if tag == "select":
            self.select = name
        elif tag == "option" and self.select and said.get("value"):
            self.sent.setdefault(self.select, [said["value"]])
        elif tag == "textarea":
            self.sent[name] = [f"{WRITTEN} some plain words of the person who fills in {name} {ATTACK}"]
        elif tag == "input" and name and name not in ("csrfmiddlewaretoken", "language"):
            self._input(name, kind, said.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        self.select = "" if tag == "select" else self.select

    def _input(self, name: str, kind: str, value: str) -> None:
        if kind in ("radio", "checkbox"):
            self.sent.setdefault(name, [value])
        elif kind == "hidden" or value:
            self.sent[name] = [value]
        elif (part := name.rsplit("_", 1)[-1]) in ("day", "month", "year"):
            self.sent[name] = [str(getattr(SOON if re.search("by|due|until|end", name) else TODAY, part))]
        elif kind == "email":
            self.sent[name] = [f"{WRITTEN.lower()}@example.org"]
        elif kind in ("text", "search"):
            self.sent[name] = [f"{WRITTEN} {name} {ATTACK}"[:100]]


def test_what_people_write_stays_where_it_is_kept(
    world: World,
    as_role: Callable[[str], Client],
    log: Everything,  # noqa: F811
    settings: Any,
) -> None:
    settings.EVI_MAIL = True
    samples = everything.make(world)
    plant(hidden=world.children["bea"])
    forms = {each.name for each in endpoints() if each.method == "POST"}
    forms = {each.name for each in endpoints() if each.method == "GET" and each.name in forms} - LEAVES
    kept, faults = set(), set()
    for key in ROLES:
        client = as_role(key)
        for each in sorted(endpoints(), key=lambda one: one.name in LAST):
            if each.name not in forms or each.method != "GET" or each.asks.public:
                continue
            address = reverse(each.name, kwargs=arguments_of(each, samples))
            page = client.get(address)
            if page.status_code != 200:
                continue
            answer = client.post(address, Fields(page.content.decode()).sent)
            text = answer.content.decode(errors="replace")
            if answer.status_code == 302:
                kept.add(each.name)
            faults |= {f"{key} {each.name}: {mark}" for mark in RAW if mark in text}
            faults |= {f"{key} {each.name}: {where}" for where in addresses(answer) if leaks(where)}
            faults |= {f"{key} {each.name}: {answer.status_code}"} if answer.status_code >= 500 else set()
    for entry in AccessEntry.objects.values_list("note", "permitted", "refused", "child", "actor"):
        faults |= {f"ledger: {entry}"} if leaks(str(entry)) else set()
    faults |= {f"log: {line}" for line in log.lines if leaks(line)}
    faults |= {f"letter: {each.body}" for each in mail.outbox if NAMES_A_CHILD in each.subject + each.body}
    assert not faults, "\n".join(sorted(faults))
    assert len(kept) >= 22 and mail.outbox, sorted(kept)


def leaks(text: Any) -> bool:
    """Whether a text holds what somebody wrote, or a child's name."""
    return any(mark in text for mark in (WRITTEN, NAMES_A_CHILD, "<script>alert"))
