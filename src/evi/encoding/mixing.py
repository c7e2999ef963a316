"""SipHash-2-4 of whole columns: a keyed code of several codes taken together.

Values are coded by BLAKE2b, whose key has 256 bits, one call a value. A compound is a code of two or three
codes that are keyed already, so no list of values can be tried against it without the keys of its parts; for
it the shorter SipHash (Aumasson and Bernstein, 2012; a pseudorandom function with a key of 128 bits, made for
short inputs) is enough, and all rows are done at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]

KEY_BYTES = 16
_START = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
_ROWS_AT_ONCE = 8_192  # the state of so many rows stays in the processor's cache
_WORD = np.dtype("<u8")


def siphash(key: bytes, columns: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    """SipHash-2-4 of each row's words, written out as little-endian bytes, as signed integers.

    Args:
        key: 16 bytes.
        columns: one array for each word of a row, all of one length.
    """
    first, second = (int(word) for word in np.frombuffer(key, _WORD, KEY_BYTES // 8))
    start = [np.uint64(word ^ const) for word, const in zip((first, second) * 2, _START, strict=True)]
    last = np.uint64((8 * len(columns) & 0xFF) << 56)
    words = [column.view(np.uint64) for column in columns]
    codes = np.empty(len(words[0]), np.uint64)
    for low in range(0, len(codes), _ROWS_AT_ONCE):
        chunk = slice(low, low + _ROWS_AT_ONCE)
        codes[chunk] = _digest(start, [word[chunk] for word in words], last)
    return codes.view(np.int64)


def _digest(start: Sequence[np.uint64], words: Sequence[Words], last: np.uint64) -> Words:
    size = len(words[0])
    state = [np.full(size, word, np.uint64) for word in start]
    spare = np.empty(size, np.uint64)
    ending = np.full(size, last, np.uint64)
    for word in (*words, ending):
        state[3] ^= word
        _rounds(state, spare, 2)
        state[0] ^= word
    state[2] ^= np.uint64(0xFF)
    _rounds(state, spare, 4)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _rounds(state: list[Words], spare: Words, count: int) -> None:
    a, b, c, d = state
    for _ in range(count):
        _half(a, b, 13, spare)
        _turn(a, 32, spare)
        _half(c, d, 16, spare)
        _half(a, d, 21, spare)
        _half(c, b, 17, spare)
        _turn(c, 32, spare)


def _half(one: Words, other: Words, by: int, spare: Words) -> None:
    one += other
    _turn(other, by, spare)
    other ^= one


def _turn(words: Words, by: int, spare: Words) -> None:
    """Rotate every word left in place."""
    np.right_shift(words, np.uint64(64 - by), out=spare)
    np.left_shift(words, np.uint64(by), out=words)
    words |= spare
