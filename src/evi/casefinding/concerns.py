"""Concerns that a teacher, a parent or a practitioner raised: a second way onto a work list, equal to a rule.

A list of concerns is a small CSV or YAML file with these columns and no others: `subject_id` (a pseudonym),
A list of concerns is a small CSV or YAML file of these columns and no others: `subject_id` (a pseudonym),
name it). What was said stays with whoever said it: words could hold a name, and no name belongs here.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from evi.workspace import EviError

COLUMNS = ("subject_id", "raised_by", "raised_on", "about")
RAISED_BY = ("teacher", "parent", "practitioner")

REJECTS: Mapping[str, str] = {
    "no_such_child": "concerns about nobody whom the hub knows as a child",
    "raised_by": f"concerns raised by somebody other than {', '.join(RAISED_BY)}",
    "no_date": "concerns without a day that can be read",
    "in_the_future": "concerns dated after the day of the list",
    "before_birth": "concerns dated before the child was born",
    "about_unknown": "concerns about something that no rule is for",
    "about_another": "concerns about something that this rule is not for; they belong on another list",
    "again": "concerns of one kind of person about the same child, raised again; the earliest counts",
}
"""Why a concern is not on the list, or not twice."""


@dataclass(frozen=True)
class Concern:
    """One concern: who raised it, when, and about which condition or need."""

    subject_id: int
    raised_by: str
    raised_on: date
    about: str

    @property
    def words(self) -> str:
        """As a reason on a work list.

        >>> Concern(7, "parent", date(2026, 5, 1), "autism").words
        'A parent raised a concern about autism on 1 May 2026'
        """
        about, when = self.about.replace("_", " "), f"{self.raised_on.day} {self.raised_on:%B %Y}"
        return f"A {self.raised_by} raised a concern about {about} on {when}"


@dataclass(frozen=True)
class Concerns:
    """Concerns that can be used, in order of day, and how many could not be, by reason."""

    concerns: tuple[Concern, ...]
    rejects: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.concerns)


NO_CONCERNS = Concerns((), {})


def read_concerns(
    path: Path,
    *,
    about: str,
    known: Collection[str],
    births: Mapping[int, date],
    day: date,
) -> Concerns:
    """Read a list of concerns about one condition.

    Args:
        about: the condition of the rule that the list is for. known: the conditions of every rule.
        births: month of birth of every child whom the hub knows.
        day: the day of the list.

    Raises:
        EviError: the file can't be read, lacks a column, or has one that it must not have.
    """
    return check_concerns(_rows(path), about=about, known=known, births=births, day=day)


def check_concerns(
    rows: Iterable[Mapping[str, Any]],
    *,
    about: str,
    known: Collection[str],
    births: Mapping[int, date],
    day: date,
) -> Concerns:
    """Keep the concerns that can be used, and count the others by reason; see `read_concerns`."""
    rejects: Counter[str] = Counter()
    kept: dict[tuple[int, str], Concern] = {}
    for row in rows:
        found = _concern(row, about, known, births, day)
        if isinstance(found, str):
            rejects[found] += 1
            continue
        key = (found.subject_id, found.raised_by)
        if key in kept:
            rejects["again"] += 1
            found = min(found, kept[key], key=lambda each: each.raised_on)
        kept[key] = found
    ordered = sorted(kept.values(), key=lambda each: (each.raised_on, each.subject_id, each.raised_by))
    return Concerns(tuple(ordered), dict(sorted(rejects.items())))


def _concern(
    row: Mapping[str, Any], about: str, known: Collection[str], births: Mapping[int, date], day: date
) -> Concern | str:
    """The concern of a row, or why there is none."""
    text = {name: str(row.get(name) or "").strip() for name in COLUMNS}
    subject = int(text["subject_id"]) if text["subject_id"].lstrip("-").isdecimal() else None
    if subject is None or subject not in births:
        return "no_such_child"
    if text["raised_by"] not in RAISED_BY:
        return "raised_by"
    try:
        raised_on = date.fromisoformat(text["raised_on"])
    except ValueError:
        return "no_date"
    if raised_on > day:
        return "in_the_future"
    if raised_on < births[subject]:
        return "before_birth"
    if text["about"] not in known:
        return "about_unknown"
    if text["about"] != about:
        return "about_another"
    return Concern(subject, text["raised_by"], raised_on, about)


def _rows(path: Path) -> list[Mapping[str, Any]]:
    """The rows of a file, which may hold nothing but `COLUMNS`. What is in its cells is in no message."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix in (".yaml", ".yml"):
            rows = yaml.safe_load(text) or []
            heading = {str(name) for row in rows for name, _ in row.items()} or set(COLUMNS)
        else:
            reader = csv.DictReader(text.splitlines())
            rows = list(reader)
            heading = {str(name) for name in reader.fieldnames or ()}
            heading |= {"a cell without a heading"} if any(None in row for row in rows) else set()
    except (OSError, UnicodeDecodeError, yaml.YAMLError, csv.Error, TypeError, AttributeError) as error:
        raise EviError(
            "it can't be read as a list of concerns.",
            where=str(path),
            do=f"It is a CSV or YAML file in UTF-8 with {', '.join(COLUMNS)}.",
            exit_code=2,
        ) from error
    lacking = [name for name in COLUMNS if name not in heading]
    if lacking:
        raise EviError(
            f"it lacks {', '.join(lacking)}.",
            where=str(path),
            do=f"Its heading is {', '.join(COLUMNS)}.",
            exit_code=2,
        )
    extra = sorted(heading - set(COLUMNS))
    if extra:
        raise EviError(
            f"it has more than a list of concerns may hold: {', '.join(extra)}.",
            where=str(path),
            do=f"Take it out. It may hold {', '.join(COLUMNS)} only, so that no name gets in.",
            exit_code=2,
        )
    return list(rows)
