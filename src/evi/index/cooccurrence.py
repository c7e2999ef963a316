"""Which needs come together more often than chance would bring them, allowing for age.

Chance is judged among children of the same year of age for whom both indicators are assessable, so that
two needs of teenagers don't look joined merely because both are of teenagers. Pairs are judged by the
Cochran-Mantel-Haenszel test, and the odds ratio is Mantel and Haenszel's with the interval of Robins,
Breslow and Greenland (1986); p-values over all pairs are adjusted by Benjamini and Hochberg (1995).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from evi.index.catalogue import Entry
from evi.index.disclosure import SMALLEST_SHOWN
from evi.index.intervals import Z95, Floats, adjusted, chi2_tail, poisson, poisson_tail
from evi.index.matrix import Matrix

FALSE_SHARE = 0.05
"""A pair is called real where its adjusted p-value is at most this."""
MOST_TRIPLES_OF = 30
"""Triples are sought among at most this many indicators: the commonest ones."""


@dataclass(frozen=True)
class Pair:
    """Two indicators in the same children.

    Attributes:
        n_both, n_first, n_second: children with both and with each, of `n_assessable` who could be asked.
        expected: children with both if chance alone brought them together at each age.
        lift: `n_both / expected`.
        odds_ratio, low, high: how many times greater the odds of one are where the other is present.
        p, p_adjusted: Cochran-Mantel-Haenszel, before and after adjustment for the number of pairs.
        same_records: true if both are read from the same events, so that they go together by definition.
    """

    first: str
    second: str
    n_both: int
    n_first: int
    n_second: int
    n_assessable: int
    expected: float
    lift: float
    odds_ratio: float
    low: float
    high: float
    p: float
    p_adjusted: float
    same_records: bool

    @property
    def is_real(self) -> bool:
        """Whether it stands after adjustment, and doesn't follow from how the two are defined."""
        return self.p_adjusted <= FALSE_SHARE and not self.same_records


@dataclass(frozen=True)
class Combination:
    """Three or more indicators in the same children; `low` and `high` are of the lift."""

    indicators: tuple[str, ...]
    n: int
    expected: float
    lift: float
    low: float
    high: float
    p_adjusted: float


def pairs(matrix: Matrix) -> list[Pair]:
    """Every pair of indicators that some children could have both of, strongest evidence first."""
    entries = matrix.catalogue.own
    tables = _stratified(matrix)
    i, j = np.triu_indices(len(entries), 1)
    asked = tables.total[i, j] > 0
    i, j = i[asked], j[asked]
    p = tables.p()[i, j]
    q = adjusted(p)
    ratio, low, high = (figure[i, j] for figure in tables.odds_ratio())
    found = []
    for k, (a, b) in enumerate(zip(i, j, strict=True)):
        both, expected = tables.both[a, b], tables.expected[a, b]
        found.append(
            Pair(
                entries[a].id, entries[b].id, int(both), int(tables.one[a, b]), int(tables.one[b, a]),
                int(tables.total[a, b]), round(float(expected), 3),
                round(float(both / expected), 4) if expected > 0 else np.nan,
                round(float(ratio[k]), 4), round(float(low[k]), 4), round(float(high[k]), 4),
                float(p[k]), float(q[k]), _same_records(entries[a], entries[b]),
            )
        )  # fmt: skip
    return sorted(found, key=lambda pair: (pair.p_adjusted, -pair.lift, pair.first, pair.second))


@dataclass
class _Tables:
    """Sums over ages, for every pair at once; `one[i, j]` counts children with i among those asked both."""

    both: Floats
    one: Floats
    total: Floats
    expected: Floats
    variance: Floats
    r: Floats
    s: Floats
    pr: Floats
    qs: Floats
    ps_qr: Floats

    def p(self) -> Floats:
        """Two-sided Cochran-Mantel-Haenszel p-values, with continuity correction."""
        gap = np.maximum(np.abs(self.both - self.expected) - 0.5, 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            chi2 = np.where(self.variance > 0, gap**2 / self.variance, 0)
        return chi2_tail(chi2)

    def odds_ratio(self) -> tuple[Floats, Floats, Floats]:
        """Mantel-Haenszel odds ratio with its Robins-Breslow-Greenland interval; NaN where undefined."""
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = self.r / self.s
            variance = (
                self.pr / (2 * self.r**2) + self.ps_qr / (2 * self.r * self.s) + self.qs / (2 * self.s**2)
            )
            spread = np.exp(Z95 * np.sqrt(variance))
            return ratio, ratio / spread, ratio * spread


def _stratified(matrix: Matrix) -> _Tables:
    k = len(matrix.catalogue.own)
    sums = _Tables(*(np.zeros((k, k)) for _ in range(10)))
    for rows in matrix.strata:
        yes, asked = matrix.present[rows].astype(np.float32), matrix.assessable[rows].astype(np.float32)
        n = (asked.T @ asked).astype(float)
        a = (yes.T @ yes).astype(float)
        one = (yes.T @ asked).astype(float)
        b, c = one - a, one.T - a
        d = n - a - b - c
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(n > 0, 1 / n, 0)
            spare = np.where(n > 1, 1 / (n**2 * (n - 1)), 0)
        agree, differ, r, s = (a + d) * share, (b + c) * share, a * d * share, b * c * share
        for name, value in (
            ("both", a), ("one", one), ("total", n), ("expected", one * one.T * share),
            ("variance", one * one.T * (n - one) * (n - one.T) * spare),
            ("r", r), ("s", s), ("pr", agree * r), ("qs", differ * s), ("ps_qr", agree * s + differ * r),
        ):  # fmt: skip
            getattr(sums, name).__iadd__(value)
    return sums


def _same_records(one: Entry, other: Entry) -> bool:
    """Whether some event could count for both indicators."""

    def overlap(a: str, b: str) -> bool:
        stem_a, stem_b = a.removesuffix("*"), b.removesuffix("*")
        if a.endswith("*") and b.startswith(stem_a):
            return True
        return (b.endswith("*") and a.startswith(stem_b)) or a == b

    return any(overlap(a, b) for a in one.codes for b in other.codes)


def triples(matrix: Matrix, found: list[Pair]) -> list[Combination]:
    """Threes that come together more often than chance, each of their pairs being real too.

    Expected numbers suppose independence within each year of age; the interval is the exact Poisson one.
    Only threes of at least ten children are looked at: fewer could not be printed.
    """
    entries = matrix.catalogue.own
    column = {entry.id: place for place, entry in enumerate(entries)}
    joined = {frozenset((pair.first, pair.second)) for pair in found if pair.is_real and pair.lift > 1}
    common = sorted(
        {i for pair in joined for i in pair}, key=lambda i: (-int(matrix.present[:, column[i]].sum()), i)
    )
    names = sorted(common[:MOST_TRIPLES_OF], key=lambda i: column[i])
    kept = [
        three
        for three in combinations(names, 3)
        if all(frozenset(two) in joined for two in combinations(three, 2))
    ]
    if not kept:
        return []
    n, expected = _threes(matrix, np.array([column[i] for i in names]))
    place = {i: k for k, i in enumerate(names)}
    at = tuple(np.array([[place[i] for i in three] for three in kept]).T)
    return _combinations(kept, n[at], expected[at])


def _threes(matrix: Matrix, columns: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Children with all three of any three columns, and how many chance would give, summed over ages."""
    k = len(columns)
    n, expected = np.zeros((k, k, k)), np.zeros((k, k, k))
    for rows in matrix.strata:
        yes = matrix.present[np.ix_(rows, columns)].astype(np.float32)
        asked = matrix.assessable[np.ix_(rows, columns)].astype(np.float32)
        one, total = np.empty((k, k, k)), np.empty((k, k, k))
        for i in range(k):
            n[i] += (yes * yes[:, [i]]).T @ yes
            one[i] = (asked * yes[:, [i]]).T @ asked  # children with i, of those asked about i, j and k
            total[i] = (asked * asked[:, [i]]).T @ asked
        chance = one * one.transpose(1, 0, 2) * one.transpose(1, 2, 0)
        expected += np.divide(chance, total**2, out=np.zeros_like(chance), where=total > 0)
    return n, expected


def _combinations(sets: Sequence[tuple[str, ...]], n: Floats, expected: Floats) -> list[Combination]:
    enough = (n >= SMALLEST_SHOWN) & (expected > 0)
    kept = [some for some, good in zip(sets, enough, strict=True) if good]
    n, expected = n[enough], expected[enough]
    low, high = poisson(n)
    q = adjusted(poisson_tail(n, expected))
    made = [
        Combination(
            three, int(n[k]), round(float(expected[k]), 3), round(float(n[k] / expected[k]), 3),
            round(float(low[k] / expected[k]), 3), round(float(high[k] / expected[k]), 3), float(q[k]),
        )
        for k, three in enumerate(kept)
    ]  # fmt: skip
    return sorted(made, key=lambda c: (-c.lift, c.indicators))


def domain_combinations(matrix: Matrix, most: int = 20) -> list[Combination]:
    """The commonest exact sets of domains in which one child has needs, against chance at each age.

    Children with a need in fewer than two domains are left out.
    """
    domains = matrix.catalogue.domain_ids
    entries = matrix.catalogue.own
    has = np.stack(
        [matrix.present[:, [e.domain == domain for e in entries]].any(axis=1) for domain in domains], axis=1
    )
    key = has @ (1 << np.arange(len(domains)))
    sets, counts = np.unique(key, return_counts=True)
    chosen = [
        (int(value), int(count))
        for value, count in sorted(zip(sets, counts, strict=True), key=lambda pair: (-pair[1], pair[0]))
        if int(value).bit_count() >= 2
    ][:most]
    member = np.array([[value >> bit & 1 for bit in range(len(domains))] for value, _ in chosen], bool)
    expected = np.zeros(len(chosen))
    for rows in matrix.strata:
        rate = has[rows].mean(axis=0)
        for place in range(len(chosen)):
            expected[place] += len(rows) * float(np.prod(np.where(member[place], rate, 1 - rate)))
    names = [tuple(d for d, inside in zip(domains, row, strict=True) if inside) for row in member]
    return _combinations(names, np.array([float(count) for _, count in chosen]), expected)
