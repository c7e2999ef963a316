"""The recognition gap: of children with an equal profile, who gets recognised, and who does not.

For each grouping a logistic regression of being recognised on the group, at an equal profile: band of score,
sex, age and year of the assessment. An odds ratio under 1 means that children of that group are recognised
less often than those of the reference group with the same profile. Errors are clustered by family (or by
school), since brothers and sisters are noticed together.

It needs no truth, and so can be done in any district; but a gap may also be a difference in need at an equal
profile. In a made-up district the audit can be made among children who have the need: then it is recognition
alone that differs.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from evi.index.intervals import Interval, adjusted
from evi.workspace import EviError

LEAST = 10
"""Children recognised, and children not, that a group and its reference must each have."""
PROFILE = ("score_band", "sex", "age_years", "year")
"""Columns that make a profile; those of words are taken as groups, those of numbers as a curve."""
NOT_KNOWN = "not known"
MOTHERS_EDUCATION = (
    "Mother's education is in no feed, so the hub can't look at it. It mattered where it was known: 1.5% of "
    "children of mothers with A levels or more had a diagnosis, 0.7% of the others (Kelly et al., Born in"
    " Bradford)."
)


@dataclass(frozen=True)
class Gap:
    """One group beside the reference group, at an equal profile.

    Attributes:
        by, group, reference: the grouping and the two groups.
        children, recognised: of this group.
        odds_ratio: of being recognised, with its 95% interval; NaN where too few say anything.
        p_value: adjusted for all groups of the audit (Benjamini and Hochberg); NaN without an odds ratio.
        note: why there is no odds ratio, else "".
    """

    by: str
    group: str
    reference: str
    children: int
    recognised: int
    odds_ratio: Interval
    p_value: float
    note: str = ""


def recognition_gap(
    table: pl.DataFrame,
    by: Sequence[str],
    *,
    profile: Sequence[str] = PROFILE,
    cluster: str | None = None,
) -> tuple[Gap, ...]:
    """Adjusted odds ratios of being recognised, for every group of each grouping.

    Args:
        table: one row a child: `recognised` (bool), the columns of `profile` and `by`, and of `cluster`.
        by: groupings; each is looked at by itself, at an equal profile. A grouping that is part of the
            profile is not adjusted for itself.
        cluster: column of families or schools. Without it children count as independent.

    Raises:
        EviError: a column is missing, or nobody or everybody is recognised.
    """
    missing = {"recognised", *profile, *by, *([cluster] if cluster else [])} - set(table.columns)
    if missing:
        raise EviError(f"the table has no column {sorted(missing)[0]}.", where="recognition gap")
    rows = table.drop_nulls(["recognised", *profile])
    if rows["recognised"].n_unique() < 2:
        raise EviError(
            "all of these children are recognised, or none of them, so there is nothing to compare.",
            where="recognition gap",
            do="Ask of another day, or of a rule that more children can be assessed by.",
        )
    found = [gap for each in by for gap in _one(rows, each, profile, cluster)]
    real = [i for i, gap in enumerate(found) if not math.isnan(gap.p_value)]
    raised = adjusted(np.array([found[i].p_value for i in real], float))
    for i, p in zip(real, raised.tolist(), strict=True):
        gap = found[i]
        found[i] = Gap(gap.by, gap.group, gap.reference, gap.children, gap.recognised, gap.odds_ratio, p)
    return tuple(found)


def _one(rows: pl.DataFrame, by: str, profile: Sequence[str], cluster: str | None) -> list[Gap]:
    named = rows.filter(pl.col(by).is_not_null() & (pl.col(by) != NOT_KNOWN))
    sizes = (
        named.group_by(by).agg(pl.len(), pl.col("recognised").sum()).sort("len", by, descending=[True, False])
    )
    if sizes.height < 2:
        return []
    reference = str(sizes[by][0])
    enough = sizes.filter((pl.col("recognised") >= LEAST) & (pl.col("len") - pl.col("recognised") >= LEAST))
    kept = [str(name) for name in enough[by].to_list()]
    found = _fit(named, by, [name for name in kept if name != reference], reference, profile, cluster)
    if reference not in kept:
        found = {}
    made = []
    for name, children, recognised in sizes.iter_rows():
        if name == reference:
            continue
        nothing = (Interval(math.nan, math.nan, math.nan), math.nan)
        ratio, p = found.get(str(name), nothing)
        note = "" if str(name) in found else f"fewer than {LEAST} recognised, or not"
        made.append(Gap(by, str(name), reference, children, recognised, ratio, p, note))
    return made


def _fit(
    rows: pl.DataFrame, by: str, names: list[str], reference: str, profile: Sequence[str], cluster: str | None
) -> dict[str, tuple[Interval, float]]:
    """Odds ratio and p-value of each group beside the reference."""
    import statsmodels.api as sm  # noqa: PLC0415 - it takes a while to load

    rows = rows.filter(pl.col(by).is_in([reference, *names]))
    if not names or rows["recognised"].n_unique() < 2:
        return {}
    columns = [(rows[by] == name).to_numpy().astype(float) for name in names]
    for column in profile:
        if column != by:
            columns += _design(rows, column)
    matrix = np.column_stack([np.ones(rows.height), *columns])
    outcome = rows["recognised"].to_numpy().astype(float)
    clustered: dict[str, object] = {"cov_type": "HC1"}
    if cluster is not None:
        codes = rows[cluster].cast(pl.String).fill_null("?").rank("dense").to_numpy().astype(int)
        clustered = {"cov_type": "cluster", "cov_kwds": {"groups": codes}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = sm.GLM(outcome, matrix, family=sm.families.Binomial()).fit(**clustered)
    if not fitted.converged:
        return {}
    made = {}
    for place, name in enumerate(names, start=1):
        middle, error = float(fitted.params[place]), float(fitted.bse[place])
        if not (math.isfinite(middle) and math.isfinite(error)) or error > 5:
            continue
        low, high = (math.exp(middle + side * 1.959963984540054 * error) for side in (-1, 1))
        made[name] = (Interval(math.exp(middle), low, high), float(fitted.pvalues[place]))
    return made


def _design(rows: pl.DataFrame, column: str) -> list[npt.NDArray[np.float64]]:
    """Columns for one part of the profile: groups of words or whole bands, or a number and its square.

    A group in which everybody or nobody is recognised, or which is small, joins the largest group, since it
    has no odds of its own.
    """
    values = rows[column]
    if values.dtype.is_numeric():
        number = values.to_numpy().astype(float)
        spread = number.std()
        if spread == 0:
            return []
        scaled = (number - number.mean()) / spread
        return [scaled, scaled**2] if len(np.unique(number)) > 2 else [scaled]
    sizes = (
        rows.group_by(column)
        .agg(pl.len(), pl.col("recognised").sum())
        .sort("len", column, descending=[True, False])
    )
    own = sizes.filter((pl.col("recognised") > 1) & (pl.col("len") - pl.col("recognised") > 1))[
        column
    ].to_list()
    base = sizes[column][0]
    return [(values == name).fill_null(False).to_numpy().astype(float) for name in own if name != base]
