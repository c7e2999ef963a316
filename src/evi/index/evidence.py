"""The records behind what is present of one child, found by the registry's own plain-Python reading."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb

from evi.index.explanation import TracedEvent
from evi.index.registry import district_registry
from evi.index.sources import event_files
from evi.indicators import Store, reason
from evi.indicators.explaining import read_world
from evi.indicators.reference import Event
from evi.workspace import District


@dataclass(frozen=True)
class Evidence:
    """Why one indicator is present: a sentence, the feeds behind it, and the records if asked for."""

    reason: str
    feeds: tuple[str, ...]
    events: tuple[TracedEvent, ...] = ()


NO_RECORDS = Evidence("The records behind it are not in this store.", ())
"""What is said where the store of events, or the definition, is not there to look into."""


def read_evidence(
    district: District,
    con: duckdb.DuckDBPyConnection,
    subject_id: int,
    day: date,
    present: dict[str, date],
    *,
    trace: bool,
) -> dict[str, Evidence]:
    """The evidence of each present indicator of one child.

    Args:
        con: a DuckDB session; its temporary table `circle` is replaced.
        present: the first day of each indicator that is present.
        trace: also give the records themselves.
    """
    found = dict.fromkeys(present, NO_RECORDS)
    if not event_files(district):
        return found
    known = {indicator.id: indicator for indicator in district_registry(district)}
    world = read_world(Store.of(district), con, subject_id)
    for name, since in present.items():
        if name in known:
            why = reason(known[name], world, subject_id, day, since=since)
            traced = tuple(_traced(event, subject_id) for event in why.events) if trace else ()
            found[name] = Evidence(why.text, why.feeds, traced)
    return found


def _traced(event: Event, subject_id: int) -> TracedEvent:
    if event.subject_id == subject_id:
        whose = "the child"
    else:
        whose = "the home" if event.subject_id < 0 else "someone in the home"
    end = event.end_time.date() if event.end_time else None
    return TracedEvent(
        event.code, event.time.date(), event.known_at, event.source, event.record_id, event.value, end, whose
    )
