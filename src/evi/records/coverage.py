"""Coverage: which feed could have told us of which person, from when to when.

Without it "no" and "not known" look alike. Some layouts cover the person of each row (a pupil while on roll);
others cover everybody of some ages for the time of their delivery and a while after it (a police force).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from evi.records.deliveries import Delivery
from evi.records.mapping import CoverageSql, LayoutSql
from evi.records.shapes import shape, write_sorted
from evi.workspace import District, quote

COVERAGE = shape(
    {
        "subject_id": pa.int64(),
        "feed": pa.string(),
        "start": pa.date32(),
        "end": pa.date32(),
        "known_at": pa.date32(),
    }
)


def make_pieces(con: duckdb.DuckDBPyConnection) -> None:
    """Make the empty table `pieces` of coverage (subject_id, feed, start, end, known_at), end exclusive."""
    con.execute(
        """CREATE TABLE pieces (subject_id BIGINT, feed VARCHAR, start DATE, "end" DATE, known_at DATE)"""
    )


def add_persons(con: duckdb.DuckDBPyConnection, layout: LayoutSql) -> None:
    """Append what the rows of `linked` say: the newest version of each record, known since its first."""
    stated = layout.coverage
    if stated is None or stated.role is None:
        return
    con.execute(
        f"""INSERT INTO pieces
        SELECT subject_id, {quote(layout.feed)}, evi_start, max(evi_end), min(evi_known)
        FROM (SELECT evi_subject_{stated.role} AS subject_id, CAST(({stated.start}) AS DATE) AS evi_start,
                CAST(({stated.end}) AS DATE) AS evi_end, evi_first_known AS evi_known
              FROM linked WHERE evi_is_newest AND NOT withdrawn)
        WHERE subject_id IS NOT NULL AND evi_start < evi_end GROUP BY subject_id, evi_start"""
    )


def add_population(
    con: duckdb.DuckDBPyConnection,
    district: District,
    layout: LayoutSql,
    deliveries: Sequence[Delivery],
) -> None:
    """Append what a layout that covers a population says of everybody of its ages, delivery by delivery.

    A person is covered from birth (or the lower age) to the upper age. Without a month of birth, only a
    layout for all ages covers a person.
    """
    stated, subjects = layout.coverage, district.spine / "subjects.parquet"
    if stated is None or stated.role is not None or not deliveries or not subjects.is_file():
        return
    listed = ", ".join(
        f"(DATE '{start}', DATE '{end}', DATE '{known}')"
        for start, end, known in _windows(con, stated, deliveries)
    )
    first, last = stated.ages or (0, None)
    upper = "NULL" if last is None else f"CAST(birth_month + to_years({last}) AS DATE)"
    unaged = "true" if stated.ages is None else "birth_month IS NOT NULL"
    con.execute(
        f"""INSERT INTO pieces SELECT * FROM (
            SELECT subject_id, {quote(layout.feed)},
                greatest(start, CAST(birth_month + to_years({first}) AS DATE)) AS s,
                least("end", {upper}) AS e, known_at
            FROM read_parquet({quote(str(subjects))}), (VALUES {listed}) AS t(start, "end", known_at)
            WHERE {unaged}
        ) WHERE s < e"""
    )


def write_coverage(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write `coverage.parquet`: the pieces of each subject and feed, joined where they overlap or touch.

    A joined interval is known from the day of its earliest piece.
    """
    write_sorted(con, _joined("pieces", ("subject_id", "feed")), folder / "coverage.parquet", COVERAGE)


def _windows(
    con: duckdb.DuckDBPyConnection, stated: CoverageSql, deliveries: Iterable[Delivery]
) -> list[tuple[object, ...]]:
    """The days for which a layout's deliveries speak, joined where they overlap or touch."""
    listed = ", ".join(
        f"(DATE '{d.period_start}', DATE '{d.period_end + timedelta(days=stated.refresh_days + 1)}', "
        f"DATE '{d.newest}')"
        for d in deliveries
    )
    con.execute(
        f"""CREATE OR REPLACE TABLE windows AS
        SELECT 1 AS one, * FROM (VALUES {listed}) AS t(start, "end", known_at)"""
    )
    return [row[1:] for row in con.execute(_joined("windows", ("one",))).fetchall()]


def _joined(table: str, by: Sequence[str]) -> str:
    """SQL: intervals of `table` (start, end, known_at), joined in each group where they overlap or touch."""
    group = ", ".join(by)
    return f"""
        WITH marked AS (
            SELECT *, coalesce(start > max("end") OVER (
                PARTITION BY {group} ORDER BY start, "end", known_at
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), true) AS opens
            FROM {table}
        ), numbered AS (
            SELECT *, count_if(opens) OVER (PARTITION BY {group} ORDER BY start, "end", known_at
                ROWS UNBOUNDED PRECEDING) AS island FROM marked
        )
        SELECT {group}, min(start) AS start, max("end") AS "end", min(known_at) AS known_at
        FROM numbered GROUP BY {group}, island ORDER BY {group}, start"""
