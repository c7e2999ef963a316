"""The network that every simulator of the benchmark runs, and what each of them is asked to find.

Five pools: about 60 referrals a week, 1,500 children on the assessment's list at the start, a mix of slot
disciplines, offers that are missed, removals by age of wait, two classes, edges with lags.
"""

from __future__ import annotations

from datetime import date
from math import log

from evi.queues.simulation.network import (
    Arrivals,
    Backlog,
    ChildClass,
    Discipline,
    Edge,
    Lag,
    Network,
    Pool,
    RemovalStep,
    Supply,
)

WEEKS = 156
SLOTS = {"triage": 60, "assessment": 54, "sen_support": 24, "speech_and_language": 16, "camhs": 9}
MISSED = {"triage": 0.0, "assessment": 0.08, "sen_support": 0.0, "speech_and_language": 0.1, "camhs": 0.12}
MIX = Discipline(longest=0.5, priority=0.2, random=0.3)
REMOVED_EARLY, REMOVED_LATE, LATE_FROM = 0.001, 0.002, 26
OUTCOMES = {"autism": 0.7, "other": 0.19, "none": 0.11}
ONWARD = {  # outcome of the assessment: share that goes on to each pool
    "autism": {"sen_support": 0.5, "speech_and_language": 0.3, "camhs": 0.15},
    "other": {"sen_support": 0.25, "speech_and_language": 0.25},
}
ACCEPTED = 0.85
LAG_MEAN, LAG_SPREAD = 4.0, 3.0
URGENT, ROUTINE = 8.0, 52.0
_EARLY, _LATE = log(1.0 - REMOVED_EARLY), log(1.0 - REMOVED_LATE)
BACKLOG = [(age, 15) for age in range(100)]


def network() -> Network:
    """It, for our engine."""
    removal = (RemovalStep(0, REMOVED_EARLY), RemovalStep(LATE_FROM, REMOVED_LATE))
    outcomes = {"triage": {"accepted": ACCEPTED}, "assessment": OUTCOMES}
    pools = tuple(
        Pool(
            name, name, name, Supply((float(slots),)), MISSED[name], MIX, removal, 13,
            outcomes=outcomes.get(name, {}),
        )
        for name, slots in SLOTS.items()
    )  # fmt: skip
    lag = Lag(LAG_MEAN, LAG_SPREAD)
    onward = [
        Edge("assessment", to, share, outcome, lag)
        for outcome, edges in ONWARD.items()
        for to, share in edges.items()
    ]
    return Network(
        start=date(2026, 1, 5),
        pools=pools,
        classes=(ChildClass("urgent", 1), ChildClass("routine", 2)),
        arrivals=(Arrivals("triage", "urgent", URGENT), Arrivals("triage", "routine", ROUTINE)),
        backlog=(Backlog("assessment", "routine", tuple(BACKLOG)),),
        edges=(Edge("triage", "assessment", 1.0, "accepted", lag), *onward),
    )


def weeks_until_removal(luck: float, again: float, age: int) -> int:
    """Weeks from now in which a child who has waited `age` weeks would leave unseen, from two uniforms."""
    weeks = int(log(1.0 - luck) / (_EARLY if age < LATE_FROM else _LATE))
    if age < LATE_FROM <= age + weeks:
        return LATE_FROM - age + int(log(1.0 - again) / _LATE)
    return weeks
