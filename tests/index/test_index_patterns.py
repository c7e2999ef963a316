"""Patterns: planted ones are found, figures are the textbook's, and nothing small is printed."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from index_district import CATALOGUE, DAY
from scipy import stats

from evi.index import Entry, find_patterns, patterns
from evi.index.concentration import concentrations
from evi.index.cooccurrence import _same_records, domain_combinations, pairs, triples
from evi.index.intervals import adjusted, median_interval, poisson, wilson
from evi.index.matrix import NEVER, Matrix
from evi.index.order import orders

K = len(CATALOGUE.own)
COLUMN = {entry.id: place for place, entry in enumerate(CATALOGUE.own)}


def matrix(n: int = 4000, seed: int = 1, **given) -> Matrix:
    """Children with needs at random, 10% each, everything assessable, four ages."""
    random = np.random.default_rng(seed)
    made = {
        "subjects": np.arange(n),
        "age_years": random.integers(6, 10, n),
        "household": np.arange(1, n + 1),
        "lsoa": np.array([f"E{k:03d}" for k in random.integers(0, 40, n)], object),
        "school": np.full(n, None, object),
        "present": random.random((n, K)) < 0.1,
        "assessable": np.ones((n, K), bool),
        "first_day": np.full((n, K), NEVER, np.int32),
    } | given
    made["present"] &= made["assessable"]
    return Matrix(CATALOGUE, **made)


def join_columns(present: np.ndarray, *names: str, share: float = 0.5, seed: int = 2) -> np.ndarray:
    """Give half of those with the first need the others too."""
    present = present.copy()
    who = present[:, COLUMN[names[0]]] & (np.random.default_rng(seed).random(len(present)) < share)
    for name in names[1:]:
        present[who, COLUMN[name]] = True
    return present


def test_a_pair_by_hand():
    """Mantel-Haenszel over ages, with the interval of Robins, Breslow and Greenland, term by term."""
    m = matrix(600, assessable=np.random.default_rng(5).random((600, K)) < 0.8)
    [pair] = [p for p in pairs(m) if {p.first, p.second} == {"da", "damp"}]
    i, j = COLUMN[pair.first], COLUMN[pair.second]
    r = s = expected = variance = both = pr = cross = qs = 0.0
    for age in np.unique(m.age_years):
        rows = (m.age_years == age) & m.assessable[:, i] & m.assessable[:, j]
        x, y = m.present[rows, i], m.present[rows, j]
        a, b, c, d = (x & y).sum(), (x & ~y).sum(), (~x & y).sum(), (~x & ~y).sum()
        n = a + b + c + d
        expected += (a + b) * (a + c) / n
        variance += (a + b) * (a + c) * (b + d) * (c + d) / (n * n * (n - 1))
        both += a
        ri, si, p, q = a * d / n, b * c / n, (a + d) / n, (b + c) / n
        r, s, pr, qs, cross = r + ri, s + si, pr + p * ri, qs + q * si, cross + p * si + q * ri
    spread = np.exp(1.959964 * np.sqrt(pr / (2 * r * r) + cross / (2 * r * s) + qs / (2 * s * s)))
    assert (pair.n_both, pair.expected) == (both, pytest.approx(expected, abs=1e-3))
    assert (pair.odds_ratio, pair.low, pair.high) == pytest.approx(
        (r / s, r / s / spread, r / s * spread), abs=1e-3
    )
    chi2 = max(abs(both - expected) - 0.5, 0) ** 2 / variance
    assert pair.p == pytest.approx(stats.chi2.sf(chi2, 1))


def test_only_a_planted_pair_is_real():
    m = matrix()
    assert sum(pair.is_real for pair in pairs(m)) == 0
    m = matrix(present=join_columns(m.present, "da", "damp"))
    [real] = [pair for pair in pairs(m) if pair.is_real]
    assert {real.first, real.second} == {"da", "damp"} and real.low > 3


def test_needs_of_one_age_are_not_joined_by_it():
    """Two needs that only teenagers have look joined until children are compared with others of their age."""
    n = 6000
    age = np.random.default_rng(3).integers(4, 18, n)
    present = np.zeros((n, K), bool)
    for name in ("cin", "anxiety"):
        present[:, COLUMN[name]] = (age > 14) & (np.random.default_rng(len(name)).random(n) < 0.3)
    [pair] = [
        p
        for p in pairs(matrix(n, age_years=age, present=present))
        if {p.first, p.second} == {"cin", "anxiety"}
    ]
    assert not pair.is_real and pair.lift == pytest.approx(1, abs=0.25)


def test_a_planted_three_is_found():
    m = matrix(8000)
    m = matrix(8000, present=join_columns(m.present, "da", "damp", "anxiety"))
    [three] = triples(m, pairs(m))
    assert set(three.indicators) == {"da", "damp", "anxiety"}
    places = [COLUMN[i] for i in three.indicators]
    assert three.n == m.present[:, places].all(axis=1).sum()
    chance = sum(len(rows) * m.present[np.ix_(rows, places)].mean(axis=0).prod() for rows in m.strata)
    assert three.expected == pytest.approx(chance, abs=1e-3) and three.low > 2


def test_sets_of_domains_are_counted_exactly():
    m = matrix()
    has = {d: m.present[:, [e.domain == d for e in CATALOGUE.own]].any(axis=1) for d in CATALOGUE.domain_ids}
    for some in domain_combinations(m):
        exactly = np.all([has[d] == (d in some.indicators) for d in has], axis=0)
        assert some.n == exactly.sum() and len(some.indicators) >= 2


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("A/B",), ("A/B",), True),
        (("A/*",), ("A/B",), True),
        (("A/B/*",), ("A/*",), True),
        (("A/B",), ("A/BC",), False),
    ],
)
def test_pairs_that_read_the_same_records_are_known(one, other, same):
    entries = Entry("x", "x", "d", codes=one), Entry("y", "y", "d", codes=other)
    assert _same_records(*entries) is same and _same_records(*entries[::-1]) is same


def test_order_says_which_came_first_and_how_long_before():
    first = np.full((300, K), NEVER, np.int32)
    random = np.random.default_rng(1)
    first[:120, COLUMN["da"]] = 1000
    gaps = np.r_[random.integers(50, 70, 90), -random.integers(1, 9, 20), np.zeros(10, int)]
    first[:120, COLUMN["damp"]] = 1000 + gaps
    [order] = orders(matrix(300, first_day=first), [("damp", "da")])
    assert (order.first, order.second, order.n, order.n_first, order.n_same_day) == (
        "da",
        "damp",
        120,
        90,
        10,
    )
    share, low, _high = wilson(90, 110)
    assert (order.share_first.value, order.share_first.low) == pytest.approx(
        (float(share), float(low)), abs=1e-3
    )
    assert order.days_between == median_interval(gaps[gaps > 0].astype(float))
    assert 50 <= order.days_between.low <= order.days_between.value <= order.days_between.high < 70
    assert not order.ages_decide
    first[:, COLUMN["damp"]] = NEVER
    assert orders(matrix(300, first_day=first), [("damp", "da")]) == []


def test_needs_that_gather_are_told_from_needs_that_do_not():
    even = next(c for c in concentrations(matrix()) if c.what == "all")
    assert not even.beyond_chance and even.gini < 0.15
    m = matrix()
    few = np.isin(m.lsoa, [f"E{k:03d}" for k in range(6)])
    present = m.present.copy()
    present[few] |= np.random.default_rng(1).random((few.sum(), K)) < 0.2
    found = {c.what: c for c in concentrations(matrix(present=present))}
    assert found["all"].beyond_chance and found["all"].fifth_share > 0.35
    assert found["all"].n_needs == present.sum()


def test_families_that_share_needs_do_not_pass_for_places_that_gather_them():
    """Each family of five is in one place and has the same needs; dealt out as families, none stands out."""
    random = np.random.default_rng(2)
    families = 800
    present = np.repeat(random.random((families, K)) < 0.1, 5, axis=0)
    lsoa = np.repeat(np.array([f"E{k:03d}" for k in random.integers(0, 40, families)], object), 5)
    home = np.repeat(np.arange(1, families + 1), 5)
    found = concentrations(matrix(4000, present=present, lsoa=lsoa, household=home))
    assert not next(c for c in found if c.what == "all").beyond_chance


def test_nothing_small_is_printed(district):
    found = find_patterns(district, DAY, catalogue=CATALOGUE)
    shown = found.printable
    assert 0 < len(found.pairs) <= K * (K - 1) // 2
    for pair in shown.pairs:
        assert min(pair.n_both, pair.n_first - pair.n_both, pair.n_second - pair.n_both) >= 10
    for order in shown.orders:
        assert min(order.n_first, order.n - order.n_first) >= 10
    assert all(some.n >= 10 for some in (*shown.triples, *shown.domains))


def test_it_writes_what_may_be_printed(district):
    result = patterns(district, DAY, catalogue=CATALOGUE)
    path = district.outputs / f"patterns-{DAY}.json"
    before = path.read_bytes()
    patterns(district, DAY, catalogue=CATALOGUE)
    assert path.read_bytes() == before and b"NaN" not in before
    assert result.rows["pairs tested"] > 0


def test_intervals_are_the_textbooks():
    doubtful = stats.binomtest(7, 20).proportion_ci(method="wilson")
    assert [float(x) for x in wilson(7, 20)][1:] == pytest.approx([doubtful.low, doubtful.high])
    low, high = poisson([0, 3, 200])
    assert low == pytest.approx([0, stats.chi2.ppf(0.025, 6) / 2, stats.chi2.ppf(0.025, 400) / 2])
    assert high == pytest.approx(stats.chi2.ppf(0.975, [2, 8, 402]) / 2)
    p = np.random.default_rng(1).random(50) ** 2
    assert adjusted(p) == pytest.approx(stats.false_discovery_control(p))
    assert np.isnan(median_interval(np.array([])).value)


def test_a_day_without_children_has_no_patterns(district):
    found = find_patterns(district, date(1990, 1, 1), catalogue=CATALOGUE)
    assert (found.n_children, found.pairs, found.concentrations) == (0, (), ())
