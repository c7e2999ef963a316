"""Why an indicator is present: the records behind it, by the plain reading, and the sentence they make."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import duckdb

from evi.indicators.expressions import THOUSAND, Expression, Facts, MissingBy, Ratio, Total, walk
from evi.indicators.reference import Covered, Event, Stay, World, add_months, behind, facts_of, is_true
from evi.indicators.registry import Indicator
from evi.indicators.sources import Store

_HOME = "-(home & 4611686018427387903) - 1"
"""The subject that stands for a home in the event store."""


@dataclass(frozen=True)
class Reason:
    """Why one indicator is present for one child on a day.

    Attributes:
        indicator: the definition.
        text: the sentence.
        since: the first of the days without a break on which it is present; none if spans don't say.
        feeds: the feeds behind it; those that it needs where silence is the reason.
        events: the records behind it, oldest first; none for a silence or a rate.
    """

    indicator: Indicator
    text: str
    since: date | None
    feeds: tuple[str, ...]
    events: tuple[Event, ...]


def reason(
    indicator: Indicator,
    world: World,
    child: int,
    day: date,
    *,
    since: date | None = None,
    rate: tuple[int, int] | None = None,
) -> Reason:
    """The reason for one indicator that is present.

    Args:
        indicator: which.
        world: all that is recorded of the child and of those at home.
        child, day: of whom, and when.
        since: the day from which it is present, if known.
        rate: for a rate, how many children have the indicator and of how many.
    """
    events = () if indicator.is_rate else tuple(behind(indicator.expression, world, child, day))
    feeds = tuple(sorted({event.source for event in events if event.source})) or indicator.needs.feeds
    words = _words(events, feeds) | _sums(indicator.expression, world, child, day)
    words["since"] = _date(_deadline(indicator.expression, world, child) or since)
    if rate is not None:
        words |= {"share": _percent(Fraction(*rate)), "total": f"{rate[1]:,}"}
    text = indicator.reason
    for name, word in words.items():
        text = text.replace("{" + name + "}", word)
    return Reason(indicator, text, since, feeds, events)


def read_world(store: Store, con: duckdb.DuckDBPyConnection, subject_id: int) -> World:
    """All that was ever recorded of a child, of the child's homes, and of those who lived there."""
    residence, subjects = store.view(con, "residence"), store.view(con, "subjects")
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE circle AS
            WITH mine AS (SELECT home FROM {residence} WHERE subject_id = $child AND home IS NOT NULL)
            SELECT $child::BIGINT AS subject_id
            UNION SELECT subject_id FROM {residence} SEMI JOIN mine USING (home)
            UNION SELECT {_HOME} FROM mine""",
        {"child": subject_id},
    )
    rows = con.execute(
        f"SELECT subject_id, birth_month, kind FROM {subjects} SEMI JOIN circle USING (subject_id)"
    )
    people = {subject: (born, kind) for subject, born, kind in rows.fetchall()}
    stays = con.execute(
        f"""SELECT subject_id, home, start, "end" FROM {residence} SEMI JOIN circle USING (subject_id)
            WHERE home IS NOT NULL ORDER BY ALL"""
    ).fetchall()
    coverage = con.execute(
        f"""SELECT subject_id, feed, start, "end", known_at FROM {store.view(con, "coverage")}
            WHERE subject_id = ? ORDER BY ALL""",
        [subject_id],
    ).fetchall()
    return World(
        events=tuple(_events(store, con)),
        stays=tuple(Stay(*row) for row in stays),
        coverage=tuple(Covered(*row) for row in coverage),
        birth_months={subject: born for subject, (born, kind) in people.items() if kind != "home"},
        children=tuple(subject for subject, (_, kind) in people.items() if kind == "child"),
    )


def _events(store: Store, con: duckdb.DuckDBPyConnection) -> list[Event]:
    circle = [subject for (subject,) in con.execute("FROM circle ORDER BY ALL").fetchall()]
    rows = con.execute(
        f"""SELECT subject_id, time, code, known_at, record_id, numeric_value, known_until, end_time,
                   place_id, text_value, coalesce(withdrawn, false), coalesce(source, '')
            FROM read_parquet({store.events_of(circle)})
            WHERE subject_id IN ({", ".join(map(str, circle))}) ORDER BY ALL"""
    ).fetchall()
    return [Event(*row) for row in rows]


def _words(events: tuple[Event, ...], feeds: tuple[str, ...]) -> dict[str, str]:
    values = [event.value for event in events if event.value is not None]
    return {
        "count": str(len(events)),
        "days": str(len({event.time.date() for event in events})),
        "places": str(len({event.place_id for event in events if event.place_id})),
        "first": _date(events[0].time.date()) if events else "",
        "latest": _date(events[-1].time.date()) if events else "",
        "value": f"{values[-1]:g}" if values else "",
        "feeds": " and ".join(feeds),
    }


def _sums(expression: Expression, world: World, child: int, day: date) -> dict[str, str]:
    for node in walk(expression):
        if isinstance(node, Ratio) and is_true(node, world, child, day):
            part, whole = (_sum(world, child, facts, day) for facts in (node.facts, node.to))
            return {"share": _percent(Fraction(part, whole)), "total": f"{whole / THOUSAND:,g}"}
        if isinstance(node, Total):
            return {"total": f"{_sum(world, child, node.facts, day) / THOUSAND:,g}"}
    return {}


def _sum(world: World, child: int, facts: Facts, day: date) -> int:
    return sum(event.thousandths or 0 for event in facts_of(world, child, facts, day))


def _deadline(expression: Expression, world: World, child: int) -> date | None:
    born = world.birth_months.get(child)
    ages = [node.by_months for node in walk(expression) if isinstance(node, MissingBy)]
    return add_months(born, max(ages)) if born and ages else None


def _percent(share: Fraction) -> str:
    return f"{float(share) * 100:.0f}%"


def _date(day: date | None) -> str:
    return f"{day.day} {day:%B %Y}" if day else ""
