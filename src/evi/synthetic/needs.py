"""Latent needs: what is true of a child or a family, whether or not anybody knows it.

A Gaussian copula: every need has a latent score made of shared factors (deprivation, adversity, development)
and its own part; those with the highest scores have the need. So marginal shares are exact and needs go
together. Prematurity follows a logistic model instead, because its odds ratio is published.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
import yaml
from scipy.special import expit

from evi.synthetic.calendar import HISTORY_START, NEVER, REFERENCE_DAY, YEAR, Days, Flags, Floats, Ints
from evi.synthetic.draws import Generator, scores, solve_offset, stream, systematic, top_share
from evi.synthetic.population import Population


@dataclass(frozen=True)
class Need:
    """Who has a need (one entry a family or a child) and from when to when (NEVER: it lasts)."""

    has: Flags
    onset: Days
    end: Days

    def active(self, rows: Ints, day: Ints | int) -> Flags:
        """Whether each of `rows` has the need on `day`."""
        return np.asarray(self.has[rows] & (self.onset[rows] <= day) & (self.end[rows] > day))


@dataclass
class Needs:
    """All latent needs and circumstances.

    Attributes:
        family, child: needs by name.
        fsm: child is eligible for free school meals; a_level: family's mother has A levels or more.
        gestation (weeks), weight (grams), smoking, booking (weeks), low_weight: circumstances of each birth.
        absence, ability: latent liability to be absent, and latent attainment (normal scores, children).
        adversity, deprivation: the families' factor scores; development: the children's.
    """

    family: dict[str, Need]
    child: dict[str, Need]
    fsm: Flags
    a_level: Flags
    gestation: Ints
    weight: Ints
    smoking: Flags
    booking: Ints
    absence: Floats
    ability: Floats
    adversity: Floats
    deprivation: Floats
    development: Floats


def settings() -> dict[str, Any]:
    """The settings in `data/needs.yaml`."""
    text = resources.files("evi.synthetic").joinpath("data/needs.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def make_needs(population: Population, seed: int) -> Needs:
    """Draw every latent need of every family and child."""
    spec = settings()
    rng = stream(seed, "needs")
    families, people = population.families, population.people
    of_child = people.family[: people.children]
    factor = spec["factors"]
    count = len(families.group)
    deprivation = scores(
        factor["area"] * families.poor + (1 - factor["area"] ** 2) ** 0.5 * rng.normal(size=count)
    )
    rho = factor["adversity_with_deprivation"]
    adversity = rho * deprivation + (1 - rho**2) ** 0.5 * rng.normal(size=count)
    shared = factor["development_shared"]
    development = shared**0.5 * rng.normal(size=count)[of_child] + (1 - shared) ** 0.5 * rng.normal(
        size=of_child.size
    )
    poverty_latent, family = _family_needs(rng, spec["family"], population, deprivation, adversity)
    boy = people.sex[: people.children] == 1
    child = _child_needs(
        rng, spec, population, (deprivation[of_child], adversity[of_child], development), boy
    )
    born = _births(rng, spec["birth"], population, family["poverty"].has, deprivation)
    fsm = top_share(poverty_latent + 1e-9 * rng.random(of_child.size), float(spec["fsm"]))
    a_level = systematic(
        rng,
        np.clip(population.communities.a_level[families.group] - 0.11 * deprivation, 0.01, 0.95),
        families.group,
    )
    anxious, able = child["anxiety"].has, child["learning_disability"].has
    absence = scores(
        0.35 * deprivation[of_child]
        + 0.35 * adversity[of_child]
        + 0.7 * anxious
        + 0.5 * child["exploitation"].has
        + 0.5 * child["autism"].has
        + rng.normal(scale=0.9, size=of_child.size)
    )
    ability = scores(
        -0.3 * deprivation[of_child] - 0.5 * development - 1.2 * able + rng.normal(size=of_child.size)
    )
    child["school_absence"] = Need(
        top_share(absence, 0.18),
        people.birth[: people.children] + int(5 * YEAR),
        np.full(boy.size, NEVER, np.int32),
    )
    return Needs(family, child, fsm, a_level, *born, absence, ability, adversity, deprivation, development)


def _family_needs(
    rng: Generator, spec: dict[str, Any], population: Population, deprivation: Floats, adversity: Floats
) -> tuple[Floats, dict[str, Need]]:
    families, people = population.families, population.people
    first = np.full(len(families.group), REFERENCE_DAY, dtype=np.int64)
    np.minimum.at(first, people.family[: people.children], people.birth[: people.children])
    begin = np.maximum(np.maximum(first - 200, families.start), HISTORY_START)
    last = np.minimum(families.end, REFERENCE_DAY)
    sizes = np.bincount(people.family[: people.children], minlength=len(first))
    made: dict[str, Need] = {}
    poverty = np.empty(0)
    for name, rules in spec.items():
        load_d, load_a = float(rules["deprivation"]), float(rules["adversity"])
        own = (1 - load_d**2 - load_a**2) ** 0.5
        latent = load_d * deprivation + load_a * adversity + own * rng.normal(size=len(first))
        if name == "overcrowding":
            latent = latent + 0.45 * (sizes - 2)
        if name == "poverty":
            poverty = latent
            has = _children_share(latent, sizes, float(rules["share"]))
        else:
            has = top_share(latent, float(rules["share"]))
        onset = begin + (rng.random(len(first)) ** (1.3 if rules["years"] else 6.0)) * np.maximum(
            last - begin, 1
        )
        length = rng.exponential(max(float(rules["years"]), 0.1) * YEAR, len(first)) + 60
        end = np.where(rules["years"] > 0, np.minimum(onset + length, NEVER), NEVER)
        made[name] = Need(has, onset.astype(np.int32), end.astype(np.int32))
    return poverty[people.family[: people.children]], made


def _children_share(latent: Floats, sizes: Ints, share: float) -> Flags:
    """Families with the highest scores that together hold `share` of the children."""
    order = np.argsort(-latent)
    has = np.zeros(latent.size, dtype=bool)
    has[order[np.cumsum(sizes[order]) <= share * sizes.sum()]] = True
    return has


def _child_needs(
    rng: Generator,
    spec: dict[str, Any],
    population: Population,
    factors: tuple[Floats, Floats, Floats],
    boy: Flags,
) -> dict[str, Need]:
    birth = population.people.birth[: population.people.children]
    made: dict[str, Need] = {}
    autistic = np.zeros(boy.size, dtype=bool)
    latent = 0.55 * factors[2] + 0.835 * rng.normal(size=boy.size)
    for mask, key in ((boy, "boys"), (~boy, "girls")):
        rows = np.flatnonzero(mask)
        autistic[rows[top_share(latent[rows], float(spec["autism"][key]))]] = True
    never = np.full(boy.size, NEVER, dtype=np.int32)
    made["autism"] = Need(autistic, birth.copy(), never)
    for name, rules in spec["child"].items():
        loads = [float(rules[key]) for key in ("deprivation", "adversity", "development")]
        own = (1 - sum(load**2 for load in loads)) ** 0.5
        score = sum(load * factor for load, factor in zip(loads, factors, strict=True))
        score = score + own * rng.normal(size=boy.size) + float(rules["boys"]) * boy
        if name in {"language_delay", "anxiety", "adhd"}:
            score = score + 0.6 * autistic
        if name == "learning_disability":
            has = _learning(rng, score, autistic, float(rules["share"]), float(spec["autism"][name]))
        else:
            has = top_share(score, float(rules["share"]))
        age = np.clip(rng.normal(float(rules["onset"]), 0.22 * float(rules["onset"]), boy.size), 0.1, 17.5)
        onset = birth + (age * YEAR).astype(np.int32)
        length = rng.exponential(max(float(rules["years"]), 0.1) * YEAR, boy.size) + 120
        end = np.where(rules["years"] > 0, np.minimum(onset + length, NEVER), NEVER).astype(np.int32)
        made[name] = Need(has, onset.astype(np.int32), end)
    return made


def _learning(rng: Generator, score: Floats, autistic: Flags, share: float, among: float) -> Flags:
    """Learning disability: a published share of autistic children, and the rest by score."""
    has = np.zeros(score.size, dtype=bool)
    rows = np.flatnonzero(autistic)
    has[rows[systematic(rng, np.full(rows.size, among))]] = True
    others = np.flatnonzero(~autistic)
    rest = max(share * score.size - has.sum(), 0) / max(others.size, 1)
    has[others[top_share(score[others], rest)]] = True
    return has


def _births(
    rng: Generator, spec: dict[str, Any], population: Population, poor: Flags, deprivation: Floats
) -> tuple[Ints, Ints, Flags, Ints]:
    """Gestation (weeks), weight (grams), smoking at delivery and week of booking of each child's birth."""
    people = population.people
    family = people.family[: people.children]
    strain = poor[family]
    linear = np.log(float(spec["preterm"]["odds_ratio_poverty"])) * strain
    chance = expit(linear + solve_offset(linear, float(spec["preterm"]["share"])))
    early = systematic(rng, chance, strain.astype(np.int64))
    early = np.where(people.twin[: people.children], rng.random(early.size) < 0.5, early)
    weeks = np.where(early, 36 - np.floor(rng.exponential(2.2, early.size)).clip(0, 12), 37)
    term = rng.choice(np.arange(37, 43), size=early.size, p=[0.07, 0.15, 0.26, 0.29, 0.18, 0.05])
    weeks = np.where(early, weeks, term).astype(np.int64)
    linear = float(spec["smoking"]["deprivation"]) * deprivation
    asian = np.isin(population.families.group, population.communities.index("APKN", "ABAN", "AIND", "AOTH"))
    linear = linear - 2.2 * asian
    smokes = systematic(rng, expit(linear + solve_offset(linear, float(spec["smoking"]["share"]))))[family]
    weight = 3420 + 170 * (weeks - 40) + rng.normal(0, 400, weeks.size) - 180 * smokes - 130 * asian[family]
    booking = np.clip(rng.gamma(9, 1.05, weeks.size) + 1.2 * (deprivation[family] > 1) + 1.0 * smokes, 4, 38)
    return weeks, np.clip(weight, 500, 5600).astype(np.int64), smokes, booking.astype(np.int64)
