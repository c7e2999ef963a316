"""The last touch to a plan: places at a school go to those of higher priority, and the earlier days too."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from evi.queues.days.grid import Grid, Plan, Slot


def by_priority(plan: Plan) -> int:
    """Let each child who waits take the place of one of lower priority, where the same team can see it.

    Before that, children who need the same people at the same school are put in order: the higher priority on
    the earlier day. That can put a low priority beside a team that suits a child who waits, so the two take
    turns. Every exchange raises the priority of those who are seen, so it ends.

    Returns:
        How many places changed hands.
    """
    total = 0
    while True:
        _earlier_first(plan)
        exchanged = _exchanges(plan)
        total += exchanged
        if not exchanged:
            return total


def _exchanges(plan: Plan) -> int:
    grid, count = plan.grid, 0
    waiting = sorted(np.flatnonzero(~plan.seen).tolist(), key=lambda child: (-grid.points[child], child))
    while waiting:
        out = _exchange(plan, waiting.pop(0))
        if out is not None:
            count += 1
            waiting = sorted([*waiting, out], key=lambda other: (-grid.points[other], other))
    return count


def _exchange(plan: Plan, child: int) -> int | None:
    """Put a child into a visit in place of the one of lowest priority. Returns that one."""
    grid = plan.grid
    best: tuple[float, int, Slot] | None = None
    for slot in plan.in_order():
        if slot.school not in grid.venues[child]:
            continue
        if not all(any(p in grid.able[need] for p in slot.people) for need in grid.needs[child]):
            continue
        lowest = min(slot.children, key=lambda other: (grid.points[other], -other))
        if grid.points[lowest] < grid.points[child] and (best is None or grid.points[lowest] < best[0]):
            best = (float(grid.points[lowest]), lowest, slot)
    if best is None:
        return None
    _points, lowest, slot = best
    plan.remove(slot.school, slot.day)
    children = tuple(sorted((*(other for other in slot.children if other != lowest), child)))
    plan.add(Slot(slot.school, slot.day, children, _covering(grid, slot, children)))
    return lowest


def _covering(grid: Grid, slot: Slot, children: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """The core team as it was, and for each need of these children someone of the team who answers it."""
    core = [(need, person) for need, person in slot.team if need < grid.core]
    wanted = sorted({need for child in children for need in grid.needs[child]})
    before = dict(slot.team)
    extra = [
        (need, before.get(need, next(p for p in slot.people if p in grid.able[need]))) for need in wanted
    ]
    return (*core, *extra)


def _earlier_first(plan: Plan) -> None:
    grid = plan.grid
    places: dict[tuple[int, frozenset[int]], list[tuple[int, int]]] = defaultdict(list)
    for slot in list(plan.in_order()):
        for child in slot.children:
            places[slot.school, grid.needs[child]].append((slot.day, child))
    inside: dict[tuple[int, int], list[int]] = defaultdict(list)
    for (school, _needs), pairs in places.items():
        ordered = sorted((child for _day, child in pairs), key=lambda child: (-grid.points[child], child))
        for day, child in zip(sorted(day for day, _child in pairs), ordered, strict=True):
            inside[school, day].append(child)
    taken = {
        place: plan.remove(*place) for place in inside
    }  # all of them first: a child's mark is one for all
    for (school, day), children in inside.items():
        plan.add(Slot(school, day, tuple(sorted(children)), taken[school, day].team))
