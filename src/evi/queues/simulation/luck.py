"""Luck that is looked up, not drawn in turn: counter-based random numbers.

Each number is a function of the seed, the replication, the child and what it is for. So two scenarios that
differ only in their slots see the same children, who miss the same offers, leave after the same wait and
go on to the same services, in whatever order the engine comes to ask, and on however many threads.

The function is Philox-4x32 with ten rounds: J. K. Salmon, M. A. Moraes, R. O. Dror and D. E. Shaw,
"Parallel random numbers: as easy as 1, 2, 3", SC11, 2011, doi 10.1145/2063384.2063405. A key is 64 bits
(two words of 32), a counter 128, and what comes back is 128 bits (four words).
"""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False, check-untyped-defs=False
# (numba finds the types of compiled functions)

from __future__ import annotations

from math import exp

import numpy as np
from numba import int64, uint32, uint64

from evi.queues.simulation.compiled import compiled

_MULTIPLY_0 = np.uint64(0xD2511F53)
_MULTIPLY_1 = np.uint64(0xCD9E8D57)
_STEP_0 = np.uint32(0x9E3779B9)
_STEP_1 = np.uint32(0xBB67AE85)
_WORD = np.uint64(32)
_UNIT = 2.0**-32

# What a block of luck is for: under the key of a replication …
REPLICATION = np.int64(0)
ARRIVALS = np.int64(1)
CHILD = np.int64(2)
BACKLOG = np.int64(3)
CREDIT = np.int64(4)
LEAVE = np.int64(5)
SLOT = np.int64(6)
# … and under the key of a child's visit to a pool.
OFFER = np.int64(7)
ROUTE = np.int64(8)
SENT_ON = np.int64(9)
UNUSED = np.int64(0)  # where a count has fewer parts; not a plain 0, for which it would be compiled anew

LARGEST_MEAN = 500.0  # exp(-500) is still a number; a larger mean is a sum of smaller ones


@compiled
def block(key0, key1, purpose, first, second, third):
    """Four words of 32 random bits for one key and one counter (`purpose`, `first`, `second`, `third`)."""
    k0, k1 = uint32(key0), uint32(key1)
    c0, c1, c2, c3 = uint32(purpose), uint32(first), uint32(second), uint32(third)
    for _ in range(10):
        low = _MULTIPLY_0 * uint64(c0)
        high = _MULTIPLY_1 * uint64(c2)
        c0 = uint32(high >> _WORD) ^ c1 ^ k0
        c1 = uint32(high)
        c2 = uint32(low >> _WORD) ^ c3 ^ k1
        c3 = uint32(low)
        k0 = uint32(k0 + _STEP_0)
        k1 = uint32(k1 + _STEP_1)
    return int64(c0), int64(c1), int64(c2), int64(c3)


@compiled
def uniform(word):
    """A number between 0 and 1, never either, from one word."""
    return (float(word) + 0.5) * _UNIT


@compiled
def lane(words, which):
    """One of a block's four words (`which` is taken modulo 4)."""
    index = which & 3
    if index == 0:
        return words[0]
    if index == 1:
        return words[1]
    return words[2] if index == 2 else words[3]


@compiled
def poisson(mean, key0, key1, purpose, first, second):
    """A Poisson number by inversion: with the same luck, a larger mean never gives a smaller number.

    That holds within one part; a mean over 500 is the sum of equal parts of at most 500, each with its own
    luck.
    """
    if mean <= 0.0:
        return 0
    parts = int(mean / LARGEST_MEAN) + 1
    part = mean / parts
    total = 0
    for number in range(parts):
        left = uniform(block(key0, key1, purpose, first, second, number)[0])
        chance = exp(-part)
        count = 0
        while left > chance > 0.0:
            left -= chance
            count += 1
            chance *= part / count
        total += count
    return total


@compiled
def binomial(trials, probability, luck):
    """A binomial number by inversion of the uniform `luck`; grows with `probability`."""
    if probability <= 0.0 or trials <= 0:
        return 0
    if probability >= 1.0:
        return trials
    odds = probability / (1.0 - probability)
    chance = (1.0 - probability) ** trials
    count = 0
    while luck > chance and count < trials:
        luck -= chance
        chance *= odds * (trials - count) / (count + 1)
        count += 1
    return count
