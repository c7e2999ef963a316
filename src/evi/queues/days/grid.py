"""A problem in numbers: who is free when, which school is open when, who can reach it, who needs whom.

The search works on row numbers: school s, child c, person p, day d (working days only) and need n, which is
a row of `able`. The first needs are the core team's, and every visit has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import numpy.typing as npt

from evi.queues.days.open_days import Diary
from evi.queues.days.problem import Problem, answers

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Slot:
    """One visit: school s on day d, with children and the team, one (need, person) for each place in it."""

    school: int
    day: int
    children: tuple[int, ...]
    team: tuple[tuple[int, int], ...]

    @property
    def people(self) -> tuple[int, ...]:
        """The team's people, each once (an interpreter of two languages fills two places)."""
        return tuple(dict.fromkeys(person for _need, person in self.team))


@dataclass(frozen=True)
class Grid:
    """The arrays.

    Attributes:
        open: [school, day]; free: [person, day] before any visit; near: [person, school].
        km: [person, school], by road, one way.
        week: week of each day, from nought; most_days: a person's days a week.
        core: how many of the needs are the core team's.
        able: for each need the people who answer it.
        needs: for each child the needs beyond the core team.
        venues: for each child the schools where it may be seen; visitors: for each school those children.
        points: priority of each child, in weeks.
    """

    problem: Problem
    days: tuple[date, ...]
    open: Flags
    free: Flags
    near: Flags
    km: npt.NDArray[np.float64]
    week: npt.NDArray[np.int64]
    most_days: npt.NDArray[np.int64]
    core: int
    need_names: tuple[tuple[str, str], ...]
    able: tuple[tuple[int, ...], ...]
    needs: tuple[frozenset[int], ...]
    venues: tuple[tuple[int, ...], ...]
    visitors: tuple[tuple[int, ...], ...]
    points: npt.NDArray[np.float64]
    least: int
    most: int


def grid(problem: Problem) -> Grid:
    """Turn a problem into arrays."""
    diary = Diary(problem)
    column = {day: number for number, day in enumerate(diary.days)}
    schools, people, children = problem.schools, problem.people, problem.children
    row = {school.school: number for number, school in enumerate(schools)}
    opened = np.zeros((len(schools), len(column)), bool)
    for number, school in enumerate(schools):
        opened[number, [column[day] for day in diary.school_days(school.school)]] = True
    free = np.zeros((len(people), len(column)), bool)
    for number, person in enumerate(people):
        free[number, [column[day] for day in diary.person_days(person.person)]] = True
    km = np.array([[problem.kilometres(p, s) for s in schools] for p in people]).reshape(
        len(people), len(schools)
    )
    beyond = sorted({need for child in children for need in problem.needs(child)})
    core = len(problem.rules.core)
    able = [tuple(n for n, p in enumerate(people) if p.role in choice) for choice in problem.rules.core]
    able += [tuple(n for n, p in enumerate(people) if answers(p, need)) for need in beyond]
    place = {need: core + number for number, need in enumerate(beyond)}
    venues = tuple(tuple(row[name] for name in problem.venues(child)) for child in children)
    visitors: list[list[int]] = [[] for _ in schools]
    for child, where in enumerate(venues):
        for venue in where:
            visitors[venue].append(child)
    monday = problem.rules.start.toordinal() - problem.rules.start.weekday()
    return Grid(
        problem=problem,
        days=tuple(diary.days),
        open=opened,
        free=free,
        near=km <= np.array([[p.max_km] for p in people]).reshape(len(people), 1),
        km=km,
        week=np.array([(day.toordinal() - monday) // 7 for day in diary.days], np.int64),
        most_days=np.array([p.max_days_a_week for p in people], np.int64),
        core=core,
        need_names=(*((" or ".join(choice), "") for choice in problem.rules.core), *beyond),
        able=tuple(able),
        needs=tuple(frozenset(place[need] for need in problem.needs(child)) for child in children),
        venues=venues,
        visitors=tuple(tuple(rows) for rows in visitors),
        points=np.array([problem.points(child) for child in children]),
        least=problem.rules.least,
        most=problem.rules.most,
    )


@dataclass
class Plan:
    """Visits so far, and whose days they take. Changed in place by the search."""

    grid: Grid
    slots: dict[tuple[int, int], Slot] = field(default_factory=dict)

    def __post_init__(self) -> None:
        people, days = self.grid.free.shape
        self.busy = np.zeros((people, days), bool)
        weeks = int(self.grid.week.max(initial=0)) + 1
        self.load = np.zeros((people, weeks), np.int64)
        self.seen = np.zeros(len(self.grid.needs), bool)
        slots, self.slots = list(self.slots.values()), {}
        for slot in slots:
            self.add(slot)

    def add(self, slot: Slot) -> None:
        """Put a visit in; nothing is checked."""
        self.slots[slot.school, slot.day] = slot
        self._mark(slot, True)

    def remove(self, school: int, day: int) -> Slot:
        """Take a visit out."""
        slot = self.slots.pop((school, day))
        self._mark(slot, False)
        return slot

    def _mark(self, slot: Slot, value: bool) -> None:
        people = list(slot.people)
        self.busy[people, slot.day] = value
        self.load[people, self.grid.week[slot.day]] += 1 if value else -1
        self.seen[list(slot.children)] = value

    def can_go(self) -> Flags:
        """[person, day]: free, not busy, and with days of that week to spare."""
        room = self.load < self.grid.most_days[:, None]
        return self.grid.free & ~self.busy & room[:, self.grid.week]

    def unseen(self, school: int) -> list[int]:
        """Children who may be seen at a school and have no visit, by priority."""
        rows = [child for child in self.grid.visitors[school] if not self.seen[child]]
        return sorted(rows, key=lambda child: (-self.grid.points[child], child))

    def copy(self) -> Plan:
        """A plan of its own with the same visits."""
        return Plan(self.grid, dict(self.slots))

    def in_order(self) -> Iterator[Slot]:
        """Visits by day, then school."""
        for _day, _school, slot in sorted((slot.day, slot.school, slot) for slot in self.slots.values()):
            yield slot


def needed(grid: Grid, children: tuple[int, ...] | list[int]) -> list[int]:
    """The needs that a visit with these children has: the core team's, and theirs."""
    extra = frozenset[int]().union(*(grid.needs[child] for child in children))
    return [*range(grid.core), *sorted(extra)]


def within_reach(grid: Grid) -> Flags:
    """[child]: whether, before any visit is planned, some day at some school has everyone whom it needs."""
    reach = np.zeros(len(grid.needs), bool)
    for child, where in enumerate(grid.venues):
        for school in where:
            days = grid.open[school].copy()
            for need in needed(grid, [child]):
                days &= grid.free[[p for p in grid.able[need] if grid.near[p, school]]].any(0)
            reach[child] |= bool(days.any())
    return reach
