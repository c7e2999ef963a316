"""Leaks: a feature that already holds the answer, or was known only after it.

A model that reads such a feature looks excellent and finds nobody. Three checks: what a feature says of
itself (the events that it reads), when it was known, and whether it, alone or with others, gives the outcome
away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from evi.casefinding.curves import auc
from evi.casefinding.models.features import Feature
from evi.casefinding.models.splits import Split, by_group
from evi.workspace import EviError

Floats = npt.NDArray[np.float64]
GIVES_AWAY = 0.995
"""An area under the curve, in children not learned from, that only an answer already known reaches. It is
chosen: no honest use of these assessments comes near it."""
LEAK = 6
"""Exit code of the refusal of a leak."""


def refuse_declared(features: Sequence[Feature], outcome_codes: Sequence[str]) -> None:
    """Refuse a feature that reads an event by which the outcome is recorded, or says that it could decide it.

    Raises:
        EviError: there is one.
    """
    for feature in features:
        if feature.determines:
            raise _leak(feature.name, f"it could decide the outcome: {feature.determines}")
        for code in feature.codes:
            for recorded in outcome_codes:
                if _overlap(code, recorded):
                    raise _leak(feature.name, f"it reads {code}, by which the outcome is recorded")


def _overlap(a: str, b: str) -> bool:
    first, second = a.removesuffix("*"), b.removesuffix("*")
    if a.endswith("*") and b.endswith("*"):
        return first.startswith(second) or second.startswith(first)
    if a.endswith("*"):
        return b.startswith(first)
    return a.startswith(second) if b.endswith("*") else a == b


def refuse_later(
    known_on: Mapping[str, pl.Series], day: pl.Series, outcome_on: pl.Series | None = None
) -> None:
    """Refuse a feature that was known, of any child, only after the child's day or not before the outcome.

    Args:
        known_on: by feature, the day on which the newest part of it was known, of each row.
        day: of each row, the day as of which the model speaks.
        outcome_on: of each row, when the outcome came; null where it did not.

    Raises:
        EviError: there is one, or the day of a feature isn't said.
    """
    for name, known in known_on.items():
        late = int((known > day).fill_null(False).sum())
        if late:
            raise _leak(name, f"of {late:,} children it was known only after the day it is used")
        if outcome_on is not None:
            after = int((known >= outcome_on).fill_null(False).sum())
            if after:
                raise _leak(name, f"of {after:,} children it was known no earlier than the outcome")


def refuse_giving_away(
    values: Floats, names: Sequence[str], outcome: npt.NDArray[np.bool_], groups: npt.ArrayLike | None = None
) -> float:
    """Refuse features that, one by one or together, give the outcome away in children not learned from.

    Args:
        values: one column a feature (levels as one column each, under one name), missing as NaN.

    Returns:
        The largest area under the curve that one of them or all together reached (NaN: too few outcomes).

    Raises:
        EviError: they do; the smallest set found is named.
    """
    whose = np.arange(len(outcome)) if groups is None else groups
    if min(outcome.sum(), (~outcome).sum()) < 10:
        return float("nan")
    splits = by_group(outcome, whose, folds=min(4, int(outcome.sum())))
    distinct = list(dict.fromkeys(names))

    def area(chosen: Sequence[str], way: Way) -> float:
        mine = values[:, [place for place, name in enumerate(names) if name in chosen]]
        return way(mine, outcome, splits)

    alone = {name: max(area([name], _lines), area([name], _bands)) for name in distinct}
    worst = max(alone, key=lambda name: alone[name])
    if alone[worst] >= GIVES_AWAY:
        raise _leak(worst, "alone it gives the outcome away")
    most = alone[worst]
    for way in (_lines, _trees):
        together = area(distinct, way)
        if together >= GIVES_AWAY:
            chosen = _smallest(distinct, lambda some, way=way: area(some, way))  # type: ignore[misc]
            raise _leak(", ".join(sorted(chosen)), f"together these {len(chosen)} give the outcome away")
        most = max(most, together)
    return most


def _smallest(names: Sequence[str], area: Callable[[Sequence[str]], float]) -> list[str]:
    """A small set that gives the outcome away: the feature that helps most is added until it does."""
    chosen: list[str] = []
    best = 0.0
    while best < GIVES_AWAY and len(chosen) < len(names):
        tried = {name: area([*chosen, name]) for name in names if name not in chosen}
        added = max(tried, key=lambda name: tried[name])
        chosen, best = [*chosen, added], tried[added]
    return chosen


Way = Callable[[Floats, npt.NDArray[np.bool_], Sequence[Split]], float]
"""A way to guess the outcome from columns: the area under its curve in children not learned from."""


def _lines(values: Floats, outcome: npt.NDArray[np.bool_], splits: Sequence[Split]) -> float:
    """By a straight line through each column, and whether it is missing."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - it takes a while to load

    gaps = np.isnan(values)
    made = np.column_stack([np.where(gaps, 0.0, values), gaps[:, gaps.any(axis=0)].astype(float)])
    spread = made.std(axis=0)
    made = (made - made.mean(axis=0)) / np.where(spread > 0, spread, 1)
    return _guessed(
        LogisticRegression(C=100.0, max_iter=300, solver="newton-cholesky"), made, outcome, splits
    )


def _bands(values: Floats, outcome: npt.NDArray[np.bool_], splits: Sequence[Split]) -> float:
    """By up to sixteen bands: an answer may lie in the middle of a scale, or in a gap."""
    from sklearn.tree import DecisionTreeClassifier  # noqa: PLC0415

    tree = DecisionTreeClassifier(max_leaf_nodes=16, min_samples_leaf=5, random_state=0)
    return _guessed(tree, values, outcome, splits)


def _trees(values: Floats, outcome: npt.NDArray[np.bool_], splits: Sequence[Split]) -> float:
    """By boosted trees: an answer may lie in how features meet."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415

    trees = HistGradientBoostingClassifier(max_iter=60, learning_rate=0.2, random_state=0)
    return _guessed(trees, values, outcome, splits)


def _guessed(way: Any, made: Floats, outcome: npt.NDArray[np.bool_], splits: Sequence[Split]) -> float:
    areas = []
    for split in splits:
        chance = way.fit(made[split.learn], outcome[split.learn]).predict_proba(made[split.judge])[:, 1]
        areas.append(auc(chance, outcome[split.judge]).value)
    return float(np.nanmean(areas))


def _leak(name: str, why: str) -> EviError:
    return EviError(
        f"{why}. A model that reads it imitates an answer already given.",
        where=f"feature {name}",
        do="Leave it out (`--without`).",
        exit_code=LEAK,
    )
