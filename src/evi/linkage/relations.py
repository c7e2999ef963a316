"""Mothers and siblings, from what birth records say, carried to subjects."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from evi.linkage.queries import table_of
from evi.workspace import quote

RELATION_COLUMNS = "subject_id, relation, other_id, probability"


def build_relations(con: duckdb.DuckDBPyConnection, files: Sequence[tuple[str, Path]]) -> pa.Table:
    """Relations of subjects, from the encoded relations of each feed and table `spine_people`.

    Args:
        files: feed and path of each encoded relations file.

    Returns:
        subject_id, relation (`mother`: the other is the subject's mother; `sibling`: they share one),
        other_id, probability; sorted. A child has one mother: the most probable, then the one that most rows
        give.
    """
    con.execute("CREATE OR REPLACE TABLE said (feed VARCHAR, type VARCHAR, person BIGINT, other BIGINT)")
    for feed, path in files:
        con.execute(
            f"""INSERT INTO said
            SELECT {quote(feed)}, type, person, other FROM read_parquet({quote(str(path))})"""
        )
    con.execute(
        """CREATE OR REPLACE TABLE mothers AS
        WITH named AS (
            SELECT c.subject_id, m.subject_id AS other_id, max(c.probability * m.probability) AS probability,
                   count(*) AS times
            FROM said s JOIN spine_people c ON c.feed = s.feed AND c.person = s.person
            JOIN spine_people m ON m.feed = s.feed AND m.person = s.other
            WHERE s.type = 'mother' AND c.subject_id <> m.subject_id GROUP BY ALL)
        SELECT * FROM named
        QUALIFY row_number() OVER (
            PARTITION BY subject_id ORDER BY probability DESC, times DESC, other_id) = 1"""
    )
    return table_of(
        con,
        f"""WITH siblings AS (
            SELECT a.subject_id, b.subject_id AS other_id, a.probability * b.probability AS probability
            FROM mothers a JOIN mothers b ON a.other_id = b.other_id AND a.subject_id <> b.subject_id)
        SELECT {RELATION_COLUMNS.replace("probability", "round(probability, 6) AS probability")}
        FROM (SELECT subject_id, 'mother' AS relation, other_id, probability FROM mothers
              UNION ALL SELECT subject_id, 'sibling', other_id, probability FROM siblings)
        ORDER BY subject_id, relation, other_id""",
    )
