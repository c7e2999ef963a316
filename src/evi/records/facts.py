"""From payload rows to events: which version of a record holds when, about whom, and what it says.

For each layout, three tables follow each other, and any of them can be looked at when a number is wrong:
`said` (the rows, as delivered), `versions` (for records said more than once, when the next word came) and
`linked` (the rows that stand, with their subjects). One query then turns `linked` into rows of `events`,
and another counts what became of every row, so that none is lost without being counted.

**Versions.** The rows of one record, in the order of their deliveries, are its versions. A version holds from
the day it could be known until the first day on which any later version could be. In one delivery the last
row of a record stands, and the others are counted as `repeated`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from evi.records.deliveries import Delivery, payload_file
from evi.records.mapping import EventSql, LayoutSql
from evi.records.shapes import shard_of
from evi.workspace import District, quote

Line = tuple[str, int, int, int, int, int]
"""Delivery, event, rows, not given, unlinked, events."""

VOCABULARIES = ("code", "text", "place", "source", "delivery")
"""Columns that hold few different words: in memory they are enumerations, in order of their bytes."""


@dataclass(frozen=True)
class Payload:
    """The deliveries of one layout that are to be read."""

    district: District
    layout: LayoutSql
    deliveries: Sequence[Delivery]

    def source(self, con: duckdb.DuckDBPyConnection, only: Collection[str] | None = None) -> str:
        """SQL: the rows of the deliveries (or of `only`, by name), with every column the layout reads."""
        chosen = [d for d in self.deliveries if only is None or d.name in only]
        paths = ", ".join(quote(str(payload_file(self.district, d.layout, d.name))) for d in chosen)
        read = f"read_parquet([{paths}], union_by_name = true, filename = 'payload_path')"
        there = {row[0].lower() for row in con.execute(f"DESCRIBE FROM {read}").fetchall()}
        wanted = [(f"person_{role}", "BIGINT") for role in self.layout.roles]
        wanted += [("home", "BIGINT"), *self.layout.columns]
        columns = [
            f'"{name}"' if name.lower() in there else f'CAST(NULL AS {kind}) AS "{name}"'
            for name, kind in wanted
        ]
        listed = ", ".join(
            f"({quote(str(payload_file(self.district, d.layout, d.name)))}, {rank}, {quote(d.name)}, "
            f"DATE '{d.period_start}', DATE '{d.period_end}', DATE '{d.newest}')"
            for rank, d in enumerate(self.deliveries)
            if only is None or d.name in only
        )
        return f"""SELECT delivery_rank, delivery_name, listed.period_start, listed.period_end,
            row_no, record, coalesce(known_at, listed.newest) AS known_at,
            coalesce(withdrawn, false) AS withdrawn,
            {", ".join(columns)}
            FROM {read} AS payload
            JOIN (VALUES {listed})
            AS listed(path, delivery_rank, delivery_name, period_start, period_end, newest)
            ON payload.payload_path = listed.path"""


def make_linked(
    con: duckdb.DuckDBPyConnection,
    payload: Payload,
    *,
    touched: bool = False,
    only: Collection[str] | None = None,
) -> None:
    """Make the table `linked` for one layout: one row a payload row that stands.

    Columns: those of `Payload.source`; `until` and `until_<event>` (first day on which a later version
    could be known, null if there is none); `is_newest` (no later version), `first_known` (of the record);
    `subject_<role>` and `confidence_<role>`.

    Args:
        touched: only rows of the records in the table `touched` (record), with all their versions.
        only: only these deliveries, by name; versions in others are not seen, so `until` means nothing.
    """
    layout = payload.layout
    semi = "SEMI JOIN touched USING (record)" if touched else ""
    con.execute(f"CREATE OR REPLACE TABLE said AS FROM ({payload.source(con, only)}) {semi}")
    own = [event for event in layout.events if event.known_at is not None]
    con.execute(
        f"""CREATE OR REPLACE TABLE versions AS
        WITH several AS (SELECT record FROM said GROUP BY record HAVING count(*) > 1),
        ranked AS (
            SELECT delivery_rank, row_no, record, known_at
                {"".join(f", {event.known} AS known_{event.index}" for event in own)},
                row_number() OVER (
                    PARTITION BY record, delivery_rank ORDER BY known_at DESC, row_no DESC) = 1 AS stands
            FROM said SEMI JOIN several USING (record)
        )
        SELECT delivery_rank, row_no, true AS stands, min(known_at) OVER later AS until
            {"".join(f", min(known_{event.index}) OVER later AS until_{event.index}" for event in own)},
            min(known_at) OVER (PARTITION BY record) AS first_known,
            delivery_rank = max(delivery_rank) OVER (PARTITION BY record) AS is_newest
        FROM ranked WHERE stands
        WINDOW later AS (PARTITION BY record ORDER BY delivery_rank
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)
        UNION ALL BY NAME
        SELECT delivery_rank, row_no, false AS stands FROM ranked WHERE NOT stands"""
    )
    joins = " ".join(
        f"""LEFT JOIN (SELECT person, subject_id AS subject_{role}, confidence AS confidence_{role}
            FROM links WHERE feed = {quote(layout.feed)}) AS link_{role}
            ON said.person_{role} = link_{role}.person"""
        for role in layout.roles
    )
    people = "".join(f", subject_{role}, confidence_{role}" for role in layout.roles)
    con.execute(
        f"""CREATE OR REPLACE TABLE linked AS
        SELECT said.*, until {"".join(f", until_{event.index}" for event in own)},
            coalesce(first_known, known_at) AS first_known, coalesce(is_newest, true) AS is_newest {people}
        FROM said LEFT JOIN versions USING (delivery_rank, row_no) {joins}
        WHERE coalesce(stands, true)"""
    )
    con.execute("DROP TABLE said; DROP TABLE versions")


def add_events(con: duckdb.DuckDBPyConnection, layout: LayoutSql) -> None:
    """Append the events of `linked` to the table `events`."""
    selects = [_event_select(layout, event) for event in layout.events]
    if selects:
        con.execute(f"INSERT INTO events {' UNION ALL '.join(selects)}")


def make_events_table(con: duckdb.DuckDBPyConnection, vocabulary: dict[str, set[str]]) -> None:
    """Make the empty table `events` and the enumerations of its words."""
    for name in VOCABULARIES:
        words = sorted({"", *vocabulary[name]}, key=lambda word: word.encode())
        con.execute(f"CREATE TYPE {name}_word AS ENUM ({', '.join(quote(word) for word in words)})")
    con.execute(
        """CREATE TABLE events (
        shard UTINYINT, subject_id BIGINT, time TIMESTAMP, code code_word, numeric_value FLOAT,
        text text_word, known_at DATE, known_until DATE, source source_word, record_id BIGINT,
        home BIGINT, place place_word, end_time TIMESTAMP, link_confidence FLOAT,
        withdrawn BOOLEAN, delivery delivery_word)"""
    )


def read_vocabulary(
    con: duckdb.DuckDBPyConnection, payload: Payload, vocabulary: dict[str, set[str]]
) -> None:
    """Add to `vocabulary` the words that the layout's rows use."""
    layout = payload.layout
    if not layout.events or not payload.deliveries:
        return
    vocabulary["source"].add(layout.feed)
    vocabulary["delivery"].update(delivery.name for delivery in payload.deliveries)
    source = payload.source(con)
    for event in layout.events:
        asked = {"code": event.code if "{" in event.template else None, "place": event.place}
        asked["text"] = None if event.text == "CAST(NULL AS VARCHAR)" else event.text
        vocabulary["code"].update(() if asked["code"] else (event.template,))
        for name, expression in asked.items():
            if expression is not None:
                rows = con.execute(
                    f"SELECT DISTINCT CAST(({expression}) AS VARCHAR) FROM ({source}) WHERE {event.gives}"
                ).fetchall()
                vocabulary[name].update(word for (word,) in rows if word is not None)


def count_rows(con: duckdb.DuckDBPyConnection, layout: LayoutSql) -> list[Line]:
    """What became of the rows of `linked`, by delivery and event, sorted.

    Every row is in exactly one of the last three, for each event of the layout. `event` is -1 for the line
    that only counts a delivery's rows.
    """
    if not layout.events:
        query = "SELECT delivery_name, count(*) FROM linked GROUP BY ALL ORDER BY ALL"
        return [(name, -1, rows, 0, 0, 0) for name, rows in con.execute(query).fetchall()]
    counts = ", ".join(
        f"count_if({event.gives}), count_if({event.gives} AND ({event.subject}) IS NULL)"
        for event in layout.events
    )
    lines: list[Line] = []
    found: Sequence[Any]
    for name, rows, *found in con.execute(
        f"SELECT delivery_name, count(*), {counts} FROM linked GROUP BY delivery_name ORDER BY delivery_name"
    ).fetchall():
        lines.append((name, -1, rows, 0, 0, 0))
        for event in layout.events:
            given, unlinked = found[2 * event.index], found[2 * event.index + 1]
            lines.append((name, event.index, rows, rows - given, unlinked, given - unlinked))
    return lines


def _event_select(layout: LayoutSql, event: EventSql) -> str:
    place = f"CAST({event.place} AS place_word)" if event.place else "CAST(NULL AS place_word)"
    return f"""
    SELECT {shard_of("e_subject")}, e_subject, e_time, e_code, e_value, e_text, e_known,
        CASE WHEN e_until IS NOT NULL THEN greatest(e_until, e_known) END, {quote(layout.feed)},
        e_record, e_home, e_place, e_end, e_confidence, e_withdrawn, e_delivery
    FROM (
        SELECT {event.subject} AS e_subject, CAST(({event.time}) AS TIMESTAMP) AS e_time,
            CAST({event.code} AS code_word) AS e_code, CAST(({event.value}) AS FLOAT) AS e_value,
            CAST(CAST(({event.text}) AS VARCHAR) AS text_word) AS e_text, {event.known} AS e_known,
            {event.until} AS e_until, {event.record_id} AS e_record,
            {"home" if event.at_home else "CAST(NULL AS BIGINT)"} AS e_home, {place} AS e_place,
            CAST(({event.end_time}) AS TIMESTAMP) AS e_end, {event.confidence} AS e_confidence,
            withdrawn AS e_withdrawn, CAST(delivery_name AS delivery_word) AS e_delivery
        FROM linked WHERE {event.gives}
    ) WHERE e_subject IS NOT NULL"""
