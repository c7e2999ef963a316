"""How good a yes-or-no finding is: from four counts to shares with their intervals.

Shares have Wilson's (1927) score interval, the odds ratio that of its logarithm (Woolf 1955), and the number
needed to assess, which is one over the positive predictive value, the interval of that turned over. Where one
of the four counts is 0 the odds ratio and its interval have a half added to all four (Haldane 1956), and
`Performance.odds_ratio_adjusted` says so. Every interval is for 95%.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from evi.index.intervals import Z95, Interval, wilson
from evi.workspace import EviError

Flags = npt.NDArray[np.bool_]
Direction = Literal["below", "at_most", "above", "at_least"]
"""Which side of a threshold is flagged."""
NOTHING = Interval(math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class Counts:
    """A two by two table: who was flagged, and who had what was looked for.

    Attributes:
        tp: flagged, and had it. fp: flagged, and had it not.
        fn: not flagged, and had it. tn: not flagged, and had it not.
    """

    tp: int
    fp: int
    fn: int
    tn: int

    def __post_init__(self) -> None:
        if min(self.tp, self.fp, self.fn, self.tn) < 0:
            raise EviError("a count of children is less than 0.", do="Give four counts of 0 or more.")

    @property
    def n(self) -> int:
        """All children."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def cases(self) -> int:
        """Children who had what was looked for."""
        return self.tp + self.fn

    @property
    def flagged(self) -> int:
        """Children who were flagged."""
        return self.tp + self.fp


@dataclass(frozen=True)
class Performance:
    """What four counts say. Shares are from 0 to 1, NaN where there is nobody to count.

    Attributes:
        counts: the table that they are of.
        sensitivity: share flagged of those who had it. specificity: share not flagged of the others.
        ppv: share that had it of those flagged. npv: share that had it not of those not flagged.
        flagged, prevalence: share flagged, and share that had it, of all.
        number_needed_to_assess: children assessed for each one found, if all who are flagged are assessed.
        odds_ratio: odds of having it among the flagged over the odds among the others.
        odds_ratio_adjusted: whether a half was added to each count to have an odds ratio.
    """

    counts: Counts
    sensitivity: Interval
    specificity: Interval
    ppv: Interval
    npv: Interval
    flagged: Interval
    prevalence: Interval
    number_needed_to_assess: Interval
    odds_ratio: Interval
    odds_ratio_adjusted: bool


def judge_counts(counts: Counts) -> Performance:
    """Every figure of one table.

    Wood et al. 2024 (Arch Dis Child 109:52), good level of development and special educational needs:

    >>> found = judge_counts(Counts(tp=10_171, fp=10_543, fn=3_036, tn=29_479))
    >>> [round(100 * x.value, 1) for x in (found.sensitivity, found.specificity, found.ppv, found.npv)]
    [77.0, 73.7, 49.1, 90.7]
    >>> round(found.odds_ratio.value, 2)
    9.37
    """
    ppv = share(counts.tp, counts.flagged)
    odds, adjusted = odds_ratio(counts)
    return Performance(
        counts,
        share(counts.tp, counts.cases),
        share(counts.tn, counts.fp + counts.tn),
        ppv,
        share(counts.tn, counts.fn + counts.tn),
        share(counts.flagged, counts.n),
        share(counts.cases, counts.n),
        Interval(_over(ppv.value), _over(ppv.high), _over(ppv.low)),
        odds,
        adjusted,
    )


def performance(
    values: npt.ArrayLike,
    outcome: npt.ArrayLike,
    threshold: float | None = None,
    direction: Direction = "at_least",
) -> Performance:
    """How good an answer, or a score at one threshold, is at telling an outcome.

    Args:
        values: whether each child is flagged; or each child's score, with a `threshold`.
        outcome: whether each child had what was looked for.
        direction: which side of the threshold is flagged.

    Raises:
        EviError: the two are of different lengths, something is missing, or a score has no threshold.
    """
    given, had = np.asarray(values), np.asarray(outcome)
    if given.shape != had.shape or given.ndim != 1:
        raise EviError("there are not as many answers as outcomes.", do="Give one of each for every child.")
    if had.dtype != np.bool_:
        raise EviError(
            "an outcome is neither yes nor no.", do="Leave out children whose outcome is not known."
        )
    if threshold is None:
        if given.dtype != np.bool_:
            raise EviError("a score needs a threshold.", do="Give the threshold and its direction.")
        return judge_counts(count(given, had))
    if not np.issubdtype(given.dtype, np.number) or np.isnan(given.astype(float)).any():
        raise EviError("a score is missing.", do="Leave out children who can't be assessed, and count them.")
    return judge_counts(count(past(given.astype(float), threshold, direction), had))


def past(score: npt.NDArray[np.float64], threshold: float, direction: Direction) -> Flags:
    """Whether each score is on the flagged side of a threshold."""
    sides = {
        "below": score < threshold,
        "at_most": score <= threshold,
        "above": score > threshold,
        "at_least": score >= threshold,
    }
    return np.asarray(sides[direction])


def count(flagged: Flags, outcome: Flags) -> Counts:
    """The four counts of two yes-or-no columns."""
    tp, flags, cases = int((flagged & outcome).sum()), int(flagged.sum()), int(outcome.sum())
    return Counts(tp, flags - tp, cases - tp, len(flagged) - flags - cases + tp)


def share(part: float, whole: float) -> Interval:
    """A share with its Wilson interval; NaN where the whole is 0."""
    return Interval(*(float(each) for each in wilson(part, whole)))


def odds_ratio(counts: Counts) -> tuple[Interval, bool]:
    """The odds ratio with the interval of its logarithm, and whether a half was added to each count."""
    cells = [float(each) for each in (counts.tp, counts.fp, counts.fn, counts.tn)]
    if counts.n == 0:
        return NOTHING, False
    adjusted = min(cells) == 0
    if adjusted:
        cells = [each + 0.5 for each in cells]
    tp, fp, fn, tn = cells
    middle = math.log(tp * tn / (fp * fn))
    half = Z95 * math.sqrt(sum(1 / each for each in cells))
    return Interval(math.exp(middle), math.exp(middle - half), math.exp(middle + half)), adjusted


def _over(value: float) -> float:
    if math.isnan(value):
        return math.nan
    return 1 / value if value > 0 else math.inf
