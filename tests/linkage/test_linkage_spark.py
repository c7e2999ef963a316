"""Spark finds and scores the pairs that DuckDB does; needs the extra `spark` and Java."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from evi.encoding import Coder, Keys
from evi.linkage.resolve import Options, resolve
from evi.linkage.tables import load_observations
from evi.workspace import EviError
from tests.linkage.test_linkage_tables import ROLES, people

KEYS = Keys(bytes(random.Random(8).randbytes(32)))


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    pyspark = pytest.importorskip(
        "pyspark.sql", reason="needs PySpark: pip install 'evi[spark]'", exc_type=ImportError
    )
    if not shutil.which("java"):
        pytest.skip("needs Java 17: apt-get install openjdk-17-jre-headless")
    folder = tmp_path_factory.mktemp("spark")
    builder = pyspark.SparkSession.builder.master("local[1]").appName("evi tests")
    for name, value in {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.default.parallelism": "1",
        "spark.sql.adaptive.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.warehouse.dir": str(folder),
    }.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


def registers() -> duckdb.DuckDBPyConnection:
    """A register and half of it again, shuffled, with slips: the same codes at every call."""
    register = people(400)
    draw = random.Random(3)
    again = draw.sample(register.to_pylist(), 200)
    for row in again:
        if draw.random() < 0.4:
            row["first"] = row["first"][1:] if draw.random() < 0.5 else row["first"][:-1] + "e"
        if draw.random() < 0.3:
            row["pc"] = None
    con = duckdb.connect()
    load_observations(con, [(register, ROLES), (pa.Table.from_pylist(again), ROLES)], Coder(KEYS))
    return con


@pytest.mark.slow
def test_spark_gives_the_answers_of_duckdb_to_six_decimals(spark: Any, tmp_path: Path) -> None:
    from evi.linkage.spark import resolve_on_spark

    one, other = registers(), registers()
    here = resolve(one, Options())
    there = resolve_on_spark(other, spark, tmp_path / "exchange", Options())
    assert there.model == here.model and there.blocks == here.blocks
    assert there.pairs_compared == here.pairs_compared > 0
    weights = "SELECT rec_l, rec_r, round(match_weight, 6) FROM scored ORDER BY ALL"
    assert other.execute(weights).fetchall() == one.execute(weights).fetchall()
    for rows in ("SELECT rec_l, rec_r, p FROM links ORDER BY ALL", "FROM resolved ORDER BY ALL"):
        assert other.execute(rows).fetchall() == one.execute(rows).fetchall()


@pytest.mark.slow
def test_a_block_too_large_is_split_on_spark_as_on_duckdb(spark: Any) -> None:
    from evi.linkage.blocking import Rule, Wanted, find_pairs
    from evi.linkage.queries import columns_that_hold_something
    from evi.linkage.spark import SparkTables

    con = registers()
    resolve(con, Options())
    rules = [Rule("sex", (("sex",),)), Rule("birth year", (("birth_year",), ("ym",)))]
    wanted = Wanted("found", "l.feed <> r.feed", members="n.rec > 3")
    filled = columns_that_hold_something(con, "variants")
    here = find_pairs(con, rules, [wanted], filled=filled, cap=2_000)
    tables = SparkTables(spark)
    for name in ("variants", "nodes"):
        tables.show(name, spark.createDataFrame(con.sql(f"FROM {name}").to_arrow_table()))
    there = find_pairs(tables, rules, [wanted], filled=filled, cap=2_000)  # type: ignore[arg-type]
    assert there == here and here[0].blocks_split
    pairs = "SELECT l, r, rules FROM found ORDER BY l, r"
    assert tables.execute(pairs).fetchall() == con.execute(pairs).fetchall()
    tables.close()


def test_the_exchange_folder_must_be_empty(tmp_path: Path) -> None:
    from evi.linkage.spark import resolve_on_spark

    (tmp_path / "something").touch()
    with pytest.raises(EviError, match="not empty"):
        resolve_on_spark(duckdb.connect(), None, tmp_path, Options())
