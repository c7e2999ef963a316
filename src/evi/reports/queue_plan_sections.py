"""A plan for a waiting list on paper: what the promise needs, what follows from it, and how fast is wise."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from evi.queues.days.problem import Problem
from evi.queues.days.rota import Rota
from evi.queues.sizing.answers import CapacityAnswer
from evi.queues.sizing.frontier import Clearance, Frontier
from evi.queues.sizing.trajectory import MEASURES, SHARE
from evi.reports.blocks import Block, Note, Section, Table, section, table
from evi.reports.queue_charts import Line, assumed, fan, frontier, lines, rota_grid, small_lines

MOST_PEOPLE = 40
"""People of a rota who are drawn; a larger rota is told as a table."""


def needs_section(answers: Sequence[CapacityAnswer]) -> Section:
    """How much capacity each promise needs; the first is drawn month by month."""
    first = answers[0]
    blocks: list[Block | str] = [f"{answer.sentence} {answer.outside_sentence}" for answer in answers]
    if first.says_something:
        blocks += [*_drawn(first), _months(first)]
    return section(
        "needs",
        "What would the promise take?",
        "The least extra appointments with which every promise holds in every month, not only in the months "
        "in which somebody looks.",
        *blocks,
        assumed(first.assumptions),
    )


def _drawn(answer: CapacityAnswer) -> list[Block]:
    days = [month.month for month in answer.months]
    slots = [month.slots_today + month.extra_slots for month in answer.months]
    bound = [
        month.slots_today + month.bound_extra_slots if month.bound_extra_slots is not None else float("nan")
        for month in answer.months
    ]
    return [
        lines(
            "capacity",
            "Appointments a week that are needed, beside those of today and the children who come",
            "Appointments needed, appointments today, the least that any order of seeing children could do "
            "with, and referrals, all a week.",
            [
                Line("needed", days, slots),
                Line("today", days, [month.slots_today for month in answer.months]),
                Line("least", days, bound),
                Line("referrals", days, [month.referrals_per_week for month in answer.months]),
            ],
            unit="a week",
        ),
        fan(
            "list-planned",
            "Children on the list under the plan",
            None,
            Line("middle", days, [month.waiting[1] for month in answer.months]),
            {
                80: (
                    [month.waiting[0] for month in answer.months],
                    [month.waiting[2] for month in answer.months],
                )
            },
        ),
    ]


def _months(answer: CapacityAnswer) -> Table:
    names = [name for name in MEASURES if any(name in month.measures for month in answer.months)]

    def cell(name: str, value: float, promised: float | None) -> str:
        form = "{:.0%}" if name == SHARE else "{:.0f}"
        return form.format(value) + ("" if promised is None else f" ({form.format(promised)})")

    rows = [
        (
            f"{month.month:%B %Y}",
            f"{month.slots_today + month.extra_slots:g}",
            f"{month.waiting[1]:,.0f}",
            *(cell(name, month.measures[name][1], month.limits.get(name)) for name in names),
            f"{month.holds:.0%}",
        )
        for month in answer.months
    ]
    return table(
        f"{answer.title}: what is reached in the middle simulation, and in brackets what is promised",
        (
            "Month",
            "Appointments a week",
            "On the list",
            *(MEASURES[name].capitalize() for name in names),
            "Kept",
        ),
        rows,
        tuple(range(1, 4 + len(names))),
        folded=True,
    )


def follows_section(chosen: Clearance, today: Clearance) -> Section:
    """Demand on the services after, under the chosen speed and as today."""
    months, of_week = chosen.knock_on.months()
    weeks = np.bincount(of_week)
    drawn = []
    for name, title in chosen.knock_on.titles.items():
        weekly = chosen.knock_on.monthly(name) / weeks
        low, high = np.quantile(weekly, [0.1, 0.9], axis=0)
        drawn.append(Line(title, months, weekly.mean(axis=0), low, high))
    before = {relief.service: relief for relief in today.softened.services}
    softened = [
        (
            relief.title,
            f"{before[relief.service].peak_per_week:.1f}",
            f"{relief.peak_per_week:.1f}",
            f"{relief.peak_wait_weeks[1]:.0f}",
            f"{relief.limit_weeks:g}",
            f"{relief.added.slots:g}",
            f"£{relief.pounds:,.0f}",
        )
        for relief in chosen.softened.services
    ]
    return section(
        "follows",
        "What follows for schools and services?",
        "Clearing one list fills others. Each small chart is one service: children who ask for it a week "
        f"if assessment goes at the chosen speed ({chosen.plan}).",
        small_lines(
            "knock-on",
            "Children who go on to each service in a week, month by month",
            "One small chart a service, with the range that holds eight draws in ten.",
            drawn,
            "a week",
        ),
        table(
            "How to keep each service's wait under its limit",
            (
                "Service",
                "Most a week as today",
                "Most a week at this speed",
                "Longest wait if nothing is added, weeks",
                "Limit, weeks",
                "Slots a week to add",
                "Cost",
            ),
            softened,
            (1, 2, 3, 4, 5, 6),
        ),
        assumed(chosen.knock_on.assumptions),
    )


def speed_section(found: Frontier) -> Section:
    """Speed of clearing against the peak downstream and the cost of softening it."""
    cleared = [one for one in found.clearances if one.weeks_to_clear is not None]
    points = [(float(one.weeks_to_clear or 0), _peak(one), f"+{one.extra_slots} a week") for one in cleared]
    never = len(found.clearances) - len(cleared)
    rows = [
        (
            f"+{one.extra_slots}",
            "not in this time" if one.weeks_to_clear is None else f"{one.weeks_to_clear}",
            f"{_peak(one):.1f}",
            f"£{one.assessment_pounds:,.0f}",
            f"£{one.softened.pounds:,.0f}",
            f"£{one.pounds:,.0f}",
        )
        for one in found.clearances
    ]
    return section(
        "speed",
        "How fast is wise?",
        "The faster the list is cleared, the higher the wave on the services after it, for a shorter time.",
        frontier(
            "frontier",
            "Weeks until the list is clear, and the busiest time after it",
            "Each point is one speed: the further left, the sooner clear; the higher, the higher the wave.",
            points,
            "weeks until clear",
            "most children a week, all services",
        )
        if len(points) > 1
        else None,
        table(
            "Each speed, and what it costs",
            (
                "Extra slots a week",
                "Weeks until clear",
                "Most a week after",
                "Assessments",
                "Softening",
                "Together",
            ),
            rows,
            (1, 2, 3, 4, 5),
        ),
        f"{never} of the speeds do not clear the list in the time that was looked at." if never else None,
        found.why,
        assumed(found.assumptions[-2:]),
    )


def _peak(one: Clearance) -> float:
    return float(sum(relief.peak_per_week for relief in one.softened.services))


def rota_section(rota: Rota, problem: Problem) -> Section:
    """A rota of assessment days at schools."""
    visits = list(rota.visits)
    weeks = sorted({visit.day - timedelta(days=visit.day.weekday()) for visit in visits})
    people = sorted({person for visit in visits for person in visit.team})
    days = np.zeros((len(people), len(weeks)), np.int64)
    for visit in visits:
        week = weeks.index(visit.day - timedelta(days=visit.day.weekday()))
        for person in visit.team:
            days[people.index(person), week] += 1
    seen = sum(len(visit.children) for visit in visits)
    rows = [
        (f"{visit.day:%a %-d %b}", visit.school, str(len(visit.children)), ", ".join(visit.team))
        for visit in sorted(visits, key=lambda visit: (visit.day, visit.school))
    ]
    return section(
        "days",
        "Which school on which day?",
        f"{seen:,} of {len(problem.children):,} children are booked, on {len(visits):,} visits to "
        f"{len({visit.school for visit in visits}):,} schools.",
        rota_grid(
            "rota",
            "Days at schools, by person and week",
            "One row a person, one column a week; the number is days at schools in that week.",
            [f"{week:%-d %b}" for week in weeks],
            people,
            days,
        )
        if 0 < len(people) <= MOST_PEOPLE
        else None,
        table("Every visit", ("Day", "School", "Children", "Who goes"), rows, (2,), folded=True),
        assumed(_rules(problem)),
        Note(f"{len(problem.children) - seen:,} children could not be placed; the rota's own list says why.")
        if seen < len(problem.children)
        else None,
    )


def _rules(problem: Problem) -> tuple[str, ...]:
    """What every visit keeps to."""
    rules = problem.rules
    core = ", ".join(" or ".join(choice) for choice in rules.core).replace("_", " ")
    return (
        f"Every visit has {core}; others come where a child needs them, and stay all day.",
        f"A visit lasts {rules.hours:g} hours: {rules.set_up_hours:g} to set up, "
        f"{rules.hours_a_child:g} a child. So it sees {rules.least} to {rules.most} children.",
        f"It costs as much time as the clinic at {rules.break_even:.2f} children "
        f"({rules.clinic_hours_a_child:g} clinician hours a child there).",
        "Nobody goes on bank holidays, outside term, or further and more often than they said.",
    )
