# ruff: noqa: E501 - a table of cases reads best with a case on a line
"""What can be written in a registry, case by case: the specification of expressions.

Each case is an expression, the records of one child, and the days on which it is true.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from evi.indicators import SpanIndex, build_spans
from evi.indicators.expressions import parse
from evi.indicators.reference import Covered, Event, Stay, World, state
from evi.indicators.registry import Needs
from tests.indicators.worlds import indicator, registry, write_world

DAY_0 = date(2020, 1, 1)
CHILD, MOTHER = 1, 2


def event(day: int, code: str = "A", known: int | None = None, **fields: Any) -> Event:
    """A record of a day (counted from 1 January 2020), known on the day unless told otherwise."""
    given = {"subject_id": CHILD, "record_id": day, "known_at": on(day if known is None else known)} | fields
    until, end = given.pop("until", None), given.pop("end", None)
    return Event(
        time=at(day), code=code, known_until=on(until), end_time=at(end), **given
    )  # fmt: skip


def on(day: int | None) -> Any:
    return None if day is None else DAY_0 + timedelta(days=day)


def at(day: int | None) -> Any:
    return None if day is None else datetime.combine(on(day), time())


A = {"codes": ["A"], "days": 30}
CASES: dict[str, tuple[dict, list[Event], str]] = {
    "exists: from the day it is known, for the look-back": ({"exists": A}, [event(10)], "10-40"),
    "exists: a record that comes late counts from then": ({"exists": A}, [event(10, known=25)], "25-40"),
    "exists: known after the look-back, it never counts": ({"exists": A}, [event(10, known=40)], ""),
    "exists: without a look-back it counts for good": ({"exists": {"codes": ["A"]}}, [event(10)], "10-"),
    "exists: other codes don't count": ({"exists": A}, [event(10, "B")], ""),
    "exists: a star stands for every ending": ({"exists": {"codes": ["X/*"], "days": 5}}, [event(1, "X/Y/Z")], "1-6"),
    "exists: two that touch are one": ({"exists": A}, [event(10), event(40)], "10-70"),
    "corrected: the old version counts until the new one is known": (
        {"exists": A}, [event(10, until=20), event(50, known=20, record_id=10)], "10-20 50-80"),
    "withdrawn: it stops on the day that is known": (
        {"exists": A}, [event(10, until=20), event(10, known=20, withdrawn=True)], "10-20"),
    "after_days: only what is that old": ({"exists": {"codes": ["A"], "after_days": 7, "days": 30}}, [event(10)], "17-40"),
    "while_open: until its end": ({"exists": {"codes": ["A"], "while_open": True}}, [event(10, end=15)], "10-15"),
    "while_open: an end that is told later ends it then": (
        {"exists": {"codes": ["A"], "while_open": True}},
        [event(10, until=30), event(10, known=30, end=15)], "10-30"),
    "texts: only with these words": (
        {"exists": A | {"texts": ["SUSPECT"]}}, [event(1, text="VICTIM"), event(50, text="SUSPECT")], "50-80"),
    "count: while that many are within the look-back": (
        {"count": A | {"at_least": 2}}, [event(10), event(20), event(45)], "20-40 45-50"),
    "count days: two on one day are one": (
        {"count": A | {"at_least": 2, "of": "days"}}, [event(10), event(10, record_id=99), event(12)], "12-40"),
    "count places: an event without a place has none": (
        {"count": A | {"at_least": 2, "of": "places"}},
        [event(10, place_id="s:1"), event(11, place_id="s:1"), event(12), event(13, place_id="s:2")], "13-41"),
    "last: the newest value decides": (
        {"last": {"codes": ["A"], "below": 2}}, [event(10, value=1.0), event(20, value=2.0)], "10-20"),
    "last: an older result that comes late changes nothing": (
        {"last": {"codes": ["A"], "below": 2}}, [event(20, value=2.0), event(10, known=30, value=1.0)], ""),
    "last: a withdrawn newest value gives way to the one before": (
        {"last": {"codes": ["A"], "below": 2}}, [event(10, value=1.0), event(20, value=2.0, until=35)], "10-20 35-"),
    "last: 33.3 is not below 33.3": ({"last": {"codes": ["A"], "below": 33.3}}, [event(1, value=33.3)], ""),
    "sum: of what is within the look-back": (
        {"sum": A | {"at_least": 10}}, [event(10, value=6.0), event(20, value=4.0)], "20-40"),
    "ratio: a share, of a whole that is large enough": (
        {"ratio": A | {"to": ["B"], "at_least": 0.1, "minimum": 50}},
        [event(1, value=5.0), event(1, "B", record_id=3, value=40.0), event(11, "B", value=10.0), event(16, "B", value=1.0)],
        "11-16"),
    "any and all": (
        {"all": [{"exists": A}, {"any": [{"exists": A | {"codes": ["B"]}}, {"exists": A | {"codes": ["C"]}}]}]},
        [event(10), event(20, "B"), event(55, "C"), event(60)], "20-40 60-85"),
    "k_of: two of three": (
        {"k_of": {"at_least": 2, "of": [{"exists": A | {"codes": [c]}} for c in "ABC"]}},
        [event(10), event(20, "B"), event(30, "C")], "20-50"),
    "not: only while it could have been told": ({"not": {"exists": A}}, [event(10)], "5-10 40-100"),
    "missing_by: from the age, until it is known": (
        {"missing_by": {"codes": ["A"], "by_months": 2}}, [event(80)], "60-80"),
    "household: what happens to an adult at home reaches the child": (
        {"exists": A | {"who": "adults"}}, [event(10, subject_id=MOTHER), event(70, subject_id=MOTHER)], "10-40"),
    "household: the child's own are not an adult's": ({"exists": A | {"who": "adults"}}, [event(10)], ""),
    "household: what happens to the home reaches who lives there": (
        {"exists": A | {"who": "anyone"}}, [event(10, subject_id=-8, place_id="home:7")], "10-40"),
}  # fmt: skip
"""The child is born in January 2020, covered on days 5 to 100, and lives with the mother in home 7 to day 50."""


@pytest.mark.parametrize(("expression", "events", "expected"), CASES.values(), ids=CASES.keys())
def test_expression(expression: dict, events: list[Event], expected: str, tmp_path: Path) -> None:
    one = indicator(parse(expression), needs=Needs(("school",)))
    world = World(
        tuple(events),
        (Stay(CHILD, 7, on(0), on(50)), Stay(MOTHER, 7, on(0))),
        (Covered(CHILD, "school", on(5), on(100), on(5)),),
        {CHILD: DAY_0, MOTHER: date(1990, 5, 1)},
        (CHILD,),
    )
    assert told(lambda day: state(one, world, CHILD, on(day)) == "present") == expected
    build_spans(write_world(world, tmp_path / "records"), registry=registry(one), out=tmp_path / "index")
    index = SpanIndex(tmp_path / "records", registry(one), tmp_path / "index")
    days = index.days(CHILD, "one")
    assert told(lambda day: any(a <= on(day) and (b is None or on(day) < b) for a, b in days)) == expected


def told(is_true: Any) -> str:
    """The days from 0 to 200 on which it is true, in words."""
    days = [is_true(day) for day in range(200)]
    parts, start = [], None
    for day, yes in enumerate([*days, None]):
        if yes and start is None:
            start = day
        if not yes and start is not None:
            parts.append(f"{start}-" if day == 200 else f"{start}-{day}")
            start = None
    return " ".join(parts)
