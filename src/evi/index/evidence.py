"""The records behind what is present of one child, found by the registry's own plain-Python reading."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from evi.index.explanation import TracedEvent, day_text, join
from evi.index.registry import district_registry
from evi.index.sources import HOME_SUBJECT, event_files
from evi.indicators import Indicator
from evi.indicators.expressions import THOUSAND, Expression, Facts, MissingBy, Ratio, Total, walk
from evi.indicators.reference import Event, Stay, World, add_months, behind, facts_of
from evi.workspace import District, quote


@dataclass(frozen=True)
class Evidence:
    """Why one indicator is present: a sentence, the feeds behind it, and the records if asked for."""

    reason: str
    feeds: tuple[str, ...]
    events: tuple[TracedEvent, ...] = ()


def read_evidence(
    district: District,
    con: duckdb.DuckDBPyConnection,
    subject_id: int,
    day: date,
    indicators: list[str],
    *,
    trace: bool,
) -> dict[str, Evidence]:
    """The evidence of each present indicator of one child.

    Args:
        con: a session of `open_sources` limited to the child.
        trace: also give the records themselves.
    """
    registry = district_registry(district)
    known = {indicator.id: indicator for indicator in registry}
    world = _world(district, con, subject_id)
    found = {}
    for name in indicators:
        if name not in known:
            found[name] = Evidence("Its definition is not in this district's registry.", ())
            continue
        indicator = known[name]
        events = behind(indicator.expression, world, subject_id, day)
        feeds = tuple(sorted({event.source for event in events}))
        traced = tuple(_traced(event, subject_id) for event in events) if trace else ()
        found[name] = Evidence(_reason(indicator, world, subject_id, day, events), feeds, traced)
    return found


def _world(district: District, con: duckdb.DuckDBPyConnection, subject_id: int) -> World:
    """All that was ever recorded of the child, of the child's homes, and of those who lived there."""
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE circle AS
            SELECT {subject_id}::BIGINT AS subject_id
            UNION SELECT o.subject_id FROM residence AS r JOIN everyones_residence AS o USING (home)
            UNION SELECT {HOME_SUBJECT.format(home="home")} FROM residence"""
    )
    people = con.execute(
        "SELECT subject_id, birth_month, kind FROM everyone SEMI JOIN circle USING (subject_id)"
    )
    born = {subject: (month, kind) for subject, month, kind in people.fetchall()}
    stays = con.execute(
        """SELECT subject_id, home, start, "end" FROM everyones_residence SEMI JOIN circle USING (subject_id)
           ORDER BY ALL"""
    ).fetchall()
    return World(
        events=tuple(_events(district, con)),
        stays=tuple(Stay(*row) for row in stays),
        coverage=(),
        birth_months={subject: month for subject, (month, _kind) in born.items()},
        children=tuple(subject for subject, (_month, kind) in born.items() if kind == "child"),
    )


def _events(district: District, con: duckdb.DuckDBPyConnection) -> list[Event]:
    files = event_files(district)
    if not files:
        return []
    listed = ", ".join(quote(str(path)) for path in files)
    wanted = ", ".join(str(subject) for (subject,) in con.execute("SELECT subject_id FROM circle").fetchall())
    rows: list[dict[str, Any]] = (
        con.sql(
            f"""SELECT subject_id, time, code, known_at, known_until, record_id, numeric_value, end_time,
                       place_id, withdrawn, source
                FROM read_parquet([{listed}]) WHERE subject_id IN ({wanted}) ORDER BY ALL"""
        )
        .to_arrow_table()
        .to_pylist()
    )
    return [Event(value=row.pop("numeric_value"), **row) for row in rows]


def _traced(event: Event, subject_id: int) -> TracedEvent:
    if event.subject_id == subject_id:
        whose = "the child"
    else:
        whose = "the home" if event.subject_id < 0 else "someone in the home"
    end = event.end_time.date() if event.end_time else None
    return TracedEvent(
        event.code, event.time.date(), event.known_at, event.source, event.record_id, event.value, end, whose
    )


def _reason(indicator: Indicator, world: World, child: int, day: date, events: list[Event]) -> str:
    """The indicator's reason with the figures of the events behind it in place of the words in braces."""
    values = [event.value for event in events if event.value is not None]
    part, whole = _sums(indicator.expression, world, child, day)
    words = {
        "count": f"{len(events)}",
        "days": f"{len({event.time.date() for event in events})}",
        "first": day_text(events[0].time.date()) if events else "",
        "latest": day_text(events[-1].time.date()) if events else "",
        "value": f"{values[-1]:g}" if values else "",
        "feeds": join(sorted({event.source for event in events}) or list(indicator.needs.feeds)),
        "places": f"{len({event.place_id for event in events if event.place_id})}",
        "since": _reached(indicator.expression, world, child),
        "share": f"{part / whole:.0%}" if whole else "",
        "total": f"{(whole or part) / THOUSAND:g}",
    }
    reason = indicator.reason
    for name, word in words.items():
        reason = reason.replace("{" + name + "}", word)
    return reason


def _sums(expression: Expression, world: World, child: int, day: date) -> tuple[int, int]:
    """What the first sum or ratio of the expression adds up, in thousandths: part, and whole of a ratio."""

    def total(facts: Facts) -> int:
        return sum(event.thousandths or 0 for event in facts_of(world, child, facts, day))

    for node in walk(expression):
        if isinstance(node, Ratio):
            return total(node.facts), total(node.to)
        if isinstance(node, Total):
            return total(node.facts), 0
    return 0, 0


def _reached(expression: Expression, world: World, child: int) -> str:
    """The month in which the child reached the age by which something should have happened."""
    born = world.birth_months.get(child)
    ages = [node.by_months for node in walk(expression) if isinstance(node, MissingBy)]
    return f"{add_months(born, ages[0]):%B %Y}" if born and ages else ""
