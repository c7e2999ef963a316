"""The SQL of an extraction, as named steps that can be printed and read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from evi.indicators.intervals import DAY_ZERO, OPEN
from evi.indicators.packed import EXTRA
from evi.indicators.plan import Kind, Row

VALUED: tuple[Kind, ...] = ("last", "sum")
_ZERO = f"DATE '{DAY_ZERO}'"

_CARRIED: dict[Kind, str] = {
    "count": "",
    "days": f", time::DATE - {_ZERO} AS key",
    "places": ", (md5_number_lower(place_id) >> 1)::BIGINT AS key",
    "last": f", epoch_us(time) AS happened, known_at - {_ZERO} AS known, record_id AS record, milli AS value",
    "sum": ", milli AS value",
}
_WANTED: dict[Kind, str] = {
    "count": "",
    "days": "",
    "places": " AND place_id IS NOT NULL",
    "last": " AND numeric_value IS NOT NULL",
    "sum": " AND numeric_value IS NOT NULL",
}
_MILLI = ", round(numeric_value::DOUBLE * 1000)::BIGINT AS milli"
_CODES_IN_A_FILTER = 4_096
"""DuckDB then tells the scan which codes the tall map has, however many; it skips other row groups."""

SETTINGS = f"SET dynamic_or_filter_threshold = {_CODES_IN_A_FILTER}; SET parquet_metadata_cache = true"
"""The second: a dozen queries read one file of hundreds of row groups, and its footer once."""


def steps(kind: Kind, events: str, rows: Sequence[Row], *, together: str = "", on: date | None = None) -> str:
    """The SQL that turns events into intervals: of whom, in which stream, on which days, carrying what.

    Args:
        kind: the kind of stream that `rows` are of.
        events: SQL that reads the events.
        rows: the tall map, which the session holds as the table `tall`.
        together: the table of who lived with which child; given, the answer is about those children, and
            has a column `child`; not given, it is about the subjects themselves, with `subject_id`.
        on: keep only what counts on this day.
    """
    counting = _always(rows) if on is None else _one_day(rows, on)
    days = f", {counting.first_day}::USMALLINT AS first_day, {counting.last_day}::USMALLINT AS last_day"
    shown, wanted = ", first_day, last_day", "WHERE first_day < last_day"
    if on is not None:  # every row counts on the day asked, so there is nothing to say of days
        days, shown, wanted = "", "", "WHERE true"
    texts = " AND tall.text = text_value" if _texts(rows) else ""
    dated = f"""
WITH read AS (  -- what was ever known
  SELECT {_columns(kind, rows)} FROM {events} WHERE withdrawn IS NOT TRUE AND {counting.known}{_WANTED[kind]}
), dated AS (  -- in which streams, and the days on which it counts
  SELECT subject_id, stream::UTINYINT AS stream, who, time{days}{_CARRIED[kind]}
  FROM read JOIN tall ON tall.code = read.code{texts}{counting.counts}
)"""
    carried = "".join(f", {name}" for name in EXTRA[kind])
    if not together:
        return f"""{dated}
SELECT subject_id, stream{shown}{carried} FROM dated {wanted}"""
    return f"""{dated}  -- and the children whom it reaches through their home
SELECT child, stream{shown}{carried}
FROM dated JOIN {together} AS t ON t.subject_id = dated.subject_id
 AND t.start <= time::DATE - {_ZERO} AND time::DATE - {_ZERO} < t.finish
{wanted} AND (who = 'anyone' OR time::DATE - {_ZERO} >= adult_from)"""


class _Counting(NamedTuple):
    """SQL: what is known at all, the first day and the day after the last, and more to ask of the join."""

    known: str
    first_day: str = ""
    last_day: str = ""
    counts: str = ""


def _always(rows: Sequence[Row]) -> _Counting:
    """Every day, with no more work than these rows of the tall map ask for."""
    happened = "time::DATE + after_days" if any(row.after_days for row in rows) else "time::DATE"
    ends = ["known_until"]
    ends += ["time::DATE + days"] if any(row.days is not None for row in rows) else []
    ends += ["CASE WHEN while_open THEN end_time::DATE END"] if any(row.while_open for row in rows) else []
    return _Counting(
        "(known_until IS NULL OR known_until > known_at)",
        f"least({OPEN}, greatest(0, greatest(known_at, {happened}) - {_ZERO}))",
        f"greatest(0, least({OPEN}, least({', '.join(ends)}) - {_ZERO}))",
    )


def _one_day(rows: Sequence[Row], on: date) -> _Counting:
    """One day: what does not count on it is dropped before anything is worked out."""
    day = f"DATE '{on}'"
    counts = " AND time >= tall.oldest AND time < tall.newest"
    if any(row.while_open for row in rows):
        counts += f" AND (NOT while_open OR end_time IS NULL OR end_time >= {day} + 1)"
    known = f"known_at <= {day} AND (known_until IS NULL OR known_until > {day}) AND time < {day} + 1"
    longest = [row.days for row in rows]
    if None not in longest:  # told to the scan, which then decodes less
        known += f" AND time >= {day} + 1 - {max(days for days in longest if days is not None)}"
    return _Counting(known, counts=counts)


def _texts(rows: Sequence[Row]) -> bool:
    return any(row.text is not None for row in rows)


def _columns(kind: Kind, rows: Sequence[Row]) -> str:
    columns = ["subject_id", "code", "time", "known_at", "known_until"]
    columns += ["end_time"] if any(row.while_open for row in rows) else []
    columns += ["record_id"] if kind == "last" else []
    columns += ["place_id"] if kind == "places" else []
    columns += ["text_value"] if _texts(rows) else []
    return ", ".join(columns) + (_MILLI if kind in VALUED else "")
