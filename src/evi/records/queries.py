"""Read the store: its tables as views, and one subject's events."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from evi.records.shapes import EVENTS
from evi.records.shards import SHARDS, shard_file
from evi.records.standing import read_standing
from evi.workspace import District, connect, quote

VIEWS = {
    "events": "events/*.parquet",
    "events_by_code": "by_code/*.parquet",
    "codes": "codes.parquet",
    "coverage": "coverage.parquet",
    "residence": "residence.parquet",
    "enrolment": "enrolment.parquet",
    "subjects": "subjects.parquet",
    "deliveries": "provenance/deliveries.parquet",
    "reconciliation": "provenance/reconciliation.parquet",
}


def open_records(
    district: District, con: duckdb.DuckDBPyConnection | None = None
) -> duckdb.DuckDBPyConnection:
    """A DuckDB session with the views `events`, `events_by_code`, `codes`, `coverage`, `residence`,
    `enrolment`, `subjects`, `deliveries` and `reconciliation`.

    Args:
        con: the session to put them in (by default a new one).

    Raises:
        EviError: nothing is loaded yet.
    """
    read_standing(district)
    con = con or connect(scratch=district.scratch)
    for name, files in VIEWS.items():
        path = quote(str(district.records / files))
        con.execute(f"CREATE OR REPLACE VIEW {name} AS FROM read_parquet({path})")
    return con


def trace(
    district: District, subject_id: int, codes: tuple[str, ...] = (), *, homes: bool = True
) -> pa.Table:
    """One subject's events in order of time, in all versions, with the columns of `events`.

    Args:
        codes: only these codes and those below them (`CSC/FACTOR` gives every factor); none: all.
        homes: also what happened at the subject's homes on days when the subject lived there.

    Raises:
        EviError: nothing is loaded yet.
    """
    read_standing(district)
    asked = " OR ".join(f"code = {quote(code)} OR starts_with(code, {quote(code + '/')})" for code in codes)
    with connect() as con:
        parts = [_of_subject(district, subject_id, "true")]
        stays = _stays(con, district, subject_id) if homes else []
        for home, start, end in stays:
            lived = f"time >= DATE '{start}'" + (f" AND time < DATE '{end}'" if end else "")
            parts.append(_of_subject(district, -(home & (2**62 - 1)) - 1, lived))
        query = f"""SELECT DISTINCT {", ".join(EVENTS.names)} FROM ({" UNION ALL ".join(parts)})
            WHERE {asked or "true"} ORDER BY time, code, record_id, known_at, delivery"""
        table: pa.Table = con.sql(query).to_arrow_table()
        return table


def _of_subject(district: District, subject_id: int, where: str) -> str:
    path: Path = district.records / shard_file(subject_id & (SHARDS - 1))
    return f"SELECT * FROM read_parquet({quote(str(path))}) WHERE subject_id = {subject_id} AND {where}"


def _stays(
    con: duckdb.DuckDBPyConnection, district: District, subject_id: int
) -> list[tuple[int, date, date | None]]:
    path = quote(str(district.records / "residence.parquet"))
    return con.execute(
        f"""SELECT home, coalesce(start, DATE '1900-01-01'), "end" FROM read_parquet({path})
        WHERE subject_id = {subject_id} AND home IS NOT NULL ORDER BY ALL"""
    ).fetchall()
