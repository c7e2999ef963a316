"""A made-up district's assessment days, to try the planner on: the same seed gives the same problem.

Schools stand in one city and five towns, children are spread unevenly over them, and people give some
weekdays of the week only. All figures below are assumptions, chosen to be like a northern English district;
none is taken from a service. docs/queues-days.md states them.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from evi.queues.days.folder import default_rules
from evi.queues.days.problem import WEEKDAYS, Away, Child, Person, Problem, Rules, School, Term
from evi.workspace import EviError

MOST_AT_A_SCHOOL = 10
CITY_METRES = (416_000.0, 433_000.0)
SPEAKERS = {"urdu": 0.40, "punjabi": 0.20, "polish": 0.16, "slovak": 0.12, "bengali": 0.12}
NEEDS = {"routine": 0.70, "soon": 0.22, "urgent": 0.08}
NEEDS_INTERPRETER, NEEDS_EDUCATIONAL_PSYCHOLOGIST, NEEDS_TEACHER = 0.14, 0.12, 0.10
MEAN_WAIT_WEEKS = 55.0
CORE_SHARE = 0.27  # of people, for each of the three core places
PSYCHIATRISTS = 0.2  # of the doctors
SPRING_2027 = (
    Term("district", date(2027, 1, 5), date(2027, 2, 12)),
    Term("district", date(2027, 2, 22), date(2027, 3, 25)),
    Term("later", date(2027, 1, 6), date(2027, 2, 12)),
    Term("later", date(2027, 2, 22), date(2027, 4, 1)),
)
"""Two calendars, with half term from 15 to 19 February: made up, like those that English councils publish."""


def made_up(schools: int, children: int, people: int, weeks: int = 12, seed: int = 1) -> Problem:
    """A problem of this size, from 4 January 2027.

    Raises:
        EviError: no school, fewer than eight people, or more children than ten a school.
    """
    if schools < 1 or people < 8 or not schools <= children <= MOST_AT_A_SCHOOL * schools:
        raise EviError(
            f"{schools} schools, {children} children and {people} people cannot be made up.",
            where="--made-up",
            do="Give at least 8 people, and 1 to 10 children for each school.",
            exit_code=2,
        )
    rng = np.random.default_rng(seed)
    rules = default_rules(weeks=weeks)
    places = _schools(rng, schools)
    staff = _people(rng, people)
    listed = _children(rng, children, len(places), staff)
    return Problem(rules, places, SPRING_2027, listed, staff, _away(rng, rules, places, staff))


def _schools(rng: np.random.Generator, count: int) -> tuple[School, ...]:
    towns = np.array([[0, 0], [-4, 5], [5, 4], [-6, -3], [4, -5], [-13, 10]], float)
    spread = np.array([3.5, 1.2, 1.2, 1.2, 1.2, 1.5])
    town = rng.choice(6, count, p=[0.55, 0.1, 0.1, 0.08, 0.07, 0.1])
    where = 1000 * (towns[town] + rng.normal(0, 1, (count, 2)) * spread[town, None]) + CITY_METRES
    apart = np.hypot(*(where[:, None, :] - where[None, :, :]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    near = apart.argmin(1) if count > 1 else np.zeros(1, int)
    return tuple(
        School(
            f"S{n + 1:03d}",
            f"School {n + 1}",
            round(float(where[n, 0])),
            round(float(where[n, 1])),
            _weekdays(rng, int(rng.choice([1, 2, 3, 5], p=[0.15, 0.35, 0.35, 0.15]))),
            "district" if rng.random() < 0.8 else "later",
            f"S{near[n] + 1:03d}" if count > 1 and apart[n].min() <= 4_000 else "",
        )
        for n in range(count)
    )


def _people(rng: np.random.Generator, count: int) -> tuple[Person, ...]:
    core = max(1, int(count * CORE_SHARE))
    rest = count - 3 * core
    psychiatrists = int(core * PSYCHIATRISTS)
    roles = (
        ["paediatrician"] * (core - psychiatrists) + ["psychiatrist"] * psychiatrists
        + ["speech_and_language_therapist"] * core + ["psychologist"] * core
        + ["interpreter"] * (rest - 2 * (rest // 3)) + ["educational_psychologist"] * (rest // 3)
        + ["teacher"] * (rest // 3)
    )  # fmt: skip
    languages = list(SPEAKERS)
    made: list[Person] = []
    for n, role in enumerate(roles):
        base = rng.normal(CITY_METRES, 3500)
        gives = int(rng.choice([2, 3, 4, 5], p=[0.2, 0.4, 0.25, 0.15]))
        most = min(gives, int(rng.choice([1, 2, 3], p=[0.1, 0.5, 0.4])))
        far = float(rng.choice([20, 30, 40], p=[0.2, 0.4, 0.4]))
        speaks: tuple[str, ...] = ()
        if role == "interpreter":  # from an agency: any weekday, up to three of them, anywhere
            first = sum(person.role == "interpreter" for person in made) * 2
            speaks = tuple(sorted({languages[first % 5], languages[(first + 1) % 5]}))
            gives, most, far = 5, 3, 40.0
        where = (round(float(base[0])), round(float(base[1])))
        made.append(Person(f"P{n + 1:02d}", role, *where, _weekdays(rng, gives), most, far, speaks))
    return tuple(made)


def _children(
    rng: np.random.Generator, count: int, schools: int, staff: tuple[Person, ...]
) -> tuple[Child, ...]:
    """Children by school from a gamma with shape 3; families at a school tend to share a language."""
    share = rng.gamma(3.0, 1.0, schools)
    listed = np.ones(schools, int)
    for _ in range(count - schools):
        room = np.where(listed < MOST_AT_A_SCHOOL, share, 0)
        listed[rng.choice(schools, p=room / room.sum())] += 1
    spoken = [name for name in SPEAKERS if any(name in person.languages for person in staff)]
    weights = np.array([SPEAKERS[name] for name in spoken])
    common = rng.choice(len(spoken), schools, p=weights / weights.sum())
    made: list[Child] = []
    for school in np.repeat(np.arange(schools), listed):
        language = ""
        if rng.random() < NEEDS_INTERPRETER:
            other = int(rng.choice(len(spoken), p=weights / weights.sum()))
            language = spoken[int(common[school]) if rng.random() < 0.7 else other]
        roles = [
            role
            for role, chance in (
                ("educational_psychologist", NEEDS_EDUCATIONAL_PSYCHOLOGIST),
                ("teacher", NEEDS_TEACHER),
            )
            if rng.random() < chance
        ]
        wait = min(float(round(rng.gamma(2.0, MEAN_WAIT_WEEKS / 2))), 250.0)
        need = str(rng.choice(list(NEEDS), p=list(NEEDS.values())))
        made.append(Child(f"C{len(made) + 1:04d}", f"S{school + 1:03d}", wait, need, language, tuple(roles)))
    return tuple(made)


def _away(
    rng: np.random.Generator, rules: Rules, schools: tuple[School, ...], staff: tuple[Person, ...]
) -> tuple[Away, ...]:
    """Each school shuts on two days of its own; each person has a week of leave and two odd days."""

    def one(kind: str, ident: str, length: int) -> Away:
        first = rules.start + timedelta(days=int(rng.integers(0, 7 * rules.weeks)))
        return Away(kind, ident, first, first + timedelta(days=length - 1))

    shut = [one("school", school.school, 1) for school in schools for _ in range(2)]
    return (*shut, *(one("person", p.person, length) for p in staff for length in (7, 1, 1)))


def _weekdays(rng: np.random.Generator, count: int) -> tuple[str, ...]:
    return tuple(WEEKDAYS[n] for n in sorted(rng.choice(5, count, replace=False)))
