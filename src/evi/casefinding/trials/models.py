"""The same question asked of statsmodels: its own models, with its own standard errors.

With few schools its robust errors are too small, and its normal intervals too narrow. So intervals here take
a t distribution. Degrees of freedom: schools less one for least squares (as statsmodels has it), schools less
two for the ratio, and for the mixed model those of what the change is compared within: cells less schools
less periods if schools are seen both ways, else schools less two. The errors of the ratio are corrected for
few schools (Mancl and DeRouen 2001, Biometrics 57(1), 126-134).
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
import polars as pl

from evi.casefinding.trials.designs import Bools, Floats, Ints, effect_matrix, ever_starts, seen_both_ways
from evi.casefinding.trials.protocol import Kind

LITTLE = 0.02
"""Variance between schools, as a share of that of children, from which the mixed model's search starts."""


@dataclass(frozen=True)
class Fitted:
    """One estimate of a model, with its error, degrees of freedom, and why there is none, if so.

    Attributes:
        icc: share of the variance that lies between schools (mixed model only).
    """

    value: float
    error: float
    df: float
    note: str = ""
    icc: float = math.nan


NOTHING = Fitted(math.nan, math.nan, math.nan, "the model did not settle")


def fixed_effects(table: pl.DataFrame, on: Bools, average_over: str) -> Fitted:
    """Difference in differences by least squares on children, with statsmodels' cluster-robust error.

    Args:
        table: cluster, period, value of every child. on: with the change or not, schools by periods.
    """
    import statsmodels.api as sm  # noqa: PLC0415 - it takes a while to load

    cluster, period, value = _columns(table)
    matrix, _ = effect_matrix(cluster, period, on[cluster, period])
    weights = np.ones(len(value))
    if average_over == "schools":
        cell = cluster * (period.max() + 1) + period
        weights = 1 / np.bincount(cell)[cell]
    fitted = sm.WLS(value, matrix, weights=weights).fit(
        cov_type="cluster", cov_kwds={"groups": cluster}, use_t=True
    )
    return Fitted(float(fitted.params[-1]), float(fitted.bse[-1]), len(np.unique(cluster)) - 1.0)


def mixed(table: pl.DataFrame, on: Bools, *, arm_level: bool) -> Fitted:
    """A mixed model on children: schools, and schools' periods, at random around levels of periods.

    statsmodels starts with schools as different as children are, and from there its first optimiser stopped
    short of the maximum in 3 of 25 made-up trials, and said that it had converged. So the search starts where
    schools differ little, two optimisers go from there, and the higher likelihood is taken.

    Args:
        table, on: as in `fixed_effects`. arm_level: let schools that ever start have a level of their own
            (where they were chosen and not drawn by lot).
    """
    from statsmodels.regression.mixed_linear_model import MixedLM, MixedLMParams, VCSpec  # noqa: PLC0415

    cluster, period, value = _columns(table)
    matrix = _arm_matrix(cluster, period, on, arm_level=arm_level)
    order = np.argsort(cluster, kind="stable")
    cluster, period, value, matrix = cluster[order], period[order], value[order], matrix[order]
    variances = None
    if len(np.unique(period)) > 1:
        blocks = [period[cluster == each] for each in np.unique(cluster)]
        arrays = [(here[:, None] == np.unique(here)[None, :]).astype(float) for here in blocks]
        names = [[str(each) for each in np.unique(here)] for here in blocks]
        variances = VCSpec(["period"], [names], [arrays])
    spread = float(value.std()) or 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model = MixedLM(value / spread, matrix, cluster, np.ones((len(value), 1)), exog_vc=variances)
            start = MixedLMParams.from_components(
                fe_params=np.linalg.lstsq(matrix, value / spread)[0],
                cov_re=np.array([[LITTLE]]),
                vcomp=np.array([LITTLE / 2] if variances else []),
            )
            tries = [model.fit(start_params=start, reml=True, method=[each]) for each in ("lbfgs", "powell")]
            fitted = max(tries, key=lambda each: float(each.llf))
            estimate, error = float(fitted.fe_params[-1]) * spread, float(fitted.bse_fe[-1]) * spread
        except (np.linalg.LinAlgError, ValueError):
            return NOTHING
    if not (math.isfinite(estimate) and math.isfinite(error) and error > 0):
        return NOTHING
    between = float(fitted.cov_re[0, 0]) + (float(fitted.vcomp[0]) if variances else 0.0)
    df = _degrees(cluster, period, on[cluster, period])
    return Fitted(estimate, error, df, icc=between / (between + float(fitted.scale)))


def ratio(table: pl.DataFrame, on: Bools, kind: Kind, *, arm_level: bool) -> Fitted:
    """The logarithm of the odds ratio (share) or rate ratio (count, days) of the change, by GEE.

    Args:
        table, on, arm_level: as in `mixed`.
    """
    import statsmodels.api as sm  # noqa: PLC0415
    from statsmodels.genmod.cov_struct import Exchangeable  # noqa: PLC0415

    cluster, period, value = _columns(table)
    matrix = _arm_matrix(cluster, period, on, arm_level=arm_level)
    family = sm.families.Binomial() if kind == "share" else sm.families.Poisson()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model = sm.GEE(value, matrix, groups=cluster, family=family, cov_struct=Exchangeable())
            fitted = model.fit(cov_type="bias_reduced")
            estimate, error = float(fitted.params[-1]), float(fitted.bse[-1])
        except (np.linalg.LinAlgError, ValueError):
            return NOTHING
    if not (fitted.converged and math.isfinite(estimate) and math.isfinite(error) and 0 < error < 5):
        return NOTHING
    return Fitted(estimate, error, len(np.unique(cluster)) - 2.0)


def _degrees(cluster: Ints, period: Ints, on: Bools) -> float:
    """Degrees of freedom of the change in the mixed model (containment)."""
    schools = len(np.unique(cluster))
    if not seen_both_ways(cluster, on):
        return schools - 2.0
    cells = len(np.unique(np.column_stack([cluster, period]), axis=0))
    return float(cells - schools - len(np.unique(period)))


def _columns(table: pl.DataFrame) -> tuple[Ints, Ints, Floats]:
    cluster, period = (table[name].to_numpy().astype(np.int64) for name in ("cluster", "period"))
    return cluster, period, table["value"].to_numpy().astype(float)


def _arm_matrix(cluster: Ints, period: Ints, on: Bools, *, arm_level: bool) -> Floats:
    """Levels of periods, of the schools that ever start if asked for, and the change as last column."""
    here = on[cluster, period]
    columns = [(period == each).astype(float) for each in np.unique(period)]
    ever = ever_starts(on)[cluster]
    if arm_level and seen_both_ways(cluster, here) and not ever.all():
        columns.append(ever.astype(float))
    return np.column_stack([*columns, here.astype(float)])
