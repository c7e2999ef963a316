"""The kernel: sets of days of many subjects at once, and the one sweep that everything is made of.

A `Days` holds intervals `[start, end)` of many subjects as two sorted arrays of keys, `subject << 16 | day`,
where a subject is a small number (not an id) and a day counts from 1950. Each subject has as many starts as
ends, so the two arrays line up although each is sorted on its own.

Everything rests on one fact. Sort the starts, sort the ends: the days on which at least n intervals are open
are the union over i of `[start[i], end[i - n + 1])`. So a count, a union (n = 1), an intersection (n = all)
and "k of n" are the same few vector operations, with no running sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

DAY_ZERO = date(1950, 1, 1)
DAY_BITS = 16
OPEN = (1 << DAY_BITS) - 1
"""The day after every other (in 2129): an end that is not known."""
_DAY = np.int64(OPEN)


def day_number(day: date | None) -> int:
    """Days since 1950, from 0 to `OPEN`; none is `OPEN`."""
    return OPEN if day is None else min(max((day - DAY_ZERO).days, 0), OPEN)


def day_of(number: int) -> date | None:
    """The date of a day number; none for `OPEN`."""
    return None if number >= OPEN else DAY_ZERO + timedelta(days=int(number))


class Days(NamedTuple):
    """Intervals of many subjects. After `merged` they are disjoint, apart, and in order."""

    starts: Keys
    ends: Keys

    @property
    def subjects(self) -> Keys:
        """The subject of each interval (meaningful for merged days)."""
        return self.starts >> DAY_BITS

    def who(self) -> Keys:
        """Each subject that has days, once, in order (of merged days)."""
        subjects = self.subjects
        first = np.ones(len(subjects), np.bool_)
        first[1:] = subjects[1:] != subjects[:-1]
        return subjects[first]

    def __len__(self) -> int:
        return len(self.starts)


def nothing() -> Days:
    """No days of anyone."""
    return Days(np.empty(0, np.int64), np.empty(0, np.int64))


def keys(subjects: npt.NDArray[np.integer], days: npt.NDArray[np.integer]) -> Keys:
    """Pack subjects and days into keys."""
    return (subjects.astype(np.int64) << DAY_BITS) | days.astype(np.int64)


def ordered(values: Keys) -> Keys:
    """Sorted; quick where it is already, or is a few sorted runs, as nearly all are (a merging sort)."""
    return np.sort(values, kind="stable")


def at_least(starts: Keys, ends: Keys, n: int = 1) -> Days:
    """The days on which at least `n` of the intervals are open, merged. The arrays may be in any order."""
    if len(starts) < n:
        return nothing()
    starts, ends = ordered(starts), ordered(ends)
    first, last = starts[n - 1 :], ends[: len(ends) - n + 1]
    if n > 1:
        same = (first >> DAY_BITS) == (starts[: len(starts) - n + 1] >> DAY_BITS)
        first, last = first[same], last[same]
    return _merge(first, last)


def _merge(starts: Keys, ends: Keys) -> Days:
    """Join what overlaps or touches; both arrays are sorted and pair up."""
    some = ends > starts
    if not bool(some.all()):
        starts, ends = starts[some], ends[some]
    if len(starts) == 0:
        return nothing()
    apart = starts[1:] > ends[:-1]
    opens = np.concatenate((np.array([True]), apart))
    closes = np.concatenate((apart, np.array([True])))
    return Days(starts[opens], ends[closes])


def union(parts: Sequence[Days]) -> Days:
    """The days in any of the parts, merged."""
    return at_least_of(parts, 1)


def at_least_of(parts: Sequence[Days], n: int) -> Days:
    """The days in at least `n` of the parts, each of which is merged."""
    if len(parts) == 1 and n == 1:
        return parts[0]
    if len(parts) < n:
        return nothing()
    return at_least(
        np.concatenate([part.starts for part in parts]), np.concatenate([part.ends for part in parts]), n
    )


def both(one: Days, other: Days) -> Days:
    """The days in both."""
    return at_least_of((one, other), 2)


def outside(days: Days, subjects: Keys) -> Days:
    """All other days, from 1950 on without end, of these subjects; `days` is merged and of no one else."""
    starts = np.concatenate((subjects << DAY_BITS, days.ends))
    ends = np.concatenate((days.starts, (subjects << DAY_BITS) | _DAY))
    return at_least(starts, ends)


def without(days: Days, taken: Days) -> Days:
    """The days that are not in `taken`; both are merged."""
    if len(days) == 0 or len(taken) == 0:
        return days
    subjects = days.who()
    chosen = np.zeros(int(max(subjects[-1], taken.subjects[-1])) + 1, np.bool_)
    chosen[subjects] = True
    return both(days, outside(of_subjects(taken, chosen), subjects))


def clipped(days: Days, first: npt.NDArray[np.int64], last: npt.NDArray[np.int64]) -> Days:
    """The part on the days `[first[subject], last[subject])`; merged days stay merged."""
    subjects = days.starts >> DAY_BITS
    starts = np.maximum(days.starts, (subjects << DAY_BITS) | first[subjects])
    ends = np.minimum(days.ends, (subjects << DAY_BITS) | last[subjects])
    some = ends > starts
    return Days(starts[some], ends[some])


def of_subjects(days: Days, chosen: Mask) -> Days:
    """Only the intervals of the subjects that the mask marks; merged days stay merged."""
    kept = chosen[days.starts >> DAY_BITS]
    return Days(days.starts[kept], days.ends[kept])


def latest_where(subjects: Keys, starts: Keys, ends: Keys, answers: Mask) -> Days:
    """The days on which the highest-ranked open interval has the answer yes.

    Args:
        subjects: the subject of each interval; intervals come by subject and, within one, by rising rank.
        starts, ends: day numbers.
        answers: what each interval says.

    Where starts and ends rise with rank, an interval speaks until the next begins. Where a correction or a
    late arrival breaks that order, the subject's intervals are compared stretch by stretch: exact, slower.
    """
    if len(subjects) == 0:
        return nothing()
    begin, finish = keys(subjects, starts), keys(subjects, ends)
    joined = subjects[1:] == subjects[:-1]
    breaks = joined & ((begin[1:] < begin[:-1]) | (finish[1:] < finish[:-1]))
    if not bool(breaks.any()):
        return _until_next(begin, finish, joined, answers)
    odd_ones = np.unique(subjects[1:][breaks])
    odd = np.isin(subjects, odd_ones)
    plain = latest_where(subjects[~odd], starts[~odd], ends[~odd], answers[~odd])
    slow = _by_range(begin[odd], finish[odd], answers[odd])
    return union((plain, slow))


def _until_next(begin: Keys, finish: Keys, joined: Mask, answers: Mask) -> Days:
    ends = finish.copy()
    ends[:-1] = np.where(joined, np.minimum(finish[:-1], begin[1:]), finish[:-1])
    said = answers & (ends > begin)
    return at_least(begin[said], ends[said], 1)


def _by_range(begin: Keys, finish: Keys, answers: Mask) -> Days:
    """Every stretch between two neighbouring boundaries, and the highest-ranked interval over it."""
    edges = np.unique(np.concatenate((begin, finish)))
    first, last = np.searchsorted(edges, begin), np.searchsorted(edges, finish)
    spread = last - first
    offset = np.arange(int(spread.sum())) - np.repeat(np.cumsum(spread) - spread, spread)
    best = np.full(len(edges), -1, np.int64)
    np.maximum.at(best, np.repeat(first, spread) + offset, np.repeat(np.arange(len(begin)), spread))
    said = np.flatnonzero((best >= 0) & answers[np.maximum(best, 0)])
    return at_least(edges[said], edges[np.minimum(said + 1, len(edges) - 1)], 1)


def running_sums(starts: Keys, ends: Keys, *values: Keys) -> tuple[Keys, list[Keys]]:
    """Every boundary key in order and, for each of `values`, its sum over the intervals open from there."""
    edges = np.concatenate((starts, ends))
    order = np.argsort(edges, kind="stable")
    edges = edges[order]
    final = np.ones(len(edges), np.bool_)
    final[:-1] = edges[1:] != edges[:-1]
    sums = [np.cumsum(np.concatenate((column, -column))[order])[final] for column in values]
    return edges[final], sums


def while_true(edges: Keys, answers: Mask) -> Days:
    """Days from each boundary with the answer yes to the next boundary; a subject's last says no."""
    said = np.flatnonzero(answers)
    return at_least(edges[said], edges[np.minimum(said + 1, len(edges) - 1)], 1) if len(said) else nothing()
