"""Figures under uncertain links: several draws of the spine, combined.

Each draw is one way in which the links in doubt may have fallen. A figure's doubt is that within a draw (who
happened to be counted) and that between draws (who is who), combined by Rubin's (1987) rules. For shares the
interval is Wilson's with the children seen divided by 1 + r, where r is the spread between draws relative to
that within, and Student's t in place of the normal (Lott and Reiter 2020): it never leaves 0 to 1, and is
Wilson's own where all draws agree. It holds the doubt about links given the linkage model, and neither the
doubt about the model nor people whom no block brought together (see linkage-draws.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evi.index.intervals import Z95, Interval
from evi.workspace import EviError


@dataclass(frozen=True)
class Combined:
    """One figure over draws.

    Attributes:
        interval: the mean of the draws, with its 95% interval.
        draws: how many. low, high: the least and the most of one draw.
        from_links: share of the figure's variance that is because of doubt about links, 0 to 1.
    """

    interval: Interval
    draws: int
    low: float
    high: float
    from_links: float


def combine_shares(counts: Sequence[int], totals: Sequence[int]) -> Combined:
    """A share over draws; draws in which there is nobody to count are left out.

    Args:
        counts, totals: events and children in each draw.

    Raises:
        EviError: fewer than two draws.
    """
    if len(counts) < 2 or len(counts) != len(totals):
        raise EviError("one draw shows no variation.", do="Use at least two draws of the spine.")
    y, n = np.asarray(counts, float), np.asarray(totals, float)
    y, n = y[n > 0], n[n > 0]
    if len(y) < 2:
        return Combined(Interval(math.nan, math.nan, math.nan), len(y), math.nan, math.nan, math.nan)
    shares = y / n
    mean, size = float(shares.mean()), float(n.mean())
    within = float((shares * (1 - shares) / n).mean())
    added = (1 + 1 / len(shares)) * float(shares.var(ddof=1))
    relative = added / within if within > 0 else 0.0
    at = student(len(shares), relative)
    low, high = _wilson(mean, size / (1 + relative), at)
    return Combined(
        Interval(mean, low, high),
        len(shares),
        float(shares.min()),
        float(shares.max()),
        relative / (1 + relative),
    )


def combine_estimates(values: Sequence[float], variances: Sequence[float]) -> Combined:
    """A figure whose error is near normal, such as the logarithm of an odds ratio, by Rubin's rules.

    >>> round(combine_estimates([1.0, 1.2, 0.8], [0.04, 0.04, 0.04]).from_links, 3)
    0.571
    """
    if len(values) < 2 or len(values) != len(variances):
        raise EviError("one draw shows no variation.", do="Use at least two draws of the spine.")
    estimate, within = float(np.mean(values)), float(np.mean(variances))
    added = (1 + 1 / len(values)) * float(np.var(values, ddof=1))
    total = within + added
    half = student(len(values), added / within if within > 0 else math.inf) * math.sqrt(total)
    return Combined(
        Interval(estimate, estimate - half, estimate + half),
        len(values),
        float(min(values)),
        float(max(values)),
        added / total if total > 0 else 0.0,
    )


def student(draws: int, relative: float) -> float:
    """The 97.5th percentile of t with Rubin's degrees of freedom, (m - 1)(1 + 1/r)^2; normal where r is 0."""
    from scipy.stats import t  # noqa: PLC0415 - it takes a while to load

    if relative <= 0:
        return Z95
    freedom = (draws - 1) * (1 + (0 if math.isinf(relative) else 1 / relative)) ** 2
    return float(t.ppf(0.975, freedom)) if freedom < 1e7 else Z95


def _wilson(p: float, n: float, z: float) -> tuple[float, float]:
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)
