"""Whether simulated lists keep a trajectory: every measure of every month, and all of them together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evi.queues.simulation.paths import Paths
from evi.queues.sizing.ages import HALF_WEEK
from evi.queues.sizing.trajectory import MEASURES, SHARE, Trajectory

Floats = npt.NDArray[np.float64]
EXACT = 1e-9
"""How far a figure may be off by arithmetic alone."""


@dataclass(frozen=True)
class Monthly:
    """What a simulation found, by month.

    Attributes:
        measures: every measure of `MEASURES`, shape [replication, month]. Where nobody waits or nobody is
            seen, weeks are 0 and the share is 0.
        waiting: children waiting at the end of the month, shape [replication, month].
        seen: children seen in the month.
        waited_child_weeks: children waiting, summed over the weeks of the month.
    """

    measures: Mapping[str, Floats]
    waiting: Floats
    seen: Floats
    waited_child_weeks: Floats

    def kept(self, trajectory: Trajectory) -> npt.NDArray[np.bool_]:
        """Whether every promise of the month is kept, shape [replication, month]."""
        held = np.ones(self.waiting.shape, bool)
        for measure, limits in trajectory.limits.items():
            held &= self.keeps(measure, limits)
        return held

    def keeps(self, measure: str, limits: Floats) -> npt.NDArray[np.bool_]:
        """Whether one measure is within its limit, shape [replication, month]; true where there is none."""
        found = self.measures[measure]
        within = found >= limits - EXACT if measure == SHARE else found <= limits + EXACT
        return np.asarray(within | np.isnan(limits))

    def joint(self, trajectory: Trajectory) -> float:
        """The share of replications in which every promise of every month is kept."""
        return float(self.kept(trajectory).all(axis=1).mean())

    def least(self, made: Callable[[float], Trajectory], most: float, probability: float) -> float:
        """How far a trajectory must be moved to hold with this probability; infinite if `most` is not enough.

        Args:
            made: the trajectory moved by a number; by more it is easier.
            most: the furthest to move it.
        """
        low, high = 0.0, most
        if self.joint(made(high)) < probability:
            return np.inf
        while high - low > 0.005:
            middle = (low + high) / 2
            if self.joint(made(middle)) >= probability:
                high = middle
            else:
                low = middle
        return high


def by_month(paths: Paths, place: int, trajectory: Trajectory) -> Monthly:
    """The measures of one pool, by month of the trajectory.

    Args:
        paths: a simulation of at least the trajectory's weeks.
        place: the pool's position.
        trajectory: whose months.
    """
    weeks = trajectory.weeks
    first = np.searchsorted(trajectory.month_of_week, np.arange(len(trajectory.months)))
    last = np.append(first[1:], weeks) - 1

    def summed(table: npt.NDArray[np.generic]) -> Floats:
        return np.asarray(np.add.reduceat(table[:, :weeks, place].astype(float), first, axis=1))

    def most(table: npt.NDArray[np.generic]) -> Floats:
        return np.asarray(np.maximum.reduceat(table[:, :weeks, place].astype(float), first, axis=1))

    waiting = paths.waiting[:, last, place].astype(float)
    seen = summed(paths.starts)
    found = {
        "average_waiting_weeks": _mean(paths.sum_wait_so_far_weeks[:, last, place], waiting),
        "average_seen_weeks": _mean(summed(paths.sum_wait_seen_weeks), seen),
        "longest_waiting_weeks": paths.longest_waiting_weeks[:, last, place].astype(float),
        "longest_seen_weeks": most(paths.longest_seen_weeks),
        SHARE: np.divide(summed(paths.started_within_limit), seen, out=np.zeros_like(seen), where=seen > 0),
    }
    measures = {measure: found[measure] for measure in MEASURES}
    return Monthly(measures, waiting, seen, summed(paths.waiting))


def _mean(total: Floats, children: Floats) -> Floats:
    """Mean weeks, half a week more than the mean of whole weeks; 0 where there is nobody."""
    mean = np.divide(total, children, out=np.zeros_like(children), where=children > 0)
    return np.where(children > 0, mean + HALF_WEEK, 0.0)
