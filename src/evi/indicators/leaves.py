"""From intervals to truth: on which days each leaf of the registry holds, for everyone at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from evi.indicators.expressions import THOUSAND, Count, Last, Leaf, MissingBy, Ratio, Total, walk
from evi.indicators.intervals import (
    OPEN,
    Days,
    Keys,
    Mask,
    at_least,
    keys,
    latest_where,
    nothing,
    running_sums,
    while_true,
)
from evi.indicators.packed import Intervals, blocks
from evi.indicators.plan import Kind, Plan, Stream, streams_of_leaf
from evi.indicators.registry import Indicator, facts_required

BLOCK = 1_000_000
"""Rows worked on at a time where a step needs several copies of them (about 100 MB)."""

COMPARE: dict[str, Callable[[Keys, int], Mask]] = {
    "below": np.less,
    "at_most": np.less_equal,
    "at_least": np.greater_equal,
    "above": np.greater,
}
"""Comparisons by their names in the registry."""


def leaves_of(indicator: Indicator) -> list[Leaf]:
    """The leaves of an indicator, and the one that says whether a required event is there."""
    leaves: list[Leaf] = []
    for node in walk(indicator.expression):
        if isinstance(node, Count | Last | Total | Ratio):
            leaves.append(node)
        elif isinstance(node, MissingBy):
            leaves.append(Count(node.facts))
    required = facts_required(indicator.needs)
    return leaves + ([Count(required)] if required else [])


def leaf_days(
    plan: Plan, kind: Kind, streams: Collection[Stream], intervals: Intervals, leaves: Iterable[Leaf]
) -> dict[Leaf, Days]:
    """The days on which each leaf of some streams of one kind holds; `intervals` are theirs, sorted."""
    wanted = [leaf for leaf in dict.fromkeys(leaves) if streams_of_leaf(leaf)[0] in streams]
    by_stream = slices(plan, kind, intervals)

    def work(leaf: Leaf) -> Days:
        return _WORK[kind](leaf, [by_stream[stream] for stream in streams_of_leaf(leaf)])

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(wanted, pool.map(work, wanted), strict=True))


def slices(plan: Plan, kind: Kind, intervals: Intervals) -> dict[Stream, Intervals]:
    """The sorted intervals of one kind, stream by stream."""
    streams = [stream for stream in plan.streams if stream.kind == kind]
    firsts = np.array([number << 56 for number in range(len(streams))], np.uint64)
    edges = [*np.searchsorted(intervals.packed, firsts).tolist(), len(intervals)]
    return {s: intervals.take(slice(a, b)) for s, a, b in zip(streams, edges[:-1], edges[1:], strict=True)}


def _count(leaf: Count, parts: list[Intervals]) -> Days:
    return at_least(parts[0].starts, parts[0].ends, leaf.at_least)


def _distinct(leaf: Count, parts: list[Intervals]) -> Days:
    """Join the intervals of each child and key first, then count how many keys are open."""
    rows, found = parts[0], []
    for block in blocks(rows, BLOCK):
        order = np.lexsort((block.packed, block.extra["key"], block.children))
        child, key = block.children[order], block.extra["key"][order]
        new = np.ones(len(order), np.bool_)
        new[1:] = (child[1:] != child[:-1]) | (key[1:] != key[:-1])
        group = np.cumsum(new) - 1
        starts, ends = block.starts[order] & OPEN, block.ends[order] & OPEN
        merged = at_least(keys(group, starts), keys(group, ends))
        owner = child[new][merged.subjects]
        found.append(
            at_least(keys(owner, merged.starts & OPEN), keys(owner, merged.ends & OPEN), leaf.at_least)
        )
    return _joined(found)


def _last(leaf: Last, parts: list[Intervals]) -> Days:
    found = []
    for block in blocks(parts[0], BLOCK):
        extra = block.extra
        order = np.lexsort(
            (extra["value"], extra["record"], extra["known"], extra["happened"], block.children)
        )
        rows = block.take(order)
        starts, ends = rows.starts & OPEN, rows.ends & OPEN
        answers = COMPARE[leaf.compare](rows.extra["value"], leaf.value)
        found.append(latest_where(rows.children, starts, ends, answers))
    return _joined(found)


def _sum(leaf: Total | Ratio, parts: list[Intervals]) -> Days:
    """Running sums for a total; for a ratio, of both parts over the same boundaries."""
    if isinstance(leaf, Total):
        return _joined([_total(block, leaf) for block in blocks(parts[0], BLOCK)])
    part, whole = parts
    found = []
    for block in blocks(whole, BLOCK):
        first, last = block.children[0], block.children[-1]
        low, high = np.searchsorted(part.children, first), np.searchsorted(part.children, last, side="right")
        found.append(_ratio(part.take(slice(int(low), int(high))), block, leaf))
    return _joined(found)


def _total(rows: Intervals, leaf: Total) -> Days:
    edges, (sums,) = running_sums(rows.starts, rows.ends, rows.extra["value"])
    return while_true(edges, sums >= leaf.at_least)


def _ratio(part: Intervals, whole: Intervals, leaf: Ratio) -> Days:
    starts = np.concatenate((part.starts, whole.starts))
    ends = np.concatenate((part.ends, whole.ends))
    of = np.concatenate((part.extra["value"], np.zeros(len(whole), np.int64)))
    to = np.concatenate((np.zeros(len(part), np.int64), whole.extra["value"]))
    edges, (parts, wholes) = running_sums(starts, ends, of, to)
    return while_true(edges, (wholes >= leaf.minimum) & (parts * THOUSAND >= wholes * leaf.at_least))


def _joined(found: list[Days]) -> Days:
    """Blocks are of rising children, so their days follow each other."""
    if not found:
        return nothing()
    return Days(np.concatenate([d.starts for d in found]), np.concatenate([d.ends for d in found]))


_WORK: dict[Kind, Callable[..., Days]] = {
    "count": _count,
    "days": _distinct,
    "places": _distinct,
    "last": _last,
    "sum": _sum,
}
