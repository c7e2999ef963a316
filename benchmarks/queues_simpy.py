"""The same network in SimPy, twice: lean (a process a week for each pool), and a process for each child.

Both are written as a careful user of SimPy would: lists with places for the random picks, buckets of weeks
for removals, random numbers drawn in blocks.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import simpy

from benchmarks.queues_network import (
    ACCEPTED,
    BACKLOG,
    LAG_MEAN,
    LAG_SPREAD,
    MISSED,
    MIX,
    ONWARD,
    OUTCOMES,
    ROUTINE,
    SLOTS,
    URGENT,
    WEEKS,
    weeks_until_removal,
)

Found = dict[str, float]


class Draws:
    """Uniform numbers and lags, drawn many at once."""

    def __init__(self, random: np.random.Generator) -> None:
        self.random = random
        self.uniforms: list[float] = []
        self.lags: list[int] = []

    def __call__(self) -> float:
        """A uniform number."""
        if not self.uniforms:
            self.uniforms = self.random.random(4096).tolist()
        return self.uniforms.pop()

    def lag(self) -> int:
        """Weeks on the way."""
        if not self.lags:
            shape, scale = (LAG_MEAN / LAG_SPREAD) ** 2, LAG_SPREAD**2 / LAG_MEAN
            drawn = self.random.gamma(shape, scale, 4096) + self.random.random(4096)
            self.lags = drawn.astype(int).tolist()
        return self.lags.pop()

    def removal(self, age: int) -> int:
        """Weeks from now in which a child would leave unseen."""
        return weeks_until_removal(self(), self(), age)


class Child:
    """One child on one list."""

    __slots__ = ("event", "joined", "last_offer", "place", "urgent", "waits")

    def __init__(self, joined: int, urgent: bool) -> None:
        self.joined, self.urgent, self.waits = joined, urgent, True
        self.place, self.last_offer = -1, -1
        self.event: Any = None


class Pool:
    """A list: by class in order of joining (those gone are passed over), and all in one row."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.queues: tuple[deque[Child], deque[Child]] = (deque(), deque())
        self.row: list[Child] = []
        self.starts = 0

    def join(self, child: Child) -> None:
        """At the end."""
        child.place = len(self.row)
        self.row.append(child)
        self.queues[0 if child.urgent else 1].append(child)

    def leave(self, child: Child) -> None:
        """Seen or unseen."""
        child.waits = False
        last = self.row.pop()
        if last is not child:
            self.row[child.place] = last
            last.place = child.place

    def first(self, which: int, week: int, passed: list[Child]) -> Child | None:
        """Who waits longest in a class and was not offered a slot this week; the others go to `passed`."""
        queue = self.queues[which]
        while queue:
            child = queue[0]
            if not child.waits:
                queue.popleft()
            elif child.last_offer == week:
                passed.append(queue.popleft())
            else:
                return child
        return None

    def choose(self, week: int, draws: Draws, passed: tuple[list[Child], list[Child]]) -> Child | None:
        """Who is offered the next slot."""
        how = draws()
        if how >= MIX.longest + MIX.priority:
            for _ in range(20):
                child = self.row[int(draws() * len(self.row))]
                if child.last_offer != week:
                    return child
        urgent, routine = self.first(0, week, passed[0]), self.first(1, week, passed[1])
        if urgent is None or routine is None:
            return urgent or routine
        return urgent if how >= MIX.longest or urgent.joined <= routine.joined else routine

    def offers(self, week: int, draws: Draws) -> Iterator[Child]:
        """Children seen this week, one for each slot that is not missed."""
        passed: tuple[list[Child], list[Child]] = ([], [])
        for _ in range(SLOTS[self.name]):
            child = self.choose(week, draws, passed) if self.row else None
            if child is None:
                break
            child.last_offer = week
            if draws() >= MISSED[self.name]:
                self.leave(child)
                self.starts += 1
                yield child
        for queue, kept in zip(self.queues, passed, strict=True):
            queue.extendleft(reversed(kept))


def onward(name: str, draws: Draws) -> Iterator[str]:
    """Pools that a child who was seen goes on to."""
    luck = draws()
    if name == "triage" and luck < ACCEPTED:
        yield "assessment"
    if name == "assessment":
        outcome = "autism" if luck < OUTCOMES["autism"] else "other"
        if luck < OUTCOMES["autism"] + OUTCOMES["other"]:
            for to, share in ONWARD[outcome].items():
                if draws() < share:
                    yield to


def lean(seed: int) -> Found:
    """One process that wakes each week; children are objects in lists."""
    random = np.random.default_rng(seed)
    draws, env = Draws(random), simpy.Environment()
    pools = {name: Pool(name) for name in SLOTS}
    coming: dict[int, list[tuple[str, bool]]] = defaultdict(list)
    leaving: dict[int, list[tuple[Pool, Child]]] = defaultdict(list)
    found = {"arrivals": 0.0, "removals": 0.0}

    def join(pool: Pool, urgent: bool, joined: int, now: int) -> None:
        child = Child(joined, urgent)
        pool.join(child)
        leaving[now + draws.removal(now - joined)].append((pool, child))

    def every_week() -> Iterator[Any]:
        for age, number in reversed(BACKLOG):
            for _ in range(number):
                join(pools["assessment"], False, -1 - age, 0)
        for week in range(WEEKS):
            for name, urgent in coming.pop(week, ()):
                join(pools[name], urgent, week, week)
                found["arrivals"] += 1
            for _ in range(int(random.poisson(URGENT + ROUTINE))):
                join(pools["triage"], draws() < URGENT / (URGENT + ROUTINE), week, week)
                found["arrivals"] += 1
            for pool, child in leaving.pop(week, ()):
                if child.waits:
                    pool.leave(child)
                    found["removals"] += 1
            for pool in pools.values():
                for child in pool.offers(week, draws):
                    for to in onward(pool.name, draws):
                        coming[week + 1 + draws.lag()].append((to, child.urgent))
            yield env.timeout(1)

    env.process(every_week())
    env.run()
    return _found(found, pools)


def a_process_each(seed: int) -> Found:
    """A process for each child, which waits for its slot or for the end of its patience."""
    random = np.random.default_rng(seed)
    draws, env = Draws(random), simpy.Environment()
    pools = {name: Pool(name) for name in SLOTS}
    found = {"arrivals": 0.0, "removals": 0.0}

    def visit(pool: Pool, child: Child, wait: float, age: int) -> Iterator[Any]:
        yield env.timeout(wait)
        if wait or child.joined >= 0:
            found["arrivals"] += 1
        now = int(env.now)
        child.joined, child.event = now - age, env.event()
        pool.join(child)
        patience = env.timeout(draws.removal(age) + 0.25)
        yield child.event | patience
        if not child.event.triggered:
            pool.leave(child)
            found["removals"] += 1
            return
        for to in onward(pool.name, draws):
            wait = int(env.now) + 1 + draws.lag() - env.now
            env.process(visit(pools[to], Child(0, child.urgent), wait, 0))

    def referrals() -> Iterator[Any]:
        while True:
            for _ in range(int(random.poisson(URGENT + ROUTINE))):
                urgent = draws() < URGENT / (URGENT + ROUTINE)
                env.process(visit(pools["triage"], Child(0, urgent), 0.0, 0))
            yield env.timeout(1)

    def slots(pool: Pool) -> Iterator[Any]:
        yield env.timeout(0.5)
        while True:
            for child in pool.offers(int(env.now), draws):
                child.event.succeed()
            yield env.timeout(1)

    for age, number in reversed(BACKLOG):
        for _ in range(number):
            env.process(visit(pools["assessment"], Child(-1, False), 0.0, age + 1))
    env.process(referrals())
    for pool in pools.values():
        env.process(slots(pool))
    env.run(until=WEEKS)
    return _found(found, pools)


def _found(found: Found, pools: dict[str, Pool]) -> Found:
    starts = sum(pool.starts for pool in pools.values())
    return found | {"starts": float(starts), "waiting": float(len(pools["assessment"].row))}
