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

from evi.index.arrow import numbers, texts
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
    """Put the indicators of the child's own index into a session of `open_sources`.

    Makes `own(position, indicator, domain, domain_no, group_no, scope, age_from, age_to, every_feed)`,
    `own_domains(domain_no, domain)`, `own_groups(group_no, needs)`,
    `own_feeds(indicator, feed)`, `own_codes(indicator, pattern, stem)` (`stem`: what the codes of a pattern
    that ends in `*` begin with), and `of_places(indicator, place_kind, rate_of, rate_at_least, minimum)`.
    """
    own, of_places = catalogue.own, catalogue.of_places
    read = [(entry.id, code) for entry in own for code in entry.codes]
    pairs = [(entry.id, feed) for entry in own for feed in entry.feeds]
    domains = {domain: number for number, domain in enumerate(catalogue.domain_ids)}
    groups = dict(con.execute("SELECT indicator, needs FROM needs").fetchall())
    group_numbers = {needs: number for number, needs in enumerate(sorted(set(groups.values())))}
    tables = {
        "own_domains": pa.table({"domain_no": numbers(domains.values()), "domain": texts(domains)}),
        "own_groups": pa.table({"group_no": numbers(group_numbers.values()), "needs": texts(group_numbers)}),
        "own": pa.table(
            {
                "position": numbers(range(len(own))),
                "indicator": texts(entry.id for entry in own),
                "domain": texts(entry.domain for entry in own),
                "domain_no": numbers(domains[entry.domain] for entry in own),
                "group_no": numbers(group_numbers.get(groups.get(entry.id, ""), -1) for entry in own),
                "scope": texts(entry.scope for entry in own),
                "age_from": numbers(entry.age_from for entry in own),
                "age_to": numbers(entry.age_to for entry in own),
                "every_feed": numbers(entry.every_feed for entry in own),
            }
        ),
        "own_feeds": pa.table(
            {
                "indicator": texts(name for name, _feed in pairs),
                "feed": texts(feed for _name, feed in pairs),
            }
        ),
        "own_codes": pa.table(
            {
                "indicator": texts(name for name, _code in read),
                "pattern": texts(code for _name, code in read),
                "stem": texts(code[:-1] if code.endswith("*") else "" for _name, code in read),
            }
        ),
        "of_places": pa.table(
            {
                "indicator": texts(entry.id for entry in of_places),
                "place_kind": texts(entry.rate_among for entry in of_places),
                "rate_of": texts(entry.rate_of or "" for entry in of_places),
                "rate_at_least": numbers(entry.rate_at_least for entry in of_places),
                "minimum": numbers(entry.minimum_children for entry in of_places),
            }
        ),
    }
    for name, data in tables.items():
        con.register("incoming", data)
        con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM incoming")
        con.unregister("incoming")


def columns(con: duckdb.DuckDBPyConnection, sql: str) -> dict[str, npt.NDArray[Any]]:
    """The columns of a query as arrays; in a column of text, None where there is nothing."""
    found: dict[str, Any] = con.execute(sql).fetchnumpy()
    return {
        name: column.filled(None)
        if isinstance(column, np.ma.MaskedArray) and column.dtype == object
        else column
        for name, column in found.items()
    }


def write_table(con: duckdb.DuckDBPyConnection, sql: str, path: Path) -> int:
    """Write an ordered query as Parquet, the same bytes each time, and return its number of rows.

    The query must end in a total order. DuckDB's own writer lays rows out as its threads finish;
    this one takes the ordered stream.
    """
    table = con.sql(sql).to_arrow_table()
    with replace_file(path) as scratch:
        pq.write_table(table, scratch, compression="zstd", row_group_size=122_880)
    return int(table.num_rows)
