"""The rules of a waiting room: join, be chosen, miss and keep the place, leave. Both engines play by them.

A child's stay on one pool's list is a visit. Each pool keeps a list in order of joining for each rank of
urgency, and all of its visits in one row in no order, from which any can be picked. Each rule costs the same
however long the lists are, and the space of a visit that is over is used again at once.
"""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False, check-untyped-defs=False
# (numba finds the types of compiled functions)

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from evi.queues.simulation.compiled import inner
from evi.queues.simulation.luck import OFFER, UNUSED, block, lane, uniform

Longs = npt.NDArray[np.int64]

NOBODY = -1
LONGEST, PRIORITY, RANDOM = range(3)
"""The rules by which a slot finds its child."""

NEXT, BEFORE, TURN, JOINED, POOL, RANK, PLACE, OFFERS, DUE_NEXT, DUE_BEFORE, DUE_WEEK, KEY_0, KEY_1 = range(
    13
)
"""The columns of a visit: neighbours in its list; its turn, smaller for who joined earlier; week of joining;
pool and rank of urgency; place in the pool's row; offers so far; neighbours among those due to leave unseen
in the same week, and which (-1: none); its key of luck."""
HEAD, TAIL, CURSOR = range(3)
"""Of a list: its first and last visit, and the first that was not offered a slot this week."""
WAITING, UNOFFERED, WITHIN, WAITED = range(4)
"""Of a pool: children on its list; of them, not offered a slot this week; within the limit; weeks waited."""
DUE, ON_WAY, ON_WAY_LAST = range(3)
"""Of a week: the first visit due to leave unseen in it; the first and last of those on the way to join."""
VISITS, FREE, TURNS, WAYS, FREE_WAY, FULL = range(6)
"""Counters: visits ever in use at once, the first that is free again, joinings so far; the same two for
those on the way; whether there was no room for more."""


class Room(NamedTuple):
    """The state of one replication: every pool's lists.

    Attributes:
        visit: [visits, 13], see `NEXT` and the other columns.
        list: by pool and rank, see `HEAD`. pool: by pool, see `WAITING`.
        row: visits by pool in no order, those not offered this week first, [pools, visits].
        week: by week, see `DUE`.
        way: those on the way to a list: next, pool, rank, key (two words), luck; [children, 6].
        cohort: by pool and week of joining, how many wait.
        credit: by pool, the part of a slot that is carried to the next week.
        counter: see `VISITS`.
    """

    visit: Longs
    list: Longs
    pool: Longs
    row: Longs
    week: Longs
    way: Longs
    cohort: Longs
    credit: npt.NDArray[np.float64]
    counter: Longs


def new_room(pools: int, ranks: int, weeks: int, ages: int, visits: int) -> Room:
    """A room with space for so many visits at once; `clear` makes it empty."""
    return Room(
        visit=np.empty((visits, 13), np.int64),
        list=np.empty((pools, ranks, 3), np.int64),
        pool=np.empty((pools, 4), np.int64),
        row=np.empty((pools, visits), np.int64),
        week=np.empty((weeks, 3), np.int64),
        way=np.empty((visits, 6), np.int64),
        cohort=np.empty((pools, ages), np.int64),
        credit=np.empty(pools),
        counter=np.empty(6, np.int64),
    )


@inner
def clear(room):
    """Nobody waits."""
    room.list[:] = NOBODY
    room.pool[:] = 0
    room.week[:] = NOBODY
    room.cohort[:] = 0
    room.counter[:] = 0
    room.counter[FREE] = NOBODY
    room.counter[FREE_WAY] = NOBODY


@inner
def join(room, pool, rank, joined, key0, key1):
    """Join a list at its end; the number of the visit, or `NOBODY` if the room is full."""
    visit, listed = room.visit, room.list
    number = room.counter[FREE]
    if number != NOBODY:
        room.counter[FREE] = visit[number, NEXT]
    else:
        number = room.counter[VISITS]
        if number >= visit.shape[0]:
            room.counter[FULL] = 1
            return NOBODY
        room.counter[VISITS] = number + 1
    visit[number, TURN] = room.counter[TURNS]
    room.counter[TURNS] += 1
    visit[number, KEY_0] = key0
    visit[number, KEY_1] = key1
    visit[number, JOINED] = joined
    visit[number, POOL] = pool
    visit[number, RANK] = rank
    visit[number, OFFERS] = 0
    visit[number, DUE_WEEK] = NOBODY
    visit[number, NEXT] = NOBODY
    last = listed[pool, rank, TAIL]
    visit[number, BEFORE] = last
    if last == NOBODY:
        listed[pool, rank, HEAD] = number
    else:
        visit[last, NEXT] = number
    listed[pool, rank, TAIL] = number
    if listed[pool, rank, CURSOR] == NOBODY:
        listed[pool, rank, CURSOR] = number
    end, free = room.pool[pool, WAITING], room.pool[pool, UNOFFERED]
    if free < end:
        _put(room, pool, end, room.row[pool, free])
    _put(room, pool, free, number)
    room.pool[pool, WAITING] = end + 1
    room.pool[pool, UNOFFERED] = free + 1
    return number


@inner
def await_removal(room, number, week):
    """The child will leave unseen in this week, unless it was seen before."""
    first = room.week[week, DUE]
    room.visit[number, DUE_WEEK] = week
    room.visit[number, DUE_NEXT] = first
    room.visit[number, DUE_BEFORE] = NOBODY
    if first != NOBODY:
        room.visit[first, DUE_BEFORE] = number
    room.week[week, DUE] = number


@inner
def begin_week(room, pool):
    """Nobody on the pool's list was offered a slot this week."""
    room.pool[pool, UNOFFERED] = room.pool[pool, WAITING]
    for rank in range(room.list.shape[1]):
        room.list[pool, rank, CURSOR] = room.list[pool, rank, HEAD]


@inner
def choose(room, pool, rule, luck):
    """The visit that a slot is offered to, among those not offered one this week; `NOBODY` if there is none.

    `luck` (0 to 1) picks for the rule `RANDOM`.
    """
    if room.pool[pool, UNOFFERED] == 0:
        return NOBODY
    if rule == RANDOM:
        return room.row[pool, int(luck * room.pool[pool, UNOFFERED])]
    found = NOBODY
    for rank in range(room.list.shape[1]):
        first = room.list[pool, rank, CURSOR]
        if first != NOBODY and (found == NOBODY or room.visit[first, TURN] < room.visit[found, TURN]):
            found = first
            if rule == PRIORITY:
                break
    return found


@inner
def misses(room, number, missed):
    """Whether the child misses this offer, the next of its own; a child has the same luck at its n-th."""
    offers = room.visit[number, OFFERS]
    room.visit[number, OFFERS] = offers + 1
    if missed <= 0.0:
        return False
    words = block(room.visit[number, KEY_0], room.visit[number, KEY_1], OFFER, offers >> 2, UNUSED, UNUSED)
    return uniform(lane(words, offers)) < missed


@inner
def keep_place(room, number):
    """A child missed an offer: the place on the list is kept, and no other offer comes this week."""
    pool, place = room.visit[number, POOL], room.visit[number, PLACE]
    last = room.pool[pool, UNOFFERED] - 1
    _put(room, pool, place, room.row[pool, last])
    _put(room, pool, last, number)
    room.pool[pool, UNOFFERED] = last
    _skip(room, number)


@inner
def leave(room, number):
    """A child leaves the list, seen or unseen. Its key and rank can be read until someone else joins."""
    visit, listed = room.visit, room.list
    pool, rank, place = visit[number, POOL], visit[number, RANK], visit[number, PLACE]
    before, after = visit[number, BEFORE], visit[number, NEXT]
    _skip(room, number)
    if before == NOBODY:
        listed[pool, rank, HEAD] = after
    else:
        visit[before, NEXT] = after
    if after == NOBODY:
        listed[pool, rank, TAIL] = before
    else:
        visit[after, BEFORE] = before
    free, end = room.pool[pool, UNOFFERED], room.pool[pool, WAITING] - 1
    if place < free:
        free -= 1
        _put(room, pool, place, room.row[pool, free])
        room.pool[pool, UNOFFERED] = free
        place = free
    if place < end:
        _put(room, pool, place, room.row[pool, end])
    room.pool[pool, WAITING] = end
    if visit[number, DUE_WEEK] != NOBODY:
        before, after = visit[number, DUE_BEFORE], visit[number, DUE_NEXT]
        if before == NOBODY:
            room.week[visit[number, DUE_WEEK], DUE] = after
        else:
            visit[before, DUE_NEXT] = after
        if after != NOBODY:
            visit[after, DUE_BEFORE] = before
    visit[number, NEXT] = room.counter[FREE]
    room.counter[FREE] = number


@inner
def longest_waiting(room, pool):
    """The visit on the pool's list that waits longest, or `NOBODY`."""
    found = NOBODY
    for rank in range(room.list.shape[1]):
        first = room.list[pool, rank, HEAD]
        if first != NOBODY and (found == NOBODY or room.visit[first, TURN] < room.visit[found, TURN]):
            found = first
    return found


@inner
def _put(room, pool, place, number):
    room.row[pool, place] = number
    room.visit[number, PLACE] = place


@inner
def _skip(room, number):
    """If the cursor is at this visit, move it to the next that was not offered a slot this week."""
    pool, rank = room.visit[number, POOL], room.visit[number, RANK]
    if room.list[pool, rank, CURSOR] != number:
        return
    following = room.visit[number, NEXT]
    while following != NOBODY and room.visit[following, PLACE] >= room.pool[pool, UNOFFERED]:
        following = room.visit[following, NEXT]
    room.list[pool, rank, CURSOR] = following
