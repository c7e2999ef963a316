"""Records of one table to people: groups by mean linkage, so that a chance likeness does not join strangers.

Where a person may have any number of records, the strongest link is a poor judge: a chain of fair links joins
strangers, while a record full of slips resembles only some of its fellows. Two groups are joined by the mean
weight of all pairs between them (group-average linkage, Sokal and Michener 1958, on log odds), best first.
A single pair must reach the threshold by itself; groups may fall short of it by `LENIENCE` bits, since their
pairs are more than one look at the same question.
"""

from __future__ import annotations

import heapq
from collections import defaultdict

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from evi.linkage.clusters import Clusters, Floats, Ints

NOT_SCORED = -8.0  # bits of a pair that was never compared, or was compared and lies below
LENIENCE = 3.0
_MOST = 30.0  # weights beyond this many bits are taken to be this


def group(count: int, links: tuple[Ints, Ints, Floats], threshold: float) -> Clusters:
    """Group records 0 … count−1 of one table.

    Args:
        links: left record, right record and weight (log2 of the odds), of every pair scored.
        threshold: probability from which two records, by themselves, are one person.

    Returns:
        Clusters whose probabilities are those of the mean weight (for groups, with the lenience) at which a
        record joined.
    """
    root, probability = np.arange(count), np.ones(count)
    left, right, weight = links
    needed = float(np.log2(threshold / (1 - threshold))) if 0 < threshold < 1 else 0.0
    strong = weight >= needed
    graph = coo_array((np.ones(int(strong.sum())), (left[strong], right[strong])), shape=(count, count))
    part = np.asarray(connected_components(graph, directed=False)[1], np.int64)
    inside = np.flatnonzero(part[left] == part[right])
    inside = inside[np.lexsort((right[inside], left[inside], part[left[inside]]))]
    ends = np.flatnonzero(np.diff(part[left[inside]])) + 1
    for rows in np.split(inside, ends) if len(inside) else ():
        _join(left[rows], right[rows], np.clip(weight[rows], NOT_SCORED, _MOST), needed, (root, probability))
    return Clusters(root, probability, 0, 0)


def pair_probabilities(links: tuple[Ints, Ints, Floats], found: Clusters) -> Floats:
    """The probability of each pair, given what became of its records.

    A pair inside a group is one person if the group is: its chance is at least that of its records' joining.
    A pair across two groups is judged half by itself and half by all pairs between the two groups.

    Args:
        links: as for `group`.
        found: what `group` gave.
    """
    left, right, weight = links
    own = 1 / (1 + np.exp2(-weight))
    one, other = found.root[left], found.root[right]
    sizes = np.bincount(found.root, minlength=len(found.root))
    low, high = np.minimum(one, other), np.maximum(one, other)
    between = np.unique(low * len(found.root) + high, return_inverse=True)[1]
    above = np.bincount(between, np.clip(weight, NOT_SCORED, _MOST) - NOT_SCORED)[between]
    mean = above / (sizes[one] * sizes[other]) + NOT_SCORED
    across = (own + 1 / (1 + np.exp2(-mean))) / 2
    inside = np.maximum(own, np.minimum(found.probability[left], found.probability[right]))
    return np.where(one == other, inside, np.minimum(own, across))


def _join(left: Ints, right: Ints, weight: Floats, needed: float, out: tuple[Ints, Floats]) -> None:
    """Join the records of one part of the graph; writes their lowest fellow and probability to `out`."""
    members: dict[int, list[int]] = {}
    above: defaultdict[int, dict[int, float]] = defaultdict(dict)  # summed bits above NOT_SCORED, both ways
    for a, b, bits in zip(left.tolist(), right.tolist(), weight.tolist(), strict=True):
        above[a][b] = above[b][a] = bits - NOT_SCORED
        members[a], members[b] = [a], [b]
    root, probability = out

    def mean(a: int, b: int) -> float:
        return above[a][b] / (len(members[a]) * len(members[b])) + NOT_SCORED

    heap = [(-mean(a, b), a, b) for a in above for b in above[a] if a < b]
    heapq.heapify(heap)
    while heap:
        bits, a, b = heapq.heappop(heap)
        if b not in above.get(a, ()) or mean(a, b) != -bits:
            continue  # one of the two has grown since
        alone = len(members[a]) == len(members[b]) == 1
        if -bits < (needed if alone else needed - LENIENCE):
            continue
        chance = 1 / (1 + 2.0 ** (bits - (0 if alone else LENIENCE)))
        for record in (*members[a], *members[b]):
            probability[record] = min(probability[record], chance)
        for other, sum_of_bits in above.pop(b).items():
            del above[other][b]
            if other != a:
                above[a][other] = above[other][a] = above[a].get(other, 0.0) + sum_of_bits
        members[a] += members.pop(b)
        for other in above[a]:
            low, high = min(a, other), max(a, other)
            heapq.heappush(heap, (-mean(low, high), low, high))
    for lowest, fellows in members.items():
        root[fellows] = min(lowest, *fellows) if len(fellows) > 1 else lowest
