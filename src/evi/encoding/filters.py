"""Bloom filters of names, and what is done to harden them; whole columns at a time.

A filter holds the bigrams of a value: each sets some of its bits, at places that a keyed hash chooses
(Schnell, Bachteler and Reiher 2009). Places are drawn independently for each bigram, not by double hashing,
which is easier to undo (Niedermeyer et al. 2014). A filter of a whole record holds the bigrams of all its
fields (Schnell, Bachteler and Reiher 2011). Filters keep likeness, so they show it: see docs/threat-model.md.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

Bits = npt.NDArray[np.uint8]
"""Rows of bits, one byte a bit, each 0 or 1."""


def bigrams(value: str) -> list[str]:
    """Pairs of letters that stand side by side, the ends marked; each pair once.

    >>> bigrams("ANNA")
    ['_A', 'AN', 'NN', 'NA', 'A_']
    """
    marked = f"_{value}_"
    return list(dict.fromkeys(marked[i : i + 2] for i in range(len(marked) - 1)))


def filters(grams: Sequence[Sequence[str]], key: bytes, *, bits: int, hashes: int) -> Bits:
    """One filter of `bits` bits for each list of texts; each text sets up to `hashes` bits.

    Args:
        grams: the texts of each value.
        key: the 32-byte key of the field.
    """
    made = np.zeros((len(grams), bits), np.uint8)
    distinct: dict[str, int] = {}
    flat = [distinct.setdefault(gram, len(distinct)) for each in grams for gram in each]
    if not flat:
        return made
    fresh = hashlib.blake2b(key=key, digest_size=4 * hashes).copy
    digests = []
    for gram in distinct:
        mine = fresh()
        mine.update(gram.encode())
        digests.append(mine.digest())
    places = (np.frombuffer(b"".join(digests), "<u4") % bits).reshape(len(distinct), hashes)
    owners = np.repeat(np.arange(len(grams)), [len(each) for each in grams])
    made[np.repeat(owners, hashes), places[flat].ravel()] = 1
    return made


def folded(bits: Bits) -> Bits:
    """Half as many bits: one half laid on the other, by exclusive or (Schnell and Borgs 2016)."""
    half = bits.shape[1] // 2
    return bits[:, :half] ^ bits[:, half:]


def balanced(bits: Bits, key: bytes) -> Bits:
    """Twice as many bits, half of them set: each filter with its opposite, in a keyed order.

    So the number of set bits says nothing of the length of the value (Schnell and Borgs 2016).
    """
    both = np.concatenate([bits, 1 - bits], axis=1)
    order = np.argsort(np.frombuffer(keystream(key, 8 * both.shape[1]), "<u8"), kind="stable")
    return both[:, order]


def flip_probability(epsilon: float, hashes: int) -> float:
    """The chance that a bit is turned over, for a budget of `epsilon` a bigram (BLIP; Alaggan et al. 2012).

    A bigram more or less changes up to `hashes` bits, so each is turned over with the chance
    1 / (1 + exp(epsilon / hashes)). The budget of a value is `epsilon` times its bigrams: 20 a bigram is
    a weak promise.

    >>> round(flip_probability(20, 8), 3)
    0.076
    """
    return 1 / (1 + math.exp(epsilon / hashes))


def flipped(bits: Bits, key: bytes, probability: float) -> Bits:
    """Each bit of each row turned over with the given chance, independently, by a keyed stream.

    The same key and rows give the same noise, so that nobody averages it away over encodings made again; two
    deliveries must have a key each, or laying one on the other would cancel it.
    """
    drawn = np.frombuffer(keystream(key, 2 * bits.size), "<u2").reshape(bits.shape)
    return bits ^ (drawn < round(probability * 65_536)).astype(np.uint8)


def keystream(key: bytes, count: int) -> bytes:
    """`count` bytes that look random to whoever lacks the key (AES-256, counter mode)."""
    return Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor().update(bytes(count))


def dice(left: Bits, right: Bits) -> npt.NDArray[np.float64]:
    """Dice's likeness of filters, row by row: twice the bits in common over the bits of both (0 to 1)."""
    common = (left & right).sum(axis=1, dtype=np.int64)
    both = left.sum(axis=1, dtype=np.int64) + right.sum(axis=1, dtype=np.int64)
    likeness: npt.NDArray[np.float64] = np.divide(
        2.0 * common, both, out=np.zeros(len(common)), where=both > 0
    )
    return likeness
