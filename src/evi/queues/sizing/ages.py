"""How long each child on a list has waited, where only totals are published.

Of all the ways to spread the children over weeks of wait that agree with what is published (how many, how
many over the standard, the average, the longest), the one that assumes least is used: the spread of largest
entropy, even within the standard and falling (or rising) by a constant share a week beyond it (Jaynes 1957,
https://doi.org/10.1103/PhysRev.106.620). Then children are whole, and at least one waits the longest.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from evi.workspace import EviError

HALF_WEEK = 0.5
STEEPEST = 60.0
"""The steepest fall or rise of the spread that is tried, over its whole width, in powers of e."""


def spread_over_ages(
    waiting: int,
    longest_weeks: int,
    limit_weeks: int,
    over_limit: int | None = None,
    average_weeks: float | None = None,
) -> npt.NDArray[np.int64]:
    """Children by whole weeks waited, from 0 to `longest_weeks`.

    Args:
        waiting: children on the list.
        longest_weeks: the longest wait.
        limit_weeks: the standard; who has waited fewer whole weeks is within it.
        over_limit: children who have waited as long or longer; None: not known.
        average_weeks: the average time waited; None: not known, and the spread is even. It is half a week
            more than the average of whole weeks, as children are referred all through a week.

    Returns:
        Counts of shape [longest_weeks + 1]; their sum is `waiting`.

    Raises:
        EviError: a figure is negative, or the figures contradict each other.
    """
    if waiting < 0 or longest_weeks < 0 or (over_limit is not None and not 0 <= over_limit <= waiting):
        raise EviError("a list can't have these counts.", where="the list's totals", do="Check them.")
    if waiting == 0:
        return np.zeros(longest_weeks + 1, np.int64)
    if over_limit is None or longest_weeks < limit_weeks:
        parts = [(0, longest_weeks, waiting)]
        if over_limit and longest_weeks < limit_weeks:
            raise _contradiction(f"{over_limit} wait at least {limit_weeks} weeks, the longest does not")
        expected = _tilted(parts, average_weeks)
    else:
        within = (0, limit_weeks - 1, waiting - over_limit)
        expected = _tilted([within, (limit_weeks, longest_weeks, over_limit)], average_weeks)
    counts = _whole(expected, waiting)
    if counts[-1] == 0:
        donor = longest_weeks - 1 - int(np.argmax(counts[-2::-1] > 0))
        counts[donor] -= 1
        counts[-1] += 1
    return counts


def _tilted(parts: list[tuple[int, int, int]], average_weeks: float | None) -> npt.NDArray[np.float64]:
    """Children a week of wait, the last part tilted until the average is right."""
    *flat, (low, high, count) = parts
    expected = np.zeros(high + 1)
    for start, end, children in flat:
        expected[start : end + 1] = children / (end - start + 1)
    ages = np.arange(low, high + 1, dtype=float)
    tilt = 0.0
    if average_weeks is not None and count and high > low:
        total = sum(children for *_, children in parts)
        already = float(expected @ np.arange(len(expected)))
        wanted = ((average_weeks - HALF_WEEK) * total - already) / count

        def gap(tried: float) -> float:
            return float(_weights(ages, tried) @ ages) - wanted

        most = STEEPEST / (high - low)
        if gap(-most) > 0 or gap(most) < 0:
            raise _contradiction(f"an average of {average_weeks:g} weeks can't be, given the other figures")
        tilt = float(brentq(gap, -most, most))
    expected[low:] += count * _weights(ages, tilt)
    return expected


def _weights(ages: npt.NDArray[np.float64], tilt: float) -> npt.NDArray[np.float64]:
    power = tilt * (ages - ages.mean())
    weight = np.exp(power - power.max())
    return np.asarray(weight / weight.sum())


def _whole(expected: npt.NDArray[np.float64], total: int) -> npt.NDArray[np.int64]:
    """Whole children with the same total, by rounding the running sum."""
    running = np.floor(np.cumsum(expected) * total / math.fsum(expected) + 0.5).astype(np.int64)
    running[-1] = total
    return np.diff(running, prepend=0)


def _contradiction(how: str) -> EviError:
    return EviError(
        f"the figures contradict each other: {how}.",
        where="the list's totals",
        do="Check the number waiting, the number over the standard, the average and the longest wait.",
    )
