"""Children's social care: which families are referred, what is found, who is protected or looked after.

Referrals come from what is wrong in a family; how many, and how many children are in need, protected or
looked after on a day, are set by published rates. Cases are made with a random rank and taken in its order
until a rate is met.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from evi.synthetic.calendar import NEVER, REFERENCE_DAY, YEAR, Array, Days, Flags, Floats, Ints, day
from evi.synthetic.draws import Generator, pick_rows, poisson_rows, stream
from evi.synthetic.needs import Needs
from evi.synthetic.population import Population

CARE_FROM = day(date(2012, 4, 1))  # the case system's records begin here
NEED_RATE, NEED_DAY = 0.0439, day(date(2023, 3, 31))  # children in need (calibration.csv, Bradford)
LOOKED_RATE, LOOKED_DAY = 0.0067, day(date(2025, 3, 31))  # looked after (calibration.csv, England)
LOOKED_MALE = 0.56
PROTECTED_SHARE = 1 / 8  # protection plans among children in need (calibration.csv, England)
CATEGORIES = ("EMO", "NEG", "SAB", "PHY")
CATEGORY_SHARES = (303 / 646, 238 / 646, 63 / 646, 42 / 646)  # calibration.csv, Bradford 2016/17
SOURCES = ("6", "2A", "3A", "3B", "3E", "3F", "1A", "4", "5A", "5B", "2B", "7", "8", "9")
SOURCE_SHARES = (0.28, 0.21, 0.04, 0.05, 0.04, 0.06, 0.09, 0.02, 0.09, 0.04, 0.02, 0.02, 0.03, 0.01)
FAMILY_RATE = 0.115  # referrals a family a year before the numbers are cut to the published rate (assumption)
AGAIN_AFTER = (
    0.37  # families referred again within nine months of the end of a case (set to give 22.6% again)
)
NEEDS = ("N1", "N2", "N3", "N4", "N5", "N6", "N7", "N8")


@dataclass(frozen=True)
class Cases:
    """Referrals of children, one row a child and referral, sorted by child and day.

    Attributes:
        child, opened, closed: who and when (NEVER: open); `source`, `need`: numbers in SOURCES, NEEDS.
        nfa: no further action after the referral; assessed: day on which the assessment was authorised.
        enquiry: day of a section 47 enquiry; conference: of the initial conference (NEVER: none).
        plan_start, plan_end, category: child protection plan.
        looked_start, looked_end: time looked after.
    """

    child: Ints
    opened: Days
    closed: Days
    source: Ints
    need: Ints
    nfa: Flags
    assessed: Days
    enquiry: Days
    conference: Days
    plan_start: Days
    plan_end: Days
    category: Ints
    looked_start: Days
    looked_end: Days


def make_cases(population: Population, needs: Needs, seed: int) -> Cases:
    """Make every referral since `CARE_FROM` and what followed from it.

    Cases are made three times from the same random numbers: plans and care keep cases open longer than the
    referral alone would, so the numbers to take are corrected by what came of the time before.
    """
    wanted = np.array(
        [NEED_RATE * _children_on(population, NEED_DAY), LOOKED_RATE * _children_on(population, LOOKED_DAY)]
    )
    scale = np.ones(2)
    cases = _cases(population, needs, seed, wanted)
    for _ in range(2):
        in_need = (cases.opened <= NEED_DAY) & (cases.closed > NEED_DAY)
        looked = (cases.looked_start <= LOOKED_DAY) & (cases.looked_end > LOOKED_DAY)
        scale *= wanted / np.maximum(np.array([in_need.sum(), looked.sum()]), 1)
        cases = _cases(population, needs, seed, wanted * scale)
    return cases


def _cases(population: Population, needs: Needs, seed: int, wanted: Floats) -> Cases:
    """One making: `wanted` children in need by referral alone, and looked after."""
    rng = stream(seed, "care")
    child, opened, closed, source = _referrals(rng, population, needs, float(wanted[0]))
    people = population.people
    need = _primary_need(rng, population, needs, child)
    nfa = (closed - opened < 25) & (rng.random(child.size) < 0.7)
    looked_start, looked_end = _looked_after(rng, population, needs, child, opened, float(wanted[1]))
    closed = np.where(
        looked_start < NEVER, np.maximum(closed, np.where(looked_end < NEVER, looked_end + 5, NEVER)), closed
    )
    plan_start, plan_end, category = _plans(rng, population, needs, child, opened, closed, nfa)
    closed = np.where(
        plan_start < NEVER, np.maximum(closed, np.where(plan_end < NEVER, plan_end + 20, NEVER)), closed
    )
    closed = np.minimum(closed, np.where(people.left[child] < NEVER, people.left[child], NEVER))
    adult = people.birth[child] + int(18 * YEAR)
    closed = np.minimum(closed, np.maximum(adult, opened + 1))
    closed = np.where(closed > REFERENCE_DAY, NEVER, closed)
    enquired = (plan_start < NEVER) | ((rng.random(child.size) < 0.16) & ~nfa)
    enquiry = np.where(
        enquired,
        np.minimum(
            opened + rng.integers(1, 15, child.size), np.where(plan_start < NEVER, plan_start - 12, NEVER)
        ),
        NEVER,
    )
    enquiry = np.where(enquired, np.maximum(enquiry, opened), NEVER)
    conference = np.where(plan_start < NEVER, plan_start, NEVER)
    assessed = np.where(
        nfa | (rng.random(child.size) < 0.05),
        NEVER,
        opened + rng.gamma(6, 5.5, child.size).astype(np.int64) + 3,
    )
    assessed = np.where((assessed < closed) & (assessed <= REFERENCE_DAY), assessed, NEVER)
    days = (opened, closed, assessed, enquiry, conference, plan_start, plan_end, looked_start, looked_end)
    opened, closed, assessed, enquiry, conference, plan_start, plan_end, looked_start, looked_end = (
        np.minimum(part, NEVER).astype(np.int32) for part in days
    )
    before = (child, opened, closed, source, need, nfa, assessed, enquiry, conference)
    return Cases(*before, plan_start, plan_end, category, looked_start, looked_end)


def _strain(needs: Needs) -> Floats:
    """Log of how likely a family is to be referred."""
    family = needs.family
    return np.asarray(
        0.55 * needs.adversity
        + 0.25 * needs.deprivation
        + 1.3 * family["neglect"].has
        + 0.9 * family["domestic_abuse"].has
        + 0.6 * family["parental_substance_use"].has
        + 0.4 * family["parental_mental_ill_health"].has
        + 0.4 * family["homelessness"].has
    )


def _referrals(
    rng: Generator, population: Population, needs: Needs, wanted: float
) -> tuple[Ints, Ints, Ints, Ints]:
    """Child, day opened and closed, and source of referrals, as many as give the wanted number in need on the
    day."""
    families, people = population.families, population.people
    parts = zip(_family_referrals(rng, population, needs), _disabled(rng, population, needs), strict=True)
    child, opened, closed, source, rank = (np.concatenate(pair) for pair in parts)
    age = (opened - people.birth[child]) / YEAR
    inside = (opened >= CARE_FROM) & (opened <= REFERENCE_DAY) & (age > -0.2) & (age < 17.9)
    inside &= (opened < people.left[child]) & (opened >= families.start[people.family[child]])
    inside &= rng.random(child.size) < 0.88
    order = np.flatnonzero(inside)
    order = order[np.lexsort((rank[order], opened[order], child[order]))]
    order = order[_apart(child[order], opened[order], closed[order])]
    child, opened, closed, source, rank = (
        child[order],
        opened[order],
        closed[order],
        source[order],
        rank[order],
    )
    keep = _to_rate(rank, (opened <= NEED_DAY) & (closed > NEED_DAY), wanted)
    return child[keep], opened[keep], closed[keep], source[keep]


def _family_referrals(rng: Generator, population: Population, needs: Needs) -> tuple[Array, ...]:
    """Referrals of families, some of them again after the case has ended; every child of the family has
    one."""
    families, people = population.families, population.people
    begin = np.maximum(families.start, CARE_FROM).astype(np.int64)
    until = np.minimum(families.end, REFERENCE_DAY).astype(np.int64)
    strain = np.exp(_strain(needs))
    rate = FAMILY_RATE * strain / strain.mean() * np.clip(until - begin, 0, None) / YEAR
    family = poisson_rows(rng, np.clip(rate, 0, 25))
    when = _when(rng, needs, family, begin, until)
    quick = rng.random(family.size) < 0.30
    length = np.where(quick, rng.integers(4, 25, family.size), 40 + rng.gamma(0.9, 300, family.size))
    length = (length * np.where(needs.family["neglect"].has[family], 1.4, 1.0)).astype(np.int64)
    rank = rng.random(family.size)
    again = rng.random(family.size) < AGAIN_AFTER
    gap = length[again] + rng.integers(15, 250, int(again.sum()))
    family = np.concatenate([family, family[again]])
    when = np.concatenate([when, when[again] + gap])
    length = np.concatenate([length, rng.permutation(length[again])])
    rank = np.concatenate([rank, rank[again]])
    source = pick_rows(rng, np.array([SOURCE_SHARES]), np.zeros(family.size, dtype=np.int64))
    of_child = people.family[: people.children]
    order = np.argsort(of_child, kind="stable")
    first = np.searchsorted(of_child[order], np.arange(len(families.group) + 1))
    size = (first[1:] - first[:-1])[family]
    row = np.repeat(np.arange(family.size), size)
    child = order[first[family[row]] + np.arange(row.size) - np.repeat(np.cumsum(size) - size, size)]
    return child, when[row], when[row] + length[row], source[row], rank[row]


def _disabled(rng: Generator, population: Population, needs: Needs) -> tuple[Array, ...]:
    """Referrals of disabled children on their own account, whose cases last for years."""
    people = population.people
    learning = needs.child["learning_disability"].has & (rng.random(people.children) < 0.35)
    child = np.flatnonzero(needs.child["physical_disability"].has | learning)
    child = child[rng.random(child.size) < 0.45]
    opened = people.birth[child] + (rng.gamma(2.0, 2.2, child.size) * YEAR).astype(np.int64)
    closed = opened + 500 + rng.exponential(1800, child.size).astype(np.int64)
    return child, opened, closed, np.full(child.size, SOURCES.index("3F")), rng.random(child.size) * 0.6


def _apart(child: Ints, opened: Ints, closed: Ints) -> Flags:
    """Whether each referral comes after the child's earlier cases: one during an open case is part of that
    case."""
    limit = np.maximum.accumulate(closed + child.astype(np.int64) * 10**6)
    begin = opened + child.astype(np.int64) * 10**6
    return np.append(True, begin[1:] > limit[:-1])


def _when(rng: Generator, needs: Needs, family: Ints, begin: Ints, until: Ints) -> Ints:
    """Days of referrals: most while something that is wrong is going on."""
    made = begin[family] + (rng.random(family.size) * (until - begin)[family]).astype(np.int64)
    for name in ("neglect", "domestic_abuse", "parental_substance_use", "parental_mental_ill_health"):
        need = needs.family[name]
        low = np.maximum(need.onset[family], begin[family])
        high = np.minimum(need.end[family] + 200, until[family])
        move = need.has[family] & (high > low) & (rng.random(family.size) < 0.55)
        made = np.where(
            move, low + (rng.random(family.size) * np.maximum(high - low, 1)).astype(np.int64), made
        )
    return made


def _to_rate(rank: Array, counts: Flags, wanted: float) -> Ints:
    """Rows in order of rank up to the one with which those that count reach the wanted number."""
    order = np.argsort(rank, kind="stable")
    reached = np.searchsorted(np.cumsum(counts[order]), wanted)
    return np.sort(order[: int(reached) + 1])


def _children_on(population: Population, when: int) -> int:
    people = population.people
    here = people.here(when)[: people.children]
    return int(here.sum())


def _primary_need(rng: Generator, population: Population, needs: Needs, child: Ints) -> Ints:
    family = population.people.family[child]
    table = np.tile(np.array([0.28, 0.02, 0.03, 0.10, 0.18, 0.03, 0.01, 0.02]), (child.size, 1))
    table[:, 0] += (
        0.6 * needs.family["neglect"].has[family] + 0.4 * needs.family["domestic_abuse"].has[family]
    )
    table[:, 1] += (
        1.2 * needs.child["physical_disability"].has[child]
        + 0.5 * needs.child["learning_disability"].has[child]
    )
    table[:, 2] += 0.25 * needs.family["parental_mental_ill_health"].has[family]
    table[:, 5] += 0.3 * needs.child["exploitation"].has[child]
    return pick_rows(rng, table, np.arange(child.size))


def _looked_after(
    rng: Generator, population: Population, needs: Needs, child: Ints, opened: Ints, total: float
) -> tuple[Ints, Ints]:
    """Who becomes looked after in a case, from when to when: as many on the day as the published rate, by
    sex."""
    people = population.people
    family = people.family[child]
    weight = np.exp(
        1.6 * needs.family["neglect"].has[family]
        + 0.8 * needs.family["parental_substance_use"].has[family]
        + 0.5 * needs.adversity[family]
        + 0.7 * needs.child["exploitation"].has[child]
    )
    start = opened + rng.integers(3, 160, child.size)
    length = np.where(
        rng.random(child.size) < 0.3, rng.integers(5, 120, child.size), 150 + rng.gamma(1.1, 1000, child.size)
    ).astype(np.int64)
    end = np.minimum(start + length, people.birth[child] + int(18 * YEAR))
    possible = (
        (start > people.birth[child])
        & (start <= REFERENCE_DAY)
        & (start < people.left[child])
        & (end > start + 2)
    )
    possible &= ~((child[:, None] == np.roll(child, 1)[:, None]).ravel() & (rng.random(child.size) < 0.5))
    rank = np.where(possible, rng.exponential(1.0, child.size) / weight, np.inf)
    on_day = possible & (start <= LOOKED_DAY) & (end > LOOKED_DAY)
    taken = np.zeros(child.size, dtype=bool)
    for sex, share in ((1, LOOKED_MALE), (0, 1 - LOOKED_MALE)):
        rows = np.flatnonzero((people.sex[child] == sex) & possible)
        taken[rows[_to_rate(rank[rows], on_day[rows], share * total)]] = True
    taken &= _no_overlap(child, np.where(taken, start, NEVER), np.where(taken, end, NEVER))
    return np.where(taken, start, NEVER), np.where(taken & (end <= REFERENCE_DAY), end, NEVER)


def _no_overlap(child: Ints, start: Ints, end: Ints) -> Flags:
    """Whether each spell begins after the child's earlier ones have ended."""
    wide = child.astype(np.int64) * 10**6
    limit = np.maximum.accumulate(np.where(end < NEVER, wide + end, wide))
    before = np.append(np.int64(-1), limit[:-1])
    return np.asarray((start < NEVER) & (wide + start > before))


def _plans(
    rng: Generator, population: Population, needs: Needs, child: Ints, opened: Ints, closed: Ints, nfa: Flags
) -> tuple[Ints, Ints, Ints]:
    """Child protection plans: one in eight children in need on the day, by category as published."""
    people = population.people
    family = people.family[child]
    weight = np.exp(
        1.4 * needs.family["neglect"].has[family]
        + 0.7 * needs.family["domestic_abuse"].has[family]
        + 0.6 * needs.family["parental_substance_use"].has[family]
    )
    start = opened + rng.integers(16, 70, child.size)
    end = start + (90 + rng.gamma(1.6, 170, child.size)).astype(np.int64)
    end = np.minimum(end, people.birth[child] + int(18 * YEAR))
    possible = (
        (start <= REFERENCE_DAY) & (closed > start) & ~nfa & (start < people.left[child]) & (end > start)
    )
    rank = np.where(possible, rng.exponential(1.0, child.size) / weight, np.inf)
    in_need = int(((opened <= LOOKED_DAY) & (closed > LOOKED_DAY)).sum())
    rows = np.flatnonzero(possible)
    on_day = (start <= LOOKED_DAY) & (end > LOOKED_DAY)
    taken = np.zeros(child.size, dtype=bool)
    taken[rows[_to_rate(rank[rows], on_day[rows], PROTECTED_SHARE * in_need)]] = True
    category = np.zeros(child.size, dtype=np.int64)
    mine = np.flatnonzero(taken)
    edges = np.cumsum(CATEGORY_SHARES)
    category[mine] = np.searchsorted(
        edges / edges[-1], rng.permutation((np.arange(mine.size) + 0.5) / max(mine.size, 1))
    )
    finished = np.where(taken & (end <= REFERENCE_DAY), end, NEVER)
    return np.where(taken, start, NEVER), finished, category
