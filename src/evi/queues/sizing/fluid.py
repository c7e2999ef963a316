"""A list as a flow under a fixed order of seeing children: the quick look-ahead of the search for capacity.

One number for each week of wait, and a share of the slots to the longest waiters, the rest spread over the
list. It takes a hundred-thousandth of what a simulation takes, and is off by what chance does; the search
measures that by simulation and corrects for it (`shaping`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from evi.queues.simulation.network import Discipline
from evi.queues.sizing.ages import HALF_WEEK
from evi.queues.sizing.lp import Flow
from evi.queues.sizing.trajectory import MEASURES, Trajectory

Floats = npt.NDArray[np.float64]
ONE_CHILD = 0.7
"""The longest wait is that beyond which fewer children than this are expected: the median of the longest of a
few children who come by chance (the chance of none is then a half)."""


def flowing(
    flow: Flow,
    discipline: Discipline,
    trajectory: Trajectory,
    extra: Floats,
    block_of_week: npt.NDArray[np.int64],
) -> Floats:
    """Expected measures by month, shape [measures, months], in the order of `MEASURES`.

    Args:
        flow: the list and its slots today.
        discipline: the shares of slots; those by priority are taken as to the longest waiters.
        trajectory: whose months, and the standard.
        extra: extra slots a week in each block.
        block_of_week: the block of each week.
    """
    weeks = trajectory.weeks
    slots = np.maximum(flow.slots[:weeks] + extra[block_of_week], 0.0) * (1 - flow.missed)
    months = len(trajectory.months)
    found = np.zeros((len(MEASURES), months))
    _run(
        flow.backlog, flow.arrivals[:weeks], 1.0 - flow.removed, slots, discipline.random,
        trajectory.month_of_week, trajectory.limit_weeks, found,
    )  # fmt: skip
    return found


@njit(nogil=True, cache=True)
def _run(backlog, arrivals, keep, slots, random, month_of_week, limit, found):  # type: ignore[no-untyped-def] # compiled
    weeks = len(slots)
    ages = len(backlog) + weeks + 1
    there = np.zeros(ages)
    there[: len(backlog)] = backlog
    top = len(backlog)
    seen = within = weeks_seen = longest_seen = 0.0
    for week in range(weeks):
        there[1 : top + 1] = there[:top].copy()
        there[0] = arrivals[week]
        top += 1
        total = 0.0
        for age in range(top):
            there[age] *= keep[min(age, len(keep) - 1)]
            total += there[age]
        served = min(slots[week], total)
        spread = random * served / total if total > 0 else 0.0
        first = (1.0 - random) * served
        oldest = 0.0
        taken_any = 0.0
        for age in range(top - 1, -1, -1):
            taken = min(first, there[age])
            first -= taken
            taken += (there[age] - taken) * spread
            there[age] -= taken
            seen += taken
            weeks_seen += taken * (age + HALF_WEEK)
            if age < limit:
                within += taken
            if taken_any < ONE_CHILD:
                oldest = age
            taken_any += taken
        longest_seen = max(longest_seen, oldest)
        if week == weeks - 1 or month_of_week[week + 1] != month_of_week[week]:
            month = month_of_week[week]
            found[0, month], found[2, month] = _waits(there, top)
            found[1, month] = weeks_seen / seen if seen > 0 else 0.0
            found[3, month] = longest_seen
            found[4, month] = within / seen if seen > 0 else 0.0
            seen = within = weeks_seen = longest_seen = 0.0


@njit(nogil=True, cache=True)
def _waits(there, top):  # type: ignore[no-untyped-def] # compiled
    """Average and longest wait of those left; the longest between two weeks, so that it moves smoothly."""
    total, weighed, longest, left = 0.0, 0.0, 0.0, ONE_CHILD
    for age in range(top - 1, -1, -1):
        total += there[age]
        weighed += there[age] * (age + HALF_WEEK)
        if left > 0.0:
            if there[age] >= left:
                longest = age + 1.0 - left / there[age]
            left -= there[age]
    return (weighed / total if total > 0 else 0.0), longest
