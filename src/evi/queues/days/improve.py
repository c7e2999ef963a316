"""A better plan, a neighbourhood at a time: free a few schools, weeks or people, and let CP-SAT put them
right.

Over a whole rota CP-SAT does worse in ten seconds than the greedy plan; over a dozen schools it is exact in a
fraction of one. Each round frees one neighbourhood and keeps the answer if it is worth no less.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evi.queues.days.grid import Flags, Grid, Plan
from evi.queues.days.model import Effort, Freed
from evi.queues.days.worth import plan_worth
from evi.workspace import EviError

Neighbourhood = tuple[list[int], Flags]
"""Schools and days to free."""
WORK_A_ROUND = 0.3
"""CP-SAT's count of work in one neighbourhood: about as many CPU seconds."""
GROW, SHRINK = 1.1, 0.85
FIRST_SIZE, LEAST_SIZE, MOST_SIZE = 150.0, 40.0, 600.0
"""Open days of the freed schools in one neighbourhood: it grows while answers are exact, and shrinks when
not."""


@dataclass(frozen=True)
class Search:
    """How a search went.

    Attributes:
        rounds: neighbourhoods tried; better: how many of them made the plan better.
        first, last: worth of the plan before and after.
        seconds: on the clock.
    """

    rounds: int
    better: int
    first: int
    last: int
    seconds: float


def improve(
    plan: Plan,
    *,
    seconds: float | None = None,
    rounds: int | None = None,
    seed: int = 1,
    told: Callable[[Plan, int], None] = lambda _plan, _round: None,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Plan, Search]:
    """Search for a better plan.

    Args:
        plan: a plan that breaks no rule; it is left as it is.
        seconds: stop after this time. What is found then depends on the machine.
        rounds: stop after so many neighbourhoods. The same seed then gives the same plan on any machine.
        told: called after each round with the best plan so far and the round.
        clock: what `seconds` are counted on; `time.process_time` for CPU seconds.

    Raises:
        EviError: neither seconds nor rounds are given.
    """
    if seconds is None and rounds is None:
        raise EviError("a search needs an end.", do="Give seconds or rounds.")
    began = clock()
    rng = np.random.default_rng(seed)
    worth = first = plan_worth(plan)
    better = number = 0
    kinds = [_around_unseen, _nearby, _one_week, _some_people]
    weight = np.ones(len(kinds))
    size = np.full(len(kinds), FIRST_SIZE)
    while (rounds is None or number < rounds) and (seconds is None or clock() - began < seconds):
        kind = int(rng.choice(len(kinds), p=weight / weight.sum()))
        schools, days = _small(plan, size[kind], *kinds[kind](rng, plan))
        left = 1e6 if seconds is None else max(0.05, seconds - (clock() - began))
        freed = Freed(plan, schools, days)
        slots = freed.solve(Effort(WORK_A_ROUND, left, seed + number))
        number += 1
        gain = 0
        if slots is not None:
            changed = freed.plan
            for slot in slots:
                changed.add(slot)
            gain = plan_worth(changed) - worth
            if gain >= 0:
                plan, worth = changed, worth + gain
                better += gain > 0
        size[kind] = np.clip(size[kind] * (GROW if freed.exact else SHRINK), LEAST_SIZE, MOST_SIZE)
        weight[kind] = 0.9 * weight[kind] + 0.1 * (1.0 + 9.0 * (gain > 0))
        told(plan, number)
    return plan, Search(number, better, first, worth, clock() - began)


def _whole(grid: Grid) -> Flags:
    return np.ones(len(grid.week), bool)


def _nearest(grid: Grid, school: int, count: int) -> list[int]:
    """Schools by how alike their distances to everyone's base are: those that share people."""
    apart = np.abs(grid.km - grid.km[:, [school]]).sum(0)
    return [int(other) for other in np.argsort(apart, kind="stable")[:count]]


def _around_unseen(rng: np.random.Generator, plan: Plan) -> Neighbourhood:
    """The school of a child who has no visit, and those whose visits take people whom it needs, when it needs
    them."""
    grid, waiting = plan.grid, np.flatnonzero(~plan.seen)
    if not waiting.size:
        return _nearby(rng, plan)
    child = int(rng.choice(waiting))
    where = list(grid.venues[child])
    needs = sorted(grid.needs[child]) or list(range(grid.core))
    able = {person for need in needs for person in grid.able[need]}
    days = np.asarray(grid.open[where].any(0))
    rivals = {slot.school for slot in plan.slots.values() if days.item(slot.day) and able & set(slot.people)}
    return [*where, *(int(school) for school in rng.permutation(sorted(rivals)))], _whole(grid)


def _nearby(rng: np.random.Generator, plan: Plan) -> Neighbourhood:
    """A school and those near it, on every day."""
    school = int(rng.integers(len(plan.grid.visitors)))
    return _nearest(plan.grid, school, 16), _whole(plan.grid)


def _one_week(rng: np.random.Generator, plan: Plan) -> Neighbourhood:
    """Visits of one week, and schools where children have none."""
    weeks = int(plan.grid.week.max()) + 1
    days = plan.grid.week == int(rng.integers(weeks))
    visited = {school for school, day in plan.slots if days[day]}
    waiting = {plan.grid.venues[child][-1] for child in np.flatnonzero(~plan.seen)} - visited
    return [int(school) for school in rng.permutation(sorted(visited | waiting))], days


def _some_people(rng: np.random.Generator, plan: Plan) -> Neighbourhood:
    """The visits of two people."""
    count = len(plan.grid.most_days)
    chosen = set(rng.choice(count, min(count, 2), replace=False).tolist())
    schools = {slot.school for slot in plan.slots.values() if chosen & set(slot.people)}
    return [int(s) for s in rng.permutation(sorted(schools))], _whole(plan.grid)


def _small(plan: Plan, size: float, schools: list[int], days: Flags) -> Neighbourhood:
    """As many of the schools as the solver can handle at once, in the order given."""
    kept: list[int] = []
    cells = 0
    for school in dict.fromkeys(schools):
        cells += int((plan.grid.open[school] & days).sum())
        if kept and cells > size:
            break
        kept.append(school)
    return kept, days
