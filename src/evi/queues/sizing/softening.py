"""Soften the knock-on: slots that the services after an assessment need so that none of their waits is over
its limit, and what that costs.

Every draw says how many slots a week each service would need. A share of draws is chosen, the same for every
service, just large enough that all services together keep their limits with the wanted probability; then
each service's slots are given only for as long as they are needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evi.queues.sizing.conversions import Conversions
from evi.queues.sizing.downstream import SLOT, Window, least_added, narrowed, referrals, waiting, waits
from evi.queues.sizing.knockon import KnockOn, smoothed

Floats = npt.NDArray[np.float64]
Band = tuple[float, float, float]


@dataclass(frozen=True)
class Relief:
    """One service under one plan.

    Attributes:
        service, title, limit_weeks: which, and its limit.
        peak_per_week: the busiest quarter's children a week from assessments (mean of the draws).
        peak_wait_weeks: the longest wait with today's slots: low, middle and high of the draws.
        list_by_week: children on its list with today's slots, the middle of the draws, by week.
        added: slots to add, and when.
        peak_wait_after_weeks: the longest wait with them.
        pounds: what they cost.
        most_added_per_week: the ceiling (infinite if there is none).
    """

    service: str
    title: str
    limit_weeks: float
    peak_per_week: float
    peak_wait_weeks: Band
    list_by_week: tuple[float, ...]
    added: Window
    peak_wait_after_weeks: Band
    pounds: float
    most_added_per_week: float

    @property
    def within_ceiling(self) -> bool:
        """Whether so many slots could be added."""
        return self.added.slots <= self.most_added_per_week


@dataclass(frozen=True)
class Softened:
    """All services under one plan.

    Attributes:
        plan: what it is called.
        services: each one.
        probability: that no wait at any service is over its limit, with the added slots.
        pounds: of all added slots.
    """

    plan: str
    services: tuple[Relief, ...]
    probability: float
    pounds: float

    @property
    def within_ceilings(self) -> bool:
        """Whether every service's slots could be added."""
        return all(relief.within_ceiling for relief in self.services)


def soften(knock_on: KnockOn, conversions: Conversions, probability: float = 0.8) -> Softened:
    """The slots that keep every downstream wait under its limit with this probability, all together."""
    services = list(conversions.services.values())
    come = [referrals(knock_on, service, n) for n, service in enumerate(services)]
    needs = np.stack([least_added(c, service) for c, service in zip(come, services, strict=True)])
    levels = _levels(needs, probability)
    must = np.asarray((needs <= levels[:, None]).all(axis=0), bool)
    found, kept = [], np.ones(knock_on.draws, bool)
    for service, coming, slots in zip(services, come, levels, strict=True):
        window = narrowed(coming, service, float(slots), must)
        before = waits(coming, service, np.zeros(knock_on.weeks))
        after = waits(coming, service, window.by_week(knock_on.weeks)).max(axis=1)
        kept &= after <= service.limit_weeks + 1e-6
        left = np.median(waiting(coming, service, np.zeros(knock_on.weeks)), axis=0)
        found.append(
            Relief(
                service=service.id,
                title=service.title,
                limit_weeks=service.limit_weeks,
                peak_per_week=float(smoothed(knock_on.weekly(service.id).mean(axis=0)).max()),
                peak_wait_weeks=_band(before.max(axis=1)),
                list_by_week=tuple(float(x) for x in left),
                added=window,
                peak_wait_after_weeks=_band(after),
                pounds=window.slot_weeks * service.pounds_per_slot,
                most_added_per_week=service.most_added_per_week,
            )
        )
    return Softened(knock_on.plan, tuple(found), float(kept.mean()), sum(relief.pounds for relief in found))


def _levels(needs: Floats, probability: float) -> Floats:
    """Slots of each service, in halves, so that all needs are met in this share of the draws."""
    share = probability
    while True:
        levels = np.ceil(np.quantile(needs, share, axis=1) / SLOT - 1e-9) * SLOT
        if (needs <= levels[:, None]).all(axis=0).mean() >= probability or share >= 1.0:
            return np.asarray(levels)
        share = min(share + 0.005, 1.0)


def _band(values: Floats) -> Band:
    low, middle, high = np.quantile(values, [0.1, 0.5, 0.9])
    return float(low), float(middle), float(high)
