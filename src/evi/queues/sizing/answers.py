"""What the sizing of capacity says: plain figures for a table, a chart or a JSON document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from evi.queues.sizing.trajectory import MEASURES, SHARE

Band = tuple[float, float, float]
"""The figure that a tenth, half and nine tenths of the simulations are at or below."""


@dataclass(frozen=True)
class MonthNeed:
    """One month of an answer.

    Attributes:
        month: its first day.
        weeks: how many weeks belong to it (by their Thursdays).
        referrals_per_week: children who join the list.
        slots_today, extra_slots: appointments a week today, and more.
        bound_extra_slots: the extra ones by the linear programme's bound; None if it has no answer.
        waiting: children waiting at the end of the month.
        seen: children seen in the month.
        measures: every measure of waiting, kept apart by name.
        limits: what is promised for the month.
        holds: the share of simulations that keep all of the month's promises.
    """

    month: date
    weeks: int
    referrals_per_week: float
    slots_today: float
    extra_slots: float
    bound_extra_slots: float | None
    waiting: Band
    seen: Band
    measures: Mapping[str, Band]
    limits: Mapping[str, float]
    holds: float


@dataclass(frozen=True)
class Nearest:
    """How near one can come to a promise that can't be kept.

    Attributes:
        easing: how far back towards today every limit has to move (0 not at all, 1 all the way; infinite if
            even today's figures can't be held).
        loosening: if they can't: by which share of itself every limit has to be loosened (infinite if five
            times as long is not enough).
        joint: the probability with which the eased promise holds.
        limits: the eased limits of the last month.
        most_extra_slots: the most extra slots a week with which it does.
        by_any_order: whether no order of seeing children could keep the promise (the linear programme says
            so), or only this list's order can't.
    """

    easing: float
    loosening: float
    joint: float
    limits: Mapping[str, float]
    most_extra_slots: float
    by_any_order: bool


@dataclass(frozen=True)
class Outside:
    """Children who start outside the national standard in the last month: by the promise (None if it says
    nothing), and in the middle one of the simulations."""

    month: date
    promised: float | None
    simulated: float


@dataclass(frozen=True)
class Hardest:
    """The measure that is kept least often: the share of simulations that keep it, and its worst month."""

    measure: str
    joint: float
    month: date


@dataclass(frozen=True)
class CapacityAnswer:
    """The least capacity for one trajectory.

    Attributes:
        title, pool, limit_weeks: what was promised, of which list, and the standard.
        probability: with which it should hold.
        feasible: whether any capacity keeps it so. If not, `nearest` says how near one can come, and the
            other figures are those of that capacity.
        months: month by month.
        extra_slots, pounds, hours: appointments above today's over the whole time, their cost, and the hours
            of clinicians in them.
        bound_slots, bound_pounds: the bound from below.
        joint, joint_low, joint_high: the probability of the check with fresh luck, with its 95% interval.
        check_replications, simulations: of the check; and how many candidates were simulated in full.
        hardest: the promise that decides how much is needed.
        outside: who starts outside the national standard at the end.
        nearest: see `feasible`.
        assumptions: everything that was assumed, in sentences.
    """

    title: str
    pool: str
    limit_weeks: int
    probability: float
    feasible: bool
    months: tuple[MonthNeed, ...]
    extra_slots: float
    bound_slots: float
    pounds: float
    bound_pounds: float
    hours: float
    joint: float
    joint_low: float
    joint_high: float
    check_replications: int
    simulations: int
    hardest: Hardest
    outside: Outside
    nearest: Nearest | None
    assumptions: tuple[str, ...]

    @property
    def says_something(self) -> bool:
        """Whether its capacity keeps anything: the promise, or the nearest to it that holds."""
        return self.nearest is None or min(self.nearest.easing, self.nearest.loosening) < float("inf")

    @property
    def sentence(self) -> str:
        """The answer in a sentence or two."""
        if self.feasible:
            peak = max(month.extra_slots for month in self.months)
            return (
                f"{self.title}: {self.extra_slots:,.0f} extra appointments over {len(self.months)} months "
                f"(at most {peak:g} a week more than today), £{self.pounds:,.0f} and {self.hours:,.0f} hours "
                f"of clinicians. In a check with fresh luck every promise of every month held in "
                f"{self.joint:.1%} of simulations (95% interval {self.joint_low:.1%} to "
                f"{self.joint_high:.1%}). No order of seeing children could do it with fewer than "
                f"{self.bound_slots:,.0f} on average. Hardest to keep: the "
                f"{MEASURES[self.hardest.measure]}, in {self.hardest.month:%B %Y}."
            )
        return self._impossible()

    @property
    def outside_sentence(self) -> str:
        """How many children are left outside the national standard."""
        simulated = (
            f"in the simulations {self.outside.simulated:.0%} of those seen in {self.outside.month:%B %Y} "
            f"had waited {self.limit_weeks} weeks or more"
        )
        if not self.says_something:
            return f"The promise would leave {self.outside.promised or 0:.0%} outside the national standard."
        if self.outside.promised is None:
            return simulated[0].upper() + simulated[1:] + "."
        return (
            f"Even if it is kept, the promise leaves {self.outside.promised:.0%} of the children who start "
            f"in {self.outside.month:%B %Y} outside the national standard; {simulated}."
        )

    def _impossible(self) -> str:
        nearest = self.nearest
        assert nearest is not None  # noqa: S101 (an infeasible answer always has one)
        why = (
            "no capacity within the ceiling, whoever is seen first, can keep it"
            if nearest.by_any_order
            else "no capacity that was tried, with the order in which this list sees children, keeps it"
        )
        start = f"{self.title}: it can't be kept with a probability of {self.probability:.0%}: {why}."
        if not self.says_something:
            return f"{start} Nor can limits five times as long be kept in every month."
        limits = "; ".join(
            f"{MEASURES[name]} {f'{value:.1%}' if name == SHARE else f'{value:.1f} weeks'}"
            for name, value in nearest.limits.items()
        )
        if nearest.easing == float("inf"):
            loose = f"{nearest.loosening:.0%}"
            how = f"has every limit looser by {loose}, as not even today's figures hold so surely"
        else:
            how = f"goes {1 - nearest.easing:.0%} of the way from today's figures to the promise"
        return (
            f"{start} The nearest that holds {how}, with up to {nearest.most_extra_slots:g} extra "
            f"appointments a week. In its last month: {limits}."
        )
