"""Bloom filters keep likeness, and what hardens them does what it says."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from evi.encoding import filters

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
NAMES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=14)


def made(*names: str, key: bytes = KEY) -> filters.Bits:
    return filters.filters([filters.bigrams(name) for name in names], key, bits=256, hashes=8)


@settings(deadline=None)
@given(NAMES, NAMES)
def test_equal_names_have_equal_filters_and_a_part_is_within_the_whole(name: str, other: str) -> None:
    one, again = made(name, name)
    assert (one == again).all()
    grams = filters.bigrams(name) + filters.bigrams(other)
    whole = filters.filters([grams], KEY, bits=256, hashes=8)[0]
    assert (one <= whole).all()
    assert filters.dice(made(name), made(name))[0] == 1


def test_likeness_is_kept_and_another_key_has_none_of_it() -> None:
    johnson, jonson, patel = made("JOHNSON", "JONSON", "PATEL")
    like, unlike = filters.dice(np.array([johnson, johnson]), np.array([jonson, patel]))
    assert like > 0.6
    assert unlike < 0.4
    assert filters.dice(made("JOHNSON"), made("JOHNSON", key=OTHER))[0] < 0.5


@settings(deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=5))
def test_balanced_filters_all_have_as_many_bits_and_keep_equality(names: list[str]) -> None:
    plain = made(*names)
    even = filters.balanced(plain, OTHER)
    assert even.shape == (len(names), 512)
    assert set(even.sum(axis=1)) == {256}
    assert [(a == b).all() for a in even for b in even] == [(a == b).all() for a in plain for b in plain]


def test_folding_halves_a_filter() -> None:
    plain = made("JOHNSON")
    assert filters.folded(plain).shape == (1, 128)
    assert (filters.folded(plain)[0] == plain[0, :128] ^ plain[0, 128:]).all()


def test_noise_turns_over_the_stated_share_and_is_another_for_each_delivery() -> None:
    plain = np.zeros((2_000, 256), np.uint8)
    chance = filters.flip_probability(20, 8)
    one, other = filters.flipped(plain, KEY, chance), filters.flipped(plain, OTHER, chance)
    assert abs(one.mean() - chance) < 0.002
    assert abs((one & other).mean() - chance**2) < 0.001
    assert (filters.flipped(plain, KEY, chance) == one).all()
    assert filters.flip_probability(1e-9, 8) > 0.499


def test_nothing_has_no_bits() -> None:
    assert filters.filters([[], []], KEY, bits=64, hashes=4).sum() == 0
    assert filters.dice(made(""), np.zeros((1, 256), np.uint8))[0] == 0
