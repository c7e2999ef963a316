"""The list that a plan is about, as a network of one pool that can be simulated, and as a flow."""

from __future__ import annotations

import numpy as np

from evi.queues.simulation.network import Arrivals, Backlog, Discipline, Network, Pool, RemovalStep, Supply
from evi.queues.sizing.ages import spread_over_ages
from evi.queues.sizing.lp import Floats, Flow
from evi.queues.sizing.waiting_plan import Plan
from evi.workspace import EviError

POOL = "assessment"
CLASS = "any"


def network_of(plan: Plan) -> Network:
    """The network of a plan's stated list: one pool, whose backlog agrees with what is published.

    Raises:
        EviError: the stated totals contradict each other, or the longest wait of today is missing.
    """
    service = plan.service
    longest = plan.today.limits.get("longest_waiting_weeks")
    if longest is None:
        raise EviError(
            "the longest wait of today is not stated.",
            where=plan.id,
            do="Add longest_waiting_weeks to `today` of the plan.",
        )
    over = service.waiting_over_limit
    counts = spread_over_ages(
        round(service.waiting.value),
        int(longest),
        plan.trajectory.limit_weeks,
        None if over is None else round(over.value),
        plan.today.limits.get("average_waiting_weeks"),
    )
    pool = Pool(
        id=POOL,
        title=plan.title,
        skill=POOL,
        supply=Supply((service.slots_per_week.value,)),
        missed=service.missed.value,
        discipline=Discipline(service.longest_first.value, 0.0, 1.0 - service.longest_first.value),
        removal=(RemovalStep(0, service.removed_per_week.value),),
        limit_weeks=plan.trajectory.limit_weeks,
    )
    ages = tuple((age, int(children)) for age, children in enumerate(counts) if children)
    return Network(
        start=plan.trajectory.start,
        pools=(pool,),
        arrivals=(Arrivals(POOL, CLASS, service.weekly_referrals.value),),
        backlog=(Backlog(POOL, CLASS, ages),),
        title=plan.title,
    )


def flow_of(network: Network, pool: str, weeks: int, arrivals: Floats | None = None) -> Flow:
    """One pool of a network as expected numbers.

    Args:
        network: the network.
        pool: the pool's id.
        weeks: how many weeks.
        arrivals: mean children who join by week, if some are sent on from other pools; None: those
            referred from outside only.

    Raises:
        EviError: the network has no such pool.
    """
    place = place_of(network, pool)
    one = network.pools[place]
    listed = [(age, n) for b in network.backlog if b.pool == pool for age, n in b.ages]
    oldest = max((age for age, _ in listed), default=0)
    backlog = np.zeros(oldest + 1)
    for age, children in listed:
        backlog[age] += children
    means = network.arrival_means(weeks)[:, place].sum(axis=1) if arrivals is None else arrivals
    slots = network.slots(weeks)[:, place]
    if one.supply.staff is not None:
        slots = slots * (1 - one.supply.leave_share)
    return Flow(backlog, means, one.removal_by_age(oldest + weeks + 2), one.missed, slots)


def place_of(network: Network, pool: str) -> int:
    """The position of a pool in a network's arrays.

    Raises:
        EviError: the network has no such pool.
    """
    if pool not in network.pool_ids:
        raise EviError(
            f"there is no pool {pool!r} in the network.",
            where="pool",
            do=f"Choose one of: {', '.join(network.pool_ids)}.",
        )
    return network.pool_ids.index(pool)
