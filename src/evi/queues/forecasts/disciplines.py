"""Who is seen next: the share of contacts that go to the longest waiters, read from published bands.

A service that sees children strictly in turn has hardly anyone waiting long beside many seen early; one that
picks at random from the list sees long and short waits in the list's own proportions. Shares in between are
tried on a grid: the history is run with each share, half a year at a time from the published list by age, and
those seen in each period and those waiting after half a year are compared with what that share would give.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evi.queues.forecasts.cohorts import WEEKS_A_PERIOD, first_cohorts, fit_to_bands, in_bands, step
from evi.queues.forecasts.histories import regular
from evi.queues.forecasts.rates import Floats
from evi.queues.measuring.series import Series

GRID = np.linspace(0.0, 1.0, 41)
HALF_CELL = 0.0125
RECENT = {"month": 36, "week": 156}
"""Periods from which the share is read: services change how they work."""
RUN = {"month": 6, "week": 26}
"""Periods that the list is run before it is put right by what is published."""
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
    last = len(flows["waiting"]) - 1
    told: dict[str, list[Told]] = {"seen": [], "waiting": []}
    for t in range(last + 1):
        if t > 0:
            referred, started, lost = (np.full(len(GRID), flows[name][t]) for name in FLOWS)
            cohorts, seen = step(cohorts, referred, started, lost, GRID)
            found = _by_band(flows, series.seen_bands.values(), t)
            if found is not None:
                inside = in_bands(seen.shape[1], seen_bands, weeks, seen=True)
                told["seen"].append(Told(t, found, seen @ inside))
        cohorts = _of_size(cohorts, flows["waiting"][t])
        known = _by_band(flows, series.waiting_bands.values(), t)
        if known is not None and (t % RUN[series.period] == 0 or t == last):
            inside = in_bands(cohorts.shape[1], waiting_bands, weeks)
            if t > 0:
                told["waiting"].append(Told(t, known, cohorts @ inside))
            cohorts = _of_size(fit_to_bands(cohorts, inside, known), flows["waiting"][t])
    recent = last - RECENT[series.period]
    kinds = [[one for one in each if one.t > recent] for each in told.values()]
    return Aged(cohorts, _weigh(kinds))


def _of_size(cohorts: Floats, waiting: float) -> Floats:
    """The same ages, of a list of another size; a list from nothing is all new."""
    total = cohorts.sum(axis=1, keepdims=True)
    scaled = np.divide(cohorts * waiting, total, out=np.zeros_like(cohorts), where=total > 0)
    scaled[total[:, 0] <= 0, -1] = waiting
    return np.asarray(scaled)


@dataclass(frozen=True)
class Told:
    """One period's children by band, and what each share would give: [band] and [share, band]."""

    t: int
    found: Floats
    expected: Floats


def _weigh(kinds: list[list[Told]]) -> LongestFirst:
    """How likely each share is, by children by wait; luck is made wider by how badly the best share fits.

    Args:
        kinds: those seen, and those waiting: each kind has its own misfit.
    """
    total, periods, misfit = np.zeros(len(GRID)), 0, 1.0
    for told in kinds:
        usable = [one for one in told if one.found.sum() > 0 and (one.expected.sum(axis=1) > 0).all()]
        if not usable:
            continue
        found = np.stack([one.found for one in usable])
        chance = np.stack([one.expected / one.expected.sum(axis=1, keepdims=True) for one in usable], axis=1)
        chance = (1 - STRAY) * chance + STRAY / chance.shape[2]
        fit = (found * np.log(chance)).sum(axis=(1, 2))
        best = chance[int(np.argmax(fit))] * found.sum(axis=1, keepdims=True)
        freedom = max(found.shape[0] * (found.shape[1] - 1) - 1, 1)
        stray = max(float(((found - best) ** 2 / best).sum() / freedom), 1.0)
        total += (fit - fit.max()) / stray
        periods, misfit = max(periods, len(usable)), max(misfit, stray)
    weights = np.exp(total - total.max())
    return share_of(weights / weights.sum(), periods, misfit)


def share_of(weights: Floats, periods: int, misfit: float) -> LongestFirst:
    """The share of longest-first from how likely each of `GRID` is."""
    edges = np.clip(np.r_[GRID - HALF_CELL, 1.0], 0.0, 1.0)
    low, high = (float(at) for at in np.interp([0.1, 0.9], np.r_[0.0, np.cumsum(weights)], edges))
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
