"""What makes one plan better than another, as one number, so that every step of the search agrees.

Seeing a child counts most, and more the higher its priority; then fewer visits, then fewer extra people, then
less travel, then earlier days for those with more priority. The weights are choices, kept in one place:

- a child seen: 2,000, and 4 for each week of priority up to 250, so two children always outweigh one;
- a visit: 600, so that a day is not spent where another could take its children;
- an extra person's day: 60, and each kilometre by road, one way: 1;
- each week later: 2 a child, and 1 for each 13 weeks of its priority.
"""

from __future__ import annotations

from evi.queues.days.grid import Grid, Plan, Slot

SEEN, A_WEEK_OF_PRIORITY, MOST_WEEKS = 2_000, 4, 250
VISIT = 600
EXTRA_PERSON = 60
KILOMETRE = 1
LATER_WEEK, WEEKS_A_POINT = 2, 13


def seen_worth(points: int) -> int:
    """What seeing a child of this priority adds, whenever it is."""
    return SEEN + A_WEEK_OF_PRIORITY * min(points, MOST_WEEKS)


def later_cost(points: int, week: int) -> int:
    """What seeing it so many weeks into the plan takes away."""
    return week * (LATER_WEEK + min(points, MOST_WEEKS) // WEEKS_A_POINT)


def child_worth(grid: Grid, child: int, week: int) -> int:
    """What seeing a child in a week adds."""
    points = int(grid.points[child])
    return seen_worth(points) - later_cost(points, week)


def person_cost(grid: Grid, need: int, person: int, school: int) -> int:
    """What a person's day at a school takes away."""
    return KILOMETRE * round(float(grid.km[person, school])) + (EXTRA_PERSON if need >= grid.core else 0)


def slot_worth(grid: Grid, slot: Slot) -> int:
    """What one visit adds to a plan."""
    week = int(grid.week[slot.day])
    first: dict[int, int] = {}
    for need, person in slot.team:
        first.setdefault(person, need)
    people = sum(person_cost(grid, need, person, slot.school) for person, need in first.items())
    return sum(child_worth(grid, child, week) for child in slot.children) - VISIT - people


def plan_worth(plan: Plan) -> int:
    """What a whole plan is worth."""
    return sum(slot_worth(plan.grid, slot) for slot in plan.slots.values())
