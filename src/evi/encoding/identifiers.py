"""Check digits of NHS numbers and unique pupil numbers, a whole column at a time.

The one-value forms are in `normalise`; tests hold the two to the same answers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evi.encoding.columns import Column
from evi.encoding.columns import compute as pc

_NHS_WEIGHTS = np.array([10, 9, 8, 7, 6, 5, 4, 3, 2])
_UPN_WEIGHTS = np.arange(2, 14)
_UPN_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
_UPN_SHAPE = r"^[A-HJ-NP-RT-Z]\d{11}[0-9A-HJ-NP-RT-Z]$"


def nhs_numbers(values: Column) -> Column:
    """Ten digits where the check digit (modulus 11) is right, else null."""
    digits = pc.replace_substring_regex(values.cast(pa.string()), r"[\s-]", "")
    rows, matrix = _characters(digits, r"^\d{10}$", 10)
    numbers = matrix.astype(np.int64) - ord("0")
    check = 11 - (numbers[:, :9] @ _NHS_WEIGHTS) % 11
    right = (check % 11 == numbers[:, 9]) & (numbers != numbers[:, :1]).any(axis=1)
    return _keep(digits, rows[right])


def upns(values: Column) -> Column:
    """Thirteen characters where the check letter (modulus 23) is right, else null."""
    plain = pc.utf8_upper(pc.replace_substring_regex(values.cast(pa.string()), r"\s", ""))
    rows, matrix = _characters(plain, _UPN_SHAPE, 13)
    worth = np.zeros(256, np.int64)
    worth[ord("0") : ord("9") + 1] = np.arange(10)
    worth[[ord(letter) for letter in _UPN_LETTERS]] = np.arange(len(_UPN_LETTERS))
    letters = np.frombuffer(_UPN_LETTERS.encode(), np.uint8)
    right = letters[(worth[matrix[:, 1:]] @ _UPN_WEIGHTS) % 23] == matrix[:, 0]
    return _keep(plain, rows[right])


def trimmed(values: Column) -> Column:
    """Text without blanks at either end; empty text is null."""
    plain: Column = pc.utf8_trim_whitespace(values.cast(pa.string()))
    return pc.if_else(pc.equal(plain, ""), None, plain)


def property_numbers(values: Column) -> Column:
    """UPRNs without leading noughts or blanks; empty text is null."""
    plain: Column = pc.utf8_ltrim(pc.utf8_trim_whitespace(values.cast(pa.string())), "0")
    return pc.if_else(pc.equal(plain, ""), None, plain)


def _characters(texts: Column, shape: str, width: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """Row numbers of the texts of this shape, and their characters as a matrix of bytes."""
    fits: Column = pc.fill_null(pc.match_substring_regex(texts, shape), False)
    rows = np.flatnonzero(np.asarray(fits))
    joined = "".join(texts.take(pa.array(rows)).to_pylist()).encode("ascii")
    return rows, np.frombuffer(joined, np.uint8).reshape(-1, width)


def _keep(texts: Column, rows: npt.NDArray[np.int64]) -> Column:
    kept = np.zeros(len(texts), bool)
    kept[rows] = True
    return pc.if_else(pa.array(kept), texts, None)
