"""NumPy arrays as Arrow columns and back, without the second that PyArrow takes to look for pandas.

`pyarrow.array` imports pandas, where it is installed, to see whether it was given a series. A command that
answers in a tenth of a second can't afford that, so columns are made from their buffers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa


def numbers(result: duckdb.DuckDBPyRelation) -> dict[str, np.ndarray]:
    """The columns of a query's answer as NumPy arrays; for columns of numbers without nulls."""
    table = result.to_arrow_table()
    return {name: flat(table.column(name)) for name in table.column_names}


def flat(column: pa.ChunkedArray[Any]) -> np.ndarray:
    """One Arrow column of numbers without nulls as one array, without a copy where it is in one piece."""
    kind = np.dtype(column.type.to_pandas_dtype())
    parts = []
    for chunk in (chunk for chunk in column.chunks if len(chunk)):
        buffer: Any = chunk.buffers()[1]
        parts.append(np.frombuffer(buffer, kind, count=len(chunk), offset=chunk.offset * kind.itemsize))
    return parts[0] if len(parts) == 1 else np.concatenate(parts or [np.empty(0, kind)])


def column(values: np.ndarray, kind: Any = None, valid: np.ndarray | None = None) -> pa.Array[Any]:
    """Numbers as an Arrow column of a kind of the same width; those that are not valid are null."""
    values = np.ascontiguousarray(values)
    nulls = None if valid is None else _buffer(np.packbits(valid, bitorder="little"))
    kind = pa.from_numpy_dtype(values.dtype) if kind is None else kind
    return pa.Array.from_buffers(kind, len(values), [nulls, _buffer(values)])


def _buffer(values: Any) -> Any:
    return pa.py_buffer(values)


def words(texts: Sequence[str]) -> pa.Array[Any]:
    """Texts as an Arrow column."""
    encoded = [text.encode() for text in texts]
    ends = np.cumsum([0, *(len(text) for text in encoded)]).astype(np.int32)
    buffers: list[Any] = [None, _buffer(ends), _buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(encoded), buffers)


def coded(numbers_: np.ndarray, texts: Sequence[str]) -> pa.Array[Any]:
    """A column of a few texts, as numbers of them."""
    return pa.DictionaryArray.from_arrays(column(numbers_), words(texts))


def arrow(columns: Mapping[str, Any]) -> pa.Table:
    """An Arrow table of NumPy or Arrow columns."""
    made = {name: column(c) if isinstance(c, np.ndarray) else c for name, c in columns.items()}
    return pa.table(made)
