"""Beyond one machine: the same blocks, the same comparisons and the same weights, found and scored on Spark.

What grows fastest with the number of records is seeking pairs and scoring them. Both run on Apache Spark:
the statements are those that DuckDB runs, transpiled, and scoring is Splink's through its Spark backend. The
rest (condensing, certain links, learning from a sample, clusters) is linear and stays with DuckDB.
"""

from __future__ import annotations

import copy
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

from evi.linkage.blocking import find_pairs
from evi.linkage.deterministic import anchor
from evi.linkage.people import condense
from evi.linkage.planner import drop_what_says_nothing, plan
from evi.linkage.queries import columns_that_hold_something
from evi.linkage.resolve import Options, Resolution, candidates, cluster_links
from evi.linkage.rivals import least_weight, link_probabilities
from evi.linkage.scoring import settings_for
from evi.linkage.training import candidates_to_train_on, train
from evi.workspace import SILENT, EviError, Progress, quote

_HANDED_OVER = ("people", "variants", "nodes")


def resolve_on_spark(
    con: duckdb.DuckDBPyConnection,
    spark: Any,
    exchange: Path,
    options: Options,
    progress: Progress = SILENT,
) -> Resolution:
    """What `evi.linkage.resolve.resolve` does for feeds of one record a person, its pairs sought on Spark.

    Args:
        con: DuckDB with `observations`; afterwards with `links` and `resolved`.
        spark: a `pyspark.sql.SparkSession`; what it caches is given back.
        exchange: a new or empty folder that this machine and every executor can write and read.

    Raises:
        EviError: `exchange` holds something already.
    """
    if exchange.is_dir() and any(exchange.iterdir()):
        raise EviError("the folder is not empty.", where=str(exchange), do="Name a new one.")
    exchange.mkdir(parents=True, exist_ok=True)
    with progress.task("Linking people", 4) as advance:
        seen = drop_what_says_nothing(con)
        columns = condense(con)
        filled = columns_that_hold_something(con, "variants")
        planned = plan(con, columns, filled, seen, one_per_feed=True, threshold=options.threshold)
        anchored = anchor(con, one_per_feed=True)
        advance(1)
        sample = candidates_to_train_on(con, one_per_feed=True)
        find_pairs(con, planned.rules, [sample], filled=filled)
        model = train(con, planned.comparisons, filled, one_per_feed=True)
        advance(1)
        for name in _HANDED_OVER:
            con.execute(f"COPY {name} TO {quote(str(exchange / f'{name}.parquet'))} (FORMAT parquet)")
        tables = SparkTables(spark)
        for name in _HANDED_OVER:
            tables.show(name, spark.read.parquet(str(exchange / f"{name}.parquet")))
        wanted = candidates(con, one_per_feed=True)
        blocks = find_pairs(tables, planned.rules, [wanted], filled=filled)  # type: ignore[arg-type]
        pairs = int(tables.execute("SELECT count(*) FROM candidates").fetchall()[0][0])
        settings = settings_for(planned.comparisons, model.weights, model.prior)
        scored = score_on_spark(tables, settings, least_weight(options.review_from))
        scored.write.parquet(str(exchange / "scored"))
        tables.close()
        advance(1)
        files = quote(str(exchange / "scored" / "*.parquet"))
        con.execute(f"CREATE OR REPLACE TABLE scored AS FROM read_parquet({files})")
        link_probabilities(con, model.prior, options.review_from)
        found, twins = cluster_links(con, planned.threshold)
        advance(1)
    return Resolution.of(
        found,
        replace(model, plan=tuple(planned.explain(blocks))),
        planned,
        blocks=blocks,
        anchored=anchored,
        pairs_compared=pairs,
        twins=twins,
    )


def score_on_spark(tables: SparkTables, settings: dict[str, Any], least: float) -> Any:
    """Score `candidates` over `people` by Splink: rec_l, rec_r and a match_weight of `least` or more."""
    from splink import Linker  # noqa: PLC0415
    from splink.backends.spark import SparkAPI  # noqa: PLC0415 - needs pyspark

    logging.getLogger("splink").setLevel(logging.ERROR)
    tables.execute(
        """CREATE OR REPLACE TEMP TABLE evi_pairs AS
        SELECT CAST(rules AS VARCHAR) AS match_key, l AS join_key_l, r AS join_key_r FROM candidates"""
    )
    api = SparkAPI(  # type: ignore[no-untyped-call]
        spark_session=tables.spark, break_lineage_method="persist", register_udfs_automatically=False
    )
    people, pairs = (api.register(tables.spark.table(name)) for name in ("people", "evi_pairs"))
    linker = Linker(people, spark_settings(settings), log_level=None, validate_settings=False)
    linker.table_management.register_blocked_pairs_for_predict(pairs)
    predicted = linker.inference.predict(threshold_match_weight=least, warning_mode="never")
    return tables.spark.table(predicted.physical_name).select("rec_l", "rec_r", "match_weight")


def spark_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Splink's settings with every condition in Spark's SQL."""
    settings = copy.deepcopy(settings)
    for comparison in settings["comparisons"]:
        for level in comparison["comparison_levels"]:
            if level["sql_condition"] != "ELSE":
                level["sql_condition"] = to_spark(level["sql_condition"])
    return settings


def to_spark(sql: str) -> str:
    """DuckDB's SQL as Spark's; DuckDB's 64-bit `hash` as Spark's (another, but equal for equals too)."""

    def renamed(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Anonymous) and str(node.this).lower() == "hash":
            return exp.Anonymous(this="xxhash64", expressions=node.expressions)
        return node

    return sqlglot.parse_one(sql, read="duckdb").transform(renamed).sql("spark")


class _Rows:
    """The rows of a statement, as DuckDB's cursor gives them."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self._rows = rows

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All of them."""
        return self._rows


class SparkTables:
    """Runs on Spark the few kinds of DuckDB statement that blocking is written in.

    Tables are temporary views of persisted DataFrames; a table that grows is the union of its parts.

    Args:
        spark: a `pyspark.sql.SparkSession`.
    """

    def __init__(self, spark: Any) -> None:
        self.spark = spark
        self._kept: dict[str, list[Any]] = {}

    def show(self, name: str, frame: Any) -> None:
        """Make `frame` known as table `name`."""
        frame.createOrReplaceTempView(name)

    def execute(self, sql: str) -> _Rows:
        """Run one or several statements: CREATE TABLE, INSERT INTO … SELECT, DROP TABLE or a query."""
        rows = _Rows([])
        for statement in sqlglot.parse(sql, read="duckdb"):
            if statement is not None:
                rows = self._run(statement)
        return rows

    def close(self) -> None:
        """Free what is kept."""
        for name in list(self._kept):
            self._drop(name)

    def _run(self, statement: Any) -> _Rows:
        name = "" if isinstance(statement, exp.Query) else (statement.this or statement).find(exp.Table).name
        if isinstance(statement, exp.Drop):
            self._drop(name)
        elif isinstance(statement, exp.Create) and statement.expression is None:
            columns = ", ".join(column.sql("spark") for column in statement.this.expressions)
            self._drop(name)
            self.show(name, self.spark.createDataFrame([], columns))
        elif isinstance(statement, exp.Create):
            frame = self._query(statement.expression).persist()
            self._drop(name)
            self._kept[name] = [frame]
            self.show(name, frame)
        elif isinstance(statement, exp.Insert):
            return self._insert(name, statement.expression)
        else:
            return _Rows([tuple(row) for row in self._query(statement).collect()])
        return _Rows([])

    def _insert(self, name: str, query: Any) -> _Rows:
        frame = self._query(query).toDF(*self.spark.table(name).columns).persist()
        parts = self._kept.setdefault(name, [])
        parts.append(frame)
        whole = parts[0]
        for part in parts[1:]:
            whole = whole.unionByName(part)
        self.show(name, whole)
        return _Rows([(frame.count(),)])

    def _query(self, query: Any) -> Any:
        return self.spark.sql(to_spark(query.sql("duckdb")))

    def _drop(self, name: str) -> None:
        for frame in self._kept.pop(name, []):
            frame.unpersist()
        self.spark.catalog.dropTempView(name)
