"""A model tried on children it did not learn from: by family, later, elsewhere; and how much it wavers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from evi.casefinding.curves import auc
from evi.casefinding.models.calibration import Measured, measure, recalibrate
from evi.casefinding.models.features import Feature
from evi.casefinding.models.fitting import Model, fit, yardstick
from evi.casefinding.models.rows import Rows
from evi.casefinding.models.splits import Split, by_group, by_place, by_time
from evi.workspace import EviError

Floats = npt.NDArray[np.float64]
RULE_SCORE = (Feature("margin", "how far past the rule's line", "number", bend=True),)
"""The rule's own score, as a model of one feature: the rule with a line that may move."""


def tried(kind: str, rows: Rows, splits: Sequence[Split], *, seed: int = 0) -> Floats:
    """Log odds of each judged row by models that did not learn from it; NaN for rows that no split judges.

    Args:
        kind: logistic, boosting, or `yardstick`.
    """
    found = np.full(len(rows), np.nan)
    for split in splits:
        learn, judged = rows.take(split.learn), rows.take(split.judge)
        if kind == "yardstick":
            found[split.judge] = yardstick(learn, judged, seed=seed)
        else:
            found[split.judge] = fit(kind, learn, seed=seed).score(judged.table)
    return found


def tried_rule(rows: Rows, splits: Sequence[Split], *, seed: int = 0) -> Floats:
    """Log odds of each judged row by the rule's score alone, its line free to move."""
    return tried("logistic", replace(rows, features=RULE_SCORE), splits, seed=seed)


@dataclass(frozen=True)
class Validation:
    """How a model does on children it did not learn from, by how they were set apart.

    Attributes:
        apparent: on the children it learned from, beside which the others are to be read.
        by: child, family, time, place. not_done: why one of these could not be looked at.
    """

    apparent: Measured
    by: Mapping[str, Measured]
    not_done: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """For reports."""
        return {
            "apparent": self.apparent.to_json(),
            "by": {name: found.to_json() for name, found in self.by.items()},
            "not_done": dict(self.not_done),
        }


def validate(kind: str, model: Model, rows: Rows, *, seed: int = 0) -> Validation:
    """Try a kind of model by child, by family, on later years and in other schools."""
    ways: dict[str, Callable[[], list[Split]]] = {
        "child": lambda: by_group(rows.outcome, rows.table["subject_id"].to_numpy(), seed=seed),
        "family": lambda: by_group(rows.outcome, rows.family, seed=seed),
        "time": lambda: [by_time(rows.table["cohort"], rows.family, rows.outcome)],
        "place": lambda: list(by_place(rows.table["school"], rows.family, rows.outcome, seed=seed)),
    }
    found, failed = {}, {}
    for name, make in ways.items():
        try:
            splits = make()
        except EviError as error:
            failed[name] = error.what
            continue
        judged = np.concatenate([split.judge for split in splits])
        score = tried(kind, rows, splits, seed=seed)
        found[name] = measure(score[judged], rows.outcome[judged], rows.family[judged])
    return Validation(measure(model.score(rows.table), rows.outcome, rows.family), found, failed)


@dataclass(frozen=True)
class Wavering:
    """What fitting again on other draws of the same families shows.

    Attributes:
        refits: how many. auc_optimism, slope_optimism: how much better a model looks in the children that
            it learned from than in all (Harrell 1996). auc_corrected, slope_corrected: the apparent figures
            less that.
        rank_moves: of each child, the spread (standard deviation) of its place in the order, in hundredths of
            the list: the median child, and the one at the 95th hundredth.
        stays: share of those put first (as many as the rule flags) who are put first again, on average.
        over_a_line: share of children who are put first in some refits and not in others (between a tenth
            and nine tenths of them).
    """

    refits: int
    auc_optimism: float
    slope_optimism: float
    auc_corrected: float
    slope_corrected: float
    rank_moves: tuple[float, float]
    stays: float
    over_a_line: float

    def to_json(self) -> dict[str, Any]:
        """For reports."""
        return {
            "refits": self.refits, "auc_optimism": self.auc_optimism, "auc_corrected": self.auc_corrected,
            "slope_optimism": self.slope_optimism, "slope_corrected": self.slope_corrected,
            "rank_moves_hundredths": {"median": self.rank_moves[0], "p95": self.rank_moves[1]},
            "first_who_stay_first": self.stays, "now_in_now_out": self.over_a_line,
        }  # fmt: skip


def refit(kind: str, model: Model, rows: Rows, *, refits: int, seed: int = 0) -> Wavering:
    """Draw families with replacement, fit again, and see how far figures and places move.

    Stability as in Riley and Collins 2023 (Biometrical Journal 65:2200302).
    """
    families, place = np.unique(rows.family, return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(len(families) + 1))
    rng = np.random.default_rng(seed)
    size = max(1, int(rows.table["flagged"].sum()))
    original = _first(model.score(rows.table), size)
    gaps, slopes, ranks, firsts = [], [], [], []
    for number in range(refits):
        drawn = rng.integers(0, len(families), len(families))
        places = np.concatenate([order[starts[f] : starts[f + 1]] for f in drawn])
        # a family drawn twice is two families that must stay together when a penalty is chosen
        again = fit(kind, rows.take(places), seed=seed + number)
        mine, all_of = again.score(rows.table[places]), again.score(rows.table)
        gaps.append(_area(mine, rows.outcome[places]) - _area(all_of, rows.outcome))
        slopes.append(_slope(mine, rows.outcome[places]) - _slope(all_of, rows.outcome))
        ranks.append(_ranks(all_of))
        firsts.append(_first(all_of, size))
    apparent = model.score(rows.table)
    moves = 100 * np.std(ranks, axis=0)
    often = np.mean(firsts, axis=0)
    return Wavering(
        refits, float(np.mean(gaps)), float(np.mean(slopes)),
        _area(apparent, rows.outcome) - float(np.mean(gaps)),
        _slope(apparent, rows.outcome) - float(np.mean(slopes)),
        (float(np.median(moves)), float(np.quantile(moves, 0.95))),
        float(np.mean([(each & original).sum() / original.sum() for each in firsts])),
        float(((often > 0.1) & (often < 0.9)).mean()),
    )  # fmt: skip


def _area(score: Floats, outcome: npt.NDArray[np.bool_]) -> float:
    known = ~np.isnan(score)
    return auc(score[known], outcome[known]).value


def _slope(score: Floats, outcome: npt.NDArray[np.bool_]) -> float:
    known = ~np.isnan(score)
    return recalibrate(score[known], outcome[known], np.arange(int(known.sum())))[0].value


def _ranks(score: Floats) -> Floats:
    filled = pl.Series(np.nan_to_num(score, nan=-np.inf))
    return filled.rank("average").to_numpy() / len(score)


def _first(score: Floats, size: int) -> npt.NDArray[np.bool_]:
    first = np.zeros(len(score), dtype=bool)
    first[np.argsort(-np.nan_to_num(score, nan=-np.inf), kind="stable")[:size]] = True
    return first
