"""Why a child has no visit, and what would change it: looked for in the plan as it stands."""

from __future__ import annotations

import numpy as np

from evi.queues.days.grid import Flags, Grid, Plan, needed
from evi.queues.days.rota import Unplaced


def unplaced(plan: Plan) -> list[Unplaced]:
    """Every child without a visit, by priority, each with the first reason that holds."""
    grid, can_go = plan.grid, plan.can_go()
    rows = sorted(np.flatnonzero(~plan.seen).tolist(), key=lambda child: (-grid.points[child], child))
    return [_why(plan, child, can_go) for child in rows]


def _why(plan: Plan, child: int, can_go: Flags) -> Unplaced:
    grid = plan.grid
    rules, where = grid.problem.rules, list(grid.venues[child])
    needs = needed(grid, [child])
    for need in needs:
        if not grid.able[need]:
            return _nobody(grid, child, need)
    if not grid.open[where].any():
        return _said(
            grid, child, "room_shut",
            "The school has no day left with a room, in term, in the weeks that are planned.",
            "Ask the school for a room on another weekday, or plan more weeks.",
        )  # fmt: skip
    here = len(grid.visitors[where[-1]])
    if here < grid.least:
        return _said(
            grid, child, "too_few_children",
            f"Only {here} of the children who wait can be seen there, and a visit needs {grid.least} "
            f"(break-even {rules.break_even:.2f}).",
            "Name a partner school, see the child in the clinic, or lower minimum_children.",
        )  # fmt: skip
    for need in needs:
        if not _days(grid, where, need, grid.free).any():
            role = _named(grid, need)
            return _said(
                grid, child, "no_interpreter" if grid.need_names[need][1] else "nobody_with_role",
                f"No {role} works near enough on any day when the room is open.",
                "Find one for those days, or ask the school for a room on another weekday.",
            )  # fmt: skip
    return _taken(plan, child, needs, can_go)


def _taken(plan: Plan, child: int, needs: list[int], can_go: Flags) -> Unplaced:
    """Everyone is there on some day, but not on the same one, or not free any more."""
    grid, where = plan.grid, list(plan.grid.venues[child])
    open_days = int(grid.open[where].any(0).sum())
    left = {need: int(_days(grid, where, need, can_go).sum()) for need in needs}
    if any(_together(grid, school, needs, can_go) for school in where):
        waiting = sum(not plan.seen[other] for other in grid.visitors[where[-1]])
        return _said(
            grid, child, "left_over",
            f"The visits to this school are full or lack someone the child needs, and {waiting} left over "
            f"{'is' if waiting == 1 else 'are'} too few, or need too much together, for one more visit.",
            "Raise maximum_children, lower minimum_children, or see the child in the clinic.",
        )  # fmt: skip
    scarce = min(needs, key=lambda need: (left[need], need))
    role = _named(grid, scarce)
    return _said(
        grid, child, "nobody_free",
        f"The room is open on {open_days} days. Somebody who is {role} is still free on {left[scarce]} "
        "of them, and on none is everyone free whom the visit needs.",
        f"More days of somebody who is {role} would help most; or plan more weeks.",
    )  # fmt: skip


def _together(grid: Grid, school: int, needs: list[int], can_go: Flags) -> bool:
    days = grid.open[school].copy()
    for need in needs:
        days &= _days(grid, [school], need, can_go)
    return bool(days.any())


def _nobody(grid: Grid, child: int, need: int) -> Unplaced:
    role = _named(grid, need)
    why = "no_interpreter" if grid.need_names[need][1] else "nobody_with_role"
    return _said(grid, child, why, f"There is no {role}.", "Find one, and add a line to people.csv.")


def _days(grid: Grid, where: list[int], need: int, when: Flags) -> Flags:
    """[day]: a school of these is open, and someone who answers the need can go there."""
    days = np.zeros(len(grid.week), bool)
    for school in where:
        able = [person for person in grid.able[need] if grid.near[person, school]]
        days |= grid.open[school] & when[able].any(0)
    return days


def _named(grid: Grid, need: int) -> str:
    role, language = grid.need_names[need]
    return (f"{role} of {language}" if language else role).replace("_", " ")


def _said(grid: Grid, child: int, why: str, says: str, do: str) -> Unplaced:
    known = grid.problem.children[child]
    return Unplaced(known.child, known.school, why, says, do)
