"""Made-up outcomes of a trial, many trials at once, from what its protocol assumes.

Schools differ: a school's mean in a period is drawn from a beta (shares) or gamma (days, counts) distribution
whose variance is the share ICC of all variance. A school's means in two periods are tied by a normal copula
with the cluster autocorrelation. Children then are Bernoulli, gamma (days) or Poisson around that mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evi.casefinding.trials.designs import Bools, Floats, Ints
from evi.casefinding.trials.formulas import variance_between_children
from evi.casefinding.trials.protocol import Outcome


@dataclass(frozen=True)
class MadeUp:
    """Cells of many made-up trials.

    Attributes:
        mean: of each cell, trials by cells (school by school, its periods in order).
        within: sum of squares around cells' means, one a trial.
    """

    mean: Floats
    within: Floats


def school_means(outcome: Outcome, on: Bools, effect: float, trials: int, rng: np.random.Generator) -> Floats:
    """Each school's own mean in each period: trials by schools by periods."""
    from scipy import special  # noqa: PLC0415 - it takes a while to load

    middle: Floats = np.broadcast_to(outcome.base + effect * on, (trials, *on.shape)).astype(np.float64)
    total = variance_between_children(outcome)
    spread = outcome.icc * total
    if outcome.icc == 0:
        return middle.copy()
    own = rng.standard_normal((trials, on.shape[0], 1))
    own = np.sqrt(outcome.cac) * own + np.sqrt(1 - outcome.cac) * rng.standard_normal(middle.shape)
    rank = special.ndtr(own)
    if outcome.kind == "share":
        strength = (1 - outcome.icc) / outcome.icc
        found = special.betaincinv(middle * strength, (1 - middle) * strength, rank)
        return np.clip(np.asarray(found, dtype=np.float64), 0.0, 1.0)
    shape = middle**2 / spread
    drawn: Floats = special.gammaincinv(shape, rank) * middle / shape
    return drawn


def make_up(
    outcome: Outcome, on: Bools, sizes: Ints, effect: float, trials: int, rng: np.random.Generator
) -> MadeUp:
    """Cells of many trials.

    Args:
        on: with the change or not, schools by periods. sizes: children of each, of the same shape.
        effect: true difference that the change makes to a child's mean.
    """
    means = school_means(outcome, on, effect, trials, rng)
    if outcome.kind == "share":
        found = rng.binomial(sizes, means) / sizes
        within = (sizes * found * (1 - found)).sum(axis=(1, 2))
    elif outcome.kind == "count":
        found = rng.poisson(sizes * means) / sizes
        within = (sizes * found).sum(axis=(1, 2))
    else:
        spread = outcome.sd**2 * (1 - outcome.icc)
        safe = np.maximum(means, 1e-6)
        found = rng.gamma(sizes * safe**2 / spread, spread / safe) / sizes
        within = np.broadcast_to(((sizes - 1) * spread).sum(), (trials,)).astype(float)
    return MadeUp(found.reshape(trials, -1), np.asarray(within, float))


def children_of(
    outcome: Outcome, on: Bools, sizes: Ints, effect: float, rng: np.random.Generator
) -> tuple[Ints, Ints, Floats]:
    """One trial child by child: number of school, number of period, value."""
    means = school_means(outcome, on, effect, 1, rng)[0]
    cluster, period = (each.ravel() for each in np.indices(on.shape))
    cluster, period = (np.repeat(each, sizes.ravel()) for each in (cluster, period))
    mean = means[cluster, period]
    if outcome.kind == "share":
        value = (rng.random(len(mean)) < mean).astype(float)
    elif outcome.kind == "count":
        value = rng.poisson(mean).astype(float)
    else:
        spread = outcome.sd**2 * (1 - outcome.icc)
        safe = np.maximum(mean, 1e-6)
        value = np.minimum(np.rint(rng.gamma(safe**2 / spread, spread / safe)), outcome.within_days)
    return cluster, period, value
