"""Dwellings with addresses, and who lived where from when to when."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from evi.synthetic.calendar import HISTORY_START, NEVER, REFERENCE_DAY, YEAR, Days, Floats, Ints
from evi.synthetic.draws import Generator, pick_rows, stream
from evi.synthetic.geography import Geography
from evi.synthetic.identifiers import FIRST_UPRN, postcodes
from evi.synthetic.population import People, Population

TENURES = ("owned", "social", "private")
VACANT = 0.04
EPOCH = HISTORY_START - 60 * 366  # spells are searched by household and days since then
WIDE = 1 << 17
STREETS = [
    "Abbey",
    "Acre",
    "Alma",
    "Apple",
    "Ash",
    "Aspen",
    "Bank",
    "Barley",
    "Beech",
    "Bell",
    "Birch",
    "Bridge",
    "Canal",
    "Castle",
    "Cedar",
    "Chapel",
    "Church",
    "Clay",
    "Clover",
    "Corn",
    "Cross",
    "Dale",
    "East",
    "Elm",
    "Fair",
    "Fern",
    "Field",
    "Forge",
    "Garden",
    "Gate",
    "Glen",
    "Grange",
    "Green",
    "Grove",
    "Hall",
    "Hazel",
    "Heath",
    "High",
    "Hill",
    "Holly",
    "Ivy",
    "Jubilee",
    "Kiln",
    "Lark",
    "Laurel",
    "Lime",
    "Long",
    "Low",
    "Manor",
    "Maple",
    "Mill",
    "Moor",
    "Mount",
    "North",
    "Oak",
    "Orchard",
    "Park",
    "Pine",
    "Poplar",
    "Quarry",
    "Queen",
    "River",
    "Rock",
    "Rose",
    "Rowan",
    "Rush",
    "School",
    "South",
    "Spring",
    "Station",
    "Stone",
    "Sycamore",
    "Tanner",
    "Thorn",
    "Tower",
    "Vale",
    "Victoria",
    "Water",
    "Well",
    "West",
    "Willow",
    "Wood",
    "York",
]
WAYS = [
    "Street",
    "Road",
    "Avenue",
    "Lane",
    "Close",
    "Drive",
    "Terrace",
    "Place",
    "Grove",
    "Row",
    "Crescent",
    "View",
]


@dataclass
class Homes:
    """Dwellings (one row each) and spells of households in them, sorted by household and start.

    Attributes:
        uprn, lsoa, postcode, number, street: one a dwelling (`postcode` numbers `postcode_text`).
        tenure: number in TENURES.
        spell_household, spell_dwelling, spell_start, spell_end: one a spell; `first_spell` indexes by
            household.
        household_end: day on which each household left the district (NEVER: still here).
    """

    uprn: Ints
    lsoa: Ints
    postcode: Ints
    postcode_text: pl.Series
    line: pl.Series
    tenure: Ints
    spell_household: Ints
    spell_dwelling: Ints
    spell_start: Days
    spell_end: Days
    first_spell: Ints
    people: People

    def of_household(self, household: Ints, day: Ints) -> Ints:
        """Dwelling of each household on each day (its first one before it came)."""
        keys = self._keys
        wanted = household * WIDE + np.clip(np.asarray(day) - EPOCH, 0, WIDE - 1)
        found = np.searchsorted(keys, wanted, side="right") - 1
        return self.spell_dwelling[np.maximum(found, self.first_spell[household])]

    def of_person(self, person: Ints, day: Ints) -> Ints:
        """Dwelling of each person on each day."""
        people = self.people
        moved = (np.asarray(day) >= people.switch[person]) & (people.second[person] >= 0)
        return self.of_household(np.where(moved, people.second[person], people.household[person]), day)

    @cached_property
    def _keys(self) -> Ints:
        since = (self.spell_start.astype(np.int64) - EPOCH).clip(0)
        return np.asarray(self.spell_household * WIDE + since)


def make_homes(population: Population, seed: int, place: Geography) -> Homes:
    """House everyone: current homes first, then earlier ones that others live in now; separated fathers
    too."""
    rng = stream(seed, "homes")
    people, families = population.people, population.families
    apart = np.flatnonzero((families.separated < NEVER) & (families.father >= 0))
    base = len(families.group) + len(population.lone_lsoa)
    fathers = families.father[apart]
    people.second[fathers] = base + np.arange(apart.size)
    lsoa = np.concatenate([families.lsoa, population.lone_lsoa, _nearby(rng, families.lsoa[apart], place)])
    start = np.concatenate([families.start, population.lone_start, families.separated[apart]]).astype(
        np.int64
    )
    end = np.concatenate(
        [families.end, np.full(len(population.lone_lsoa), NEVER), np.full(apart.size, NEVER)]
    ).astype(np.int64)
    people.left[fathers] = NEVER
    poor = (5.5 - place.decile[lsoa]) / 2.9
    tenure = _tenures(rng, poor)
    moves = rng.poisson(_move_rate(tenure, poor, len(families.group)) * _years(start, end))
    dwelling, current = _dwellings(rng, lsoa, end, tenure, place)
    table = _spells(rng, start, end, moves, dwelling, current, place)
    return Homes(people=people, **current, **table)


def _tenures(rng: Generator, poor: Floats) -> Ints:
    weights = np.column_stack(
        [np.exp(0.6 - 0.75 * poor), np.exp(-0.9 + 0.55 * poor), np.exp(-0.5 + 0.25 * poor)]
    )
    return pick_rows(rng, weights, np.arange(len(poor)))


def _move_rate(tenure: Ints, poor: Floats, families: int) -> Floats:
    """Moves a year within the district (assumption): private tenants move most."""
    rate = np.array([0.030, 0.055, 0.135])[tenure] * np.exp(0.25 * poor)
    return np.where(np.arange(len(tenure)) < families, rate, rate * 0.35)


def _years(start: Ints, end: Ints) -> Floats:
    return np.asarray((np.minimum(end, REFERENCE_DAY) - np.maximum(start, HISTORY_START)).clip(1) / YEAR)


def _nearby(rng: Generator, lsoa: Ints, place: Geography) -> Ints:
    """Another area: three in five in the same ward."""
    order = np.argsort(place.ward_number, kind="stable")
    first = np.searchsorted(place.ward_number[order], np.arange(place.ward_number.max() + 2))
    ward = place.ward_number[lsoa]
    inside = order[first[ward] + (rng.random(lsoa.size) * (first[ward + 1] - first[ward])).astype(int)]
    return np.where(rng.random(lsoa.size) < 0.6, inside, rng.integers(0, len(place.lsoa), lsoa.size))


def _dwellings(
    rng: Generator, lsoa: Ints, end: Ints, tenure: Ints, place: Geography
) -> tuple[Ints, dict[str, Any]]:
    """A dwelling for each household that is still here (-1 for others), and the dwellings' columns."""
    present = np.flatnonzero(end > REFERENCE_DAY)
    spare = rng.choice(lsoa, round(present.size * VACANT))
    where = np.concatenate([lsoa[present], spare])
    kind = np.concatenate([tenure[present], rng.integers(0, 3, spare.size)])
    shuffle = rng.permutation(where.size)
    order = shuffle[np.argsort(where[shuffle], kind="stable")]
    spot = np.empty(where.size, dtype=np.int64)
    spot[order] = np.arange(where.size)
    dwelling = np.full(lsoa.size, -1, dtype=np.int64)
    dwelling[present] = spot[: present.size]
    where, kind = where[order], kind[order]
    first = np.searchsorted(where, np.arange(len(place.lsoa)))
    rank = np.arange(where.size) - first[where]
    street_key = where * 4096 + rank // 40
    _, street = np.unique(street_key, return_inverse=True)
    _, code = np.unique(where * 4096 + rank // 15, return_inverse=True)
    unit = code * 7919 % 400
    text = postcodes(place.ward_number[where] * 10 + code // 400 % 10, unit)
    names = np.array([f"{head} {way}" for way in WAYS for head in STREETS])
    line = pl.Series("line", rank % 40 + 1).cast(pl.String) + " " + pl.Series(names[street * 37 % len(names)])
    return dwelling, {
        "uprn": FIRST_UPRN + np.arange(where.size, dtype=np.int64) * 7,
        "lsoa": where,
        "postcode": code,
        "postcode_text": text,
        "line": line,
        "tenure": kind,
    }


def _spells(
    rng: Generator,
    start: Ints,
    end: Ints,
    moves: Ints,
    dwelling: Ints,
    current: dict[str, Any],
    place: Geography,
) -> dict[str, Any]:
    """Spells from the moves: the last is in the household's present dwelling, earlier ones in others'."""
    count = len(start)
    household = np.concatenate([np.arange(count), np.repeat(np.arange(count), moves)])
    low, high = np.maximum(start, HISTORY_START), np.minimum(end, REFERENCE_DAY)
    extra = household[count:]
    days = low[extra] + (rng.random(extra.size) * np.maximum(high[extra] - low[extra], 1)).astype(np.int64)
    begins = np.concatenate([start, days])
    order = np.lexsort((begins, household))
    household, begins = household[order], begins[order]
    keep = np.ones(household.size, dtype=bool)  # moves within a month of the last are one move
    keep[1:] = (household[1:] != household[:-1]) | (begins[1:] - begins[:-1] >= 30)
    household, begins = household[keep], begins[keep]
    last = np.append(household[1:] != household[:-1], True)
    ends = np.where(last, end[household], np.append(begins[1:], 0))
    home = np.where(last, dwelling[household], -1)
    settled = np.full(len(np.asarray(current["uprn"])), HISTORY_START, dtype=np.int64)
    now = last & (home >= 0)
    settled[home[now]] = begins[now]
    lsoa = np.asarray(current["lsoa"])
    ward = place.ward_number[lsoa]
    origin = place.ward_number[lsoa[np.maximum(dwelling, 0)]][household]
    origin = np.where(
        rng.random(origin.size) < 0.6, origin, rng.integers(0, place.ward_number.max() + 1, origin.size)
    )
    # a dwelling that its present household entered after this spell ended was free for it
    ranked = np.lexsort((settled, ward))
    keys = ward[ranked] * WIDE + (settled[ranked] - EPOCH).clip(0, WIDE - 1)
    from_ = np.searchsorted(keys, origin * WIDE + (np.minimum(ends, REFERENCE_DAY) - EPOCH).clip(0))
    to = np.searchsorted(keys, (origin + 1) * WIDE)
    free = np.where(to > from_, from_ + (rng.random(origin.size) * (to - from_)).astype(np.int64), to - 1)
    home = np.where(home >= 0, home, ranked[free.clip(0, ranked.size - 1)])
    return {
        "spell_household": household,
        "spell_dwelling": home,
        "spell_start": begins.astype(np.int32),
        "spell_end": ends.astype(np.int32),
        "first_spell": np.searchsorted(household, np.arange(count)),
    }
