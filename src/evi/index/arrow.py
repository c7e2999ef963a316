"""Between DuckDB, arrays and Arrow: columns made from their buffers, queries as arrays, tables written.

`pyarrow.array` asks pandas what it has been given, and so loads pandas where that is installed: seconds of
waiting before `evi child` can answer. These few columns don't need the question.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from evi.workspace import replace_file

_TYPES = {np.dtype(np.int64): pa.int64(), np.dtype(np.int32): pa.int32(), np.dtype(np.int16): pa.int16()}


def numbers(values: Iterable[int] | npt.NDArray[Any]) -> pa.Array[Any]:
    """A column of whole numbers; other than an array, they become 64-bit."""
    flat = values if isinstance(values, np.ndarray) else np.array(list(values), np.int64)
    return pa.Array.from_buffers(_TYPES[flat.dtype], len(flat), [None, _buffer(flat)])


def days(values: npt.NDArray[np.int32]) -> pa.Array[Any]:
    """A column of dates from days since 1970."""
    return pa.Array.from_buffers(pa.date32(), len(values), [None, _buffer(values)])


def names(places: npt.NDArray[Any], of: list[str]) -> pa.Array[Any]:
    """A column of text from the places of its values in a list.

    >>> names(np.array([1, 1, 0]), ["gp", "school"]).to_pylist()
    ['school', 'school', 'gp']
    """
    encoded = [name.encode() for name in of]
    lengths = np.array([len(name) for name in encoded], np.int64)[places]
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    data = pa.py_buffer(b"".join([encoded[place] for place in places.tolist()]))
    return pa.Array.from_buffers(pa.string(), len(places), [None, _buffer(ends), data])


def lists(lengths: npt.NDArray[Any], values: pa.Array[Any]) -> pa.Array[Any]:
    """A column of lists, from how long each is and all of their values in turn."""
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    kind = pa.list_(values.type)
    return pa.Array.from_buffers(kind, len(lengths), [None, _buffer(ends)], children=[values])


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


def _buffer(values: npt.NDArray[Any]) -> pa.Buffer:
    """The memory of an array, without a copy where it lies in one piece."""
    memory: Any = np.ascontiguousarray(values)
    return pa.py_buffer(memory)
