"""Whether what a model says comes true: in the large, on the whole range, and in steps.

The slope is that of the outcome's log odds on the model's (1 is right; less is over-confident), the intercept
in the large is how far all are off together with the slope held at 1 (0 is right; more is too low). Intervals
are for 95%, and count families, not children, where families are given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evi.casefinding.curves import auc
from evi.casefinding.performance import NOTHING, share
from evi.index.intervals import Z95, Interval

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
STEPS = 10
FEWEST = 20
"""Children in a step of the curve at least."""


@dataclass(frozen=True)
class Step:
    """Children of like score: the mean of what was said of them, and what came."""

    children: int
    said: float
    came: Interval


@dataclass(frozen=True)
class Measured:
    """How a model does in some children.

    Attributes:
        auc: secondary. slope, intercept: see the module. brier: mean squared distance of chance and outcome,
            and what saying the overall share of everybody would have (`brier_none`).
        curve: in steps of like score.
        unscored: children whom the model says nothing about, left out here.
    """

    children: int
    events: int
    auc: Interval
    slope: Interval
    intercept: Interval
    brier: float
    brier_none: float
    curve: tuple[Step, ...]
    unscored: int = 0

    def to_json(self) -> dict[str, Any]:
        """For reports."""
        return {
            "children": self.children, "events": self.events, "unscored": self.unscored,
            "auc": three(self.auc),
            "calibration_slope": three(self.slope), "calibration_in_the_large": three(self.intercept),
            "brier": self.brier, "brier_of_the_overall_share": self.brier_none,
            "curve": [{"children": s.children, "said": s.said, "came": three(s.came)} for s in self.curve],
        }  # fmt: skip


def three(interval: Interval) -> list[float | None]:
    """Value, low and high; null where there is none."""
    return [None if np.isnan(x) else float(x) for x in (interval.value, interval.low, interval.high)]


def measure(score: Floats, outcome: Flags, groups: npt.ArrayLike | None = None) -> Measured:
    """Measure log odds against outcomes; children without a score are left out and counted."""
    known = ~np.isnan(score)
    whose = np.arange(len(score))[known] if groups is None else np.asarray(groups)[known]
    said, came = score[known], outcome[known]
    chance = 1 / (1 + np.exp(-said))
    overall = float(came.mean()) if len(came) else np.nan
    slope, large = recalibrate(said, came, whose)
    return Measured(
        len(came), int(came.sum()), auc(said, came), slope, large, float(((chance - came) ** 2).mean()),
        overall * (1 - overall), curve(chance, came), int((~known).sum()),
    )  # fmt: skip


def recalibrate(score: Floats, outcome: Flags, groups: npt.ArrayLike) -> tuple[Interval, Interval]:
    """Slope, and intercept in the large, with intervals that count groups."""
    if min(outcome.sum(), (~outcome).sum()) < 2 or np.ptp(score) == 0:
        return NOTHING, NOTHING
    ones = np.ones_like(score)
    slope = _newton(np.column_stack([ones, score]), outcome, np.zeros_like(score), groups)
    large = _newton(ones[:, None], outcome, score, groups)
    return slope[-1], large[0]


def _newton(columns: Floats, outcome: Flags, offset: Floats, groups: npt.ArrayLike) -> list[Interval]:
    """Maximum likelihood of a logistic regression with no penalty, and sandwich intervals by group."""
    beta = np.zeros(columns.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-(columns @ beta + offset)))
        bread = (columns * (p * (1 - p))[:, None]).T @ columns
        step = np.linalg.lstsq(bread, columns.T @ (outcome - p), rcond=None)[0]
        beta = beta + np.clip(step, -4, 4)
        if np.abs(step).max() < 1e-10:
            break
    p = 1 / (1 + np.exp(-(columns @ beta + offset)))
    inverse = np.linalg.pinv((columns * (p * (1 - p))[:, None]).T @ columns)
    _, place = np.unique(np.asarray(groups), return_inverse=True)
    n = int(place.max()) + 1
    moved = columns * (outcome - p)[:, None]
    sums = np.column_stack([np.bincount(place, column, n) for column in moved.T])
    cover = inverse @ (sums.T @ sums * (n / max(n - 1, 1))) @ inverse
    half = Z95 * np.sqrt(np.diag(cover))
    return [Interval(float(b), float(b - h), float(b + h)) for b, h in zip(beta, half, strict=True)]


def curve(chance: Floats, outcome: Flags) -> tuple[Step, ...]:
    """Children in up to ten steps of like chance, as near in number as ties allow."""
    order = np.argsort(chance, kind="stable")
    count = max(1, min(STEPS, len(chance) // FEWEST))
    cuts = np.unique(np.quantile(chance, np.linspace(0, 1, count + 1)[1:-1])) if len(chance) else np.array([])
    places = np.searchsorted(cuts, chance[order], side="left")
    made = []
    for number in range(len(cuts) + 1):
        mine = order[places == number]
        if len(mine):
            came = share(float(outcome[mine].sum()), float(len(mine)))
            made.append(Step(len(mine), float(chance[mine].mean()), came))
    return tuple(made)
