"""What other allocations would have given: a test that needs no assumption on how children or schools differ.

If the change did nothing to anybody, the results would be the same whatever the lot had been. So the estimate
is worked out for every allocation that could have been drawn, and the p-value is the share of these that give
one at least as far from nothing (Gail et al. 1996, Statistics in Medicine 15(11), 1069-1092).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evi.casefinding.trials.allocating import choices, steps_of
from evi.casefinding.trials.designs import Bools, Floats, Ints, effect_matrix
from evi.casefinding.trials.protocol import Protocol
from evi.casefinding.trials.rows import Cells

SHUFFLES = 4999


@dataclass(frozen=True)
class Permuted:
    """A permutation test.

    Attributes:
        p_value: share of allocations with an estimate at least as far from 0. allocations: how many.
        smallest: the smallest p-value that so many allocations can give.
        drawn: whether these are the allocations from which this one was drawn; else the test holds only as
            if schools had been drawn by lot.
    """

    p_value: float
    allocations: int
    smallest: float
    drawn: bool


def permute(protocol: Protocol, starts: dict[str, str | None], cells: Cells, weights: Floats) -> Permuted:
    """Test the sharp hypothesis that the change did nothing to anybody.

    Args:
        starts: when each school started. weights: of each cell, as in the estimate.
    """
    actual = steps_of(protocol, starts)
    listed, drawn = _allocations(protocol, actual)
    own = estimates(protocol, actual[None, :], cells, weights)[0]
    others = estimates(protocol, listed, cells, weights)
    as_far = np.abs(others) >= abs(own) * (1 - 1e-9)
    if drawn:
        p = float(as_far.mean())
        # with every allocation listed, arms the other way round give the same distance from nothing
        twins = protocol.design == "parallel" and (listed == -1 - listed[0]).all(axis=1).any()
        smallest = (2 if twins else 1) / len(listed)
        return Permuted(p, len(listed), smallest, drawn)
    return Permuted(float((1 + as_far.sum()) / (1 + len(listed))), len(listed), 1 / (1 + len(listed)), drawn)


def estimates(protocol: Protocol, steps: Ints, cells: Cells, weights: Floats) -> Floats:
    """The estimate under each allocation, by taking levels out of outcomes and of the change (Frisch, Waugh).

    Args:
        steps: allocations by schools.
    """
    first = np.array([*(protocol.place_of(start) for start in protocol.starts), len(protocol.periods)])
    on = np.arange(len(protocol.periods))[None, None, :] >= first[steps][:, :, None]
    here: Bools = on[:, cells.cluster, cells.period]
    root = np.sqrt(weights)
    matrix, effects = effect_matrix(cells.cluster, cells.period, here[0])
    basis, values, _ = np.linalg.svd(matrix[:, :-effects] * root[:, None], full_matrices=False)
    basis = basis[:, values > values.max() * 1e-10]
    outcome = cells.mean * root
    outcome = outcome - basis @ (basis.T @ outcome)
    change = here * root
    change = change - (change @ basis) @ basis.T
    size = (change**2).sum(axis=1)
    found: Floats = np.where(size > 1e-12, (change @ outcome) / np.where(size > 1e-12, size, 1.0), 0.0)
    return found


def _allocations(protocol: Protocol, actual: Ints) -> tuple[Ints, bool]:
    if protocol.randomised:
        listed = choices(protocol).steps
        if (listed == actual).all(axis=1).any():
            return listed, True
    rng = np.random.default_rng([protocol.seed, 3])
    return rng.permuted(np.tile(actual, (SHUFFLES, 1)), axis=1), False
