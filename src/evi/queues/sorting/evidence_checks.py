"""What is wrong with rules of evidence that a schema can't say."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from evi.feeds import Layout, load_layouts
from evi.indicators import load_registry
from evi.indicators.expressions import Rate, all_facts, matches, rests_on_silence, walk
from evi.workspace import District, EviError

if TYPE_CHECKING:
    from evi.queues.sorting.evidence import Rules

DROPPING = (
    "remove", "drop", "exclude", "discharge", "hide", "skip", "reject", "ineligible", "limit", "top",
    "rank", "score", "weight", "penalty", "order", "move_down", "position",
)  # fmt: skip
"""Words with which a rule would take a child off the list, hide one, or move one in it."""


def refuse_dropping(table: object, path: Path) -> None:
    """Refuse rules that would do more than sort.

    Raises:
        EviError: somewhere in the file is a key such as `remove` or `rank`.
    """
    for place, key in _keys(table, ""):
        if key.lower().removesuffix("s") in DROPPING or key.lower() in DROPPING:
            raise EviError(
                f"{place or 'the file'}: “{key}”: a rule can't take a child off the list, hide one or move "
                "one down.",
                where=str(path),
                do="Say what is missing or what else may be likely; a clinician decides.",
                exit_code=2,
            )


def _keys(table: object, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(table, dict):
        for key, value in table.items():
            yield place, str(key)
            yield from _keys(value, f"{place}/{key}".strip("/"))
    elif isinstance(table, list):
        for number, value in enumerate(table):
            yield from _keys(value, f"{place}/{number}".strip("/"))


def check_rules(rules: Rules, path: Path, district: District | None = None) -> None:
    """Check what the rules name against the layouts and the registry.

    Raises:
        EviError: an id is there twice, ages run backwards, no layout gives a code or a feed, the registry has
            no such indicator, or a question is not about the child's own records.
    """
    for fault, do in _faults(rules, path, district):
        raise EviError(fault, where=str(path), do=do, exit_code=2)


def _faults(rules: Rules, path: Path, district: District | None) -> Iterator[tuple[str, str]]:
    ids = [need.id for need in rules.needs] + [other.id for other in rules.others]
    for name in {name for name in ids if ids.count(name) > 1}:
        yield f"the id {name} is there twice.", "Keep one of each."
    for need in rules.needs:
        if need.ages_months[0] >= need.ages_months[1]:
            yield f"{need.id}: its ages run backwards.", "Write the younger age first."
    if rules.pathway != path.stem:
        yield f"it is about {rules.pathway}, and its file is named {path.stem}.", "Give them one name."
    folders = [district.root / folder for folder in district.config.layouts] if district is not None else []
    layouts = load_layouts(folders)
    yield from _unknown_codes(rules, layouts)
    own = [district.root / folder for folder in district.config.registry] if district is not None else []
    known = load_registry(own)
    names = [indicator.id for indicator in known.stored]
    for name in rules.borrowed:
        if name not in names:
            yield f"there is no indicator {name}.", _nearest(name, names)


def _unknown_codes(rules: Rules, layouts: dict[str, Layout]) -> Iterator[tuple[str, str]]:
    given = sorted({code for layout in layouts.values() for code in codes_given(layout)})
    feeds = {layout.feed for layout in layouts.values()}
    for indicator in rules.indicators:
        if any(isinstance(node, Rate) for node in walk(indicator.expression)):
            yield f"{indicator.id}: a rate is not about one child.", "Ask for the child's own records."
        if rests_on_silence(indicator.expression) and not indicator.needs.feeds:
            yield (
                f"{indicator.id}: it rests on something not being recorded, and names no feed.",
                "Say under `feeds` which feeds would know.",
            )
        for feed in indicator.needs.feeds:
            if feed not in feeds:
                yield f"{indicator.id}: there is no feed {feed}.", _nearest(feed, sorted(feeds))
        for facts in all_facts(indicator.expression):
            if facts.who != "child":
                yield f"{indicator.id}: it asks about others than the child.", "Leave out `who`."
            for code in facts.codes:
                if not any(matches(code, one) for one in given):
                    yield f"{indicator.id}: no layout gives the code {code}.", _nearest(code, given)


def codes_given(layout: Layout) -> Iterator[str]:
    """Every code that a layout's events can have: a field in a code stands for each of its codes."""
    fields = {field.name: field for field in layout.fields}
    for event in layout.events:
        made = [""]
        for part in re.split(r"(\{\w+\})", event.code):
            values = [code.upper() for code in fields[part[1:-1]].codes] if part.startswith("{") else [part]
            made = [one + value for one in made for value in values]
        yield from made


def _nearest(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    return f"Did you mean {' or '.join(close)}?" if close else "Correct the name."
