"""SQL as named steps: each is a table that can be read on its own when a number looks wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from evi.index.catalogue import Catalogue
from evi.workspace import replace_file


@dataclass(frozen=True)
class Step:
    """One temporary table: its name, what it holds in a sentence, and the query that makes it."""

    name: str
    holds: str
    sql: str

    def __str__(self) -> str:
        return f"-- {self.name}: {self.holds}\n{self.sql.strip()}"


def run_steps(con: duckdb.DuckDBPyConnection, steps: Iterable[Step]) -> None:
    """Make each step's table in turn; a table of the same name is replaced."""
    for step in steps:
        con.execute(f"CREATE OR REPLACE TEMP TABLE {step.name} AS {step.sql}")


def load_catalogue(con: duckdb.DuckDBPyConnection, catalogue: Catalogue) -> None:
    """Put the indicators of the child's own index into the session.

    Makes `own(position, indicator, domain, scope, age_from, age_to, every_feed)`,
    `own_feeds(indicator, feed)`, `own_codes(indicator, pattern, stem)` (`stem` is what the codes of a pattern
    that ends in `*` begin with), and `of_places(indicator, place_kind, rate_of, rate_at_least, minimum)`.
    """
    own = catalogue.own
    table = pa.table(
        {
            "position": pa.array(range(len(own)), pa.int16()),
            "indicator": pa.array([entry.id for entry in own], pa.string()),
            "domain": pa.array([entry.domain for entry in own], pa.string()),
            "scope": pa.array([entry.scope for entry in own], pa.string()),
            "age_from": pa.array([entry.age_from for entry in own], pa.int32()),
            "age_to": pa.array([entry.age_to for entry in own], pa.int32()),
            "every_feed": pa.array([entry.every_feed for entry in own], pa.bool_()),
        }
    )
    pairs = [(entry.id, feed) for entry in own for feed in entry.feeds]
    feeds = pa.table(
        {
            "indicator": pa.array([pair[0] for pair in pairs], pa.string()),
            "feed": pa.array([pair[1] for pair in pairs], pa.string()),
        }
    )
    read = [(entry.id, code) for entry in own for code in entry.codes]
    codes = pa.table(
        {
            "indicator": pa.array([indicator for indicator, _code in read], pa.string()),
            "pattern": pa.array([code for _indicator, code in read], pa.string()),
            "stem": pa.array([code[:-1] if code.endswith("*") else None for _i, code in read], pa.string()),
        }
    )
    places = pa.table(
        {
            "indicator": pa.array([entry.id for entry in catalogue.of_places], pa.string()),
            "place_kind": pa.array([entry.rate_among for entry in catalogue.of_places], pa.string()),
            "rate_of": pa.array([entry.rate_of for entry in catalogue.of_places], pa.string()),
            "rate_at_least": pa.array([entry.rate_at_least for entry in catalogue.of_places], pa.int64()),
            "minimum": pa.array([entry.minimum_children for entry in catalogue.of_places], pa.int64()),
        }
    )
    tables = {"own": table, "own_feeds": feeds, "own_codes": codes, "of_places": places}
    for name, data in tables.items():
        con.register("incoming", data)
        con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM incoming")
        con.unregister("incoming")


def columns(con: duckdb.DuckDBPyConnection, sql: str) -> dict[str, npt.NDArray[Any]]:
    """The columns of a query as arrays; in a column of text, None where there is nothing."""
    table = con.sql(sql).to_arrow_table()
    return {name: np.asarray(table[name].to_numpy(zero_copy_only=False)) for name in table.column_names}


def write_table(con: duckdb.DuckDBPyConnection, sql: str, path: Path) -> int:
    """Write an ordered query as Parquet, the same bytes each time, and return its number of rows.

    The query must end in a total order. DuckDB's own writer lays rows out as its threads finish;
    this one takes the ordered stream.
    """
    table = con.sql(sql).to_arrow_table()
    with replace_file(path) as scratch:
        pq.write_table(table, scratch, compression="zstd", row_group_size=122_880)
    return int(table.num_rows)
