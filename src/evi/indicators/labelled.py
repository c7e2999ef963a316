"""Days of many children under many labels, as one packed array: what answers questions and what is patched.

Child, first day and the day after the last share 64 bits, as in `packed`, without a stream; the rows of a
label follow each other, by child and day. Read as 16-bit words, the two days of a row are columns, so "open
on this day" is two comparisons of a memory-mapped file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from evi.indicators.intervals import DAY_BITS, OPEN, Days, Keys
from evi.indicators.packed import Packed


@dataclass(frozen=True)
class Labelled:
    """The days under each label.

    Attributes:
        names: the labels, in order.
        rows: how many rows each has.
        packed: all rows, little-endian.
    """

    names: tuple[str, ...]
    rows: tuple[int, ...]
    packed: Packed

    @cached_property
    def edges(self) -> Keys:
        """Where the rows of each label begin, and where the last ends."""
        return np.concatenate((np.zeros(1, np.int64), np.cumsum(np.array(self.rows, np.int64))))

    @cached_property
    def _words(self) -> npt.NDArray[np.uint16]:
        return self.packed.view(np.uint16).reshape(-1, 4)

    @property
    def starts(self) -> npt.NDArray[np.uint16]:
        """The first day of each row."""
        return self._words[:, 1]

    @property
    def ends(self) -> npt.NDArray[np.uint16]:
        """The day after the last of each row."""
        return self._words[:, 0]

    def of(self, name: str) -> Days | None:
        """The days under a label, merged; none if there is no such label."""
        if name not in self.names:
            return None
        place = self.names.index(name)
        return unpacked(self.packed[self.edges[place] : self.edges[place + 1]])

    def open_on(self, day: int) -> tuple[Keys, Keys]:
        """The number of the label, and the child, of each row that is open on the day."""
        hits = np.flatnonzero((self.starts <= day) & (self.ends > day))
        labels = np.searchsorted(self.edges, hits, side="right") - 1
        return labels, (self.packed[hits] >> np.uint64(32)).astype(np.int64)

    def by_slot(self, slots: npt.NDArray[np.integer], count: int) -> npt.NDArray[np.int64]:
        """For each label, how many rows are open in each of `count` slots; `slots` gives each day's slot."""
        change = np.zeros((len(self.names), count + 1), np.int64)
        for place, (first, last) in enumerate(zip(self.edges[:-1], self.edges[1:], strict=True)):
            change[place] += np.bincount(slots[self.starts[first:last]], minlength=count + 1)
            change[place] -= np.bincount(slots[self.ends[first:last]], minlength=count + 1)
        return np.cumsum(change, axis=1)[:, :count]


def packed_days(days: Days) -> Packed:
    """Merged days as packed rows."""
    packed = days.starts << DAY_BITS
    packed |= days.ends & OPEN
    return packed.view(np.uint64)


def unpacked(packed: Packed) -> Days:
    """Packed rows as merged days."""
    signed = packed.view(np.int64)
    return Days(signed >> DAY_BITS, (signed >> (2 * DAY_BITS) << DAY_BITS) | (signed & OPEN))


def labelled(pairs: Iterable[tuple[str, Days]]) -> Labelled:
    """Days by label, in order of label."""
    ordered = sorted(pairs, key=lambda pair: pair[0])
    parts: Sequence[Packed] = [packed_days(days) for _, days in ordered] or [np.empty(0, np.uint64)]
    names, rows = tuple(name for name, _ in ordered), tuple(len(days) for _, days in ordered)
    return Labelled(names, rows, np.concatenate(parts))
