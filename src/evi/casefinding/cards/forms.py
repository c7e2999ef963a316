"""Forms as data, and filling them in: a field whose facts are not all there is a gap, never a blank."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from evi.workspace import EviError

FOLDER = Path(__file__).parent
ASK = "ask."
PLACE = re.compile(r"\{([a-z_.]+)\}")
MUST_SAY, MUST_RUN = "THE DISTRICT MUST SAY", "THE RUN MUST GIVE"


@dataclass(frozen=True)
class Field:
    """One field of a form, filled in or not.

    Attributes:
        answer: the text; a gap is marked in it in capitals.
        gaps: what is missing: keys of the district's answers (`ask.KEY`) and facts of the run.
    """

    id: str
    section: str
    question: str
    answer: str
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """One form, such as TRIPOD+AI: its fields, and where its shape was seen."""

    id: str
    title: str
    source: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Facts:
    """What is known: text by name; None (with a reason in `why`) where the run could not give it."""

    known: Mapping[str, str | None]
    answers: Mapping[str, str]
    why: str = ""


@cache
def form(name: str) -> dict[str, Any]:
    """One of the forms of this folder, by its file's name without `.yaml`."""
    return dict(yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8")))


def questions() -> dict[str, str]:
    """What a district is asked, by key."""
    return {str(key): str(text) for key, text in form("questions").items()}


def fill(template: str, facts: Facts) -> tuple[str, tuple[str, ...]]:
    """Put facts into a template.

    Returns:
        The text, and the names of what is missing.

    Raises:
        EviError: the template names a fact that there is no such thing as.

    >>> fill("Line: {line}. {ask.team}", Facts({"line": "under 25"}, {}))
    ('Line: under 25. [THE DISTRICT MUST SAY: Which team is responsible?]', ('ask.team',))
    """
    gaps: list[str] = []

    def put(match: re.Match[str]) -> str:
        name = match[1]
        if name.startswith(ASK):
            key = name.removeprefix(ASK)
            if key not in questions():
                raise EviError(f"no district is asked for “{key}”.", where="questions.yaml")
            text = facts.answers.get(key)
            if text is None:
                gaps.append(name)
                return f"[{MUST_SAY}: {questions()[key]}]"
            return _sentence(text)
        if name not in facts.known:
            raise EviError(f"there is no fact named “{name}”.", where="a form of cards")
        found = facts.known[name]
        if found is None or not found.strip():
            gaps.append(name)
            return f"[{MUST_RUN}: {name.replace('_', ' ')}{f' ({facts.why})' if facts.why else ''}]"
        return found.strip()

    text = re.sub(r"\.{2,}", ".", PLACE.sub(put, template))
    return re.sub(r"([.!?])\.", r"\1", text), tuple(dict.fromkeys(gaps))


def fill_form(name: str, title: str, facts: Facts, kind: str) -> Part:
    """Fill in a form that is a list of items.

    Args:
        kind: `rule` or `model`: an item may have another answer for a model.
    """
    table = form(name)
    fields = []
    for row in table["items"]:
        template = row["model"] if kind == "model" and "model" in row else row["answer"]
        answer, gaps = fill(template, facts)
        question, more = fill(row["question"], facts)
        fields.append(Field(str(row["id"]), row["section"], question, answer, (*gaps, *more)))
    return Part(name, title, table["source"], tuple(fields))


def missing(parts: Iterable[Part]) -> dict[str, list[str]]:
    """What is missing, by name, with the fields that want it (`FORM FIELD`)."""
    found: dict[str, list[str]] = {}
    for part in parts:
        for field in part.fields:
            for gap in field.gaps:
                found.setdefault(gap, []).append(f"{part.id} {field.id}")
    return found


def listed(words: Sequence[str], *, none: str = "none") -> str:
    """Words in a row; what stands for no words."""
    return "; ".join(words) if words else none


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text[-1:] in ".!?" else f"{text}."
