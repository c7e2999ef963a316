"""What a network may not say: each mistake gets one sentence, with where it is and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from math import isclose, isfinite
from typing import NoReturn

from evi.queues.simulation.network import Network, Pool, Supply
from evi.workspace import EviError

MOST_CHILDREN = 5_000_000
"""More on the lists at the start than any country has: a slip of the hand."""
MOST_AGE_WEEKS = 52 * 25
MOST_A_WEEK = 100_000
"""More referrals or slots in a week than any place has."""
MOST_COPIES = 100


def check_network(network: Network) -> None:
    """Refuse a network that can't be meant.

    Raises:
        EviError: what is wrong, in which pool, stream, list or edge.
    """
    if network.start.weekday() != 0:
        _no("the start is not a Monday.", "start", "Give the Monday on which the first week begins.")
    if not network.pools:
        _no("there is no pool, so nobody can be seen.", "pools", "Add at least one.")
    _unlike(network.pool_ids, "pools")
    _unlike((one.id for one in network.classes), "classes")
    if not network.classes:
        _no("there is no class of children.", "classes", "Add one, or leave `classes` out.")
    for pool in network.pools:
        _pool(pool, network)
    for skill, supply in network.skills.items():
        _supply(supply, f"skills/{skill}")
        taken = sum(pool.supply.skill_share or 0.0 for pool in network.pools if pool.skill == skill)
        if taken > 1 + 1e-9:
            _no(f"its pools take {taken:.0%} of this skill.", f"skills/{skill}", "Shares sum to 1 at most.")
    _streams(network)
    _edges(network)


def _pool(pool: Pool, network: Network) -> None:
    where = f"pools/{pool.id}"
    _supply(pool.supply, where)
    if pool.supply.skill_share is not None:
        if pool.skill not in network.skills:
            _no(
                f"it takes a share of the skill {pool.skill!r}, which has no slots.",
                where,
                "Add it to skills.",
            )
        _chance(pool.supply.skill_share, f"{where}/skill_share")
    _chance(pool.missed, f"{where}/missed")
    shares = (pool.discipline.longest, pool.discipline.priority, pool.discipline.random)
    for share in shares:
        _chance(share, f"{where}/discipline")
    if not isclose(sum(shares), 1.0, abs_tol=1e-9):
        _no(
            f"the shares of slots sum to {sum(shares):g}, not to 1.",
            f"{where}/discipline",
            "Say which share goes to the longest wait, which to priority, and which to anyone.",
        )
    for step in pool.removal:
        _chance(step.probability, f"{where}/removal")
        if step.from_week < 0:
            _no("a wait is negative.", f"{where}/removal", "Weeks waited begin at 0.")
    _unlike((str(step.from_week) for step in pool.removal), f"{where}/removal")
    if pool.limit_weeks is not None and pool.limit_weeks < 1:
        _no("the limit is under a week.", f"{where}/limit_weeks", "Give whole weeks, or leave it out.")
    for name, probability in pool.outcomes.items():
        _chance(probability, f"{where}/outcomes/{name}")
    if sum(pool.outcomes.values()) > 1 + 1e-9:
        _no("the outcomes sum to more than 1.", f"{where}/outcomes", "Each child has one outcome.")


def _supply(supply: Supply, where: str) -> None:
    if not supply.slots_per_week:
        _no("the list of slots is empty.", f"{where}/slots_per_week", "Give a number, or one for each week.")
    for slots in supply.slots_per_week:
        if not isfinite(slots) or slots < 0:
            _no("slots are negative or not a number.", f"{where}/slots_per_week", "Give 0 or more.")
        if slots > MOST_A_WEEK:
            _no(
                f"slots are over {MOST_A_WEEK:,} a week.",
                f"{where}/slots_per_week",
                "Give slots in one week.",
            )
    _chance(supply.holidays_share, f"{where}/holidays_share")
    _chance(supply.leave_share, f"{where}/leave_share")
    if supply.staff is not None and supply.staff < 1:
        _no("slots come from nobody.", f"{where}/staff", "Give 1 or more people, or leave staff out.")
    if supply.staff is not None and supply.skill_share is not None:
        _no("it has staff of its own and a share of a skill.", f"{where}/staff", "Keep one of the two.")


def _streams(network: Network) -> None:
    classes = [one.id for one in network.classes]
    named = [("arrivals", stream.pool, stream.child_class) for stream in network.arrivals]
    named += [("backlog", listed.pool, listed.child_class) for listed in network.backlog]
    for kind, pool, child_class in named:
        where = f"{kind}/{pool}/{child_class}"
        if pool not in network.pool_ids:
            _no(f"there is no pool {pool!r}.", where, f"Pools: {', '.join(network.pool_ids)}.")
        if child_class not in classes:
            _no(f"there is no class {child_class!r}.", where, f"Classes: {', '.join(classes)}.")
    for stream in network.arrivals:
        where = f"arrivals/{stream.pool}/{stream.child_class}"
        factors = (stream.weekly, stream.term_factor, stream.holiday_factor, *(stream.by_month or ()))
        if any(not isfinite(factor) or factor < 0 for factor in factors):
            _no("a number of referrals or a factor is negative.", where, "Give 0 or more.")
        if stream.by_month is not None and len(stream.by_month) != 12:
            _no("months need twelve factors.", f"{where}/by_month", "Begin with January.")
        if not isfinite(stream.yearly_growth) or stream.yearly_growth <= -1:
            _no(
                "referrals can't shrink by all of them or more.",
                f"{where}/yearly_growth",
                "-.1: a tenth less.",
            )
    _lists(network)


def _lists(network: Network) -> None:
    children = 0
    for listed in network.backlog:
        where = f"backlog/{listed.pool}/{listed.child_class}"
        for age, number in listed.ages:
            if age < 0:
                _no("a wait is negative.", where, "Give the completed weeks that the children have waited.")
            if age > MOST_AGE_WEEKS:
                _no(f"a wait is longer than {MOST_AGE_WEEKS} weeks.", where, "Ages are in weeks.")
            if number < 0:
                _no("a number of children is negative.", where, "Give 0 or more.")
            children += number
    if children > MOST_CHILDREN:
        _no(
            f"{children:,} children are on the lists.", "backlog", f"At most {MOST_CHILDREN:,} are simulated."
        )


def _edges(network: Network) -> None:
    for number, edge in enumerate(network.edges):
        where = f"edges/{number} ({edge.origin} to {edge.to})"
        for pool in (edge.origin, edge.to):
            if pool not in network.pool_ids:
                _no(f"there is no pool {pool!r}.", where, f"Pools: {', '.join(network.pool_ids)}.")
        origin = network.pools[network.pool_ids.index(edge.origin)]
        if edge.outcome is not None and edge.outcome not in origin.outcomes:
            _no(f"{edge.origin} has no outcome {edge.outcome!r}.", where, "Add it to the pool's outcomes.")
        if edge.outcome is not None and edge.after == "removal":
            _no("children who left unseen have no outcome.", where, "Leave the outcome out.")
        _chance(edge.probability, f"{where}/probability")
        if (
            not (isfinite(edge.lag.mean) and isfinite(edge.lag.spread))
            or min(edge.lag.mean, edge.lag.spread) < 0
        ):
            _no("the lag is negative.", where, "Give weeks, 0 or more.")
        if edge.lag.mean > MOST_AGE_WEEKS:
            _no(f"the lag is longer than {MOST_AGE_WEEKS} weeks.", where, "Lags are in weeks.")
        if not 1 <= edge.copies <= MOST_COPIES:
            _no(f"an edge makes {edge.copies} places.", f"{where}/copies", f"Give 1 to {MOST_COPIES}.")


def _chance(value: float, where: str) -> None:
    if not 0.0 <= value <= 1.0:
        _no(f"{value:g} is no probability or share.", where, "It is from 0 to 1.")


def _unlike(names: Iterable[str], where: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            _no(f"{name!r} is there twice.", where, "Give each its own.")
        seen.add(name)


def _no(what: str, where: str, do: str) -> NoReturn:
    raise EviError(what, where=where, do=do)
