"""The order in which needs appear: which of two was known first, and how long before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from evi.index.disclosure import SMALLEST_SHOWN
from evi.index.intervals import Interval, median_interval, wilson
from evi.index.matrix import NEVER, Matrix


@dataclass(frozen=True)
class Order:
    """Two indicators that some children have had, by when each was first present.

    `first` is the one that came first more often. Ages bend this: where the age at which one can appear
    ends before the other's begins, the order says nothing, and `ages_decide` is true.

    Attributes:
        n: children who have had both.
        n_first, n_same_day: those in whom `first` came first, and those in whom both came on one day.
        share_first: share of those with an order in whom `first` came first, with its Wilson interval.
        days_between: median days from `first` to `second` in them, with its interval.
    """

    first: str
    second: str
    n: int
    n_first: int
    n_same_day: int
    share_first: Interval
    days_between: Interval
    ages_decide: bool


def orders(matrix: Matrix, of: Iterable[tuple[str, str]]) -> list[Order]:
    """The order of each pair that at least ten children have had, the clearest order first.

    “First” means first known to the hub: an indicator is present from the day its record was known.
    """
    column = {entry.id: place for place, entry in enumerate(matrix.catalogue.own)}
    made = []
    for one, other in of:
        a, b = matrix.first_day[:, column[one]], matrix.first_day[:, column[other]]
        both = (a != NEVER) & (b != NEVER)
        if both.sum() < SMALLEST_SHOWN:
            continue
        gap = b[both].astype(np.int64) - a[both]
        ahead, behind = int((gap > 0).sum()), int((gap < 0).sum())
        if behind > ahead or (behind == ahead and other < one):
            one, other, gap, ahead, behind = other, one, -gap, behind, ahead  # noqa: PLW2901
        share, low, high = (round(float(x), 4) for x in wilson(ahead, ahead + behind))
        entries = matrix.catalogue[one], matrix.catalogue[other]
        apart = entries[0].age_to <= entries[1].age_from or entries[1].age_to <= entries[0].age_from
        made.append(
            Order(
                one, other, len(gap), ahead, int((gap == 0).sum()), Interval(share, low, high),
                median_interval(gap[gap > 0].astype(float)), apart,
            )
        )  # fmt: skip
    return sorted(made, key=lambda order: (-_clear(order), order.first, order.second))


def _clear(order: Order) -> float:
    """How far the interval of the share is above one half; an order of one day each has none."""
    return -1.0 if np.isnan(order.share_first.low) else order.share_first.low
