"""The autism assessment pathway: referrals join a queue with limited weekly capacity; waits are what comes of
it."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from evi.synthetic.calendar import HISTORY_START, NEVER, REFERENCE_DAY, Days, Flags, Ints
from evi.synthetic.draws import Generator

TRIAGE_WEEKS = 14  # nobody in Bradford was assessed within 13 weeks (source 002, June 2022)
COMMISSIONED_WEEKS = (
    31  # each quarter slots are bought for last year's demand and the list that this wait implies
)
OUTSTANDING = 0.17  # referrals held up because information is outstanding (assumption)
LONGEST_HOLD = 74  # weeks


@dataclass(frozen=True)
class Queue:
    """What became of each referral: the day on which it was assessed (NEVER: still waiting)."""

    assessed: Days
    waiting: Ints  # number waiting at the end of each week
    slots: Ints  # assessments done each week


def run_queue(rng: Generator, referred: Days) -> Queue:
    """Work the list week by week from September 2008 to the reference day.

    Each week's slots go to those first in order: by referral, put back by the weeks for which information was
    outstanding. Slots are bought by the quarter: as many as last year's referrals a week, plus (or minus)
    what would bring the list to `COMMISSIONED_WEEKS` of demand within a year. Nothing here sets anybody's
    wait.
    """
    weeks = (REFERENCE_DAY + 1 - HISTORY_START) // 7
    week = (referred - HISTORY_START) // 7
    hold = np.where(rng.random(referred.size) < OUTSTANDING, rng.uniform(4, LONGEST_HOLD, referred.size), 0)
    ready = week + TRIAGE_WEEKS + (hold * 0.5).astype(np.int64)
    order_key = week + hold + rng.random(referred.size) * 3
    arrivals: list[list[int]] = [[] for _ in range(weeks + 200)]
    for row in np.argsort(ready, kind="stable"):
        arrivals[min(int(ready[row]), weeks + 199)].append(int(row))
    referred_by = np.searchsorted(np.sort(week), np.arange(weeks + 1))
    assessed = np.full(referred.size, NEVER, dtype=np.int32)
    heap: list[tuple[float, int]] = []
    waiting, done = np.zeros(weeks, dtype=np.int64), np.zeros(weeks, dtype=np.int64)
    seen, credit, slots = 0, 0.0, 0.0
    for now in range(weeks):
        for row in arrivals[now]:
            heapq.heappush(heap, (float(order_key[row]), row))
        if now % 13 == 0:
            rate = (referred_by[now] - referred_by[max(now - 52, 0)]) / min(max(now, 1), 52)
            slots = max(rate + (referred_by[now] - seen - COMMISSIONED_WEEKS * rate) / 52, 0.0)
        credit = min(credit + slots, slots + 1.0)
        while credit >= 1 and heap:
            _, row = heapq.heappop(heap)
            assessed[row] = HISTORY_START + now * 7 + 2 + row % 5
            credit -= 1
            seen += 1
            done[now] += 1
        waiting[now] = referred_by[now + 1] - seen
    assessed[assessed > REFERENCE_DAY] = NEVER
    return Queue(assessed, waiting, done)


@dataclass(frozen=True)
class Referrals:
    """Autism referrals, one row each, by day: child, day referred, day assessed, and whether autism is
    found."""

    child: Ints
    referred: Days
    assessed: Days
    autistic: Flags
    queue: Queue


def waits(referrals: Referrals, end: int, days: int = 365) -> tuple[float, float]:
    """Mean and longest wait (weeks) of children assessed in the `days` up to `end`."""
    rows = (referrals.assessed <= end) & (referrals.assessed > end - days)
    if not rows.any():
        return float("nan"), float("nan")
    weeks = (referrals.assessed[rows] - referrals.referred[rows]) / 7
    return float(weeks.mean()), float(weeks.max())
