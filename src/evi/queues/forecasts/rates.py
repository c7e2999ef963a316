"""Levels of rates that wander: a robust local level, a season, and the noise about them.

Histories are matrices [case, period], aligned on the right: the last column is the period on whose last day a
forecast is made. Several origins of a back-test are so many rows, and one forecast is one row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

CLIP = 3.0
"""A period further than so many standard deviations from what was expected counts as if it were so far: lists
are cleansed, counted anew and moved to new codes, and one such month must not move a level."""
FIRST = 6
"""Periods that set the first level."""
SEASON_SHRINK = 2.0
"""A month's seasonal factor counts as if so many more years had shown none."""
SEASON_CLIP = 0.7
"""The furthest that one month of one year may be from its year (in logs: half, or double)."""


@dataclass(frozen=True)
class Level:
    """Where a rate stood at the end of each history, [case] each.

    Attributes:
        mean, sd: the level and how sure it is (standard deviation).
        noise_sd: how far single periods stray from the level.
    """

    mean: Floats
    sd: Floats
    noise_sd: Floats


def local_level(history: Floats, drift_sd: Floats, floor: Floats) -> Level:
    """Follow a level that takes a random step each period, seen with noise (a Kalman filter that clips).

    The noise is each history's own: the differences of neighbours have variance drift^2 + 2 noise^2 (Harvey
    1989, local level model), and it is read from their median size, which one odd month can't move.

    Args:
        history: [case, period]; NaN where not known.
        drift_sd: [case], the standard deviation of a step.
        floor: [case], the least noise (what counting alone gives).
    """
    steps = np.abs(np.diff(history, axis=1))
    size = _median(steps) / 0.6745
    noise = np.sqrt(np.maximum((size**2 - drift_sd**2) / 2, floor**2))
    noise = np.where(np.isfinite(noise), noise, floor)
    mean, variance = _start(history, noise, drift_sd)
    reached = np.cumsum(np.isfinite(history), axis=1) > 0
    for column, begun in zip(history.T, reached.T, strict=True):
        known = np.isfinite(column)
        variance = np.where(begun, variance + drift_sd**2, variance)
        seen = variance + noise**2
        limit = CLIP * np.sqrt(seen)
        gain = np.where(known, variance / seen, 0.0)
        surprise = np.clip(np.where(known, column - mean, 0.0), -limit, limit)
        mean, variance = mean + gain * surprise, variance * (1 - gain)
    return Level(mean, np.sqrt(variance), noise)


def season(history: Floats, length: int) -> Floats:
    """Seasonal factors of a history of logs, [case, length], by periods ahead (first: the next period).

    Deviations from the centred moving average over one year, averaged by place in the year and shrunk; with
    less than two whole years there are none (zeros).
    """
    cases, periods = history.shape
    factors = np.zeros((cases, length))
    if periods < 2 * length:
        return factors
    half = length // 2
    weights = np.r_[0.5, np.ones(length - 1), 0.5] / length
    windows = np.lib.stride_tricks.sliding_window_view(history, length + 1, axis=1)
    away = np.clip(history[:, half : half + windows.shape[1]] - windows @ weights, -SEASON_CLIP, SEASON_CLIP)
    ahead = (np.arange(half, half + windows.shape[1]) - periods) % length
    known = np.isfinite(away)
    for place in range(length):
        there = ahead == place
        total = np.where(known, away, 0.0)[:, there].sum(axis=1)
        factors[:, place] = total / (known[:, there].sum(axis=1) + SEASON_SHRINK)
    factors[known.sum(axis=1) < length] = 0.0
    return np.asarray(factors - factors.mean(axis=1, keepdims=True))


def without_season(history: Floats, factors: Floats) -> Floats:
    """The history with its season taken out."""
    length = factors.shape[1]
    ahead = (np.arange(history.shape[1]) - history.shape[1]) % length
    return np.asarray(history - factors[:, ahead])


def _start(history: Floats, noise: Floats, drift_sd: Floats) -> tuple[Floats, Floats]:
    """First level: the median of the first known periods of each case."""
    rank = np.cumsum(np.isfinite(history), axis=1)
    early = np.where(rank <= FIRST, history, np.nan)
    n = np.maximum(np.isfinite(early).sum(axis=1), 1)
    return _median(early), noise**2 / n + drift_sd**2 * FIRST / 2


def _median(values: Floats) -> Floats:
    """Median of each row's known values; NaN where there are none."""
    ordered = np.sort(values, axis=1)
    n = np.isfinite(values).sum(axis=1)
    low, high = np.maximum((n - 1) // 2, 0), np.maximum(n // 2, 0)
    rows = np.arange(len(values))
    low, high = np.minimum(low, values.shape[1] - 1), np.minimum(high, values.shape[1] - 1)
    return np.asarray(np.where(n > 0, (ordered[rows, low] + ordered[rows, high]) / 2, np.nan))
