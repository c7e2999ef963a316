"""How many of the children referred have started by a given wait, counting those who still wait.

The waits of those seen say little of a list: whoever still waits is missing from them. The cumulative
incidence (Aalen and Johansen 1978) uses each child for as long as it has waited, and treats leaving the list
as an end of its own, not as a start that was missed. Its variance is the delta method's (Marubini and
Valsecchi 1995, section 10.2), its 95% interval on the scale of log(-log), so that it stays between 0 and 1.
With nobody waiting and nobody removed it is the plain share that has started.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evi.index.intervals import Z95, Interval, wilson

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

WAITING, STARTED, REMOVED = 0, 1, 2
"""What became of a child."""


@dataclass(frozen=True)
class Incidence:
    """The curve of those who have started.

    Attributes:
        days: waits, in the clock's days, at which at least one child started or left, rising.
        started: share of those referred who had started by then.
        variance: of `started`.
        children: how many were referred.
        longest: the longest wait of anyone, so far or to the end.
        staying: share of those referred who had neither started nor left by the end of the curve.
    """

    days: Ints
    started: Floats
    variance: Floats
    children: int
    longest: int
    staying: float

    def at(self, days: float) -> Interval:
        """The share that has started within so many days, with its 95% interval; NaN beyond what is known."""
        if not self.children or (days > self.longest and self.staying > 0):
            return Interval(np.nan, np.nan, np.nan)
        place = int(np.searchsorted(self.days, days, side="right")) - 1
        if place < 0:
            return self._bounded(0.0, 0.0)
        return self._bounded(float(self.started[place]), float(self.variance[place]))

    def until_half(self) -> Interval:
        """Days until half of those referred had started, with the 95% interval that the curve's bounds give
        (Brookmeyer and Crowley 1982); infinite where half never do."""
        bounds = [self._bounded(float(f), float(v)) for f, v in zip(self.started, self.variance, strict=True)]
        value, low, high = (
            self._first([getattr(each, name) >= 0.5 for each in bounds]) for name in ("value", "high", "low")
        )
        return Interval(value, low, high)

    def _first(self, reached: list[bool]) -> float:
        return float(self.days[reached.index(True)]) if any(reached) else float("inf")

    def _bounded(self, share: float, variance: float) -> Interval:
        if not 0 < share < 1 or variance <= 0:
            _, low, high = wilson(share * self.children, self.children)
            return Interval(share, float(low), float(high))
        width = min(Z95 * np.sqrt(variance) / (share * abs(np.log(share))), 700.0)  # e to that is the most
        return Interval(share, float(share ** np.exp(width)), float(share ** np.exp(-width)))


def incidence(days: npt.ArrayLike, became: npt.ArrayLike) -> Incidence:
    """The curve of some children.

    Args:
        days: each child's wait, so far or to its end.
        became: WAITING, STARTED or REMOVED, for each.
    """
    wait, what = np.asarray(days, np.int64), np.asarray(became, np.int64)
    n = len(wait)
    if not n:
        return Incidence(np.empty(0, np.int64), np.empty(0), np.empty(0), 0, 0, 1.0)
    times = np.unique(wait[what != WAITING])
    at_risk = n - np.searchsorted(np.sort(wait), times, side="left")
    starts = _counts(wait[what == STARTED], times)
    ends = starts + _counts(wait[what == REMOVED], times)
    staying = np.cumprod(1 - ends / at_risk)
    before = np.concatenate(([1.0], staying[:-1]))
    started = np.cumsum(before * starts / at_risk)
    still = float(staying[-1]) if len(times) else 1.0
    return Incidence(
        times, started, _variance(at_risk, starts, ends, before, started), n, int(wait.max()), still
    )


def _counts(waits: Ints, times: Ints) -> Floats:
    found: Floats = np.bincount(np.searchsorted(times, waits), minlength=len(times)).astype(float)
    return found


def _variance(at_risk: Ints, starts: Floats, ends: Floats, before: Floats, started: Floats) -> Floats:
    """Sums over times up to t of [F(t) - F(j)]^2 a(j) + b(j) - 2 [F(t) - F(j)] c(j), as running sums."""
    n = at_risk.astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        a = np.where(n > ends, ends / (n * (n - ends)), 0.0)  # the last child's time adds nothing later
    b = before**2 * starts * (n - starts) / n**3
    c = before * starts / n**2
    f = started
    squares = f**2 * np.cumsum(a) - 2 * f * np.cumsum(f * a) + np.cumsum(f**2 * a)
    crossed = f * np.cumsum(c) - np.cumsum(f * c)
    found: Floats = np.maximum(squares + np.cumsum(b) - 2 * crossed, 0.0)
    return found
