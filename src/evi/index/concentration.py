"""How far needs gather in few places, beyond what chance would do with places of their size and ages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evi.index.intervals import Floats
from evi.index.matrix import Matrix

DRAWS = 200
"""Draws of an even district, against which concentration is judged."""
SEED = 20_260_831
"""So that the same district always gives the same figures."""


@dataclass(frozen=True)
class Concentration:
    """Needs by place.

    Attributes:
        kind: "lsoa" or "school".
        what: a domain, or "all".
        n_places, n_needs: how many of each.
        gini: 0 where every place has the share of needs that its children's ages would give it, nearer 1
            where few places have most.
        fifth_share, tenth_share: share of all needs in the 20% and 10% of places with the most needs for the
            number that could be asked about.
        gini_by_chance, fifth_by_chance: (low, high) of the same in 95 of 100 even districts: each need drawn
            at random, by age, over the children for whom it is assessable.
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
        """Whether needs gather more than in 97 or more of 100 even districts."""
        return self.gini > self.gini_by_chance[1]


def concentrations(matrix: Matrix) -> list[Concentration]:
    """Concentration of all needs and of each domain's, by small area and by school."""
    made = []
    for kind in ("lsoa", "school"):
        place_of = getattr(matrix, kind)
        there = np.array([place is not None for place in place_of], bool)
        places, code = np.unique(place_of[there].astype(str), return_inverse=True)
        if len(places) < 10:
            continue
        for what in ("all", *matrix.catalogue.domain_ids):
            columns = np.array([what in ("all", entry.domain) for entry in matrix.catalogue.own], bool)
            found = _concentration(matrix, there, code, len(places), columns)
            if found is not None:
                made.append(Concentration(kind, what, len(places), *found))
    return made


def _concentration(
    matrix: Matrix,
    there: npt.NDArray[np.bool_],
    code: npt.NDArray[np.int64],
    n_places: int,
    columns: npt.NDArray[np.bool_],
) -> tuple[int, float, float, float, tuple[float, float], tuple[float, float]] | None:
    """Everything of one `Concentration` but its names; None where there is no need at all."""
    needs, expected = np.zeros(n_places), np.zeros(n_places)
    for rows in matrix.strata:
        inside = rows[there[rows]]
        place = code[np.cumsum(there)[inside] - 1]
        yes = matrix.present[np.ix_(inside, columns)]
        asked = matrix.assessable[np.ix_(inside, columns)]
        rate = np.divide(
            yes.sum(axis=0), asked.sum(axis=0), out=np.zeros(columns.sum()), where=asked.any(axis=0)
        )
        needs += np.bincount(place, yes.sum(axis=1), n_places)
        expected += np.bincount(place, asked @ rate, n_places)
    total = int(needs.sum())
    if total == 0:
        return None
    random = np.random.default_rng(SEED)
    drawn = random.multinomial(total, expected / expected.sum(), size=DRAWS).astype(float)
    even = np.array([_figures(draw, expected) for draw in drawn])
    low, high = np.quantile(even, [0.025, 0.975], axis=0)
    gini, fifth, tenth = (round(float(x), 4) for x in _figures(needs, expected))
    chance = [(round(float(low[k]), 4), round(float(high[k]), 4)) for k in (0, 1)]
    return total, gini, fifth, tenth, chance[0], chance[1]


def _figures(needs: Floats, expected: Floats) -> tuple[float, float, float]:
    """Gini of needs against what was expected, and the share of needs in the fifth and tenth of places
    that have the most for what was expected of them."""
    use = expected > 0
    needs, expected = needs[use], expected[use]
    order = np.argsort(needs / expected, kind="stable")
    x = np.concatenate([[0], np.cumsum(expected[order]) / expected.sum()])
    y = np.concatenate([[0], np.cumsum(needs[order]) / max(needs.sum(), 1)])
    gini = 1 - float(np.sum(np.diff(x) * (y[1:] + y[:-1])))
    n = len(needs)
    return gini, 1 - float(y[n - max(round(n * 0.2), 1)]), 1 - float(y[n - max(round(n * 0.1), 1)])
