"""Closed formulas for how sure a trial by schools can be: a check on the simulation, and quick what-ifs."""

from __future__ import annotations

import numpy as np

from evi.casefinding.trials.designs import Bools
from evi.casefinding.trials.protocol import Outcome


def design_effect(size: float, icc: float, size_cv: float = 0.0) -> float:
    """How many times more children a trial by schools needs than one by children: 1 + (m - 1) ICC.

    Args:
        size: mean children of a school (m). size_cv: coefficient of variation of sizes; then m is replaced by
            m (1 + CV²) (Eldridge, Ashby and Kerry 2006, doi 10.1093/ije/dyl129).

    >>> round(design_effect(30, 0.05), 2)
    2.45
    """
    return 1 + (size * (1 + size_cv**2) - 1) * icc


def parallel_variance(total: float, size: float, icc: float, in_arm: int, in_other: int) -> float:
    """Variance of the difference of two arms seen once, each school with `size` children.

    Args:
        total: variance between children, all schools together. in_arm, in_other: schools of the two arms.
    """
    return total * design_effect(size, icc) / size * (1 / in_arm + 1 / in_other)


def did_variance(total: float, size: float, icc: float, cac: float, in_arm: int, in_other: int) -> float:
    """Variance of a difference in differences, one period before and one after, other children in each.

    A school's mean has the variance of `parallel_variance`, and its two means correlate by
    cac × size × icc / design effect (Teerenstra et al. 2012, doi 10.1002/sim.5352).
    """
    effect = design_effect(size, icc)
    correlation = cac * size * icc / effect
    return 2 * (1 - correlation) * parallel_variance(total, size, icc, in_arm, in_other)


def stepped_variance(within: float, between: float, on: Bools) -> float:
    """Variance of the effect in a stepped wedge with known variances (Hussey and Hughes 2007).

    Formula 8 of doi 10.1016/j.cct.2006.05.007, from which a mixed model with a school's own level follows.

    Args:
        within: variance of a cell's mean around its school's level (children's variance over cell size).
        between: variance of schools' levels; infinite: fixed school effects.
        on: with the change or not, schools by periods.
    """
    clusters, periods = on.shape
    x = on.astype(float)
    u, w, v = x.sum(), (x.sum(axis=0) ** 2).sum(), (x.sum(axis=1) ** 2).sum()
    last = u**2 + clusters * periods * u - periods * w - clusters * v
    if np.isinf(between):
        return float(clusters * periods * within / last)
    top = clusters * within * (within + periods * between)
    return float(top / ((clusters * u - w) * within + last * between))


def variance_between_children(outcome: Outcome, mean: float | None = None) -> float:
    """Variance between all children that the assumptions give: p(1 - p), SD², or for counts mean / (1 - ICC).

    A count is Poisson around its school's own mean; the schools' means take the share ICC of all variance.
    """
    mean = outcome.base if mean is None else mean
    if outcome.kind == "share":
        return mean * (1 - mean)
    return outcome.sd**2 if outcome.kind == "days" else mean / (1 - outcome.icc)


def power_of(effect: float, error: float, alpha: float, df: float = np.inf) -> float:
    """The chance that an effect is found, from its standard error (t with `df`, two-sided)."""
    from scipy import stats  # noqa: PLC0415 - it takes a while to load

    if np.isinf(df):
        line = stats.norm.isf(alpha / 2)
        return float(stats.norm.sf(line - effect / error) + stats.norm.cdf(-line - effect / error))
    line = stats.t.isf(alpha / 2, df)
    return float(stats.nct.sf(line, df, effect / error) + stats.nct.cdf(-line, df, effect / error))


def smallest_found(error: float, alpha: float, power: float, df: float) -> float:
    """The smallest effect that is found with the given power."""
    from scipy import stats  # noqa: PLC0415

    return float(error * (stats.t.isf(alpha / 2, df) + stats.t.ppf(power, df)))
