"""How a plan that is held to its milestones alone could be gamed: by waiting until just before each.

The linear programme is asked for the least capacity that keeps the milestones only and, among those, for the
one that comes last. Between the milestones nothing holds it, and what that would do to children is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from evi.queues.sizing.ages import HALF_WEEK
from evi.queues.sizing.lp import Bound, Floats, Flow, least_capacity
from evi.queues.sizing.trajectory import MEASURES, SHARE, Trajectory

BROKEN = 0.05
"""Weeks (or hundredths of a share) by which a limit must be missed to count as broken."""


@dataclass(frozen=True)
class Breach:
    """A measure that is over its straight line between milestones in some months.

    Attributes:
        measure: which.
        months: how many months it is over.
        worst_month, found, limit: where it is furthest over, and what was found and promised there.
    """

    measure: str
    months: int
    worst_month: date
    found: float
    limit: float


@dataclass(frozen=True)
class Gaming:
    """The plan that waits until just before each milestone, against the one that is held to every month.

    Attributes:
        months: the months of the plan.
        extra_slots_by_month: a week, of the plan held to milestones and of the one held to every month.
        extra_slots, monthly_extra_slots: both over the whole time.
        breaches: what it breaks between the milestones.
        months_broken: months in which it breaks anything.
        more_child_weeks: weeks that children wait more in all than in the plan held to every month.
    """

    months: tuple[date, ...]
    extra_slots_by_month: tuple[float, ...]
    monthly_extra_slots_by_month: tuple[float, ...]
    extra_slots: float
    monthly_extra_slots: float
    breaches: tuple[Breach, ...]
    months_broken: int
    more_child_weeks: float

    @property
    def sentence(self) -> str:
        """What the plan that is held to milestones could do."""
        saved = self.monthly_extra_slots - self.extra_slots
        start = (
            f"Held to its milestones alone, a plan could wait and save {saved:,.0f} appointments of "
            f"{self.monthly_extra_slots:,.0f} (both least, in any order of seeing children)"
        )
        if not self.months_broken:
            return f"{start}; it would break no month's straight line."
        worst = "; ".join(_worst(breach) for breach in self.breaches)
        return (
            f"{start}: it would break the straight line in {self.months_broken} of {len(self.months)} "
            f"months, and children would wait {self.more_child_weeks:,.0f} more weeks in all. {worst}."
        )


def gamed(flow: Flow, trajectory: Trajectory, milestones_only: Trajectory) -> Gaming | None:
    """What holding a plan to its milestones alone would allow; None if it can't be kept at all."""
    block = np.arange(len(trajectory.months))
    honest = least_capacity(flow, trajectory, block, late=True)
    gaming = least_capacity(flow, milestones_only, block, late=True)
    if not (honest.feasible and gaming.feasible):
        return None
    found = _measures(gaming, trajectory)
    breaches, broken = [], np.zeros(len(block), bool)
    for measure, limits in trajectory.limits.items():
        over = (limits - found[measure]) * 100 if measure == SHARE else found[measure] - limits
        over = np.nan_to_num(over, nan=-np.inf)
        months = over > BROKEN
        broken |= months
        if months.any():
            at = int(np.argmax(over))
            breaches.append(
                Breach(
                    measure,
                    int(months.sum()),
                    trajectory.months[at],
                    float(found[measure][at]),
                    float(limits[at]),
                )
            )
    return Gaming(
        months=trajectory.months,
        extra_slots_by_month=tuple(float(x) for x in gaming.extra_by_block),
        monthly_extra_slots_by_month=tuple(float(x) for x in honest.extra_by_block),
        extra_slots=gaming.extra_slots,
        monthly_extra_slots=honest.extra_slots,
        breaches=tuple(breaches),
        months_broken=int(broken.sum()),
        more_child_weeks=float(gaming.waiting.sum() - honest.waiting.sum()),
    )


def _measures(bound: Bound, trajectory: Trajectory) -> Mapping[str, Floats]:
    """Every measure of a flow by month."""
    of_week = trajectory.month_of_week
    first = np.searchsorted(of_week, np.arange(len(trajectory.months)))
    last = np.append(first[1:], len(of_week)) - 1
    seen = np.add.reduceat(bound.seen, first, axis=0)
    age = np.arange(seen.shape[1], dtype=float)
    total = np.maximum(seen.sum(axis=1), 1e-9)
    found = {
        "average_waiting_weeks": bound.average_waiting_weeks[last],
        "average_seen_weeks": seen @ (age + HALF_WEEK) / total,
        "longest_waiting_weeks": bound.longest_waiting_weeks[last],
        "longest_seen_weeks": np.where(seen > 1e-6, age, 0.0).max(axis=1),
        SHARE: seen[:, : trajectory.limit_weeks].sum(axis=1) / total,
    }
    return {measure: np.asarray(found[measure]) for measure in MEASURES}


def _worst(breach: Breach) -> str:
    found, limit = (
        (f"{breach.found:.1%}", f"{breach.limit:.1%}")
        if breach.measure == SHARE
        else (f"{breach.found:.1f} weeks", f"{breach.limit:.1f}")
    )
    name = MEASURES[breach.measure]
    return f"{name[0].upper()}{name[1:]}: {found} against {limit} in {breach.worst_month:%B %Y}"
