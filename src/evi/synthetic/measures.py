"""What a synthetic district achieved on each claim of `data/claims.yaml`, measured on what it made."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np

from evi.synthetic.absence import Absence
from evi.synthetic.attainment import Attainment
from evi.synthetic.calendar import HISTORY_START, NEVER, REFERENCE_DAY, YEAR, Flags, Ints, day
from evi.synthetic.care import CATEGORIES, LOOKED_DAY, NEED_DAY, SOURCES, Cases
from evi.synthetic.fitting import odds_ratios
from evi.synthetic.life import Life
from evi.synthetic.pathway import waits
from evi.synthetic.recognition import COHORT_DAY, Recognition
from evi.synthetic.support import CENSUS_DAY, TYPES
from evi.synthetic.world import World

QUEUE_DAY = day(date(2022, 6, 30))


def measure(world: World, life: Life) -> dict[str, float]:
    """Every measure by name; percentages as 0 to 100, rates per 10,000."""
    made: dict[str, float] = {}
    for part in (_population, _early_years, _support, _autism, _absence, _care):
        made.update(part(world, life))
    return made


def _share(flags: Flags, of: Flags) -> float:
    return float(flags[of].mean() * 100) if of.any() else float("nan")


def _population(world: World, life: Life) -> Iterator[tuple[str, float]]:
    people, codes, needs = world.people, world.communities, world.needs
    here = people.here(REFERENCE_DAY)
    child = np.arange(people.count) < people.children
    pakistani, white = people.group == codes.code.index("APKN"), people.group == codes.code.index("WBRI")
    yield "under_18", _share(child, here)
    yield "white_british", _share(white, here)
    yield "pakistani", _share(pakistani, here)
    early = child & (people.birth < day(date(2011, 1, 1))) & (people.birth >= HISTORY_START)
    early[: people.children] &= world.families.start[world.family] <= people.birth[: people.children]
    yield "pakistani_births", _share(pakistani, early)
    pupils = np.unique(world.schools.child[world.schools.on_roll(CENSUS_DAY)])
    yield "eal", float((~people.english[pupils]).mean() * 100)
    yield "deprived_lsoas", float((world.place.decile == 1).mean() * 100)
    kids = here[: people.children]
    yield "poverty", _share(needs.family["poverty"].has[world.family], kids)
    preterm, poor = (
        (needs.gestation < 37).astype(float),
        needs.family["poverty"].has[world.family].astype(float),
    )
    yield "preterm_odds", float(odds_ratios(preterm, poor[:, None])[0])
    del life


def _early_years(world: World, life: Life) -> Iterator[tuple[str, float]]:
    results: Attainment = life.results
    count = world.people.children
    new = (results.summer >= 2022) & (results.summer <= 2026)
    boy, fsm, english = world.people.sex[:count] == 1, world.needs.fsm, world.people.english[:count]
    groups = {
        "girls": ~boy, "boys": boy, "fsm": fsm, "not_fsm": ~fsm, "english": english, "other": ~english,
        "autumn": results.months_young <= 3, "summer": results.months_young >= 7,
    }  # fmt: skip
    for name, group in groups.items():
        yield f"gld_{name}", _share(results.gld, new & group)
    reached = (results.goals >= 2).sum(axis=1)
    yield "goals_mean", float(reached[new].mean())
    yield "goals_girls", float(reached[new & ~boy].mean())
    yield "goals_boys", float(reached[new & boy].mean())
    yield "goals_all", _share(reached == 17, new)
    yield "literacy", _share((results.goals[:, 7:10] == 2).all(axis=1), new)
    yield "gld_2017", _share(results.gld, results.summer == 2017)
    yield "points_2017", float(results.goals[results.summer == 2017].sum(axis=1).mean())
    yield "gld_connected", _share(results.gld, results.summer <= 2019)
    old = results.summer < 2022
    covariates = np.column_stack([results.weeks_early[old], results.months_young[old]]).astype(float)
    ratios = odds_ratios((~results.gld[old]).astype(float), covariates)
    yield "odds_week", float(ratios[0])
    yield "odds_month", float(ratios[1])
    ever = life.support.start <= REFERENCE_DAY
    yield "sen_not_gld", _share(ever, old & ~results.gld)
    yield "sen_gld", _share(ever, old & results.gld)


def _support(world: World, life: Life) -> Iterator[tuple[str, float]]:
    pupils = world.schools.child[world.schools.on_roll(CENSUS_DAY)]
    stage = life.support.stage(pupils, CENSUS_DAY)
    fsm, boy = world.needs.fsm[pupils], world.people.sex[pupils] == 1
    kind = life.support.kind[pupils]
    yield "ehc", float((stage == 2).mean() * 100)
    yield "sen_support", float((stage == 1).mean() * 100)
    for name, number in (("none", 0), ("support", 1), ("ehc", 2)):
        yield f"fsm_{name}", _share(fsm, stage == number)
        yield f"male_{name}", _share(boy, stage == number)
    yield "autism_in_plans", _share(kind == TYPES.index("ASD"), stage == 2)
    yield "speech_in_support", _share(kind == TYPES.index("SLCN"), stage == 1)
    yield "autism_ehc", _share(stage == 2, life.known.diagnosed[pupils] < CENSUS_DAY)


def _autism(world: World, life: Life) -> Iterator[tuple[str, float]]:
    known: Recognition = life.known
    people, codes, needs = world.people, world.communities, world.needs
    count = people.children
    birth, group = people.birth[:count], people.group[:count]
    age = (REFERENCE_DAY - birth) / YEAR
    now = (age >= 5) & people.here(REFERENCE_DAY)[:count]

    def rate(flags: Flags) -> float:
        return _share(known.recorded, now & flags)

    boy = people.sex[:count] == 1
    overall = max(rate(np.ones(count, dtype=bool)), 1e-9)
    yield "autism_ratio", rate(boy) / max(rate(~boy), 1e-9)
    yield "autism_ratio_black", rate(np.isin(group, codes.index("BAFR", "BCRB", "BOTH"))) / overall
    yield "autism_ratio_traveller", rate(np.isin(group, codes.index("WROM", "WIRT"))) / overall
    yield "autism_learning", _share(needs.child["learning_disability"].has, now & known.recorded)
    then = (np.abs((COHORT_DAY - birth) / YEAR - 7) < 2) & people.here(COHORT_DAY)[:count]
    found = known.diagnosed <= COHORT_DAY
    educated = needs.a_level[world.family]
    yield "autism_bib", _share(found, then)
    yield "autism_a_level", _share(found, then & educated)
    yield "autism_below", _share(found, then & ~educated)
    mean, longest = waits(known.referrals, QUEUE_DAY)
    yield "wait_mean", mean
    yield "wait_longest", longest
    made = known.referrals
    soon = (made.assessed - made.referred < 7 * 13) & (made.assessed < NEVER)
    seen = (made.assessed <= QUEUE_DAY) & (made.assessed > QUEUE_DAY - 365)
    yield "wait_13", _share(soon, seen)


def _absence(world: World, life: Life) -> Iterator[tuple[str, float]]:
    rows: Absence = life.absence
    spell = rows.spell
    child, phase = world.schools.child[spell], world.schools.phase[world.schools.school[spell]]
    missed = rows.authorised + rows.unauthorised
    window = (rows.year == 2024) & (rows.half < 3)
    possible = np.bincount(child[window], rows.possible[window], minlength=world.people.children)
    absent = np.bincount(child[window], missed[window], minlength=world.people.children)
    stage = np.zeros(world.people.children, dtype=np.int64)
    stage[child[window]] = phase[window]
    enrolled = possible > 0
    persistent = absent >= 0.1 * possible
    for name, number in (("primary", 0), ("secondary", 1), ("special", 2)):
        yield f"absent_{name}", _share(persistent, enrolled & (stage == number))
    yield "absent_all", _share(persistent, enrolled)
    autumn = (rows.year == 2024) & (rows.half < 2)
    yield "absence", float(missed[autumn].sum() / max(rows.possible[autumn].sum(), 1) * 100)


def _care(world: World, life: Life) -> Iterator[tuple[str, float]]:
    cases: Cases = life.cases
    people = world.people

    def children(when: int) -> float:
        return float(people.here(when)[: people.children].sum())

    def on(start: Ints, end: Ints, when: int) -> Flags:
        return np.asarray((start <= when) & (end > when))

    yield "in_need", float(on(cases.opened, cases.closed, NEED_DAY).sum() / children(NEED_DAY) * 10_000)
    need = on(cases.opened, cases.closed, LOOKED_DAY)
    protected = on(cases.plan_start, cases.plan_end, LOOKED_DAY)
    yield "protected", float(protected.sum() / max(need.sum(), 1) * 100)
    looked = on(cases.looked_start, cases.looked_end, LOOKED_DAY)
    yield "looked_after", float(looked.sum() / children(LOOKED_DAY) * 10_000)
    yield "looked_after_male", _share(people.sex[cases.child] == 1, looked)
    everyone = np.ones(len(cases.child), dtype=bool)
    yield "from_police", _share(cases.source == SOURCES.index("6"), everyone)
    yield "from_schools", _share(cases.source == SOURCES.index("2A"), everyone)
    year = cases.opened > REFERENCE_DAY - 5 * YEAR
    earlier = np.append(False, (cases.child[1:] == cases.child[:-1]) & (np.diff(cases.opened) <= 365))
    yield "re_referral", _share(earlier, year)
    planned = cases.plan_start < NEVER
    for name, label in (("emotional", "EMO"), ("neglect", "NEG"), ("sexual", "SAB"), ("physical", "PHY")):
        yield f"plans_{name}", _share(cases.category == CATEGORIES.index(label), planned)
