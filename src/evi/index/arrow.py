"""Arrow columns made from their buffers.

`pyarrow.array` asks pandas what it has been given, and so loads pandas where that is installed: seconds of
waiting before `evi child` can answer. These few columns don't need the question.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_TYPES = {np.dtype(np.int64): pa.int64(), np.dtype(np.int32): pa.int32(), np.dtype(np.int16): pa.int16()}


def numbers(values: Iterable[int] | npt.NDArray[Any]) -> pa.Array[Any]:
    """A column of whole numbers; other than an array, they become 64-bit."""
    flat = values if isinstance(values, np.ndarray) else np.array(list(values), np.int64)
    return pa.Array.from_buffers(_TYPES[flat.dtype], len(flat), [None, _buffer(flat)])


def days(values: npt.NDArray[np.int32]) -> pa.Array[Any]:
    """A column of dates from days since 1970."""
    return pa.Array.from_buffers(pa.date32(), len(values), [None, _buffer(values)])


def texts(values: Iterable[str]) -> pa.Array[Any]:
    """A column of text.

    >>> texts(["child", "", "Übersicht"]).to_pylist()
    ['child', '', 'Übersicht']
    """
    known = list(values)
    return names(np.arange(len(known)), known)


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


def _buffer(values: npt.NDArray[Any]) -> pa.Buffer:
    """The memory of an array, without a copy where it lies in one piece."""
    memory: Any = np.ascontiguousarray(values)
    return pa.py_buffer(memory)
