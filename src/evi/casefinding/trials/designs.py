"""Who uses the change when, and the matrix that an estimate of its effect needs.

A cell is one school (and group) in one period. The effect is what is left after each school's own level and
each period's own level (two-way fixed effects: difference in differences, and its like in a stepped wedge).
Where no school is seen both with and without the change, schools' levels can't be taken out, and schools are
compared as they are.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from evi.casefinding.trials.protocol import Protocol

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def switched_on(protocol: Protocol, starts: Mapping[str, str | None]) -> Bools:
    """Whether each school (row) uses the change in each period (column)."""
    never = len(protocol.periods)
    first = [
        never if starts[each.id] is None else protocol.place_of(str(starts[each.id]))
        for each in protocol.clusters
    ]
    found: Bools = np.arange(never)[None, :] >= np.array(first)[:, None]
    return found


def ever_starts(on: Bools) -> Bools:
    """Whether each school uses the change in any period."""
    found: Bools = np.asarray(on.sum(axis=1) > 0)
    return found


def seen_both_ways(cluster: Ints, on: Bools) -> bool:
    """Whether any school has cells with the change and cells without."""
    both = set(cluster[on].tolist()) & set(cluster[~on].tolist())
    return bool(both)


def effect_matrix(cluster: Ints, period: Ints, on: Bools, group: Ints | None = None) -> tuple[Floats, int]:
    """The matrix of cells' means on levels and effects.

    With groups everything is apart for each group, so that the effect in each is its own.

    Args:
        cluster, period, group: number of each cell's school, period and group. on: with the change or not.

    Returns:
        the matrix, of which the last columns are the effects (one a group, in order), and how many these are.
    """
    groups = np.zeros_like(cluster) if group is None else group
    levels, effects = [], []
    for each in range(int(groups.max()) + 1):
        here = (groups == each).astype(float)
        if seen_both_ways(cluster[groups == each], on[groups == each]):
            levels += [here * (cluster == number) for number in np.unique(cluster[groups == each])]
            later = np.unique(period[groups == each])[1:]
        else:
            later = np.unique(period[groups == each])
        levels += [here * (period == number) for number in later]
        effects.append(here * on)
    return np.column_stack([*levels, *effects]), len(effects)
