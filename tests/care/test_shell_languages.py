"""Languages: a family meets no untranslated text, and no translation breaks a page."""

from __future__ import annotations

import re

import pytest
from babel.messages.catalog import Catalog
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import translation

from evi.care import translating
from evi.care.jinja import role_name
from evi.sharing.vocabulary import vocabulary

MARKS = re.compile(r"%\(\w+\)[sd]|</?\w+")


@pytest.fixture(scope="module")
def texts() -> Catalog:
    return translating.template()


def test_texts_inside_macro_calls_are_found(texts: Catalog) -> None:
    for text in (
        "Skip to main content",
        "Sign in with a passkey",
        "SENCO",
        "Fill in: %(field)s",
        "Change role",
    ):
        assert text in texts, text
    assert texts.get("You have %(num)s key.").pluralizable


@pytest.mark.parametrize("language", translating.LANGUAGES)
def test_a_family_meets_no_untranslated_text(language: str, texts: Catalog) -> None:
    catalog = translating.read(language)
    missing = []
    for message in translating.for_families(texts):
        found = catalog.get(message.id[0] if message.pluralizable else message.id, message.context)
        strings = found.string if found and message.pluralizable else [found.string if found else ""]
        if not strings or not all(strings):
            missing.append(message.id)
    assert not missing, "run `python -m evi.care.translating` and translate what is empty"


@pytest.mark.parametrize("language", translating.LANGUAGES)
def test_every_translation_keeps_the_names_that_are_put_in(language: str) -> None:
    for message in translating.read(language):
        if not message.id or not message.string:
            continue
        strings = message.string if message.pluralizable else [message.string]
        ids = message.id if message.pluralizable else [message.id]
        given = {mark for text in ids for mark in MARKS.findall(text)}
        for text in filter(None, strings):
            assert set(MARKS.findall(text)) <= given, message.id
            if not message.pluralizable:
                assert set(MARKS.findall(text)) == given, message.id
            assert "\u202e" not in text


@pytest.mark.parametrize(
    ("language", "heading"),
    [("ur", "سائن اِن کریں"), ("pl", "Zaloguj się"), ("sk", "Prihlásiť sa"), ("bn", "সাইন ইন")],
)
def test_a_page_is_in_the_readers_language_and_says_that_a_computer_wrote_it(
    language: str, heading: str, client: Client, db: None
) -> None:
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    page = client.get(reverse("account_login")).content.decode()
    assert f'<h1 class="nhsuk-heading-l">{heading}</h1>' in page
    with translation.override(language):
        said = translation.gettext(
            "A computer wrote this translation and nobody has checked it yet. If something reads wrong, "
            "please tell us, and look at the English page to be sure."
        )
    assert said in page
    assert "A computer wrote" not in page


def test_english_is_as_it_was_written(client: Client, db: None) -> None:
    page = client.get(reverse("account_login"), headers={"accept-language": "fr"}).content.decode()
    assert '<html lang="en-gb" dir="ltr">' in page
    assert "A computer wrote" not in page


@pytest.mark.parametrize("language", translating.LANGUAGES)
def test_roles_are_named_in_each_language(language: str) -> None:
    with translation.override(language):
        names = {role: role_name(role) for role in vocabulary().roles}
    assert all(names.values())
    assert sum(name == vocabulary().roles[role].title for role, name in names.items()) <= 1
