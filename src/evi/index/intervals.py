"""Intervals and multiple comparisons: how far chance alone could move a figure.

Every interval is for 95% unless told otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Z95 = 1.959963984540054
"""The 97.5th percentile of the normal distribution."""


@dataclass(frozen=True)
class Interval:
    """A figure with the range that chance alone could give it."""

    value: float
    low: float
    high: float


def wilson(count: npt.ArrayLike, total: npt.ArrayLike, z: float = Z95) -> tuple[Floats, Floats, Floats]:
    """Share, and its Wilson score interval (Wilson 1927); NaN where the total is 0.

    >>> [round(float(x), 4) for x in wilson(10, 100)]
    [0.1, 0.0552, 0.1744]
    """
    n = np.asarray(total, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = np.where(n > 0, np.asarray(count, dtype=float) / n, np.nan)
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return p, np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)


def wilson_sql(count: str, total: str, bound: str) -> str:
    """The low or high Wilson bound as an SQL expression over two counts; NULL where the total is 0."""
    sign = {"low": "-", "high": "+"}[bound]
    z2, n, k = f"{Z95 * Z95!r}", f"CAST({total} AS DOUBLE)", f"CAST({count} AS DOUBLE)"
    root = f"sqrt(greatest({k} * ({n} - {k}) / {n} + {z2} / 4, 0))"
    bounded = f"({k} + {z2} / 2 {sign} {Z95!r} * {root}) / ({n} + {z2})"
    return f"CASE WHEN {total} > 0 THEN round(least(1, greatest(0, {bounded})), 9) END"


@cache
def _special() -> Any:
    """SciPy's special functions; only patterns need them, and they take a second to load."""
    from scipy import special  # noqa: PLC0415

    return special


def chi2_tail(value: npt.ArrayLike) -> Floats:
    """The chance of a chi-squared figure of one degree of freedom at least this large."""
    return np.asarray(_special().chdtrc(1, value))


def poisson_tail(count: npt.ArrayLike, expected: npt.ArrayLike) -> Floats:
    """The chance of at least this many where so many are expected."""
    return np.asarray(_special().pdtrc(np.asarray(count) - 1, expected))


def poisson(count: npt.ArrayLike) -> tuple[Floats, Floats]:
    """The exact (Garwood 1936) interval of a count.

    >>> [round(float(x), 2) for x in poisson(10)]
    [4.8, 18.39]
    """
    k = np.asarray(count, dtype=float)
    low = np.where(k > 0, _special().gammaincinv(np.maximum(k, 1), 0.025), 0.0)
    return low, np.asarray(_special().gammaincinv(k + 1, 0.975))


def median_interval(values: Floats) -> Interval:
    """The median and its distribution-free interval by order statistics; the whole range if there are few.

    >>> median_interval(np.arange(1.0, 101.0))
    Interval(value=50.5, low=40.0, high=61.0)
    """
    ordered = np.sort(values)
    n = len(ordered)
    if n == 0:
        return Interval(np.nan, np.nan, np.nan)
    rank = int(np.searchsorted(_special().bdtr(np.arange(n + 1), n, 0.5), 0.025))
    low, high = max(rank - 1, 0), min(n - rank, n - 1)
    return Interval(float(np.median(ordered)), float(ordered[low]), float(ordered[high]))


def adjusted(p: Floats) -> Floats:
    """Benjamini and Hochberg's (1995) adjusted p-values: reading those ≤ 0.05 as real keeps the share of
    false ones among them near 5%.

    >>> [round(float(q), 3) for q in adjusted(np.array([0.01, 0.02, 0.03, 0.5]))]
    [0.04, 0.04, 0.04, 0.5]
    """
    order = np.argsort(p, kind="stable")
    raised = p[order] * len(p) / np.arange(1, len(p) + 1)
    found = np.empty(len(p))
    found[order] = np.minimum.accumulate(raised[::-1])[::-1]
    return np.minimum(found, 1.0)
