"""Collects every text of the pages into the languages' files, for translators; part of a developer's tools.

`python -m evi.care.translating` reads the Python code, the templates (also inside calls of macros, which
Django's own command misses) and the titles of the vocabulary, and brings `locale/*/LC_MESSAGES/django.po` up
to date: new texts are added empty, translations that are there stay, texts that are gone leave. A draft that
no native reader has checked yet is marked `fuzzy`, and is used. The build of the sheets compiles the files.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import yaml
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from evi.sharing.vocabulary import FOLDER as VOCABULARY

HERE = Path(__file__).resolve().parent
LOCALE = HERE / "locale"
LANGUAGES = ("ur", "pl", "sk", "bn")
METHODS = [("templates/**.html", "jinja2"), ("**.py", "python")]
OPTIONS = {"templates/**.html": {"extensions": "jinja2.ext.do", "trimmed": "true"}}
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
}
TITLED = ("roles", "items", "relationships", "purposes", "organisations", "actions")
"""Files of the vocabulary whose titles stand on pages."""

FAMILY = (
    "templates/passports/*",
    "templates/children/*",
    "templates/circles/*",
    "templates/support/*",
    "templates/door/access_list.html",
    "templates/door/wishes.html",
    "templates/door/refused.html",
    "passports/*",
    "templates/frame.html",
    "templates/page.html",
    "templates/forms.html",
    "templates/[45]*.html",
    "templates/account/*",
    "templates/mfa/*",
    "templates/accounts/account.html",
    "templates/accounts/acting_as.html",
    "templates/accounts/join.html",
    "templates/accounts/invitation_*",
    "templates/accounts/locked.html",
    "controls.py",
    "jinja.py",
    "accounts/views.py",
    "accounts/joining.py",
    "accounts/sessions.py",
    "vocabulary/roles.yaml",
)
"""Where the texts are that a parent or a young person meets: these are in every language."""


_EMPTY_HEADERS = tuple(
    f'"{name}:'
    for name in (
        "Project-Id-Version",
        "Report-Msgid-Bugs-To",
        "POT-Creation-Date",
        "PO-Revision-Date",
        "Last-Translator",
        "Language-Team",
        "Generated-By",
    )
)


def template() -> Catalog:
    """Every text, with the files where it stands."""
    catalog = Catalog(project="eVI", fuzzy=False)
    for name, _line, text, comments, context in sorted(
        extract_from_dir(HERE, METHODS, OPTIONS, keywords=KEYWORDS), key=lambda found: (found[0], found[1])
    ):
        catalog.add(text, None, [(name, 0)], auto_comments=comments, context=context)
    for name, title in _titles():
        catalog.add(title, None, [(name, 0)])
    return catalog


def path_of(language: str) -> Path:
    """The file of a language."""
    return LOCALE / language / "LC_MESSAGES" / "django.po"


def read(language: str) -> Catalog:
    """What is translated into a language."""
    path = path_of(language)
    if not path.exists():
        return Catalog(locale=language, fuzzy=False)
    with path.open("rb") as source:
        return read_po(source, locale=language)


def for_families(catalog: Catalog) -> Iterator[Message]:
    """The texts that a family meets."""
    for message in catalog:
        if message.id and any(fnmatchcase(name, each) for name, _ in message.locations for each in FAMILY):
            yield message


def bring_up_to_date() -> dict[str, int]:
    """Write every language's file; gives how many texts each has without a translation."""
    texts, missing = template(), {}
    for language in LANGUAGES:
        catalog = read(language)
        catalog.update(texts, no_fuzzy_matching=True)
        catalog.obsolete.clear()
        catalog.header_comment = f"# eVI in {language}. Drafted by machine; to be checked by a native reader."
        path = path_of(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as target:
            write_po(target, catalog, width=110, include_lineno=False, sort_output=True, omit_header=False)
        _without_times(path)
        missing[language] = sum(not _translated(message) for message in catalog if message.id)
    return missing


def _translated(message: Message) -> bool:
    texts = message.string if isinstance(message.string, tuple | list) else [message.string]
    return bool(texts) and all(texts)


def _without_times(path: Path) -> None:
    """Nothing in the header but what is needed to read the file: it changes when a text does."""
    lines = path.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith(_EMPTY_HEADERS)]
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")


def _titles() -> Iterator[tuple[str, str]]:
    for name in TITLED:
        path = VOCABULARY / f"{name}.yaml"
        for entry in yaml.safe_load(path.read_text(encoding="utf-8")).values():
            yield f"vocabulary/{name}.yaml", str(entry["title"])
    from evi.care.passports import words  # noqa: PLC0415 - Django is set up by then

    yield from words.texts()


if __name__ == "__main__":
    import os
    import tempfile

    from evi.care.boot import open_care

    os.environ.setdefault("EVI_CARE_HOME", tempfile.mkdtemp(prefix="evi-translating-"))
    open_care()
    for language, count in bring_up_to_date().items():
        sys.stdout.write(f"{language}: {count} texts have no translation yet\n")
