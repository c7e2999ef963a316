"""The search for the least capacity: simulation after simulation with the same luck.

A shape over time is lifted until the trajectory holds with the probability that is wanted, and then what is
not needed is taken away: from runs of months first, then from single ones, the last months first, since an
early appointment helps every month after it. Every candidate is simulated with the same children and the
same luck, so that two candidates differ by their capacity alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from evi.queues.simulation.engine import simulate
from evi.queues.simulation.network import Network
from evi.queues.sizing.judging import Monthly, by_month
from evi.queues.sizing.trajectory import Trajectory

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
GLANCE = 48
"""Replications of a first look: a candidate that is far off is not simulated in full."""
FAR_OFF = 3.0
"""Standard errors below the wanted probability at which a first look ends the matter."""


@dataclass
class Simulator:
    """One pool of a network, simulated with extra slots in blocks of months.

    Attributes:
        network, place: the network and the position of the pool that gets them.
        trajectory: what is promised.
        block_of_week: for each week, its block.
        seed: the luck that every candidate shares.
        replications: of a full look.
        runs: how many full looks there were.
    """

    network: Network
    place: int
    trajectory: Trajectory
    block_of_week: Ints
    seed: int
    replications: int
    runs: int = 0
    _known: dict[tuple[int, ...], float] = field(default_factory=dict)

    def monthly(self, extra: Ints, seed: int | None = None, replications: int | None = None) -> Monthly:
        """Simulate these extra slots a week, one number a block."""
        weeks = self.trajectory.weeks
        slots = self.network.slots(weeks)
        slots[:, self.place] += extra[self.block_of_week]
        paths = simulate(
            self.network,
            weeks,
            replications or self.replications,
            self.seed if seed is None else seed,
            slots=slots,
        )
        return by_month(paths, self.place, self.trajectory)

    def joint(self, extra: Ints, wanted: float) -> float:
        """The probability that the trajectory holds; looked at briefly if it is far below what is wanted."""
        key = tuple(int(slots) for slots in extra)
        if key not in self._known:
            glance = self.monthly(extra, replications=min(GLANCE, self.replications)).joint(self.trajectory)
            error = np.sqrt(wanted * (1 - wanted) / GLANCE) + 1 / GLANCE
            if self.replications <= GLANCE or glance < wanted - FAR_OFF * error:
                self._known[key] = glance
            else:
                self.runs += 1
                self._known[key] = self.monthly(extra).joint(self.trajectory)
        return self._known[key]

    def remember(self, extra: Ints, joint: float) -> None:
        """Note the probability of a candidate that was simulated elsewhere."""
        self._known[tuple(int(slots) for slots in extra)] = joint


def lifted(simulator: Simulator, shape: Ints, wanted: float, room: Ints) -> tuple[Ints | None, list[Ints]]:
    """The shape, lifted by one number in every block until the trajectory holds.

    Args:
        shape: extra slots a week to start from.
        wanted: the probability.
        room: the most extra slots a week that each block may have.

    Returns:
        The lowest that holds (None if none does), and all that were tried.
    """
    tried = []

    def holds(lift: int) -> bool:
        candidate = np.minimum(shape + lift, room)
        tried.append(candidate)
        return simulator.joint(candidate, wanted) >= wanted

    if holds(0):
        return tried[-1], tried
    low, high = 0, 1
    while not holds(high):
        if (shape + high >= room).all():
            return None, tried
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle
    return np.minimum(shape + high, room), tried


def trimmed(
    simulator: Simulator, extra: Ints, wanted: float, advance: Callable[[int], None], most_looks: int
) -> Ints:
    """The same with every slot taken away that is not needed, in runs of blocks and then one by one."""
    best, looks = extra.copy(), 0
    step = max(1, int(2 ** np.floor(np.log2(max(int(extra.max(initial=1)), 1)))))
    while step >= 1:
        ranges = [(0, len(best))]
        while ranges and looks < most_looks:
            first, last = ranges.pop()
            if best[first:last].max(initial=0) == 0:
                continue
            candidate = best.copy()
            candidate[first:last] = np.maximum(candidate[first:last] - step, 0)
            looks += 1
            advance(1)
            if simulator.joint(candidate, wanted) >= wanted:
                best = candidate
                ranges.append((first, last))
            elif last - first > 1:
                middle = (first + last) // 2
                ranges += [(first, middle), (middle, last)]  # the later half is looked at first
        step //= 2
    return best
