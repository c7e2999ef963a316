"""The shapes of the store's files: columns, order, shards and names, so that every writer agrees.

Two projections hold the same facts. `events/` is what MEDS asks for: a subject lives in exactly one file,
sorted. `by_code/` is for the indicator compiler: one file a family of codes, only the versions that hold
at some time. Every file is written by `write_sorted`, and its rows have a total order, so the bytes of a
file depend on the rows in it and on nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa

from evi.records.shards import SHARDS
from evi.workspace import quote

ROW_GROUP = 122_880
"""Rows in a Parquet row group: DuckDB's own, and about 1 MB of each column."""


def shape(columns: Mapping[str, pa.DataType]) -> pa.Schema:
    """An Arrow schema of columns by name."""
    return pa.schema(columns)


EVENTS = shape(
    {
        "subject_id": pa.int64(),
        "time": pa.timestamp("us"),
        "code": pa.string(),
        "numeric_value": pa.float32(),
        "text_value": pa.large_string(),
        "known_at": pa.date32(),
        "known_until": pa.date32(),
        "source": pa.string(),
        "record_id": pa.int64(),
        "place_id": pa.string(),
        "end_time": pa.timestamp("us"),
        "date_precision": pa.string(),
        "link_confidence": pa.float32(),
        "withdrawn": pa.bool_(),
        "delivery": pa.string(),
    }
)
"""Columns of `events/`: MEDS core first, then eVI's extensions."""

NOT_BY_CODE = {"code", "date_precision", "delivery"}
"""What only a trace of one subject asks for (and the code, which goes first)."""

BY_CODE = shape(
    {
        "code": pa.string(),
        "code_id": pa.int64(),
        **{field.name: field.type for field in EVENTS if field.name not in NOT_BY_CODE},
    }
)
"""Columns of `by_code/`: those of `events/` that a compiler reads, and a number for the code."""

CODES = shape(
    {
        "code": pa.string(),
        "description": pa.string(),
        "parent_codes": pa.list_(pa.string()),
        "code_id": pa.int64(),
        "events": pa.int64(),
        "subjects": pa.int64(),
        "first": pa.date32(),
        "last": pa.date32(),
    }
)
"""Columns of `codes.parquet`: MEDS code metadata, then how much the store holds of each."""

SQL_TYPES = {
    pa.int64(): "BIGINT",
    pa.int32(): "INTEGER",
    pa.timestamp("us"): "TIMESTAMP",
    pa.string(): "VARCHAR",
    pa.large_string(): "VARCHAR",
    pa.float32(): "FLOAT",
    pa.date32(): "DATE",
    pa.bool_(): "BOOLEAN",
    pa.list_(pa.string()): "VARCHAR[]",
}

HOLDS = "NOT withdrawn AND (known_until IS NULL OR known_until > known_at)"
"""SQL: whether a version was ever what the hub knew."""


@cache
def code_id(code: str) -> int:
    """A lasting number for a code: the first 63 bits of its BLAKE2b hash."""
    return int.from_bytes(hashlib.blake2b(code.encode(), digest_size=8).digest()) >> 1


def family(code: str) -> str:
    """The family of a code, which names its file in `by_code/`: its first two parts.

    >>> family("EDU/SEN/NEED/ASD"), family("FIRE/VISIT")
    ('EDU-SEN', 'FIRE-VISIT')
    """
    return "-".join(code.split("/")[:2])


def family_file(name: str) -> str:
    """Where a family of codes lives, relative to `records/`."""
    return f"by_code/{name}.parquet"


def shard_of(subject: str = "subject_id") -> str:
    """SQL: the shard of a subject (two's complement, so homes have one too)."""
    return f"({subject} & {SHARDS - 1})"


def home_subject(home: str = "home") -> str:
    """SQL: the negative subject id of a home."""
    return f"(-({home} & {2**62 - 1}) - 1)"


def write_sorted(con: duckdb.DuckDBPyConnection, query: str, path: Path, schema: pa.Schema) -> None:
    """Write a query that ends in a total order as one Parquet file whose bytes depend on its rows alone.

    The file carries its Arrow schema, as MEDS wants `text_value` to be a large string, which Parquet's own
    types can't say. DuckDB marks a column as required when statistics show that it has no nulls, and those
    depend on the way a query is planned; without them every column is optional.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    arrow = base64.b64encode(schema.serialize().to_pybytes()).decode()
    con.execute("SET disabled_optimizers = 'statistics_propagation'")
    con.execute(
        f"COPY ({query}) TO {quote(str(path))} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, "
        f"ROW_GROUP_SIZE {ROW_GROUP}, KV_METADATA {{'ARROW:schema': {quote(arrow)}}})"
    )
    con.execute("SET disabled_optimizers = ''")


def empty_query(schema: pa.Schema) -> str:
    """SQL: no rows in the shape of `schema`."""
    columns = ", ".join(f'CAST(NULL AS {SQL_TYPES[field.type]}) AS "{field.name}"' for field in schema)
    return f"SELECT {columns} WHERE false"


def values_query(rows: Sequence[Sequence[object]], schema: pa.Schema) -> str:
    """SQL: rows of Python values in the shape of `schema`.

    Text, whole numbers, dates, lists of text and None are understood. (Arrow would do it too, but loads
    pandas where that is installed, which takes longer than everything else here.)
    """
    if not rows:
        return empty_query(schema)
    names = ", ".join(f'"{field.name}"' for field in schema)
    casts = ", ".join(
        f'CAST("{field.name}" AS {SQL_TYPES[field.type]}) AS "{field.name}"' for field in schema
    )
    listed = ", ".join(f"({', '.join(_literal(value) for value in row)})" for row in rows)
    return f"SELECT {casts} FROM (VALUES {listed}) AS t({names})"


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_literal(each) for each in value)}]"
    return quote(str(value))
