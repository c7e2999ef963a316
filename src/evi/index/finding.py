"""`patterns`: which needs come together, in which order they appear, and where they gather."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from evi.index.catalogue import Catalogue
from evi.index.concentration import Concentration, concentrations
from evi.index.cooccurrence import Combination, Pair, domain_combinations, pairs, triples
from evi.index.disclosure import SMALLEST_SHOWN
from evi.index.matrix import matrix_at
from evi.index.order import Order, orders
from evi.index.registry import read_catalogue
from evi.index.sources import open_sources
from evi.workspace import SILENT, District, Progress, StageResult, replace_file

MOST_ORDERS = 200
"""The order of appearance is worked out for at most this many pairs, those of the strongest evidence."""


@dataclass(frozen=True)
class Patterns:
    """What `patterns` finds on one day, before small numbers are hidden (`printable` hides them).

    Attributes:
        n_children: children of the index that day.
        n_pairs_tested: pairs that were compared with chance, for which p-values are adjusted.
    """

    date: date
    n_children: int
    n_pairs_tested: int
    pairs: tuple[Pair, ...]
    triples: tuple[Combination, ...]
    domains: tuple[Combination, ...]
    orders: tuple[Order, ...]
    concentrations: tuple[Concentration, ...]

    @property
    def printable(self) -> Patterns:
        """The same without anything that rests on fewer than ten children.

        A pair is left out where fewer than ten have both, or where fewer than ten of either don't: the
        difference of two printed counts would then give the small one away.
        """
        return Patterns(
            self.date,
            self.n_children,
            self.n_pairs_tested,
            tuple(pair for pair in self.pairs if _all_large(_cells(pair))),
            tuple(three for three in self.triples if three.n >= SMALLEST_SHOWN),
            tuple(some for some in self.domains if some.n >= SMALLEST_SHOWN),
            tuple(order for order in self.orders if _all_large((order.n_first, order.n - order.n_first))),
            tuple(c for c in self.concentrations if c.n_needs >= SMALLEST_SHOWN),
        )

    @property
    def joined(self) -> tuple[Pair, ...]:
        """Pairs that stand after adjustment and come together more often than chance, the commonest first."""
        real = [pair for pair in self.pairs if pair.is_real and pair.low > 1]
        return tuple(sorted(real, key=lambda pair: (-pair.lift, pair.first, pair.second)))

    def to_json(self) -> dict[str, Any]:
        """Plain values for `--json`; figures that don't exist are None."""
        return dict(json.loads(json.dumps(asdict(self), default=str), parse_constant=lambda _name: None))


def _cells(pair: Pair) -> Iterable[int]:
    return pair.n_both, pair.n_first - pair.n_both, pair.n_second - pair.n_both


def _all_large(counts: Iterable[int]) -> bool:
    return all(count >= SMALLEST_SHOWN for count in counts)


def find_patterns(
    district: District, day: date, progress: Progress = SILENT, *, catalogue: Catalogue | None = None
) -> Patterns:
    """Find the patterns of `day`; nothing is written.

    Args:
        catalogue: indicators and bands other than the district's registry.
    """
    catalogue = catalogue or read_catalogue(district)
    con = open_sources(district)
    try:
        with progress.task(f"Patterns at {day}", 4) as advance:
            matrix = matrix_at(con, day, catalogue)
            advance(1)
            found = pairs(matrix)
            threes = triples(matrix, found)
            advance(1)
            joined = [(p.first, p.second) for p in found if p.is_real and p.lift > 1][:MOST_ORDERS]
            order = orders(matrix, joined)
            advance(1)
            where = concentrations(matrix)
            advance(1)
    finally:
        con.close()
    return Patterns(
        day,
        matrix.n_children,
        len(found),
        tuple(found),
        tuple(threes),
        tuple(domain_combinations(matrix)),
        tuple(order),
        tuple(where),
    )


def patterns(
    district: District, day: date, progress: Progress = SILENT, *, catalogue: Catalogue | None = None
) -> StageResult:
    """Find the patterns of `day` and write what may be printed of them to `outputs/patterns-<day>.json`."""
    found = find_patterns(district, day, progress, catalogue=catalogue)
    with replace_file(district.outputs / f"patterns-{day}.json") as scratch:
        scratch.write_text(json.dumps(found.printable.to_json(), indent=1, sort_keys=True), encoding="utf-8")
    rows = {
        "pairs tested": found.n_pairs_tested,
        "pairs beyond chance": len(found.joined),
        "triples": len(found.triples),
        "orders": len(found.orders),
    }
    return StageResult("patterns", rows)
