"""The engine: a network of pools week by week, compiled, one replication after another on each thread.

In each week, first those who were sent on earlier and then the week's referrals join their lists; then
some leave unseen, by how long they have waited; then the week's slots are offered, one after the other. A
missed offer uses up its slot. A child on a list at the start who had waited a completed weeks has waited
a + 1 in week 0, when the week's own referrals have waited 0; so the lists after a week are the lists at the
start of the next. A child seen in week w and sent on with a lag of L weeks joins in week w + 1 + L.

See docs/decisions/0021-one-engine-for-waiting-lists.md for why it is built so.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import numpy as np
import numpy.typing as npt

from evi.queues.simulation.kernel import AGES, SUMS, TABLES, run
from evi.queues.simulation.network import Network
from evi.queues.simulation.network_checks import MOST_CHILDREN
from evi.queues.simulation.paths import Paths
from evi.queues.simulation.prepared import Prepared, prepare
from evi.queues.simulation.rules import Room, new_room
from evi.workspace import SILENT, EviError, Progress

CHUNK = 16
"""Replications that a thread runs before it says so."""
ROOM_FOR_COMING = 20_000
"""Space for children who come, at first; it grows when it has to."""
MOST_BYTES = 16 * 2**30
"""More than this for the numbers of all weeks is refused before it fails."""


def simulate(
    network: Network,
    weeks: int,
    replications: int,
    seed: int,
    *,
    slots: npt.NDArray[np.float64] | None = None,
    threads: int | None = None,
    progress: Progress = SILENT,
) -> Paths:
    """Simulate a network.

    The same network, weeks and seed give the same numbers on any number of threads. Simulations that differ
    only in slots see the same children, with the same luck at each offer, the same patience and the same
    routes.

    Args:
        weeks, replications: how long, and how often.
        seed: any whole number from 0 to 2^64 - 1.
        slots: [weeks, pools] or [replications, weeks, pools] instead of the network's own. Terms are taken
            to be in them; leave is still lost by luck where a pool has `staff`.
        threads: how many at once; None: as many as there are processors for this process.

    Raises:
        EviError: a number is not positive, the seed is out of range, or slots are negative or misshapen.
    """
    prepared = prepare(network, weeks, slots)
    return simulate_prepared(network, prepared, replications, seed, threads=threads, progress=progress)


def simulate_prepared(
    network: Network,
    prepared: Prepared,
    replications: int,
    seed: int,
    *,
    threads: int | None = None,
    progress: Progress = SILENT,
) -> Paths:
    """Simulate arrays that `prepare` made, perhaps with figures replaced that differ by replication.

    Raises:
        EviError: as `simulate`; or an array has neither 1 row nor one for each replication.
    """
    _check(network, prepared, replications, seed)
    prepared = _of_one_kind(prepared)
    weeks, pools = prepared.means.shape[1:]
    counts = np.zeros((replications, TABLES, weeks, pools), np.int32)
    sums = np.zeros((replications, SUMS, weeks, pools))
    ages = np.zeros((replications, AGES, pools, prepared.survive.shape[2]), np.int32)
    words = np.array([seed & 0xFFFFFFFF, seed >> 32], np.int64)

    space = [_space_expected(prepared)]

    def chunk(first: int) -> int:
        last = min(first + CHUNK, replications)
        room = _room(prepared, space[0])
        at = first
        while at < last:
            at = run(prepared, room, words, at, last, counts, sums, ages)
            if at < last:  # the room was full: the same luck again, in a larger one
                room = _room(prepared, _larger(len(room.visit)))
                space[0] = max(space[0], len(room.visit))
        return last - first

    with progress.task("simulating", total=replications) as advance:
        for done in _each(chunk, range(0, replications, CHUNK), threads or _processors()):
            advance(done)
    return Paths.from_arrays(network, counts, sums, ages)


def _each(chunk: Callable[[int], int], firsts: range, threads: int) -> Iterator[int]:
    """What each chunk says, as they end; chunks not begun are dropped if one fails."""
    if threads <= 1 or len(firsts) <= 1:
        yield from map(chunk, firsts)
        return
    pool = ThreadPoolExecutor(threads)
    try:
        for done in as_completed([pool.submit(chunk, first) for first in firsts]):
            yield done.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _of_one_kind(prepared: Prepared) -> Prepared:
    """The same arrays, in one piece, writable, of one width: so that the engine is compiled only once."""
    whole = ("staff", "limit", "listed", "edge_from", "edges")
    kinds = [np.int64 if name in whole else np.float64 for name in Prepared._fields]
    arrays: list[Any] = [
        np.require(array, kind, ["C", "W"]) for array, kind in zip(prepared, kinds, strict=True)
    ]
    return Prepared(*arrays)


def _room(prepared: Prepared, visits: int) -> Room:
    weeks, pools = prepared.means.shape[1:]
    return new_room(pools, prepared.rank_cuts.shape[2], weeks, prepared.survive.shape[2], visits)


def _space_expected(prepared: Prepared) -> int:
    """Space for those who wait at once in most replications: twice the lists, and some who come."""
    coming = int(2 * prepared.means.sum(axis=(1, 2)).max())
    return 2 * len(prepared.listed) + min(coming, ROOM_FOR_COMING) + 1000


def _larger(visits: int) -> int:
    if visits > MOST_CHILDREN:
        raise EviError(
            f"more than {MOST_CHILDREN:,} children wait at once.",
            where="edges",
            do="Look for edges that lead back to where they began and send on more children than they take.",
        )
    return 2 * visits


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check(network: Network, prepared: Prepared, replications: int, seed: int) -> None:
    """Refuse what can't be simulated; the compiled part trusts its arrays."""
    if replications < 1:
        raise EviError("there is nothing to simulate.", where="replications", do="Give 1 or more.")
    if not 0 <= seed < 2**64:
        raise EviError(
            "the seed is out of range.", where="seed", do="Give a whole number from 0 to 2^64 - 1."
        )
    (weeks, pools), ages = prepared.means.shape[1:], prepared.survive.shape[-1]
    shapes = {
        "means": (weeks, len(network.pools)),
        "slots": (weeks, pools),
        "missed": (pools,),
        "shares": (pools, 2),
        "survive": (pools, ages),
        "outcome_cuts": (pools, prepared.outcome_cuts.shape[-1]),
        "edge_chance": (len(prepared.edges),),
    }
    for name, shape in shapes.items():
        rows, *others = np.shape(getattr(prepared, name))
        if rows not in (1, replications) or tuple(others) != shape:
            raise EviError(
                f"{name} has {rows} rows of {tuple(others)} for {replications} replications of {shape}.",
                where=name,
                do="Give one row, or one for each replication.",
            )
    size = replications * pools * (weeks * (4 * TABLES + 8 * SUMS) + 4 * AGES * ages)
    if size > MOST_BYTES:
        raise EviError(
            f"so many weeks and replications need {size / 2**30:,.0f} GiB of memory.",
            where="replications",
            do=f"Stay under {MOST_BYTES / 2**30:.0f} GiB: fewer weeks or replications.",
        )
