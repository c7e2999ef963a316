"""The most children that any plan could see, from a linear programme, and where such a plan would put its
visits.

It counts only children who could be seen if theirs were the only visit. Beyond that it leaves out travel,
interpreters and other extra people, and lets visits and people be split. So no plan can see more, and a plan
that comes near has little left to gain. HiGHS (through SciPy) solves it in a tenth of a second, and its
answer is nearly whole, so it also guides the first plan.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from evi.queues.days.grid import Grid, within_reach
from evi.workspace import EviError

Floats = npt.NDArray[np.float64]
A_VISIT = 1e-3
"""What a visit costs in children: so little that the bound stays one, and enough to want few visits."""
A_WEEK = 1e-5
"""What a week's delay of a visit costs in children."""


@dataclass(frozen=True)
class Bound:
    """What no plan can pass.

    Attributes:
        children: the most that can be seen.
        visits: [school, day], 0 to 1: where the programme puts visits.
        people: [person, day], 0 to 1: when it sends people.
    """

    children: int
    visits: Floats
    people: Floats


@dataclass
class _Programme:
    """Maximise gain over variables from 0 to 1, under rows of at most."""

    gain: list[float] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    columns: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    most: list[float] = field(default_factory=list)

    def variable(self, gain: float) -> int:
        self.gain.append(gain)
        return len(self.gain) - 1

    def at_most(self, plus: Sequence[int], minus: Sequence[int], most: float) -> None:
        """The sum of `plus` less the sum of `minus` is at most `most`."""
        self.rows += [len(self.most)] * (len(plus) + len(minus))
        self.columns += [*plus, *minus]
        self.values += [1.0] * len(plus) + [-1.0] * len(minus)
        self.most.append(most)

    def solve(self) -> tuple[float, Floats]:
        shape = (len(self.most), len(self.gain))
        at = (np.array(self.rows, np.int64), np.array(self.columns, np.int64))
        left = coo_matrix((np.array(self.values), at), shape=shape).tocsr()
        gain, most = np.array(self.gain), np.array(self.most)
        found: Any = linprog(-gain, left, most, bounds=(0, 1), method="highs")  # type: ignore[call-overload]
        if found.x is None:
            raise EviError("the bound could not be worked out.", where="assessment days", do=found.message)
        return -float(found.fun), np.asarray(found.x)


def bound(grid: Grid) -> Bound:
    """The bound of a problem."""
    programme = _Programme()
    visit = np.full(grid.open.shape, -1, np.int64)
    for school, day in zip(*np.nonzero(grid.open), strict=True):
        visit[school, day] = programme.variable(-A_VISIT - A_WEEK * float(grid.week[day]))
    for schools, children in _clusters(grid):
        seats = [min(grid.most, children - first) for first in range(0, children, grid.most)]
        filled = [programme.variable(float(count)) for count in seats]
        programme.at_most(filled, _known(visit[schools]), 0.0)
    going = _people(programme, grid, visit)
    value, found = programme.solve() if programme.gain else (0.0, np.zeros(0))
    whole = np.append(found, 0.0)  # the last for days without a variable
    visits = sum(math.ceil(children / grid.most) for _schools, children in _clusters(grid))
    slack = visits * (A_VISIT + A_WEEK * float(grid.week.max(initial=0)))
    return Bound(math.floor(value + slack + 1e-6), whole[visit], whole[going])


def _clusters(grid: Grid) -> list[tuple[list[int], int]]:
    """Schools that can see each other's children, and how many children they have together."""
    count = len(grid.visitors)
    pairs = [(where[0], where[-1]) for where in grid.venues]
    left, right = np.array(pairs, np.int64).reshape(-1, 2).T
    links = coo_matrix((np.ones(len(pairs)), (left, right)), shape=(count, count))
    total, of_school = connected_components(links, directed=False)
    children = np.bincount(of_school[left[within_reach(grid)]], minlength=total)
    members = [np.flatnonzero(of_school == cluster).tolist() for cluster in range(total)]
    return [(members[cluster], int(children[cluster])) for cluster in range(total) if children[cluster]]


def _people(programme: _Programme, grid: Grid, visit: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """A visit on a day needs somebody in each place of the core team, who has days of that week to give."""
    going = np.full(grid.free.shape, -1, np.int64)
    for core in range(grid.core):
        for person in grid.able[core]:
            for day in np.flatnonzero(grid.free[person]):
                if going[person, day] < 0:
                    going[person, day] = programme.variable(0.0)
        for column in range(len(grid.week)):
            plus = _known(visit[:, column])
            if plus:
                programme.at_most(plus, _known(going[list(grid.able[core]), column]), 0.0)
    for person, most in enumerate(grid.most_days):
        for week in np.unique(grid.week):
            days = _known(going[person, grid.week == week])
            if len(days) > most:
                programme.at_most(days, [], float(most))
    return going


def _known(variables: npt.NDArray[np.int64]) -> list[int]:
    flat = variables.ravel()
    return [int(one) for one in flat[flat >= 0]]
