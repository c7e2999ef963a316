"""Small invented worlds: written as the records room writes them, and drawn at random for the oracle."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from evi.indicators.expressions import AtLeastOf, Count, Expression, Facts, Last, MissingBy, Not, Ratio, Total
from evi.indicators.reference import Covered, Event, Stay, World, home_subject
from evi.indicators.registry import Evidence, Indicator, Needs, Registry, make_registry

CODES = ("A/ONE", "A/TWO", "B/ONE", "B/TWO", "C")
FEEDS = ("school", "police", "health")
CHILDREN = (11, 12, 13)
ADULTS = (21, 22)
HOMES = (501, 502)
HOME_SUBJECT = home_subject(HOMES[1])
FIRST = date(2015, 1, 1)
LAST = date(2017, 12, 31)


def write_world(world: World, folder: Path, *, in_order: bool = True) -> Path:
    """Write a world as `records/` has it (or its events as they come); returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    events = list(world.events)
    if in_order:
        events.sort(key=lambda e: (e.code, e.subject_id, e.time, e.record_id, e.known_at))
    table = events_table(events)
    (folder / "by_code").mkdir(exist_ok=True)
    (folder / "events").mkdir(exist_ok=True)
    pq.write_table(table, folder / "by_code" / "part-0.parquet")
    pq.write_table(table.sort_by("subject_id"), folder / "events" / "part-0.parquet")
    subjects = sorted({*world.children, *world.birth_months, *(e.subject_id for e in world.events)})
    kinds = ["home" if s < 0 else "child" if s in world.children else "adult" for s in subjects]
    pq.write_table(
        pa.table(
            {
                "subject_id": pa.array(subjects, pa.int64()),
                "birth_month": pa.array([world.birth_months.get(s) for s in subjects], pa.date32()),
                "kind": pa.array(kinds, pa.string()),
            }
        ),
        folder / "subjects.parquet",
    )
    _write(
        folder / "residence.parquet",
        world.stays,
        subject_id=pa.int64(),
        home=pa.int64(),
        start=pa.date32(),
        end=pa.date32(),
    )
    _write(
        folder / "coverage.parquet",
        world.coverage,
        subject_id=pa.int64(),
        feed=pa.string(),
        start=pa.date32(),
        end=pa.date32(),
        known_at=pa.date32(),
    )
    return folder


def events_table(events: list[Event]) -> pa.Table:
    """Events as the store's columns."""
    return pa.table(
        {
            "subject_id": pa.array([e.subject_id for e in events], pa.int64()),
            "time": pa.array([e.time for e in events], pa.timestamp("us")),
            "code": pa.array([e.code for e in events], pa.string()),
            "numeric_value": pa.array([e.value for e in events], pa.float32()),
            "known_at": pa.array([e.known_at for e in events], pa.date32()),
            "known_until": pa.array([e.known_until for e in events], pa.date32()),
            "source": pa.array([e.source for e in events], pa.string()),
            "record_id": pa.array([e.record_id for e in events], pa.int64()),
            "place_id": pa.array([e.place_id for e in events], pa.string()),
            "end_time": pa.array([e.end_time for e in events], pa.timestamp("us")),
            "text_value": pa.array([e.text for e in events], pa.string()),
            "withdrawn": pa.array([e.withdrawn for e in events], pa.bool_()),
        }
    )


def _write(path: Path, rows: tuple, **columns: pa.DataType) -> None:
    pq.write_table(
        pa.table({n: pa.array([getattr(r, n) for r in rows], t) for n, t in columns.items()}), path
    )


def indicator(expression: Expression, *, needs: Needs | None = None, **fields: object) -> Indicator:
    """An indicator with everything else filled in."""
    given = {
        "id": "one", "title": "One", "domain": "health", "scope": "child", "age_months": (0, 216),
        "who_would_know": "school", "reason": "{count}", "evidence": Evidence("none", "no figure found"),
        "owner": "test", "version": 1,
    } | fields  # fmt: skip
    made = Indicator(expression=expression, needs=needs or Needs(("school",)), **given)  # type: ignore[arg-type]
    return replace(made, digest=repr(made))


def registry(*indicators: Indicator) -> Registry:
    """A registry of these."""
    return make_registry(indicators)


days_of_year = st.integers(0, (LAST - FIRST).days)
dates = days_of_year.map(lambda n: FIRST + timedelta(days=n))


@st.composite
def coarse_dates(draw: st.DrawFn) -> date:
    """Dates that often fall together, so that ties and touching intervals happen."""
    return FIRST + timedelta(days=10 * draw(st.integers(0, 60)))


@st.composite
def records(draw: st.DrawFn, record_id: int) -> list[Event]:
    """One record: a first version, and perhaps corrections, a withdrawal, or the same again."""
    subject = draw(st.sampled_from((*CHILDREN, *CHILDREN, *ADULTS, HOME_SUBJECT)))
    when = draw(coarse_dates())
    known = when + timedelta(days=10 * draw(st.integers(-1, 8)))
    first = Event(
        subject_id=subject,
        time=datetime.combine(when, time(draw(st.sampled_from((0, 9))))),
        code=draw(st.sampled_from(CODES)),
        known_at=known,
        record_id=record_id,
        value=draw(st.sampled_from((None, 0.0, 1.0, 2.0, 33.3, -1.0))),
        end_time=draw(st.none() | st.just(datetime.combine(date(2016, 6, 1), time()))),
        place_id=f"home:{HOMES[1]}" if subject < 0 else draw(st.sampled_from((None, "school:1", "school:2"))),
        text=draw(st.sampled_from((None, "VICTIM", "SUSPECT"))),
    )
    versions = [first]
    for _ in range(draw(st.integers(0, 2))):
        before = versions[-1]
        later = before.known_at + timedelta(days=10 * draw(st.integers(0, 9)))
        versions[-1] = replace(before, known_until=later)
        change = draw(st.sampled_from(("same", "value", "time", "withdrawn", "ended")))
        new = replace(before, known_at=later, known_until=None)
        if change == "value":
            new = replace(new, value=draw(st.sampled_from((1.0, 2.0, 33.3))))
        elif change == "time":
            new = replace(new, time=new.time + timedelta(days=10 * draw(st.integers(-5, 5))))
        elif change == "withdrawn":
            new = replace(new, withdrawn=True)
        elif change == "ended":
            new = replace(new, end_time=new.time + timedelta(days=draw(st.integers(0, 200))))
        versions.append(new)
    return versions


@st.composite
def event_lists(draw: st.DrawFn, most: int = 14, first_record: int = 1) -> tuple[Event, ...]:
    """Several records' versions, in any order, sometimes a whole record delivered twice as another."""
    found: list[Event] = []
    for number in range(draw(st.integers(0, most))):
        found += draw(records(first_record + number))
    if found and draw(st.booleans()):
        found.append(replace(draw(st.sampled_from(found)), record_id=first_record + most + 1))
    return tuple(draw(st.permutations(found)))


@st.composite
def stays(draw: st.DrawFn) -> tuple[Stay, ...]:
    """Where people lived; someone may live in two homes at once."""
    found = []
    for subject in (*CHILDREN, *ADULTS):
        for _ in range(draw(st.integers(0, 2))):
            start = draw(coarse_dates())
            end = draw(st.none() | st.integers(1, 60).map(lambda n, s=start: s + timedelta(days=10 * n)))
            found.append(Stay(subject, draw(st.sampled_from(HOMES)), start, end))
    return tuple(found)


@st.composite
def coverages(draw: st.DrawFn) -> tuple[Covered, ...]:
    """Which feed covered whom."""
    found = []
    for subject in CHILDREN:
        for feed in FEEDS:
            for _ in range(draw(st.integers(0, 2))):
                start = draw(coarse_dates())
                end = draw(st.none() | st.integers(1, 60).map(lambda n, s=start: s + timedelta(days=10 * n)))
                known = start + timedelta(days=10 * draw(st.integers(0, 10)))
                found.append(Covered(subject, feed, start, end, known))
    return tuple(found)


BIRTHS = {11: date(2012, 3, 1), 12: date(2015, 8, 1), 13: date(1999, 2, 1), 21: date(1980, 1, 1), 22: None}


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A world of three children, two adults and two homes over three years."""
    births = dict(BIRTHS)
    births[21] = draw(st.sampled_from((date(1980, 1, 1), date(1998, 1, 1), None)))
    return World(draw(event_lists()), draw(stays()), draw(coverages()), births, CHILDREN)


@st.composite
def facts(draw: st.DrawFn, who: str) -> Facts:
    """A group of facts."""
    codes = draw(st.lists(st.sampled_from((*CODES, "A/*", "B*")), min_size=1, max_size=3, unique=True))
    days = draw(st.sampled_from((None, 30, 100, 365)))
    after = draw(st.sampled_from((0, 0, 0, 20)))
    reach = who if who == "child" else draw(st.sampled_from(("anyone", "adults", "child")))
    texts = draw(st.sampled_from(((), (), ("VICTIM",), ("SUSPECT", "VICTIM"))))
    return Facts(tuple(sorted(codes)), days, after, draw(st.booleans()), reach, texts)


@st.composite
def leaves(draw: st.DrawFn, who: str) -> Expression:
    """A leaf of any kind."""
    read = draw(facts(who))
    kind = draw(st.sampled_from(("count", "days", "places", "last", "sum", "ratio", "missing_by")))
    match kind:
        case "count":
            return Count(read, draw(st.integers(1, 3)))
        case "days" | "places":
            return Count(read, draw(st.integers(1, 3)), kind)
        case "last":
            return Last(
                read,
                draw(st.sampled_from(("below", "at_most", "at_least", "above"))),
                draw(st.sampled_from((1000, 2000, 33300))),
            )
        case "sum":
            return Total(read, draw(st.sampled_from((1000, 3000, 33300))))
        case "ratio":
            return Ratio(
                read,
                draw(facts(who)),
                draw(st.sampled_from((100, 500, 1500))),
                draw(st.sampled_from((1, 2000))),
            )
        case _:
            return MissingBy(read, draw(st.sampled_from((12, 40))))


def expressions(who: str) -> st.SearchStrategy[Expression]:
    """Trees of leaves."""
    return st.recursive(
        leaves(who),
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).flatmap(
                lambda parts: st.integers(1, len(parts)).map(lambda n: AtLeastOf(n, tuple(parts)))
            ),
            inner.map(Not),
        ),
        max_leaves=4,
    )


@st.composite
def needs(draw: st.DrawFn) -> Needs:
    """What must be covered."""
    feeds = tuple(draw(st.lists(st.sampled_from(FEEDS), min_size=1, max_size=3, unique=True)))
    requires = draw(st.sampled_from(((), (), ("C",), ("A/*",))))
    return Needs(feeds, draw(st.booleans()), requires, draw(st.sampled_from(((), (), (12,), (12, 40)))))


@st.composite
def registries(draw: st.DrawFn) -> Registry:
    """One to four indicators of either scope."""
    found = []
    for number in range(draw(st.integers(1, 4))):
        scope = draw(st.sampled_from(("child", "household")))
        expression = draw(expressions("child" if scope == "child" else "anyone"))
        ages = draw(st.sampled_from(((0, 216), (24, 48), (0, 12))))
        found.append(
            indicator(expression, needs=draw(needs()), id=f"i{number}", scope=scope, age_months=ages)
        )
    return registry(*found)
