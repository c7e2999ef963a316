"""From events to intervals: one join of the tall map, in DuckDB, printed as named steps.

Each row that comes out is one event version in one stream for one child, packed into 64 bits: the stream
(8 bits, counted within its kind), the child (24 bits), the first day and the day after the last (16 bits each,
from 1950). Sorted as numbers, they are sorted by stream, child and day, which is the order everything needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evi.indicators.intervals import DAY_ZERO, OPEN, Keys
from evi.indicators.plan import KINDS, Kind, Plan, Row
from evi.workspace import quote

Packed = npt.NDArray[np.uint64]

CHILD_BITS = 24
MOST_STREAMS = 256
MOST_PEOPLE = 1 << CHILD_BITS
VALUED: tuple[Kind, ...] = ("last", "sum")

_ZERO = f"DATE '{DAY_ZERO}'"
EXTRA: dict[Kind, dict[str, type[np.generic]]] = {
    "count": {},
    "days": {"key": np.int64},
    "places": {"key": np.int64},
    "last": {"time": np.int64, "known": np.int64, "record": np.int64, "value": np.int64},
    "sum": {"value": np.int64},
}
"""What each kind carries beside the packed interval."""

_EXTRA_SQL: dict[Kind, dict[str, str]] = {
    "count": {},
    "days": {"key": "happened"},
    "places": {"key": "(md5_number_lower(place_id) >> 1)::BIGINT"},
    "last": {"time": "epoch_us(time)", "known": "known", "record": "record_id", "value": "milli"},
    "sum": {"value": "milli"},
}


@dataclass(frozen=True)
class Intervals:
    """The intervals of one kind, in order of `packed` and then of what they carry."""

    kind: Kind
    packed: Packed
    extra: dict[str, Keys] = field(default_factory=dict)

    @property
    def streams(self) -> npt.NDArray[np.int64]:
        """The number, within the kind, of each row's stream."""
        return (self.packed >> np.uint64(56)).astype(np.int64)

    @property
    def children(self) -> npt.NDArray[np.int64]:
        """The child of each row."""
        return ((self.packed >> np.uint64(32)) & np.uint64(MOST_PEOPLE - 1)).astype(np.int64)

    def __len__(self) -> int:
        return len(self.packed)

    def take(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_] | slice) -> Intervals:
        """Some of the rows."""
        return Intervals(self.kind, self.packed[rows], {name: column[rows] for name, column in self.extra.items()})

    def sorted(self) -> Intervals:
        """In the one order, which makes the bytes of two equal sets equal."""
        if not self.extra:
            ordered = len(self) < 2 or bool(np.all(self.packed[1:] >= self.packed[:-1]))
            return self if ordered else Intervals(self.kind, np.sort(self.packed), {})
        if len(self) > 1 and bool(np.all(self.packed[1:] > self.packed[:-1])):
            return self
        return self.take(np.lexsort((*reversed(list(self.extra.values())), self.packed)))


def extract(
    con: duckdb.DuckDBPyConnection, plan: Plan, kind: Kind, events: str, codes: Sequence[str], *, on: date | None = None
) -> Intervals:
    """Read the events of one kind of stream and turn them into intervals.

    Args:
        con: a session with the tables that `people.number_people` makes.
        events: SQL that reads the events, such as `read_parquet('…/by_code/*.parquet')`.
        codes: every code that `events` may hold.
        on: keep only what counts on this day.
    """
    parts = []
    for home in (False, True):
        rows = plan.tall(codes, kind, home=home)
        if rows:
            _load_tall(con, plan, rows)
            parts.append(con.execute(steps(kind, events, rows, home=home, on=on)).fetchnumpy())
    empty = {"packed": np.empty(0, np.uint64)} | {n: np.empty(0, t) for n, t in EXTRA[kind].items()}
    parts = [part for part in parts if len(part["packed"])] or [empty]
    columns = {
        name: np.asarray(parts[0][name]) if len(parts) == 1 else np.concatenate([np.asarray(p[name]) for p in parts])
        for name in empty
    }
    packed = columns.pop("packed").astype(np.uint64, copy=False)
    return Intervals(kind, packed, {n: c.astype(np.int64, copy=False) for n, c in columns.items()})


def steps(kind: Kind, events: str, rows: Sequence[Row], *, home: bool, on: date | None = None) -> str:
    """The SQL of one extraction, as named steps."""
    codes = ", ".join(quote(code) for code in sorted({row.code for row in rows}))
    extra = _EXTRA_SQL[kind]
    day = "" if on is None else f" AND first_day <= {(on - DAY_ZERO).days} AND last_day > {(on - DAY_ZERO).days}"
    carried = "".join(f", {sql} AS {name}" for name, sql in extra.items())
    wanted = {"places": " AND place_id IS NOT NULL", "last": " AND milli IS NOT NULL", "sum": " AND milli IS NOT NULL"}
    texts = any(row.text is not None for row in rows)
    columns = "subject_id, code, time, known_at, known_until, end_time"
    columns += "".join(
        f", {column}"
        for column, when in {
            "record_id": kind == "last",
            "place_id": home or kind == "places",
            "numeric_value": kind in VALUED,
            "text_value": texts,
        }.items()
        if when
    )
    milli = ", round(numeric_value::DOUBLE * 1000)::BIGINT AS milli" if kind in VALUED else ""
    distinct = "DISTINCT ON (m.stream, reached.child, event_no) " if home else ""
    source = "reached" if home else "read JOIN people AS c USING (subject_id)"
    child = "reached.child" if home else "c.child"
    until = "reached.until" if home else "c.until"
    return f"""
WITH read AS (  -- only the codes that some stream of this kind reads
  SELECT {columns}{", row_number() OVER () AS event_no" if home else ""} FROM {events}
  WHERE code IN ({codes}) AND withdrawn IS NOT TRUE AND (known_until IS NULL OR known_until > known_at)
){_HOME_STEPS if home else ""}, dated AS (  -- the days on which each counts
  SELECT {distinct}m.stream, {child} AS child, {until} AS until, time, known_at - {_ZERO} AS known,
         (time::DATE - {_ZERO}) AS happened, known_until, end_time{milli}
         {", record_id" if kind == "last" else ""}{", place_id" if kind == "places" else ""},
         least({OPEN}, greatest(0, known_at - {_ZERO}, time::DATE - {_ZERO} + m.after_days)) AS first_day,
         least({OPEN}, coalesce(known_until - {_ZERO}, {OPEN}), coalesce(time::DATE - {_ZERO} + m.days, {OPEN}),
               CASE WHEN m.while_open THEN coalesce(end_time::DATE - {_ZERO}, {OPEN}) ELSE {OPEN} END) AS last_day
  FROM {source} JOIN tall AS m ON m.code = {"reached" if home else "read"}.code
  {"AND (m.text IS NULL OR m.text = text_value)" if texts else ""}
  {"WHERE m.who = 'anyone' OR reached.adult" if home else ""}
)
SELECT (stream::UBIGINT << 56) | (child::UBIGINT << 32) | (first_day::UBIGINT << 16) | last_day::UBIGINT AS packed{carried}
FROM dated WHERE first_day < last_day AND first_day < until{day}{wanted.get(kind, "")}"""


_HOME_STEPS = """, homes AS (  -- the homes where each event's person lived that day, or whose own event it is
  SELECT read.*, r.home FROM read JOIN residence AS r
    ON r.subject_id = read.subject_id AND r.start <= read.time::DATE AND read.time::DATE < r."end"
  UNION ALL
  SELECT read.*, try_cast(substr(place_id, 6) AS BIGINT) FROM read
  WHERE subject_id < 0 AND starts_with(place_id, 'home:')
), reached AS (  -- the children who lived there that day; and each person's own events
  SELECT homes.* EXCLUDE (home), c.child, c.until,
         homes.subject_id >= 0 AND homes.subject_id <> c.subject_id AND coalesce(a.adult_from <= homes.time::DATE, false) AS adult
  FROM homes JOIN child_homes AS c ON c.home = homes.home
   AND c.start <= homes.time::DATE AND homes.time::DATE < c."end"
  LEFT JOIN adults AS a ON a.subject_id = homes.subject_id
  UNION ALL
  SELECT read.*, p.child, p.until, false FROM read JOIN people AS p USING (subject_id)
)"""


def _load_tall(con: duckdb.DuckDBPyConnection, plan: Plan, rows: Sequence[Row]) -> None:
    first = {kind: min((n for n, s in enumerate(plan.streams) if s.kind == kind), default=0) for kind in KINDS}
    kind = plan.streams[rows[0].stream].kind
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


def blocks(intervals: Intervals, size: int) -> Iterator[Intervals]:
    """Split into runs of about `size` rows without parting a child of one stream."""
    edges = [0]
    while edges[-1] < len(intervals):
        stop = min(edges[-1] + size, len(intervals))
        if stop < len(intervals):
            group = intervals.packed[stop - 1] >> np.uint64(32)
            stop = int(np.searchsorted(intervals.packed >> np.uint64(32), group, side="right"))
        edges.append(stop)
    for start, stop in zip(edges[:-1], edges[1:], strict=True):
        yield intervals.take(slice(start, stop))
