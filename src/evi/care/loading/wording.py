"""The words in which an event stands in a child's chronology (`chronology.yaml`)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any

from evi.casefinding.frameworks import assessments
from evi.feeds import Layout
from evi.workspace.declared import check_against, read_yaml

FILE = Path(__file__).parent / "chronology.yaml"
SCHEMA = Path(__file__).parent / "chronology.schema.json"
_CHANGING = re.compile(r"\{\w+\}")


@dataclass(frozen=True)
class Kind:
    """One kind of entry; see the head of `chronology.yaml`."""

    number: int
    codes: tuple[str, ...]
    title: str
    text: str = ""
    none: str = ""
    item: str = ""
    once: bool = False
    together: bool = False
    below: float | None = None
    also: Mapping[str, str] | None = None


class Wording:
    """Kinds of entries, and what the layouts say that codes mean."""

    def __init__(self, kinds: Sequence[Kind], layouts: Mapping[str, Layout]) -> None:
        self.kinds = tuple(kinds)
        self._meanings = _meanings(layouts)
        self._said = _texts(layouts)
        self.languages = _languages(layouts)
        self.kind_of = lru_cache(maxsize=None)(self._kind_of)
        self.may_show = lru_cache(maxsize=None)(self._may_show)

    @classmethod
    def read(cls, layouts: Mapping[str, Layout]) -> Wording:
        """The shipped kinds.

        Raises:
            EviError: the file breaks its schema.
        """
        table = read_yaml(FILE)
        check_against(table, SCHEMA, str(FILE))
        return cls([_kind(number, row) for number, row in enumerate(table)], layouts)

    def _kind_of(self, code: str) -> Kind | None:
        """The kind of a code, if a chronology shows it."""
        return next(
            (kind for kind in self.kinds if any(fnmatchcase(code, each) for each in kind.codes)), None
        )

    def _may_show(self, template: str) -> bool:
        """Whether a code of a layout, which may have changing parts, can be one that is shown."""
        wide, sample = _CHANGING.sub("*", template), _CHANGING.sub("X", template)
        patterns = [each for kind in self.kinds for each in kind.codes]
        return any(
            fnmatchcase(sample, each) or fnmatchcase(each.replace("*", "X"), wide) for each in patterns
        )

    def meaning(self, code: str) -> str:
        """What the changing part of a code means; its last part in small letters if no layout says."""
        return self._meanings.get(code) or code.rsplit("/", 1)[-1].replace("_", " ").lower()

    def said(self, code: str, text: str | None) -> str:
        """What an event's own text means."""
        return self._said.get((code, text or ""), (text or "").replace("_", " ").lower())


def _kind(number: int, row: Mapping[str, Any]) -> Kind:
    return Kind(number=number, **{**row, "codes": tuple(row["codes"])})


def _meanings(layouts: Mapping[str, Layout]) -> dict[str, str]:
    """From every code with one changing part to what the layout says of that part."""
    found: dict[str, str] = {}
    for layout in layouts.values():
        for event in layout.events:
            for name in event.code_fields[:1]:
                for value, words in layout.field(name).codes.items():
                    found[event.code.replace(f"{{{name}}}", value.upper())] = words
    for assessment in assessments().values():
        for framework in assessment.frameworks.values():
            found |= dict(framework.items)
    return found


def _languages(layouts: Mapping[str, Layout]) -> dict[str, str]:
    """From the common code of a language to its name."""
    found: dict[str, str] = {}
    for layout in layouts.values():
        for name in {person.identifies.get("language") for person in layout.persons} - {None}:
            field = layout.field(str(name))
            found |= {code: words for code, words in field.codes.items() if field.common.get(code) == code}
    return found


def _texts(layouts: Mapping[str, Layout]) -> dict[tuple[str, str], str]:
    """From an event's code and text to what the code list of that field says."""
    found: dict[tuple[str, str], str] = {}
    for layout in layouts.values():
        named = {each.name: each for each in layout.fields}
        for event in layout.events:
            if event.text in named:
                found |= {(event.code, value): words for value, words in named[event.text].codes.items()}
    return found
