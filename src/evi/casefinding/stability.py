"""The population stability index: how far one distribution over classes is from another.

`PSI = Σ (p - q) ln(p / q)` over classes, with p and q the shares at the two times: the sum of the two
Kullback-Leibler divergences (Jeffreys 1946). If nothing changed, PSI is near `(1/n + 1/m) χ²` with one degree
of freedom fewer than there are classes (Yurdakul 2018, https://scholarworks.wmich.edu/dissertations/3208), so
among few children a large PSI means little: `chance` says what it would reach by chance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.stats import chi2, norm

from evi.index.intervals import wilson

HALF = 0.5
"""Added to every class where one of them is empty (Haldane and Anscombe), since ln 0 has no value."""


@dataclass(frozen=True)
class Stability:
    """PSI, what chance would reach, and the class that moved most.

    Attributes:
        psi: 0 where nothing moved. chance: the value that only `alpha` of samples pass if nothing changed.
        n, m: children at the two times. classes: classes with anybody in them.
        moved: the class with the largest part of the index. was, now: its shares.
    """

    psi: float
    chance: float
    n: int
    m: int
    classes: int
    moved: str
    was: float
    now: float


def stability(before: Mapping[str, int], after: Mapping[str, int], alpha: float = 0.05) -> Stability | None:
    """Compare two counts by class.

    Returns:
        None where one side has nobody, or there is one class only.

    >>> found = stability({"low": 50, "high": 50}, {"low": 60, "high": 40})
    >>> round(found.psi, 4)
    0.0405
    """
    classes = sorted({name for side in (before, after) for name, count in side.items() if count})
    a = np.array([before.get(name, 0) for name in classes], float)
    b = np.array([after.get(name, 0) for name in classes], float)
    n, m = int(a.sum()), int(b.sum())
    if not n or not m or len(classes) < 2:
        return None
    if (a == 0).any() or (b == 0).any():
        a, b = a + HALF, b + HALF
    p, q = a / a.sum(), b / b.sum()
    parts = (q - p) * np.log(q / p)
    most = int(parts.argmax())
    chance = (1 / n + 1 / m) * float(chi2.ppf(1 - alpha, len(classes) - 1))
    return Stability(
        float(parts.sum()), chance, n, m, len(classes), classes[most], float(p[most]), float(q[most])
    )


def binned(
    before: Sequence[float], after: Sequence[float], bins: int
) -> tuple[dict[str, int], dict[str, int]]:
    """Counts of two sets of scores in classes cut at quantiles of the first; equal quantiles are one cut.

    Returns:
        Counts before and after, by class, named by their ends.
    """
    first, second = np.asarray(before, float), np.asarray(after, float)
    if not first.size:
        return {}, {}
    cuts = np.unique(np.quantile(first, np.linspace(0, 1, bins + 1)[1:-1], method="inverted_cdf"))
    names = _named(cuts)
    sides = []
    for side in (first, second):
        counted = np.bincount(np.searchsorted(cuts, side, side="left"), minlength=len(names))
        sides.append({name: int(count) for name, count in zip(names, counted, strict=True)})
    return sides[0], sides[1]


def difference(x: int, n: int, y: int, m: int, alpha: float = 0.05) -> tuple[float, float, float]:
    """The change `y/m - x/n` of a share with its interval (Newcombe 1998, method 10).

    NaN where nobody is on one side.
    """
    z = float(norm.ppf(1 - alpha / 2))
    p, low_p, high_p = (float(end) for end in wilson(x, n, z))
    q, low_q, high_q = (float(end) for end in wilson(y, m, z))
    change = q - p
    low = change - math.sqrt((q - low_q) ** 2 + (high_p - p) ** 2)
    high = change + math.sqrt((high_q - q) ** 2 + (p - low_p) ** 2)
    return change, low, high


def _named(cuts: np.ndarray) -> list[str]:
    ends = [f"{cut:g}" for cut in cuts]
    if not ends:
        return ["all"]
    between = [f"over {low} to {high}" for low, high in pairwise(ends)]
    return [f"to {ends[0]}", *between, f"over {ends[-1]}"]
