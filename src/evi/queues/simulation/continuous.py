"""One waiting list in continuous time, event by event: to hold the rules against known answers.

Queueing theory has exact answers for lists served without weeks: those of Erlang, Pollaczek and Khinchine,
Cobham, Palm. This engine plays by the same rules (`rules`: who joins where, who is chosen, what a missed
offer does, who leaves) and with the same luck as the weekly one, so that a rule that is broken shows.
"""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False, check-untyped-defs=False
# (numba finds the types of compiled functions)

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, log
from typing import Literal

import numpy as np
import numpy.typing as npt

from evi.queues.simulation.compiled import compiled, inner
from evi.queues.simulation.luck import CHILD, REPLICATION, SLOT, UNUSED, block, uniform
from evi.queues.simulation.network import Discipline
from evi.queues.simulation.rules import (
    FULL,
    JOINED,
    LONGEST,
    NOBODY,
    PRIORITY,
    RANDOM,
    RANK,
    UNOFFERED,
    begin_week,
    choose,
    clear,
    join,
    keep_place,
    leave,
    misses,
    new_room,
)
from evi.workspace import EviError

Floats = npt.NDArray[np.float64]
Times = Literal["exponential", "fixed", "two_rates"]

FIXED, EXPONENTIAL, TWO_RATES = range(3)
ONE = np.int64(1)
_KINDS = {"fixed": FIXED, "exponential": EXPONENTIAL, "two_rates": TWO_RATES}


@dataclass(frozen=True)
class Server:
    """A list and its servers. Times are in units of any one clock.

    Attributes:
        rates: children who arrive in a unit of time, by class from the most urgent.
        servers: how many children are served at once.
        service_mean: mean time of a service.
        arrivals, service: how the times between arrivals and of services spread: `fixed`, `exponential`, or
            `two_rates` (a mix of two exponentials with balanced means and the given `service_cv`).
        service_cv: standard deviation over mean of a service, for `two_rates`; 1 or more.
        patience_rate: the rate at which who waits gives up.
        missed: chance that an offer is missed; the time is used up, and the child keeps the place.
        discipline: as for a pool.
    """

    rates: tuple[float, ...]
    servers: int = 1
    service_mean: float = 1.0
    arrivals: Times = "exponential"
    service: Times = "exponential"
    service_cv: float = 1.0
    patience_rate: float = 0.0
    missed: float = 0.0
    discipline: Discipline = field(default_factory=Discipline)


@dataclass(frozen=True)
class Served:
    """What each replication found, after its warm-up; arrays are [replications, classes].

    Attributes:
        arrived: children who came.
        delayed: of them, who were not served at once.
        gave_up: of them, who gave up.
        wait: mean time in the list, of those who gave up too.
    """

    arrived: Floats
    delayed: Floats
    gave_up: Floats
    wait: Floats


def serve(server: Server, arrivals: int, replications: int, seed: int, *, warm_up: int = 0) -> Served:
    """Serve so many arrivals in each replication, from an empty list; the first `warm_up` are not counted.

    Raises:
        EviError: a rate, a mean or a number is not positive, or the list would grow without end.
    """
    load = sum(server.rates) * server.service_mean / (server.servers * (1.0 - server.missed))
    if min(server.rates) <= 0 or server.service_mean <= 0 or server.servers < 1 or server.service_cv < 1:
        raise EviError("a rate, a mean or the number of servers is not positive.", where="server")
    if load >= 1 and server.patience_rate <= 0:
        raise EviError(f"the load is {load:g}, so the list grows without end.", do="Add servers.")
    classes = len(server.rates)
    sums = np.zeros((replications, classes, 4))
    cuts = np.cumsum(server.rates) / sum(server.rates)
    longest, priority = float(server.discipline.longest), float(server.discipline.priority)
    shares = np.array([longest, longest + priority])
    figures = np.array(
        [sum(server.rates), server.service_mean, server.service_cv, server.patience_rate, server.missed]
    )
    kinds = np.array([_KINDS[server.arrivals], _KINDS[server.service]])
    room = new_room(1, classes, 1, 1, min(arrivals, 200_000) + 1)
    times = np.empty((len(room.visit), 2))
    words = np.array([seed & 0xFFFFFFFF, seed >> 32])
    busy = np.empty(server.servers)
    serve_all(room, times, busy, words, figures, kinds, cuts, shares, arrivals, warm_up, sums)
    if room.counter[FULL]:
        raise EviError("the list grew beyond any memory.", do="Serve fewer arrivals, or add servers.")
    came = sums[:, :, 0]
    return Served(came, sums[:, :, 1], sums[:, :, 2], sums[:, :, 3] / came)


@compiled
def serve_all(room, times, busy, seed, figures, kinds, cuts, shares, arrivals, warm_up, sums):
    """Every replication; fills `sums` (came, delayed, gave up, time waited, by class)."""
    for replication in range(sums.shape[0]):
        words = block(seed[0], seed[1], REPLICATION, replication, UNUSED, UNUSED)
        key0, key1 = words[0], words[1]
        clear(room)
        busy[:] = 0.0
        now, number, offers = 0.0, 0, 0
        into = sums[replication]
        words = block(key0, key1, CHILD, number, UNUSED, UNUSED)
        coming = a_time(words[0], words[1], kinds[0], 1.0 / figures[0], 1.0)
        while number < arrivals:
            first = soonest(busy)
            if room.pool[0, UNOFFERED] > 0 and busy[first] <= coming:
                now = max(now, busy[first])
                offers = offer_one(
                    room, times, busy, first, now, key0, key1, offers, figures, kinds, shares, warm_up, into
                )
                continue
            now = coming
            rank, luck = 0, uniform(words[2])
            while luck > cuts[rank]:
                rank += 1
            sent = block(key0, key1, CHILD, number, ONE, UNUSED)
            visit = join(room, 0, rank, number, sent[0], sent[1])
            if visit == NOBODY:
                return
            times[visit, 0] = now
            times[visit, 1] = now - log(uniform(sent[2])) / figures[3] if figures[3] > 0.0 else inf
            number += 1
            words = block(key0, key1, CHILD, number, UNUSED, UNUSED)
            coming = now + a_time(words[0], words[1], kinds[0], 1.0 / figures[0], 1.0)


@inner
def offer_one(room, times, busy, server, now, key0, key1, offers, figures, kinds, shares, warm_up, sums):
    """A server that is free at `now` is offered to a child; how many offers there were by then.

    Who gave up before is found out when chosen: until then it changes nothing for the others.
    """
    words = block(key0, key1, SLOT, offers, UNUSED, UNUSED)
    luck = uniform(words[0])
    rule = LONGEST if luck < shares[0] else PRIORITY if luck < shares[1] else RANDOM
    number = choose(room, 0, rule, uniform(words[1]))
    came = times[number, 0]
    rank = room.visit[number, RANK]
    counts = room.visit[number, JOINED] >= warm_up
    gave_up = times[number, 1] <= now
    if gave_up:
        now = times[number, 1]
    elif misses(room, number, figures[4]):
        keep_place(room, number)
        begin_week(room, 0)  # the next server may be offered to the same child
        busy[server] = now + a_time(words[2], words[3], kinds[1], figures[1], figures[2])
        return offers + 1
    else:
        busy[server] = now + a_time(words[2], words[3], kinds[1], figures[1], figures[2])
    if counts:
        sums[rank, 0] += 1
        sums[rank, 1] += now > came
        sums[rank, 2] += gave_up
        sums[rank, 3] += now - came
    leave(room, number)
    return offers + 1


@inner
def soonest(busy):
    """The server that is free first."""
    first = 0
    for server in range(1, busy.shape[0]):
        if busy[server] < busy[first]:
            first = server
    return first


@inner
def a_time(word, other, kind, mean, cv):
    """A length of time from two words of luck."""
    if kind == FIXED:
        return mean
    time = -log(uniform(word))
    if kind == EXPONENTIAL:
        return mean * time
    share = 0.5 * (1.0 + ((cv * cv - 1.0) / (cv * cv + 1.0)) ** 0.5)
    if uniform(other) >= share:
        share = 1.0 - share
    return mean * time / (2.0 * share)
