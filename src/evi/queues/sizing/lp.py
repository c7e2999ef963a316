"""The least capacity that any way of choosing children could need: a linear programme over a flowing list.

Children flow like water: on average as many come, miss and leave as expected, and each appointment may
go to whichever wait suits the promises best. So the answer is a bound from below: no order of seeing
children, and no luck that is only average, can keep the promises in every month with fewer appointments.
The simulation's answer lies above it, by what chance and a fixed order cost. Solved by HiGHS (Huangfu and
Hall 2018, https://doi.org/10.1007/s12532-017-0130-5) through SciPy.

A week goes as in the simulation (`engine`): new children join (wait 0), some leave unseen by age of wait,
the rest can be seen; who is left is a week older the next week. Waits are whole weeks, and averages half a
week more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.optimize import linprog

from evi.queues.sizing.ages import HALF_WEEK
from evi.queues.sizing.trajectory import SHARE, Trajectory

Floats = npt.NDArray[np.float64]
SMALLEST = 1e-9
"""Coefficients below this are left out."""
SLACK = 0.01
"""Of all capacities within 1% of the least, the one with the lowest peak is given: staff can't be hired for
a month."""


@dataclass(frozen=True)
class Flow:
    """A list as expected numbers.

    Attributes:
        backlog: children by whole weeks waited when the first week begins (in which they are a week older).
        arrivals: children who join, by week.
        removed: share who leave unseen, by whole weeks waited (the last value holds for longer waits).
        missed: share of appointments to which nobody comes, who keep their place.
        slots: appointments offered today, by week.
    """

    backlog: Floats
    arrivals: Floats
    removed: Floats
    missed: float
    slots: Floats


@dataclass(frozen=True)
class Bound:
    """The least capacity of a flowing list.

    Attributes:
        feasible: whether any capacity within the ceiling keeps every promise.
        extra_by_block: appointments a week above today's in each block of months, as even as can be
            (or as late) within 1% of the least; empty if none.
        extra_slots: the least appointments above today's, summed over the weeks.
        waiting: children waiting at the end of each week.
        average_waiting_weeks, longest_waiting_weeks: of those waiting at the end of each week.
        seen: children seen each week, by whole weeks waited (shape [week, age]).
    """

    feasible: bool
    extra_by_block: Floats
    extra_slots: float
    waiting: Floats
    average_waiting_weeks: Floats
    longest_waiting_weeks: Floats
    seen: Floats


class _Rows:
    """Rows of a sparse matrix, gathered a cell at a time in bulk."""

    def __init__(self) -> None:
        self.rows: list[npt.NDArray[np.int64]] = []
        self.columns: list[npt.NDArray[np.int64]] = []
        self.values: list[Floats] = []
        self.right: list[float] = []

    def add(self, columns: npt.NDArray[np.int64], values: Floats, right: float) -> None:
        use = np.abs(values) > SMALLEST
        self.rows.append(np.full(int(use.sum()), len(self.right)))
        self.columns.append(columns[use])
        self.values.append(values[use])
        self.right.append(right)

    def matrix(self, width: int) -> sparse.csr_array[Any, Any]:
        cells = (np.concatenate(self.rows), np.concatenate(self.columns))
        return sparse.csr_array((np.concatenate(self.values), cells), shape=(len(self.right), width))


def least_capacity(
    flow: Flow,
    trajectory: Trajectory,
    block_of_month: npt.NDArray[np.int64],
    most_slots: float | None = None,
    *,
    late: bool = False,
) -> Bound:
    """The least capacity above today's that keeps the trajectory in every month that it limits.

    Args:
        flow: the list, with at least as many weeks of arrivals and slots as the trajectory has.
        trajectory: the promises.
        block_of_month: for each month, the block of months that share one number of extra appointments.
        most_slots: the ceiling of appointments in any week; None: no ceiling.
        late: of all capacities within 1% of the least, give the one that comes last, not the most even.
    """
    month_of_week = trajectory.month_of_week
    weeks, ages = len(month_of_week), len(flow.backlog) + len(month_of_week) + 1
    keep = (
        1.0
        - np.concatenate([flow.removed, np.full(max(ages - len(flow.removed), 0), flow.removed[-1])])[:ages]
    )
    blocks = int(block_of_month.max()) + 1
    alive = _alive(flow, weeks, ages)
    number = np.full((weeks, ages), -1, np.int64)
    number[alive] = np.arange(alive.sum())
    cells = int(alive.sum())
    # Columns: seen [cells], left [cells], extra slots a week [blocks], the most of them [1].
    seen, left, extra = number, np.where(number >= 0, number + cells, -1), 2 * cells + np.arange(blocks)
    width = 2 * cells + blocks + 1
    upper = np.full(width, np.inf)
    if most_slots is not None:
        block_of_week = block_of_month[month_of_week]
        room = [
            float(most_slots - flow.slots[:weeks][block_of_week == b].max(initial=0)) for b in range(blocks)
        ]
        upper[extra] = np.maximum(room, 0.0)
    limits = _Rows()
    for week in range(weeks):
        here = seen[week][alive[week]]
        block = extra[block_of_month[month_of_week[week]]]
        limits.add(
            np.append(here, block),
            np.append(np.ones(len(here)), -(1 - flow.missed)),
            (1 - flow.missed) * float(flow.slots[week]),
        )
    _promises(limits, upper, trajectory, month_of_week, alive, seen, left)
    for column in extra:
        limits.add(np.array([column, width - 1]), np.array([1.0, -1.0]), 0.0)
    total, second = np.zeros(width), np.zeros(width)
    total[extra] = np.bincount(block_of_month[month_of_week], minlength=blocks)
    if late:
        np.add.at(second, extra[block_of_month[month_of_week]], np.arange(weeks, 0.0, -1.0))
    else:
        second[width - 1] = 1.0
    equal = _balance(flow, keep, alive, seen, left, width)
    least = _solved(total, limits, equal, upper)
    if least is None:
        nothing = np.zeros(0)
        return Bound(False, nothing, np.inf, nothing, nothing, nothing, np.zeros((0, 0)))
    extra_slots = float(total @ least)
    limits.add(extra, total[extra], extra_slots * (1 + SLACK) + SLACK)
    chosen = _solved(second, limits, equal, upper)
    return _bound(least if chosen is None else chosen, extra_slots, alive, cells, extra)


def _solved(cost: Floats, limits: _Rows, equal: tuple[Any, Floats], upper: Floats) -> Floats | None:
    """The columns that keep all rows at least cost; None if none do."""
    bounds: Any = np.column_stack([np.zeros(len(upper)), upper])
    matrix: Any = limits.matrix(len(upper))
    found = linprog(
        cost,
        A_ub=matrix,
        b_ub=limits.right,
        A_eq=equal[0],
        b_eq=equal[1],
        bounds=bounds,
        method="highs",
    )
    return None if found.x is None else np.asarray(found.x, float)


def _alive(flow: Flow, weeks: int, ages: int) -> npt.NDArray[np.bool_]:
    """Which waits can hold children, week by week; shape [week, age]."""
    start = np.zeros(ages, bool)
    start[1 : len(flow.backlog) + 1] = flow.backlog > 0
    alive = np.zeros((weeks, ages), bool)
    for week in range(weeks):
        if week:
            alive[week, 1:] = alive[week - 1, :-1]
        else:
            alive[0] = start
        alive[week, 0] |= flow.arrivals[week] > 0
    return alive


def _balance(
    flow: Flow,
    keep: Floats,
    alive: npt.NDArray[np.bool_],
    seen: npt.NDArray[np.int64],
    left: npt.NDArray[np.int64],
    width: int,
) -> tuple[Any, Floats]:
    """Who is seen and who is left make up who was there: left of last week, less removals, plus arrivals."""
    week, age = np.nonzero(alive)
    row = np.arange(len(week))
    came_from = np.where((week > 0) & (age > 0), left[np.maximum(week - 1, 0), np.maximum(age - 1, 0)], -1)
    before = came_from >= 0
    rows = np.concatenate([row, row, row[before]])
    columns = np.concatenate([seen[week, age], left[week, age], came_from[before]])
    values = np.concatenate([np.ones(2 * len(row)), -keep[age[before]]])
    backlog = np.zeros(alive.shape[1])
    backlog[1 : len(flow.backlog) + 1] = flow.backlog
    right = np.where(week == 0, backlog[age], 0.0) + np.where(age == 0, flow.arrivals[week], 0.0)
    return sparse.csr_array((values, (rows, columns)), shape=(len(row), width)), right * keep[age]


def _promises(
    limits: _Rows,
    upper: Floats,
    trajectory: Trajectory,
    month_of_week: npt.NDArray[np.int64],
    alive: npt.NDArray[np.bool_],
    seen: npt.NDArray[np.int64],
    left: npt.NDArray[np.int64],
) -> None:
    """Every promise of every month as a linear limit; the longest waits as cells that must be empty."""
    age = np.arange(alive.shape[1], dtype=float)
    within: Callable[[Floats], Floats] = lambda a: (a < trajectory.limit_weeks).astype(float)  # noqa: E731
    for measure, by_month in trajectory.limits.items():
        for month, limit in enumerate(by_month):
            if np.isnan(limit):
                continue
            weeks = np.flatnonzero(month_of_week == month)
            waiting = measure.endswith("waiting_weeks")
            at, table = (weeks[-1:], left) if waiting else (weeks, seen)
            columns = np.concatenate([table[w][alive[w]] for w in at])
            ages = np.concatenate([age[alive[w]] for w in at])
            if measure.startswith("longest"):
                upper[columns[ages > limit]] = 0.0
            elif measure == SHARE:
                limits.add(columns, limit - within(ages), 0.0)
            else:
                limits.add(columns, ages + HALF_WEEK - limit, 0.0)


def _bound(
    x: Floats, extra_slots: float, alive: npt.NDArray[np.bool_], cells: int, extra: npt.NDArray[np.int64]
) -> Bound:
    age = np.arange(alive.shape[1], dtype=float)
    seen, left = np.zeros(alive.shape), np.zeros(alive.shape)
    seen[alive], left[alive] = x[:cells], x[cells : 2 * cells]
    left[left < SMALLEST] = 0.0
    waiting = left.sum(axis=1)
    average = np.divide(left @ (age + HALF_WEEK), waiting, out=np.zeros(len(waiting)), where=waiting > 0)
    longest = np.where(left > SMALLEST, age, 0.0).max(axis=1)
    return Bound(True, x[extra], extra_slots, waiting, average, longest, seen)
