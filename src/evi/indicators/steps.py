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
_WANTED: dict[Kind, str] = {
    "count": "",
    "days": "",
    "places": " AND place_id IS NOT NULL",
    "last": " AND milli IS NOT NULL",
    "sum": " AND milli IS NOT NULL",
}

_HOME_STEPS = """, homes AS (  -- the homes where each event's person lived that day, or whose own event it is
  SELECT read.*, r.home FROM read JOIN residence AS r
    ON r.subject_id = read.subject_id AND r.start <= read.time::DATE AND read.time::DATE < r."end"
  UNION ALL
  SELECT read.*, try_cast(substr(place_id, 6) AS BIGINT) FROM read
  WHERE subject_id < 0 AND starts_with(place_id, 'home:')
), reached AS (  -- the children who lived there that day; and each person's own events
  SELECT homes.* EXCLUDE (home), c.child, c.until,
         homes.subject_id >= 0 AND homes.subject_id <> c.subject_id
           AND coalesce(a.adult_from <= homes.time::DATE, false) AS adult
  FROM homes JOIN {prefix}child_homes AS c ON c.home = homes.home
   AND c.start <= homes.time::DATE AND homes.time::DATE < c."end"
  LEFT JOIN adults AS a ON a.subject_id = homes.subject_id
  UNION ALL
  SELECT read.*, p.child, p.until, false FROM read JOIN {prefix}home_people AS p USING (subject_id)
)"""


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
        prefix: of the tables `people`, `home_people` and `child_homes`.
    """
    texts = any(row.text is not None for row in rows)
    codes = ", ".join(quote(code) for code in sorted({row.code for row in rows}))
    source = "reached" if home else f"read JOIN {prefix}people AS reached USING (subject_id)"
    matched = f"m.code = {'reached' if home else 'read'}.code"
    return f"""
WITH read AS (  -- only the codes that some stream of this kind reads
  SELECT {_columns(kind, home=home, texts=texts)} FROM {events}
  WHERE code IN ({codes}) AND withdrawn IS NOT TRUE AND (known_until IS NULL OR known_until > known_at)
){_HOME_STEPS.format(prefix=prefix) if home else ""}, dated AS (  -- the days on which each counts
  SELECT {"DISTINCT ON (m.stream, reached.child, event_no) " if home else ""}m.stream, reached.child,
         reached.until, {_carried_columns(kind)}known_at - {_ZERO} AS known, time::DATE - {_ZERO} AS happened,
         least({OPEN}, greatest(0, known_at - {_ZERO}, time::DATE - {_ZERO} + m.after_days)) AS first_day,
         least({OPEN}, known_until - {_ZERO}, time::DATE - {_ZERO} + m.days,
               CASE WHEN m.while_open THEN end_time::DATE - {_ZERO} END) AS last_day
  FROM {source} JOIN tall AS m ON {matched}{" AND (m.text IS NULL OR m.text = text_value)" if texts else ""}
  {"WHERE m.who = 'anyone' OR reached.adult" if home else ""}
)
SELECT (stream::UBIGINT << 56) | (child::UBIGINT << 32) | (first_day::UBIGINT << 16) | last_day::UBIGINT
       AS packed{_CARRIED[kind]}
FROM dated WHERE first_day < last_day AND first_day < until{_WANTED[kind]}{_on(on)}"""


def _columns(kind: Kind, *, home: bool, texts: bool) -> str:
    columns = ["subject_id", "code", "time", "known_at", "known_until", "end_time"]
    columns += ["record_id"] if kind == "last" else []
    columns += ["place_id"] if home or kind == "places" else []
    columns += ["numeric_value"] if kind in VALUED else []
    columns += ["text_value"] if texts else []
    columns += ["row_number() OVER () AS event_no"] if home else []
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
