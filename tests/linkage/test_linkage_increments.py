"""A small delivery into a spine that stands: as in full where little is new, refused where much is."""

from __future__ import annotations

import random

import duckdb
import pyarrow as pa
import pytest

from evi.encoding import Coder, Keys
from evi.linkage.increments import MOST_TOUCHED, Base, base_of, resolve_from
from evi.linkage.resolve import Options, resolve
from evi.linkage.tables import load_observations
from tests.linkage.test_linkage_tables import ROLES, people

OLD, NEW = 1_200, 40


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    """`every_observation`: a register and most of it again, shuffled, with some surnames changed."""
    register = people(OLD - 400 + NEW)
    rows = random.Random(2).sample(register.to_pylist(), 400)
    again = [row | ({"last": "Bell"} if number % 9 == 0 else {}) for number, row in enumerate(rows)]
    con = duckdb.connect()
    sides = [(register, ROLES), (pa.Table.from_pylist(again), ROLES)]
    load_observations(con, sides, Coder(Keys.throw_away()))
    con.execute("ALTER TABLE observations RENAME TO every_observation")
    return con


def with_base(con: duckdb.DuckDBPyConnection, touched: str) -> Base:
    """Resolve what is not `touched`, then put all observations in place."""
    con.execute(
        f"CREATE OR REPLACE TABLE observations AS FROM every_observation WHERE NOT coalesce({touched}, false)"
    )
    base = base_of(con, resolve(con, Options()))
    con.execute("CREATE OR REPLACE TABLE observations AS FROM every_observation")
    return base


def clusters(con: duckdb.DuckDBPyConnection) -> set[tuple[int, ...]]:
    rows = con.execute("SELECT list(rec ORDER BY rec) FROM resolved GROUP BY cluster").fetchall()
    return {tuple(row[0]) for row in rows}


def test_a_delivery_built_on_what_stands_gives_the_clusters_of_a_full_run(
    con: duckdb.DuckDBPyConnection,
) -> None:
    base = with_base(con, f"rec >= {OLD}")
    compared = len(base.scored)
    grown = resolve_from(con, base, Options())
    built, links = clusters(con), con.execute("FROM links ORDER BY ALL").fetchall()
    assert (grown.why, grown.touched, grown.records) == ("", NEW, OLD + NEW)
    assert grown.resolution.pairs_compared < compared
    assert resolve_from(con, base, Options()).why == ""
    assert (clusters(con), con.execute("FROM links ORDER BY ALL").fetchall()) == (built, links)
    resolve(con, Options())
    assert built == clusters(con)


def test_what_is_told_anew_of_an_old_record_replaces_its_scores(con: duckdb.DuckDBPyConnection) -> None:
    base = with_base(con, "false")
    con.execute(
        """CREATE OR REPLACE TABLE observations AS
        SELECT * REPLACE (CASE WHEN rec = 3 THEN NULL ELSE nhs END AS nhs,
                          CASE WHEN rec IN (3, 5) THEN fn + 1 ELSE fn END AS fn) FROM every_observation"""
    )
    outcome = resolve_from(con, base, Options())
    assert (outcome.why, outcome.touched) == ("", 2)
    grown = clusters(con)
    resolve(con, Options())
    assert grown == clusters(con)


def test_what_is_only_said_again_is_not_new(con: duckdb.DuckDBPyConnection) -> None:
    base = with_base(con, "false")
    con.execute("UPDATE observations SET times = times + 1, seen = DATE '2025-01-01'")
    assert (
        resolve_from(con, base, Options()).why == "No record is new or changed since the model was learned."
    )


@pytest.mark.parametrize(
    ("touched", "then", "threshold", "why"),
    [
        (f"rec >= {OLD - int(2 * MOST_TOUCHED * OLD)}", "", None, "since the model was learned"),
        (f"rec >= {OLD}", "UPDATE observations SET feed = 7 WHERE rec = 0", None, "not seen 1 of the feeds"),
        (
            f"rec >= {OLD}",
            "UPDATE observations SET pc = NULL, pc_sector = NULL, sn_pc = NULL",
            None,
            "columns",
        ),
        (f"rec >= {OLD}", "", 0.9, "The threshold was 0.5"),
    ],
)
def test_what_the_model_has_not_seen_needs_a_full_run(
    con: duckdb.DuckDBPyConnection, touched: str, then: str, threshold: float | None, why: str
) -> None:
    base = with_base(con, touched)
    if then:
        con.execute(then)
    outcome = resolve_from(con, base, Options(threshold=threshold))
    assert why in outcome.why
    assert outcome.resolution.pairs_compared > 0.5 * len(base.scored)
