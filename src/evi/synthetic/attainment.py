"""Early Years Foundation Stage Profile: who reaches a good level of development, and each of 17 goals.

The two frameworks are fitted apart, each to its own published figures. Results are made for every child at
its cohort's summer, assessed or not, since attainment is true whether or not anybody writes it down.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from scipy.special import expit

from evi.synthetic.calendar import Flags, Floats, Ints, day, month_of, school_cohort
from evi.synthetic.draws import Generator, scores, stream, systematic
from evi.synthetic.fitting import Moment, fit_chances, slope_targets
from evi.synthetic.needs import Needs
from evi.synthetic.population import Population

FIRST_SUMMER, FIRST_NEW = 2014, 2022
# Good level of development by summer, 2012 framework: 2017 is Bradford's published figure; the others make
# the whole 61.1%, Connected Bradford's (calibration.csv), rising as England's did (assumption).
OLD_GLD = {
    2014: 0.515,
    2015: 0.565,
    2016: 0.625,
    2017: 0.676,
    2018: 0.645,
    2019: 0.64,
    2020: 0.64,
    2021: 0.62,
}
PER_MONTH, PER_WEEK = 1.17, 1.09  # odds ratios of not reaching it (calibration.csv, Born in Bradford)
NEW_GLD = {"girls": 0.750, "boys": 0.607, "fsm": 0.515, "not_fsm": 0.720, "english": 0.697, "other": 0.635,
           "autumn": 0.756, "summer": 0.600}  # fmt: skip
ALL_GOALS, MEAN_GOALS = 0.662, 14.1  # all 17 expected; mean number expected (calibration.csv, 2023/24)
GIRLS_GOALS, BOYS_GOALS = 14.9, 13.3
POINTS_2017 = 33.8  # mean total of 17 goals scored 1 to 3 (calibration.csv)
LITERACY = 0.705  # all three goals of literacy (calibration.csv, 2024/25)
GOALS = 17
PRIME_2021, PRIME_2012 = (
    12,
    12,
)  # the first twelve goals of either framework make the good level of development
# Difficulty of each goal (assumption, literacy hardest by calibration.csv; no published figures by goal were
# found).
HARD_2021 = np.array([0.2, 0.2, 0.3, 0.0, 0.0, -0.5, 0.2, 0.3, 0.6, 0.8, 0.5, 0.5, 0.0, 0.0, 0.0, -0.5, -0.5])
HARD_2012 = np.array(
    [0.0, 0.0, 0.1, -0.4, -0.5, -0.2, -0.1, -0.2, 0.7, 1.2, 0.5, 0.4, 0.1, 0.1, -0.5, -0.3, -0.3]
)


@dataclass(frozen=True)
class Attainment:
    """Results by child. `summer`: calendar year; `gld`; `goals` (n by 17): 1, 2 or, in 2012's framework,
    3."""

    summer: Ints
    gld: Flags
    goals: Ints
    months_young: Ints
    weeks_early: Ints


def attain(population: Population, needs: Needs, seed: int) -> Attainment:
    """Make every child's results at the summer of its Reception year (0 where that is still to come)."""
    rng = stream(seed, "attainment")
    people = population.people
    birth = people.birth[: people.children]
    summer = school_cohort(birth) + 1
    months = (month_of(birth) - 9) % 12
    early = np.clip(40 - needs.gestation, 0, 16)
    base = _assumed(needs)
    gld, goals = np.zeros(birth.size, dtype=bool), np.zeros((birth.size, GOALS), dtype=np.int8)
    for new in (False, True):
        reached = (summer >= FIRST_NEW) & (summer <= REFERENCE_YEAR) if new else summer < FIRST_NEW
        rows = np.flatnonzero(reached)
        if rows.size == 0:
            continue
        english, boy, fsm = people.english[rows], people.sex[rows] == 1, needs.fsm[rows]
        if new:
            chance = _new_chances(base[rows], months[rows], early[rows], english, boy, fsm)
        else:
            chance = _old_chances(base[rows], months[rows], early[rows], boy, fsm, english, summer[rows])
        strata = ((boy * 2 + fsm) * 2 + english) * 10**6 + summer[rows] * 12 + months[rows]
        gld[rows] = systematic(rng, chance, strata)
        latent = scores(base[rows] + rng.normal(scale=1.2, size=rows.size))
        goals[rows] = _goals(rng, gld[rows], latent, boy, new)
        if not new:
            goals[rows] += _exceeding(rng, gld[rows], latent, goals[rows], summer[rows])
    return Attainment(summer, gld, goals, months.astype(np.int64), early.astype(np.int64))


REFERENCE_YEAR = 2026


def _assumed(needs: Needs) -> Floats:
    """Log odds of a good level from needs and attainment: strengths assumed, before fitting to the published
    rates."""
    child = needs.child
    return np.asarray(
        0.75 * needs.ability
        - 1.3 * child["language_delay"].has
        - 1.9 * child["autism"].has
        - 2.4 * child["learning_disability"].has
        - 0.8 * child["adhd"].has
        - 0.4 * child["hearing"].has
        - 0.3 * child["vision"].has
        + 0.3 * child["strengths"].has
    )


def _new_chances(base: Floats, months: Ints, early: Ints, english: Flags, boy: Flags, fsm: Flags) -> Floats:
    groups = {
        "girls": ~boy, "boys": boy, "fsm": fsm, "not_fsm": ~fsm, "english": english, "other": ~english,
        "autumn": months <= 3, "summer": months >= 7,
    }  # fmt: skip
    moments = [Moment(groups[key].astype(float), target) for key, target in NEW_GLD.items()]
    columns = np.column_stack([np.ones(base.size), boy, fsm, english, months - 5.5]).astype(float)
    return fit_chances(base - np.log(PER_WEEK) * early, columns, moments)


def _old_chances(
    base: Floats, months: Ints, early: Ints, boy: Flags, fsm: Flags, english: Flags, summer: Ints
) -> Floats:
    values = np.column_stack([early, months]).astype(float)
    overall = np.array([OLD_GLD[year] for year in sorted(OLD_GLD)])
    wanted = slope_targets(values, -np.log(np.array([PER_WEEK, PER_MONTH])), overall, summer - FIRST_SUMMER)
    offset = base - 0.75 * boy - 0.6 * fsm + 0.25 * english
    years = [(summer == year).astype(float) for year in sorted(OLD_GLD) if (summer == year).any()]
    moments = [Moment(year, float(wanted[year > 0].mean())) for year in years]
    moments += [Moment(c, float((wanted * c).sum() / max(c.sum(), 1e-9))) for c in values.T]
    return fit_chances(offset, np.column_stack([*years, values]), moments)


def _goals(rng: Generator, gld: Flags, latent: Floats, boy: Flags, new: bool) -> Ints:
    """Goals at the expected level (2) or not (1), so that the mean and the share with all 17 are as
    published."""
    hard = HARD_2021 if new else HARD_2012
    own = rng.normal(size=(gld.size, GOALS)) * 0.9
    mean_gld = float(gld.mean())
    misses = np.clip(1 - ALL_GOALS / max(mean_gld, 0.01), 0.01, 0.2) if new else 0.04
    reached = np.ones((gld.size, GOALS), dtype=bool)
    slips = gld & (rng.random(gld.size) < misses)
    rows = np.flatnonzero(slips)
    reached[rows, rng.integers(12, GOALS, rows.size)] = False
    rest = np.flatnonzero(~gld)
    score = 1.3 * latent[rest, None] - hard + own[rest]
    for sex, target in ((False, GIRLS_GOALS), (True, BOYS_GOALS)):
        mine = boy[rest] == sex
        of_sex = boy == sex
        share = float(gld[of_sex].mean())
        mean = (target - share * (GOALS - misses)) / max(1 - share, 0.01) if new else 8.4
        shift = _level(score[mine], float(np.clip(mean, 1, 15.5)))
        score[mine] += shift
    passed = score > 0
    none_missed = passed[:, :12].all(axis=1)
    passed[none_missed, 9] = False  # writing: the goal most often missed
    reached[rest] = passed
    return np.where(reached, 2, 1).astype(np.int8)


def _level(score: Floats, mean: float) -> float:
    """What to add to scores so that, with one of the first twelve missed, `mean` goals of 17 are above
    zero."""
    if score.size == 0:
        return 0.0
    low, high = -8.0, 8.0
    for _ in range(40):
        middle = (low + high) / 2
        passed = score + middle > 0
        passed[passed[:, :12].all(axis=1), 9] = False
        low, high = (middle, high) if passed.sum(axis=1).mean() < mean else (low, middle)
    return (low + high) / 2


def _exceeding(rng: Generator, gld: Flags, latent: Floats, goals: Ints, summer: Ints) -> Ints:
    """In the 2012 framework some goals are exceeded (3): by 2017's mean total of points."""
    year = summer == 2017
    chance = expit(1.2 * latent - 1.4)[:, None] * (goals == 2) * np.where(gld, 1.0, 0.25)[:, None]
    if year.any():
        lacking = POINTS_2017 - float(goals[year].sum(axis=1).mean())
        chance = chance * max(lacking, 0.0) / max(float(chance[year].sum(axis=1).mean()), 1e-9)
    return np.asarray(rng.random(goals.shape) < np.clip(chance, 0, 0.95)).astype(np.int8)


def assessment_day(summer: int) -> int:
    """30 June of a summer."""
    return day(date(summer, 6, 30))
