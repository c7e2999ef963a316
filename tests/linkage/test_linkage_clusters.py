"""Clusters that refuse the impossible, against a slow and obvious reading of the same rule."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from evi.linkage.clusters import Clusters, cluster


def run(
    feeds: list[int], edges: list[tuple[int, int, float]], cannot: tuple[tuple[int, int], ...] = ()
) -> Clusters:
    ordered = sorted(edges, key=lambda edge: (-edge[2], edge[0], edge[1]))
    left, right, chance = (np.array(side) for side in zip(*ordered, strict=True)) if ordered else ([], [], [])
    links = (np.array(left, np.int64), np.array(right, np.int64), np.array(chance, float))
    return cluster([1 << feed for feed in feeds], links, cannot=cannot)


def test_records_join_and_the_weakest_needed_link_is_their_probability() -> None:
    found = run([0, 1, 2], [(0, 1, 0.99), (1, 2, 0.9), (0, 2, 0.7)])
    assert found.root.tolist() == [0, 0, 0]
    assert found.probability.tolist() == [0.99, 0.99, 0.9]


def test_two_records_of_one_feed_are_split_at_the_weakest_link() -> None:
    found = run([0, 1, 0], [(0, 1, 0.9), (1, 2, 0.95)])
    assert found.root.tolist() == [0, 1, 1]
    assert found.refused == 1
    assert found.probability[0] == 1.0


def test_two_births_are_two_people_whatever_links_them() -> None:
    found = run([0, 1, 2, 3], [(0, 1, 0.99), (2, 3, 0.98), (1, 2, 0.97)], cannot=((0, 3),))
    assert found.root.tolist() == [0, 0, 2, 2]
    assert found.forbidden == 1


def obvious(feeds: list[int], edges: list[tuple[int, int, float]]) -> list[frozenset[int]]:
    groups = [frozenset([i]) for i in range(len(feeds))]
    for left, right, _ in sorted(edges, key=lambda edge: (-edge[2], edge[0], edge[1])):
        a = next(g for g in groups if left in g)
        b = next(g for g in groups if right in g)
        if a != b and not {feeds[i] for i in a} & {feeds[i] for i in b}:
            groups = [g for g in groups if g not in (a, b)] + [a | b]
    return sorted(groups, key=min)


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_as_the_obvious_reading(data: st.DataObject) -> None:
    feeds = data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=12))
    node = st.integers(0, len(feeds) - 1)
    edges = data.draw(st.lists(st.tuples(node, node, st.sampled_from([0.5, 0.7, 0.9, 0.99])), max_size=25))
    edges = [edge for edge in edges if edge[0] != edge[1]]
    found = run(feeds, edges)
    groups: dict[int, set[int]] = {}
    for index, root in enumerate(found.root.tolist()):
        groups.setdefault(root, set()).add(index)
    assert [frozenset(groups[root]) for root in sorted(groups)] == obvious(feeds, edges)
    assert all(len({feeds[i] for i in group}) == len(group) for group in groups.values())
