"""The machine that runs every child's clock over the events of the child, in order of days.

Its rules are told in `journeys`; it knows roles only (start, stop, removal, missed, pause, resume), and
neither codes nor limits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import polars as pl

ROLES = {"pause": 0, "resume": 1, "missed": 2, "stop": 3, "removal": 4, "other": 5, "start": 6}
"""What an event can do to a clock, in the order in which one day's events are read; `other` is a referral
for another reason, which makes what follows it a follow-up."""
SEEN = ("missed", "stop", "removal")
"""What can only be where there has been a referral."""
_SEEN = frozenset(ROLES[name] for name in SEEN)


@dataclass(frozen=True)
class Run:
    """What became of every clock.

    Attributes:
        clocks: `clock` (its number), `subject_id, referred, started, removed, reason, offered, missed`,
            ordered by `referred` and `subject_id`.
        met: `clock, number, met`: when each milestone was first reached.
        missed_on: `clock, missed_on`.
        pauses: `clock, paused_from, paused_until` (null: it still stands).
        rejects: referrals and events set aside, by reason.
        follow_ups: events after a clock had stopped, or after a referral for another reason.
    """

    clocks: pl.DataFrame
    met: pl.DataFrame
    missed_on: pl.DataFrame
    pauses: pl.DataFrame
    rejects: dict[str, int]
    follow_ups: int


class _Event(NamedTuple):
    role: int
    number: int
    reason: str | None
    also_starts: bool
    event: int


@dataclass
class _Open:
    """One clock while it runs, and after."""

    subject: int
    referred: date
    started: date | None = None
    removed: date | None = None
    reason: str | None = None
    missed: list[date] = field(default_factory=list)
    met: dict[int, date] = field(default_factory=dict)
    pauses: list[tuple[date, date | None]] = field(default_factory=list)

    @property
    def running(self) -> bool:
        return self.started is None and self.removed is None

    def take(self, day: date, events: list[_Event], last: int) -> None:
        """Let one day's events happen to it."""
        removal: list[str] = []
        for event in events:
            if event.role == ROLES["pause"] and not self._standing:
                self.pauses.append((day, None))
            elif event.role == ROLES["resume"] and self._standing:
                self.pauses[-1] = (self.pauses[-1][0], day)
            elif event.role == ROLES["missed"]:
                self.missed.append(day)
            elif event.role == ROLES["stop"]:
                self.met.setdefault(event.number, day)
            elif event.role == ROLES["removal"]:
                removal.append(event.reason or "unknown")
        if last in self.met:
            self.started = day
        elif removal:
            self.removed = day
            said = sorted(reason for reason in removal if reason != "unknown")
            self.reason = said[0] if said else "unknown"
        if not self.running and self._standing:
            self.pauses[-1] = (self.pauses[-1][0], day)

    @property
    def _standing(self) -> bool:
        return bool(self.pauses) and self.pauses[-1][1] is None


class _Machine:
    def __init__(self, last: int) -> None:
        self.last = last
        self.clocks: list[_Open] = []
        self.rejects = {"twice": 0, "open_already": 0, "before_referral": 0, "no_referral": 0}
        self.follow_ups = 0

    def child(self, subject: int, days: Iterator[tuple[date, list[_Event]]]) -> None:
        """Run all clocks of one child."""
        now: _Open | None = None
        known, early = False, 0
        for day, events in days:
            starts = sum(event.role == ROLES["start"] for event in events)
            others = [event for event in events if event.role < ROLES["other"]]
            known |= any(event.role >= ROLES["other"] for event in events)
            had_open = now is not None and now.running
            if now is not None and now.running:
                now.take(day, others, self.last)
            if starts and now is not None and now.running:
                self.rejects["open_already"] += starts
            elif starts:
                now = _Open(subject, day)
                self.clocks.append(now)
                self.rejects["twice"] += starts - 1
                if not had_open:
                    now.take(day, [event for event in others if not event.also_starts], self.last)
            elif not had_open and known:
                self.follow_ups += _how_many(others)
            elif not had_open:
                early += _how_many([event for event in others if event.role in _SEEN])
        self.rejects["before_referral" if now is not None else "no_referral"] += early


def _how_many(events: list[_Event]) -> int:
    """Events that were sent as such; one that has two roles counts once."""
    return len({event.event for event in events if event.event >= 0})


def run_clocks(roles: pl.DataFrame, last: int) -> Run:
    """Run the clocks of all children.

    Args:
        roles: one row an event and role, as `read_roles` gives them.
        last: the number of the milestone that stops a clock.
    """
    rows = roles.with_columns(
        pl.col("role").replace_strict(ROLES, return_dtype=pl.Int32), pl.col("reason").fill_null("")
    )
    names = ["subject_id", "day", "role", "number", "reason", "also_starts", "event"]
    machine = _Machine(last)
    for subject, of_child in groupby(rows.select(names).sort(names).iter_rows(), key=itemgetter(0)):
        machine.child(
            subject,
            (
                (day, [_Event(*row[2:]) for row in on_day])
                for day, on_day in groupby(of_child, key=itemgetter(1))
            ),
        )
    return _run(machine)


def _run(machine: _Machine) -> Run:
    clocks = sorted(machine.clocks, key=lambda clock: (clock.referred, clock.subject))
    table = pl.DataFrame(
        {
            "clock": range(len(clocks)),
            "subject_id": [clock.subject for clock in clocks],
            "referred": [clock.referred for clock in clocks],
            "started": [clock.started for clock in clocks],
            "removed": [clock.removed for clock in clocks],
            "reason": [clock.reason for clock in clocks],
            "offered": [len(clock.missed) + (clock.started is not None) for clock in clocks],
            "missed": [len(clock.missed) for clock in clocks],
        },
        schema={"clock": pl.Int64, "subject_id": pl.Int64, "referred": pl.Date, "started": pl.Date,
                "removed": pl.Date, "reason": pl.String, "offered": pl.Int32, "missed": pl.Int32},
    )  # fmt: skip
    met = [(i, number, day) for i, clock in enumerate(clocks) for number, day in sorted(clock.met.items())]
    missed = [(i, day) for i, clock in enumerate(clocks) for day in clock.missed]
    pauses = [(i, *pause) for i, clock in enumerate(clocks) for pause in clock.pauses]
    return Run(
        table,
        pl.DataFrame(met, {"clock": pl.Int64, "number": pl.Int32, "met": pl.Date}, orient="row"),
        pl.DataFrame(missed, {"clock": pl.Int64, "missed_on": pl.Date}, orient="row"),
        pl.DataFrame(
            pauses, {"clock": pl.Int64, "paused_from": pl.Date, "paused_until": pl.Date}, orient="row"
        ),
        machine.rejects,
        machine.follow_ups,
    )
