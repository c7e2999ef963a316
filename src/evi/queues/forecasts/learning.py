"""Learn how far rates wander, and how wide intervals must be, from places whose history is long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from evi.queues.forecasts.drift import KNOWN, Drift, Known
from evi.queues.forecasts.lists import Luck
from evi.queues.forecasts.rates import Floats
from evi.queues.forecasts.scoring import crps
from evi.queues.forecasts.trials import HORIZONS, LONGEST, Trial
from evi.workspace import SILENT, EviError, Progress

TRIED = {
    "referrals": (0.02, 0.04, 0.06, 0.09),
    "starts": (0.02, 0.04, 0.06, 0.09),
    "removals": (0.04, 0.06, 0.09, 0.13),
    "settle": (0.0, 0.4, 0.7, 0.9),
}
"""Monthly steps and shares that are tried, all with all."""
BEST = 13
"""The drift is the mean of so many of the best (one in twenty): the single best is often best by luck."""
REPLICATIONS = 100
SEED = 20_230_331
ASIDE = 0.8
"""The interval that is made to hold."""
WIDEN_LIMITS = (1.0, 3.0)
"""Intervals are never made narrower than the drift gives: places that happened to be calm promise nothing."""


@dataclass(frozen=True)
class Tried:
    """Losses of each drift that was tried, [drift, place]: CRPS as a share of the error of no change."""

    drifts: tuple[Drift, ...]
    places: tuple[str, ...]
    losses: Floats

    def drift(self, without: str | None = None) -> Drift:
        """The mean of the drifts that were best on all places but one."""
        kept = [k for k, place in enumerate(self.places) if place != without]
        if not kept:
            raise EviError("there is no other place to learn from.", do="Give series of at least two places.")
        best = np.argsort(self.losses[:, kept].mean(axis=1), kind="stable")[:BEST]
        return _drift([float(np.mean([getattr(self.drifts[k], name) for k in best])) for name in TRIED])


def try_drifts(trials: Sequence[Trial], progress: Progress = SILENT) -> Tried:
    """Try every drift of `TRIED` on every place, with nothing known and with flows known."""
    drifts = [_drift(values) for values in product(*TRIED.values())]
    luck = Luck.draw(REPLICATIONS, LONGEST, Drift().tails, SEED)
    losses = np.zeros((len(drifts), len(trials)))
    told: dict[tuple[str, float], float] = {}
    with progress.task("Trying drifts", total=len(drifts)) as advance:
        for row, drift in enumerate(drifts):
            for column, trial in enumerate(trials):
                key = (trial.place, drift.removals)
                if key not in told:
                    told[key] = _loss(trial, drift, luck, "flows")
                losses[row, column] = _loss(trial, drift, luck, "nothing") + told[key]
            advance(1)
    return Tried(tuple(drifts), tuple(trial.place for trial in trials), losses)


def _drift(values: Sequence[float]) -> Drift:
    referrals, starts, removals, settle = values
    return Drift(referrals, starts, removals, settle)


def _loss(trial: Trial, drift: Drift, luck: Luck, known: Known) -> float:
    lists = trial.run(drift, luck, known)
    parts = []
    for months in HORIZONS:
        there = trial.judged(known, months)
        if there.any():
            happened, scale = trial.waiting[there, months - 1], trial.scale[there]
            plain = np.mean(np.abs(happened - scale) / scale)
            parts.append(np.mean(crps(lists[there, :, months - 1], happened) / scale) / max(plain, 1e-9))
    return float(np.mean(parts)) if parts else 0.0


def widen(trials: Sequence[Trial], drift: Drift, luck: Luck) -> Drift:
    """The drift with factors by which its intervals must be stretched to hold on these places.

    A conformal rule (Romano, Patterson and Candès 2019, scaled): of each case, how many half-widths of the
    80% interval the outcome lay from the middle, on a log scale; the factor is what 80% of cases stay under,
    each place counting alike.
    """
    factors: dict[Known, dict[int, float]] = {known: {} for known in KNOWN}
    for known in KNOWN:
        lists = [trial.run(drift, luck, known) for trial in trials]
        for months in HORIZONS:
            away, weight = [], []
            for trial, futures in zip(trials, lists, strict=True):
                there = trial.judged(known, months)
                if there.any():
                    away.append(_half_widths(futures[there, :, months - 1], trial.waiting[there, months - 1]))
                    weight.append(np.full(there.sum(), 1 / there.sum()))
            if away:
                factor = _weighted_quantile(np.concatenate(away), np.concatenate(weight), ASIDE)
                factors[known][months] = float(np.clip(factor, *WIDEN_LIMITS))
    return replace(drift, widen={known: by for known, by in factors.items() if by})


def stretched(lists: Floats, factors: Floats) -> Floats:
    """Futures [case, replication, period] moved away from (or to) their median by a factor a period.

    On the scale of log(list + 1), so that none falls below 0 and order among replications is kept.
    """
    logs = np.log1p(lists)
    middle = np.median(logs, axis=1, keepdims=True)
    return np.asarray(np.maximum(np.expm1(middle + factors * (logs - middle)), 0.0))


def _half_widths(futures: Floats, happened: Floats) -> Floats:
    low, middle, high = np.log1p(np.quantile(futures, [0.5 - ASIDE / 2, 0.5, 0.5 + ASIDE / 2], axis=1))
    away = np.log1p(happened) - middle
    side = np.where(away > 0, high - middle, middle - low)
    return np.asarray(np.abs(away) / np.maximum(side, 1e-6))


def _weighted_quantile(values: Floats, weight: Floats, level: float) -> float:
    order = np.argsort(values)
    reached = np.cumsum(weight[order]) / weight.sum()
    return float(values[order][min(int(np.searchsorted(reached, level)), len(values) - 1)])
