"""Whether the change helps some groups of children more than others: differences of effects, with intervals.

"It worked in this group and not in that" is never read off two p-values: a group with fewer children has a
wider interval and so a larger p, whatever the effect. What is asked is the difference of the two effects (the
interaction), and its p-values are adjusted together (Benjamini and Hochberg 1995).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from evi.casefinding.trials.designs import Bools, Floats, effect_matrix
from evi.casefinding.trials.protocol import Protocol
from evi.casefinding.trials.robust import RobustFit
from evi.casefinding.trials.rows import cells_of
from evi.index.disclosure import SMALLEST_SHOWN
from evi.index.intervals import Interval, adjusted

FEWEST_SCHOOLS = 3
"""Schools in which a group must have children, with the change and without."""


@dataclass(frozen=True)
class GroupEffect:
    """The change in one group.

    Attributes:
        children: with a value. effect: in this group.
        beside: the largest group; difference: this group's effect less that one's, with its interval.
        p_value: of that difference, adjusted for all groups; NaN for the largest group itself.
    """

    group: str
    children: int
    effect: Interval
    beside: str
    difference: Interval
    p_value: float


def effects_by_group(
    table: pl.DataFrame, on: Bools, by: str, protocol: Protocol
) -> tuple[tuple[GroupEffect, ...], int]:
    """Effects in each group, the largest first.

    Args:
        table: cluster, period, value and `by`. on: with the change or not, schools by periods.

    Returns:
        the groups, and how many were left out for want of children: fewer than 10, or in fewer than 3
        schools, with the change or without.
    """
    table = table.with_columns(
        pl.col(by).cast(pl.String).fill_null("not known"),
        on=pl.Series(on[table["cluster"].to_numpy(), table["period"].to_numpy()]),
    )
    sizes = table.group_by(by, "on").agg(pl.len(), schools=pl.col("cluster").n_unique())
    enough = sizes.filter((pl.col("len") >= SMALLEST_SHOWN) & (pl.col("schools") >= FEWEST_SCHOOLS))
    kept = enough.group_by(by).agg(sides=pl.len(), n=pl.col("len").sum()).filter(pl.col("sides") == 2)
    kept = kept.sort(["n", by], descending=[True, False])
    left_out = table[by].n_unique() - kept.height
    if kept.is_empty():
        return (), left_out
    cells = cells_of(table.filter(pl.col(by).is_in(kept[by].to_list())), by)
    matrix, effects = effect_matrix(cells.cluster, cells.period, cells.on(on), cells.group)
    weights = cells.n if protocol.average_over == "children" else np.ones_like(cells.n)
    first = matrix.shape[1] - effects
    reference = str(kept[by][0])
    made = []
    for name, children in kept.select(by, "n").iter_rows():
        own = np.zeros(matrix.shape[1])
        own[first + cells.names.index(name)] = 1.0
        beside = own.copy()
        beside[first + cells.names.index(reference)] -= 1.0
        effect, _ = _interval(RobustFit(matrix, weights, cells.cluster, own), cells.mean, protocol.alpha)
        if name == reference:
            apart, p = Interval(0.0, 0.0, 0.0), float("nan")
        else:
            fit = RobustFit(matrix, weights, cells.cluster, beside)
            apart, p = _interval(fit, cells.mean, protocol.alpha)
        made.append(GroupEffect(name, int(children), effect, reference, apart, p))
    real = [i for i, each in enumerate(made) if np.isfinite(each.p_value)]
    raised = adjusted(np.array([made[i].p_value for i in real], float)) if real else np.array([])
    for i, p in zip(real, raised.tolist(), strict=True):
        made[i] = replace(made[i], p_value=p)
    return tuple(made), left_out


def _interval(fit: RobustFit, mean: Floats, alpha: float) -> tuple[Interval, float]:
    found = fit.fit(mean)
    value, half = float(found.value[0]), float(found.half_width(alpha)[0])
    return Interval(value, value - half, value + half), float(found.p_value()[0])
