"""From a child's features to columns: cut off at the ends, bent by splines, and gaps kept as gaps.

A value beyond the ends that were seen is taken as the end (winsorised) before any spline: a spline left to
run on gave chances near 1. A gap has a column of its own and adds nothing else; no value is made up for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from evi.casefinding.models.features import NOT_KNOWN, Feature

Floats = npt.NDArray[np.float64]
TAIL = 0.01
"""The share of children at each end whose values are taken as the end."""
DEGREE = 2
KNOTS = (0.0, 0.5, 1.0)
"""Where the spline may change its bend: the ends and the middle of the children (as shares of them)."""
FEWEST_GAPS = 10
"""Fewer children than this with a gap teach nothing about it: such a child is then not put in order."""


@dataclass(frozen=True)
class Term:
    """How one feature becomes columns.

    Attributes:
        low, high: ends beyond which a value is taken as the end. knots: of its spline; none for a line.
        gap: whether there is a column for children of whom it isn't known.
        levels: of a level, those with a column; the one not named is what they are compared with.
        usual: that level.
        centre, spread: of each column (before the gap), so that one penalty is fair to all.
    """

    feature: str
    kind: str
    low: float = 0.0
    high: float = 0.0
    knots: tuple[float, ...] = ()
    gap: bool = False
    levels: tuple[str, ...] = ()
    usual: str = ""
    centre: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()

    @cached_property
    def _bend(self) -> Any:
        from sklearn.preprocessing import SplineTransformer  # noqa: PLC0415 - it takes a while to load

        knots = np.array(self.knots)[:, None]
        return SplineTransformer(
            degree=DEGREE, knots=knots, include_bias=False, extrapolation="constant"
        ).fit(knots)

    def columns(self, values: pl.Series) -> Floats:
        """The columns of some children; NaN for a child whom the term says nothing about."""
        if self.kind == "level":
            return self._levels(values)
        raw = values.to_numpy().astype(float)
        missing = np.isnan(raw)
        made = self.bent(np.where(missing, self.low, raw))
        made = (made - np.array(self.centre)) / np.array(self.spread)
        made[missing] = 0.0 if self.gap else np.nan
        return np.column_stack([made, missing.astype(float)]) if self.gap else made

    def bent(self, raw: Floats) -> Floats:
        """Values cut off at the ends, as a line or a spline, before they are centred."""
        inside = np.clip(raw, self.low, self.high)[:, None]
        return np.asarray(self._bend.transform(inside)) if self.knots else inside

    def _levels(self, values: pl.Series) -> Floats:
        named = [self.usual, *self.levels]
        seen = values.fill_null(NOT_KNOWN).to_list()
        known = np.array([one in named for one in seen], dtype=bool)
        made = np.array([[float(one == level) for level in self.levels] for one in seen]).reshape(
            len(seen), -1
        )
        made[~known] = np.nan
        return made

    @property
    def names(self) -> list[str]:
        """What each column is."""
        if self.kind == "level":
            return [f"{self.feature} = {level}" for level in self.levels]
        made = (
            [f"{self.feature} bend {n + 1}" for n in range(len(self.centre))]
            if self.knots
            else [self.feature]
        )
        return [*made, f"{self.feature} not known"] if self.gap else made

    def to_json(self) -> dict[str, Any]:
        """For a saved model."""
        return {
            "feature": self.feature, "kind": self.kind, "low": self.low, "high": self.high,
            "knots": list(self.knots), "gap": self.gap, "levels": list(self.levels), "usual": self.usual,
            "centre": list(self.centre), "spread": list(self.spread),
        }  # fmt: skip

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Term:
        """A saved term."""
        tuples = {name: tuple(row[name]) for name in ("knots", "levels", "centre", "spread")}
        return cls(**{**row, **tuples})


def make_terms(table: pl.DataFrame, features: tuple[Feature, ...]) -> tuple[Term, ...]:
    """How features become columns, from those learned from; one that never varies is dropped."""
    made = (
        _level(table[each.name]) if each.kind == "level" else _number(table[each.name], each)
        for each in features
    )
    return tuple(term for term in made if term is not None)


def _number(values: pl.Series, feature: Feature) -> Term | None:
    raw = values.drop_nulls().drop_nans().to_numpy().astype(float)
    if len(raw) == 0:
        return None
    low, high = (float(each) for each in np.quantile(raw, [TAIL, 1 - TAIL]))
    if low >= high:
        low, high = float(raw.min()), float(raw.max())
    if low >= high:
        return None
    inside = np.clip(raw, low, high)
    knots = tuple(dict.fromkeys(float(each) for each in np.quantile(inside, KNOTS))) if feature.bend else ()
    if len(knots) < len(KNOTS):  # most children share one end: a bend in the middle of the values instead
        knots = (low, (low + high) / 2, high) if feature.bend and len(np.unique(inside)) > 3 else ()
    gaps = int(values.is_null().sum()) + int(values.is_nan().sum() or 0)
    plain = Term(values.name, "number", low, high, knots, gaps >= FEWEST_GAPS)
    columns = plain.bent(raw)
    spread = columns.std(axis=0)
    return Term(
        values.name, "number", low, high, knots, plain.gap,
        centre=tuple(columns.mean(axis=0).tolist()),
        spread=tuple(np.where(spread > 1e-9, spread, 1.0).tolist()),
    )  # fmt: skip


def _level(values: pl.Series) -> Term | None:
    counts = values.fill_null(NOT_KNOWN).value_counts().sort("count", values.name, descending=[True, False])
    kept = counts.filter(pl.col("count") >= FEWEST_GAPS)[values.name].to_list()
    if len(kept) < 2:
        return None
    return Term(values.name, "level", levels=tuple(sorted(kept[1:])), usual=kept[0])


def columns_of(terms: tuple[Term, ...], table: pl.DataFrame) -> Floats:
    """All columns of some children, term after term."""
    return np.column_stack([term.columns(table[term.feature]) for term in terms])
