"""Each attack reads codes that are weak for it, and reads nothing where codes and people are shuffled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from benchmarks.attacks.dates import days_read
from benchmarks.attacks.measures import attack, quality, rate
from benchmarks.attacks.methods import ATTACKS
from benchmarks.attacks.people import Population, Scene, scene
from benchmarks.attacks.views import see

from evi.encoding import Keys, load_profiles

PROFILES = load_profiles()
PEOPLE = 240
LETTERS = np.array(list("ABCDEFGHIKLMNOPRSTUW"))


def made_up(count: int, seed: int) -> pl.DataFrame:
    """People whose names come from short lists, the first far more often than the last."""
    rng = np.random.default_rng(seed)
    pools = [_pool(np.random.default_rng(part), size) for part, size in ((1, 40), (2, 60))]
    weights = [1 / np.arange(1, len(pool) + 1) ** 1.2 for pool in pools]
    names = [rng.choice(p, count, p=w / w.sum()) for p, w in zip(pools, weights, strict=True)]
    days = np.datetime64("1950-01-01") + rng.integers(0, 25_000, count)
    places = rng.choice([f"BD{i} {j}AA" for i in range(1, 9) for j in range(10)], count)
    return pl.DataFrame(
        {
            "person": [str(i + seed * 10**6) for i in range(count)],
            "forename": names[0],
            "surname": names[1],
            "date_of_birth": days.astype(str),
            "sex": rng.choice(["F", "M"], count),
            "postcode": places,
            "group": rng.choice(["one", "other"], count),
        }
    )


def _pool(rng: np.random.Generator, size: int) -> list[str]:
    return ["".join(rng.choice(LETTERS, rng.integers(4, 10))) for _ in range(size)]


@pytest.fixture(scope="module")
def same_file() -> Scene:
    """The attacker holds the very file that is encoded."""
    people = made_up(PEOPLE, 1)
    return Scene(people, {"clear_100": people.sample(fraction=1, shuffle=True, seed=2)})


@pytest.mark.parametrize(
    ("method", "profile", "least"),
    [
        ("frequency", "tokens", 0.03),
        ("patterns", "tokens", 0.1),
        ("patterns", "bloom", 0.05),
        ("graph", "tokens", 0.9),
        ("graph", "bloom", 0.9),
        ("graph", "clk", 0.5),
    ],
)
def test_an_attacker_who_holds_the_very_file_reads_it(
    same_file: Scene, method: str, profile: str, least: float
) -> None:
    found = attack(same_file, PROFILES[profile], (method,))["clear_100", method]
    assert found.records >= least


@pytest.mark.parametrize("method", ATTACKS)
@pytest.mark.parametrize("profile", ["tokens", "bloom", "clk"])
def test_shuffled_codes_are_read_no_better_than_by_chance(
    same_file: Scene, method: str, profile: str
) -> None:
    """Codes dealt out to people at random: what is right is what chance gives to any guess."""
    target = see(same_file.target, PROFILES[profile], Keys.throw_away(), delivery="one")
    held = see(same_file.held["clear_100"], PROFILES[profile], Keys.throw_away(), delivery="two")
    guess = ATTACKS[method](target, held, False)
    rng = np.random.default_rng(5)
    found = [
        rate(replace(target, names=[target.names[i] for i in rng.permutation(PEOPLE)]), guess).records
        for _ in range(20)
    ]
    counts = pl.Series([f"{a} {b}" for a, b in target.names]).value_counts()["count"].to_numpy()
    chance = float(((counts / PEOPLE) ** 2).sum())
    assert np.mean(found) <= chance * 1.5 + 0.005


def test_noise_and_salt_cost_the_counting_attacks_what_they_read(same_file: Scene) -> None:
    plain = attack(same_file, PROFILES["bloom"], ("patterns",))["clear_100", "patterns"]
    noisy = attack(same_file, PROFILES["bloom-hardened"], ("patterns",))["clear_100", "patterns"]
    assert noisy.values < plain.values


def test_a_scene_gives_each_attacker_what_its_name_says() -> None:
    everyone = made_up(600, 3)
    made = scene(Population("made up", everyone, everyone), 100, 1, public=50)
    target = set(made.target["person"])
    held = {name: set(people["person"]) for name, people in made.held.items()}
    assert not held["public"] & target and len(held["public"]) == 50
    assert [len(held[f"clear_{n}"] & target) for n in (20, 80, 100)] == [20, 80, 100]
    assert [len(held[f"clear_{n}"]) for n in (20, 80, 100)] == [100, 100, 100]
    assert made.held["public"]["date_of_birth"].null_count() == 50


@pytest.mark.parametrize("profile", ["tokens", "bloom", "clk"])
def test_the_same_people_are_linked_whole(same_file: Scene, profile: str) -> None:
    assert quality(same_file, PROFILES[profile]).f1 > 0.98


def test_birth_dates_can_be_read_only_where_months_stand_beside_their_codes() -> None:
    everyone = made_up(40_000, 6)
    assert days_read(everyone, with_month=True) > 0.3
    assert days_read(everyone, with_month=False) == 0
