"""From a problem to a rota: a first plan, a search, a last touch, and reasons for what is left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from evi.queues.days.bound import bound
from evi.queues.days.checking import validate
from evi.queues.days.greedy import fill, greedy
from evi.queues.days.grid import Grid, Plan, Slot, grid
from evi.queues.days.improve import Search, improve
from evi.queues.days.priority import by_priority
from evi.queues.days.problem import Problem, check
from evi.queues.days.reasons import unplaced
from evi.queues.days.rota import Rota, Visit
from evi.queues.days.worth import plan_worth
from evi.workspace import SILENT, EviError, Progress

SAY_EVERY_SECONDS = 1.0
FOR_SEARCH = 0.95
"""Share of the time that the search may take: the rest is for the last touch, reasons and the check."""


@dataclass(frozen=True)
class Planned:
    """A rota and how it came about.

    Attributes:
        first: the greedy rota that the search began from (or one guided by the bound, where that is worth
            more).
        most: children that no plan can pass (see `bound`).
        search: rounds, and worth before and after.
        exchanged: places that went to a child of higher priority at the end.
    """

    rota: Rota
    first: Rota
    most: int
    search: Search
    exchanged: int


def plan_days(
    problem: Problem,
    *,
    seconds: float | None = 10.0,
    rounds: int | None = None,
    seed: int = 1,
    progress: Progress = SILENT,
    clock: Callable[[], float] = time.monotonic,
) -> Planned:
    """Plan the assessment days of a problem.

    Args:
        seconds: time for the whole, on `clock`. The plan found then depends on the machine.
        rounds: search so many neighbourhoods instead. The same seed then gives the same rota anywhere.

    Raises:
        EviError: no visit is possible at all (see `problem.check`).
    """
    began = clock()
    check(problem)
    arrays = grid(problem)
    most = bound(arrays)
    plans = [greedy(arrays), greedy(arrays, most)]
    start = max(plans, key=plan_worth)
    left = None if rounds is not None or seconds is None else FOR_SEARCH * seconds - (clock() - began)
    with progress.task(
        "Planning assessment days", rounds or (None if left is None else round(left))
    ) as moved:
        told = _Teller(progress, moved, clock, counts_rounds=rounds is not None)
        plan, search = improve(start, seconds=left, rounds=rounds, seed=seed, told=told, clock=clock)
    fill(plan, range(len(problem.schools)))
    exchanged = by_priority(plan)
    by_priority(start := start.copy())
    planned = Planned(rota_of(plan), rota_of(start), most.children, search, exchanged)
    broken = validate(planned.rota, problem)
    if broken:
        raise EviError(
            f"the rota breaks {len(broken)} rules; first: {broken[0].says}.",
            where=f"assessment days, {broken[0].where}",
            do="This is a mistake in eVI: please report it with the folder's rules.yaml.",
        )
    return planned


class _Teller:
    """Moves the bar, and says the best so far when it has become better, at most once a second."""

    def __init__(
        self,
        progress: Progress,
        moved: Callable[[int], None],
        clock: Callable[[], float],
        *,
        counts_rounds: bool,
    ) -> None:
        self._progress, self._moved, self._clock = progress, moved, clock
        self._counts_rounds = counts_rounds
        self._began = self._spoke = clock()
        self._steps = 0
        self._best = (0, 0)

    def __call__(self, plan: Plan, rounds: int) -> None:
        now = self._clock()
        steps = rounds if self._counts_rounds else int(now - self._began)
        self._moved(steps - self._steps)
        self._steps = steps
        best = (int(plan.seen.sum()), len(plan.slots))
        if best != self._best and now - self._spoke >= SAY_EVERY_SECONDS:
            self._best, self._spoke = best, now
            children = f"{best[0]:,} of {len(plan.grid.needs):,} children in {best[1]:,} visits"
            self._progress.say(f"  best so far: {children} (round {rounds:,})")


def rota_of(plan: Plan) -> Rota:
    """A plan in ids and dates, with reasons for every child who has no visit."""
    visits = tuple(sorted(visit_of(plan.grid, slot) for slot in plan.slots.values()))
    return Rota(visits, tuple(unplaced(plan)))


def visit_of(arrays: Grid, slot: Slot) -> Visit:
    """One visit in ids and dates."""
    problem = arrays.problem
    children = tuple(sorted(problem.children[child].child for child in slot.children))
    team = tuple(sorted(problem.people[person].person for person in slot.people))
    return Visit(arrays.days[slot.day], problem.schools[slot.school].school, children, team)


def plan_of(arrays: Grid, rota: Rota, *, only: Callable[[Visit], bool] = lambda _visit: True) -> Plan:
    """Visits of a rota that the problem still knows, as a plan. Their teams may no longer be whole."""
    problem = arrays.problem
    school = {one.school: row for row, one in enumerate(problem.schools)}
    child = {one.child: row for row, one in enumerate(problem.children)}
    person = {one.person: row for row, one in enumerate(problem.people)}
    day: dict[date, int] = {one: row for row, one in enumerate(arrays.days)}
    plan = Plan(arrays)
    for visit in rota.visits:
        if only(visit):
            rows = tuple(sorted(child[name] for name in visit.children))
            people = [person[name] for name in visit.team]
            plan.add(Slot(school[visit.school], day[visit.day], rows, team_of(arrays, rows, people)))
    return plan


def team_of(arrays: Grid, children: tuple[int, ...], people: list[int]) -> tuple[tuple[int, int], ...]:
    """Who of these people fills which place: the core team's, the children's needs, and those left over."""
    core = _core(arrays, people, 0) or ()
    team = list(enumerate(core))
    for need in sorted({need for child in children for need in arrays.needs[child]}):
        there = [person for person in people if person in arrays.able[need]]
        taken = {person for _need, person in team}
        team += [(need, person) for person in sorted(there, key=lambda p: (p in taken, p))[:1]]
    filled = {person for _need, person in team}
    team += [(len(arrays.able), person) for person in people if person not in filled]  # a place of no need
    return tuple(team)


def _core(arrays: Grid, people: list[int], need: int) -> tuple[int, ...] | None:
    """One person for each place of the core team, or nothing if they cannot fill all of them."""
    if need == arrays.core:
        return ()
    for person in people:
        if person in arrays.able[need]:
            rest = _core(arrays, [other for other in people if other != person], need + 1)
            if rest is not None:
                return (person, *rest)
    return None
