"""How good a forecast that comes as many equally likely futures was: error, coverage, CRPS, quantile loss.

Futures are always shaped [case, replication] and what happened [case]; cases with an unknown outcome (NaN)
must be left out before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evi.workspace import EviError

Floats = npt.NDArray[np.float64]

LEVELS = (0.5, 0.8, 0.95)
"""Intervals that are judged: of 100 outcomes, 50, 80 and 95 should fall inside."""


def crps(futures: Floats, happened: Floats) -> Floats:
    """Continuous ranked probability score of each case; in the units of the outcome, 0 is perfect.

    The sample form E|X - y| - E|X - X'|/2 (Gneiting and Raftery 2007, equation 21), with the second mean over
    all pairs of different replications, which makes it unbiased. With one replication it is the plain error.

    >>> crps(np.array([[1.0, 3.0]]), np.array([2.0]))
    array([0.])

    Raises:
        EviError: the shapes do not fit each other, or a number is missing.
    """
    _check(futures, happened)
    n = futures.shape[1]
    error = np.abs(futures - happened[:, None]).mean(axis=1)
    if n == 1:
        return np.asarray(error)
    weight = (2 * np.arange(1, n + 1) - n - 1) / (n * (n - 1))
    return np.asarray(error - np.sort(futures, axis=1) @ weight)


def interval(futures: Floats, level: float) -> tuple[Floats, Floats]:
    """The central interval of each case that holds `level` of its futures (low, high)."""
    if not 0 < level < 1:
        raise EviError("an interval's level lies between 0 and 1.", do="Give 0.8 for an 80% interval.")
    low, high = np.quantile(futures, [0.5 - level / 2, 0.5 + level / 2], axis=-1)
    return np.asarray(low), np.asarray(high)


def covered(futures: Floats, happened: Floats, level: float) -> npt.NDArray[np.bool_]:
    """Whether each outcome fell inside its central interval."""
    _check(futures, happened)
    low, high = interval(futures, level)
    return np.asarray((low <= happened) & (happened <= high))


def quantile_loss(futures: Floats, happened: Floats, quantile: float) -> Floats:
    """Loss of each case's quantile (Koenker and Bassett 1978): the error, dearer on the quantile's far side.

    >>> quantile_loss(np.array([[10.0, 10.0]]), np.array([12.0]), 0.9)
    array([1.8])
    """
    _check(futures, happened)
    gap = happened - np.quantile(futures, quantile, axis=1)
    return np.asarray(np.maximum(quantile * gap, (quantile - 1) * gap))


@dataclass(frozen=True)
class Score:
    """One method at one horizon over its cases.

    Attributes:
        cases: how many forecasts were judged.
        error: mean of |median - outcome| as a share of the list on the day of the forecast.
        crps: mean CRPS as a share of the same.
        coverage: share of outcomes inside the 50%, 80% and 95% intervals, in the order of `LEVELS`.
    """

    cases: int
    error: float
    crps: float
    coverage: tuple[float, ...]


def score(
    futures: Floats,
    happened: Floats,
    scale: Floats,
    weight: Floats | None = None,
    levels: Sequence[float] = LEVELS,
) -> Score:
    """Score all cases together.

    Args:
        futures, happened: [case, replication] and [case].
        scale: what an error is a share of, [case], above 0.
        weight: how much each case counts, [case]; all alike without it.
    """
    _check(futures, happened)
    if not len(happened):
        return Score(0, float("nan"), float("nan"), tuple(float("nan") for _ in levels))
    weight = np.ones(len(happened)) if weight is None else weight

    def mean(values: npt.NDArray[np.float64] | npt.NDArray[np.bool_]) -> float:
        return float(np.average(values, weights=weight))

    error = np.abs(np.median(futures, axis=1) - happened) / scale
    inside = tuple(mean(covered(futures, happened, level)) for level in levels)
    return Score(len(happened), mean(error), mean(crps(futures, happened) / scale), inside)


def _check(futures: Floats, happened: Floats) -> None:
    if futures.ndim != 2 or futures.shape[0] != len(happened) or futures.shape[1] == 0:
        raise EviError(
            "futures and outcomes do not belong together.", do="Give one row of futures an outcome."
        )
    if not (np.isfinite(futures).all() and np.isfinite(happened).all()):
        raise EviError("a future or an outcome is missing.", do="Leave out cases whose outcome is not known.")
