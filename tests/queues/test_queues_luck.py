"""Luck that is looked up: the published vectors, and that it is as even as it should be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evi.queues.simulation import luck

WORDS = st.integers(0, 2**32 - 1)

VECTORS = [  # key, counter, result: Random123's kat_vectors, philox4x32 with 10 rounds
    (
        (0, 0),
        (0, 0, 0, 0),
        (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
    ),
    (
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    (
        (0xA4093822, 0x299F31D0),
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("key", "counter", "expected"), VECTORS)
def test_it_is_philox_as_published(key, counter, expected):
    assert luck.block(*key, *counter) == expected


def test_it_is_even_in_each_word_and_from_child_to_child():
    draws = np.array(
        [
            [luck.uniform(word) for word in luck.block(7, 0, luck.CHILD, week, child, 0)]
            for week in range(20)
            for child in range(200)
        ]
    )
    assert draws.min() > 0.0 and draws.max() < 1.0
    for lane in draws.T:
        assert stats.kstest(lane, "uniform").pvalue > 1e-4
    together = np.corrcoef(np.column_stack([draws[:-1], draws[1:]]).T)
    assert np.abs(together - np.eye(8)).max() < 4.5 / np.sqrt(len(draws))


@pytest.mark.parametrize("mean", [0.3, 4.0, 60.0, 1200.0])
def test_numbers_of_referrals_are_poisson(mean):
    drawn = np.array([luck.poisson(mean, 5, 6, luck.ARRIVALS, 0, week) for week in range(3000)])
    assert abs(drawn.mean() - mean) < 4.5 * np.sqrt(mean / len(drawn))
    assert abs(drawn.var() / mean - 1.0) < 4.5 * np.sqrt((2.0 + 1.0 / mean) / len(drawn))


def test_a_mean_of_nothing_is_nobody():
    assert luck.poisson(0.0, 1, 2, luck.ARRIVALS, 0, 0) == 0


@given(WORDS, WORDS, st.floats(0, 499), st.floats(0, 499))
@settings(deadline=None, max_examples=100)
def test_with_the_same_luck_a_larger_mean_never_gives_fewer(key0, key1, one, other):
    low, high = sorted((one, other))
    numbers = [luck.poisson(mean, key0, key1, luck.ARRIVALS, 0, 0) for mean in (low, high)]
    assert numbers[0] <= numbers[1]


@given(st.integers(1, 12), st.floats(0.01, 0.99), st.floats(0.0005, 0.9995))
@settings(deadline=None, max_examples=100)
def test_numbers_of_people_away_are_binomial(people, chance, draw):
    away = luck.binomial(people, chance, draw)
    below, upto = stats.binom.cdf([away - 1, away], people, chance)
    assert below - 1e-9 <= draw <= upto + 1e-9


def test_nobody_or_everybody_is_away_for_sure():
    assert luck.binomial(5, 0.0, 0.99) == 0
    assert luck.binomial(5, 1.0, 0.01) == 5
    assert luck.binomial(0, 0.5, 0.5) == 0
