"""From payload rows to events: which version of a record holds when, about whom, and what it says.

For each layout, three tables follow each other, and any of them can be looked at when a number is wrong:
`said` (the rows, as delivered), `versions` (for records said more than once, when the next word came) and
`linked` (the rows that stand, with their subjects). One query then turns `linked` into rows of `events`,
and another counts what became of every row, so that none is lost without being counted.

**Versions.** The rows of one record, in the order of their deliveries, are its versions. A version can be
known from the day that its row says, but not before the delivery of the version before it was complete: until
then the hub knew that one. It holds until the first day on which any later version could be known. In one
delivery the last row of a record stands, and the others are counted as `repeated`.
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
        read = f"read_parquet([{paths}], union_by_name = true, filename = 'evi_path')"
        there = {row[0].lower() for row in con.execute(f"DESCRIBE FROM {read}").fetchall()}
        wanted = [(f"person_{role}", "BIGINT") for role in self.layout.roles]
        wanted += [("home", "BIGINT"), *self.layout.columns]
        columns = [
            f'"{name}"' if name.lower() in there else f'CAST(NULL AS {kind}) AS "{name}"'
            for name, kind in wanted
        ]
        listed = ", ".join(
            f"({quote(str(payload_file(self.district, d.layout, d.name)))}, {rank}, {quote(d.name)}, "
            f"DATE '{d.period_start}', DATE '{d.period_end}', DATE '{d.closed}')"
            for rank, d in enumerate(self.deliveries)
            if only is None or d.name in only
        )
        return f"""SELECT evi_rank, evi_delivery, evi_start AS period_start, evi_end AS period_end,
            evi_closed, row_no, record, coalesce(known_at, evi_closed) AS known_at,
            coalesce(withdrawn, false) AS withdrawn,
            {", ".join(columns)}
            FROM {read} AS payload
            JOIN (VALUES {listed})
            AS listed(evi_listed_path, evi_rank, evi_delivery, evi_start, evi_end, evi_closed)
            ON payload.evi_path = evi_listed_path"""


def make_linked(
    con: duckdb.DuckDBPyConnection,
    payload: Payload,
    *,
    touched: bool = False,
    only: Collection[str] | None = None,
) -> None:
    """Make the table `linked` for one layout: one row a payload row that stands.

    Columns: those of `Payload.source`, those of `versions`, `evi_subject_<role>` and `evi_confidence_<role>`.

    Args:
        touched: only rows of the records in the table `touched` (record), with all their versions.
        only: only these deliveries, by name; versions in others are not seen, so `evi_until` means nothing.
    """
    layout = payload.layout
    semi = "SEMI JOIN touched USING (record)" if touched else ""
    con.execute(f"CREATE OR REPLACE TABLE said AS FROM ({payload.source(con, only)}) {semi}")
    _make_versions(con, _dated(layout))
    joins = " ".join(
        f"""LEFT JOIN (SELECT person, subject_id AS evi_subject_{role}, confidence AS evi_confidence_{role}
            FROM links WHERE feed = {quote(layout.feed)}) AS link_{role}
            ON said.person_{role} = link_{role}.person"""
        for role in layout.roles
    )
    columns = ["said.*", "evi_not_before", "evi_until", *(event.until for event in _dated(layout))]
    columns += [f"evi_subject_{role}, evi_confidence_{role}" for role in layout.roles]
    con.execute(
        f"""CREATE OR REPLACE TABLE linked AS
        SELECT {", ".join(columns)}, coalesce(evi_first_known, known_at) AS evi_first_known,
            coalesce(evi_is_newest, true) AS evi_is_newest
        FROM said LEFT JOIN versions USING (evi_rank, row_no) {joins}
        WHERE coalesce(evi_stands, true)"""
    )
    con.execute("DROP TABLE said; DROP TABLE versions")


def _dated(layout: LayoutSql) -> list[EventSql]:
    """Events that say themselves when they could be known."""
    return [event for event in layout.events if event.known_at is not None]


def _make_versions(con: duckdb.DuckDBPyConnection, dated: Sequence[EventSql]) -> None:
    """Make the table `versions` of the rows of `said` whose record is said more than once.

    Columns, beside the row's (`evi_rank`, `row_no`): `evi_stands` (the delivery's last row of the record),
    `evi_not_before` (when the delivery of the version before was complete), `evi_until` and
    `evi_until_<event>` (first day on which a later version could be known, null if there is none),
    `evi_first_known` (of the record), `evi_is_newest`.
    """
    stated = "".join(f", {event.known} AS evi_known_{event.index}" for event in dated)
    ends = "".join(
        f", min({_since(f'evi_known_{event.index}')}) OVER later AS {event.until}" for event in dated
    )
    con.execute(
        f"""CREATE OR REPLACE TABLE versions AS
        WITH several AS (SELECT record FROM said GROUP BY record HAVING count(*) > 1),
        ranked AS (
            SELECT evi_rank, row_no, record, known_at, evi_closed {stated}, row_number() OVER (
                PARTITION BY record, evi_rank ORDER BY known_at DESC, row_no DESC) = 1 AS evi_stands
            FROM said SEMI JOIN several USING (record)
        ), standing AS (
            SELECT *, lag(evi_closed) OVER (PARTITION BY record ORDER BY evi_rank) AS evi_not_before
            FROM ranked WHERE evi_stands
        )
        SELECT evi_rank, row_no, true AS evi_stands, evi_not_before,
            min({_since("known_at")}) OVER later AS evi_until {ends},
            min(known_at) OVER (PARTITION BY record) AS evi_first_known,
            evi_rank = max(evi_rank) OVER (PARTITION BY record) AS evi_is_newest
        FROM standing
        WINDOW later AS (PARTITION BY record ORDER BY evi_rank
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)
        UNION ALL BY NAME
        SELECT evi_rank, row_no, false AS evi_stands FROM ranked WHERE NOT evi_stands"""
    )


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
        query = "SELECT evi_delivery, count(*) FROM linked GROUP BY ALL ORDER BY ALL"
        return [(name, -1, rows, 0, 0, 0) for name, rows in con.execute(query).fetchall()]
    counts = ", ".join(
        f"count_if({event.gives}), count_if({event.gives} AND ({event.subject}) IS NULL)"
        for event in layout.events
    )
    lines: list[Line] = []
    found: Sequence[Any]
    for name, rows, *found in con.execute(
        f"SELECT evi_delivery, count(*), {counts} FROM linked GROUP BY evi_delivery ORDER BY evi_delivery"
    ).fetchall():
        lines.append((name, -1, rows, 0, 0, 0))
        for event in layout.events:
            given, unlinked = found[2 * event.index], found[2 * event.index + 1]
            lines.append((name, event.index, rows, rows - given, unlinked, given - unlinked))
    return lines


def _since(known: str) -> str:
    """SQL: when a version could first be known: as it says, but not before the last word was given."""
    return f"greatest({known}, evi_not_before)"


def _event_select(layout: LayoutSql, event: EventSql) -> str:
    place = f"CAST({event.place} AS place_word)" if event.place else "CAST(NULL AS place_word)"
    return f"""
    SELECT {shard_of("e_subject")}, e_subject, e_time, e_code, e_value, e_text, e_known,
        CASE WHEN e_until IS NOT NULL THEN greatest(e_until, e_known) END, {quote(layout.feed)},
        e_record, e_home, e_place, e_end, e_confidence, e_withdrawn, e_delivery
    FROM (
        SELECT {event.subject} AS e_subject, CAST(({event.time}) AS TIMESTAMP) AS e_time,
            CAST({event.code} AS code_word) AS e_code, CAST(({event.value}) AS FLOAT) AS e_value,
            CAST(CAST(({event.text}) AS VARCHAR) AS text_word) AS e_text, {_since(event.known)} AS e_known,
            {event.until} AS e_until, {event.record_id} AS e_record,
            {"home" if event.at_home else "CAST(NULL AS BIGINT)"} AS e_home, {place} AS e_place,
            CAST(({event.end_time}) AS TIMESTAMP) AS e_end, {event.confidence} AS e_confidence,
            withdrawn AS e_withdrawn, CAST(evi_delivery AS delivery_word) AS e_delivery
        FROM linked WHERE {event.gives}
    ) WHERE e_subject IS NOT NULL"""
