"""Who lives in the district: families with their children, other adults, communities and names.

People are rows of one table of arrays, children first, then adults; a row's number is the true person id.
Families form by a stationary process (first births spread evenly beyond both ends of the history), so that
births are even over the 18 years and older brothers and sisters exist as adults.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import numpy as np
import yaml

from evi.synthetic.calendar import HISTORY_START, NEVER, REFERENCE_DAY, YEAR, Days, Flags, Floats, Ints
from evi.synthetic.draws import Generator, pick, pick_rows, stream, systematic
from evi.synthetic.geography import Geography
from evi.synthetic.names import NamePool, Tradition, draw_names

CHILD_SHARE = 0.265  # share of people under 18, Bradford (calibration.csv)
LEAVERS = 0.06  # families beyond those resident that left during the history (assumption)
ARRIVALS = 0.16  # families that came from elsewhere after their first child was born (assumption)
TWINS = 0.015  # share of births that are of twins (assumption)
MOST = 8  # children of one mother at most
FATHER_UNKNOWN = 0.05


@dataclass(frozen=True)
class Communities:
    """What differs between communities, as arrays (one entry a community)."""

    code: list[str]
    tradition: Ints
    traditions: list[str]
    children: Floats
    all_ages: Floats
    size: Floats
    english_first: Floats
    language: list[str]
    a_level: Floats
    partner: Floats
    inner: Floats

    def index(self, *codes: str) -> Ints:
        """Numbers of the communities with these ethnicity codes."""
        return np.array([self.code.index(code) for code in codes])


def load_communities() -> Communities:
    """Read `data/communities.yaml`."""
    text = resources.files("evi.synthetic").joinpath("data/communities.yaml").read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = yaml.safe_load(text)["communities"]
    traditions = sorted({str(row["tradition"]) for row in rows})
    sizes = np.zeros((len(rows), MOST))
    for index, row in enumerate(rows):
        sizes[index, : len(row["size"])] = row["size"]
    numbers = {
        key: np.array([float(row[key]) for row in rows])
        for key in ("children", "all_ages", "english_first", "a_level", "partner", "inner")
    }
    return Communities(
        code=[str(row["code"]) for row in rows],
        tradition=np.array([traditions.index(row["tradition"]) for row in rows]),
        traditions=traditions,
        size=sizes / sizes.sum(axis=1, keepdims=True),
        language=[str(row["language"]) for row in rows],
        **numbers,
    )


@dataclass
class Families:
    """Families with children: one entry each.

    `start` and `end` are the days on which they came to live in the district and left it (NEVER: still here);
    `separated` is the day on which the father moved out. `poor` is the deprivation score of the family's
    area.
    """

    group: Ints
    lsoa: Ints
    start: Days
    end: Days
    separated: Days
    poor: Floats
    mother: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    father: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))


@dataclass
class People:
    """Everyone, children first. Ids are row numbers; -1 stands for nobody.

    `household` is a number of `homes.Homes`; `second` is the household to which a person moved on day
    `switch`. `family` is the family of a child or parent, -1 for others.
    """

    children: int
    birth: Days
    sex: Ints
    group: Ints
    mother: Ints
    father: Ints
    family: Ints
    household: Ints
    second: Ints
    switch: Days
    arrived: Days
    left: Days
    english: Flags
    forename: Ints
    middle: Ints
    surname: Ints
    surname2: Ints
    twin: Flags

    @property
    def count(self) -> int:
        """Number of people, ever."""
        return len(self.birth)

    def here(self, day: int) -> Flags:
        """Who is born and lives in the district on `day`."""
        return np.asarray((self.birth <= day) & (self.arrived <= day) & (self.left > day))


@dataclass
class Population:
    """People, their families, and households that are not families with children (`lone`: their LSOAs)."""

    people: People
    families: Families
    communities: Communities
    lone_lsoa: Ints
    lone_start: Days


def _lsoas(rng: Generator, group: Ints, rules: Communities, place: Geography) -> Ints:
    """An LSOA for each household: communities cluster, areas fill in proportion to their size."""
    counts = np.bincount(group, minlength=len(rules.code)).astype(float)
    table = np.exp(np.outer(rules.inner, place.inner)) * place.weight
    area = place.weight / place.weight.sum() * counts.sum()
    for _ in range(40):
        table *= (counts / np.maximum(table.sum(axis=1), 1e-12))[:, None]
        table *= area / np.maximum(table.sum(axis=0), 1e-12)
    return pick_rows(rng, table + 1e-12, group)


def _births(rng: Generator, group: Ints, rules: Communities) -> tuple[Ints, Ints, Flags]:
    """Birth days (family by child; NEVER beyond the family's size), and which are second twins."""
    size = pick_rows(rng, rules.size, group) + 1
    gaps = (300 + rng.gamma(1.6, 420, (len(group), MOST))).astype(np.int64)
    twin = rng.random((len(group), MOST)) < TWINS
    twin[:, 0] = False
    gaps = np.where(twin, 0, gaps)
    gaps[:, 0] = 0
    after = np.cumsum(gaps, axis=1)
    exists = np.arange(MOST) < size[:, None]
    span = np.where(exists, after, 0).max(axis=1)
    first = (
        HISTORY_START
        - span
        + np.floor(rng.random(len(group)) * (REFERENCE_DAY + 1 - HISTORY_START + span)).astype(np.int64)
    )
    births = np.where(exists, first[:, None] + after, NEVER)
    return births, first, twin & exists


def make_population(people: int, seed: int, place: Geography, pool: NamePool) -> Population:
    """Make a district of about this many residents on the reference day."""
    rules = load_communities()
    rng = stream(seed, "families")
    families, births, twin = _families(rng, people, rules, place)
    child_family, child_slot = np.nonzero((births >= HISTORY_START) & (births <= REFERENCE_DAY))
    order = rng.permutation(child_family.size)
    child_family, child_slot = child_family[order], child_slot[order]
    adults = _Adults(stream(seed, "adults"), rules, place, families, births, len(order), people)
    child_birth = births[child_family, child_slot].astype(np.int32)
    count = len(order)
    rng = stream(seed, "children")
    sex = np.concatenate([(rng.random(count) < 0.512).astype(np.int64), adults.sex])
    group = np.concatenate([families.group[child_family], adults.group])
    family = np.concatenate([child_family, adults.family])
    english = np.concatenate(
        [
            systematic(rng, rules.english_first[families.group], families.group)[child_family],
            rng.random(adults.size) < rules.english_first[adults.group] * 0.8,
        ]
    )
    everyone = People(
        children=count,
        birth=np.concatenate([child_birth, adults.birth]).astype(np.int32),
        sex=sex,
        group=group,
        mother=np.concatenate([families.mother[child_family], adults.mother]),
        father=np.concatenate([families.father[child_family], np.full(adults.size, -1)]),
        family=family,
        household=np.concatenate([child_family, adults.household]),
        second=np.concatenate([np.full(count, -1), adults.second]),
        switch=np.concatenate([np.full(count, NEVER), adults.switch]).astype(np.int32),
        arrived=np.concatenate(
            [np.maximum(families.start[child_family], child_birth), adults.arrived]
        ).astype(np.int32),
        left=np.concatenate([families.end[child_family], adults.left]).astype(np.int32),
        english=english,
        forename=np.zeros(count + adults.size, dtype=np.int64),
        middle=np.zeros(count + adults.size, dtype=np.int64),
        surname=np.zeros(count + adults.size, dtype=np.int64),
        surname2=np.zeros(count + adults.size, dtype=np.int64),
        twin=np.concatenate([twin[child_family, child_slot], np.zeros(adults.size, dtype=bool)]),
    )
    _name(stream(seed, "names"), everyone, rules, pool, families)
    return Population(everyone, families, rules, adults.lone_lsoa, adults.lone_start)


def _families(
    rng: Generator, people: int, rules: Communities, place: Geography
) -> tuple[Families, Ints, Flags]:
    """Families whose children resident on the reference day number `CHILD_SHARE` of `people`."""
    children = round(people * CHILD_SHARE)
    each = rules.size @ np.arange(1, MOST + 1)
    weights = rules.children / each
    guess = int(children / (rules.children.sum() / weights.sum()) * 1.6) + 50
    group = pick(rng, np.ones(len(rules.code)), guess) * 0 + _even(rng, weights, guess)
    births, first, twin = _births(rng, group, rules)
    inside = ((births >= HISTORY_START) & (births <= REFERENCE_DAY)).sum(axis=1)
    born = np.flatnonzero(inside)
    gone = rng.random(born.size) < LEAVERS / (1 + LEAVERS)
    resident = np.cumsum(np.where(gone, 0, inside[born]))
    keep = born[: int(np.searchsorted(resident, children)) + 1]
    gone = gone[: keep.size]
    group, births, first, twin = group[keep], births[keep], first[keep].astype(np.int64), twin[keep]
    last = np.where(births <= REFERENCE_DAY, births, 0).max(axis=1)
    came = np.maximum(first, HISTORY_START - 2500) - rng.integers(30, 1500, keep.size)
    moved_in = rng.random(keep.size) < ARRIVALS
    lately = np.maximum(first, HISTORY_START)
    arrival = lately + rng.random(keep.size) * (REFERENCE_DAY - 30 - lately)
    start = np.where(moved_in, arrival, came).astype(np.int32)
    earliest = np.maximum(last, start) + 60
    leaving = earliest + rng.random(keep.size) * np.maximum(REFERENCE_DAY - earliest, 30)
    end = np.where(gone, np.minimum(leaving, REFERENCE_DAY - 1), NEVER).astype(np.int32)
    end = np.where(gone & (end <= start), start + 30, end).astype(np.int32)
    lsoa = _lsoas(rng, group, rules, place)
    poor = place.inner * 0 + (5.5 - place.decile) / 2.9
    apart = rng.random(keep.size) < 0.30 + 0.06 * poor[lsoa]
    separated = np.where(apart, first + rng.gamma(2.0, 1100, keep.size) + 200, NEVER)
    separated = np.where((separated < REFERENCE_DAY) & (separated > start), separated, NEVER).astype(np.int32)
    return Families(group, lsoa, start, end, separated, poor[lsoa]), births, twin


def _even(rng: Generator, weights: Floats, size: int) -> Ints:
    """Choices whose counts are as near to their shares as whole numbers allow, in random order."""
    edges = np.cumsum(weights) / np.sum(weights)
    return np.searchsorted(edges, rng.permutation((np.arange(size) + rng.random()) / size)).clip(
        0, len(weights) - 1
    )


class _Adults:
    """Parents, grown-up children, grandparents and everyone else; numbers follow the children's."""

    def __init__(
        self,
        rng: Generator,
        rules: Communities,
        place: Geography,
        families: Families,
        births: Ints,
        children: int,
        people: int,
    ) -> None:
        self._rng, self._rules, self._children = rng, rules, children
        self._parts: dict[str, list[Ints]] = {
            key: []
            for key in (
                [
                    "birth",
                    "sex",
                    "group",
                    "family",
                    "household",
                    "second",
                    "switch",
                    "arrived",
                    "left",
                    "mother",
                ]
            )
        }
        self.size = 0
        count = len(families.group)
        everyone = np.arange(count)
        first = births.min(axis=1)
        age = np.clip(rng.normal(27.5 - 1.2 * families.poor, 4.8, count), 16, 41)
        mother_birth = first - age * YEAR
        families.mother = self._add(families, everyone, mother_birth, 0)
        self._fathers(families, everyone, mother_birth)
        self._older(families, births)
        self._grandparents(families, mother_birth)
        self._others(families, place, people)
        for key, parts in self._parts.items():
            setattr(self, key, np.concatenate(parts))

    birth: Ints
    sex: Ints
    group: Ints
    family: Ints
    household: Ints
    second: Ints
    switch: Ints
    arrived: Ints
    left: Ints
    mother: Ints

    def _add(self, families: Families, family: Ints, birth: Floats, sex: Ints | int) -> Ints:
        """Add one adult to each of these families; returns their ids."""
        size = len(family)
        days = birth.astype(np.int64)
        for key, value in (
            ("birth", days),
            ("sex", np.broadcast_to(np.asarray(sex), size)),
            ("group", families.group[family]),
            ("family", family),
            ("household", family),
            ("second", np.full(size, -1)),
            ("switch", np.full(size, NEVER)),
            ("arrived", families.start[family].astype(np.int64)),
            ("left", families.end[family].astype(np.int64)),
            ("mother", np.full(size, -1)),
        ):
            self._parts[key].append(np.asarray(value, dtype=np.int64))
        self.size += size
        return np.arange(self.size - size, self.size) + self._children

    def _fathers(self, families: Families, everyone: Ints, mother_birth: Floats) -> None:
        rng, count = self._rng, len(everyone)
        partner = rng.random(count) < self._rules.partner[families.group]
        known = everyone[partner]
        birth = mother_birth[known] - rng.normal(2.8, 3.5, known.size) * YEAR
        ids = self._add(families, known, np.minimum(birth, mother_birth[known] + 5 * YEAR), 1)
        families.father = np.full(count, -1, dtype=np.int64)
        families.father[known] = ids
        families.separated = np.where(partner, families.separated, NEVER).astype(np.int32)
        self._parts["switch"][-1] = families.separated[known].astype(np.int64)

    def _older(self, families: Families, births: Ints) -> None:
        """Brothers and sisters born up to ten years before the history, most of them still at home."""
        family, slot = np.nonzero((births < HISTORY_START) & (births > HISTORY_START - 10 * YEAR))
        stay = self._rng.random(family.size) < 0.6
        family, slot = family[stay], slot[stay]
        days = births[family, slot].astype(float)
        self._add(families, family, days, self._rng.integers(0, 2, family.size))
        self._parts["mother"][-1] = families.mother[family]

    def _grandparents(self, families: Families, mother_birth: Floats) -> None:
        asian = np.isin(families.group, self._rules.index("APKN", "ABAN", "AIND", "AOTH"))
        chance = np.where(asian, 0.16, 0.02)
        for sex in (0, 1):
            family = np.flatnonzero(self._rng.random(len(chance)) < chance * (0.9 if sex == 0 else 0.6))
            birth = mother_birth[family] - self._rng.normal(27, 5, family.size) * YEAR
            self._add(families, family, np.maximum(birth, REFERENCE_DAY - 98 * YEAR), sex)

    def _others(self, families: Families, place: Geography, people: int) -> None:
        """Adults without children of this age, in households of one to four, so that shares of all ages
        fit."""
        rng, rules = self._rng, self._rules
        here = families.end > REFERENCE_DAY
        adult_groups = np.concatenate(self._parts["group"])
        adult_here = np.concatenate(self._parts["left"]) > REFERENCE_DAY
        present = np.bincount(adult_groups[adult_here], minlength=len(rules.code)).astype(float)
        kids = rules.children / rules.children.sum() * people * CHILD_SHARE
        wanted = rules.all_ages / rules.all_ages.sum() * people - kids - present
        count = max(people - round(people * CHILD_SHARE) - int(adult_here.sum()), 10)
        self.lone_size = count
        sizes = np.repeat(
            np.arange(1, 5), np.round(np.array([0.44, 0.42, 0.09, 0.05]) * count / 1.75).astype(int) + 1
        )
        sizes = rng.permutation(sizes)
        sizes = sizes[: int(np.searchsorted(np.cumsum(sizes), count)) + 1]
        group = _even(rng, np.maximum(wanted, people * 1e-4), len(sizes))
        self.lone_lsoa = _lsoas(rng, group, rules, place)
        household = np.repeat(np.arange(len(sizes)), sizes)[:count]
        self.lone_start = (REFERENCE_DAY - rng.gamma(1.3, 9 * YEAR, len(sizes)) - 40).astype(np.int32)
        base = np.clip(rng.gamma(7.5, 7.2, len(sizes)), 18.5, 96)[household]
        age = np.clip(base + rng.normal(0, 4, count), 18.2, 99)
        birth = (REFERENCE_DAY - age * YEAR).astype(np.int64)
        start = np.maximum(self.lone_start[household], birth + int(16 * YEAR))
        for key, value in (
            ("birth", birth),
            ("sex", rng.integers(0, 2, count)),
            ("group", group[household]),
            ("family", np.full(count, -1)),
            ("household", household + len(here)),
            ("second", np.full(count, -1)),
            ("switch", np.full(count, NEVER)),
            ("arrived", start),
            ("left", np.full(count, NEVER)),
            ("mother", np.full(count, -1)),
        ):
            self._parts[key].append(np.asarray(value, dtype=np.int64))
        self.size += count


def _name(rng: Generator, people: People, rules: Communities, pool: NamePool, families: Families) -> None:
    """Give everyone names by the habits of their tradition."""
    tradition = rules.tradition[people.group]
    count = people.children
    for rows, kind in ((slice(0, count), "child"), (slice(count, None), "adult")):
        for target, chance in (("forename", 1.0), ("middle", 0.55)):
            names = draw_names(rng, pool, rules.traditions, tradition[rows], people.sex[rows], kind)
            getattr(people, target)[rows] = np.where(rng.random(len(names)) < chance, names, 0)
    many = len(families.group)
    family_surname = np.zeros(many, dtype=np.int64)
    maiden = np.zeros(people.count, dtype=np.int64)
    for index, name in enumerate(rules.traditions):
        style = pool.traditions[name]
        found = np.flatnonzero(rules.tradition[families.group] == index)
        family_surname[found] = _places(rng, style, found.size)
        own = np.flatnonzero(tradition == index)
        maiden[own] = _places(rng, style, own.size)
    in_family = people.family >= 0
    takes = np.where(people.sex == 0, 0.72, 0.985)
    takes[:count] = 0.93
    takes[families.mother] = 0.62
    shared = in_family & (rng.random(people.count) < takes)
    place = np.where(shared, family_surname[np.maximum(people.family, 0)], maiden)
    for index, name in enumerate(rules.traditions):
        style = pool.traditions[name]
        found = np.flatnonzero(tradition == index)
        women = people.sex[found] == 0
        people.surname[found] = np.where(
            women, style.surnames_f[place[found]], style.surnames.ids[place[found]]
        )
        if style.daughters is not None:
            titled = found[women & (rng.random(found.size) < np.where(found < count, 0.13, 0.40))]
            people.surname[titled] = style.daughters.draw(rng, titled.size)
    english = tradition == rules.traditions.index("english")
    double = np.flatnonzero(english[:count] & (rng.random(many)[people.family[:count]] < 0.06))
    people.surname2[double] = people.surname[people.mother[double]]
    people.surname2[people.surname2 == people.surname] = 0


def _places(rng: Generator, style: Tradition, size: int) -> Ints:
    """Places in the tradition's list of surnames, by weight."""
    edges = np.cumsum(style.surnames.weights)
    return np.searchsorted(edges / edges[-1], rng.random(size), side="right")
