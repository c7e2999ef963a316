"""Partial pooling: what a small group's rate is likely to be, given the rates of all groups.

The true rates of groups are taken to be spread as a beta distribution, with mean m and precision M; a group
with y of n then has a beta(m M + y, (1 - m) M + n - y). The beta is learnt from the groups themselves, as in
empirical Bayes, but as few groups leave it in doubt, every (m, M) of a grid counts by how well it explains
them: m flat, and 1 / (1 + M), the share of the spread that lies between groups, flat too. The interval holds
both doubts, in one beta with the mean and variance of the mixture. A small group is drawn to the mean of all;
a large one keeps its own rate.

It takes the groups to be exchangeable: nothing known beforehand makes one of them differ. Where a difference
is what is looked for, read the raw rate beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evi.index.intervals import Interval
from evi.workspace import EviError

Floats = npt.NDArray[np.float64]
MEANS, SHARES = 121, 40
"""Points of the grid of means, and of shares of the spread between groups."""


@dataclass(frozen=True)
class Pooled:
    """Rates of groups, partially pooled.

    Attributes:
        rates: one for each group, with its 95% interval.
        mean: the mean of the groups' true rates.
        between: share of the spread (0 to 1) that lies between groups; near 0, they are alike.
    """

    rates: tuple[Interval, ...]
    mean: float
    between: float


def pooled(
    counts: Sequence[int], totals: Sequence[int], *, prior: tuple[float, float] | None = None
) -> Pooled:
    """Partially pooled rates of groups.

    Args:
        counts, totals: events and children of each group; a total may be 0.
        prior: use this beta (a, b) and learn nothing: then each rate is exactly the beta of textbooks.

    Raises:
        EviError: a count is over its total or under 0, or there are no groups.

    >>> [round(rate.value, 3) for rate in pooled([0, 8], [2, 20], prior=(2, 8)).rates]
    [0.167, 0.333]
    """
    y, n = np.asarray(counts, float), np.asarray(totals, float)
    if y.shape != n.shape or not len(y) or (y < 0).any() or (y > n).any():
        raise EviError("the counts of these groups are not of their totals.")
    if prior is not None:
        a, b = np.array([float(prior[0])]), np.array([float(prior[1])])
        weight = np.ones(1)
    else:
        a, b, weight = _grid(y, n)
    alpha, beta = a[:, None] + y, b[:, None] + n - y
    means = alpha / (alpha + beta)
    spread = means * (1 - means) / (alpha + beta + 1)
    middle = weight @ means
    variance = weight @ (spread + means**2) - middle**2
    total = a + b
    return Pooled(
        tuple(_interval(float(m), float(v)) for m, v in zip(middle, variance, strict=True)),
        float(weight @ (a / total)),
        float(weight @ (1 / (1 + total))),
    )


def _grid(y: Floats, n: Floats) -> tuple[Floats, Floats, Floats]:
    """a and b at each point of the grid, and its weight; the marginal likelihood is beta-binomial."""
    from scipy.special import betaln  # noqa: PLC0415 - it takes a while to load

    middle = (y.sum() + 0.5) / (n.sum() + 1)
    reach = np.sqrt(middle * (1 - middle) * (1 / (n.sum() + 1) + 0.1 / len(y)))
    low, high = max(middle - 6 * reach, 1e-6), min(middle + 6 * reach, 1 - 1e-6)
    means = np.linspace(low, high, MEANS)
    shares = (np.arange(SHARES) + 0.5) / SHARES
    shares = shares**3  # finer where groups are alike, weighted back below
    step = 3 * ((np.arange(SHARES) + 0.5) / SHARES) ** 2
    mean, share = (each.ravel() for each in np.meshgrid(means, shares, indexing="ij"))
    precision = 1 / share - 1
    a, b = mean * precision, (1 - mean) * precision
    log = (betaln(a[:, None] + y, b[:, None] + n - y) - betaln(a, b)[:, None]).sum(axis=1)
    weight = np.exp(log - log.max()) * np.tile(step, MEANS)
    return a, b, weight / weight.sum()


def _interval(mean: float, variance: float) -> Interval:
    from scipy.stats import beta  # noqa: PLC0415

    size = max(mean * (1 - mean) / max(variance, 1e-15) - 1, 1e-6)
    low, high = beta.ppf(np.array([0.025, 0.975]), mean * size, (1 - mean) * size).tolist()
    return Interval(mean, float(low), float(high))
