"""Packed intervals: what lies between the events and the truth of a leaf.

A row is one event version in one stream for one child, in 64 bits: the stream (8 bits, counted within its
kind), the child (24 bits), the first day and the day after the last (16 bits each, from 1950). Sorted as
numbers, rows are sorted by stream, child and day, which is the order that everything needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from evi.indicators.intervals import OPEN, Keys, Mask
from evi.indicators.plan import Kind

Packed = npt.NDArray[np.uint64]

CHILD_BITS = 24
MOST_STREAMS = 256
MOST_PEOPLE = 1 << CHILD_BITS

EXTRA: dict[Kind, tuple[str, ...]] = {
    "count": (),
    "days": ("key",),
    "places": ("key",),
    "last": ("happened", "known", "record", "value"),
    "sum": ("value",),
}
"""What each kind carries beside the packed interval, as 64-bit integers."""

_CHILD = np.uint64(MOST_PEOPLE - 1)
_GROUP = np.uint64(32)


@dataclass(frozen=True)
class Intervals:
    """The intervals of one kind, in order of `packed` and then of what they carry."""

    kind: Kind
    packed: Packed
    extra: dict[str, Keys] = field(default_factory=dict)

    @property
    def streams(self) -> Keys:
        """The number, within the kind, of each row's stream."""
        return (self.packed >> np.uint64(56)).view(np.int64)

    @property
    def children(self) -> Keys:
        """The child of each row."""
        children = self.packed >> _GROUP
        children &= _CHILD
        return children.view(np.int64)

    @property
    def starts(self) -> Keys:
        """Child and first day of each row, as a key of `Days`."""
        starts = self.packed >> np.uint64(16)
        starts &= np.uint64((1 << 40) - 1)
        return starts.view(np.int64)

    @property
    def ends(self) -> Keys:
        """Child and day after the last of each row, as a key of `Days`."""
        ends = self.packed >> _GROUP
        ends &= _CHILD
        ends <<= np.uint64(16)
        ends |= self.packed & np.uint64(OPEN)
        return ends.view(np.int64)

    def __len__(self) -> int:
        return len(self.packed)

    def take(self, rows: Keys | Mask | slice) -> Intervals:
        """Some of the rows."""
        return Intervals(
            self.kind, self.packed[rows], {name: column[rows] for name, column in self.extra.items()}
        )

    def sorted(self) -> Intervals:
        """In the one order: by `packed`, then by what is carried. So equal sets have equal bytes."""
        if not self.extra:
            return Intervals(self.kind, _sorted(self.packed))
        rows = self if _rises(self.packed) else self.take(np.argsort(self.packed, kind="stable"))
        tied = np.flatnonzero(rows.packed[1:] == rows.packed[:-1])
        if len(tied) == 0:
            return rows
        places = np.union1d(tied, tied + 1)
        some = rows.take(places)
        order = np.lexsort((*reversed(list(some.extra.values())), some.packed))
        columns = {name: column.copy() for name, column in rows.extra.items()}
        for name, column in columns.items():
            column[places] = some.extra[name][order]
        return Intervals(self.kind, rows.packed, columns)


def _rises(packed: Packed) -> bool:
    return len(packed) < 2 or bool(np.all(packed[1:] >= packed[:-1]))


def _sorted(packed: Packed) -> Packed:
    """Sort by halves in two threads, and merge."""
    if _rises(packed):
        return packed
    middle = len(packed) // 2
    with ThreadPoolExecutor(2) as pool:
        halves = list(pool.map(np.sort, (packed[:middle], packed[middle:])))
    return np.sort(np.concatenate(halves), kind="stable")


def none_of(kind: Kind) -> Intervals:
    """No intervals."""
    return Intervals(kind, np.empty(0, np.uint64), {name: np.empty(0, np.int64) for name in EXTRA[kind]})


def joined(parts: list[Intervals]) -> Intervals:
    """Several sets of one kind, one after the other."""
    if len(parts) == 1:
        return parts[0]
    kind = parts[0].kind
    columns = {name: np.concatenate([part.extra[name] for part in parts]) for name in EXTRA[kind]}
    return Intervals(kind, np.concatenate([part.packed for part in parts]), columns)


def groups_of(packed: Packed) -> Packed:
    """Each stream and child that has rows, once, in order."""
    return np.unique(packed >> _GROUP)


def rows_of(intervals: Intervals, groups: Packed) -> Keys:
    """The positions, in sorted intervals, of the rows of these streams and children."""
    first = np.searchsorted(intervals.packed, groups << _GROUP)
    last = np.searchsorted(intervals.packed, ((groups + np.uint64(1)) << _GROUP) - np.uint64(1), side="right")
    spread = last - first
    return np.repeat(first - np.cumsum(spread) + spread, spread) + np.arange(int(spread.sum()))


def blocks(intervals: Intervals, size: int) -> Iterator[Intervals]:
    """Split into runs of about `size` rows without parting a child of one stream."""
    edges = [0]
    while edges[-1] < len(intervals):
        stop = min(edges[-1] + size, len(intervals))
        if stop < len(intervals):
            group = intervals.packed[stop - 1] >> _GROUP
            stop = int(np.searchsorted(intervals.packed >> _GROUP, group, side="right"))
        edges.append(stop)
    for start, stop in pairwise(edges):
        yield intervals.take(slice(start, stop))
