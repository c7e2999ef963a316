"""What a plan of assessment days has to work with: schools, children, people, dates and rules.

A team spends a day at a child's school. Children are pseudonyms: a plan needs a school, a wait and a need,
and no name. Everything here is read from a folder (see `folder`), or made up (see `made_up`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property

from evi.queues.days.breakeven import break_even, fewest_children
from evi.workspace import EviError

INTERPRETER = "interpreter"
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri")


@dataclass(frozen=True)
class School:
    """A school that can host a team.

    Attributes:
        school: its id; title: what people call it.
        easting, northing: metres on the British National Grid.
        room_days: weekdays on which it has a room for a team.
        terms: the calendar of terms that it keeps.
        partner: where its children may be seen if it has too few for a visit of its own; empty for nowhere.
    """

    school: str
    title: str
    easting: float
    northing: float
    room_days: tuple[str, ...]
    terms: str
    partner: str = ""


@dataclass(frozen=True)
class Term:
    """Days (first and last, both in it) on which schools with this calendar are open. A half term parts
    two."""

    terms: str
    start: date
    end: date


@dataclass(frozen=True)
class Child:
    """A child who waits for an assessment.

    Attributes:
        child: pseudonym.
        need: one of the rules' `need_weeks`.
        language: the family needs an interpreter of it; empty for none.
        roles: roles beyond the core team that this child's assessment needs.
    """

    child: str
    school: str
    weeks_waited: float
    need: str
    language: str = ""
    roles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Person:
    """Someone who can be on a team.

    Attributes:
        languages: what an interpreter speaks (of no account for other roles).
        easting, northing: base, metres on the British National Grid.
        days: weekdays that this person can give; max_days_a_week: how many of them in one week.
        max_km: farthest school, kilometres by road, one way.
    """

    person: str
    role: str
    easting: float
    northing: float
    days: tuple[str, ...]
    max_days_a_week: int
    max_km: float
    languages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Away:
    """Days (both ends in it) on which a person is away, or a school cannot host."""

    kind: str
    id: str
    start: date
    end: date


@dataclass(frozen=True)
class Rules:
    """What holds for every visit; see `rules.yaml` for each figure's meaning and source."""

    start: date
    weeks: int
    day_starts: str
    hours: float
    set_up_hours: float
    hours_a_child: float
    clinic_hours_a_child: float
    notice_days: int
    road_factor: float
    core: tuple[tuple[str, ...], ...]
    extra: tuple[str, ...]
    need_weeks: Mapping[str, float]
    minimum_children: int | None = None
    maximum_children: int | None = None

    @property
    def end(self) -> date:
        """The last day that may be planned."""
        return self.start + timedelta(days=7 * self.weeks - 1)

    @property
    def break_even(self) -> float:
        """Children at which a core team's day costs as much time a child as the clinic."""
        return break_even(len(self.core), self.hours, self.clinic_hours_a_child)

    @property
    def least(self) -> int:
        """Fewest children a visit may see: what is stated, or the break-even rounded up."""
        return self.minimum_children or fewest_children(len(self.core), self.hours, self.clinic_hours_a_child)

    @property
    def most(self) -> int:
        """Most children a visit may see: what is stated, or as many as fit into the hours."""
        return self.maximum_children or int((self.hours - self.set_up_hours) / self.hours_a_child + 1e-9)

    @property
    def roles(self) -> tuple[str, ...]:
        """Every role that a person can have."""
        return (*(role for choice in self.core for role in choice), *self.extra)


@dataclass(frozen=True)
class Problem:
    """Everything that a plan is made from.

    Attributes:
        rejects: rows of children that could not be used: the line in the file and why.
    """

    rules: Rules
    schools: tuple[School, ...]
    terms: tuple[Term, ...]
    children: tuple[Child, ...]
    people: tuple[Person, ...]
    away: tuple[Away, ...] = ()
    rejects: tuple[tuple[int, str], ...] = field(default=(), compare=False)

    @cached_property
    def school_of(self) -> dict[str, School]:
        """School by id."""
        return {school.school: school for school in self.schools}

    @cached_property
    def child_of(self) -> dict[str, Child]:
        """Child by pseudonym."""
        return {child.child: child for child in self.children}

    @cached_property
    def person_of(self) -> dict[str, Person]:
        """Person by id."""
        return {person.person: person for person in self.people}

    @cached_property
    def listed(self) -> dict[str, int]:
        """How many children of each school are on the list."""
        count = dict.fromkeys(self.school_of, 0)
        for child in self.children:
            count[child.school] += 1
        return count

    def points(self, child: Child) -> float:
        """Priority in weeks: the wait, and what the need counts as. More goes first."""
        return child.weeks_waited + self.rules.need_weeks[child.need]

    def venues(self, child: Child) -> tuple[str, ...]:
        """Schools at which a child may be seen: the own one, and its partner if it has too few children."""
        own = self.school_of[child.school]
        if own.partner and self.listed[own.school] < self.rules.least:
            return (own.school, own.partner)
        return (own.school,)

    def kilometres(self, person: Person, school: School) -> float:
        """By road, one way: as the crow flies, times the rules' road factor."""
        east, north = person.easting - school.easting, person.northing - school.northing
        return float((east * east + north * north) ** 0.5 / 1000 * self.rules.road_factor)

    def needs(self, child: Child) -> tuple[tuple[str, str], ...]:
        """What a child needs beyond the core team, as (role, language) with no language but an
        interpreter's."""
        spoken = ((INTERPRETER, child.language),) if child.language else ()
        return (*((role, "") for role in child.roles), *spoken)


def answers(person: Person, need: tuple[str, str]) -> bool:
    """Whether a person is what a child needs."""
    role, language = need
    return person.role == role and (not language or language in person.languages)


def check(problem: Problem) -> None:
    """Let pass a problem that a plan can be made for.

    Raises:
        EviError: nobody can fill a place in the core team, no school is open, or the rules contradict each
            other.
    """
    rules = problem.rules
    if rules.most < rules.least:
        raise EviError(
            f"a visit must see at least {rules.least} children, and at most {rules.most} fit into it.",
            where="rules.yaml",
            do="Lower minimum_children or hours_a_child, or raise hours or maximum_children.",
        )
    for wrong in _missing(problem):
        raise wrong


def _missing(problem: Problem) -> Iterator[EviError]:
    for choice in problem.rules.core:
        able = [p for p in problem.people if p.role in choice and p.max_days_a_week > 0]
        if not able:
            names = " or ".join(role.replace("_", " ") for role in choice)
            yield EviError(
                f"nobody can be the {names} that every visit needs, so no visit can be planned.",
                where="people.csv",
                do=f"Add a {names} with max_days_a_week of 1 or more, or change core in rules.yaml.",
            )
    first, last = problem.rules.start, problem.rules.end
    if problem.terms and not any(t.start <= last and t.end >= first for t in problem.terms):
        yield EviError(
            f"no term has a day between {first} and {last}, so every school is shut.",
            where="terms.csv",
            do="Change start or weeks in rules.yaml, or add the terms of that time.",
        )
