"""Part of a plan as one exact question to CP-SAT: these schools, on these days, everything else as it stands.

All visits to the freed schools on the freed days are taken out, and the solver may put back any that break no
rule, with any people whom the rest of the plan leaves free. The visits taken out are its first answer, so it
never does worse. `worth` says what is better.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from ortools.sat.python import cp_model

from evi.queues.days.grid import Flags, Plan, Slot
from evi.queues.days.worth import VISIT, later_cost, person_cost, seen_worth

Place = tuple[int, int]
"""School and day."""
Kind = tuple[tuple[int, ...], tuple[int, ...], Place | None]
"""Children who can take each other's place: where they may be seen, what they need, and where a repair would
have them stay."""
EXTRA = -1
"""The place in a team of someone who is there only for a child's need."""


@dataclass(frozen=True)
class Effort:
    """How hard the solver may try: `work` in CP-SAT's own count (about a second each, the same on every
    machine), never more than `seconds` on the clock."""

    work: float
    seconds: float = 1e6
    seed: int = 0


@dataclass(frozen=True)
class Kept:
    """What a repair leaves as it was where it can.

    Attributes:
        stay: where each child had its visit before; went: who was there.
        first_day: before this day nobody is given a new visit, though a visit may get another person.
    """

    stay: Mapping[int, Place]
    went: frozenset[tuple[int, Place]]
    first_day: int


STAYS, GOES_AGAIN = 300, 150
"""What a child that keeps its visit, and a person who keeps a day, add to the worth of a repair."""


class Freed:
    """The question: variables for visits, children and people at the freed schools and days.

    Args:
        plan: the plan; it is left as it is.
        schools: rows of the freed schools.
        days: [day]: the freed days.
        take: the visits to take out (all those at the freed schools on the freed days, if None).
        kept: what the answer should leave as it was, for a repair.
    """

    def __init__(
        self,
        plan: Plan,
        schools: Iterable[int],
        days: Flags,
        *,
        take: Collection[Place] | None = None,
        kept: Kept | None = None,
    ) -> None:
        self.grid, self.plan = plan.grid, plan.copy()
        self.model = cp_model.CpModel()
        self.kept = kept
        schools = sorted(set(schools))
        if take is None:
            take = [(school, day) for school, day in self.plan.slots if school in schools and days[day]]
        places = sorted(take)
        self.taken = [self.plan.remove(*place) for place in places]
        self.can_go = self.plan.can_go()
        self.visit: dict[Place, Any] = {}
        self.exact = False
        self.seats: dict[tuple[Kind, Place], Any] = {}
        self.seen: dict[Kind, list[Any]] = {}
        self.kinds = self._kinds(schools)
        self.person: dict[tuple[int, int, Place], Any] = {}
        self._worth: list[tuple[Any, int]] = []
        for school in schools:
            self._school(school, days)
        self._one_visit_a_child()
        self._people()
        variables, weights = zip(*self._worth, strict=True) if self._worth else ((), ())
        self.model.maximize(cp_model.LinearExpr.weighted_sum(variables, weights))

    def _kinds(self, schools: list[int]) -> dict[Kind, list[int]]:
        """Children who have no visit, by kind, those of higher priority first."""
        kinds: dict[Kind, list[int]] = defaultdict(list)
        children = {child for school in schools for child in self.plan.unseen(school)}
        for child in sorted(children, key=lambda child: (-self.grid.points[child], child)):
            before = self.kept.stay.get(child) if self.kept else None
            kinds[self.grid.venues[child], tuple(sorted(self.grid.needs[child])), before].append(child)
        return dict(kinds)

    def _school(self, school: int, days: Flags) -> None:
        kinds = [kind for kind, children in self.kinds.items() if school in kind[0] and children]
        own = [day for (where, day) in self.plan.slots if where == school]
        wanted = self.grid.open[school] & days
        wanted[own] = False
        for core in range(self.grid.core):
            wanted &= self.can_go[[p for p in self.grid.able[core] if self.grid.near[p, school]]].any(0)
        for day in np.flatnonzero(wanted):
            self._place((school, int(day)), kinds)

    def _place(self, place: Place, kinds: list[Kind]) -> None:
        grid, model = self.grid, self.model
        school, day = place
        visit = self.visit[place] = model.new_bool_var("")
        self._worth.append((visit, -VISIT))
        people: dict[int, list[Any]] = defaultdict(list)
        for core in range(grid.core):
            able = [p for p in grid.able[core] if self.can_go[p, day] and grid.near[p, school]]
            filled = []
            for person in able:
                filled.append(self._go(core, person, place))
                people[person].append(filled[-1])
            model.add(cp_model.LinearExpr.sum(filled) == visit)
        seats = [seat for kind in kinds if (seat := self._seats(kind, place, people)) is not None]
        inside = cp_model.LinearExpr.sum(seats)
        model.add(inside <= grid.most * visit)
        model.add(inside >= grid.least * visit)

    def _seats(self, kind: Kind, place: Place, people: dict[int, list[Any]]) -> Any:
        """How many children of a kind are seen in a visit, if whoever they need can be there."""
        grid = self.grid
        school, day = place
        if self.kept and day < self.kept.first_day and kind[2] != place:
            return None
        answered = []
        for need in kind[1]:
            able = [p for p in grid.able[need] if self.can_go[p, day] and grid.near[p, school]]
            if not able:
                return None
            for person in able:
                if person not in people:
                    people[person].append(self._go(EXTRA, person, place))
            answered.append([variable for person in able for variable in people[person]])
        most = min(grid.most, len(self.kinds[kind]))
        seats = self.seats[kind, place] = self.model.new_int_var(0, most, "")
        points = sum(int(grid.points[child]) for child in self.kinds[kind]) // len(self.kinds[kind])
        stays = STAYS if kind[2] == place else 0
        self._worth.append((seats, stays - later_cost(points, int(grid.week[day]))))
        for there in answered:
            self.model.add(most * cp_model.LinearExpr.sum(there) >= seats)
        return seats

    def _go(self, core: int, person: int, place: Place) -> Any:
        variable = self.person[core, person, place] = self.model.new_bool_var("")
        need = core if core != EXTRA else self.grid.core
        again = GOES_AGAIN if self.kept and (person, place) in self.kept.went else 0
        self._worth.append((variable, again - person_cost(self.grid, need, person, place[0])))
        return variable

    def _one_visit_a_child(self) -> None:
        """As many children are seen as there are seats; those of higher priority are worth more, so go
        first."""
        of_kind: dict[Kind, list[Any]] = defaultdict(list)
        for (kind, _place), seats in self.seats.items():
            of_kind[kind].append(seats)
        for kind, seats in of_kind.items():
            seen = self.seen[kind] = [self.model.new_bool_var("") for _child in self.kinds[kind]]
            self._worth += [
                (one, seen_worth(int(self.grid.points[child])))
                for one, child in zip(seen, self.kinds[kind], strict=True)
            ]
            self.model.add(cp_model.LinearExpr.sum(seats) == cp_model.LinearExpr.sum(seen))

    def _people(self) -> None:
        of_day: dict[tuple[int, int], list[Any]] = defaultdict(list)
        of_week: dict[tuple[int, int], list[Any]] = defaultdict(list)
        for (_core, person, (_school, day)), variable in self.person.items():
            of_day[person, day].append(variable)
            of_week[person, int(self.grid.week[day])].append(variable)
        for variables in of_day.values():
            self.model.add_at_most_one(variables)
        for (person, week), variables in of_week.items():
            room = int(self.grid.most_days[person] - self.plan.load[person, week])
            if room < len(variables):
                self.model.add(cp_model.LinearExpr.sum(variables) <= room)

    def solve(self, effort: Effort) -> list[Slot] | None:
        """The best visits found for the freed part, or nothing if not even the first answer was checked in
        time."""
        self._hint()
        solver = cp_model.CpSolver()
        given = solver.parameters
        given.num_workers = 1
        given.random_seed = effort.seed % 2**31
        given.max_deterministic_time = effort.work
        given.max_time_in_seconds = effort.seconds
        given.linearization_level = 2  # the linear relaxation finds good answers soonest here
        given.cp_model_presolve = False  # it takes longer than it saves on questions of this size
        status = solver.solve(self.model)
        self.exact = status == cp_model.OPTIMAL
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return None
        return self._slots(solver)

    def _hint(self) -> None:
        """Tell the solver what stood before."""
        kind_of = {child: kind for kind, children in self.kinds.items() for child in children}
        value: Counter[int] = Counter()
        for slot in self.taken:
            place = (slot.school, slot.day)
            value[self.visit[place].index] = 1
            for child in slot.children:
                value[self.seats[kind_of[child], place].index] += 1
            core = {person: need for need, person in slot.team if need < self.grid.core}
            for person in slot.people:
                going = self.person.get((core.get(person, EXTRA), person, place))
                if going is not None:
                    value[going.index] = 1
        for kind, seen in self.seen.items():
            count = sum(value[seats.index] for (of, _), seats in self.seats.items() if of == kind)
            value.update(one.index for one in seen[:count])
        for group in (self.visit, self.seats, self.person):
            for variable in group.values():
                self.model.add_hint(variable, value[variable.index])
        for seen in self.seen.values():
            for one in seen:
                self.model.add_hint(one, value[one.index])

    def _slots(self, solver: cp_model.CpSolver) -> list[Slot]:
        children: dict[Place, list[int]] = defaultdict(list)
        first = {kind: iter(rows) for kind, rows in self.kinds.items()}
        for (kind, place), seats in sorted(self.seats.items(), key=lambda item: item[0][1][::-1]):
            children[place] += [next(first[kind]) for _ in range(solver.value(seats))]
        team: dict[Place, list[tuple[int, int]]] = defaultdict(list)
        for (core, person, place), variable in self.person.items():
            if solver.boolean_value(variable):
                team[place].append((core, person))
        return [
            self._slot(place, inside, team[place]) for place, inside in sorted(children.items()) if inside
        ]

    def _slot(self, place: Place, children: list[int], there: list[tuple[int, int]]) -> Slot:
        filled = sorted((core, person) for core, person in there if core != EXTRA)
        for need in sorted(frozenset[int]().union(*(self.grid.needs[child] for child in children))):
            able = [person for _core, person in sorted(there) if person in self.grid.able[need]]
            filled.append((need, able[-1]))
        return Slot(*place, tuple(sorted(children)), tuple(filled))
