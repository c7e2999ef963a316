"""The compiled part of the engine: one replication of every week of a network."""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False, check-untyped-defs=False
# (numba finds the types of compiled functions)

from __future__ import annotations

from numba import int64

from evi.queues.simulation.compiled import compiled, inner
from evi.queues.simulation.luck import (
    ARRIVALS,
    BACKLOG,
    CHILD,
    CREDIT,
    LEAVE,
    REPLICATION,
    ROUTE,
    SENT_ON,
    SLOT,
    UNUSED,
    binomial,
    block,
    lane,
    poisson,
    uniform,
)
from evi.queues.simulation.rules import (
    DUE,
    FREE_WAY,
    FULL,
    JOINED,
    KEY_0,
    KEY_1,
    LONGEST,
    NOBODY,
    ON_WAY,
    ON_WAY_LAST,
    POOL,
    PRIORITY,
    RANDOM,
    RANK,
    WAITED,
    WAITING,
    WAYS,
    WITHIN,
    await_removal,
    begin_week,
    choose,
    clear,
    join,
    keep_place,
    leave,
    longest_waiting,
    misses,
)

ARRIVED, STARTED, REMOVED, MISSED, SLOTS, LIST, LONGEST_SEEN, LONGEST_SO_FAR, SEEN_INSIDE, INSIDE = range(10)
"""Tables of counts, [replications, tables, weeks, pools]. `SLOTS`: those there were; `LIST`: children waiting
after the week; `SEEN_INSIDE`, `INSIDE`: of those seen and of those waiting, within the limit."""
TABLES = 10
WAIT_SEEN, WAIT_SO_FAR = range(2)
"""Tables of sums of weeks, [replications, sums, weeks, pools]."""
SUMS = 2
SEEN_AGES, LAST_AGES = range(2)
"""Children by age, [replications, 2, pools, ages]: when seen, and waiting at the end."""
AGES = 2


@compiled
def run(p, room, seed, first, last, counts, sums, ages):
    """Replications from `first` until `last`, or until the room is full; the first that is not done."""
    for replication in range(first, last):
        words = block(seed[0], seed[1], REPLICATION, replication, UNUSED, UNUSED)
        key0, key1 = words[0], words[1]
        count, total, age = counts[replication], sums[replication], ages[replication]
        count[:], total[:], age[:] = 0, 0.0, 0
        begin(p, room, replication, key0, key1)
        for week in range(p.means.shape[1]):
            grow_older(p, room, week)
            arrive(p, room, replication, key0, key1, week, count)
            remove(p, room, replication, week, count)
            for pool in range(p.means.shape[2]):
                offer(p, room, replication, key0, key1, week, pool, count, total, age)
            note(room, week, count, total)
        if room.counter[FULL]:
            return replication
        for pool in range(p.means.shape[2]):
            for cohort in range(age.shape[2]):
                age[LAST_AGES, pool, age.shape[2] - 1 - cohort] = room.cohort[pool, cohort]
    return last


@inner
def grow_older(p, room, week):
    """Everyone on a list has waited a week more; some have now waited the limit and are no more inside it."""
    oldest = room.cohort.shape[1] - room.week.shape[0]
    for pool in range(room.pool.shape[0]):
        room.pool[pool, WAITED] += room.pool[pool, WAITING]
        turned = week - p.limit[pool] + oldest
        if turned >= 0:
            room.pool[pool, WITHIN] -= room.cohort[pool, turned]


@inner
def note(room, week, counts, sums):
    """Write down the lists after the week."""
    for pool in range(room.pool.shape[0]):
        first = longest_waiting(room, pool)
        counts[LIST, week, pool] = room.pool[pool, WAITING]
        counts[INSIDE, week, pool] = room.pool[pool, WITHIN]
        counts[LONGEST_SO_FAR, week, pool] = week - room.visit[first, JOINED] if first != NOBODY else 0
        sums[WAIT_SO_FAR, week, pool] = room.pool[pool, WAITED]


@inner
def begin(p, room, replication, key0, key1):
    """The lists at the start."""
    clear(room)
    for pool in range(p.means.shape[2]):
        room.credit[pool] = uniform(block(key0, key1, CREDIT, pool, UNUSED, UNUSED)[0])
    for row in range(p.listed.shape[0]):
        pool, age = p.listed[row, 0], p.listed[row, 2]
        words = block(key0, key1, BACKLOG, pool, p.listed[row, 3], UNUSED)
        welcome(p, room, replication, pool, p.listed[row, 1], -1 - age, words[0], words[1], words[3])
        room.pool[pool, WITHIN] += age < p.limit[pool]
        room.pool[pool, WAITED] += age


@inner
def welcome(p, room, replication, pool, rank, joined, key0, key1, word):
    """Join a list, with the week in which the child would leave it unseen already known from its luck."""
    number = join(room, pool, rank, joined, key0, key1)
    if number == NOBODY:
        return
    weeks = p.means.shape[1]
    room.cohort[pool, joined + p.survive.shape[2] - weeks] += 1
    row = replication % p.survive.shape[0]
    low = 0 if joined >= 0 else -joined  # the first age at which the child can leave
    high = weeks - joined - 1  # the last before the end
    left = uniform(word)
    if joined < 0:
        left *= p.survive[row, pool, low - 1]
    if low > high or p.survive[row, pool, high] > left:
        return
    while low < high:  # the first age at which at most `left` are still there
        middle = (low + high) // 2
        if p.survive[row, pool, middle] <= left:
            high = middle
        else:
            low = middle + 1
    await_removal(room, number, joined + low)


@inner
def arrive(p, room, replication, key0, key1, week, counts):
    """Those sent on to this week join, then the week's referrals."""
    on_way = room.week[week, ON_WAY]
    while on_way != NOBODY:
        after, pool, rank = room.way[on_way, 0], room.way[on_way, 1], room.way[on_way, 2]
        way = room.way[on_way]
        welcome(p, room, replication, pool, rank, week, way[3], way[4], way[5])
        counts[ARRIVED, week, pool] += 1
        room.pool[pool, WITHIN] += 1
        way[0] = room.counter[FREE_WAY]
        room.counter[FREE_WAY] = on_way
        on_way = after
    row = replication % p.means.shape[0]
    for pool in range(p.means.shape[2]):
        number = poisson(p.means[row, week, pool], key0, key1, ARRIVALS, pool, week)
        for child in range(number):
            words = block(key0, key1, CHILD + 16 * pool, week, child, UNUSED)
            rank, luck = 0, uniform(words[2])
            while rank < p.rank_cuts.shape[2] - 1 and luck > p.rank_cuts[week, pool, rank]:
                rank += 1
            welcome(p, room, replication, pool, rank, week, words[0], words[1], words[3])
        counts[ARRIVED, week, pool] += number
        room.pool[pool, WITHIN] += number


@inner
def remove(p, room, replication, week, counts):
    """Those whose patience ends this week leave unseen."""
    number = room.week[week, DUE]
    while number != NOBODY:
        pool = room.visit[number, POOL]
        depart(p, room, number, pool, week)
        counts[REMOVED, week, pool] += 1
        route(p, room, replication, number, pool, week, int64(1))
        number = room.week[week, DUE]


@inner
def depart(p, room, number, pool, week):
    """Take a child off the list and out of its sums; the weeks waited."""
    joined = room.visit[number, JOINED]
    age = week - joined
    leave(room, number)
    room.cohort[pool, joined + p.survive.shape[2] - p.means.shape[1]] -= 1
    room.pool[pool, WAITED] -= age
    room.pool[pool, WITHIN] -= age < p.limit[pool]
    return age


@inner
def slots_of_week(p, room, replication, key0, key1, week, pool):
    """Whole slots this week. Fractions are carried; the first carry is luck, so none is lost on average."""
    slots = p.slots[replication % p.slots.shape[0], week, pool]
    staff = p.staff[pool]
    if staff > 0:
        away = binomial(staff, p.leave[pool], uniform(block(key0, key1, LEAVE, pool, week, UNUSED)[0]))
        slots *= (staff - away) / staff
    slots += room.credit[pool]
    whole = int(slots)
    room.credit[pool] = slots - whole
    return whole


@inner
def offer(p, room, replication, key0, key1, week, pool, counts, sums, ages):
    """Offer the week's slots of one pool, one after the other, until there is nobody left to offer one."""
    begin_week(room, pool)
    slots = slots_of_week(p, room, replication, key0, key1, week, pool)
    counts[SLOTS, week, pool] = slots
    row = replication % p.shares.shape[0]
    longest, urgent = p.shares[row, pool, 0], p.shares[row, pool, 1]
    missed = p.missed[replication % p.missed.shape[0], pool]
    rule, luck, words = LONGEST, 0.0, block(key0, key1, SLOT + 16 * pool, week, UNUSED, UNUSED)
    for slot in range(slots):
        if longest < 1.0:
            if slot & 1 == 0:
                words = block(key0, key1, SLOT + 16 * pool, week, slot >> 1, UNUSED)
            luck = uniform(lane(words, 2 * slot))
            rule = LONGEST if luck < longest else PRIORITY if luck < urgent else RANDOM
            luck = uniform(lane(words, 2 * slot + 1))
        number = choose(room, pool, rule, luck)
        if number == NOBODY:
            return
        if misses(room, number, missed):
            keep_place(room, number)
            counts[MISSED, week, pool] += 1
            continue
        age = depart(p, room, number, pool, week)
        counts[STARTED, week, pool] += 1
        counts[SEEN_INSIDE, week, pool] += age < p.limit[pool]
        counts[LONGEST_SEEN, week, pool] = max(counts[LONGEST_SEEN, week, pool], age)
        sums[WAIT_SEEN, week, pool] += age
        ages[SEEN_AGES, pool, age] += 1
        route(p, room, replication, number, pool, week, int64(0))


@inner
def route(p, room, replication, number, pool, week, removed):
    """Send a child who was seen (or left: `removed` is 1) along the pool's edges."""
    first, last = p.edge_from[pool], p.edge_from[pool + 1]
    if first == last:
        return
    key0, key1, rank = room.visit[number, KEY_0], room.visit[number, KEY_1], room.visit[number, RANK]
    words = block(key0, key1, ROUTE, UNUSED, UNUSED, UNUSED)
    luck = uniform(words[0])
    row = replication % p.outcome_cuts.shape[0]
    outcome = 0
    while outcome < p.outcome_cuts.shape[2] and luck > p.outcome_cuts[row, pool, outcome]:
        outcome += 1
    row = replication % p.edge_chance.shape[0]
    for edge in range(first, last):
        place = edge - first + 1
        if place & 3 == 0:
            words = block(key0, key1, ROUTE, place >> 2, UNUSED, UNUSED)
        needs = p.edges[edge, 1]
        if p.edges[edge, 3] != removed or (needs >= 0 and needs != outcome):
            continue
        if uniform(lane(words, place)) < p.edge_chance[row, edge]:
            for copy in range(p.edges[edge, 2]):
                sent = block(key0, key1, SENT_ON, place, copy, UNUSED)
                send(p, room, edge, rank, week, sent)


@inner
def send(p, room, edge, rank, week, words):
    """Put a child on the way to a list, unless it would join after the last week."""
    weeks = p.lag_cuts.shape[1]
    luck, lag = uniform(words[2]), 0
    while week + 1 + lag < weeks and luck > p.lag_cuts[edge, lag]:
        lag += 1
    joins = week + 1 + lag
    if joins >= weeks:
        return
    number = room.counter[FREE_WAY]
    if number != NOBODY:
        room.counter[FREE_WAY] = room.way[number, 0]
    else:
        number = room.counter[WAYS]
        if number >= room.way.shape[0]:
            room.counter[FULL] = 1
            return
        room.counter[WAYS] = number + 1
    way = room.way[number]
    way[0], way[1], way[2] = NOBODY, p.edges[edge, 0], rank
    way[3], way[4], way[5] = words[0], words[1], words[3]
    last = room.week[joins, ON_WAY_LAST]
    if last == NOBODY:
        room.week[joins, ON_WAY] = number
    else:
        room.way[last, 0] = number
    room.week[joins, ON_WAY_LAST] = number
