"""Links where a record has at most one partner, against every matching counted one by one."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evi.linkage.rivals import marginals, match_one_to_one


def counted(edges: list[tuple[int, int]], factor: list[float]) -> np.ndarray:
    """The chance of each edge, over all matchings."""
    total, each = 0.0, np.zeros(len(edges))
    for size in range(len(edges) + 1):
        for chosen in combinations(range(len(edges)), size):
            left, right = [edges[i][0] for i in chosen], [edges[i][1] for i in chosen]
            if len(set(left)) < size or len(set(right)) < size:
                continue
            value = float(np.prod([factor[i] for i in chosen]))
            total += value
            each[list(chosen)] += value
    return each / total


def passed(edges: list[tuple[int, int]], factor: list[float]) -> np.ndarray:
    slots = tuple(np.unique(np.array(side), return_inverse=True)[1] for side in zip(*edges, strict=True))
    start = np.ones(len(edges)), np.ones(len(edges))
    return marginals(np.array(factor), (slots[0], slots[1]), start, rounds=60)[0]


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_chains_and_trees_are_exact(data: st.DataObject) -> None:
    nodes = data.draw(st.integers(2, 7))
    # A tree: each node joins an earlier one, on the other side of it.
    edges = [(data.draw(st.integers(0, node - 1)), node) for node in range(1, nodes)]
    depth = [0] * nodes
    for parent, node in edges:
        depth[node] = depth[parent] + 1
    edges = [(a, b) if depth[a] % 2 == 0 else (b, a) for a, b in edges]
    factor = [2.0 ** data.draw(st.integers(-30, 45)) for _ in edges]
    assert passed(edges, factor) == pytest.approx(counted(edges, factor), rel=1e-6, abs=1e-9)


def test_rings_are_near() -> None:
    edges = [(0, 0), (0, 1), (1, 0), (1, 1)]
    for factor in ([1.0, 1.0, 1.0, 1.0], [100.0, 1.0, 1.0, 100.0], [0.1, 0.5, 2.0, 3.0]):
        assert passed(edges, factor) == pytest.approx(counted(edges, factor), abs=0.08)


def test_a_rival_with_a_better_partner_is_hardly_one() -> None:
    chances = passed([(0, 0), (0, 1), (1, 1)], [4.0, 4.0, 4e9])
    assert chances[0] == pytest.approx(0.8, abs=1e-6) and chances[1] < 1e-6


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(6, 11)), min_size=1, max_size=12, unique=True),
    st.data(),
)
def test_neither_order_of_pairs_nor_of_tables_matters(
    edges: list[tuple[int, int]], data: st.DataObject
) -> None:
    weight = np.array([data.draw(st.floats(-20, 40)) for _ in edges])
    left, right = (np.array(side, np.int64) for side in zip(*edges, strict=True))
    feeds = np.zeros(len(edges), np.int64), np.ones(len(edges), np.int64)
    free = {(0, 1): 10, (1, 0): 8}
    chances = match_one_to_one(left, right, feeds, weight, free, 1e-3)
    order = np.array(data.draw(st.permutations(range(len(edges)))))
    shuffled = match_one_to_one(left[order], right[order], feeds, weight[order], free, 1e-3)
    assert shuffled == pytest.approx(chances[order], rel=1e-9, abs=1e-12)
    swapped = match_one_to_one(right, left, (feeds[1], feeds[0]), weight, free, 1e-3)
    assert swapped == pytest.approx(chances, rel=1e-9, abs=1e-12)
    assert ((chances >= 0) & (chances <= 1)).all()
    for side in (left, right):
        assert max(chances[side == record].sum() for record in set(side.tolist())) <= 1.5


def test_two_who_are_left_over_are_likelier_to_be_one() -> None:
    """Nine sure pairs of ten, and one doubtful: surer than the same pair where most have no partner."""
    left = np.arange(10)
    feeds = np.zeros(10, np.int64), np.ones(10, np.int64)
    weight = np.array([30.0] * 9 + [-2.0])
    among_partners = match_one_to_one(left, left + 10, feeds, weight, {(0, 1): 10, (1, 0): 10}, 0.1 / 0.9)
    among_strangers = match_one_to_one(left, left + 10, feeds, weight, {(0, 1): 900, (1, 0): 900}, 0.1 / 0.9)
    assert among_partners[9] > 0.6 and among_strangers[9] == pytest.approx(0.2)


def test_being_left_over_helps_only_those_who_share_a_place_or_a_birth_date() -> None:
    left = np.arange(10)
    feeds = np.zeros(10, np.int64), np.ones(10, np.int64)
    weight = np.array([30.0] * 9 + [-2.0])
    near = np.array([True] * 9 + [False])
    chances = match_one_to_one(left, left + 10, feeds, weight, {(0, 1): 10, (1, 0): 10}, 0.1 / 0.9, near)
    assert chances[9] == pytest.approx(0.2)
