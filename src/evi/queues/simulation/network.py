"""A network of services that children wait for: who is referred, who sees them, and where they go next.

Time runs in weeks from a Monday. A `Network` says what is so; `simulate` (in `engine`) says what follows.
The file behind it is YAML (`network.schema.json`); every figure in it can carry its source, or the word
`assumed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from evi.queues.measuring.calendar import school_weeks

Floats = npt.NDArray[np.float64]
WEEKS_A_YEAR = 365.25 / 7
ASSUMED = "assumed"


@dataclass(frozen=True)
class Discipline:
    """Who is offered a slot: the shares of slots for each rule; they sum to 1.

    Attributes:
        longest: to whoever waits longest.
        priority: to the most urgent class, and in it to whoever waits longest.
        random: to anyone who waits, each as likely.
    """

    longest: float = 1.0
    priority: float = 0.0
    random: float = 0.0


@dataclass(frozen=True)
class RemovalStep:
    """From this many weeks of wait on, the chance a week of leaving the list unseen."""

    from_week: int
    probability: float


@dataclass(frozen=True)
class Supply:
    """The slots that a pool has.

    Attributes:
        slots_per_week: by week from the start; the last one goes on for ever. May be fractions.
        holidays_share: share of the slots that is there in school holidays (1: holidays change nothing).
        leave_share: share of the slots lost to leave and sickness.
        staff: how many people the slots come from. If given, each is away in a week with chance
            `leave_share`, by luck; if not, `leave_share` is lost evenly.
        skill_share: the slots are this share of those of the pool's skill, not `slots_per_week`.
    """

    slots_per_week: tuple[float, ...] = (0.0,)
    holidays_share: float = 1.0
    leave_share: float = 0.0
    staff: int | None = None
    skill_share: float | None = None

    def by_week(self, in_school: npt.NDArray[np.bool_]) -> Floats:
        """Slots in each week, without leave that is a matter of luck; `in_school` has one entry a week."""
        weeks = np.minimum(np.arange(len(in_school)), len(self.slots_per_week) - 1)
        slots = np.asarray(self.slots_per_week, float)[weeks]
        slots = np.where(in_school, slots, slots * self.holidays_share)
        return slots if self.staff is not None else slots * (1.0 - self.leave_share)


@dataclass(frozen=True)
class Pool:
    """One waiting list and those who see the children on it.

    Attributes:
        missed: chance that an offered slot is missed; it is used up, and the child keeps the place.
        removal: chance of leaving unseen, by weeks waited, in steps; none: nobody leaves.
        limit_weeks: the standard: seen within so many weeks; None if there is none.
        follows: whether it is one of the services that come after (children reach it by an edge).
        outcomes: what comes of being seen: name to probability, one each child. They sum to 1 at most.
        sources: where its figures come from, by name of the figure.
    """

    id: str
    title: str
    skill: str
    supply: Supply
    missed: float = 0.0
    discipline: Discipline = Discipline()
    removal: tuple[RemovalStep, ...] = ()
    limit_weeks: int | None = None
    follows: bool = False
    outcomes: Mapping[str, float] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

    def removal_by_age(self, ages: int) -> Floats:
        """The chance of leaving unseen in the week in which a child has waited 0, 1, … completed weeks."""
        chances = np.zeros(ages)
        for step in sorted(self.removal, key=lambda step: step.from_week):
            chances[step.from_week :] = step.probability
        return chances


@dataclass(frozen=True)
class ChildClass:
    """A class of children; a smaller `priority` is more urgent."""

    id: str
    priority: int


@dataclass(frozen=True)
class Arrivals:
    """Referrals of one class to one pool, from outside the network.

    Attributes:
        weekly: the mean number in a week at the start, before season.
        yearly_growth: .05: five in a hundred more each year.
        by_month: twelve factors, from January; None: months are alike.
        term_factor, holiday_factor: factors in weeks of school and of school holidays.
    """

    pool: str
    child_class: str
    weekly: float
    yearly_growth: float = 0.0
    by_month: tuple[float, ...] | None = None
    term_factor: float = 1.0
    holiday_factor: float = 1.0
    source: str = ""

    def means(self, mondays: list[date], in_school: npt.NDArray[np.bool_]) -> Floats:
        """The mean number in each week."""
        years = np.arange(len(mondays)) / WEEKS_A_YEAR
        means = self.weekly * (1.0 + self.yearly_growth) ** years
        means = means * np.where(in_school, self.term_factor, self.holiday_factor)
        if self.by_month is not None:
            means = means * np.array([self.by_month[day.month - 1] for day in mondays])
        return np.asarray(means, float)


@dataclass(frozen=True)
class Backlog:
    """Children of one class who wait for one pool when the network starts.

    Attributes:
        ages: (completed weeks waited, number of children).
    """

    pool: str
    child_class: str
    ages: tuple[tuple[int, int], ...]
    source: str = ""


@dataclass(frozen=True)
class Lag:
    """Weeks between being seen and joining the next list: mean and standard deviation (gamma)."""

    mean: float = 0.0
    spread: float = 0.0


@dataclass(frozen=True)
class Edge:
    """Children who were seen in one pool (or left it unseen) and join the list of another.

    Attributes:
        origin, to: the pools; they may be the same one (a re-referral).
        outcome: only children with this outcome of `origin`; None: whatever the outcome.
        probability: of those children, the share that goes on.
        lag: how much later they join.
        copies: how many places each takes on the list of `to` (a course of three sessions: 3).
        after: `start` (they were seen) or `removal` (they left unseen).
    """

    origin: str
    to: str
    probability: float
    outcome: str | None = None
    lag: Lag = Lag()
    copies: int = 1
    after: Literal["start", "removal"] = "start"
    source: str = ""


@dataclass(frozen=True)
class Network:
    """Services that children wait for; see the module's text. Made by `from_yaml` or by its parts.

    Attributes:
        start: the Monday on which week 0 begins.
        terms: `england` (the planning rule of `calendar.TERM_RULE`) or `none` (every week is alike).
        skills: slots a week by skill, for pools that take a share of a skill.
    """

    start: date
    pools: tuple[Pool, ...]
    classes: tuple[ChildClass, ...] = (ChildClass("any", 0),)
    arrivals: tuple[Arrivals, ...] = ()
    backlog: tuple[Backlog, ...] = ()
    edges: tuple[Edge, ...] = ()
    terms: Literal["england", "none"] = "none"
    skills: Mapping[str, Supply] = field(default_factory=dict)
    title: str = ""

    def __post_init__(self) -> None:
        """Refuse nonsense (see `network_checks`)."""
        from evi.queues.simulation.network_checks import check_network  # noqa: PLC0415 (it reads this module)

        check_network(self)

    @classmethod
    def from_yaml(cls, source: Path | str) -> Network:
        """Read a network from a file (a `Path`, or text that names one) or from the YAML text itself.

        Raises:
            EviError: there is no such file, it is not as the schema asks, or what it says is nonsense.
        """
        from evi.queues.simulation.network_file import read_network  # noqa: PLC0415 (it reads this module)

        return read_network(source)

    @property
    def pool_ids(self) -> tuple[str, ...]:
        """The pools' ids, in the order of every array."""
        return tuple(pool.id for pool in self.pools)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is allowed but ought to be seen, in sentences: pools without any slots."""
        return tuple(
            f"{pool.id} has no slots at all, so nobody on its list is ever seen."
            for pool in self.pools
            if not np.any(self._supply(pool) > 0)
        )

    def mondays(self, weeks: int) -> list[date]:
        """The first day of each week."""
        return [self.start + timedelta(weeks=week) for week in range(weeks)]

    def in_school(self, weeks: int) -> npt.NDArray[np.bool_]:
        """Whether schools are open, by week."""
        return school_weeks(self.start, weeks) if self.terms == "england" else np.ones(weeks, bool)

    def slots(self, weeks: int) -> Floats:
        """Slots by week and pool, [weeks, pools], before leave that is a matter of luck."""
        in_school = self.in_school(weeks)
        columns = []
        for pool in self.pools:
            own = pool.supply.by_week(in_school)
            if pool.supply.skill_share is not None:
                own = pool.supply.skill_share * self.skills[pool.skill].by_week(in_school)
            columns.append(own)
        return np.stack(columns, axis=1)

    def arrival_means(self, weeks: int) -> Floats:
        """Mean referrals from outside, [weeks, pools, classes]."""
        means = np.zeros((weeks, len(self.pools), len(self.classes)))
        mondays, in_school = self.mondays(weeks), self.in_school(weeks)
        classes = [one.id for one in self.classes]
        for stream in self.arrivals:
            place = self.pool_ids.index(stream.pool), classes.index(stream.child_class)
            means[:, place[0], place[1]] += stream.means(mondays, in_school)
        return means

    def _supply(self, pool: Pool) -> Floats:
        if pool.supply.skill_share is not None:
            return pool.supply.skill_share * np.asarray(self.skills[pool.skill].slots_per_week)
        return np.asarray(pool.supply.slots_per_week)
