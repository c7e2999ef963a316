"""An outer layer of codes, which can be changed without clear values.

Where a district has an outer key, a code in its folders is an inner code (BLAKE2b under the agencies' key)
inside a keyed permutation of all 64-bit numbers: equal codes stay equal and different ones different. Whoever
holds the old outer key and the new one takes the one off and puts the other on. They need no clear value and
not the agencies' key. See docs/decisions/0017-codes-are-transcoded.md.

The permutation is a Feistel network of ten rounds, the shape of FF1 in NIST SP 800-38G, whose round function
is AES-256: a column is done in ten calls.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from evi.encoding.columns import Column, arrow
from evi.encoding.columns import compute as pc
from evi.encoding.keys import Keys
from evi.encoding.tokens import TOKENS
from evi.feeds import Layout
from evi.workspace import District

ROUNDS = 10
OUTER = "outer.key"
_BLOCK = 16  # bytes of an AES block: the half of a code, and zeros


class Outer:
    """One outer key: a permutation of 64-bit codes, the same in every column.

    Args:
        keys: the outer key, which is not the district's.
    """

    def __init__(self, keys: Keys) -> None:
        self.key_id = keys.key_id
        self._rounds = [algorithms.AES(keys.derive("outer", str(number))) for number in range(ROUNDS)]

    def wrap(self, codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Outer codes of inner ones."""
        left, right = _halves(codes)
        for cipher in self._rounds:
            left, right = right, left ^ _scrambled(cipher, right)
        return _joined(left, right)

    def unwrap(self, codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Inner codes of outer ones: `unwrap(wrap(codes))` is `codes`."""
        left, right = _halves(codes)
        for cipher in reversed(self._rounds):
            left, right = right ^ _scrambled(cipher, left), left
        return _joined(left, right)


def outer_of(district: District) -> Outer | None:
    """The district's outer key, beside the district key; None where codes have no outer layer."""
    path = district.key_file.with_name(OUTER)
    return Outer(Keys.from_file(path)) if path.is_file() else None


def code_columns(part: str, layout: Layout) -> frozenset[str]:
    """The columns of one part of a delivery that hold codes."""
    if part != "payload":
        return frozenset(TOKENS) | {"person", "other", "household"}
    references = {field.name for field in layout.payload_fields if field.type == "reference"}
    return frozenset(references | {f"person_{person.role}" for person in layout.persons} | {"record", "home"})


def transcoded(table: pa.Table, names: frozenset[str], old: Outer | None, new: Outer | None) -> pa.Table:
    """The table with the codes in columns `names` taken from the old outer key to the new."""
    columns: dict[str, Any] = {}
    for field in table.schema:
        column = table[field.name].combine_chunks()
        columns[field.name] = _recoded(column, old, new) if field.name in names else column
    made: pa.Table = arrow.table(columns, schema=table.schema)
    return made


def _recoded(column: Column, old: Outer | None, new: Outer | None) -> Column:
    if pa.types.is_list(column.type):
        flat = _recoded(column.flatten(), old, new)
        offsets = np.concatenate([[0], np.cumsum(np.asarray(pc.fill_null(pc.list_value_length(column), 0)))])
        return arrow.ListArray.from_arrays(pa.array(offsets, pa.int32()), flat, mask=pc.is_null(column))
    codes = np.asarray(pc.fill_null(column, 0))
    codes = old.unwrap(codes) if old else codes
    return pc.if_else(pc.is_valid(column), pa.array(new.wrap(codes) if new else codes), None)


def _halves(codes: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    both = np.ascontiguousarray(codes, "<i8").view("<u4").reshape(-1, 2)
    return both[:, 0].copy(), both[:, 1].copy()


def _joined(left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    joined: npt.NDArray[np.int64] = np.stack([left, right], axis=1).astype("<u4").view("<i8").ravel()
    return joined


def _scrambled(cipher: algorithms.AES, half: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """32 bits of AES of each 32-bit half, padded with zeros to a block of its own."""
    blocks = np.zeros((len(half), _BLOCK // 4), "<u4")
    blocks[:, 0] = half
    text = Cipher(cipher, modes.ECB()).encryptor().update(blocks.tobytes())  # noqa: S305 (a round function)
    return np.frombuffer(text, "<u4").reshape(-1, _BLOCK // 4)[:, 0]
