"""Who is seen next: the share of contacts that go to the longest waiters, read from published bands.

A service that sees children strictly in turn has hardly anyone waiting long beside many seen early; one that
picks at random from the list sees long and short waits in the list's own proportions. The share in between
is tried on a grid: the whole history is run with each share, kept in line with the published list by age,
and each period's contacts by wait are compared with what that share would give.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evi.queues.cohorts import WEEKS_A_PERIOD, first_cohorts, fit_to_bands, in_bands, step
from evi.queues.histories import regular
from evi.queues.rates import Floats
from evi.queues.series import Series

GRID = np.linspace(0.0, 1.0, 41)
RECENT = {"month": 36, "week": 156}
"""Periods from which the share is read: services change how they work."""
FLOWS = ("referrals", "starts", "lost")
STRAY = 0.02
"""Share of contacts that no rule explains (urgent children, late records)."""


@dataclass(frozen=True)
class LongestFirst:
    """The share of contacts that go to the longest waiters, and how sure that is.

    Attributes:
        shares, weights: shares tried, and how likely each is (sums to 1).
        mean, low, high: the middle and the 80% interval.
        periods: how many periods it was read from; 0 where nothing tells, and every share is as likely.
        misfit: how much further contacts by wait stray from the best share than luck alone would have it
            (variance ratio; 1: as luck).
    """

    shares: Floats
    weights: Floats
    mean: float
    low: float
    high: float
    periods: int
    misfit: float


@dataclass(frozen=True)
class Aged:
    """The list by age of wait on the last day, for each share tried: [share, cohort], oldest first."""

    cohorts: Floats
    discipline: LongestFirst


def age_list(series: Series) -> Aged:
    """Run a series' whole history by age of wait, and read from it who is seen next."""
    flows = _filled(series)
    weeks = WEEKS_A_PERIOD[series.period]
    waiting_bands, seen_bands = list(series.waiting_bands), list(series.seen_bands)
    cohorts = first_cohorts(flows["waiting"][0], float(np.mean(flows["referrals"][:12])), len(GRID))
    said: list[tuple[Floats, Floats]] = []
    for t in range(len(flows["waiting"])):
        if t > 0:
            referred, started, lost = (np.full(len(GRID), flows[name][t]) for name in FLOWS)
            cohorts, seen = step(cohorts, referred, started, lost, GRID)
            found = _by_band(flows, series.seen_bands.values(), t)
            if found is not None and found.sum() > 0:
                expected = seen @ in_bands(seen.shape[1], seen_bands, weeks, seen=True)
                said.append((found, expected))
        known = _by_band(flows, series.waiting_bands.values(), t)
        if known is not None:
            cohorts = fit_to_bands(cohorts, in_bands(cohorts.shape[1], waiting_bands, weeks), known)
        cohorts = _of_size(cohorts, flows["waiting"][t])
    return Aged(cohorts, _weigh(said[-RECENT[series.period] :]))


def _of_size(cohorts: Floats, waiting: float) -> Floats:
    """The same ages, of a list of another size; a list from nothing is all new."""
    total = cohorts.sum(axis=1, keepdims=True)
    scaled = np.divide(cohorts * waiting, total, out=np.zeros_like(cohorts), where=total > 0)
    scaled[total[:, 0] <= 0, -1] = waiting
    return np.asarray(scaled)


def _weigh(said: list[tuple[Floats, Floats]]) -> LongestFirst:
    """How likely each share is, by contacts by wait; luck is made wider by how badly the best share fits."""
    usable = [(found, expected) for found, expected in said if (expected.sum(axis=1) > 0).all()]
    if not usable:
        return _share(np.ones(len(GRID)) / len(GRID), 0, 1.0)
    found = np.stack([one for one, _ in usable])
    chance = np.stack([one / one.sum(axis=1, keepdims=True) for _, one in usable], axis=1)
    chance = (1 - STRAY) * chance + STRAY / chance.shape[2]
    fit = (found * np.log(chance)).sum(axis=(1, 2))
    best = chance[int(np.argmax(fit))] * found.sum(axis=1, keepdims=True)
    freedom = max(found.shape[0] * (found.shape[1] - 1) - 1, 1)
    misfit = max(float(((found - best) ** 2 / best).sum() / freedom), 1.0)
    weights = np.exp((fit - fit.max()) / misfit)
    return _share(weights / weights.sum(), len(usable), misfit)


def _share(weights: Floats, periods: int, misfit: float) -> LongestFirst:
    reached = np.cumsum(weights)
    low, high = (float(GRID[np.searchsorted(reached, level)]) for level in (0.1, 0.9))
    return LongestFirst(GRID, weights, float(weights @ GRID), low, high, periods, misfit)


def _by_band(flows: dict[str, Floats], names: object, t: int) -> Floats | None:
    columns = [flows[name][t] for name in names]  # type: ignore[attr-defined]
    return np.array(columns) if columns and np.isfinite(columns).all() else None


def _filled(series: Series) -> dict[str, Floats]:
    """The flows, with what is not known filled by what stood nearest before, and what the list lost."""
    flows = regular(series)
    for name in ("waiting", "referrals", "starts"):
        flows[name] = _forward(flows[name])
    before = np.r_[flows["waiting"][0], flows["waiting"][:-1]]
    flows["lost"] = before + flows["referrals"] - flows["starts"] - flows["waiting"]
    return flows


def _forward(values: Floats) -> Floats:
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return np.zeros(len(values))
    at = np.searchsorted(known, np.arange(len(values)), side="right") - 1
    return np.asarray(values[known[np.maximum(at, 0)]])
