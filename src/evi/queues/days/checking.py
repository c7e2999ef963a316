"""Does a rota keep every rule? Looked up afresh from the problem, with nothing that the search uses.

It is slow and plain on purpose: it is the oracle of the tests, and the last thing that the command does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import holidays

from evi.queues.days.problem import INTERPRETER, Child, Person, Problem
from evi.queues.days.rota import Rota, Visit


@dataclass(frozen=True)
class Violation:
    """A rule that is broken: `rule` is a word for counting, `where` the visit, `says` the sentence."""

    rule: str
    where: str
    says: str


def validate(rota: Rota, problem: Problem, *, promised: bool = False) -> list[Violation]:
    """Every rule that a rota breaks; an empty list for a good one.

    Args:
        promised: families have been told their dates, so nobody is to give way to a higher priority any more.
    """
    known = [visit for visit in rota.visits if not list(_unknown(visit, problem))]
    found = [violation for visit in rota.visits for violation in _unknown(visit, problem)]
    for visit in known:
        found += [*_day(visit, problem), *_team(visit, problem), *_children(visit, problem)]
    found += [*_people(known, problem), *_everyone(rota, problem)]
    return found if promised else [*found, *_priority(rota, known, problem)]


def _unknown(visit: Visit, problem: Problem) -> Iterator[Violation]:
    ids = (
        ("school", (visit.school,), problem.school_of),
        ("child", visit.children, problem.child_of),
        ("person", visit.team, problem.person_of),
    )
    for kind, named, known in ids:
        if any(name not in known for name in named):
            yield Violation("unknown", visit.visit, f"a {kind} of this visit is not in the problem")


def _day(visit: Visit, problem: Problem) -> Iterator[Violation]:
    day, school, rules = visit.day, problem.school_of[visit.school], problem.rules
    if not rules.start <= day <= rules.end:
        yield Violation("outside", visit.visit, "the day is outside the weeks that are planned")
    if day.weekday() > 4 or day in holidays.country_holidays("GB", subdiv="ENG", years=day.year):
        yield Violation("holiday", visit.visit, "the day is a weekend or a bank holiday")
    if not any(t.terms == school.terms and t.start <= day <= t.end for t in problem.terms):
        yield Violation("term", visit.visit, "the school is not in term")
    if day.strftime("%a") not in school.room_days or _away("school", school.school, day, problem):
        yield Violation("room", visit.visit, "the school has no room that day")


def _team(visit: Visit, problem: Problem) -> Iterator[Violation]:
    people = [problem.person_of[person] for person in visit.team]
    if len({*visit.team}) < len(visit.team):
        yield Violation("two_places", visit.visit, "a person is in the team twice")
    if not _filled(problem.rules.core, people):
        yield Violation("core", visit.visit, "the core team is not whole")
    for person in people:
        if visit.day.strftime("%a") not in person.days or _away("person", person.person, visit.day, problem):
            yield Violation("away", visit.visit, f"the {person.role} is not there that day")
        if problem.kilometres(person, problem.school_of[visit.school]) > person.max_km:
            yield Violation("far", visit.visit, f"the school is too far for the {person.role}")
    for child in visit.children:
        if not _met(problem.child_of[child], people):
            yield Violation("need", visit.visit, "someone whom a child needs is not in the team")


def _children(visit: Visit, problem: Problem) -> Iterator[Violation]:
    count = len(visit.children)
    if count < problem.rules.least:
        yield Violation("few", visit.visit, f"{count} children, fewer than {problem.rules.least}")
    if count > problem.rules.most:
        yield Violation("many", visit.visit, f"{count} children, more than {problem.rules.most}")
    for child in visit.children:
        if not _may_be_seen(problem.child_of[child], visit.school, problem):
            yield Violation("elsewhere", visit.visit, "a child of another school is in this visit")


def _people(visits: list[Visit], problem: Problem) -> Iterator[Violation]:
    days = Counter((person, visit.day) for visit in visits for person in {*visit.team})
    for (person, day), count in days.items():
        if count > 1:
            role = problem.person_of[person].role
            yield Violation("two_places", str(day), f"a {role} is in {count} schools on one day")
    weeks = Counter((person, day.isocalendar()[:2]) for person, day in days)
    for (person, (_year, week)), count in weeks.items():
        known = problem.person_of[person]
        if count > known.max_days_a_week:
            most = known.max_days_a_week
            yield Violation("week", f"week {week}", f"a {known.role} has {count} days, and can give {most}")
    for (school, day), count in Counter((visit.school, visit.day) for visit in visits).items():
        if count > 1:
            yield Violation("twice", f"{school}-{day}", f"the school has {count} visits on one day")


def _everyone(rota: Rota, problem: Problem) -> Iterator[Violation]:
    """Every child is booked once, or is said not to be."""
    named = Counter(child for visit in rota.visits for child in visit.children)
    named.update(one.child for one in rota.unplaced)
    twice = sum(count > 1 for count in named.values())
    lost = sum(child.child not in named for child in problem.children)
    if twice:
        yield Violation("booked_twice", "the rota", f"{twice} children are in it more than once")
    if lost:
        yield Violation("lost", "the rota", f"{lost} children are neither booked nor said to be unplaced")


def _priority(rota: Rota, visits: list[Visit], problem: Problem) -> Iterator[Violation]:
    """No child waits while one of lower priority has a place that it could take just as it is."""
    waiting = [problem.child_of[one.child] for one in rota.unplaced if one.child in problem.child_of]
    for visit in visits:
        people = [problem.person_of[person] for person in visit.team]
        lowest = min((problem.points(problem.child_of[child]) for child in visit.children), default=0.0)
        for child in waiting:
            able = _may_be_seen(child, visit.school, problem) and _met(child, people)
            if able and problem.points(child) > lowest:
                yield Violation("priority", visit.visit, "a child of higher priority could take a place here")
                break


def _filled(core: tuple[tuple[str, ...], ...], people: list[Person]) -> bool:
    """Whether each place of the core team has somebody of its own."""
    if not core:
        return True
    return any(
        _filled(core[1:], [other for other in people if other is not person])
        for person in people
        if person.role in core[0]
    )


def _met(child: Child, people: list[Person]) -> bool:
    roles = {person.role for person in people}
    spoken = {word for person in people if person.role == INTERPRETER for word in person.languages}
    return {*child.roles} <= roles and (not child.language or child.language in spoken)


def _may_be_seen(child: Child, school: str, problem: Problem) -> bool:
    own = problem.school_of[child.school]
    listed = sum(other.school == child.school for other in problem.children)
    return school == own.school or (school == own.partner and listed < problem.rules.least)


def _away(kind: str, ident: str, day: date, problem: Problem) -> bool:
    return any(a.kind == kind and a.id == ident and a.start <= day <= a.end for a in problem.away)
