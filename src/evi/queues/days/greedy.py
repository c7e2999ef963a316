"""A first plan, made in one pass: the children of highest priority get the first day that has a team.

Children of a school are put into groups no larger than a visit: those with most priority first, and with them
those who need the same extra people. Groups are then placed in order of priority, each on the day on which
the most of it is worth, with the people who have most days to spare.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from evi.queues.days.bound import Bound, Floats
from evi.queues.days.grid import Flags, Grid, Plan, Slot, needed
from evi.queues.days.worth import slot_worth

A_SPARE_DAY = 4.0
"""Kilometres that a person may live farther off for each day that they have more to give."""
GUIDED = 2_000
"""What the guide's choice counts, in the units of `worth`."""


def greedy(grid: Grid, guide: Bound | None = None) -> Plan:
    """A plan that breaks no rule; often far from the best.

    Args:
        guide: days and people that the bound would choose, to be chosen first.
    """
    plan = Plan(grid)
    fill(plan, range(len(grid.visitors)), guide=guide)
    return plan


def fill(plan: Plan, schools: Iterable[int], days: Flags | None = None, guide: Bound | None = None) -> int:
    """Book children who have no visit: into visits with room first, then in visits of their own.

    Args:
        days: [day]: those on which a visit may be put (all, if None).

    Returns:
        How many children it booked.
    """
    before = int(plan.seen.sum())
    schools = list(schools)
    for school in schools:
        _top_up(plan, school)
    groups = [(school, group) for school in schools for group in groups_of(plan, school)]
    points = plan.grid.points
    groups.sort(key=lambda item: (-max(points[child] for child in item[1]), item[0], item[1]))
    for school, group in groups:
        left = _place(plan, school, [child for child in group if not plan.seen[child]], days, guide)
        while len(left) >= plan.grid.least:  # without the child whose extra person is hardest to find
            left = _place(plan, school, _without_hardest(plan, left), days, guide)
    for school in schools:
        _top_up(plan, school)
    return int(plan.seen.sum()) - before


def groups_of(plan: Plan, school: int) -> list[list[int]]:
    """The children who wait for a visit to this school, in as few groups as can hold them."""
    grid, waiting = plan.grid, plan.unseen(school)
    own = [child for child in waiting if grid.venues[child][0] == school]
    if len(own) < grid.least and len(grid.venues[own[0]] if own else ()) > 1:
        return []  # they join their partner's groups
    if len(waiting) < grid.least:
        return []
    count = math.ceil(len(waiting) / grid.most)
    size, larger = divmod(len(waiting), count)
    groups: list[list[int]] = []
    for number in range(count):
        group, waiting = waiting[:1], waiting[1:]
        while len(group) < size + (number < larger):
            covered = frozenset[int]().union(*(grid.needs[child] for child in group))
            best = min(range(len(waiting)), key=lambda at: (len(grid.needs[waiting[at]] - covered), at))
            group.append(waiting.pop(best))
        groups.append(group)
    return [group for group in groups if len(group) >= grid.least]


def team_for(
    grid: Grid, can_go: Flags, school: int, day: int, needs: Sequence[int], liking: Floats
) -> tuple[tuple[int, int], ...] | None:
    """One person for each need who can go that day, or nothing: the nearest, less what `liking` adds in km.

    A person in two needs (an interpreter of two languages) is taken for both.
    """
    team: list[tuple[int, int]] = []
    for need in needs:
        able = [p for p in grid.able[need] if can_go[p, day] and grid.near[p, school]]
        taken = [p for _need, p in team]
        chosen = next((p for p in able if p in taken and need >= grid.core), None)
        if chosen is None:
            able = [p for p in able if p not in taken]
            if not able:
                return None
            chosen = min(able, key=lambda p: (float(grid.km[p, school] - liking[p, day]), p))
        team.append((need, chosen))
    return tuple(team)


def _place(plan: Plan, school: int, group: list[int], days: Flags | None, guide: Bound | None) -> list[int]:
    """Put a group on its best day. Returns the group if there is none, else nothing."""
    grid = plan.grid
    if len(group) < grid.least:
        return []
    needs, can_go = needed(grid, group), plan.can_go()
    liking = _liking(plan, can_go, guide)
    wanted = grid.open[school].copy() if days is None else grid.open[school] & days
    for need in needs:
        able = [p for p in grid.able[need] if grid.near[p, school]]
        wanted &= can_go[able].any(0)
    best: tuple[int, int, Slot] | None = None
    for day in np.flatnonzero(wanted):
        if (school, int(day)) in plan.slots:
            continue
        team = team_for(grid, can_go, school, int(day), needs, liking)
        if team is not None:
            slot = Slot(school, int(day), tuple(sorted(group)), team)
            guided = 0 if guide is None else round(GUIDED * float(guide.visits[school, day]))
            key = (slot_worth(grid, slot) + guided, -int(day), slot)
            if best is None or key[:2] > best[:2]:
                best = key
    if best is None:
        return group
    plan.add(best[2])
    return []


def _liking(plan: Plan, can_go: Flags, guide: Bound | None) -> Floats:
    """[person, day], kilometres: how much sooner to send a person: one with many days left, or guided
    there."""
    spare = np.repeat(A_SPARE_DAY * can_go.sum(1)[:, None], can_go.shape[1], axis=1)
    return spare if guide is None else spare + GUIDED * guide.people


def _without_hardest(plan: Plan, group: list[int]) -> list[int]:
    grid = plan.grid
    can_go = plan.can_go().sum(1)

    def days_of(child: int) -> float:
        return min((float(can_go[list(grid.able[n])].sum()) for n in grid.needs[child]), default=math.inf)

    hardest = min(group, key=lambda child: (days_of(child), grid.points[child], child))
    return [child for child in group if child != hardest]


def _top_up(plan: Plan, school: int) -> None:
    """Give empty places in visits that stand to children who wait, with the extra person if one can come."""
    grid = plan.grid
    for slot in [slot for (where, _day), slot in sorted(plan.slots.items()) if where == school]:
        for child in plan.unseen(school):
            here = plan.slots[school, slot.day]
            if len(here.children) >= grid.most:
                break
            extra = sorted(grid.needs[child] - {need for need, _person in here.team})
            can_go = plan.can_go()
            can_go[list(here.people), slot.day] = True
            more = _extra_people(grid, can_go, here, extra)
            if more is not None:
                plan.remove(school, slot.day)
                plan.add(Slot(school, slot.day, tuple(sorted((*here.children, child))), (*here.team, *more)))


def _extra_people(
    grid: Grid, can_go: Flags, slot: Slot, needs: Sequence[int]
) -> tuple[tuple[int, int], ...] | None:
    """People for further needs of a visit; someone already there who answers one is taken first."""
    found: list[tuple[int, int]] = []
    for need in needs:
        there = [*slot.people, *(p for _n, p in found)]
        able = [p for p in grid.able[need] if can_go[p, slot.day] and grid.near[p, slot.school]]
        if not able:
            return None
        fresh = min(able, key=lambda p: (p not in there, float(grid.km[p, slot.school]), p))
        found.append((need, fresh))
    return tuple(found)
