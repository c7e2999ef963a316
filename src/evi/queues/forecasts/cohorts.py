"""The list by age of wait: children who joined in one period are a cohort, and cohorts shrink.

Cohorts are counts [case, cohort], the oldest first and the newest last; a case is a replication, or a
discipline that is being tried. The newest cohort has waited 0 to 1 periods at a period's end, and so on.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from evi.queues.forecasts.rates import Floats
from evi.queues.measuring.series import Band, Period

WEEKS_A_PERIOD: Mapping[Period, float] = {"week": 1.0, "month": 365.25 / 84}
NEW = 0.5
"""Children of the running period were there for half of it on average."""


def step(
    cohorts: Floats, referrals: Floats, starts: Floats, removals: Floats, longest_share: Floats
) -> tuple[Floats, Floats]:
    """One period: a cohort joins, some leave without a start, some start.

    A share of starts goes to those who wait longest, the rest to anyone on the list, each as likely; removals
    take from anyone alike. Where removals are below 0 the list gains children in the proportions it has.

    Args:
        cohorts: [case, cohort]; referrals, starts, removals, longest_share: [case].

    Returns:
        The cohorts after the period, [case, cohort + 1], and who started of each, in the same shape.
    """
    present = np.concatenate([cohorts, referrals[:, None]], axis=1)
    present = np.maximum(present - _spread(present, removals), 0.0)
    ordered = longest_share * starts
    before = np.cumsum(present, axis=1) - present
    oldest = np.clip(ordered[:, None] - before, 0.0, present)
    seen = oldest + _spread(present - oldest, starts - ordered)
    seen = np.minimum(seen, present)
    return present - seen, seen


def _spread(present: Floats, number: Floats) -> Floats:
    """Share a number among the cohorts by their size, the newest counting for half a period."""
    weight = present.copy()
    weight[:, -1] *= NEW
    total = weight.sum(axis=1, keepdims=True)
    share = np.divide(number[:, None], total, out=np.zeros_like(total), where=total > 0)
    return np.asarray(weight * share)


def first_cohorts(waiting: float, referrals: float, cases: int) -> Floats:
    """Cohorts of a list of which only the size is known: each older one smaller by the same share."""
    if waiting <= 0 or referrals <= 0:
        return np.full((cases, 1), max(waiting, 0.0))
    lost = min(referrals / waiting, 1.0)
    n = max(int(np.ceil(np.log(0.01) / np.log1p(-lost))), 1) if lost < 1 else 1
    counts = (1 - lost) ** np.arange(n)[::-1]
    return np.repeat((counts / counts.sum() * waiting)[None, :], cases, axis=0)


def in_bands(cohorts: int, bands: list[Band], weeks: float, *, seen: bool = False) -> Floats:
    """Which share of each cohort lies in each band of weeks waited, [cohort, band].

    At a period's end a cohort's waits are spread evenly over one period. Those who started in the period
    (`seen`) had waited half a period less on average, and not below 0.
    """
    newest_first = np.arange(cohorts)[::-1].astype(float)
    low = np.maximum(newest_first - (NEW if seen else 0.0), 0.0) * weeks
    high = (newest_first + (NEW if seen else 1.0)) * weeks
    starts = np.array([float(first) for first, _ in bands])
    ends = np.array([np.inf if last is None else float(last) for _, last in bands])
    overlap = np.minimum(high[:, None], ends) - np.maximum(low[:, None], starts)
    return np.asarray(np.maximum(overlap, 0.0) / (high - low)[:, None])


def fit_to_bands(cohorts: Floats, inside: Floats, counts: Floats) -> Floats:
    """Scale cohorts so that they agree with published bands (once round of iterative proportional fitting).

    A band that no cohort reaches is filled from the oldest cohort that is nearest to it.

    Args:
        inside: from `in_bands`; counts: children in each band, [band].
    """
    room = inside.sum(axis=0)
    cohorts = cohorts + 1e-6 * (room[None, :] > 0).any()
    there = cohorts @ inside
    factor = np.divide(counts[None, :], there, out=np.zeros_like(there), where=there > 0)
    fitted = cohorts * (factor @ inside.T)
    total = fitted.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(fitted * counts.sum(), total, out=np.zeros_like(fitted), where=total > 0))


def share_within(cohorts: Floats, limit_weeks: float, weeks: float) -> Floats:
    """Share of the list that has waited less than a limit, [case]; 1 where nobody waits."""
    newest_first = np.arange(cohorts.shape[1])[::-1]
    part = np.clip(limit_weeks / weeks - newest_first, 0.0, 1.0)
    total = cohorts.sum(axis=1)
    return np.asarray(np.divide(cohorts @ part, total, out=np.ones_like(total), where=total > 0))


def longest_weeks(cohorts: Floats, weeks: float) -> Floats:
    """The longest wait so far, [case]: the middle of the cohort that holds the last half of a child."""
    reached = np.cumsum(cohorts, axis=1) >= NEW
    oldest = np.argmax(reached, axis=1)
    age = (cohorts.shape[1] - 1 - oldest + NEW) * weeks
    return np.asarray(np.where(reached.any(axis=1), age, 0.0))
