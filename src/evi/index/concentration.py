"""How far needs gather in few places, beyond what chance would do with places of their size and ages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evi.index.intervals import Floats
from evi.index.matrix import Matrix

DRAWS = 100
"""Even districts drawn, against which concentration is judged."""
SEED = 20_260_831
"""So that the same district always gives the same figures."""
FEWEST_PLACES = 10
"""With fewer places than this, a fifth of them is one place, and the figures say little."""


@dataclass(frozen=True)
class Concentration:
    """Needs by place.

    Attributes:
        kind: "lsoa" or "school".
        what: a domain, or "all".
        n_places, n_needs: how many of each.
        gini: 0 where every place has the needs that its children's ages would give it, nearer 1 where few
            places have most.
        fifth_share, tenth_share: share of all needs in the 20% and 10% of places with the most needs for what
            their children's ages would give.
        gini_by_chance, fifth_by_chance: (low, high) of the same in 95 of 100 even districts, in which whole
            families are dealt out over the places at random: a child's needs stay together, and siblings do.
    """

    kind: str
    what: str
    n_places: int
    n_needs: int
    gini: float
    fifth_share: float
    tenth_share: float
    gini_by_chance: tuple[float, float]
    fifth_by_chance: tuple[float, float]

    @property
    def beyond_chance(self) -> bool:
        """Whether the fifth of places with most has more of the needs than in nearly every even district."""
        return self.fifth_share > self.fifth_by_chance[1]


def concentrations(matrix: Matrix) -> list[Concentration]:
    """Concentration of all needs and of each domain's, by small area and by school."""
    needs, expected = _of_children(matrix)
    made = []
    for kind in ("lsoa", "school"):
        place_of = getattr(matrix, kind)
        there = np.array([place is not None for place in place_of], bool)
        places, code = np.unique(place_of[there].astype(str), return_inverse=True)
        if len(places) >= FEWEST_PLACES:
            family = matrix.household[there]
            alone = np.flatnonzero(family == 0)
            family[alone] = -1 - alone
            made += _by_place(kind, matrix, code, family, needs[there], expected[there])
    return made


def _of_children(matrix: Matrix) -> tuple[Floats, Floats]:
    """Needs of each child, in all and by domain (columns), and how many the child's age would give."""
    domains = [entry.domain for entry in matrix.catalogue.own]
    groups = np.array(
        [[True] * len(domains)] + [[d == domain for d in domains] for domain in matrix.catalogue.domain_ids]
    ).T.astype(float)
    expected = np.zeros((matrix.n_children, groups.shape[1]))
    for rows in matrix.strata:
        yes, asked = matrix.present[rows].sum(axis=0), matrix.assessable[rows].sum(axis=0)
        rate = np.divide(yes, asked, out=np.zeros(len(domains)), where=asked > 0)
        expected[rows] = matrix.assessable[rows] @ (groups * rate[:, None])
    return matrix.present @ groups, expected


def _by_place(
    kind: str,
    matrix: Matrix,
    code: npt.NDArray[np.int64],
    family: npt.NDArray[np.int64],
    needs: Floats,
    expected: Floats,
) -> list[Concentration]:
    """Each domain's concentration over the places of one kind."""
    n_places, width = int(code.max()) + 1, needs.shape[1]
    both = np.concatenate([needs, expected], axis=1)
    order = np.lexsort((family, code))
    starts = np.flatnonzero(np.r_[True, (np.diff(code[order]) != 0) | (np.diff(family[order]) != 0)])
    units = np.add.reduceat(both[order], starts, axis=0)
    seats = np.flatnonzero(np.r_[True, np.diff(code[order][starts]) != 0])

    def dealt(deal: npt.NDArray[np.int64] | slice) -> list[tuple[float, float, float]]:
        sums = np.add.reduceat(units[deal], seats, axis=0)
        return [_figures(sums[:, k], sums[:, width + k]) for k in range(width)]

    found = dealt(slice(None))
    random = np.random.default_rng(SEED)
    even = np.array([dealt(random.permutation(len(units))) for _ in range(DRAWS)])
    low, high = np.quantile(even, [0.025, 0.975], axis=0).round(4)
    return [
        Concentration(
            kind, what, n_places, int(needs[:, k].sum()), round(found[k][0], 4), round(found[k][1], 4),
            round(found[k][2], 4),
            (float(low[k, 0]), float(high[k, 0])), (float(low[k, 1]), float(high[k, 1])),
        )
        for k, what in enumerate(("all", *matrix.catalogue.domain_ids))
        if needs[:, k].sum() > 0
    ]  # fmt: skip


def _figures(needs: Floats, expected: Floats) -> tuple[float, float, float]:
    """Gini of needs against what was expected, and the share of needs in the fifth and tenth of places
    that have the most for what was expected of them."""
    use = expected > 0
    needs, expected = needs[use], expected[use]
    if not needs.any():
        return 0.0, 0.0, 0.0
    order = np.argsort(needs / expected, kind="stable")
    x = np.concatenate([[0], np.cumsum(expected[order]) / expected.sum()])
    y = np.concatenate([[0], np.cumsum(needs[order]) / needs.sum()])
    gini = 1 - float(np.sum(np.diff(x) * (y[1:] + y[:-1])))
    n = len(needs)
    return gini, 1 - float(y[n - max(round(n * 0.2), 1)]), 1 - float(y[n - max(round(n * 0.1), 1)])
