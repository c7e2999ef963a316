"""Small questions to DuckDB, with every result drained before the next statement."""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa


def one_row(con: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    """The only row of a query; the connection is free again when this returns."""
    return tuple(con.execute(sql).fetchall()[0])


def one_number(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    """The only value of a query, as a whole number."""
    return int(one_row(con, sql)[0])


def table_of(con: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    """The rows of a query as an Arrow table."""
    table: pa.Table = con.sql(sql).to_arrow_table()
    return table


def columns_that_hold_something(con: duckdb.DuckDBPyConnection, table: str) -> frozenset[str]:
    """The columns of `table` in which at least one row is not null."""
    names = [str(row[0]) for row in con.execute(f"DESCRIBE {table}").fetchall()]
    counts = one_row(con, f"SELECT {', '.join(f'count({name})' for name in names)} FROM {table}")
    return frozenset(name for name, count in zip(names, counts, strict=True) if count)
