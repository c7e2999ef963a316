"""A plan over time as a picture: a bar for each action, a mark for each review; a table says the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from evi.care.support.models import Action, Review

WIDTH, LEFT, RIGHT, TOP, ROW = 640, 8, 8, 34, 40
_LETTERS = 52
_MOST_MONTHS = 9
"""Names of months that fit along the top."""


@dataclass(frozen=True)
class Bar:
    """One action: where its bar begins, how long it is, and its label above."""

    x: float
    width: float
    y: int
    label: str
    status: str


@dataclass(frozen=True)
class Tick:
    """A day on the axis with what to write there."""

    x: float
    day: date
    due: bool = False


@dataclass(frozen=True)
class Timeline:
    """The picture in units of its own, with its edges as days."""

    width: int
    height: int
    bars: tuple[Bar, ...]
    reviews: tuple[Tick, ...]
    months: tuple[Tick, ...]
    today: float | None
    first: date
    last: date


def timeline(
    actions: Sequence[Action], reviews: Sequence[Review], review_due: date | None, day: date
) -> Timeline | None:
    """Draw a plan; None if it has no action yet. Asks the database nothing."""
    if not actions:
        return None
    days = [day, *(each.start for each in actions), *(each.until for each in actions)]
    days += [each.held_on for each in reviews] + ([review_due] if review_due else [])
    first, last = min(days), max(*days, min(days) + timedelta(days=28))
    scale = (WIDTH - LEFT - RIGHT) / (last - first).days

    def at(when: date) -> float:
        return round(LEFT + (when - first).days * scale, 1)

    bars = tuple(
        Bar(
            at(action.start),
            max(6.0, round(at(action.until) - at(action.start), 1)),
            TOP + ROW * number,
            _short(action.what),
            action.status,
        )
        for number, action in enumerate(sorted(actions, key=lambda one: (one.start, one.pk)))
    )
    marks = [Tick(at(each.held_on), each.held_on) for each in reviews]
    if review_due:
        marks.append(Tick(at(review_due), review_due, due=True))
    months = tuple(Tick(at(each), each) for each in _months(first, last))
    height = TOP + ROW * len(bars) + 26
    return Timeline(WIDTH, height, bars, tuple(marks), months, at(day), first, last)


def _months(first: date, last: date) -> list[date]:
    """First days of months between two days, thinned out so that their names fit."""
    found = []
    when = date(first.year, first.month, 1)
    while when <= last:
        if when >= first:
            found.append(when)
        when = (when + timedelta(days=32)).replace(day=1)
    return found[:: len(found) // _MOST_MONTHS + 1]


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LETTERS else line[: _LETTERS - 1].rstrip() + "…"
