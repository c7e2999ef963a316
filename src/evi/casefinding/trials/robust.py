"""Least squares with standard errors that hold when children of one school are alike and schools are few.

The plain cluster-robust error is too small with few schools. This one is corrected (CR2: Bell and McCaffrey
2002, Survey Methodology 28(2); Pustejovsky and Tipton 2018, doi 10.1080/07350015.2016.1247004): residuals of
each school are scaled so that the error is unbiased if cells were independent, and the degrees of freedom
of the t distribution are those that match its first two moments (Satterthwaite).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evi.casefinding.trials.designs import Floats, Ints

ZERO = 1e-9


@dataclass(frozen=True)
class Estimates:
    """Estimates of one effect, one for each set of outcomes that was given.

    Attributes:
        value: the estimates. error: their cluster-robust errors (CR2). df: degrees of freedom of the t.
    """

    value: Floats
    error: Floats
    df: float

    def half_width(self, alpha: float) -> Floats:
        """Half of the interval for 1 - alpha."""
        from scipy.special import stdtrit  # noqa: PLC0415 - it takes a while to load

        half: Floats = self.error * stdtrit(self.df, 1 - alpha / 2)
        return half

    def p_value(self) -> Floats:
        """Two-sided, for no effect."""
        from scipy.special import stdtr  # noqa: PLC0415

        with np.errstate(divide="ignore", invalid="ignore"):
            p = 2 * stdtr(self.df, -np.abs(self.value / self.error))
        return np.asarray(p, dtype=np.float64)


class RobustFit:
    """Weighted least squares on a fixed matrix, ready for many sets of outcomes at once.

    Args:
        matrix: cells by columns. weights: of each cell. cluster: number of each cell's school.
        contrast: what is estimated, as weights of the columns' coefficients.
    """

    def __init__(self, matrix: Floats, weights: Floats, cluster: Ints, contrast: Floats) -> None:
        self.root: Floats = np.sqrt(weights)
        self.scaled = matrix * self.root[:, None]
        cross = self.scaled.T @ self.scaled
        self.inverse = np.linalg.pinv(cross, hermitian=True, rcond=1e-10)
        self.rank = round(float(np.trace(self.inverse @ cross)))
        self.estimable = bool(np.allclose(cross @ (self.inverse @ contrast), contrast, atol=1e-6))
        direction = self.inverse @ contrast
        self.map = self.scaled @ direction
        names = np.unique(cluster)
        self.clusters = len(names)
        self.loads = np.zeros((len(weights), len(names)))
        crossed = np.zeros((matrix.shape[1], len(names)))
        for number, name in enumerate(names):
            here = np.flatnonzero(cluster == name)
            block = self.scaled[here]
            adjusted = _inverse_root(np.eye(len(here)) - block @ self.inverse @ block.T) @ self.map[here]
            self.loads[here, number] = adjusted
            crossed[:, number] = block.T @ adjusted
        moments = np.diag((self.loads**2).sum(axis=0)) - crossed.T @ self.inverse @ crossed
        total = float((moments**2).sum())
        self.df = float(np.trace(moments)) ** 2 / total if total > 0 else float("nan")

    def fit(self, outcomes: Floats) -> Estimates:
        """Estimate from outcomes: one row a set, one column a cell."""
        residual = self.residuals(outcomes)
        value = (np.atleast_2d(outcomes) * self.root) @ self.map
        error = np.sqrt(((residual @ self.loads) ** 2).sum(axis=1))
        if not self.estimable:
            value = np.full_like(value, np.nan)
            error = np.full_like(error, np.nan)
        return Estimates(value, error, self.df)

    def residuals(self, outcomes: Floats) -> Floats:
        """What is left of the weighted outcomes."""
        scaled = np.atleast_2d(outcomes) * self.root
        left: Floats = scaled - (scaled @ self.scaled) @ self.inverse @ self.scaled.T
        return left

    def naive_error(self, outcomes: Floats, within: Floats, children: float) -> Floats:
        """The error as if children were independent: too small, kept to show what it does.

        Args:
            within: sum of squares within cells, one a set. children: how many there are.
        """
        left = (self.residuals(outcomes) ** 2).sum(axis=1) + within
        error: Floats = np.sqrt(left / (children - self.rank) * float(self.map @ self.map))
        return error


def _inverse_root(matrix: npt.NDArray[np.float64]) -> Floats:
    """The symmetric inverse square root, leaving out directions that the matrix sends to nothing."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    kept = values > ZERO
    scaled = np.where(kept, 1 / np.sqrt(np.where(kept, values, 1.0)), 0.0)
    root: Floats = (vectors * scaled) @ vectors.T
    return root
