"""Waits at the services that follow: what more children do to them, and the slots that would take it up.

A service is a list seen in order, with a steady number of slots a week. Children come from the assessments
(`knockon`) and, by chance, by other ways. A child's wait is how long it takes the slots to reach them; it is
followed for every draw, so that its interval holds both kinds of doubt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evi.queues.sizing.conversions import Downstream
from evi.queues.sizing.knockon import KnockOn

Floats = npt.NDArray[np.float64]
OTHER = 3
"""What the numbers of luck are for that give children who come by other ways."""
SLOT = 0.5
"""Slots are added in halves."""
HALVINGS = 16
EXACT = 1e-9


@dataclass(frozen=True)
class Window:
    """Slots a week added from one week until another (not included)."""

    slots: float
    from_week: int
    until_week: int

    def by_week(self, weeks: int) -> Floats:
        """The added slots of each week."""
        at = np.arange(weeks)
        return np.where((at >= self.from_week) & (at < self.until_week), self.slots, 0.0)

    @property
    def slot_weeks(self) -> float:
        """Slots over all of the weeks."""
        return self.slots * max(self.until_week - self.from_week, 0)


def referrals(knock_on: KnockOn, service: Downstream, number: int) -> npt.NDArray[np.int64]:
    """Children who come to a service, shape [draw, week]; those by other ways are the same for every plan.

    Args:
        number: of the service among all, for its luck.
    """
    luck = np.random.default_rng([knock_on.seed, OTHER, number])
    # Week by week, so that a plan followed for longer keeps the luck of its first weeks.
    other = luck.poisson(service.other_referrals_per_week, (knock_on.weeks, knock_on.draws)).T
    return knock_on.weekly(service.id) + other


def waiting(come: npt.NDArray[np.int64], service: Downstream, added: Floats) -> Floats:
    """Children on the list after each week, shape [draw, week].

    Args:
        come: children who come, by draw and week.
        service: as it is today.
        added: slots added, by week; or by draw and week.
    """
    slots = service.slots_per_week + np.broadcast_to(added, come.shape)
    left = np.empty(come.shape)
    now = np.full(len(come), service.waiting)
    for week in range(come.shape[1]):
        now = np.maximum(now + come[:, week] - slots[:, week], 0.0)
        left[:, week] = now
    return left


def waits(come: npt.NDArray[np.int64], service: Downstream, added: Floats) -> Floats:
    """Weeks that the last child of each week will wait, shape [draw, week].

    Args:
        come, service: as for `waiting`.
        added: slots added, by week; after the last week slots are as in it.
    """
    left = waiting(come, service, added)
    slots = service.slots_per_week + added
    if slots[-1] <= 0:
        return np.where(left > 0, np.inf, 0.0)
    weeks = len(slots)
    total = np.concatenate([[0.0], np.cumsum(slots)])
    goal = total[1:] + left
    week = np.clip(np.searchsorted(total, goal, side="left"), 1, weeks) - 1  # in which the goal is reached
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        reached = week + (goal - total[week]) / slots[week]
    waited = np.where(left > 0, reached - np.arange(1.0, weeks + 1), 0.0)
    return np.asarray(np.maximum(waited, 0.0))


def least_added(come: npt.NDArray[np.int64], service: Downstream) -> Floats:
    """For each draw, the least slots a week, added in every week, that keep every wait within the limit."""
    high = np.full(
        len(come), float(come.max(initial=0)) + service.waiting / max(service.limit_weeks, 1.0) + 1
    )
    low = np.zeros(len(come))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        kept = _kept_steady(come, service, middle)
        high = np.where(kept, middle, high)
        low = np.where(kept, low, middle)
    return np.where(_kept_steady(come, service, np.zeros(len(come))), 0.0, high)


def narrowed(
    come: npt.NDArray[np.int64], service: Downstream, slots: float, must: npt.NDArray[np.bool_]
) -> Window:
    """The shortest time for which so many slots are needed: begun as late, and then ended as early, as the
    draws that `must` keep their limit allow."""
    weeks = come.shape[1]
    if slots <= 0 or not must.any():
        return Window(0.0, 0, 0)

    def kept(window: Window) -> bool:
        return bool((waits(come[must], service, window.by_week(weeks)) <= service.limit_weeks + EXACT).all())

    start = _last(0, weeks - 1, lambda week: kept(Window(slots, week, weeks)))
    length = weeks - start - _last(0, weeks - start, lambda cut: kept(Window(slots, start, weeks - cut)))
    return Window(slots, start, start + length)


def _kept_steady(come: npt.NDArray[np.int64], service: Downstream, added: Floats) -> npt.NDArray[np.bool_]:
    """Whether no wait of a draw is over the limit with a steady number of slots: list ≤ slots × limit."""
    slots = service.slots_per_week + added
    most = np.full(len(come), 0.0)
    now = np.full(len(come), service.waiting)
    for week in range(come.shape[1]):
        now = np.maximum(now + come[:, week] - slots, 0.0)
        most = np.maximum(most, now)
    return most <= slots * service.limit_weeks + EXACT


def _last(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The largest number from `low` to `high` at which something holds that fails from some point on."""
    while high > low:
        middle = (low + high + 1) // 2
        if holds(middle):
            low = middle
        else:
            high = middle - 1
    return low
