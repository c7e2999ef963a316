"""Links to people: clusters that never hold two persons of one feed.

Strongest links first; a link that would put two records of one feed together, or two records that can't be
one person, is refused and counted. Refusing the weaker link is the same as cutting the impossible cluster at
its weakest edge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Clusters:
    """Nodes to clusters.

    Attributes:
        root: for each node, the lowest node of its cluster.
        probability: for each node, that of the weakest link needed to hold it in its cluster (1 alone).
        refused: links refused because the two clusters already hold records of one feed.
        forbidden: links refused because of a pair that can't be one person.
        refused_by: of those refused for their feeds, how many for each feed (by its bit).
    """

    root: Ints
    probability: Floats
    refused: int
    forbidden: int
    refused_by: dict[int, int] = field(default_factory=dict)


def cluster(
    masks: Iterable[int],
    links: tuple[Ints, Ints, Floats],
    *,
    start: Floats | None = None,
    cannot: Iterable[tuple[int, int]] = (),
) -> Clusters:
    """Cluster nodes 0 … n−1.

    Args:
        masks: for each node, the set of feeds that it holds, as bits (0: no limit on feeds).
        links: left node, right node and probability, strongest first; ties must be in a fixed order.
        start: probability that each node begins with (of the links already inside it).
        cannot: pairs of nodes that are known to be two people.
    """
    mask = list(masks)
    count = len(mask)
    parent = list(range(count))
    members: dict[int, list[int]] = {}
    probability = np.ones(count) if start is None else start.copy()
    foes = _foes(cannot)

    def find(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    plain = _plain_pairs(mask, links, foes)
    paired = np.zeros(count, bool)
    for side in links[:2]:
        paired[side[plain]] = True
        probability[side[plain]] = np.minimum(probability[side[plain]], links[2][plain])
    refused = forbidden = 0
    refused_by: Counter[int] = Counter()
    rest = ~paired[links[0]]
    for left, right, chance in zip(*(side[rest].tolist() for side in links), strict=True):
        a, b = find(left), find(right)
        if a == b:
            continue
        if both := mask[a] & mask[b]:
            refused += 1
            refused_by.update(feed for feed in range(both.bit_length()) if both >> feed & 1)
            continue
        mine, theirs = members.get(a) or [a], members.get(b) or [b]
        if foes and any(find(foe) == b for node in mine for foe in foes.get(node, ())):
            forbidden += 1
            continue
        if len(mine) < len(theirs) or (len(mine) == len(theirs) and a > b):
            a, b, mine, theirs = b, a, theirs, mine
        for node in theirs:
            probability[node] = min(probability[node], chance)
        if len(mine) == 1:
            probability[a] = min(probability[a], chance)
        parent[b] = a
        mask[a] |= mask[b]
        members[a] = mine + theirs
        members.pop(b, None)
    roots = np.array(parent, np.int64)
    roots[links[1][plain]] = links[0][plain]
    return Clusters(_lowest_roots(roots), probability, refused, forbidden, dict(refused_by))


def _foes(cannot: Iterable[tuple[int, int]]) -> dict[int, set[int]]:
    """For each node, those that it can't be one person with."""
    foes: dict[int, set[int]] = {}
    for left, right in cannot:
        foes.setdefault(left, set()).add(right)
        foes.setdefault(right, set()).add(left)
    return foes


def _plain_pairs(mask: list[int], links: tuple[Ints, Ints, Floats], foes: Mapping[int, set[int]]) -> Ints:
    """The first link of each two nodes that have links to one another alone, and nothing against them."""
    low, high = np.minimum(*links[:2]), np.maximum(*links[:2])
    _, first = np.unique(low * len(mask) + high, return_index=True)
    low, high = low[first], high[first]
    partners = np.bincount(low, minlength=len(mask)) + np.bincount(high, minlength=len(mask))
    feeds = np.array(mask, np.int64)
    plain = (partners[low] == 1) & (partners[high] == 1) & (feeds[low] & feeds[high] == 0)
    plain &= ~np.isin(low, list(foes))
    return np.asarray(first[plain])


def _lowest_roots(roots: Ints) -> Ints:
    while True:
        higher = roots[roots]
        if np.array_equal(higher, roots):
            break
        roots = higher
    lowest = np.full(len(roots), len(roots), np.int64)
    np.minimum.at(lowest, roots, np.arange(len(roots)))
    return lowest[roots]
