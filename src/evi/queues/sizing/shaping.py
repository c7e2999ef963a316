"""When extra capacity should come: the cheapest shape over time, by turns of looking ahead and simulating.

The flow under the list's own order (`fluid`) is quick but knows no chance. So by turns: simulate a capacity;
note how far the figure that most replications keep lies from the flow's, for every measure and month; find
the cheapest capacity whose flow, so corrected, keeps every promise (by linear programmes within a small step,
the flow's slopes taken by differences); simulate that. How many replications have to keep each promise is
raised or lowered until all promises together hold with the wanted probability.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog

from evi.queues.simulation.network import Discipline
from evi.queues.sizing.fluid import flowing
from evi.queues.sizing.judging import Monthly
from evi.queues.sizing.lp import Flow
from evi.queues.sizing.searching import Simulator
from evi.queues.sizing.trajectory import MEASURES, SHARE, Trajectory

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
STEPS = 25
"""Linear programmes of one look-ahead."""
SLOPE = 0.25
"""Slots a week by which slopes are taken."""
UNMET = 1e4
"""What it costs to miss a promise by a week (or by a hundredth of a share), in slots."""


@dataclass(frozen=True)
class LookAhead:
    """The flow of one list, and what is promised of it, in one sign: every row must be at most 0.

    Attributes:
        flow, discipline, trajectory, block_of_week: as for `flowing`.
        room: the most extra slots a week of each block.
    """

    flow: Flow
    discipline: Discipline
    trajectory: Trajectory
    block_of_week: Ints
    room: Floats

    @property
    def weeks_of_block(self) -> Floats:
        """Weeks in each block."""
        return np.bincount(self.block_of_week, minlength=len(self.room)).astype(float)

    def over(self, extra: Floats) -> Floats:
        """By how much the flow breaks each promise (weeks, or hundredths of a share)."""
        found = flowing(self.flow, self.discipline, self.trajectory, extra, self.block_of_week)
        return self._signed({measure: found[n] for n, measure in enumerate(MEASURES)})

    def over_in(self, monthly: Monthly, share_kept: float) -> Floats:
        """The same of a simulation, at the figure that this share of the replications is at or below."""
        rows = []
        for measure, limits in self.trajectory.limits.items():
            use = ~np.isnan(limits)
            found = monthly.measures[measure][:, use]
            over = (limits[use] - found) * 100 if measure == SHARE else found - limits[use]
            rows.append(np.quantile(over, share_kept, axis=0))
        return np.concatenate(rows)

    def cheapest(self, start: Floats, correction: Floats) -> Floats:
        """The cheapest extra slots whose flow, so corrected, keeps every promise as well as it can."""
        extra, best, best_cost = start, start, np.inf
        reach = max(2.0, float(start.max(initial=0.0)) / 2)
        weeks = self.weeks_of_block
        for _ in range(STEPS):
            over = self.over(extra) + correction
            cost = float(weeks @ extra) + UNMET * float(np.maximum(over, 0).sum())
            if cost < best_cost - 0.5:
                best, best_cost = extra, cost
            else:
                reach /= 2
                extra = best
                over = self.over(extra) + correction
                if reach < SLOPE:
                    break
            extra = self._stepped(extra, over, reach)
        return best

    def _stepped(self, extra: Floats, over: Floats, reach: float) -> Floats:
        """One linear programme: the cheapest extra slots within reach, by the flow's slopes here."""
        blocks, rows = len(extra), len(over)
        slopes = np.empty((rows, blocks))
        here = self.over(extra)
        for block in range(blocks):
            moved = extra.copy()
            moved[block] += SLOPE
            slopes[:, block] = (self.over(moved) - here) / SLOPE
        matrix = np.hstack([slopes, -np.eye(rows)])
        cost = np.concatenate([self.weeks_of_block, np.full(rows, UNMET)])
        low = np.maximum(extra - reach, 0.0)
        high = np.minimum(extra + reach, self.room)
        bounds = np.column_stack(
            [np.concatenate([low, np.zeros(rows)]), np.concatenate([high, np.full(rows, np.inf)])]
        )
        found = linprog(cost, A_ub=matrix, b_ub=slopes @ extra - over, bounds=bounds, method="highs")  # type: ignore[call-overload]
        return extra if found.x is None else np.asarray(found.x[:blocks], float)

    def _signed(self, found: dict[str, Floats]) -> Floats:
        rows = []
        for measure, limits in self.trajectory.limits.items():
            use = ~np.isnan(limits)
            gap = found[measure][use] - limits[use]
            rows.append(-100 * gap if measure == SHARE else gap)
        return np.concatenate(rows)


def shaped(
    ahead: LookAhead, simulator: Simulator, wanted: float, turns: int, advance: Callable[[int], None]
) -> list[tuple[float, Ints]]:
    """Candidates by turns of looking ahead and simulating: (probability, extra slots a week by block)."""
    kept_low, kept_high = wanted, 1.0
    kept = 1 - (1 - wanted) / 4
    extra = ahead.cheapest(np.zeros(len(ahead.room)), np.zeros(len(ahead.over(np.zeros(len(ahead.room))))))
    tried = []
    for _ in range(turns):
        whole = whole_slots(extra)
        monthly = simulator.monthly(whole)
        simulator.runs += 1
        joint = monthly.joint(ahead.trajectory)
        simulator.remember(whole, joint)
        tried.append((joint, whole))
        advance(1)
        if len(tried) > 2:
            if joint >= wanted:
                kept_high = kept
            else:
                kept_low = kept
            kept = (kept_low + kept_high) / 2
        correction = ahead.over_in(monthly, kept) - ahead.over(whole.astype(float))
        extra = ahead.cheapest(extra, correction)
    return tried


def whole_slots(extra: Floats) -> Ints:
    """Whole slots with the same running sum, so that rounding adds nothing."""
    return np.diff(np.floor(np.cumsum(extra) + 0.5), prepend=0.0).astype(np.int64)
