"""A score at every threshold: workload against what it finds, net benefit, and chance beside both.

The area under the curve is here too, as a secondary figure: it weighs thresholds that nobody would use as
much as those that a service can afford, and says nothing of how many children must be seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from evi.casefinding.performance import NOTHING, Counts, Direction, Flags, Performance, count, judge_counts
from evi.index.intervals import Z95, Interval
from evi.workspace import EviError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
WILLING = (2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 75, 100)
"""How many children a service may be willing to assess for each one found: the horizontal axis of a decision
curve, whose threshold probability is one over it."""


@dataclass(frozen=True)
class Curve:
    """A score at every threshold that separates two children, the strictest first.

    Attributes:
        direction: "at_least" or "at_most": which side is flagged.
        thresholds: the scores at which the number flagged changes.
        tp, fp: flagged children who had it, and who had it not, at each.
        cases, others: all children who had it, and all who had it not.
    """

    direction: Direction
    thresholds: Floats
    tp: Ints
    fp: Ints
    cases: int
    others: int

    def at(self, place: int) -> Performance:
        """Every figure at one threshold, by its place."""
        tp, fp = int(self.tp[place]), int(self.fp[place])
        return judge_counts(Counts(tp, fp, self.cases - tp, self.others - fp))

    @property
    def table(self) -> pl.DataFrame:
        """threshold, tp, fp, fn, tn, and each figure with its low and high end, one row a threshold."""
        rows = []
        for place, threshold in enumerate(self.thresholds.tolist()):
            found = self.at(place)
            four = found.counts
            row: dict[str, float] = {
                "threshold": threshold, "tp": four.tp, "fp": four.fp, "fn": four.fn, "tn": four.tn
            }  # fmt: skip
            for name in FIGURES:
                figure: Interval = getattr(found, name)
                row |= {name: figure.value, f"{name}_low": figure.low, f"{name}_high": figure.high}
            rows.append(row)
        return pl.DataFrame(rows, infer_schema_length=None)

    @property
    def workload(self) -> tuple[WorkloadPoint, ...]:
        """What each threshold asks for and gives, for a chart of workload against yield."""
        n = self.cases + self.others
        return tuple(
            WorkloadPoint(
                float(threshold),
                int(tp + fp),
                (tp + fp) / n if n else math.nan,
                int(tp),
                tp / self.cases if self.cases else math.nan,
            )
            for threshold, tp, fp in zip(self.thresholds, self.tp, self.fp, strict=True)
        )


FIGURES = (
    "sensitivity", "specificity", "ppv", "npv", "flagged", "number_needed_to_assess", "odds_ratio"
)  # fmt: skip
"""Figures of a performance that have a column in `Curve.table`."""


@dataclass(frozen=True)
class WorkloadPoint:
    """One point of a curve of workload against yield.

    Attributes:
        threshold: the score at it.
        assessed, share_assessed: children to assess, and what share of all they are.
        found, share_found: children found who have it, and what share of all who have it they are. Chance
            would find the same share as is assessed.
    """

    threshold: float
    assessed: int
    share_assessed: float
    found: int
    share_found: float


def every_threshold(score: Floats, outcome: Flags, direction: Direction = "at_least") -> Curve:
    """Count at every threshold in one pass.

    Raises:
        EviError: a score is missing, or there are not as many outcomes.
    """
    if score.shape != outcome.shape or np.isnan(score).any():
        raise EviError("a score or an outcome is missing.", do="Leave out children who can't be assessed.")
    low_first = direction in ("below", "at_most")
    order = np.argsort(score if low_first else -score, kind="stable")
    ranked, had = score[order], outcome[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) if len(ranked) else np.array([], int)
    tp = np.cumsum(had)[last].astype(np.int64)
    cases = int(outcome.sum())
    return Curve(
        "at_most" if low_first else "at_least",
        ranked[last],
        tp,
        (last + 1 - tp).astype(np.int64),
        cases,
        len(score) - cases,
    )


def auc(score: Floats, outcome: Flags, direction: Direction = "at_least") -> Interval:
    """The chance that a child who had it scores past one who had not, ties counting half (secondary figure).

    The interval is DeLong's (DeLong, DeLong and Clarke-Pearson 1988) on the scale of the logit.

    >>> round(auc(np.array([1.0, 2, 3, 4]), np.array([False, True, False, True])).value, 2)
    0.75
    """
    from scipy.stats import rankdata  # noqa: PLC0415 - it takes a while to load

    signed = -score if direction in ("below", "at_most") else score
    m, n = int(outcome.sum()), int((~outcome).sum())
    if m == 0 or n == 0:
        return NOTHING
    together = rankdata(signed)
    mine = (together[outcome] - rankdata(signed[outcome])) / n
    theirs = 1 - (together[~outcome] - rankdata(signed[~outcome])) / m
    area = float(mine.mean())
    if m < 2 or n < 2 or not 0 < area < 1:
        return Interval(area, math.nan, math.nan)
    spread = math.sqrt(mine.var(ddof=1) / m + theirs.var(ddof=1) / n)
    middle, half = math.log(area / (1 - area)), Z95 * spread / (area * (1 - area))
    low, high = (1 / (1 + math.exp(-(middle + side * half))) for side in (-1, 1))
    return Interval(area, low, high)


@dataclass(frozen=True)
class Chance:
    """What referring as many children at random would find.

    Attributes:
        flagged: how many children. cases: how many of all children have it.
        found: expected number found, and the middle 95% of what luck gives (hypergeometric).
        sensitivity, ppv: the same as shares of those who have it, and of those referred.
    """

    flagged: int
    cases: int
    found: Interval
    sensitivity: Interval
    ppv: Interval


def chance(counts: Counts) -> Chance:
    """Random referral of the same number of children out of the same children."""
    from scipy.stats import hypergeom  # noqa: PLC0415

    if counts.n == 0 or counts.flagged == 0 or counts.cases == 0:
        return Chance(counts.flagged, counts.cases, NOTHING, NOTHING, NOTHING)
    luck = hypergeom(counts.n, counts.cases, counts.flagged)
    found = Interval(*(float(each) for each in (luck.mean(), luck.ppf(0.025), luck.ppf(0.975))))

    def of(whole: int) -> Interval:
        return Interval(found.value / whole, found.low / whole, found.high / whole)

    return Chance(counts.flagged, counts.cases, found, of(counts.cases), of(counts.flagged))


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit (Vickers and Elkin 2006), per 1,000 children: those found, less those assessed for nothing
    at what a needless assessment is held to cost.

    If a service is willing to assess k children to find one, each needless assessment costs 1 / (k - 1) of a
    child found.

    Attributes:
        willing: the numbers k. threshold: the threshold probabilities, 1 / k.
        rules: by name, net benefit at each. low, high: 95% ends of each (multinomial, normal).
        everyone: net benefit of assessing all children; assessing none has 0.
    """

    willing: tuple[int, ...]
    threshold: tuple[float, ...]
    rules: dict[str, tuple[float, ...]]
    low: dict[str, tuple[float, ...]]
    high: dict[str, tuple[float, ...]]
    everyone: tuple[float, ...]


def net_benefit(counts: Counts, threshold: float) -> Interval:
    """Net benefit for each child, of one rule at one threshold probability (between 0 and 1).

    >>> round(net_benefit(Counts(tp=30, fp=70, fn=10, tn=890), 0.1).value, 4)
    0.0222
    """
    if counts.n == 0:
        return NOTHING
    weight = threshold / (1 - threshold)
    found, needless = counts.tp / counts.n, counts.fp / counts.n
    value = found - weight * needless
    half = Z95 * math.sqrt(max(found + weight * weight * needless - value * value, 0.0) / counts.n)
    return Interval(value, value - half, value + half)


def decision_curve(
    rules: dict[str, Counts | tuple[Floats, Flags]], willing: Sequence[int] = WILLING
) -> DecisionCurve:
    """Net benefit of several ways to choose whom to assess, of the same children.

    Args:
        rules: by name, the four counts of a rule (the same at every threshold), or the probabilities of a
            model with the outcomes (those at or past the threshold probability are flagged).

    Raises:
        EviError: there is no rule, a number is under 2, or the rules are of other children than each other.
    """
    if not rules or min(willing) < 2:
        raise EviError("net benefit needs a rule, and numbers of 2 or more that a service would assess.")
    thresholds = tuple(1 / each for each in willing)
    found: dict[str, list[Interval]] = {}
    sizes: set[tuple[int, int]] = set()
    for name, given in rules.items():
        tables = [_counts_at(given, threshold) for threshold in thresholds]
        sizes |= {(each.n, each.cases) for each in tables}
        found[name] = [net_benefit(each, at) for each, at in zip(tables, thresholds, strict=True)]
    if len(sizes) > 1:
        raise EviError(
            "these rules were counted in different children, so their net benefits can't be compared.",
            do="Keep only the children whom all of them could assess.",
        )
    n, cases = sizes.pop()
    everyone = [net_benefit(Counts(cases, n - cases, 0, 0), at) for at in thresholds]

    def per_thousand(each: str) -> dict[str, tuple[float, ...]]:
        return {name: tuple(1_000 * getattr(one, each) for one in ones) for name, ones in found.items()}

    return DecisionCurve(
        tuple(willing), thresholds, per_thousand("value"), per_thousand("low"), per_thousand("high"),
        tuple(1_000 * one.value for one in everyone),
    )  # fmt: skip


def _counts_at(given: Counts | tuple[Floats, Flags], threshold: float) -> Counts:
    if isinstance(given, Counts):
        return given
    probability, outcome = given
    return count(np.asarray(probability >= threshold), outcome)
