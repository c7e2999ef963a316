"""Fit chances to published rates: the log odds that give the wanted means, in groups and along slopes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares
from scipy.special import expit

from evi.synthetic.calendar import Floats, Ints
from evi.synthetic.draws import solve_offset


@dataclass(frozen=True)
class Moment:
    """The mean chance, weighted by `weight` (0/1 for a group), should be `target`; `emphasis` ranks it."""

    weight: Floats
    target: float
    emphasis: float = 1.0


def fit_chances(offset: Floats, columns: Floats, moments: list[Moment]) -> Floats:
    """Chances `expit(offset + columns @ b)` with `b` chosen so that the moments hold as nearly as they can.

    Args:
        offset: log odds from what is assumed (n).
        columns: what may be moved, the constant included (n by k).
        moments: wanted weighted means. Where they contradict one another the squared misses are least.
    """
    weights = np.array([m.weight / max(float(m.weight.sum()), 1e-12) for m in moments])
    targets = np.array([m.target for m in moments])
    emphasis = np.array([m.emphasis for m in moments])

    def misses(beta: Floats) -> Floats:
        chance = expit(offset + columns @ beta)
        return np.asarray((weights @ chance - targets) * emphasis * 100)

    def slopes(beta: Floats) -> Floats:
        chance = expit(offset + columns @ beta)
        return np.asarray((weights @ (columns * (chance * (1 - chance))[:, None])) * emphasis[:, None] * 100)

    start = np.zeros(columns.shape[1])
    start[0] = solve_offset(offset, float(np.clip(targets.mean(), 0.005, 0.98)))
    found = least_squares(misses, start, jac=slopes, x_scale="jac", max_nfev=200)
    return np.asarray(expit(offset + columns @ found.x), dtype=np.float64)


def slope_targets(values: Floats, log_odds_ratio: Floats, overall: Floats, group: Ints) -> Floats:
    """Chances of a plain logistic model with these slopes and, in each group, this mean.

    Matching a richer model's weighted means to this one's makes a plain logistic regression on the outcome
    return these odds ratios, whatever else drives it.

    Args:
        values: covariates (n by k); log_odds_ratio: slope of each (k).
        overall: wanted mean of each group; group: group of each row.
    """
    linear = values @ log_odds_ratio
    chance = np.empty(len(group))
    for number, mean in enumerate(overall):
        rows = np.flatnonzero(group == number)
        if rows.size:
            chance[rows] = expit(linear[rows] + solve_offset(linear[rows], float(mean)))
    return chance


def odds_ratios(outcome: Floats, covariates: Floats) -> Floats:
    """Odds ratios of a plain logistic regression (Newton's method), one for each covariate."""
    design = np.column_stack([np.ones(len(outcome)), covariates])
    beta = np.zeros(design.shape[1])
    for _ in range(30):
        chance = expit(design @ beta)
        slope = design.T @ (design * (chance * (1 - chance))[:, None]) + 1e-9 * np.eye(len(beta))
        step = np.linalg.solve(slope, design.T @ (outcome - chance))
        beta += step
        if float(np.abs(step).max()) < 1e-9:
            break
    return np.exp(beta[1:])
