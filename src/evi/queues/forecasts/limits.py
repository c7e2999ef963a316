"""The share of a list within its limit, ahead of time: what the model says, trusted in part.

Who is seen next changes with policy and pressure, and a model with one fixed rule is too sure of itself. So
the share starts from today's, goes part of the way that the model goes, and strays; how far is learned from
other places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from scipy.stats import t as student_t

from evi.queues.forecasts.drift import Drift, Known
from evi.queues.forecasts.rates import Floats
from evi.queues.forecasts.scoring import covered, crps
from evi.workspace import SILENT, Progress

TRUST = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
STRAY = (0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0, 1.3)
"""Shares of the model's change that are tried, and standard deviations a month of the stray (log odds)."""
ASIDE = 0.8
"""The interval that is made to hold."""
SEED = 5_110_283


def strayed(
    within: Floats, now: float, children: float, months: Floats, drift: Drift, seed: int = SEED
) -> Floats:
    """Shares within the limit in many futures, [replication, period], put right by what was learned.

    Args:
        within: what the model gives, [replication, period].
        now: the share today, of how many children.
        months: how far ahead each period's end lies, [period].
    """
    rng = np.random.default_rng([seed, 2])
    n = within.shape[0]
    even = student_t.ppf((np.arange(n) + 0.5) / n, drift.tails) * np.sqrt((drift.tails - 2) / drift.tails)
    steps = np.sqrt(np.diff(months, prepend=0.0))
    walk = np.cumsum([rng.permutation(even) * step for step in steps], axis=0)
    odds = _odds(np.array([now]), children)[0]
    moved = odds + drift.trust * (_odds(within, children) - odds)
    return np.asarray(1 / (1 + np.exp(-(moved + drift.stray * walk.T))))


def _odds(share: Floats, children: float) -> Floats:
    """Log odds, with half a child on either side so that none and all have some."""
    return np.asarray(np.log((share * children + 0.5) / ((1 - share) * children + 0.5)))


@dataclass(frozen=True)
class WithinTrial:
    """One forecast of a share within the limit, as the model gives it, and what happened.

    Attributes:
        place, known: whose, and what was told.
        now, children: the share on the day of the forecast, and the list.
        months: horizons judged, [horizon]; within: [replication, horizon].
        happened: the share then, [horizon]; NaN where not known.
    """

    place: str
    known: Known
    now: float
    children: float
    months: Floats
    within: Floats
    happened: Floats


class TriedLimits:
    """Every trust and stray tried on every trial, so that any place can be left out at no cost."""

    def __init__(self, trials: Sequence[WithinTrial], drift: Drift, progress: Progress = SILENT) -> None:
        self.drift = drift
        self.ways = list(product(TRUST, STRAY))
        self.places = np.array([trial.place for trial in trials])
        self.values = np.empty((len(self.ways), len(trials), 2))
        with progress.task("Trying trust and stray", total=len(self.ways)) as advance:
            for row, (trust, stray) in enumerate(self.ways):
                tried = replace(drift, trust=trust, stray=stray)
                self.values[row] = [judge(trial, tried) for trial in trials]
                advance(1)

    def drift_without(self, place: str | None = None) -> Drift:
        """The drift with the trust that scores best elsewhere, and the stray with which intervals hold there.

        Each place counts alike.
        """
        kept = [one for one in np.unique(self.places) if one != place]
        means = np.mean([self.values[:, self.places == one].mean(axis=1) for one in kept], axis=0)
        trust = self.ways[int(np.argmin(means[:, 0]))][0]
        rows = [row for row, way in enumerate(self.ways) if way[0] == trust]
        nearest = min(rows, key=lambda row: abs(means[row, 1] - ASIDE))
        return replace(self.drift, trust=trust, stray=self.ways[nearest][1])


def judge(trial: WithinTrial, drift: Drift) -> tuple[float, float]:
    """Mean CRPS, and the share inside the 80% interval, over a trial's horizons."""
    there = np.isfinite(trial.happened)
    futures = strayed(trial.within, trial.now, trial.children, trial.months, drift).T[there]
    happened = trial.happened[there]
    return float(crps(futures, happened).mean()), float(covered(futures, happened, ASIDE).mean())
