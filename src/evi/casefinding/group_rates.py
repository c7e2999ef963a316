"""For whom a rule is worse: both error rates, predictive values and calibration by group, never one number.

A rule can be equally calibrated in two groups and still flag far more children wrongly in one of them, so
each group has the share of needs missed, the share of others flagged, the share of the flagged who have the
need, and calibration: those who have it, over those who would if children of equal score had it equally often
everywhere. Calibration over 1 means that an equal score hides more need in this group.

No figure rests on fewer than `FLOORS` children: with fewer than 20 the 95% interval of a share near one half
is over 40 points wide. What is left out is still counted, and informs the pooled rates (see `pooling`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from evi.casefinding.performance import NOTHING, Counts, Flags, judge_counts
from evi.casefinding.pooling import pooled
from evi.index.intervals import Interval, adjusted, poisson
from evi.linkage.fairness import Rate, difference
from evi.workspace import EviError

FLOORS: Mapping[str, int] = {
    "missed": 20,
    "wrongly_flagged": 20,
    "ppv": 20,
    "npv": 20,
    "calibration": 10,
}
"""Fewest children that a figure may rest on: with the need, without it, flagged, not flagged; and, for
calibration, expected to have it."""
BANDS = 10
"""Bands of score within which children are held to be alike, where there are over twice as many scores."""


@dataclass(frozen=True)
class Figure:
    """One figure of one group.

    Attributes:
        raw: from this group alone, with its interval.
        pooled: partially pooled with the other groups' (NaN for calibration, which isn't pooled).
        gap: the group less all other children, with Newcombe's interval (NaN for calibration, a ratio).
        p_value: the chance of a gap at least so large if there is none, adjusted for all groups and figures
            of the table (Fisher; Benjamini and Hochberg).
        count, of: children whom the share is of. enough: whether `of` reaches the floor; if not, all the rest
            is NaN.
    """

    raw: Interval
    pooled: Interval
    gap: Interval
    p_value: float
    count: int
    of: float
    enough: bool


@dataclass(frozen=True)
class GroupRates:
    """One group of one grouping.

    Attributes:
        counts: the four counts of children who could be assessed.
        missed: share not flagged of those with the need (1 - sensitivity).
        wrongly_flagged: share flagged of those without it (1 - specificity).
        ppv, npv: of those flagged, share with it; of those not flagged, share without.
        calibration: with it, over expected at equal scores.
    """

    group: str
    counts: Counts
    missed: Figure
    wrongly_flagged: Figure
    ppv: Figure
    npv: Figure
    calibration: Figure


def group_rates(
    group: pl.Series,
    flagged: Flags,
    outcome: Flags,
    *,
    alike: npt.NDArray[np.int64] | None = None,
    probability: npt.NDArray[np.float64] | None = None,
) -> tuple[GroupRates, ...]:
    """Rates of every group, sorted by name.

    Args:
        group: the group of each child. flagged, outcome: whether each is flagged, and has the need.
        alike: children of one number score alike (see `bands`): calibration is then against the rate of all
            of them. Without it and without `probability`, those of one answer are held to be alike.
        probability: each child's chance by a model: calibration is then against the sum of these.

    Raises:
        EviError: the columns are of different lengths.
    """
    if not len(group) == len(flagged) == len(outcome):
        raise EviError("there are not as many groups as answers and outcomes.")
    codes, names = _codes(group)
    size = len(names)
    expected = probability if probability is not None else _expected(alike, flagged, outcome)

    def total(rows: npt.NDArray[np.bool_]) -> list[int]:
        return np.bincount(codes[rows], minlength=size).tolist() if size else []

    tp, fp = total(flagged & outcome), total(flagged & ~outcome)
    fn, tn = total(~flagged & outcome), total(~flagged & ~outcome)
    parts = {
        "missed": (fn, [a + b for a, b in zip(tp, fn, strict=True)]),
        "wrongly_flagged": (fp, [a + b for a, b in zip(fp, tn, strict=True)]),
        "ppv": (tp, [a + b for a, b in zip(tp, fp, strict=True)]),
        "npv": (tn, [a + b for a, b in zip(fn, tn, strict=True)]),
    }
    tables = {name: shares_by_group(counts, of, FLOORS[name]) for name, (counts, of) in parts.items()}
    hoped = np.bincount(codes, expected, minlength=size) if size else np.array([])
    cases = [a + b for a, b in zip(tp, fn, strict=True)]
    tables["calibration"] = [
        _calibration(seen, float(due)) for seen, due in zip(cases, hoped.tolist(), strict=True)
    ]
    tables = _adjusted(tables)
    return tuple(
        GroupRates(
            name,
            Counts(tp[i], fp[i], fn[i], tn[i]),
            *(tables[each][i] for each in ("missed", "wrongly_flagged", "ppv", "npv", "calibration")),
        )
        for i, name in enumerate(names)
    )


def shares_by_group(counts: list[int], totals: list[int], floor: int) -> list[Figure]:
    """A share of each group: raw, pooled with the others, and against all others; nothing under the floor.

    P-values are those of Fisher's exact test, not yet adjusted.
    """
    from scipy.stats import fisher_exact  # noqa: PLC0415 - it takes a while to load

    if not counts:
        return []
    near = pooled(counts, totals).rates
    made = []
    every, all_of = sum(counts), sum(totals)
    for i, (count, of) in enumerate(zip(counts, totals, strict=True)):
        if of < floor:
            made.append(Figure(NOTHING, NOTHING, NOTHING, math.nan, count, of, enough=False))
            continue
        rest, rest_of = every - count, all_of - of
        gap, p = NOTHING, math.nan
        if rest_of >= floor:
            gap = Interval(*difference(Rate(count, of, of), Rate(rest, rest_of, rest_of)))
            p = float(fisher_exact(np.array([[count, of - count], [rest, rest_of - rest]]))[1])
        raw = judge_counts(Counts(count, of - count, 0, 0)).ppv
        made.append(Figure(raw, near[i], gap, p, count, of, enough=True))
    return made


def _codes(group: pl.Series) -> tuple[npt.NDArray[np.int64], list[str]]:
    names = sorted(group.unique().to_list())
    place = {name: i for i, name in enumerate(names)}
    return np.array([place[name] for name in group.to_list()], np.int64), [str(name) for name in names]


def bands(score: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Which children score alike: one number a score, or a tenth of children where scores are many."""
    levels = np.unique(score)
    if len(levels) <= 2 * BANDS:
        return np.searchsorted(levels, score).astype(np.int64)
    edges = np.unique(np.quantile(score, np.arange(1, BANDS) / BANDS))
    return np.searchsorted(edges, score, side="right").astype(np.int64)


def _expected(alike: npt.NDArray[np.int64] | None, flagged: Flags, outcome: Flags) -> npt.NDArray[np.float64]:
    """For each child, the share with the need of all children who score alike."""
    band = flagged.astype(np.int64) if alike is None else alike
    if not len(band):
        return np.array([])
    share = np.bincount(band, outcome.astype(float)) / np.maximum(np.bincount(band), 1)
    return np.asarray(share[band])


def _calibration(seen: int, due: float) -> Figure:
    """Seen over expected with its exact Poisson interval; nothing where fewer than the floor are expected."""
    if due < FLOORS["calibration"]:
        return Figure(NOTHING, NOTHING, NOTHING, math.nan, seen, due, enough=False)
    low, high = (float(end) for end in poisson(seen))
    return Figure(
        Interval(seen / due, low / due, high / due), NOTHING, NOTHING, math.nan, seen, due, enough=True
    )


def _adjusted(tables: dict[str, list[Figure]]) -> dict[str, list[Figure]]:
    places = [
        (name, i)
        for name, ones in tables.items()
        for i, one in enumerate(ones)
        if not math.isnan(one.p_value)
    ]
    raised = adjusted(np.array([tables[name][i].p_value for name, i in places], float))
    made = {name: list(ones) for name, ones in tables.items()}
    for (name, i), p in zip(places, raised, strict=True):
        one = made[name][i]
        made[name][i] = Figure(one.raw, one.pooled, one.gap, float(p), one.count, one.of, one.enough)
    return made
