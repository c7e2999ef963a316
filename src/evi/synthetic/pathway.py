"""The autism assessment pathway: referrals join a queue with limited weekly slots, and waits come of it.

Week by week, referrals join, some leave without a start, and the slots are filled: a share by the longest
waiters, a share by those marked urgent, the rest at random. A child who is not brought uses up a slot and
keeps its place. Who leaves, who is not brought and how many slots there are is known, so that what is fitted
to the records can be compared with it.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import yaml

from evi.synthetic.calendar import HISTORY_START, NEVER, REFERENCE_DAY, Days, Flags, Floats, Ints, as_date
from evi.synthetic.draws import Generator, systematic

WEEKS = (REFERENCE_DAY + 1 - HISTORY_START) // 7
"""Whole weeks of the history, Mondays to Sundays; the queue is worked in each of them."""
REASONS = ("moved_away", "declined", "other_pathway", "not_accepted")
NOT_ACCEPTED = REASONS.index("not_accepted")
FORMS = ("FAMILY_FORM", "SCHOOL_FORM")
GOLDEN = 0.6180339887498949
_OLDEST = 60 * 52  # weeks: nobody waits longer


@dataclass(frozen=True)
class Policy:
    """How the pathway works: `data/pathway.yaml`.

    Attributes:
        earliest_weeks: weeks before which nobody is seen. commissioned_weeks: the wait that slots are bought
            for. missed: chance that a child is not brought. discipline: shares of slots by whom they go to.
        urgent: share marked urgent. triage_weeks: weeks of wait, from and to. outstanding: share held up by
            a form, for how many weeks beyond the earliest, and how often it is the school's.
        removal: weekly chances of ending without a start: weeks waited, then a chance for each reason.
    """

    pathway: str
    earliest_weeks: int
    commissioned_weeks: float
    missed: float
    discipline: dict[str, float]
    urgent: float
    triage_weeks: tuple[int, int]
    outstanding: dict[str, Any]
    removal: tuple[dict[str, float], ...]

    @property
    def hazard(self) -> Floats:
        """Weekly chance of removal by weeks waited and reason (weeks by `REASONS`), moves away left out."""
        table = np.zeros((_OLDEST, len(REASONS)))
        for band in self.removal:
            table[int(band["from_week"]) :] = [band.get(reason, 0.0) for reason in REASONS]
        return table

    @property
    def reaches_start(self) -> float:
        """Share of referrals that are still waiting after `commissioned_weeks`."""
        return float(np.prod(1 - self.hazard.sum(axis=1)[: round(self.commissioned_weeks)]))


@cache
def policy() -> Policy:
    """The pathway's policy as it ships."""
    text = resources.files("evi.synthetic").joinpath("data/pathway.yaml").read_text(encoding="utf-8")
    table = yaml.safe_load(text)
    table["triage_weeks"], table["removal"] = tuple(table["triage_weeks"]), tuple(table["removal"])
    return Policy(**table)


@dataclass(frozen=True)
class Queue:
    """What became of each referral. Days that have not come are NEVER.

    Attributes:
        assessed: the first appointment to which the child was brought; removed, reason: the end without one,
            and why (place in `REASONS`).
        triaged: accepted at triage; urgent: and marked urgent. forms: day on which each of `FORMS` came back.
        missed_row, missed_day: appointments to which a child was not brought: which referral, and when.
        waiting: number waiting at the end of each week; slots: appointments there were in each week.
    """

    assessed: Days
    removed: Days
    reason: Ints
    triaged: Days
    urgent: Flags
    forms: tuple[Days, ...]
    missed_row: Ints
    missed_day: Days
    waiting: Ints
    slots: Ints


def run_queue(
    rng: Generator,
    referred: Days,
    gone: Days | None = None,
    stays: Floats | None = None,
    rules: Policy | None = None,
) -> Queue:
    """Work the list week by week from September 2008 to the reference day.

    Slots are bought by the quarter: as many as last year's referrals need, plus (or minus) what would bring
    the list to what `commissioned_weeks` imply within half a year. Nothing here sets anybody's wait.

    Args:
        rng: luck.
        referred: days of referral, ascending.
        gone: day on which each child leaves the district (NEVER: stays), and so the list.
        stays: numbers in (0, 1), one for each referral: how long it would stay before it is removed (drawn
            here if not given; evenly spread ones keep small districts near what is expected).
        rules: the policy; by default the one that ships.
    """
    rules, size = rules or policy(), referred.size
    stays = 1 - rng.random(size) if stays is None else stays
    gone = np.full(size, NEVER, dtype=np.int32) if gone is None else gone
    week = (referred.astype(np.int64) - HISTORY_START) // 7
    leaves, reason = _removals(rng, rules, week, gone.astype(np.int64), stays)
    ready, forms = _forms(rng, rules, referred.astype(np.int64), week)
    triaged = referred + rng.integers(7 * rules.triage_weeks[0], 7 * rules.triage_weeks[1], size)
    urgent = (rng.random(size) < rules.urgent) & (reason != NOT_ACCEPTED)
    work = _Work(rng, rules, week, ready, leaves, urgent)
    for now in range(WEEKS):
        work.a_week(now)
    return _as_days(work, referred, gone, reason, triaged, forms)


def _as_days(
    work: _Work, referred: Days, gone: Days, reason: Ints, triaged: Ints, forms: tuple[Ints, ...]
) -> Queue:
    """The weeks of the work as days, Mondays to Fridays; what has not come is NEVER."""
    weekday = np.arange(referred.size) % 5
    assessed = np.where(work.start < NEVER, HISTORY_START + work.start * 7 + weekday, NEVER)
    left = np.maximum(HISTORY_START + work.leaves * 7 + weekday, referred)
    removed = np.where(reason == REASONS.index("moved_away"), gone, left)
    removed = np.where((assessed < NEVER) | (work.leaves >= WEEKS), NEVER, removed)
    turned_down = (reason == NOT_ACCEPTED) & (removed < NEVER)
    triaged = np.where(turned_down | (triaged > np.minimum(removed, REFERENCE_DAY)), NEVER, triaged)
    missed = np.array(work.missed, dtype=np.int64).reshape(-1, 2)
    return Queue(
        assessed=assessed.astype(np.int32),
        removed=removed.astype(np.int32),
        reason=reason,
        triaged=triaged.astype(np.int32),
        urgent=work.urgent & (triaged < NEVER),
        forms=tuple(np.where(form >= removed, NEVER, form).astype(np.int32) for form in forms),
        missed_row=missed[:, 0],
        missed_day=(HISTORY_START + missed[:, 1] * 7 + missed[:, 0] % 5).astype(np.int32),
        waiting=work.waiting,
        slots=work.slots,
    )


def _removals(rng: Generator, rules: Policy, week: Ints, gone: Ints, stays: Floats) -> tuple[Ints, Ints]:
    """Week in which each referral would end without a start, and why: by its hazard, or a move away."""
    hazard = rules.hazard
    total = hazard.sum(axis=1)
    survival = np.cumsum(-np.log1p(-total))
    age = np.searchsorted(survival, -np.log(stays))
    leaves = np.where(age < _OLDEST, week + age, NEVER)
    causes = np.cumsum(hazard, axis=1) / np.maximum(total, 1e-12)[:, None]
    spot = causes[np.minimum(age, _OLDEST - 1)]
    reason = (rng.random(week.size)[:, None] >= spot).sum(axis=1).clip(0, len(REASONS) - 1)
    moves = np.where(gone < NEVER, (gone - HISTORY_START) // 7, NEVER)
    sooner = moves < leaves
    return np.where(sooner, moves, leaves), np.where(sooner, REASONS.index("moved_away"), reason)


def _forms(rng: Generator, rules: Policy, referred: Ints, week: Ints) -> tuple[Ints, tuple[Ints, ...]]:
    """Week from which each child can be seen, and days on which the family's and the school's form come
    back."""
    held = systematic(rng, np.full(week.size, float(rules.outstanding["share"])), week // 26)
    shortest, longest = rules.outstanding["weeks"]
    spread = (rng.random() + np.cumsum(held) * GOLDEN) % 1.0  # any few in a row are short and long alike
    weeks = np.where(held, (shortest + spread * (longest - shortest)).astype(np.int64), 0)
    ready = week + rules.earliest_weeks + weeks
    soon = [referred + rng.integers(14, 80, week.size) for _ in FORMS]
    school = rng.random(week.size) < rules.outstanding["school"]
    late = HISTORY_START + ready * 7 - 3
    of_family, of_school = (
        np.where(held & who, late, day) for who, day in zip((~school, school), soon, strict=True)
    )
    return ready, (of_family, of_school)


class _Work:
    """The clinic's list and its weeks: who is in line, who was seen, and what was not used."""

    def __init__(
        self, rng: Generator, rules: Policy, week: Ints, ready: Ints, leaves: Ints, urgent: Flags
    ) -> None:
        self.rng, self.rules = rng, rules
        self.leaves, self.urgent = leaves, urgent
        self.start = np.full(week.size, NEVER, dtype=np.int64)
        self.missed: list[tuple[int, int]] = []
        self.waiting, self.slots = np.zeros(WEEKS, dtype=np.int64), np.zeros(WEEKS, dtype=np.int64)
        self._arrivals: list[list[int]] = [[] for _ in range(WEEKS)]
        for row in np.flatnonzero((ready < WEEKS) & (ready < leaves)).tolist():
            self._arrivals[int(ready[row])].append(row)
        self._referred_by = np.searchsorted(np.sort(week), np.arange(WEEKS + 1))
        self._line: list[int] = []  # those who can be seen, longest wait first: rows are in order of referral
        self._rate, self._credit, self._seen = 0.0, 0.0, 0
        self._brought = rng.random()  # evenly spread, so that a small district misses its share too

    def a_week(self, now: int) -> None:
        """Let referrals join, some leave, and the week's slots be filled."""
        for row in self._arrivals[now]:
            insort(self._line, row)
        self._line = [row for row in self._line if self.leaves[row] > now]
        if now % 13 == 0:
            self._buy(now)
        self._credit += self._rate
        self.slots[now] = int(self._credit)
        self._credit -= int(self._credit)
        self._fill(now, int(self.slots[now]))
        off = self._seen + int(np.count_nonzero((self.leaves <= now) & (self.start == NEVER)))
        self.waiting[now] = self._referred_by[now + 1] - off

    def _buy(self, now: int) -> None:
        """Slots a week for the next quarter."""
        year = min(max(now, 1), 52)
        demand = (self._referred_by[now] - self._referred_by[max(now - 52, 0)]) / year
        listed = self.waiting[now - 1] if now else 0
        wanted = self.rules.commissioned_weeks * demand
        need = demand * self.rules.reaches_start + (listed - wanted) / 26
        self._rate = max(float(need), 0.0) / (1 - self.rules.missed)

    def _fill(self, now: int, slots: int) -> None:
        """Offer each slot to one child, each child at most one in a week."""
        luck = self.rng.random((slots, 2))
        offered: list[int] = []
        mix = self.rules.discipline
        for who, which in luck.tolist():
            if not self._line:
                break
            if who < mix["longest"]:
                place = 0
            elif who < mix["longest"] + mix["priority"]:
                place = next((at for at, row in enumerate(self._line) if self.urgent[row]), 0)
            else:
                place = int(which * len(self._line))
            row = self._line.pop(place)
            self._brought = (self._brought + GOLDEN) % 1.0
            if self._brought < self.rules.missed:
                self.missed.append((row, now))
                offered.append(row)
            else:
                self.start[row] = now
                self._seen += 1
        for row in offered:
            insort(self._line, row)


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


def truth_of(referrals: Referrals, moving: float, rules: Policy | None = None) -> dict[str, Any]:
    """`truth/queue.json`: the rates that the records come from, for scoring only.

    Args:
        referrals: the referrals, and what became of them.
        moving: weekly chance that a child moves away, which comes on top of the policy's removals.
        rules: the policy; by default the one that ships.
    """
    rules = rules or policy()
    week = (referrals.referred.astype(np.int64) - HISTORY_START) // 7
    arrivals = np.bincount(week[week < WEEKS], minlength=WEEKS)
    mondays = [as_date(HISTORY_START + 7 * at).isoformat() for at in range(WEEKS)]
    total = rules.hazard.sum(axis=1)
    starts = [0, *(int(band["from_week"]) for band in rules.removal)]
    return {
        "pathway": rules.pathway,
        "missed": rules.missed,
        "removal_weekly": [
            {"from_week": at, "probability": round(1 - (1 - float(total[at])) * (1 - moving), 8)}
            for at in dict.fromkeys(starts)
        ],
        "slots_per_week": [[day, int(n)] for day, n in zip(mondays, referrals.queue.slots, strict=True)],
        "discipline": dict(rules.discipline),
        "referrals_per_week": [[day, int(n)] for day, n in zip(mondays, arrivals, strict=True)],
        "earliest_weeks": rules.earliest_weeks,
        "outstanding": dict(rules.outstanding),
        "urgent": rules.urgent,
    }
