"""Where people live and learn: residence, moves of home and school rolls."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from evi.records.mapping import WRITTEN
from evi.records.shapes import empty_query, family_file, shape, shard_of, write_sorted
from evi.workspace import District, quote

MOVE = "PLACE/MOVE"
"""Code of the start of a residence after a person's first."""

SPINE = "spine"
"""Source and delivery of facts that the spine gives."""

UNLISTED_DAYS = 200
"""A pupil whom no census has listed for this long has left: two censuses are at most about 150 days apart."""

RESIDENCE = shape(
    {
        "subject_id": pa.int64(),
        "home": pa.int64(),
        "lsoa": pa.string(),
        "start": pa.date32(),
        "end": pa.date32(),
    }
)
ENROLMENT = shape({"subject_id": pa.int64(), "school": pa.string(), "start": pa.date32(), "end": pa.date32()})


def load_residence(con: duckdb.DuckDBPyConnection, district: District) -> None:
    """Make the table `residence` (subject_id, home, lsoa, start, end; an open end is null) from the spine."""
    path = district.spine / "households.parquet"
    source = (
        f"""SELECT subject_id, household_id AS home, lsoa, start, "end"
        FROM read_parquet({quote(str(path))})"""
        if path.is_file()
        else empty_query(RESIDENCE)
    )
    con.execute(f"CREATE TABLE residence AS SELECT DISTINCT * FROM ({source})")


def write_residence(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write `residence.parquet`, sorted by subject and start."""
    query = """FROM residence ORDER BY subject_id, start NULLS FIRST, home, "end", lsoa"""
    write_sorted(con, query, folder / "residence.parquet", RESIDENCE)


def make_moves(con: duckdb.DuckDBPyConnection) -> None:
    """Make the table `moves` in the shape of `events`: each start of a residence elsewhere than before.

    A move is known from its first day, as addresses are dated by the records that show them.
    """
    con.execute(
        f"""CREATE TABLE moves AS
        WITH stays AS (
            SELECT subject_id, home, min(start) AS start FROM residence
            WHERE start IS NOT NULL AND home IS NOT NULL GROUP BY subject_id, home, start
        ), dated AS (
            SELECT *, lag(home) OVER (PARTITION BY subject_id ORDER BY start, home) AS home_before FROM stays
        )
        SELECT {shard_of()}::UTINYINT AS shard, subject_id, start::TIMESTAMP AS time, '{MOVE}' AS code,
            NULL::FLOAT AS numeric_value, NULL::VARCHAR AS text, start AS known_at, NULL::DATE AS known_until,
            '{SPINE}' AS source,
            (md5_number_lower('{MOVE}/' || subject_id || '/' || home || '/' || start) >> 1)::BIGINT
                AS record_id,
            home, NULL::VARCHAR AS place, NULL::TIMESTAMP AS end_time, {WRITTEN} AS link_confidence,
            false AS withdrawn, '{SPINE}' AS delivery
        FROM dated WHERE home_before IS NOT NULL AND home_before <> home"""
    )


def write_enrolment(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write `enrolment.parquet` from the store's school rolls: who was at which school from when to when.

    Each census lists a pupil's entry again, so the newest word on an entry stands. A stay that nobody ended
    ends when the pupil enters another school, or with the census that last listed it if the school has sent
    others since; only what is left is open (null).
    """
    path = folder / family_file("EDU-ROLL")
    roll = (
        f"SELECT * FROM read_parquet({quote(str(path))}) WHERE known_until IS NULL"
        if path.is_file()
        else "SELECT NULL::BIGINT subject_id, NULL::VARCHAR place_id, NULL::TIMESTAMP time, "
        "NULL::TIMESTAMP end_time, NULL::DATE known_at WHERE false"
    )
    query = f"""
        WITH roll AS (
            SELECT subject_id, substr(place_id, 8) AS school, time::DATE AS start, end_time::DATE AS "end",
                known_at
            FROM ({roll}) WHERE place_id LIKE 'school:%'
        ), said AS (
            SELECT subject_id, school, start,
                max({{'listed': known_at, 'end': coalesce("end", DATE '9999-12-31')}}) AS word
            FROM roll GROUP BY ALL
        ), entered AS (
            SELECT *, min(start) OVER (PARTITION BY subject_id ORDER BY start
                RANGE BETWEEN INTERVAL 1 DAY FOLLOWING AND UNBOUNDED FOLLOWING) AS next_start
            FROM said
        ), ended AS (
            SELECT subject_id, school, start, CASE
                WHEN word['end'] < DATE '9999-12-31' THEN word['end']
                WHEN next_start IS NOT NULL THEN next_start
                WHEN word['listed'] + {UNLISTED_DAYS} < (SELECT max(known_at) FROM roll)
                    THEN word['listed'] + 1
                ELSE DATE '9999-12-31' END AS "end"
            FROM entered
        ), merged AS (
            SELECT subject_id, school, start, "end", coalesce(start > max("end") OVER (
                PARTITION BY subject_id, school ORDER BY start, "end"
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), true) AS opens
            FROM ended WHERE start < "end"
        ), numbered AS (
            SELECT *, count_if(opens) OVER (PARTITION BY subject_id, school ORDER BY start, "end") AS stay
            FROM merged
        )
        SELECT subject_id, school, min(start) AS start, nullif(max("end"), DATE '9999-12-31') AS "end"
        FROM numbered GROUP BY subject_id, school, stay ORDER BY subject_id, start, school"""
    write_sorted(con, query, folder / "enrolment.parquet", ENROLMENT)
