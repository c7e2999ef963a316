"""What a simulation says of an answer: its months, its hardest promise, who is outside the standard."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evi.queues.sizing.answers import Hardest, MonthNeed, Outside
from evi.queues.sizing.judging import Monthly
from evi.queues.sizing.lp import Flow
from evi.queues.sizing.trajectory import SHARE, Trajectory

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def months_of(
    trajectory: Trajectory, flow: Flow, extra_of_month: Ints, bound_of_month: Floats | None, fresh: Monthly
) -> tuple[MonthNeed, ...]:
    """Every month of an answer.

    Args:
        trajectory, flow: what is promised, and the list.
        extra_of_month, bound_of_month: extra slots a week, found and by the bound (None: it has no answer).
        fresh: the simulation that is told.
    """
    of_week = trajectory.month_of_week
    kept = fresh.kept(trajectory)
    made = []
    for n, month in enumerate(trajectory.months):
        weeks = of_week == n
        today = float(flow.slots[: len(of_week)][weeks].mean())
        made.append(
            MonthNeed(
                month=month,
                weeks=int(weeks.sum()),
                referrals_per_week=float(flow.arrivals[: len(of_week)][weeks].mean()),
                slots_today=today,
                extra_slots=float(extra_of_month[n]),
                bound_extra_slots=None if bound_of_month is None else float(bound_of_month[n]),
                waiting=_band(fresh.waiting[:, n]),
                seen=_band(fresh.seen[:, n]),
                measures={name: _band(table[:, n]) for name, table in fresh.measures.items()},
                limits={
                    name: float(limits[n])
                    for name, limits in trajectory.limits.items()
                    if np.isfinite(limits[n])
                },
                holds=float(kept[:, n].mean()),
            )
        )
    return tuple(made)


def _band(values: Floats) -> tuple[float, float, float]:
    low, middle, high = np.quantile(values, [0.1, 0.5, 0.9])
    return float(low), float(middle), float(high)


def last_limits(trajectory: Trajectory) -> dict[str, float]:
    """The last limit of each measure that has one."""
    last = {name: limits[np.isfinite(limits)] for name, limits in trajectory.limits.items()}
    return {name: float(limits[-1]) for name, limits in last.items() if len(limits)}


def outside_of(trajectory: Trajectory, fresh: Monthly) -> Outside:
    """How many children start outside the standard even when everything is kept."""
    target = trajectory.limits.get(SHARE)
    promised = None if target is None or not np.isfinite(target[-1]) else 1 - float(target[-1])
    return Outside(trajectory.months[-1], promised, float(1 - np.median(fresh.measures[SHARE][:, -1])))


def hardest_of(trajectory: Trajectory, fresh: Monthly) -> Hardest:
    """The promise that is kept least often, and the month in which it is."""
    kept = {name: fresh.keeps(name, limits) for name, limits in trajectory.limits.items()}
    measure = min(kept, key=lambda name: float(kept[name].all(axis=1).mean()))
    by_month = kept[measure].mean(axis=0)
    month = len(by_month) - 1 - int(np.argmin(by_month[::-1]))
    return Hardest(measure, float(kept[measure].all(axis=1).mean()), trajectory.months[month])


def method(limit_weeks: int, replications: int) -> tuple[str, ...]:
    """How the answer was worked out, in sentences."""
    return (
        f"Every month is held to a straight line between the milestones; {limit_weeks} "
        "weeks are whole weeks, and averages are half a week more than the average of whole weeks.",
        f"The probability is that of all measures in all months together, from {replications:,} simulations "
        "with luck that the search never saw.",
        "Referrals come at the stated rate by chance (Poisson) and everything else stays as stated: doubt "
        "about these figures themselves is not in the probability.",
    )
