"""From events to intervals: one join of the tall map, in DuckDB."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

import duckdb
import numpy as np
import pyarrow as pa

from evi.indicators.packed import EXTRA, MOST_STREAMS, Intervals, joined, none_of
from evi.indicators.plan import KINDS, Kind, Plan, Row, Stream
from evi.indicators.sources import numbers
from evi.indicators.steps import steps
from evi.workspace import EviError


def extract(
    con: duckdb.DuckDBPyConnection,
    plan: Plan,
    kind: Kind,
    events: str,
    codes: Sequence[str],
    *,
    streams: Iterable[Stream] | None = None,
    on: date | None = None,
    prefix: str = "",
) -> Intervals:
    """Read the events of one kind of stream and turn them into intervals, in no order.

    Args:
        con: a session with the tables that `people.number_people` makes.
        plan: the streams.
        kind: the kind of stream.
        events: SQL that reads the events, such as `read_parquet('…/by_code/*.parquet')`.
        codes: every code that `events` may hold.
        streams: which of the kind (none: all).
        on: keep only what counts on this day.
        prefix: of the session's tables of people, to ask for some of them only.
    """
    parts = [none_of(kind)]
    wanted = [s for s in plan.streams if s.kind == kind] if streams is None else list(streams)
    for home in (False, True):
        rows = plan.tall(codes, wanted, home=home)
        if rows:
            _load_tall(con, plan, rows)
            found = numbers(con.sql(steps(kind, events, rows, home=home, on=on, prefix=prefix)))
            packed = found["packed"].astype(np.uint64, copy=False)
            extra = {name: found[name].astype(np.int64, copy=False) for name in EXTRA[kind]}
            parts.append(Intervals(kind, packed, extra))
    return joined([part for part in parts if len(part)] or parts[:1])


def _load_tall(con: duckdb.DuckDBPyConnection, plan: Plan, rows: Sequence[Row]) -> None:
    first = {
        kind: min((n for n, s in enumerate(plan.streams) if s.kind == kind), default=0) for kind in KINDS
    }
    kind = plan.streams[rows[0].stream].kind
    if sum(stream.kind == kind for stream in plan.streams) > MOST_STREAMS:
        raise EviError(
            f"the registry has more than {MOST_STREAMS} ways of reading events of the kind {kind!r}.",
            do="Let more indicators share codes and look-backs.",
        )
    table = pa.table(
        {
            "code": pa.array([row.code for row in rows], pa.string()),
            "stream": pa.array([row.stream - first[kind] for row in rows], pa.int32()),
            "days": pa.array([row.days for row in rows], pa.int32()),
            "after_days": pa.array([row.after_days for row in rows], pa.int32()),
            "while_open": pa.array([row.while_open for row in rows], pa.bool_()),
            "who": pa.array([row.who for row in rows], pa.string()),
            "text": pa.array([row.text for row in rows], pa.string()),
        }
    )
    con.register("tall_rows", table)
    con.execute("CREATE OR REPLACE TEMP TABLE tall AS SELECT * FROM tall_rows")
    con.unregister("tall_rows")
