"""A slow, obvious clock to compare the real one with: it lives through every day of every child."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from evi.queues.measuring.calendar import bank_holidays
from evi.queues.measuring.clocks import Clock, Fact


@dataclass
class SlowWait:
    """One wait, as the slow clock sees it."""

    subject: int
    referred: date
    started: date | None = None
    removed: date | None = None
    reason: str | None = None
    missed: int = 0
    paused: int = 0
    wait: int = 0
    standing: bool = False
    met: dict[str, date] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        return self.started is None and self.removed is None


def counts(clock: Clock, day: date) -> bool:
    return clock.counts == "days" or (day.weekday() < 5 and day not in bank_holidays())


def matches(fact: Fact, event: dict[str, Any]) -> bool:
    text = (event.get("text_value") or "").upper()
    return event["code"] == fact.code and (not fact.text or text in fact.text) and text not in fact.text_not


def slow_waits(events: list[dict[str, Any]], clock: Clock, last_day: date) -> list[SlowWait]:
    waits: list[SlowWait] = []
    for subject in {event["subject_id"] for event in events}:
        own = [event for event in events if event["subject_id"] == subject]
        waits += one_child(subject, own, clock, last_day)
    return sorted(waits, key=lambda wait: (wait.referred, wait.subject))


def one_child(subject: int, events: list[dict[str, Any]], clock: Clock, last_day: date) -> list[SlowWait]:
    waits: list[SlowWait] = []
    day = min(event["time"] for event in events)
    while day <= last_day:
        today = [event for event in events if event["time"] == day]
        running = waits[-1] if waits and waits[-1].open else None
        if running is not None:
            if counts(clock, day):
                running.paused += running.standing
                running.wait += not running.standing
            live(running, today, clock, day)
        if any(matches(fact, event) for fact in clock.starts for event in today) and (
            not waits or not waits[-1].open
        ):
            waits.append(SlowWait(subject, day))
            if running is None:
                codes = [fact.code for fact in clock.starts]
                live(waits[-1], [event for event in today if event["code"] not in codes], clock, day)
        day += timedelta(days=1)
    return waits


def live(wait: SlowWait, today: list[dict[str, Any]], clock: Clock, day: date) -> None:
    distinct = [event for place, event in enumerate(today) if event not in today[:place]]
    wait.missed += sum(any(matches(fact, event) for fact in clock.missed) for event in distinct)
    codes = {event["code"] for event in today}
    if any(pause.start in codes for pause in clock.pauses):
        wait.standing = True
    if any(pause.until in codes for pause in clock.pauses):
        wait.standing = False
    for step in clock.milestones:
        if any(matches(fact, event) for fact in step.stops for event in today):
            wait.met.setdefault(step.id, day)
    why = {
        removal.reason or (event["text_value"] or "").strip().lower() or "unknown"
        for removal in clock.removes
        for event in today
        if matches(removal.fact, event)
    }
    if clock.last.id in wait.met:
        wait.started = day
    elif why:
        wait.removed = day
        wait.reason = min(why - {"unknown"}, default="unknown")
