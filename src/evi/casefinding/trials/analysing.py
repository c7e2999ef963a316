"""What a trial found: the main estimate, checks on it by other roads, and what is missing.

The main estimate of each outcome is what the protocol says: difference in differences with errors corrected
for few schools (`robust`), or the mixed model of statsmodels. The other stands beside it, with statsmodels'
plain cluster-robust error, the ratio by GEE, and a permutation test. One outcome decides; for the others
there are intervals and no tests.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from evi.casefinding.trials import models
from evi.casefinding.trials.allocating import steps_of
from evi.casefinding.trials.designs import Bools, Floats, effect_matrix, ever_starts, switched_on
from evi.casefinding.trials.groups_apart import GroupEffect, effects_by_group
from evi.casefinding.trials.permuting import Permuted, permute
from evi.casefinding.trials.protocol import Outcome, Protocol
from evi.casefinding.trials.protocol_checks import FEWEST, FEWEST_STEPPED
from evi.casefinding.trials.robust import RobustFit
from evi.casefinding.trials.rows import Cells, Rows, cells_of
from evi.workspace import SILENT, EviError, Progress

METHODS = {
    "did": "difference in differences, corrected for few schools (CR2)",
    "mixed": "mixed model (statsmodels)",
    "library": "difference in differences, statsmodels' cluster-robust error",
    "permutation": "permutation test",
    "ratio": "ratio by GEE, corrected for few schools",
}
"""How an estimate was made."""


@dataclass(frozen=True)
class Effect:
    """One estimate; `low` and `high`: its interval for 1 - alpha. Ratios are odds or rate ratios."""

    method: str
    value: float
    low: float
    high: float
    error: float
    df: float
    p_value: float
    note: str = ""


@dataclass(frozen=True)
class ArmPeriod:
    """Schools with (`on`) or without the change in one period, as they are: no effect is read off it.

    Attributes:
        schools: with any row; children: with a value; missing: rows without one; mean: of the values.
        arm: change, usual, or in a stepped wedge with or without.
    """

    period: str
    arm: str
    schools: int
    children: int
    missing: int
    mean: float


@dataclass(frozen=True)
class OutcomeResult:
    """One outcome.

    Attributes:
        main: the estimate of the protocol's method. others: the same by other roads.
        icc: between schools, by the mixed model; NaN if it did not settle.
        missing: share of rows without a value, with the change and without.
        not_seen: schools of the protocol without any value.
        replaced: the protocol's mixed model did not settle, and difference in differences is in its place.
        groups: effects by group, each with its difference from the largest (see `groups_apart`).
    """

    outcome: Outcome
    main: Effect
    others: tuple[Effect, ...]
    permuted: Permuted
    table: tuple[ArmPeriod, ...]
    icc: float
    missing: tuple[float, float]
    not_seen: int
    rejects: tuple[str, ...]
    groups: tuple[GroupEffect, ...]
    groups_left_out: int
    replaced: bool = False


@dataclass(frozen=True)
class Analysis:
    """A trial's results, the primary outcome first.

    Attributes:
        notes: on the protocol and its course, each a sentence.
        left_out: outcomes for which there was too little to estimate, with why.
    """

    protocol: Protocol
    by: str | None
    results: tuple[OutcomeResult, ...]
    notes: tuple[str, ...]
    left_out: Mapping[str, str]


def analyse(
    protocol: Protocol,
    starts: dict[str, str | None],
    rows: Mapping[str, Rows],
    *,
    by: str | None = None,
    notes: tuple[str, ...] = (),
    progress: Progress = SILENT,
) -> Analysis:
    """Analyse every outcome.

    Args:
        starts: when each school started. rows: of each outcome, by its id. by: column of a grouping.
        notes: what is to be said of the trial beside what the protocol itself makes one say.

    Raises:
        EviError: the primary outcome can't be estimated: no rows, one school in an arm, no such grouping.
    """
    on = switched_on(protocol, starts)
    ordered = sorted(protocol.outcomes, key=lambda each: not each.primary)
    results, left_out = [], {}
    with progress.task("analysing outcomes", total=len(ordered)) as advance:
        for outcome in ordered:
            try:
                results.append(_one(protocol, outcome, starts, on, rows[outcome.id], by))
            except EviError as error:
                if outcome.primary:
                    raise
                left_out[outcome.id] = error.what
            advance(1)
    extra = [*protocol.notes, *notes]
    if by is not None and by not in protocol.groups:
        extra.append(f"The protocol did not plan to look by {by}: take it as a question for another trial.")
    return Analysis(protocol, by, tuple(results), tuple(extra), left_out)


def _one(
    protocol: Protocol,
    outcome: Outcome,
    starts: dict[str, str | None],
    on: Bools,
    rows: Rows,
    by: str | None,
) -> OutcomeResult:
    known = rows.known
    _check(protocol, outcome, known, on, steps_of(protocol, starts) >= 0, by)
    cells = cells_of(known)
    weights = weights_of(cells, protocol.average_over)
    did = _did(cells, weights, on, protocol.alpha)
    arm_level = not protocol.randomised
    fitted = models.mixed(known, on, arm_level=arm_level)
    mixed = _effect("mixed", fitted, protocol.alpha)
    library = _effect("library", models.fixed_effects(known, on, protocol.average_over), protocol.alpha)
    ratio = _effect("ratio", models.ratio(known, on, outcome.kind, arm_level=arm_level), protocol.alpha)
    main, other = (mixed, did) if protocol.method == "mixed" and not mixed.note else (did, mixed)
    groups, small = effects_by_group(known, on, by, protocol) if by else ((), 0)
    return OutcomeResult(
        outcome,
        main,
        (other, library, _as_ratio(ratio)),
        permute(protocol, starts, cells, weights),
        _table(protocol, rows.table, on),
        fitted.icc,
        _missing(rows.table, on),
        len(protocol.clusters) - known["cluster"].n_unique(),
        tuple(rows.reject_lines()),
        groups,
        small,
        replaced=protocol.method == "mixed" and main.method != "mixed",
    )


def weights_of(cells: Cells, average_over: str) -> Floats:
    """Weights of cells: their children, or alike for each."""
    return cells.n if average_over == "children" else np.ones_like(cells.n)


def _check(
    protocol: Protocol, outcome: Outcome, known: pl.DataFrame, on: Bools, ever: Bools, by: str | None
) -> None:
    where, do = f"outcome {outcome.id}", "Wait for more results, or correct the data."
    if known.is_empty():
        raise EviError("no child has a value.", where=where, do=do)
    if by is not None and by not in known.columns:
        names = [name for name in known.columns if name not in {"cluster", "period", "child", "value"}]
        raise EviError(
            f"the data have no column {by}.",
            where="--by",
            do=f"Choose from {', '.join(names) or 'no column: there are none'}.",
            exit_code=2,
        )
    seen = np.unique(known["cluster"].to_numpy())
    arms = int(ever[seen].sum()), int((~ever[seen]).sum())
    if protocol.design == "parallel" and min(arms) < FEWEST:
        raise EviError(
            f"there are results of {arms[0]} schools that try the change and of {arms[1]} that do not. With "
            "one school in an arm, the change can't be told from the school.",
            where=where,
            do=do,
        )
    here = on[known["cluster"].to_numpy(), known["period"].to_numpy()]
    if len(seen) < FEWEST_STEPPED or here.all() or not here.any():
        raise EviError(
            f"there are results of {len(seen)} schools, {int(here.sum())} children with the change and "
            f"{int((~here).sum())} without: too few to compare.",
            where=where,
            do=do,
        )


def _did(cells: Cells, weights: Floats, on: Bools, alpha: float) -> Effect:
    matrix, _ = effect_matrix(cells.cluster, cells.period, cells.on(on))
    contrast = np.zeros(matrix.shape[1])
    contrast[-1] = 1.0
    found = RobustFit(matrix, weights, cells.cluster, contrast).fit(cells.mean)
    value, half = float(found.value[0]), float(found.half_width(alpha)[0])
    if not (math.isfinite(value) and math.isfinite(half) and half > 1e-12):
        raise EviError("the periods that have results do not let the change be told apart.", where="did")
    p = float(found.p_value()[0])
    return Effect("did", value, value - half, value + half, float(found.error[0]), found.df, p)


def _effect(method: str, fitted: models.Fitted, alpha: float) -> Effect:
    from scipy import stats  # noqa: PLC0415 - it takes a while to load

    if fitted.note or fitted.df < 1:
        nan = math.nan
        return Effect(method, nan, nan, nan, nan, nan, nan, fitted.note or "too few schools")
    half = fitted.error * float(stats.t.isf(alpha / 2, fitted.df))
    p = 2 * float(stats.t.sf(abs(fitted.value / fitted.error), fitted.df))
    return Effect(method, fitted.value, fitted.value - half, fitted.value + half, fitted.error, fitted.df, p)


def _as_ratio(effect: Effect) -> Effect:
    value, low, high = (math.exp(each) for each in (effect.value, effect.low, effect.high))
    return Effect("ratio", value, low, high, effect.error, effect.df, effect.p_value, effect.note)


def _table(protocol: Protocol, table: pl.DataFrame, on: Bools) -> tuple[ArmPeriod, ...]:
    cluster, period = table["cluster"].to_numpy(), table["period"].to_numpy()
    ever = ever_starts(on)
    if protocol.design == "parallel":
        with_it, words = ever[cluster], ("change", "usual")
    else:
        with_it, words = on[cluster, period], ("with the change", "without")
    made = []
    named = table.with_columns(arm=pl.Series(np.where(with_it, *words)))
    for number, each in enumerate(protocol.periods):
        for arm in words:
            here = named.filter((pl.col("period") == number) & (pl.col("arm") == arm))
            if here.is_empty():
                continue
            values = here["value"].drop_nulls()
            mean = float(values.to_numpy().mean()) if len(values) else math.nan
            made.append(
                ArmPeriod(
                    each.id, arm, here["cluster"].n_unique(), len(values), here.height - len(values), mean
                )
            )
    return tuple(made)


def _missing(table: pl.DataFrame, on: Bools) -> tuple[float, float]:
    """Share of rows without a value, with the change and without."""
    here = on[table["cluster"].to_numpy(), table["period"].to_numpy()]
    lost = table["value"].is_null().to_numpy()
    return tuple(float(lost[which].mean()) if which.any() else math.nan for which in (here, ~here))  # type: ignore[return-value]
