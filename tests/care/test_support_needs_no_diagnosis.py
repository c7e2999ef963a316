"""Support never waits for a diagnosis: no model, form, interface or offer of the application demands one."""

from __future__ import annotations

import copy
import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from django import forms
from django.apps import apps
from jsonschema import Draft202012Validator
from pydantic import BaseModel

import evi.care
from evi.care.support import catalogue
from evi.care.support.catalogue import SCHEMA, SHIPPED, Catalogue
from evi.sharing.vocabulary import vocabulary
from evi.workspace import EviError

LABEL = re.compile(r"diagnos|icd.?1[01]|snomed|dsm", re.IGNORECASE)


def modules() -> Iterator[Any]:
    """Every module of the application."""
    for found in pkgutil.walk_packages(evi.care.__path__, "evi.care."):
        if ".migrations" not in found.name and not found.name.endswith((".wsgi", ".settings")):
            yield importlib.import_module(found.name)


def below(kind: type) -> Iterator[type]:
    for each in kind.__subclasses__():
        yield each
        yield from below(each)


def demanded_by_models() -> Iterator[str]:
    for model in apps.get_models():
        if model.__module__.startswith("evi."):
            for field in model._meta.get_fields():
                words = f"{field.name} {getattr(field, 'verbose_name', '')} {getattr(field, 'help_text', '')}"
                if LABEL.search(words):
                    yield f"{model.__name__}.{field.name}"


def demanded_by_forms() -> Iterator[str]:
    for form in below(forms.BaseForm):
        if form.__module__.startswith("evi."):
            for name, field in getattr(form, "base_fields", {}).items():
                if field.required and LABEL.search(f"{name} {field.label}"):
                    yield f"{form.__name__}.{name}"


def demanded_by_interface() -> Iterator[str]:
    for shape in below(BaseModel):
        if shape.__module__.startswith("evi."):
            for name, field in shape.model_fields.items():
                if field.is_required() and LABEL.search(f"{name} {field.title} {field.description}"):
                    yield f"{shape.__name__}.{name}"


def test_no_model_form_or_interface_demands_a_diagnosis():
    names = {module.__name__ for module in modules()}
    assert {"evi.care.support.forms", "evi.care.circles.forms", "evi.care.passports.forms"} <= names
    assert any(form.__module__ == "evi.care.support.forms" for form in below(forms.BaseForm))
    assert list(demanded_by_models()) == []
    assert list(demanded_by_forms()) == []
    assert list(demanded_by_interface()) == []


def test_the_walk_finds_what_it_looks_for():
    class Bad(forms.Form):
        label = forms.CharField(label="Diagnosis code")

    Bad.__module__ = "evi.made.up"
    assert list(demanded_by_forms()) == ["Bad.label"]
    Bad.__module__ = "made.up"


def test_an_offer_has_no_place_for_a_diagnosis():
    schema = json.loads(SCHEMA.read_text())
    offer = schema["$defs"]["offer"]
    assert offer["additionalProperties"] is False
    assert not any(LABEL.search(name) for name in offer["properties"])
    for each in catalogue.offers().values():
        assert not LABEL.search(f"{each.key} {each.title} {each.begin}"), each.key


def test_the_shipped_offers_cover_every_area_at_every_school_age():
    for area in catalogue.areas():
        ages = range(7, 16) if area == "home" else range(4, 16)
        assert all(any(offer.fits(area, age) for offer in catalogue.offers().values()) for age in ages), area
    providers = {offer.provider for offer in catalogue.offers().values()}
    assert providers <= set(vocabulary().organisations)
    assert len(catalogue.offers()) >= 20


OFFER = yaml.safe_load(SHIPPED.read_text())["offers"][0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"diagnosis": "ASD"}, "diagnosis"),
        ({"areas": ["magic"]}, "no area called magic"),
        ({"provider": "bank"}, "no kind of organisation called bank"),
        ({"ages": [9, 2]}, "first age is above its last"),
        ({"ages": [0, 99]}, "99"),
        ({"source": {"name": "Somebody", "url": "http://x"}}, "http://x"),
    ],
)
def test_a_district_s_wrong_offer_is_refused_with_its_place(tmp_path, change, said):
    path = tmp_path / "ours.yaml"
    path.write_text(yaml.safe_dump({"offers": [copy.deepcopy(OFFER) | change]}))
    with pytest.raises(EviError, match=re.escape(said)):
        Catalogue.read([SHIPPED, path])


def test_a_district_adds_and_replaces_offers(tmp_path):
    path = tmp_path / "ours.yaml"
    ours = [
        OFFER | {"title": "Our own pictures"},
        OFFER | {"key": "bradford-walk", "title": "Walk to school"},
    ]
    path.write_text(yaml.safe_dump({"offers": ours}))
    read = Catalogue.read([SHIPPED, path])
    assert read.offers[OFFER["key"]].title == "Our own pictures"
    assert "bradford-walk" in read.offers
    Draft202012Validator.check_schema(json.loads(SCHEMA.read_text()))
