"""The SQL of an extraction, as named steps that can be printed and read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from evi.indicators.intervals import DAY_ZERO, OPEN
from evi.indicators.plan import Kind, Row
from evi.workspace import quote

VALUED: tuple[Kind, ...] = ("last", "sum")
_ZERO = f"DATE '{DAY_ZERO}'"

_CARRIED: dict[Kind, str] = {
    "count": "",
    "days": ", happened AS key",
    "places": ", (md5_number_lower(place_id) >> 1)::BIGINT AS key",
    "last": ", epoch_us(time) AS time, known, record_id AS record, milli AS value",
    "sum": ", milli AS value",
}
_PACKED = """(stream::UBIGINT << 56) | (child::UBIGINT << 32) | (first_day::UBIGINT << 16) | last_day::UBIGINT
       AS packed"""

_TEXT = " AND (tall.text IS NULL OR tall.text = text_value)"

_WANTED: dict[Kind, str] = {
    "count": "",
    "days": "",
    "places": " AND place_id IS NOT NULL",
    "last": " AND milli IS NOT NULL",
    "sum": " AND milli IS NOT NULL",
}

_OWN = """
SELECT {packed} FROM dated JOIN {prefix}{people} AS reached USING (subject_id)
WHERE first_day < until{wanted}"""

_AT_HOME = """
UNION ALL  -- and what happened to those who lived with the child on the day, or to the home
SELECT {packed} FROM dated JOIN {prefix}together AS reached
  ON reached.subject_id = dated.subject_id AND reached.start <= happened AND happened < reached.finish
WHERE first_day < until{wanted} AND (who = 'anyone' OR happened >= adult_from)"""


def steps(
    kind: Kind, events: str, rows: Sequence[Row], *, home: bool, on: date | None = None, prefix: str = ""
) -> str:
    """The SQL that turns events into packed intervals, with what their kind carries.

    Args:
        kind: the kind of stream that `rows` are of.
        events: SQL that reads the events.
        rows: the tall map, which the session holds as the table `tall`.
        home: whether the streams reach everyone at home.
        on: keep only what counts on this day.
        prefix: of the tables `people`, `home_people` and `together`.
    """
    texts = any(row.text is not None for row in rows)
    codes = ", ".join(quote(code) for code in sorted({row.code for row in rows}))
    people = "home_people" if home else "people"
    fill = {"packed": _PACKED + _CARRIED[kind], "prefix": prefix, "people": people, "wanted": ""}
    reached = _OWN.format_map(fill | {"wanted": " AND who = 'anyone'" if home else ""})
    return f"""
WITH read AS (  -- only the codes that some stream of this kind reads
  SELECT {_columns(kind, texts=texts)} FROM {events}
  WHERE code IN ({codes}) AND withdrawn IS NOT TRUE AND (known_until IS NULL OR known_until > known_at)
), dated AS (  -- the days on which each counts
  SELECT subject_id, stream, who, {_carried_columns(kind)}known_at - {_ZERO} AS known,
         time::DATE - {_ZERO} AS happened,
         least({OPEN}, greatest(0, known_at - {_ZERO}, time::DATE - {_ZERO} + after_days)) AS first_day,
         least({OPEN}, known_until - {_ZERO}, time::DATE - {_ZERO} + days,
               CASE WHEN while_open THEN end_time::DATE - {_ZERO} END) AS last_day
  FROM read JOIN tall ON tall.code = read.code{_TEXT if texts else ""}
  WHERE first_day < last_day{_WANTED[kind]}{_on(on)}
)  -- and the children that each reaches{reached}{_AT_HOME.format_map(fill) if home else ""}"""


def _columns(kind: Kind, *, texts: bool) -> str:
    columns = ["subject_id", "code", "time", "known_at", "known_until", "end_time"]
    columns += ["record_id"] if kind == "last" else []
    columns += ["place_id"] if kind == "places" else []
    columns += ["numeric_value"] if kind in VALUED else []
    columns += ["text_value"] if texts else []
    return ", ".join(columns)


def _carried_columns(kind: Kind) -> str:
    columns = ["time", "record_id"] if kind == "last" else ["place_id"] if kind == "places" else []
    columns += ["round(numeric_value::DOUBLE * 1000)::BIGINT AS milli"] if kind in VALUED else []
    return "".join(column + ", " for column in columns)


def _on(on: date | None) -> str:
    if on is None:
        return ""
    day = (on - DAY_ZERO).days
    return f" AND first_day <= {day} AND last_day > {day}"
