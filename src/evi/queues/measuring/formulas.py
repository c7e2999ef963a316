"""Five sums of a waiting list on the back of an envelope, with their units.

They are those of NHSRwaitinglist (NHS-R community, after Fong, Mushtaq and House, "Understanding waiting
lists pressures", medRxiv 2022, https://doi.org/10.1101/2022.08.23.22279117). They assume one queue with
steady demand, no removals and no missed appointments, so they are a first look; `evi queue capacity` plans.

NHSRwaitinglist's own summary, `wl_stats`, hands a mean wait in days and a target in weeks to its pressure,
so the pressure that it prints is seven times too large. Here every wait is in weeks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from evi.workspace import EviError

FACTOR = 4.0
"""Target over mean wait. When waits are spread as in a queue served in order that is seldom empty
(exponentially), e^-4 = 1.8% wait longer than four times the mean."""


def load(demand_a_week: float, capacity_a_week: float) -> float:
    """Demand over capacity; at 1 or above the list grows without end.

    >>> round(load(30, 27), 5)
    1.11111
    """
    _above_zero(demand_a_week=demand_a_week, capacity_a_week=capacity_a_week)
    return demand_a_week / capacity_a_week


def target_queue_size(demand_a_week: float, target_weeks: float, factor: float = FACTOR) -> float:
    """Children on the list when nearly all start within the target: demand times mean wait (Little's law).

    >>> target_queue_size(30, 52)
    390.0
    """
    _above_zero(demand_a_week=demand_a_week, target_weeks=target_weeks, factor=factor)
    return demand_a_week * target_weeks / factor


def relief_capacity(demand_a_week: float, queue: float, target_queue: float, weeks: float = 26.0) -> float:
    """Starts a week that bring the list from `queue` to `target_queue` in so many weeks.

    >>> round(relief_capacity(30, 1200, 390, 26), 6)
    61.153846
    """
    _above_zero(demand_a_week=demand_a_week, weeks=weeks)
    _not_below_zero(queue=queue, target_queue=target_queue)
    return max(0.0, demand_a_week + (queue - target_queue) / weeks)


def target_capacity(
    demand_a_week: float,
    target_weeks: float,
    factor: float = FACTOR,
    cv_demand: float = 1.0,
    cv_capacity: float = 1.0,
) -> float:
    """Starts a week that keep a list which is down to its target there (Kingman's formula, heavy traffic).

    Args:
        cv_demand, cv_capacity: standard deviation over mean of the time between referrals and starts.

    >>> round(target_capacity(30, 52, 3, cv_demand=1.1, cv_capacity=1.2), 6)
    30.076442
    """
    _above_zero(demand_a_week=demand_a_week, target_weeks=target_weeks, factor=factor)
    _not_below_zero(cv_demand=cv_demand, cv_capacity=cv_capacity)
    return demand_a_week + (cv_demand**2 + cv_capacity**2) / 2 * factor / target_weeks


def pressure(mean_wait_weeks: float, target_weeks: float) -> float:
    """Twice the mean wait over the target, both in weeks; above 1 the target will most likely be missed.

    >>> round(pressure(63, 52), 6)
    2.423077
    """
    _not_below_zero(mean_wait_weeks=mean_wait_weeks)
    _above_zero(target_weeks=target_weeks)
    return 2 * mean_wait_weeks / target_weeks


@dataclass(frozen=True)
class ListSize:
    """What the five sums say of one list.

    Attributes:
        load: demand over capacity.
        target_queue: children on the list at which nearly all start within the target.
        relief_capacity: starts a week to get there in the weeks allowed.
        target_capacity: starts a week to stay there.
        pressure: twice the mean wait so far over the target; None if no mean wait is given.
        queue_too_big: whether the list is over twice its target, the rule by which relief is needed first.
    """

    load: float
    target_queue: float
    relief_capacity: float
    target_capacity: float
    pressure: float | None
    queue_too_big: bool


def size_list(
    demand_a_week: float,
    capacity_a_week: float,
    queue: float,
    target_weeks: float,
    *,
    relief_weeks: float = 26.0,
    mean_wait_weeks: float | None = None,
    factor: float = FACTOR,
    cv_demand: float = 1.0,
    cv_capacity: float = 1.0,
) -> ListSize:
    """All five sums of one list; see each of them.

    Raises:
        EviError: a number is below 0, or 0 where that has no meaning.
    """
    target = target_queue_size(demand_a_week, target_weeks, factor)
    return ListSize(
        load(demand_a_week, capacity_a_week),
        target,
        relief_capacity(demand_a_week, queue, target, relief_weeks),
        target_capacity(demand_a_week, target_weeks, factor, cv_demand, cv_capacity),
        None if mean_wait_weeks is None else pressure(mean_wait_weeks, target_weeks),
        queue > 2 * target,
    )


def _above_zero(**numbers: float) -> None:
    for name, number in numbers.items():
        if not (math.isfinite(number) and number > 0):
            raise EviError(f"{name.replace('_', ' ')} must be above 0.", where="queue formulas")


def _not_below_zero(**numbers: float) -> None:
    for name, number in numbers.items():
        if not (math.isfinite(number) and number >= 0):
            raise EviError(f"{name.replace('_', ' ')} can't be below 0.", where="queue formulas")
