"""A plan for a waiting list, read from a file: its promises, the list it is about, and what a place costs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from evi.queues.sizing.schema_words import first_mistake
from evi.queues.sizing.trajectory import Milestone, Trajectory, straight_line
from evi.workspace import EviError

SHARES = ("missed", "removed_per_week", "longest_first")
"""Figures of a service that are shares of 1."""
SHIPPED = resources.files("evi.queues.sizing") / "plans"


@dataclass(frozen=True)
class Stated:
    """A figure that went in, and where it is from (or the word assumed)."""

    value: float
    source: str


@dataclass(frozen=True)
class Service:
    """The list and what serves it, as stated in the plan.

    Attributes:
        waiting: children on the list when the plan begins.
        waiting_over_limit: those of them who wait longer than the standard; None if not stated.
        weekly_referrals: children referred a week.
        slots_per_week: appointments offered a week today.
        missed: share of appointments to which nobody comes.
        removed_per_week: share of the list that leaves unseen in a week.
        longest_first: share of slots for who waits longest; the rest go to anyone on the list.
    """

    waiting: Stated
    waiting_over_limit: Stated | None
    weekly_referrals: Stated
    slots_per_week: Stated
    missed: Stated
    removed_per_week: Stated
    longest_first: Stated


@dataclass(frozen=True)
class Plan:
    """One plan for one list.

    Attributes:
        id, title, source: what it is called and where it is printed.
        trajectory: the promises, for every month.
        today: the measures in the month before it begins.
        milestones: the months of the promises as printed.
        readings: which measures may also be read as which others.
        pounds_per_slot, hours_per_slot, cost_source: what one appointment for one child costs, and the
            hours of clinicians in it.
        service: the list.
    """

    id: str
    title: str
    source: str
    trajectory: Trajectory
    today: Milestone
    milestones: tuple[Milestone, ...]
    readings: Mapping[str, str]
    pounds_per_slot: float
    hours_per_slot: float
    cost_source: str
    service: Service

    @property
    def milestones_only(self) -> Trajectory:
        """The trajectory held to the printed milestones alone."""
        return self.trajectory.only([milestone.month for milestone in self.milestones])

    def given(self, **figures: float | None) -> Plan:
        """The same plan with other figures of its service, such as `waiting=1300`; None: as it is.

        Raises:
            EviError: a figure can't be, such as a share over 1.
        """
        changed = {name: value for name, value in figures.items() if value is not None}
        for name, value in changed.items():
            if value < 0 or (name in SHARES and value > 1):
                raise EviError(f"{name} can't be {value:g}.", where=name, do="Give a figure that can be.")
        stated = {name: Stated(float(value), "as given") for name, value in changed.items()}
        over = self.service.waiting_over_limit
        if "waiting" in changed and "waiting_over_limit" not in changed and over is not None:
            share = over.value / max(self.service.waiting.value, 1.0)
            scaled = round(share * changed["waiting"])
            stated["waiting_over_limit"] = Stated(scaled, f"the stated share of those given, {share:.0%}")
        service = replace(self.service, **stated)
        _consistent(service, self.today, self.trajectory.limit_weeks, self.id)
        return replace(self, service=service)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Every figure that went in, each in one sentence with its source."""
        said = {
            "waiting": "{:,.0f} children are on the list at the start",
            "waiting_over_limit": "{:,.0f} of them wait longer than the standard",
            "weekly_referrals": "{:g} children are referred a week, in every week of the year",
            "slots_per_week": "{:g} appointments are offered a week today",
            "missed": "{:.0%} of appointments are missed, and who misses one keeps the place",
            "removed_per_week": "{:.1%} of the list leaves unseen in a week",
            "longest_first": "{:.0%} of appointments go to who waits longest, the rest to anyone on the list",
        }
        given = {name: getattr(self.service, name) for name in said}
        return (
            *(f"{said[name].format(s.value)} ({s.source})." for name, s in given.items() if s is not None),
            f"An appointment costs £{self.pounds_per_slot:,.0f} and {self.hours_per_slot:g} hours of "
            f"clinicians ({self.cost_source}); a missed or empty one costs the same.",
        )


def shipped_plans() -> tuple[str, ...]:
    """Names of the plans that eVI ships.

    >>> shipped_plans()
    ('wsoa-autism',)
    """
    return tuple(sorted(file.name[:-5] for file in SHIPPED.iterdir() if file.name.endswith(".yaml")))


def read_plan(which: str | Path) -> Plan:
    """Read a plan: a file, or the name of one that eVI ships.

    Raises:
        EviError: there is no such plan, it can't be read, or it isn't what the schema asks for.
    """
    if isinstance(which, str) and which in shipped_plans():
        return plan_from(SHIPPED.joinpath(f"{which}.yaml").read_text(encoding="utf-8"), which)
    path = Path(which)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EviError(
            f"the plan can't be read ({type(error).__name__}).",
            where=str(path),
            do=f"Give the path of a YAML file, or one of: {', '.join(shipped_plans())}.",
        ) from error
    return plan_from(text, str(path))


def plan_from(text: str, where: str) -> Plan:
    """The plan written in a YAML text.

    Raises:
        EviError: it isn't YAML, isn't what the schema asks for, or contradicts itself.
    """
    try:
        given = json.loads(json.dumps(yaml.safe_load(text), default=str))
    except (yaml.YAMLError, TypeError, ValueError) as error:
        raise EviError(
            f"the plan isn't YAML ({type(error).__name__}).", where=where, do="Mend the file."
        ) from error
    wrong = first_mistake(_schema(), given, "the plan")
    if wrong:
        raise EviError(
            wrong,
            where=where,
            do="See evi/queues/sizing/plans/plan.schema.json for what may be said.",
        )
    start = _monday(given["start"], where)
    limit_weeks = int(given["standard"]["limit_weeks"])
    today = _milestone(given["today"])
    milestones = tuple(_milestone(point) for point in given["milestones"])
    service = _service(given["service"], where)
    _consistent(service, today, limit_weeks, where)
    return Plan(
        id=given["id"],
        title=given["title"],
        source=given.get("source", ""),
        trajectory=straight_line(given["title"], start, limit_weeks, today, milestones),
        today=today,
        milestones=milestones,
        readings=given.get("readings", {}),
        pounds_per_slot=float(given["cost"]["pounds_per_slot"]),
        hours_per_slot=float(given["cost"]["hours_per_slot"]),
        cost_source=given["cost"]["source"],
        service=service,
    )


@cache
def _schema() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(
        json.loads(SHIPPED.joinpath("plan.schema.json").read_text(encoding="utf-8"))
    )


def _monday(text: str, where: str) -> date:
    try:
        start = date.fromisoformat(text)
    except ValueError as error:
        raise EviError("start isn't a date.", where=where, do="Write it as 2022-07-04.") from error
    if start.weekday():
        raise EviError(
            f"start is a {start:%A}.",
            where=where,
            do="Weeks begin on Mondays: give the Monday before or after.",
        )
    return start


def _milestone(point: dict[str, Any]) -> Milestone:
    limits = {name: float(value) for name, value in point.items() if name != "month"}
    return Milestone(date.fromisoformat(f"{point['month']}-01"), limits)


def _service(given: dict[str, Any], where: str) -> Service:
    def stated(name: str) -> Stated:
        return Stated(float(given[name]["value"]), str(given[name]["source"]))

    for name in SHARES:
        if given[name]["value"] > 1:
            raise EviError(
                f"service.{name} is more than 1.", where=where, do="Write a share of 1: 0.12 for 12%."
            )
    return Service(
        waiting=stated("waiting"),
        waiting_over_limit=stated("waiting_over_limit") if "waiting_over_limit" in given else None,
        weekly_referrals=stated("weekly_referrals"),
        slots_per_week=stated("slots_per_week"),
        missed=stated("missed"),
        removed_per_week=stated("removed_per_week"),
        longest_first=stated("longest_first"),
    )


def _consistent(service: Service, today: Milestone, limit_weeks: int, where: str) -> None:
    over = service.waiting_over_limit
    if over is not None and over.value > service.waiting.value:
        raise EviError(
            "more children wait longer than the standard than wait at all.",
            where=where,
            do="Check waiting and waiting_over_limit.",
        )
    if service.missed.value >= 1:
        raise EviError(
            "every appointment is missed, so no capacity can help.", where=where, do="Check service.missed."
        )
    average = today.limits.get("average_waiting_weeks")
    longest = today.limits.get("longest_waiting_weeks")
    if average is not None and longest is not None and average > longest:
        raise EviError("the average wait is longer than the longest.", where=where, do="Check `today`.")
    if over is not None and over.value > 0 and longest is not None and longest <= limit_weeks:
        raise EviError(
            "children wait longer than the standard, but the longest wait doesn't.",
            where=where,
            do="Check waiting_over_limit and longest_waiting_weeks of `today`.",
        )
