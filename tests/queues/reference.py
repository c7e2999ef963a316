"""The engine again, slow and obvious: an object a child, lists in Python, all counted anew each week."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evi.queues.simulation import kernel, luck
from evi.queues.simulation.network import Network, Pool
from evi.queues.simulation.prepared import prepare


@dataclass(eq=False)
class Child:
    rank: int
    joined: int
    key: tuple[int, int]
    leaves: int | None
    offers: int = 0
    turn: int = 0


@dataclass
class List:
    """A pool's list, longest wait first, and the same children in the order from which chance picks."""

    children: list[Child] = field(default_factory=list)
    row: list[Child] = field(default_factory=list)
    unoffered: int = 0

    def join(self, child: Child) -> None:
        self.children.append(child)
        self.row.append(child)
        self._swap(self.unoffered, len(self.row) - 1)
        self.unoffered += 1

    def missed(self, child: Child) -> None:
        self.unoffered -= 1
        self._swap(self.row.index(child), self.unoffered)

    def leave(self, child: Child) -> None:
        self.children.remove(child)
        if self.row.index(child) < self.unoffered:
            self.missed(child)
        self._swap(self.row.index(child), len(self.row) - 1)
        self.row.pop()

    def _swap(self, one: int, other: int) -> None:
        self.row[one], self.row[other] = self.row[other], self.row[one]


class Reference:
    def __init__(self, network: Network, weeks: int, seed: int, slots: Any = None) -> None:
        self.network, self.weeks = network, weeks
        self.slots = network.slots(weeks) if slots is None else slots
        self.prepared = prepare(network, weeks)
        self.seed = seed & 0xFFFFFFFF, seed >> 32
        edges = sorted(network.edges, key=lambda edge: network.pool_ids.index(edge.origin))
        self.lags = dict(zip(map(id, edges), self.prepared.lag_cuts, strict=True))

    def replicate(self, replication: int) -> tuple[Any, Any, Any]:
        pools, weeks = len(self.network.pools), self.weeks
        self.counts = np.zeros((kernel.TABLES, weeks, pools), int)
        self.sums = np.zeros((kernel.SUMS, weeks, pools))
        self.ages = np.zeros((kernel.AGES, pools, weeks + self.prepared.oldest), int)
        self.key = luck.block(*self.seed, luck.REPLICATION, replication, 0, 0)[:2]
        self.turn = 0
        self.lists = [List() for _ in range(pools)]
        self.coming: dict[int, list[tuple[int, Child, float]]] = {}
        credit = [luck.uniform(luck.block(*self.key, luck.CREDIT, pool, 0, 0)[0]) for pool in range(pools)]
        for pool, rank, age, number in self.prepared.listed:
            words = luck.block(*self.key, luck.BACKLOG, pool, number, 0)
            self.join(pool, rank, -1 - int(age), words[:2], luck.uniform(words[3]))
        for week in range(weeks):
            self.arrive(week)
            self.remove(week)
            for pool in range(pools):
                credit[pool] += self.available(pool, week)
                whole = int(credit[pool])
                credit[pool] -= whole
                self.offer(pool, week, whole)
                self.note(pool, week)
        for pool in range(pools):
            for child in self.lists[pool].children:
                self.ages[kernel.LAST_AGES, pool, weeks - 1 - child.joined] += 1
        return self.counts, self.sums, self.ages

    def available(self, pool: int, week: int) -> float:
        supply = self.network.pools[pool].supply
        if supply.staff is None:
            return float(self.slots[week, pool])
        word = luck.block(*self.key, luck.LEAVE, pool, week, 0)[0]
        away = luck.binomial(supply.staff, supply.leave_share, luck.uniform(word))
        return float(self.slots[week, pool] * ((supply.staff - away) / supply.staff))

    def join(self, pool: int, rank: int, joined: int, key: Any, patience: float) -> None:
        chances = self.network.pools[pool].removal_by_age(self.weeks + self.prepared.oldest)
        there, leaves = 1.0, None
        if joined < 0:
            for age in range(-joined):
                there *= 1.0 - chances[age]
            patience *= there
        for age in range(max(0, -joined), self.weeks - joined):
            there *= 1.0 - chances[age]
            if there <= patience:
                leaves = joined + age
                break
        self.turn += 1
        self.lists[pool].join(Child(int(rank), joined, (int(key[0]), int(key[1])), leaves, turn=self.turn))

    def arrive(self, week: int) -> None:
        for pool, child, patience in self.coming.pop(week, []):
            self.join(pool, child.rank, week, child.key, patience)
            self.counts[kernel.ARRIVED, week, pool] += 1
        for pool in range(len(self.lists)):
            mean = self.prepared.means[0, week, pool]
            for number in range(luck.poisson(mean, *self.key, luck.ARRIVALS, pool, week)):
                words = luck.block(*self.key, luck.CHILD + 16 * pool, week, number, 0)
                cuts = self.prepared.rank_cuts[week, pool]
                rank = min(int((luck.uniform(words[2]) > cuts).sum()), len(cuts) - 1)
                self.join(pool, rank, week, words[:2], luck.uniform(words[3]))
                self.counts[kernel.ARRIVED, week, pool] += 1

    def remove(self, week: int) -> None:
        due = [(pool, child) for pool, listed in enumerate(self.lists) for child in listed.children]
        leaving = [(pool, child) for pool, child in due if child.leaves == week]
        for pool, child in self.in_engine_order(leaving):
            self.lists[pool].leave(child)
            self.counts[kernel.REMOVED, week, pool] += 1
            self.send_on(pool, child, week, "removal")

    def in_engine_order(self, leaving: list[tuple[int, Child]]) -> list[tuple[int, Child]]:
        """Who joined last leaves first: it decides who of them joins the next list first."""
        return sorted(leaving, key=lambda one: -one[1].turn)

    def offer(self, pool: int, week: int, whole: int) -> None:
        model, listed = self.network.pools[pool], self.lists[pool]
        self.counts[kernel.SLOTS, week, pool] = whole
        listed.unoffered = len(listed.row)
        for slot in range(whole):
            if not listed.unoffered:
                return
            child = self.chosen(model, pool, week, slot)
            lane = luck.block(*child.key, luck.OFFER, child.offers >> 2, 0, 0)[child.offers & 3]
            child.offers += 1
            if luck.uniform(lane) < model.missed:
                listed.missed(child)
                self.counts[kernel.MISSED, week, pool] += 1
                continue
            listed.leave(child)
            self.seen(model, pool, week, week - child.joined)
            self.send_on(pool, child, week, "start")

    def chosen(self, model: Pool, pool: int, week: int, slot: int) -> Child:
        listed = self.lists[pool]
        words = luck.block(*self.key, luck.SLOT + 16 * pool, week, slot >> 1, 0)
        how, pick = (luck.uniform(word) for word in words[2 * (slot & 1) : 2 * (slot & 1) + 2])
        open_to = [child for child in listed.children if child in listed.row[: listed.unoffered]]
        if how < model.discipline.longest:
            return open_to[0]
        if how < model.discipline.longest + model.discipline.priority:
            return min(open_to, key=lambda child: child.rank)
        return listed.row[int(pick * listed.unoffered)]

    def seen(self, model: Pool, pool: int, week: int, age: int) -> None:
        counts = self.counts[:, week, pool]
        counts[kernel.STARTED] += 1
        counts[kernel.SEEN_INSIDE] += model.limit_weeks is None or age < model.limit_weeks
        counts[kernel.LONGEST_SEEN] = max(counts[kernel.LONGEST_SEEN], age)
        self.sums[kernel.WAIT_SEEN, week, pool] += age
        self.ages[kernel.SEEN_AGES, pool, age] += 1

    def send_on(self, pool: int, child: Child, week: int, after: str) -> None:
        model = self.network.pools[pool]
        edges = [edge for edge in self.network.edges if edge.origin == model.id]
        decides = luck.uniform(luck.block(*child.key, luck.ROUTE, 0, 0, 0)[0])
        reached = np.cumsum([*model.outcomes.values()])
        outcome = next(
            (name for name, upto in zip(model.outcomes, reached, strict=True) if decides <= upto), None
        )
        for place, edge in enumerate(edges, start=1):
            word = luck.block(*child.key, luck.ROUTE, place >> 2, 0, 0)[place & 3]
            if edge.after != after or edge.outcome not in (None, outcome):
                continue
            if luck.uniform(word) >= edge.probability:
                continue
            for copy in range(edge.copies):
                sent = luck.block(*child.key, luck.SENT_ON, place, copy, 0)
                lag = int((luck.uniform(sent[2]) > self.lags[id(edge)]).sum())
                twin = Child(child.rank, 0, (int(sent[0]), int(sent[1])), None)
                to = self.network.pool_ids.index(edge.to)
                self.coming.setdefault(week + 1 + lag, []).append((to, twin, luck.uniform(sent[3])))

    def note(self, pool: int, week: int) -> None:
        waits = [week - child.joined for child in self.lists[pool].children]
        limit = self.network.pools[pool].limit_weeks
        self.counts[kernel.LIST, week, pool] = len(waits)
        self.counts[kernel.INSIDE, week, pool] = sum(limit is None or wait < limit for wait in waits)
        self.counts[kernel.LONGEST_SO_FAR, week, pool] = max(waits, default=0)
        self.sums[kernel.WAIT_SO_FAR, week, pool] = sum(waits)
