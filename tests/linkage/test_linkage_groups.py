"""Groups by mean linkage: what chains join, what they may not, and that order does not matter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evi.linkage.groups import group


def grouped(count: int, pairs: dict[tuple[int, int], float], order: list[int] | None = None) -> list[int]:
    items = [list(pairs.items())[i] for i in order] if order else list(pairs.items())
    left, right = (np.array([pair[side] for pair, _ in items], np.int64) for side in (0, 1))
    return group(count, (left, right, np.array([bits for _, bits in items], float)), 0.5).root.tolist()


def test_one_fair_link_does_not_join_two_groups_of_three() -> None:
    pairs = {(a, b): 9.0 for a, b in ((0, 1), (0, 2), (1, 2), (3, 4), (3, 5), (4, 5))} | {(2, 3): 1.5}
    assert grouped(6, pairs) == [0, 0, 0, 3, 3, 3]


def test_a_record_that_resembles_most_of_a_group_joins_it() -> None:
    assert grouped(4, {(0, 1): 9, (0, 2): 9, (1, 2): 9, (0, 3): 4, (1, 3): 4, (2, 3): -6}) == [0, 0, 0, 0]


def test_a_pair_by_itself_must_reach_the_threshold() -> None:
    assert grouped(2, {(0, 1): 0.1}) == [0, 0]
    assert grouped(2, {(0, 1): -0.1}) == [0, 1]


def test_the_probability_is_that_of_the_weakest_joining() -> None:
    found = group(3, (np.array([0, 0, 1]), np.array([1, 2, 2]), np.array([10.0, 3.0, 3.0])), 0.5)
    assert found.root.tolist() == [0, 0, 0]
    assert found.probability == pytest.approx([64 / 65] * 3)  # 3 bits, and 3 for groups


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_the_order_of_pairs_does_not_matter(data: st.DataObject) -> None:
    count = data.draw(st.integers(2, 9))
    every = [(a, b) for a in range(count) for b in range(a + 1, count)]
    chosen = data.draw(st.lists(st.sampled_from(every), unique=True, min_size=1))
    pairs = {pair: data.draw(st.floats(-8, 20)) for pair in chosen}
    roots = grouped(count, pairs)
    assert grouped(count, pairs, data.draw(st.permutations(range(len(pairs))))) == roots
    assert all(roots[root] == root <= i for i, root in enumerate(roots))
