"""From events to intervals: one join of the tall map, in DuckDB, and the people numbered in NumPy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import duckdb
import numpy as np

from evi.indicators.columns import numbers
from evi.indicators.intervals import Keys
from evi.indicators.packed import EXTRA, MOST_STREAMS, Intervals, joined, none_of
from evi.indicators.people import People
from evi.indicators.plan import Kind, Plan, Row, Stream
from evi.indicators.steps import SETTINGS, steps
from evi.workspace import EviError, quote

LONG_AGO = datetime.combine(date.min, time())
"""Before every event."""


@dataclass(frozen=True)
class Extraction:
    """How the events of one source become intervals.

    Attributes:
        con: a session, with the table `together` if the plan reaches homes.
        plan: the streams.
        people: who there is.
        until: for each of them the day from which on no indicator applies.
        events: SQL that reads the events, such as `read_parquet('…/by_code/*.parquet')`.
        codes: every code that `events` may hold.
        on: keep only what counts on this day.
        together: the table of who lived with which child.
    """

    con: duckdb.DuckDBPyConnection
    plan: Plan
    people: People
    until: Keys
    events: str
    codes: Sequence[str]
    on: date | None = None
    together: str = "together"

    def of(self, kind: Kind, streams: Iterable[Stream] | None = None) -> Intervals:
        """The intervals of one kind of stream, or of some streams of that kind, in no order."""
        self.con.execute(SETTINGS)
        wanted = [s for s in self.plan.streams if s.kind == kind] if streams is None else list(streams)
        parts = [none_of(kind)]
        for rows in _alike(self.plan.tall(self.codes, wanted), by_days=self.on is not None):
            own = [row for row in rows if row.who != "adults"]
            home = [row for row in rows if row.who != "child"]
            parts += [self._read(kind, own)] if own else []
            parts += [self._read(kind, home, self.together)] if home else []
        return joined([part for part in parts if len(part)] or parts[:1])

    def _read(self, kind: Kind, rows: Sequence[Row], together: str = "") -> Intervals:
        _load_tall(self.con, self.plan, rows, self.on)
        found = numbers(self.con.sql(steps(kind, self.events, rows, together=together, on=self.on)))
        child = (
            found["child"].astype(np.int64, copy=False)
            if together
            else self.people.numbers_of(found["subject_id"])
        )
        here = child >= 0
        packed = found["stream"].astype(np.uint64)
        packed <<= np.uint64(24)
        packed |= child.view(np.uint64) & np.uint64((1 << 24) - 1)
        packed <<= np.uint64(32)
        if self.on is None:
            first = found["first_day"].astype(np.uint64)
            here &= (
                first.view(np.int64) < self.until[child]
            )  # a child of −1 looks up some day, and is not here
            first <<= np.uint64(16)
            packed |= first
            packed |= found["last_day"]
        extra = {name: found[name].astype(np.int64, copy=False) for name in EXTRA[kind]}
        intervals = Intervals(kind, packed, extra)
        return intervals if bool(here.all()) else intervals.take(here)


def _alike(rows: Sequence[Row], *, by_days: bool) -> list[list[Row]]:
    """Rows of the tall map that ask for the same columns (and, for one day, for events of about one age)."""
    kinds: dict[tuple[bool, bool, int], list[Row]] = {}
    for row in rows:
        years = -1 if row.days is None else row.days // 365
        kinds.setdefault((row.while_open, row.text is not None, years if by_days else 0), []).append(row)
    return list(kinds.values())


def _load_tall(con: duckdb.DuckDBPyConnection, plan: Plan, rows: Sequence[Row], on: date | None) -> None:
    kind = plan.streams[rows[0].stream].kind
    first = min(number for number, stream in enumerate(plan.streams) if stream.kind == kind)
    if sum(stream.kind == kind for stream in plan.streams) > MOST_STREAMS:
        raise EviError(
            f"the registry has more than {MOST_STREAMS} ways of reading events of the kind {kind!r}.",
            do="Let more indicators share codes and look-backs.",
        )
    next_day = datetime.combine(on or date.min, time()) + timedelta(days=1)
    lines = []
    for row in rows:
        oldest = LONG_AGO if on is None or row.days is None else next_day - timedelta(row.days)
        newest = next_day if on is None else next_day - timedelta(row.after_days)
        text = "NULL" if row.text is None else quote(row.text)
        days = "NULL" if row.days is None else row.days
        lines.append(
            f"({quote(row.code)}, {row.stream - first}, {days}::INT, {row.after_days}, {row.while_open}, "
            f"{quote(row.who)}, {text}::VARCHAR, TIMESTAMP '{oldest}', TIMESTAMP '{newest}')"
        )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE tall AS SELECT * FROM (VALUES {", ".join(lines)})
            AS t(code, stream, days, after_days, while_open, who, text, oldest, newest)"""
    )
