"""A network as the arrays that the engine reads, one for each kind of figure.

Figures that a forecast is unsure of have a first axis for replications: one row for all of them, or one row
for each, so that a drifting or uncertain network is simulated in one go (`prepared._replace(missed=…)`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import gammainc

from evi.queues.simulation.network import Discipline, Edge, Lag, Network
from evi.queues.simulation.network_checks import MOST_A_WEEK
from evi.workspace import EviError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Prepared(NamedTuple):
    """What the engine reads. R is 1 or the number of replications; ranks are classes by urgency.

    Attributes:
        means: mean referrals from outside, [R, weeks, pools].
        rank_cuts: cumulative share of each rank among them, [weeks, pools, ranks].
        slots: [R, weeks, pools].
        staff: people that the slots come from, 0 where leave is not a matter of luck, [pools].
        leave: chance that one is away, [pools].
        missed: chance that an offered slot is missed, [R, pools].
        shares: share of slots to the longest wait, and to it or priority, [R, pools, 2].
        survive: share still there after the week of age 0, 1, … if never seen, [R, pools, ages].
        limit: standard in weeks, or more than any age where there is none, [pools].
        listed: the lists at the start, oldest first: pool, rank, age and number in the pool, [children, 4].
        outcome_cuts: cumulative probability of each outcome, [R, pools, outcomes].
        edge_from: the first edge of each pool, and the number of edges, [pools + 1].
        edges: pool it leads to, outcome it needs (-1: any), copies, whether after removal, [edges, 4].
        edge_chance: [R, edges].
        lag_cuts: cumulative probability of a lag of 0, 1, … weeks, [edges, weeks].
    """

    means: Floats
    rank_cuts: Floats
    slots: Floats
    staff: Ints
    leave: Floats
    missed: Floats
    shares: Floats
    survive: Floats
    limit: Ints
    listed: Ints
    outcome_cuts: Floats
    edge_from: Ints
    edges: Ints
    edge_chance: Floats
    lag_cuts: Floats

    @property
    def oldest(self) -> int:
        """Weeks between the referral of the oldest child on the lists and the start."""
        return int(self.survive.shape[2] - self.means.shape[1])


def prepare(network: Network, weeks: int, slots: Floats | None = None) -> Prepared:
    """The arrays of a network over some weeks.

    Args:
        slots: [weeks, pools] or [replications, weeks, pools] instead of the network's own; 0 or more.

    Raises:
        EviError: the number of weeks is not positive, or slots are negative or of another shape.
    """
    if weeks < 1:
        raise EviError("there is no week to simulate.", where="weeks", do="Give 1 or more.")
    ranks = _ranks(network)
    by_class = network.arrival_means(weeks)
    by_rank = np.zeros((*by_class.shape[:2], int(ranks.max()) + 1))
    for place, rank in enumerate(ranks):
        by_rank[:, :, rank] += by_class[:, :, place]
    means = by_rank.sum(axis=2)
    if means.max() > MOST_A_WEEK:
        raise EviError(
            f"more than {MOST_A_WEEK:,} referrals come in a week.",
            where="arrivals",
            do="Give a weekly number, and yearly growth as .05 for five in a hundred.",
        )
    with np.errstate(invalid="ignore", divide="ignore"):
        cuts = np.nan_to_num(np.cumsum(by_rank, axis=2) / means[..., None], nan=1.0)
    listed = _listed(network, ranks)
    oldest = int(listed[:, 2].max()) + 1 if len(listed) else 0
    order = np.array([network.pool_ids.index(edge.origin) for edge in network.edges], np.int64)
    edges = [network.edges[place] for place in np.argsort(order, kind="stable")]
    return Prepared(
        means=means[None],
        rank_cuts=cuts,
        slots=_slots(network, weeks, slots),
        staff=np.array([pool.supply.staff or 0 for pool in network.pools], np.int64),
        leave=np.array([pool.supply.leave_share for pool in network.pools], float),
        missed=np.array([[pool.missed for pool in network.pools]], float),
        shares=np.array([[_shares(pool.discipline) for pool in network.pools]], float),
        survive=survival(np.stack([pool.removal_by_age(weeks + oldest) for pool in network.pools]))[None],
        limit=np.array([pool.limit_weeks or 2**30 for pool in network.pools], np.int64),
        listed=listed,
        outcome_cuts=_outcome_cuts(network)[None],
        edge_from=np.searchsorted(np.sort(order), np.arange(len(network.pools) + 1)).astype(np.int64),
        edges=np.array([_edge(edge, network) for edge in edges], np.int64).reshape(-1, 4),
        edge_chance=np.array([[edge.probability for edge in edges]], float),
        lag_cuts=np.stack([lag_cuts(edge.lag, weeks) for edge in edges]) if edges else np.zeros((0, weeks)),
    )


def survival(removal_by_age: Floats) -> Floats:
    """Share of children still there after each week of age, from chances of removal, [..., ages]."""
    return np.asarray(np.cumprod(1.0 - removal_by_age, axis=-1), float)


def lag_cuts(lag: Lag, weeks: int) -> Floats:
    """Cumulative probability of a lag of 0, 1, … whole weeks.

    The gamma's chance between two weeks is shared between them by nearness, which keeps the mean:
    P(k) = E[max(0, 1 - |X - k|)], a second difference of E[max(0, x - X)].
    """
    x = np.arange(-1, weeks + 1, dtype=float)
    if lag.mean <= 0.0:
        below = np.maximum(0.0, x)
    elif lag.spread <= 0.0:
        below = np.maximum(0.0, x - lag.mean)
    else:
        shape, scale = (lag.mean / lag.spread) ** 2, lag.spread**2 / lag.mean
        at = np.maximum(0.0, x) / scale
        below = np.maximum(0.0, x) * gammainc(shape, at) - lag.mean * gammainc(shape + 1.0, at)
    return np.asarray(np.clip(np.cumsum(np.diff(below, n=2)), 0.0, 1.0), np.float64)


def _ranks(network: Network) -> npt.NDArray[np.intp]:
    """For each class its rank: 0 for the most urgent; classes of one priority share a rank."""
    priorities = [one.priority for one in network.classes]
    return np.array([sorted(set(priorities)).index(priority) for priority in priorities])


def _shares(discipline: Discipline) -> tuple[float, float]:
    return discipline.longest, discipline.longest + discipline.priority


def _slots(network: Network, weeks: int, slots: Floats | None) -> Floats:
    if slots is None:
        return network.slots(weeks)[None]
    given = np.asarray(slots, float)
    given = given[None] if given.ndim == 2 else given
    if given.ndim != 3 or given.shape[1:] != (weeks, len(network.pools)):
        raise EviError(
            f"slots have the shape {np.shape(slots)}, not ({weeks} weeks, {len(network.pools)} pools).",
            where="slots",
            do="Give one number for each week and pool.",
        )
    if not np.all(np.isfinite(given)) or np.any(given < 0) or np.any(given > MOST_A_WEEK):
        raise EviError(
            f"slots are negative, not a number, or over {MOST_A_WEEK:,} a week.",
            where="slots",
            do="Give 0 or more in each week.",
        )
    return given


def _listed(network: Network, ranks: npt.NDArray[np.intp]) -> Ints:
    """The lists at the start, oldest first; children of one age are mixed evenly over classes."""
    classes = [one.id for one in network.classes]
    rows = []
    for listed in network.backlog:
        pool, rank = network.pool_ids.index(listed.pool), ranks[classes.index(listed.child_class)]
        for age, number in listed.ages:
            place = (np.arange(number) + 0.5) / max(number, 1)
            rows.append(
                np.stack([np.full(number, pool), np.full(number, rank), np.full(number, age), place], 1)
            )
    if not rows:
        return np.zeros((0, 4), np.int64)
    table = np.concatenate(rows)
    table = table[np.lexsort((table[:, 1], table[:, 3], table[:, 0], -table[:, 2]))]
    children = table.astype(np.int64)
    for pool in range(len(network.pools)):
        here = children[:, 0] == pool
        children[here, 3] = np.arange(here.sum())
    return children


def _outcome_cuts(network: Network) -> Floats:
    most = max(1, *(len(pool.outcomes) for pool in network.pools)) if network.pools else 1
    cuts = np.zeros((len(network.pools), most))
    for place, pool in enumerate(network.pools):
        chances = list(pool.outcomes.values())
        cuts[place, : len(chances)] = np.cumsum(chances)
        cuts[place, len(chances) :] = sum(chances)
    return cuts


def _edge(edge: Edge, network: Network) -> tuple[int, int, int, int]:
    outcomes = list(network.pools[network.pool_ids.index(edge.origin)].outcomes)
    needs = outcomes.index(edge.outcome) if edge.outcome is not None else -1
    return network.pool_ids.index(edge.to), needs, edge.copies, int(edge.after == "removal")
