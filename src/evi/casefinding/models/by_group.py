"""For whom a model is worse: what it says beside what came, and who is put first, group by group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from evi.casefinding.models.calibration import three
from evi.casefinding.performance import share
from evi.index.intervals import Interval

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
FEWEST_CHILDREN, FEWEST_EVENTS = 100, 10
"""A group with fewer is named and not measured: chance alone would move its figures too far."""


@dataclass(frozen=True)
class GroupFound:
    """One group, children not learned from.

    Attributes:
        needy: how many had what is looked for. said: mean of what the model said; came: share who had it.
        by_rule, by_model: share of the needy who are among the first, as many for each as the rule flags.
        wrongly_by_rule, wrongly_by_model: share of the others who are.
    """

    by: str
    group: str
    children: int
    needy: int
    said: float
    came: Interval
    by_rule: Interval
    by_model: Interval
    wrongly_by_rule: Interval
    wrongly_by_model: Interval

    def to_json(self) -> dict[str, Any]:
        """For reports."""
        return {name: three(v) if isinstance(v, Interval) else v for name, v in vars(self).items()}


def group_found(
    groups: pl.DataFrame, by: Sequence[str], score: Floats, flagged: Flags, needy: Flags
) -> tuple[tuple[GroupFound, ...], tuple[str, ...]]:
    """Each group's figures, and the groups too small for any.

    Args:
        groups: one row for each child, in the order of the scores, with the columns `by`.
    """
    order = np.argsort(-score, kind="stable")
    first = np.zeros(len(score), dtype=bool)
    first[order[: int(flagged.sum())]] = True
    chance = 1 / (1 + np.exp(-score))
    found, small = [], []
    for each in by:
        names = groups[each].to_numpy()
        for name in sorted(set(names.tolist())):
            mine = names == name
            if (
                mine.sum() < FEWEST_CHILDREN
                or min((needy & mine).sum(), (~needy & mine).sum()) < FEWEST_EVENTS
            ):
                small.append(f"{each}: {name}")
                continue
            yes, no = mine & needy, mine & ~needy
            found.append(
                GroupFound(
                    each, str(name), int(mine.sum()), int(yes.sum()), float(chance[mine].mean()),
                    share(float(yes.sum()), float(mine.sum())),
                    share(float((flagged & yes).sum()), float(yes.sum())),
                    share(float((first & yes).sum()), float(yes.sum())),
                    share(float((flagged & no).sum()), float(no.sum())),
                    share(float((first & no).sum()), float(no.sum())),
                )
            )  # fmt: skip
    return tuple(found), tuple(small)
