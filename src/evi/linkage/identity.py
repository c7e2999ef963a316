"""Person ids that last: a cluster keeps the id that most of its records had, and changes are written down."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from evi.encoding.columns import arrow
from evi.linkage.queries import one_number, table_of
from evi.workspace import quote

LEDGER_SCHEMA: pa.Schema = arrow.schema(
    [
        ("change_no", pa.int32()),
        ("change", pa.string()),
        ("subject_id", pa.int64()),
        ("other_id", pa.int64()),
        ("records", pa.int32()),
    ]
)


@dataclass
class IdChanges:
    """How many subjects are new, gone, merged into another or split off since the spine before."""

    new: int = 0
    gone: int = 0
    merged: int = 0
    split: int = 0
    ledger: pa.Table = field(default_factory=LEDGER_SCHEMA.empty_table)


def assign_ids(con: duckdb.DuckDBPyConnection, previous: Path | None) -> IdChanges:
    """Make `subjects_of` (rec, subject_id) from `resolved` and `records` (rec, feed, person).

    An id of the spine before goes to the cluster that holds most of its records, the lowest of equals; a
    cluster that inherits none gets the next free number, in the order of its first record.

    Args:
        previous: the spine folder that stood before, or None.
    """
    _inherited(con, previous)
    highest = one_number(con, "SELECT coalesce(max(subject_id), 0) FROM before")
    if previous is not None and (previous / "ledger.parquet").is_file():
        past = pq.read_table(previous / "ledger.parquet")
        used = [value for name in ("subject_id", "other_id") for value in past[name].to_pylist() if value]
        highest = max([highest, *used])
    else:
        past = LEDGER_SCHEMA.empty_table()
    con.execute(
        f"""CREATE OR REPLACE TABLE ids AS
        WITH clusters AS (SELECT cluster, min(rec) AS first FROM resolved GROUP BY cluster),
        named AS (SELECT * FROM clusters LEFT JOIN inherited USING (cluster))
        SELECT cluster, coalesce(subject_id, {highest} + sum((subject_id IS NULL)::BIGINT)
            OVER (ORDER BY first ROWS UNBOUNDED PRECEDING))::BIGINT AS subject_id,
            subject_id IS NULL AS fresh
        FROM named"""
    )
    con.execute(
        """CREATE OR REPLACE TABLE subjects_of AS
        SELECT rec, subject_id, probability FROM resolved JOIN ids USING (cluster)"""
    )
    return _changes(con, past)


def _inherited(con: duckdb.DuckDBPyConnection, previous: Path | None) -> None:
    """Tables `before` (rec, subject_id) and `inherited` (cluster, subject_id), one to one."""
    people = previous / "people.parquet" if previous is not None else None
    if people is None or not people.is_file():
        con.execute("CREATE OR REPLACE TABLE before (rec INTEGER, subject_id BIGINT)")
    else:
        con.execute(
            f"""CREATE OR REPLACE TABLE before AS
            SELECT r.rec, p.subject_id FROM read_parquet({quote(str(people))}) p
            LEFT JOIN records r USING (feed, person)"""
        )
    con.execute(
        """CREATE OR REPLACE TABLE overlap AS
        SELECT cluster, subject_id, count(*) AS shared FROM before JOIN resolved USING (rec)
        GROUP BY cluster, subject_id"""
    )
    # Each side's best partner, where they choose each other; the rest of a split or merge gets another id.
    con.execute(
        """CREATE OR REPLACE TABLE inherited AS
        WITH best AS (
            SELECT *, row_number() OVER (PARTITION BY subject_id ORDER BY shared DESC, cluster) AS of_id,
                   row_number() OVER (PARTITION BY cluster ORDER BY shared DESC, subject_id) AS of_cluster
            FROM overlap)
        SELECT cluster, subject_id FROM best WHERE of_id = 1 AND of_cluster = 1"""
    )


def _changes(con: duckdb.DuckDBPyConnection, past: pa.Table) -> IdChanges:
    con.execute(
        """CREATE OR REPLACE TABLE moved AS
        SELECT o.subject_id AS was, i.subject_id AS now, shared
        FROM overlap o JOIN ids i USING (cluster) WHERE o.subject_id <> i.subject_id"""
    )
    rows = table_of(
        con,
        """SELECT CASE WHEN now IN (SELECT subject_id FROM ids WHERE fresh) THEN 'split'
                       ELSE 'merged' END AS change,
                  was AS subject_id, now AS other_id, shared::INTEGER AS records
        FROM moved ORDER BY ALL""",
    )
    run = max([int(number or 0) for number in past["change_no"].to_pylist()], default=0) + 1
    fresh = rows.add_column(0, "change_no", pa.array([run] * len(rows), pa.int32())).cast(LEDGER_SCHEMA)
    changes = fresh["change"].to_pylist()
    return IdChanges(
        new=one_number(con, "SELECT count(*) FROM ids WHERE fresh"),
        gone=one_number(
            con,
            """SELECT count(DISTINCT subject_id) FROM before
            WHERE subject_id NOT IN (SELECT subject_id FROM ids)""",
        ),
        merged=changes.count("merged"),
        split=changes.count("split"),
        ledger=pa.concat_tables([past, fresh]),
    )
