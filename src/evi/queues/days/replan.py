"""Someone is ill, or a school must shut: put the rota right and change as little as can be.

Visits that can no longer be as they were are taken out and planned again, with everything else fixed: the
first choice is the same day with another person. Only if a child would lose its day may other visits change
too, and then at most one for each child that is saved. A family that has a date keeps it: nobody is moved for
one of higher priority.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from evi.queues.days.checking import validate
from evi.queues.days.disturbance import Disturbance, disturbance
from evi.queues.days.grid import Grid, Plan, grid, needed
from evi.queues.days.model import Effort, Freed, Kept, Place
from evi.queues.days.planning import plan_of, rota_of
from evi.queues.days.problem import Away, Problem
from evi.queues.days.rota import Rota, Visit
from evi.workspace import EviError

WORK = 3.0
"""CP-SAT's count of work for a repair: about as many CPU seconds, at most."""
MOST_RIVALS = 20


@dataclass(frozen=True)
class Replanned:
    """The new rota, the problem with the new absences, and what changed."""

    rota: Rota
    problem: Problem
    disturbance: Disturbance


def replan(
    rota: Rota, problem: Problem, away: Sequence[Away], *, today: date | None = None, seed: int = 1
) -> Replanned:
    """Put a rota right after people or schools drop out.

    Args:
        rota: what stood until now; problem: what it was made from.
        away: the new absences and closures.
        today: visits before this day have been; nothing new is placed before it and the rules' notice
            (default: the first day of the absences).

    Raises:
        EviError: an absence names nobody, or ends before it starts, or the rota is not one of this problem.
    """
    _known(problem, away)
    _sound(rota, problem, "Plan the days again, or undo what was changed by hand.")
    now = today or min(one.start for one in away)
    later = [replace(one, start=max(one.start, now)) for one in away if one.end >= now]
    changed = replace(problem, away=(*problem.away, *later))
    arrays = grid(changed)
    hit = {visit for visit in rota.visits if visit.day >= now and not _stands(visit, arrays)}
    plan = plan_of(arrays, rota, only=lambda visit: visit not in hit)
    lost = plan_of(arrays, rota, only=lambda visit: visit in hit)
    first = _column(arrays, now + timedelta(days=problem.rules.notice_days))
    right = _repaired(plan, lost, set(), first, seed)
    if _still_lost(right, lost):
        rivals = _rivals(plan, lost, right, _column(arrays, now))
        wider = _repaired(plan, lost, rivals, first, seed)
        saved = _still_lost(right, lost) - _still_lost(wider, lost)
        others = sum(wider.slots.get(place) != plan.slots[place] for place in rivals)
        right = wider if saved > 0 and saved >= others and not _dropped(plan, wider) else right
    left = np.arange(len(arrays.week)) >= first  # reasons look only at days that can still be given
    new = rota_of(Plan(replace(arrays, open=arrays.open & left), right.slots))
    _sound(new, changed, "This is a mistake in eVI: please report it with the folder's rules.yaml.")
    return Replanned(new, changed, disturbance(rota, new, len(hit)))


def _repaired(plan: Plan, lost: Plan, rivals: set[Place], first: int, seed: int) -> Plan:
    """The plan with the lost visits' children seen again, where they were if it can be.

    Args:
        rivals: visits of the plan that may change too. first: day before which nobody gets a new visit.
    """
    arrays = plan.grid
    before = dict(lost.slots) | {place: plan.slots[place] for place in rivals}
    kept = Kept(
        stay={child: place for place, slot in before.items() for child in slot.children},
        went=frozenset((person, place) for place, slot in before.items() for person in slot.people),
        first_day=first,
    )
    schools = {school for school, _day in before}
    schools |= {
        school for slot in before.values() for child in slot.children for school in arrays.venues[child]
    }
    days = np.arange(len(arrays.week)) >= first
    days[np.array([day for _school, day in before], np.int64)] = True
    freed = Freed(plan, schools, days, take=rivals, kept=kept)
    for slot in freed.solve(Effort(WORK, seed=seed)) or freed.taken:
        freed.plan.add(slot)
    return freed.plan


def _still_lost(plan: Plan, lost: Plan) -> int:
    """Children of the lost visits who have none now."""
    return int((lost.seen & ~plan.seen).sum())


def _dropped(plan: Plan, wider: Plan) -> bool:
    """Whether a child of a visit that could stand has none now."""
    return bool((plan.seen & ~wider.seen).any())


def _rivals(plan: Plan, lost: Plan, right: Plan, now: int) -> set[Place]:
    """Visits that could make room: at the schools of children still lost, then with people they need."""
    arrays = plan.grid
    children = np.flatnonzero(lost.seen & ~right.seen).tolist()
    schools = {school for child in children for school in arrays.venues[child]}
    open_days = np.asarray(arrays.open[sorted(schools)].any(0))
    wanted = {
        person for child in children for need in needed(arrays, [child]) for person in arrays.able[need]
    }
    scored = [
        (slot.school not in schools, -len(wanted & set(slot.people)), slot.day, slot.school)
        for slot in plan.slots.values()
        if slot.day >= now and (slot.school in schools or open_days.item(slot.day))
    ]
    return {(school, day) for _other, _count, day, school in sorted(scored)[:MOST_RIVALS]}


def _stands(visit: Visit, arrays: Grid) -> bool:
    """Whether the school is open and everyone of the team is there."""
    (slot,) = plan_of(arrays, Rota((visit,))).slots.values()
    return bool(arrays.open[slot.school, slot.day] and arrays.free[list(slot.people), slot.day].all())


def _column(arrays: Grid, day: date) -> int:
    """The first day of the grid that is not before a date."""
    return sum(known < day for known in arrays.days)


def _sound(rota: Rota, problem: Problem, do: str) -> None:
    broken = validate(rota, problem, promised=True)
    if broken:
        raise EviError(
            f"{len(broken)} rules are broken by this rota; first: {broken[0].says}.",
            where=f"assessment days, {broken[0].where}",
            do=do,
        )


def _known(problem: Problem, away: Sequence[Away]) -> None:
    if not away:
        raise EviError("nobody is said to be absent.", do="Name a person or a school.", exit_code=2)
    for one in away:
        known = problem.person_of if one.kind == "person" else problem.school_of
        if one.id not in known:
            raise EviError(
                f"this {one.kind} is not in the plan.",
                where="--absent" if one.kind == "person" else "--closed",
                do=f"Give an id of {'people' if one.kind == 'person' else 'schools'}.csv.",
                exit_code=2,
            )
        if one.end < one.start:
            raise EviError("it ends before it starts.", where="--to", do="Give a later day.", exit_code=2)
