"""What a plan promises of a waiting list, month by month.

Five measures, kept apart, because a list can look well by one and badly by another. Between two milestones a
promise is taken to move in a straight line, so that every month has a limit: a plan that is held to its
milestones alone can let the list grow until the month before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from evi.workspace import EviError

Floats = npt.NDArray[np.float64]

MEASURES: Mapping[str, str] = {
    "average_waiting_weeks": "average wait so far of those waiting at the end of the month",
    "average_seen_weeks": "average wait of those seen in the month",
    "longest_waiting_weeks": "longest wait so far of those waiting at the end of the month",
    "longest_seen_weeks": "longest wait of those seen in the month",
    "share_started_within_limit": "share of those seen in the month who started within the standard",
}
"""Every measure that a plan can promise, and what it means."""
SHARE = "share_started_within_limit"
"""The one measure that should rise; all others should fall."""
THURSDAY = 3


def month_of(day: date) -> date:
    """The first day of the month that a week belongs to: the one that its Thursday is in.

    >>> month_of(date(2024, 9, 30))
    datetime.date(2024, 10, 1)
    """
    thursday = day + timedelta(days=THURSDAY - day.weekday())
    return thursday.replace(day=1)


def next_month(month: date, steps: int = 1) -> date:
    """The first day of the month so many months later (or earlier).

    >>> next_month(date(2022, 12, 1))
    datetime.date(2023, 1, 1)
    """
    count = month.year * 12 + month.month - 1 + steps
    return date(count // 12, count % 12 + 1, 1)


@dataclass(frozen=True)
class Milestone:
    """What is promised for the end of one month: the limit of each measure (weeks, or a share of 1)."""

    month: date
    limits: Mapping[str, float]


@dataclass(frozen=True)
class Trajectory:
    """Limits for every month from the plan's start to its last milestone.

    Attributes:
        title: what to call it.
        start: the Monday of the first week.
        months: the first day of each month.
        limit_weeks: the standard, in weeks from referral.
        limits: for each measure that is promised, one limit a month; NaN where nothing is promised.
    """

    title: str
    start: date
    months: tuple[date, ...]
    limit_weeks: int
    limits: Mapping[str, Floats]

    @property
    def month_of_week(self) -> npt.NDArray[np.int64]:
        """For each week of the trajectory, the position of its month."""
        position = {month: n for n, month in enumerate(self.months)}
        found, monday = [], self.start
        while (month := month_of(monday)) in position:
            found.append(position[month])
            monday += timedelta(weeks=1)
        return np.array(found, np.int64)

    @property
    def weeks(self) -> int:
        """How many weeks there are."""
        return len(self.month_of_week)

    def eased(self, towards: Mapping[str, float], share: float) -> Trajectory:
        """The same with every limit moved this share of the way back to where things stand `towards`."""
        moved = {
            measure: limit + share * (towards[measure] - limit) if measure in towards else limit
            for measure, limit in self.limits.items()
        }
        return replace(self, limits=moved)

    def loosened(self, share: float) -> Trajectory:
        """The same with every limit of weeks so much larger, and every share so much smaller (1: none)."""
        moved = {
            measure: limit * max(1 - share, 0.0) if measure == SHARE else limit * (1 + share)
            for measure, limit in self.limits.items()
        }
        return replace(self, limits=moved)

    def only(self, months: Sequence[date]) -> Trajectory:
        """The same, held to these months alone."""
        kept = np.array([month in set(months) for month in self.months])
        limits = {measure: np.where(kept, limit, np.nan) for measure, limit in self.limits.items()}
        return replace(self, title=f"{self.title}, milestones only", limits=limits)

    def read_as(self, readings: Mapping[str, str]) -> Trajectory:
        """The same promises, with measures read as others (`average_waiting_weeks: average_seen_weeks`)."""
        limits = {readings.get(measure, measure): limit for measure, limit in self.limits.items()}
        return replace(self, limits=limits)


def straight_line(
    title: str, start: date, limit_weeks: int, today: Milestone, milestones: Sequence[Milestone]
) -> Trajectory:
    """Limits for every month: straight lines from `today` through the milestones.

    A measure without a figure for today is held from its first milestone on; after its last milestone
    a promise is kept to the end.

    Raises:
        EviError: no milestone is left, one is not after the plan's start, two are of the same month, or a
            milestone promises less than nothing.
    """
    if not milestones:
        raise EviError("the plan has no milestone.", where=title, do="Add at least one month with a limit.")
    ordered = sorted(milestones, key=lambda milestone: milestone.month)
    first = month_of(start)
    for milestone in ordered:
        if milestone.month < first:
            raise EviError(
                f"the milestone of {milestone.month:%B %Y} is before the plan's start.",
                where=title,
                do="Put milestones in or after the month of the start.",
            )
    if len({milestone.month for milestone in ordered}) < len(ordered):
        raise EviError("two milestones are of the same month.", where=title, do="Write them as one.")
    last = ordered[-1].month
    length = (last.year - first.year) * 12 + last.month - first.month + 1
    months = tuple(next_month(first, n) for n in range(length))
    at = np.arange(length, dtype=float)
    limits = {}
    for measure in MEASURES:
        points = [m for m in (today, *ordered) if measure in m.limits]
        if not any(measure in m.limits for m in ordered):
            continue
        x = [float((m.month.year - first.year) * 12 + m.month.month - first.month) for m in points]
        line = np.interp(at, x, [m.limits[measure] for m in points])
        limits[measure] = np.where(at >= x[0], line, np.nan)
    return Trajectory(title, start, months, limit_weeks, limits)


def no_worse(trajectory: Trajectory, today: Milestone) -> Trajectory:
    """Every measure that is known today, held where it is for all of the months."""
    length = len(trajectory.months)
    limits = {measure: np.full(length, limit) for measure, limit in today.limits.items()}
    return replace(trajectory, title="No worse than today", limits=limits)


def national_standard(trajectory: Trajectory, today: Milestone) -> Trajectory:
    """Nobody has waited as long as the standard at the end of the last month (in whole weeks: 12 for a
    standard of 13), and the longest wait falls in a straight line until then.

    So from then on every child can start within the standard.

    Raises:
        EviError: the longest wait of today is not stated.
    """
    longest = today.limits.get("longest_waiting_weeks")
    if longest is None:
        raise EviError(
            "the longest wait of today is not stated, so no line to the national standard can be drawn.",
            where=trajectory.title,
            do="Add longest_waiting_weeks to `today` of the plan.",
        )
    length = len(trajectory.months)
    target = min(float(trajectory.limit_weeks - 1), longest)
    line = np.linspace(longest, target, length + 1)[1:]
    title = f"National standard (all within {trajectory.limit_weeks} weeks)"
    return replace(trajectory, title=title, limits={"longest_waiting_weeks": line})
