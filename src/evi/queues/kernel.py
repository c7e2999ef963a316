"""The compiled part of the engine: one replication of every week of a network."""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False, check-untyped-defs=False
# (numba finds the types of compiled functions)

from __future__ import annotations

from evi.queues.compiled import compiled
from evi.queues.luck import (
    ARRIVALS,
    BACKLOG,
    CHILD,
    CREDIT,
    LEAVE,
    OFFER,
    REPLICATION,
    ROUTE,
    SENT_ON,
    SLOT,
    binomial,
    block,
    lane,
    poisson,
    uniform,
)
from evi.queues.rules import (
    DUE,
    FULL,
    JOINED,
    LONGEST,
    NOBODY,
    OFFERS,
    POOL,
    PRIORITY,
    RANDOM,
    RANK,
    SENT,
    begin_week,
    choose,
    clear,
    join,
    keep_place,
    leave,
    longest_waiting,
)

ARRIVED, STARTED, REMOVED, MISSED, OFFERED, WAITING, LONGEST_SEEN, LONGEST_SO_FAR, SEEN_WITHIN, WITHIN = (
    range(10)
)
"""Tables of counts, [replications, tables, weeks, pools]; `OFFERED`: slots that there were."""
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
        counts[replication] = 0
        sums[replication] = 0.0
        ages[replication] = 0
        key = block(seed[0], seed[1], REPLICATION, replication, 0, 0)
        replicate(
            p, room, replication, key[0], key[1], counts[replication], sums[replication], ages[replication]
        )
        if room.counter[FULL]:
            return replication
    return last


@compiled
def replicate(p, room, replication, key0, key1, counts, sums, ages):
    """One replication; fills `counts`, `sums` and `ages`."""
    weeks, pools = p.means.shape[1], p.means.shape[2]
    oldest = p.survive.shape[2] - weeks
    clear(room)
    credit, within, waited = room.credit, room.within, room.waited
    for pool in range(pools):
        credit[pool] = uniform(block(key0, key1, CREDIT, pool, 0, 0)[0])
    for row in range(p.listed.shape[0]):
        pool, rank, age, number = p.listed[row]
        words = block(key0, key1, BACKLOG, pool, number, 0)
        welcome(p, room, replication, pool, rank, -1 - age, words[0], words[1], words[3])
        within[pool] += age < p.limit[pool]
        waited[pool] += age
    for week in range(weeks):
        for pool in range(pools):
            waited[pool] += room.waiting[pool]
            turned = week - p.limit[pool] + oldest
            if turned >= 0:
                within[pool] -= room.cohort[pool, turned]
        arrive(p, room, replication, key0, key1, week, counts, within)
        remove(p, room, replication, week, counts, within, waited)
        for pool in range(pools):
            offer(p, room, replication, key0, key1, week, pool, credit, counts, sums, ages, within, waited)
            first = longest_waiting(room, pool)
            counts[WAITING, week, pool] = room.waiting[pool]
            counts[WITHIN, week, pool] = within[pool]
            counts[LONGEST_SO_FAR, week, pool] = week - room.visit[first, JOINED] if first != NOBODY else 0
            sums[WAIT_SO_FAR, week, pool] = waited[pool]
    for pool in range(pools):
        for cohort in range(weeks + oldest):
            ages[LAST_AGES, pool, weeks - 1 + oldest - cohort] = room.cohort[pool, cohort]


@compiled
def welcome(p, room, replication, pool, rank, joined, key0, key1, word):
    """Join a list, with the week in which the child would leave it unseen already known from its luck."""
    number = join(room, pool, rank, joined, key0, key1)
    if number == NOBODY:
        return
    weeks = p.means.shape[1]
    room.cohort[pool, joined + p.survive.shape[2] - weeks] += 1
    survive = p.survive[replication % p.survive.shape[0], pool]
    age = 0 if joined >= 0 else -joined  # the first at which the child can leave
    left = uniform(word) * (1.0 if age == 0 else survive[age - 1])
    week = leaves_in(survive, left, age, weeks - joined) + joined
    if week < weeks:
        room.visit[number, DUE] = room.due[week]
        room.due[week] = number


@compiled
def leaves_in(survive, left, age, ages):
    """The first age from `age` on at which at most `left` are still there, or `ages` if there is none."""
    if age >= ages or survive[ages - 1] > left:
        return ages
    low, high = age, ages - 1
    while low < high:
        middle = (low + high) // 2
        if survive[middle] <= left:
            high = middle
        else:
            low = middle + 1
    return low


@compiled
def arrive(p, room, replication, key0, key1, week, counts, within):
    """Those sent on to this week join, then the week's referrals."""
    on_way = room.way_head[week]
    while on_way != NOBODY:
        pool = room.way[on_way, 1]
        key = room.way_key[on_way]
        welcome(p, room, replication, pool, room.way[on_way, 2], week, key[0], key[1], key[2])
        counts[ARRIVED, week, pool] += 1
        within[pool] += 1
        on_way = room.way[on_way, 0]
    means = p.means[replication % p.means.shape[0], week]
    for pool in range(means.shape[0]):
        number = poisson(means[pool], key0, key1, ARRIVALS, pool, week)
        for child in range(number):
            words = block(key0, key1, CHILD + 16 * pool, week, child, 0)
            rank, luck = 0, uniform(words[2])
            while rank < p.rank_cuts.shape[2] - 1 and luck > p.rank_cuts[week, pool, rank]:
                rank += 1
            welcome(p, room, replication, pool, rank, week, words[0], words[1], words[3])
        counts[ARRIVED, week, pool] += number
        within[pool] += number


@compiled
def remove(p, room, replication, week, counts, within, waited):
    """Those whose patience ends this week leave unseen, unless they were seen before."""
    number = room.due[week]
    while number != NOBODY:
        pool = room.visit[number, POOL]
        if pool >= 0:
            depart(p, room, number, pool, week, within, waited)
            counts[REMOVED, week, pool] += 1
            route(p, room, replication, number, pool, week, 1)
        number = room.visit[number, DUE]


@compiled
def depart(p, room, number, pool, week, within, waited):
    """Take a child off the list and out of its sums; the weeks waited."""
    joined = room.visit[number, JOINED]
    age = week - joined
    leave(room, number)
    room.cohort[pool, joined + p.survive.shape[2] - p.means.shape[1]] -= 1
    waited[pool] -= age
    within[pool] -= age < p.limit[pool]
    return age


@compiled
def offer(p, room, replication, key0, key1, week, pool, credit, counts, sums, ages, within, waited):
    """Offer the week's slots of one pool. Fractions are carried; the first carry is luck, so none is lost."""
    begin_week(room, pool)
    slots = p.slots[replication % p.slots.shape[0], week, pool]
    staff = p.staff[pool]
    if staff > 0:
        away = binomial(staff, p.leave[pool], uniform(block(key0, key1, LEAVE, pool, week, 0)[0]))
        slots *= (staff - away) / staff
    credit[pool] += slots
    whole = int(credit[pool])
    credit[pool] -= whole
    counts[OFFERED, week, pool] = whole
    shares = p.shares[replication % p.shares.shape[0], pool]
    missed = p.missed[replication % p.missed.shape[0], pool]
    rule, luck = LONGEST, 0.0
    for slot in range(whole):
        if shares[0] < 1.0:
            words = block(key0, key1, SLOT + 16 * pool, week, slot, 0)
            luck = uniform(words[0])
            rule = LONGEST if luck < shares[0] else PRIORITY if luck < shares[1] else RANDOM
            luck = uniform(words[1])
        number = choose(room, pool, rule, luck)
        if number == NOBODY:
            return
        offers = room.visit[number, OFFERS]
        room.visit[number, OFFERS] = offers + 1
        if misses(room, number, offers, missed):
            keep_place(room, number)
            counts[MISSED, week, pool] += 1
            continue
        age = depart(p, room, number, pool, week, within, waited)
        counts[STARTED, week, pool] += 1
        counts[SEEN_WITHIN, week, pool] += age < p.limit[pool]
        counts[LONGEST_SEEN, week, pool] = max(counts[LONGEST_SEEN, week, pool], age)
        sums[WAIT_SEEN, week, pool] += age
        ages[SEEN_AGES, pool, age] += 1
        route(p, room, replication, number, pool, week, 0)


@compiled
def misses(room, number, offers, missed):
    """Whether a child misses this offer (its first has the number 0)."""
    if missed <= 0.0:
        return False
    words = block(room.key[number, 0], room.key[number, 1], OFFER, offers >> 2, 0, 0)
    return uniform(lane(words, offers)) < missed


@compiled
def route(p, room, replication, number, pool, week, removed):
    """Send a child who was seen (or left: `removed` is 1) along the pool's edges."""
    first, last = p.edge_from[pool], p.edge_from[pool + 1]
    if first == last:
        return
    key0, key1 = room.key[number, 0], room.key[number, 1]
    words = block(key0, key1, ROUTE, 0, 0, 0)
    luck = uniform(words[0])
    cuts = p.outcome_cuts[replication % p.outcome_cuts.shape[0], pool]
    outcome = 0
    while outcome < cuts.shape[0] and luck > cuts[outcome]:
        outcome += 1
    chance = p.edge_chance[replication % p.edge_chance.shape[0]]
    for edge in range(first, last):
        place = edge - first + 1
        if place & 3 == 0:
            words = block(key0, key1, ROUTE, place >> 2, 0, 0)
        to, needs, copies, after_removal = p.edges[edge]
        if after_removal != removed or (needs >= 0 and needs != outcome):
            continue
        if uniform(lane(words, place)) < chance[edge]:
            for copy in range(copies):
                sent = block(key0, key1, SENT_ON, edge - first, copy, 0)
                send(p, room, edge, to, room.visit[number, RANK], week, sent)


@compiled
def send(p, room, edge, to, rank, week, words):
    """Put a child on the way to a list, unless it would join after the last week."""
    weeks = p.lag_cuts.shape[1]
    luck, lag = uniform(words[2]), 0
    while week + 1 + lag < weeks and luck > p.lag_cuts[edge, lag]:
        lag += 1
    joins = week + 1 + lag
    if joins >= weeks:
        return
    number = room.counter[SENT]
    if number >= room.way.shape[0]:
        room.counter[FULL] = 1
        return
    room.counter[SENT] = number + 1
    room.way[number, 0] = NOBODY
    room.way[number, 1] = to
    room.way[number, 2] = rank
    room.way_key[number, 0] = words[0]
    room.way_key[number, 1] = words[1]
    room.way_key[number, 2] = words[3]
    last = room.way_tail[joins]
    if last == NOBODY:
        room.way_head[joins] = number
    else:
        room.way[last, 0] = number
    room.way_tail[joins] = number
