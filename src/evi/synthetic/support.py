"""Special educational needs: who gets support or a plan, for what, and when it starts and ends.

Fitted so that the newest January census matches England's published shares, and so that the children assessed
under the 2012 framework match Connected Bradford's shares with and without a good level of development.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from evi.synthetic.attainment import Attainment
from evi.synthetic.calendar import NEVER, REFERENCE_DAY, YEAR, Days, Flags, Floats, Ints, day
from evi.synthetic.draws import Generator, stream, systematic, top_share
from evi.synthetic.fitting import Moment, fit_chances
from evi.synthetic.needs import Needs
from evi.synthetic.population import People
from evi.synthetic.recognition import Recognition
from evi.synthetic.schools import Schools

CENSUS_DAY = day(date(2026, 1, 15))  # the newest January census
PLAN, SUPPORT = 0.053, 0.142  # shares of pupils (calibration.csv, January 2025)
FSM = {"plan": 0.438, "support": 0.393}
MALE = {"plan": 0.71, "support": 0.61}
GIVEN_GLD, GIVEN_NOT = 0.093, 0.491  # ever SEN, 2012 framework (calibration.csv, Connected Bradford)
PLAN_IF_AUTISTIC = 0.58
AUTISM_IN_PLANS, SPEECH_IN_SUPPORT = 0.336, 0.257
KINDS = {
    "anxiety": "SEMH",
    "adhd": "SEMH",
    "learning_disability": "MLD",
    "vision": "VI",
    "hearing": "HI",
    "physical_disability": "PD",
}
TYPES = ("ASD", "SLCN", "SEMH", "MLD", "SLD", "SPLD", "HI", "VI", "PD", "OTH")


@dataclass(frozen=True)
class Support:
    """Each child's SEN. `start`, `end`: SEN support or plan; `plan`: day of the plan (NEVER: none); `kind`:
    TYPES.

    `requested` and `refused` are days of requests for an assessment (NEVER: none) that led to a plan or did
    not.
    """

    start: Days
    end: Days
    plan: Days
    kind: Ints
    requested: Days
    refused: Days

    def stage(self, rows: Ints, when: Ints | int) -> Ints:
        """0 no SEN, 1 SEN support, 2 plan, for each of these children on a day."""
        on = (self.start[rows] <= when) & (self.end[rows] > when)
        return np.where(self.plan[rows] <= when, 2, np.where(on, 1, 0))


def support(
    people: People, needs: Needs, known: Recognition, results: Attainment, schools: Schools, seed: int
) -> Support:
    """Decide every child's special educational needs."""
    rng = stream(seed, "support")
    count = people.children
    birth = people.birth[:count].astype(np.int64)
    pupil = np.zeros(count, dtype=bool)
    pupil[schools.child[schools.on_roll(CENSUS_DAY)]] = True
    diagnosed = known.diagnosed < CENSUS_DAY
    waiting = (known.state == 2) | ((known.state == 1) & ~diagnosed)
    ever = _ever(rng, people, needs, results, diagnosed, waiting)
    school_start = birth + int(4.4 * YEAR)
    age = 4.1 + rng.gamma(1.5, 1.5, count)
    start = np.maximum((birth + age * YEAR).astype(np.int64), school_start)
    early = diagnosed & (known.diagnosed < start)
    start = np.where(early, np.maximum(known.diagnosed, school_start), start)
    now = ever & pupil & (start <= CENSUS_DAY)
    plan_now = _plans(rng, people, needs, pupil, now | (diagnosed & pupil), diagnosed, waiting)
    start = np.where(plan_now & (start > CENSUS_DAY - 400), np.minimum(start, CENSUS_DAY - 300), start)
    start = np.maximum(start, birth + int(3 * YEAR))
    ever = ever | plan_now
    supported = _supported(rng, people, needs, pupil, ever & pupil & (start <= CENSUS_DAY) & ~plan_now)
    lasts = np.minimum(
        start + 300 + rng.exponential(700, count), CENSUS_DAY - 1 - rng.integers(0, 300, count)
    )
    ended = ever & pupil & (start <= CENSUS_DAY) & ~plan_now & ~supported
    others_end = np.where(rng.random(count) < 0.2, start + 300 + rng.exponential(900, count), NEVER)
    end = np.where(plan_now | supported, NEVER, np.where(ended, np.maximum(lasts, start + 100), others_end))
    start = np.where(ever, start, NEVER)
    end = np.where(ever, end, NEVER)
    past_plan = ever & ~pupil & (start < CENSUS_DAY - 400) & (rng.random(count) < 0.2)
    plan = _plan_days(rng, plan_now | past_plan, start, birth)
    end = np.where((plan < NEVER) & (end < NEVER), np.maximum(end, plan + 300), end)
    kind = _kinds(rng, needs, known, plan_now, supported, diagnosed, waiting)
    requested = np.where(plan < NEVER, plan - rng.normal(150, 40, count).clip(84, 420), NEVER)
    asked = ever & (plan == NEVER) & (rng.random(count) < 0.12)
    refused = np.where(asked, start + rng.exponential(500, count), NEVER)
    days = [np.minimum(part, NEVER).astype(np.int32) for part in (start, end, plan, requested, refused)]
    return Support(days[0], days[1], days[2], kind, days[3], days[4])


def _pull(needs: Needs, diagnosed: Flags, waiting: Flags) -> Floats:
    child = needs.child
    return np.asarray(
        2.2 * child["learning_disability"].has
        + 1.3 * child["language_delay"].has
        + 1.4 * child["adhd"].has
        + 0.8 * child["hearing"].has
        + 0.5 * child["vision"].has
        + 1.6 * child["physical_disability"].has
        + 0.5 * child["anxiety"].has
        + 0.8 * child["autism"].has
        + 3.0 * diagnosed
        + 1.2 * waiting
        - 0.5 * needs.ability
    )


def _ever(
    rng: Generator, people: People, needs: Needs, results: Attainment, diagnosed: Flags, waiting: Flags
) -> Flags:
    """Who ever has SEN: shares with and without a good level as in Connected Bradford, by sex and meals as
    now."""
    count = people.children
    boy, fsm = people.sex[:count] == 1, needs.fsm
    old = results.summer < 2022
    taken = results.summer <= 2026
    gld = np.where(taken, results.gld, needs.ability > -0.4)
    share = PLAN + SUPPORT
    fsm_share = (PLAN * FSM["plan"] + SUPPORT * FSM["support"]) / share
    boys = (PLAN * MALE["plan"] + SUPPORT * MALE["support"]) / share
    overall = GIVEN_GLD * gld.mean() + GIVEN_NOT * (1 - gld.mean())
    moments = [
        Moment((old & gld).astype(float), GIVEN_GLD),
        Moment((old & ~gld).astype(float), GIVEN_NOT),
        Moment(fsm.astype(float), overall * fsm_share / max(float(fsm.mean()), 1e-6)),
        Moment(boy.astype(float), overall * boys / max(float(boy.mean()), 1e-6)),
    ]
    columns = np.column_stack([np.ones(count), ~gld, fsm, boy]).astype(float)
    chance = fit_chances(_pull(needs, diagnosed, waiting), columns, moments)
    strata = (gld * 1 + fsm * 2 + boy * 4 + old * 8).astype(np.int64)
    return systematic(rng, chance, strata)


def _plans(
    rng: Generator, people: People, needs: Needs, pupil: Flags, pool: Flags, diagnosed: Flags, waiting: Flags
) -> Flags:
    """Pupils with a plan at the newest January census."""
    rows = np.flatnonzero(pool)
    boy, fsm = people.sex[rows] == 1, needs.fsm[rows]
    wanted = PLAN * pupil.sum()
    ones = np.ones(rows.size)
    autistic, hoping = diagnosed[rows], waiting[rows]
    mine = AUTISM_IN_PLANS * wanted - PLAN_IF_AUTISTIC * (diagnosed & pupil).sum()
    moments = [
        Moment(ones, wanted / max(rows.size, 1), 3.0),
        Moment(fsm.astype(float), FSM["plan"] * wanted / max(fsm.sum(), 1)),
        Moment(boy.astype(float), MALE["plan"] * wanted / max(boy.sum(), 1)),
        Moment(autistic.astype(float), PLAN_IF_AUTISTIC),
        Moment(hoping.astype(float), float(np.clip(mine / max(hoping.sum(), 1), 0.05, 0.75)), 0.5),
    ]
    columns = np.column_stack([ones, fsm, boy, autistic, hoping]).astype(float)
    chance = fit_chances(0.8 * _pull(needs, diagnosed, waiting)[rows], columns, moments)
    flags = np.zeros(pool.size, dtype=bool)
    strata = (fsm * 1 + boy * 2 + autistic * 4 + hoping * 8).astype(np.int64)
    flags[rows] = systematic(rng, chance, strata)
    return flags


def _supported(rng: Generator, people: People, needs: Needs, pupil: Flags, pool: Flags) -> Flags:
    """Pupils on SEN support at the newest January census; the rest of those who ever had SEN no longer do."""
    rows = np.flatnonzero(pool)
    boy, fsm = people.sex[rows] == 1, needs.fsm[rows]
    wanted = SUPPORT * pupil.sum()
    moments = [
        Moment(np.ones(rows.size), min(wanted / max(rows.size, 1), 0.98), 3.0),
        Moment(fsm.astype(float), min(FSM["support"] * wanted / max(fsm.sum(), 1), 0.99)),
        Moment(boy.astype(float), min(MALE["support"] * wanted / max(boy.sum(), 1), 0.99)),
    ]
    columns = np.column_stack([np.ones(rows.size), fsm, boy]).astype(float)
    chance = fit_chances(np.zeros(rows.size), columns, moments)
    flags = np.zeros(pool.size, dtype=bool)
    flags[rows] = systematic(rng, chance, (fsm * 1 + boy * 2).astype(np.int64))
    return flags


def _plan_days(rng: Generator, has: Flags, start: Ints, birth: Ints) -> Ints:
    """Day of the final plan: 1 to 4 years after support began, before the newest census."""
    after = start + 120 + rng.gamma(1.3, 420, has.size)
    earliest = np.maximum(birth + int(2.8 * YEAR), day(date(2014, 9, 1)))
    made = np.clip(
        np.minimum(after, CENSUS_DAY - 20 - rng.integers(0, 200, has.size)), earliest, REFERENCE_DAY
    )
    return np.where(has, made, NEVER).astype(np.int64)


def _kinds(
    rng: Generator,
    needs: Needs,
    known: Recognition,
    plan: Flags,
    supported: Flags,
    diagnosed: Flags,
    waiting: Flags,
) -> Ints:
    """Primary type of need: by what is known, with published shares of autism in plans and speech in
    support."""
    child, count = needs.child, plan.size
    kind = rng.choice([2, 3, 5, 9], size=count, p=[0.42, 0.27, 0.24, 0.07])
    for name, label in KINDS.items():
        mine = child[name].has & (rng.random(count) < (0.75 if label not in {"VI", "HI"} else 0.45))
        kind = np.where(mine, TYPES.index(label), kind)
    severe = child["learning_disability"].has & plan & (rng.random(count) < 0.6)
    kind = np.where(severe, TYPES.index("SLD"), kind)
    order = np.where(diagnosed, 3.0, 0) + np.where(waiting, 2.0, 0) + rng.random(count)
    rows = np.flatnonzero(plan)
    eligible = rows[(diagnosed | waiting)[rows]]
    wanted = min(round(AUTISM_IN_PLANS * rows.size), eligible.size)
    autism = np.zeros(count, dtype=bool)
    autism[eligible[np.argsort(-order[eligible])[:wanted]]] = True
    autism |= diagnosed & ~plan
    kind = np.where(autism, TYPES.index("ASD"), kind)
    speech = child["language_delay"].has * 2.0 + rng.random(count)
    rows = np.flatnonzero(supported & ~autism)
    share = SPEECH_IN_SUPPORT * supported.sum() / max(rows.size, 1)
    kind[rows[top_share(speech[rows], float(min(share, 1.0)))]] = TYPES.index("SLCN")
    rest = np.flatnonzero(~supported & ~autism & child["language_delay"].has)
    kind[rest[rng.random(rest.size) < 0.6]] = TYPES.index("SLCN")
    return kind


__all__ = ["Support", "support"]
