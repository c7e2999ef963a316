"""The kernel against plain sets of days."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evi.indicators.intervals import (
    OPEN,
    Days,
    at_least,
    at_least_of,
    both,
    clipped,
    keys,
    latest_where,
    outside,
    union,
    without,
)

QUICK = settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
TOP = 40
pieces = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, TOP), st.integers(0, TOP)).filter(lambda t: t[1] < t[2]),
    max_size=12,
)


def packed(rows: list[tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray]:
    columns = np.array(rows, np.int64).reshape(-1, 3).T
    return keys(columns[0], columns[1]), keys(columns[0], columns[2])


def days(rows: list[tuple[int, int, int]]) -> Days:
    return at_least(*packed(rows))


def as_set(found: Days) -> set[tuple[int, int]]:
    starts = [(int(k) >> 16, int(k) & OPEN) for k in found.starts]
    ends = [(int(k) >> 16, int(k) & OPEN) for k in found.ends]
    assert starts == sorted(starts)
    for one, two in zip(ends, starts[1:], strict=False):
        assert one < two  # apart, not only disjoint
    return {(s, d) for (s, a), (_, b) in zip(starts, ends, strict=True) for d in range(a, min(b, TOP + 5))}


def counted(rows: list[tuple[int, int, int]], n: int) -> set[tuple[int, int]]:
    every = [(s, d) for s, a, b in rows for d in range(a, b)]
    return {one for one in every if every.count(one) >= n}


@QUICK
@given(pieces, st.integers(1, 4))
def test_at_least_n_are_open(rows: list[tuple[int, int, int]], n: int) -> None:
    assert as_set(at_least(*packed(rows), n)) == counted(rows, n)


@QUICK
@given(pieces, pieces, pieces, st.integers(1, 3))
def test_set_operations(one: list, two: list, three: list, n: int) -> None:
    a, b, c = days(one), days(two), days(three)
    sets = [counted(rows, 1) for rows in (one, two, three)]
    assert as_set(union((a, b))) == sets[0] | sets[1]
    assert as_set(both(a, b)) == sets[0] & sets[1]
    assert as_set(without(a, b)) == sets[0] - sets[1]
    everything = {(s, d) for s in range(4) for d in range(TOP + 5)}
    assert as_set(outside(a, np.arange(4))) == everything - sets[0]
    assert as_set(at_least_of((a, b, c), n)) == {x for x in everything if sum(x in s for s in sets) >= n}


@QUICK
@given(pieces, st.lists(st.integers(0, TOP), min_size=8, max_size=8))
def test_clipping(rows: list, edges: list[int]) -> None:
    first, last = np.array(edges[:4]), np.array(edges[4:])
    kept = {(s, d) for s, d in counted(rows, 1) if first[s] <= d < last[s]}
    assert as_set(clipped(days(rows), first, last)) == kept


@QUICK
@given(pieces, st.data())
def test_the_highest_rank_speaks(rows: list, data: st.DataObject) -> None:
    rows = sorted(rows, key=lambda row: row[0])
    answers = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    columns = np.array(rows, np.int64).reshape(-1, 3).T
    found = latest_where(columns[0], columns[1], columns[2], np.array(answers, np.bool_))
    expected = set()
    for place in {(s, d) for s, a, b in rows for d in range(a, b)}:
        open_now = [
            yes for (s, a, b), yes in zip(rows, answers, strict=True) if s == place[0] and a <= place[1] < b
        ]
        if open_now[-1]:
            expected.add(place)
    assert as_set(found) == expected
