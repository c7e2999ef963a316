"""Two models that a person can read, and a yardstick that is never offered.

Each model adds up what each feature says: a logistic regression with splines, or explainable boosting without
pair terms (pairs over-fitted a rare outcome). Both are kept as plain numbers and scored from those numbers
alone, a child at a time the same as all at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from evi.casefinding.models.design import Term, columns_of, make_terms
from evi.casefinding.models.features import NOT_KNOWN
from evi.casefinding.models.rows import Rows
from evi.casefinding.models.splits import by_group
from evi.workspace import EviError

Floats = npt.NDArray[np.float64]
PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0)
"""Strengths to choose from (scikit-learn's C: the smaller, the harder the pull towards no effect)."""
BINS = 24
"""Steps at most in the curve of a boosted feature: few enough to read, and no step is of one child."""
BAGS = 8
HELD_BACK = 0.15
"""Share of families that a bag learns nothing from."""


class Model(Protocol):
    """A fitted model: what it gives is an order of children, and never a chance on a work list."""

    @property
    def kind(self) -> str:
        """Logistic or boosting."""
        ...

    def score(self, table: pl.DataFrame) -> Floats:
        """Log odds of the outcome of each child; NaN where the model says nothing about one."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Everything that scoring needs, as plain numbers and words."""
        ...


@dataclass(frozen=True)
class Logistic:
    """Logistic regression on columns of `Term`s.

    Attributes:
        coefficients: one a column. penalty: the strength that inner validation chose.
    """

    terms: tuple[Term, ...]
    intercept: float
    coefficients: tuple[float, ...]
    penalty: float
    kind: str = "logistic"

    def score(self, table: pl.DataFrame) -> Floats:
        """Log odds; added up child by child, so that company changes nothing."""
        made = np.ascontiguousarray(columns_of(self.terms, table) * np.array(self.coefficients))
        return self.intercept + np.cumsum(made, axis=1)[:, -1]

    def to_json(self) -> dict[str, Any]:
        """See `Model`."""
        names = [name for term in self.terms for name in term.names]
        return {
            "kind": self.kind,
            "intercept": self.intercept,
            "penalty": self.penalty,
            "terms": [term.to_json() for term in self.terms],
            "coefficients": [
                {"column": n, "value": v} for n, v in zip(names, self.coefficients, strict=True)
            ],
        }


@dataclass(frozen=True)
class Steps:
    """What a boosted model adds for each value of one feature.

    Attributes:
        cuts: of a number, where one step ends and the next begins. levels: of a level, its values.
        adds: of each step or level, what it adds to the log odds.
        gap: what is added where it isn't known; None if no child taught it.
    """

    feature: str
    kind: str
    cuts: tuple[float, ...]
    levels: tuple[str, ...]
    adds: tuple[float, ...]
    gap: float | None

    def score(self, values: pl.Series) -> Floats:
        """What the feature adds for each child."""
        adds = np.array([*self.adds, np.nan if self.gap is None else self.gap])
        if self.kind == "level":
            place = {level: number for number, level in enumerate(self.levels)}
            unseen = np.nan
            found = [place.get(one) for one in values.fill_null(NOT_KNOWN).to_list()]
            return np.array([unseen if one is None else adds[one] for one in found])
        raw = values.to_numpy().astype(float)
        steps = np.searchsorted(np.array(self.cuts), np.nan_to_num(raw), side="right")
        return np.asarray(adds[np.where(np.isnan(raw), len(self.adds), steps)])

    def to_json(self) -> dict[str, Any]:
        """For a saved model."""
        return {
            "feature": self.feature, "kind": self.kind, "cuts": list(self.cuts), "levels": list(self.levels),
            "adds": list(self.adds), "gap": self.gap,
        }  # fmt: skip


@dataclass(frozen=True)
class Boosted:
    """Explainable boosting, main effects only: a sum of steps."""

    intercept: float
    steps: tuple[Steps, ...]
    kind: str = "boosting"

    def score(self, table: pl.DataFrame) -> Floats:
        """Log odds, feature after feature."""
        total = np.full(table.height, self.intercept)
        for each in self.steps:
            total = total + each.score(table[each.feature])
        return total

    def to_json(self) -> dict[str, Any]:
        """See `Model`."""
        return {
            "kind": self.kind,
            "intercept": self.intercept,
            "steps": [each.to_json() for each in self.steps],
        }


def read_model(table: Mapping[str, Any]) -> Model:
    """A model from what `to_json` wrote.

    Raises:
        EviError: its kind is none that is offered.
    """
    if table["kind"] == "logistic":
        terms = tuple(Term.from_json(row) for row in table["terms"])
        values = tuple(float(row["value"]) for row in table["coefficients"])
        return Logistic(terms, float(table["intercept"]), values, float(table["penalty"]))
    if table["kind"] == "boosting":
        steps = tuple(
            Steps(
                row["feature"],
                row["kind"],
                tuple(row["cuts"]),
                tuple(row["levels"]),
                tuple(row["adds"]),
                row["gap"],
            )
            for row in table["steps"]
        )
        return Boosted(float(table["intercept"]), steps)
    raise EviError(
        f"there is no model of the kind “{table['kind']}”.", do="Choose logistic or boosting.", exit_code=2
    )


def fit(kind: str, rows: Rows, *, seed: int = 0) -> Model:
    """Fit a model of a kind (logistic or boosting); the same rows and seed give the same model.

    Raises:
        EviError: no such kind, or nothing to learn from.
    """
    if kind == "logistic":
        return fit_logistic(rows, seed=seed)
    if kind == "boosting":
        return fit_boosted(rows, seed=seed)
    raise EviError(
        f"no model of the kind “{kind}” is offered.",
        where="--kind",
        do="Choose logistic or boosting.",
        exit_code=2,
    )


def parameters(rows: Rows) -> int:
    """Coefficients that a logistic model of these rows would estimate, before the overall level."""
    return sum(len(term.names) for term in make_terms(rows.table, rows.features))


def fit_logistic(rows: Rows, *, seed: int = 0) -> Logistic:
    """Logistic regression with splines; its penalty is the one that does best in families held back."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - it takes a while to load

    terms = make_terms(rows.table, rows.features)
    made, outcome = columns_of(terms, rows.table), rows.outcome
    known = ~np.isnan(made).any(axis=1)
    made, outcome, family = made[known], outcome[known], rows.family[known]
    losses = np.zeros(len(PENALTIES))
    for split in by_group(outcome, family, folds=3, seed=seed):
        for place, strength in enumerate(PENALTIES):
            line = LogisticRegression(C=strength, solver="newton-cholesky", max_iter=200)
            line.fit(made[split.learn], outcome[split.learn])
            losses[place] += log_loss(line.decision_function(made[split.judge]), outcome[split.judge])
    chosen = PENALTIES[int(np.argmin(losses))]
    line = LogisticRegression(C=chosen, solver="newton-cholesky", max_iter=200).fit(made, outcome)
    return Logistic(terms, float(line.intercept_[0]), tuple(line.coef_[0].tolist()), chosen)


def log_loss(score: Floats, outcome: npt.NDArray[np.bool_]) -> float:
    """Sum of minus the log likelihood of some outcomes, given log odds."""
    return float(np.logaddexp(0, np.where(outcome, -score, score)).sum())


def fit_boosted(rows: Rows, *, seed: int = 0) -> Boosted:
    """Explainable boosting, main effects only, one thread; bags hold families back to know when to stop."""
    import warnings  # noqa: PLC0415

    from interpret.glassbox import ExplainableBoostingClassifier  # noqa: PLC0415 - it takes a second to load

    used = [each for each in rows.features if rows.table[each.name].n_unique() > 1]
    columns: list[npt.NDArray[Any]] = []
    for each in used:
        values = rows.table[each.name]
        if each.kind == "level":
            columns.append(values.fill_null(NOT_KNOWN).to_numpy().astype(object))
        else:
            columns.append(values.to_numpy().astype(float).astype(object))
    made = np.column_stack(columns)
    families, place = np.unique(rows.family, return_inverse=True)
    held = np.random.default_rng(seed).random((BAGS, len(families))) < HELD_BACK
    bags = np.where(held[:, place], -1, 1).astype(np.int8).T
    types = ["nominal" if each.kind == "level" else "continuous" for each in used]
    boosted = ExplainableBoostingClassifier(
        feature_names=[each.name for each in used], feature_types=types, interactions=0, outer_bags=BAGS,
        max_bins=BINS, min_samples_leaf=20, n_jobs=1, random_state=seed,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # its drawings don't show gaps; ours are numbers
        boosted.fit(made, rows.outcome, bags=bags)
    steps = tuple(_steps(boosted, place, each.name, each.kind, rows) for place, each in enumerate(used))
    return Boosted(float(np.ravel(boosted.intercept_)[0]), steps)


def _steps(boosted: Any, place: int, name: str, kind: str, rows: Rows) -> Steps:
    """One feature's steps, read out of the library: its first bin is the gap, its last what it never saw."""
    scores, bins = boosted.term_scores_[place], boosted.bins_[place][0]
    gap = float(scores[0]) if rows.table[name].is_null().any() else None
    if kind == "level":
        ordered = sorted(cast("dict[str, int]", bins), key=lambda level: bins[level])
        return Steps(
            name, kind, (), tuple(ordered), tuple(float(scores[bins[level]]) for level in ordered), None
        )
    return Steps(name, kind, tuple(float(cut) for cut in bins), (), tuple(scores[1:-1].tolist()), gap)


def yardstick(rows: Rows, judged: Rows, *, seed: int = 0) -> Floats:
    """Log odds by gradient boosting, pairs and all: a yardstick for the others, never a model to use."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415 - it takes a while to load

    def numbers(some: Rows) -> Floats:
        made = []
        for each in rows.features:
            values = some.table[each.name]
            if each.kind == "level":
                order = sorted(rows.table[each.name].unique().to_list())
                made.append(
                    np.array(
                        [order.index(one) if one in order else np.nan for one in values.to_list()], float
                    )
                )
            else:
                made.append(values.to_numpy().astype(float))
        return np.column_stack(made)

    trees = HistGradientBoostingClassifier(
        max_iter=100, learning_rate=0.05, max_leaf_nodes=8, random_state=seed
    )
    return np.asarray(trees.fit(numbers(rows), rows.outcome).decision_function(numbers(judged)))
