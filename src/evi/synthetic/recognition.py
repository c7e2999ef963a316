"""Who finds out about a need: recognition is a process of its own, and an unequal one.

An autistic child is noticed at some age or never. How fast depends on sex, community, mother's education and
calendar year, with strengths fitted so that what is *recorded* matches the evidence while what is *true* is
alike. A child who is noticed is referred; the queue does the rest. Other needs are noticed by the services
that meet them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from scipy.optimize import least_squares

from evi.synthetic.calendar import HISTORY_START, NEVER, REFERENCE_DAY, YEAR, Days, Flags, Floats, Ints, day
from evi.synthetic.draws import Generator, pick, stream
from evi.synthetic.needs import Needs
from evi.synthetic.pathway import Referrals, policy, run_queue
from evi.synthetic.population import Population

RECORDED_SHARE = 0.031  # diagnosed, of 5 to 17 year olds on the reference day: assumption, see decision 0004
MALE_RATIO = 4.32  # recorded boys to girls (calibration.csv: 2.81% and 0.65%, 2017)
BLACK_RATIO = 2.11 / 1.76  # Black pupils to all (calibration.csv)
TRAVELLER_RATIO = 0.85 / 1.76  # Roma and Irish Traveller pupils to all (calibration.csv)
A_LEVEL, BELOW = 0.015, 0.007  # recorded at 5 to 8 by mother's education (calibration.csv, Born in Bradford)
COHORT_DAY = day(date(2018, 12, 31))  # when the Born in Bradford children's records were linked (to 2018)
SOUTH_ASIAN = -0.25  # log hazard ratio: less likely to be diagnosed (evidence gives no figure: assumption)
LAG = 34 * 7  # days from being noticed to a diagnosis, in the fit only
NOT_AUTISTIC = 1.4  # referrals of children who are not autistic, for each of one who is (assumption)


@dataclass(frozen=True)
class Recognition:
    """What became known of autism. `state` by child: 0 not autistic, 1 diagnosed, 2 waiting, 3 unknown.

    An autistic child whose referral ended without an assessment is unknown again.
    """

    state: Ints
    noticed: Days
    referrals: Referrals
    diagnosed: Days

    @property
    def recorded(self) -> Flags:
        """Children with a diagnosis."""
        return np.asarray(self.state == 1)


def recognise(population: Population, needs: Needs, seed: int) -> Recognition:
    """Notice, refer, queue, assess: who has a diagnosis, who waits, and whom nobody knows of."""
    rng = stream(seed, "recognition")
    people = population.people
    count = people.children
    birth = people.birth[:count].astype(np.int64)
    autistic = np.flatnonzero(needs.child["autism"].has)
    noticed = np.full(count, NEVER, dtype=np.int64)
    noticed[autistic] = _notice(rng, population, needs, autistic)
    others = _mistaken(rng, needs, birth, noticed)
    for rows, when in others:
        noticed[rows] = when
    gone = people.left[:count].astype(np.int64)
    delay = rng.gamma(1.5, 20, count).astype(np.int64)
    came = people.arrived[:count].astype(np.int64)
    referred = np.where(noticed < came, came + 30, noticed) + delay  # noticed elsewhere: referred on arrival
    referred = np.where(noticed == NEVER, NEVER, referred)
    inside = (referred <= REFERENCE_DAY) & (referred < gone)
    child = np.flatnonzero(inside)
    child = child[np.lexsort((child, referred[child]))]
    found = needs.child["autism"].has[child]
    alike = _alike(population, needs, child, found)
    stays = _even_within(stream(seed, "queue removals"), alike, birth[child])
    queue = run_queue(stream(seed, "queue"), referred[child].astype(np.int32), people.left[child], stays)
    referrals = Referrals(child, referred[child].astype(np.int32), queue.assessed, found, queue)
    diagnosed = np.full(count, NEVER, dtype=np.int32)
    diagnosed[child[found]] = queue.assessed[found]
    state = np.where(needs.child["autism"].has, 3, 0)
    state[child[found & (queue.removed == NEVER)]] = 2
    state[diagnosed < NEVER] = 1
    return Recognition(state, noticed.astype(np.int32), referrals, diagnosed)


def _alike(population: Population, needs: Needs, child: Ints, found: Flags) -> Ints:
    """A group for each referred child, within which removals are evenly spread."""
    x = _covariates(population, needs, child)
    flags = (found, x["male"], x["a_level"], x["black"], needs.child["learning_disability"].has[child])
    return np.asarray(sum(np.asarray(flag, dtype=np.int64) << at for at, flag in enumerate(flags)))


def _covariates(population: Population, needs: Needs, who: Ints) -> dict[str, Floats]:
    people, codes = population.people, population.communities
    group = people.group[who]
    return {
        "male": (people.sex[who] == 1).astype(float),
        "a_level": needs.a_level[people.family[who]].astype(float),
        "black": np.isin(group, codes.index("BAFR", "BCRB", "BOTH")).astype(float),
        "traveller": np.isin(group, codes.index("WROM", "WIRT")).astype(float),
        "asian": np.isin(group, codes.index("APKN", "ABAN", "AIND", "AOTH")).astype(float),
    }


STEPS = np.arange(HISTORY_START, REFERENCE_DAY + 1, 91)


def _by_age(birth: Ints, male: Floats) -> Floats:
    """How likely notice is in each quarter, by the child's age then (children by quarters)."""
    age = (STEPS[None, :] + 45 - birth[:, None]) / YEAR
    young, older = np.exp(-(((age - 4.6) / 2.1) ** 2)), np.exp(-(((age - 11.0) / 2.6) ** 2))
    return np.where(age > 1.5, young + np.where(male[:, None] > 0, 0.35, 0.75) * older + 0.08, 0.0)


def _by_year(growth: float) -> Floats:
    """How likely notice is in each quarter, by the calendar."""
    return np.asarray(np.exp(growth * (STEPS - COHORT_DAY) / YEAR))


def _passed(until: int) -> Floats:
    """Share of each quarter that has passed on a day."""
    return np.clip((until - STEPS) / 91, 0, 1)


def _fit(population: Population, needs: Needs, who: Ints, x: dict[str, Floats]) -> Floats:
    """Strengths (constant, growth by year, male, A level, Black, Traveller) that give the recorded rates."""
    people = population.people
    birth = people.birth[who].astype(np.int64)
    everyone = np.arange(people.children)
    rows = _covariates(population, needs, everyone)
    now = (REFERENCE_DAY - people.birth[: people.children]) / YEAR >= 5
    then = np.abs((COHORT_DAY - people.birth[: people.children]) / YEAR - 7) < 2
    mine_now, mine_then = now[who], then[who]
    sums = {key: float((value * now).sum()) for key, value in rows.items()} | {"all": float(now.sum())}
    schooled = {
        "yes": float((rows["a_level"] * then).sum()),
        "no": float(((1 - rows["a_level"]) * then).sum()),
    }

    by_age, seen = _by_age(birth, x["male"]), policy().reaches_start

    def recorded(theta: Floats, until: int) -> Floats:
        strength = np.exp(
            theta[0] + theta[2] * x["male"] + theta[3] * x["a_level"] + theta[4] * x["black"]
            + theta[5] * x["traveller"] + SOUTH_ASIAN * x["asian"]
        )  # fmt: skip
        return np.asarray(1 - np.exp(-strength * (by_age @ (_by_year(float(theta[1])) * _passed(until)))))

    def misses(theta: Floats) -> Floats:
        old, new = (
            seen * recorded(theta, COHORT_DAY - LAG) * mine_then,
            seen * recorded(theta, REFERENCE_DAY - LAG) * mine_now,
        )
        overall = max(float(new.sum() / sums["all"]), 1e-9)
        boys = (new * x["male"]).sum() / sums["male"]
        girls = (new * (1 - x["male"])).sum() / (sums["all"] - sums["male"])
        black = (new * x["black"]).sum() / max(sums["black"], 1)
        traveller = (new * x["traveller"]).sum() / max(sums["traveller"], 1)
        weight = np.array([1.0, 1.0, 1.0, 1.0, 0.4, 0.1])  # the last two are few children in a small district
        ratios = np.array(
            [
                (old * x["a_level"]).sum() / max(schooled["yes"], 1) / A_LEVEL,
                (old * (1 - x["a_level"])).sum() / max(schooled["no"], 1) / BELOW,
                overall / RECORDED_SHARE,
                boys / max(girls, 1e-9) / MALE_RATIO,
                black / overall / BLACK_RATIO,
                traveller / overall / TRAVELLER_RATIO,
            ]
        )
        return np.asarray(weight * np.log(np.clip(ratios, 1e-4, 1e4)))

    start = np.array([-2.6, 0.08, 0.4, 0.5, 0.2, -0.8])
    bounds = ([-8, -0.1, -1, -1, -1.5, -2.5], [1, 0.6, 2, 2, 1.5, 1])
    return np.asarray(least_squares(misses, start, bounds=bounds, max_nfev=40, xtol=1e-4, ftol=1e-4).x)


def _notice(rng: Generator, population: Population, needs: Needs, who: Ints) -> Ints:
    """Day on which each autistic child is noticed (NEVER: nobody has), evenly drawn within groups."""
    x = _covariates(population, needs, who)
    theta = _fit(population, needs, who, x)
    birth = population.people.birth[who].astype(np.int64)
    strength = np.exp(
        theta[0] + theta[2] * x["male"] + theta[3] * x["a_level"] + theta[4] * x["black"]
        + theta[5] * x["traveller"] + SOUTH_ASIAN * x["asian"]
    )  # fmt: skip
    group = (x["male"] * 8 + x["a_level"] * 4 + x["black"] * 2 + x["traveller"]).astype(np.int64)
    level = -np.log(_even_within(rng, group, birth)) / strength
    total = np.cumsum(_by_age(birth, x["male"]) * _by_year(float(theta[1])), axis=1)
    hit = total >= level[:, None]
    quarter = hit.argmax(axis=1)
    rows = np.arange(who.size)
    before = np.where(quarter > 0, total[rows, np.maximum(quarter - 1, 0)], 0.0)
    share = (level - before) / np.maximum(total[rows, quarter] - before, 1e-12)
    found = STEPS[quarter] + (np.clip(share, 0, 1) * 91).astype(np.int64)
    return np.where(hit.any(axis=1), found, NEVER)


def _even_within(rng: Generator, group: Ints, birth: Ints) -> Floats:
    """Numbers in (0, 1), evenly spread within each group and over birth dates (a low-noise uniform draw)."""
    order = np.lexsort((birth, group))
    golden = 0.6180339887498949
    spread = np.empty(group.size)
    spread[order] = (rng.random() + np.arange(group.size) * golden) % 1.0
    return np.clip(spread, 1e-9, 1 - 1e-9)


def _mistaken(rng: Generator, needs: Needs, birth: Ints, noticed: Ints) -> list[tuple[Ints, Ints]]:
    """Children without autism who are referred: those with other developmental needs, at similar ages and
    years."""
    times = noticed[noticed < NEVER]
    wanted = int(NOT_AUTISTIC * times.size)
    weight = (
        0.002
        + 1.0 * needs.child["language_delay"].has
        + 1.2 * needs.child["adhd"].has
        + 1.5 * needs.child["learning_disability"].has
        + 0.3 * needs.child["anxiety"].has
    ) * ~needs.child["autism"].has
    rows = np.unique(pick(rng, weight, wanted))
    when = rng.choice(times, rows.size) if times.size else np.full(rows.size, NEVER)
    age = (when - birth[rows]) / YEAR
    apt = (age > 2) & (age < 17)
    rows, when = rows[apt], when[apt]
    return [(rows, when)]
