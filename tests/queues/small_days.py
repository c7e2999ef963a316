"""Problems of assessment days small enough to think through, and made by hypothesis."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from hypothesis import strategies as st

from evi.queues.days.folder import default_rules
from evi.queues.days.made_up import made_up
from evi.queues.days.problem import WEEKDAYS, Away, Child, Person, Problem, School, Term

START = date(2027, 3, 15)  # a Monday; Good Friday is 26 March and Easter Monday 29 March
TERMS = (Term("t", date(2027, 3, 1), date(2027, 4, 1)),)
ROLES = ("paediatrician", "speech_and_language_therapist", "psychologist")
BEYOND = ("educational_psychologist", "teacher")


def school(name: str = "S1", **different: Any) -> School:
    made = School(name, f"School {name}", 400_000, 400_000, WEEKDAYS, "t")
    return replace(made, **different)


def child(name: str, where: str = "S1", weeks: float = 10, **different: Any) -> Child:
    return replace(Child(name, where, weeks, "routine"), **different)


def person(name: str, role: str, **different: Any) -> Person:
    return replace(Person(name, role, 400_000, 400_000, WEEKDAYS, 5, 50), **different)


def team(count: int = 1) -> tuple[Person, ...]:
    return tuple(person(f"{role[:4]}{n}", role) for n in range(count) for role in ROLES)


def problem(
    children: tuple[Child, ...],
    people: tuple[Person, ...] = (),
    schools: tuple[School, ...] = (),
    away: tuple[Away, ...] = (),
    **rules: Any,
) -> Problem:
    chosen = default_rules(**{"start": START, "weeks": 1, "notice_days": 0} | rules)
    return Problem(chosen, schools or (school(),), TERMS, children, people or team(), away)


@st.composite
def problems(make: st.DrawFn) -> Problem:
    """Two weeks with a bank holiday in them, one to four schools, and people with gaps in their days."""
    few_days = st.lists(st.sampled_from(WEEKDAYS), min_size=2, unique=True).map(tuple)
    some_days = st.sampled_from([WEEKDAYS, WEEKDAYS[:4], WEEKDAYS[1:]]) | few_days
    names = [f"S{n}" for n in range(make(st.sampled_from([1, 2, 2, 3])))]
    metres = st.sampled_from([400_000, 410_000, 420_000])
    schools = tuple(
        school(
            name,
            easting=make(metres),
            room_days=make(some_days),
            partner=make(st.sampled_from(["", *(other for other in names if other != name)])),
        )
        for name in names
    )
    children = tuple(
        child(
            f"C{n}",
            make(st.sampled_from(names)),
            make(st.integers(0, 200)),
            need=make(st.sampled_from(["routine", "soon", "urgent"])),
            language=make(st.sampled_from(["", "", "", "urdu", "polish"])),
            roles=make(st.sampled_from([(), (), (), BEYOND[:1], BEYOND[1:]])),
        )
        for n in range(make(st.sampled_from([6, 8, 10, 12, 3, 0])))
    )
    roles = [
        *ROLES,
        *make(st.lists(st.sampled_from([*ROLES, "psychiatrist", "interpreter", *BEYOND]), max_size=6)),
    ]
    people = tuple(
        person(
            f"P{n}",
            role,
            days=make(some_days),
            max_days_a_week=make(st.sampled_from([3, 2, 1, 5])),
            max_km=make(st.sampled_from([50, 20])),
            languages=tuple(make(st.lists(st.sampled_from(["urdu", "polish"]), unique=True))),
        )
        for n, role in enumerate(roles)
    )
    days = st.dates(START, date(2027, 3, 31))
    away = tuple(
        Away(kind, make(st.sampled_from(ids)), day, day)
        for kind, ids in (("person", [p.person for p in people]), ("school", names))
        for day in make(st.lists(days, max_size=2))
    )
    return problem(children, people, schools, away, weeks=2, start=date(2027, 3, 22))


def districts() -> st.SearchStrategy[Problem]:
    """Those, and small made-up districts, in which most children can be seen."""
    seeds = st.integers(0, 10_000)
    made = st.builds(made_up, st.just(6), st.integers(15, 30), st.integers(9, 14), st.just(4), seeds)
    return st.one_of(made, made, problems())
