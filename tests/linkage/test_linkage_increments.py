"""A small delivery into a spine that stands: as in full where little is new, refused where much is."""

from __future__ import annotations

import random

import duckdb
import pyarrow as pa
import pytest

from evi.encoding import Coder, Keys
from evi.linkage.increments import MOST_TOUCHED, Base, base_of, extend, why_in_full
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
    con.execute(f"CREATE OR REPLACE TABLE touched AS SELECT rec FROM every_observation WHERE {touched}")
    con.execute(
        "CREATE OR REPLACE TABLE observations AS FROM every_observation WHERE rec NOT IN (FROM touched)"
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
    assert why_in_full(con, base) is None
    grown = extend(con, base, Options())
    built, links = clusters(con), con.execute("FROM links ORDER BY ALL").fetchall()
    assert grown is not None and grown.pairs_compared < base.resolution.pairs_compared
    con.execute("CREATE OR REPLACE TABLE observations AS FROM every_observation")
    assert extend(con, base, Options()) is not None
    assert (clusters(con), con.execute("FROM links ORDER BY ALL").fetchall()) == (built, links)
    con.execute("CREATE OR REPLACE TABLE observations AS FROM every_observation")
    resolve(con, Options())
    assert built == clusters(con)


def test_what_is_told_anew_of_an_old_record_replaces_its_scores(con: duckdb.DuckDBPyConnection) -> None:
    base = with_base(con, "false")
    con.execute("CREATE OR REPLACE TABLE touched AS SELECT rec FROM every_observation WHERE rec IN (3, 5)")
    assert extend(con, base, Options()) is not None
    grown = clusters(con)
    con.execute("CREATE OR REPLACE TABLE observations AS FROM every_observation")
    resolve(con, Options())
    assert grown == clusters(con)


def test_much_that_is_new_and_new_feeds_need_a_full_run(con: duckdb.DuckDBPyConnection) -> None:
    base = with_base(con, f"rec >= {OLD - int(2 * MOST_TOUCHED * OLD)}")
    assert "since the model was learned" in (why_in_full(con, base) or "")
    base = with_base(con, f"rec >= {OLD}")
    con.execute("UPDATE observations SET feed = 7 WHERE rec = 0")
    assert why_in_full(con, base) == "The model has not seen 1 of the feeds."
    con.execute("CREATE OR REPLACE TABLE observations AS FROM every_observation")
    con.execute("UPDATE observations SET pc = NULL, pc_sector = NULL, sn_pc = NULL")
    assert extend(con, base, Options()) is None
