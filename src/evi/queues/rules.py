"""The rules of a waiting room: join, be chosen, miss and keep the place, leave. Both engines play by them.

A child's stay on one pool's list is a visit. Visits are numbered as they join, so the smallest number
waits longest. Each pool keeps a list in order of joining for each rank of urgency, and all of its visits
in one row in no order, from which any can be picked. Each rule costs the same however long the list is.
"""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False, check-untyped-defs=False
# (numba finds the types of compiled functions)

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from evi.queues.compiled import compiled

NEXT, PREVIOUS, JOINED, POOL, RANK, PLACE, OFFERS, DUE = range(8)
"""The columns of a visit: neighbours in its list, week of joining, pool (-1 once it is over), rank of
urgency, place in the pool's row, offers so far, the next visit that is due to leave in the same week."""

LONGEST, PRIORITY, RANDOM = range(3)
VISITS, SENT, FULL = range(3)
"""Counters of a room: visits so far, children on their way so far, whether there was no room for more."""
NOBODY = -1

Ints = npt.NDArray[np.int32]


class Room(NamedTuple):
    """The state of one replication: every pool's lists.

    Attributes:
        visit: [visits, 8], see `NEXT` and the other columns.
        key: the visits' keys of luck, [visits, 2].
        head, tail, cursor: by pool and rank: first and last visit, and the first not offered this week.
        row: visits by pool in no order, those not offered this week first, [pools, visits].
        waiting, unoffered: how many are on the list, and how many of them were not offered this week.
        due: by week, the first of the visits due to leave.
        way: children on their way to a list: next, pool, rank, [children, 3]; `way_key` with luck, [.., 3].
        way_head, way_tail: by week, those who join then.
        cohort: by pool and week of joining, how many of them wait.
        credit: by pool, the part of a slot that is carried to the next week.
        within, waited: by pool, of those waiting: how many are within the limit, and weeks waited in all.
        counter: see `VISITS`.
    """

    visit: Ints
    key: npt.NDArray[np.uint32]
    head: Ints
    tail: Ints
    cursor: Ints
    row: Ints
    waiting: Ints
    unoffered: Ints
    due: Ints
    way: Ints
    way_key: npt.NDArray[np.uint32]
    way_head: Ints
    way_tail: Ints
    cohort: Ints
    credit: npt.NDArray[np.float64]
    within: npt.NDArray[np.int64]
    waited: npt.NDArray[np.int64]
    counter: npt.NDArray[np.int64]


def new_room(pools: int, ranks: int, weeks: int, ages: int, visits: int) -> Room:
    """A room with space for so many visits; `clear` makes it empty."""

    def ints(*shape: int) -> Ints:
        return np.empty(shape, np.int32)

    return Room(
        visit=ints(visits, 8),
        key=np.empty((visits, 2), np.uint32),
        head=ints(pools, ranks),
        tail=ints(pools, ranks),
        cursor=ints(pools, ranks),
        row=ints(pools, visits),
        waiting=ints(pools),
        unoffered=ints(pools),
        due=ints(weeks),
        way=ints(visits, 3),
        way_key=np.empty((visits, 3), np.uint32),
        way_head=ints(weeks),
        way_tail=ints(weeks),
        cohort=ints(pools, ages),
        credit=np.empty(pools),
        within=np.empty(pools, np.int64),
        waited=np.empty(pools, np.int64),
        counter=np.empty(3, np.int64),
    )


@compiled
def clear(room):
    """Nobody waits."""
    room.head[:] = NOBODY
    room.tail[:] = NOBODY
    room.cursor[:] = NOBODY
    room.waiting[:] = 0
    room.unoffered[:] = 0
    room.due[:] = NOBODY
    room.way_head[:] = NOBODY
    room.way_tail[:] = NOBODY
    room.cohort[:] = 0
    room.within[:] = 0
    room.waited[:] = 0
    room.counter[:] = 0


@compiled
def join(room, pool, rank, joined, key0, key1):
    """Join a list at its end; the number of the visit, or `NOBODY` if the room is full."""
    number = room.counter[VISITS]
    if number >= room.visit.shape[0]:
        room.counter[FULL] = 1
        return NOBODY
    room.counter[VISITS] = number + 1
    room.key[number, 0] = key0
    room.key[number, 1] = key1
    visit = room.visit[number]
    visit[JOINED] = joined
    visit[POOL] = pool
    visit[RANK] = rank
    visit[OFFERS] = 0
    visit[NEXT] = NOBODY
    last = room.tail[pool, rank]
    visit[PREVIOUS] = last
    if last == NOBODY:
        room.head[pool, rank] = number
    else:
        room.visit[last, NEXT] = number
    room.tail[pool, rank] = number
    if room.cursor[pool, rank] == NOBODY:
        room.cursor[pool, rank] = number
    end, free = room.waiting[pool], room.unoffered[pool]
    moved = room.row[pool, free] if free < end else number
    _put(room, pool, end, moved)
    _put(room, pool, free, number)
    room.waiting[pool] = end + 1
    room.unoffered[pool] = free + 1
    return number


@compiled
def begin_week(room, pool):
    """Nobody on the pool's list was offered a slot this week."""
    room.unoffered[pool] = room.waiting[pool]
    for rank in range(room.head.shape[1]):
        room.cursor[pool, rank] = room.head[pool, rank]


@compiled
def choose(room, pool, rule, luck):
    """The visit that a slot is offered to, among those not offered one this week; `NOBODY` if there is none.

    `luck` (0 to 1) picks for the rule `RANDOM`.
    """
    if room.unoffered[pool] == 0:
        return NOBODY
    if rule == RANDOM:
        return room.row[pool, int(luck * room.unoffered[pool])]
    found = NOBODY
    for rank in range(room.cursor.shape[1]):
        first = room.cursor[pool, rank]
        if first != NOBODY and (found == NOBODY or first < found):
            found = first
            if rule == PRIORITY:
                break
    return found


@compiled
def keep_place(room, number):
    """A child missed an offer: the place on the list is kept, and no other offer comes this week."""
    pool, place = room.visit[number, POOL], room.visit[number, PLACE]
    last = room.unoffered[pool] - 1
    _put(room, pool, place, room.row[pool, last])
    _put(room, pool, last, number)
    room.unoffered[pool] = last
    _skip(room, number)


@compiled
def leave(room, number):
    """A child leaves the list, seen or unseen."""
    visit = room.visit[number]
    pool, rank, place = visit[POOL], visit[RANK], visit[PLACE]
    before, after = visit[PREVIOUS], visit[NEXT]
    _skip(room, number)
    if before == NOBODY:
        room.head[pool, rank] = after
    else:
        room.visit[before, NEXT] = after
    if after == NOBODY:
        room.tail[pool, rank] = before
    else:
        room.visit[after, PREVIOUS] = before
    free, end = room.unoffered[pool], room.waiting[pool] - 1
    if place < free:
        free -= 1
        _put(room, pool, place, room.row[pool, free])
        room.unoffered[pool] = free
        place = free
    if place < end:
        _put(room, pool, place, room.row[pool, end])
    room.waiting[pool] = end
    visit[POOL] = -1


@compiled
def longest_waiting(room, pool):
    """The visit on the pool's list that waits longest, or `NOBODY`."""
    found = NOBODY
    for rank in range(room.head.shape[1]):
        first = room.head[pool, rank]
        if first != NOBODY and (found == NOBODY or first < found):
            found = first
    return found


@compiled
def _put(room, pool, place, number):
    room.row[pool, place] = number
    room.visit[number, PLACE] = place


@compiled
def _skip(room, number):
    """If the cursor is at this visit, move it to the next that was not offered a slot this week."""
    pool, rank = room.visit[number, POOL], room.visit[number, RANK]
    if room.cursor[pool, rank] != number:
        return
    following = room.visit[number, NEXT]
    while following != NOBODY and room.visit[following, PLACE] >= room.unoffered[pool]:
        following = room.visit[following, NEXT]
    room.cursor[pool, rank] = following
