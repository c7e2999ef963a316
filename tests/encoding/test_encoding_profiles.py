"""Profiles are declared, measured, and refused where they give away more than they may."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from evi.encoding import Keys, Profile, encode, encode_profile, load_profiles
from evi.encoding.profiles import ATTACKERS, encode_unchecked, parse_profiles, usable
from evi.workspace import District, EviError, RefusedError
from tests.linkage.small_district import keys_of, make_small_district

KEYS = Keys.throw_away()
PROFILES = load_profiles()
SCHEMA = json.loads(files("evi.encoding").joinpath("profiles.schema.json").read_text(encoding="utf-8"))
PEOPLE = {
    "forename": pa.array(["Ann", "ANN", "Anne", None]),
    "surname": pa.array(["Smith", "Smith", "Smyth", "Khan"]),
    "date_of_birth": pa.array(["2012-03-04", "2012-03-04", "2013-03-04", "2012-03-04"]),
    "sex": pa.array(["F", "F", "F", "M"]),
    "postcode": pa.array(["BD1 1AA", "BD1 1AA", "BD1 1AA", None]),
}
LIMIT = dict.fromkeys(ATTACKERS, 0.2)


def test_the_default_is_within_its_limit() -> None:
    assert usable(PROFILES["tokens"]) is PROFILES["tokens"]


@pytest.mark.parametrize("profile", PROFILES.values(), ids=str)
def test_a_profile_over_its_limit_is_refused_at_use(profile: Profile) -> None:
    assert profile.measured is not None, "run python -m benchmarks.attacks"
    if profile.over_limit:
        with pytest.raises(RefusedError, match="declared limit"):
            encode_profile(PEOPLE, profile, KEYS)
    else:
        encode_profile(PEOPLE, profile, KEYS)


def test_the_words_of_a_refusal() -> None:
    found = dict.fromkeys(ATTACKERS, 0.1) | {"clear_20": 0.31}
    profile = replace(PROFILES["tokens"], limit=LIMIT, measured=found)
    with pytest.raises(RefusedError) as refused:
        usable(profile)
    assert "an attacker with 20% of the people in clear re-identified 31% of records" in str(refused.value)
    with pytest.raises(RefusedError, match="never attacked"):
        usable(replace(profile, measured=None))


@pytest.mark.parametrize("profile", PROFILES.values(), ids=str)
def test_equal_people_are_equal_under_every_profile_without_noise(profile: Profile) -> None:
    made = encode_unchecked(PEOPLE, profile, KEYS)
    for bits in made.filters.values():
        assert len(bits) == 4
        if profile.epsilon is None:
            assert (bits[0] == bits[1]).all() and (bits[0] != bits[2]).any()
    names = {"fn", "fn_del", "sn"} & set(made.tokens)
    assert bool(names) == (profile.kind == "tokens")
    for name in names:
        values = made.tokens[name].to_pylist()
        assert values[0] == values[1] != values[2]
    if "forename" in made.filters:
        assert not made.filters["forename"][3].any()


def test_a_salted_name_is_another_in_another_year() -> None:
    twice = PEOPLE | {"forename": pa.array(["Ann"] * 4)}
    for kind in ("tokens", "bloom"):
        plain, salted = (encode_unchecked(twice, PROFILES[name], KEYS) for name in (kind, f"{kind}-salted"))
        if kind == "tokens":
            assert plain.tokens["fn"][0] == plain.tokens["fn"][2]
            assert salted.tokens["fn"][0] == salted.tokens["fn"][1] != salted.tokens["fn"][2]
            assert not set(salted.tokens["fn_del"][0].as_py()) & set(salted.tokens["fn_del"][2].as_py())
        else:
            assert (plain.filters["forename"][0] == plain.filters["forename"][2]).all()
            assert (salted.filters["forename"][0] != salted.filters["forename"][2]).any()


def test_noise_is_another_in_each_delivery() -> None:
    profile = PROFILES["bloom-blip"]
    one, again, other = (
        encode_unchecked(PEOPLE, profile, KEYS, delivery=name).filters["surname"] for name in "aab"
    )
    assert (one == again).all() and (one != other).any()
    assert (one[0] != one[1]).any()


@pytest.mark.parametrize(
    "change",
    [
        {"limit": {"public": 0.1}},
        {"limit": LIMIT | {"public": 1.5}},
        {"kind": "magic"},
        {"bits": 256},
        {"more": 1},
    ],
    ids=str,
)
def test_a_declaration_that_breaks_the_schema_is_refused(change: Mapping[str, Any]) -> None:
    entry = {"title": "A profile of a test", "kind": "tokens", "limit": LIMIT, "measured": None}
    assert parse_profiles({"profiles": {"mine": entry}}, SCHEMA)["mine"].limit == LIMIT
    with pytest.raises(EviError, match="not as the schema asks"):
        parse_profiles({"profiles": {"mine": entry | change}}, SCHEMA)


def test_a_district_is_not_encoded_under_a_profile_that_is_refused(tmp_path: Path) -> None:
    made = make_small_district(tmp_path / "district", families=2)
    for profile, words in (("none-such", "no profile"), ("clk-blip", "keyed tokens only|declared limit")):
        district = District(made.district.root, replace(made.district.config, profile=profile))
        with pytest.raises(EviError, match=words):
            encode(district, keys_of(made))
