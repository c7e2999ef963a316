"""The oracle: what an indicator says of one child on one day, in plain Python, slow and obvious.

Every faster engine is compared with this one on random registries and random records, and the reasons that
people read are made by it. It knows nothing of spans, intervals or SQL: it looks at the events that were
known on the day and asks the question.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Literal

from evi.indicators.expressions import (
    THOUSAND,
    AtLeastOf,
    Count,
    Expression,
    Facts,
    Last,
    MissingBy,
    Not,
    Rate,
    Ratio,
    Total,
    compares,
    rests_on_silence,
    walk,
)
from evi.indicators.registry import Indicator, Needs, facts_required

State = Literal["present", "absent", "not assessable"]
HOME_MASK = (1 << 62) - 1
ADULT_MONTHS = 216
"""Eighteen years: from here on a housemate is one of the adults."""


@dataclass(frozen=True)
class Event:
    """One version of one recorded fact. `known_until`: when the next version of it became known."""

    subject_id: int
    time: datetime
    code: str
    known_at: date
    record_id: int
    value: float | None = None
    known_until: date | None = None
    end_time: datetime | None = None
    place_id: str | None = None
    text: str | None = None
    withdrawn: bool = False
    source: str = ""

    @property
    def thousandths(self) -> int | None:
        """The value in whole thousandths."""
        return None if self.value is None else round(self.value * THOUSAND)


@dataclass(frozen=True)
class Stay:
    """Someone lived in a home on the days `[start, end)`."""

    subject_id: int
    home: int
    start: date
    end: date | None = None


@dataclass(frozen=True)
class Covered:
    """A feed could speak of someone on the days `[start, end)`; the hub knew so from `known_at`."""

    subject_id: int
    feed: str
    start: date
    end: date | None
    known_at: date


@dataclass(frozen=True)
class World:
    """All that the hub ever held. `birth_months` by subject; children are those in `children`."""

    events: tuple[Event, ...]
    stays: tuple[Stay, ...]
    coverage: tuple[Covered, ...]
    birth_months: dict[int, date | None]
    children: tuple[int, ...]


def add_months(day: date, months: int) -> date:
    """The first day of the month that is so many months after `day`'s."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, 1)


def counts_on(event: Event, facts: Facts, day: date) -> bool:
    """Whether an event of the right code counts on the day, by what was known on that day."""
    happened = event.time.date()
    if event.withdrawn or not facts.reads(event.code):
        return False
    if facts.texts and event.text not in facts.texts:
        return False
    if event.known_at > day or (event.known_until is not None and event.known_until <= day):
        return False
    if day < happened + timedelta(days=facts.after_days):
        return False
    if facts.days is not None and day >= happened + timedelta(days=facts.days):
        return False
    ended = event.end_time.date() if facts.while_open and event.end_time else None
    return ended is None or day < ended


def facts_of(world: World, child: int, facts: Facts, day: date) -> list[Event]:
    """The events that count for the child on the day, each once."""
    return [
        event
        for event in world.events
        if counts_on(event, facts, day) and _reaches(world, event, child, facts.who)
    ]


def _reaches(world: World, event: Event, child: int, who: str) -> bool:
    if event.subject_id == child:
        return who in ("child", "anyone")
    if who == "child" or (who == "adults" and not _is_adult(world, event)):
        return False
    happened = event.time.date()
    homes = homes_on(world.stays, child, happened)
    if event.subject_id < 0:
        return event.subject_id in {home_subject(home) for home in homes}
    return bool(homes & homes_on(world.stays, event.subject_id, happened))


def home_subject(home: int) -> int:
    """The subject to whom the records room gives what happens to a home itself."""
    return -(home & HOME_MASK) - 1


def homes_on(stays: Iterable[Stay], subject: int, day: date) -> set[int]:
    """The homes in which the subject lived on the day."""
    return {
        stay.home
        for stay in stays
        if stay.subject_id == subject and stay.start <= day and (stay.end is None or day < stay.end)
    }


def _is_adult(world: World, event: Event) -> bool:
    """An adult on the day; someone whose birth is not known is one, unless recorded as a child."""
    if event.subject_id < 0:
        return False
    born = world.birth_months.get(event.subject_id)
    if born is None:
        return event.subject_id not in world.children
    return add_months(born, ADULT_MONTHS) <= event.time.date()


def rank(event: Event) -> tuple[datetime, date, int, int]:
    """The order in which a later value replaces an earlier one."""
    value = event.thousandths
    return (event.time, event.known_at, event.record_id, 0 if value is None else value)


def how_many(events: Sequence[Event], of: str) -> int:
    """Count events, different days, or different places (an event of no place has none)."""
    if of == "days":
        return len({event.time.date() for event in events})
    if of == "places":
        return len({event.place_id for event in events if event.place_id is not None})
    return len(events)


def is_true(expression: Expression, world: World, child: int, day: date) -> bool:
    """Whether the expression holds for the child on the day, whatever is or is not covered."""
    match expression:
        case Count(facts, at_least, of):
            return how_many(facts_of(world, child, facts, day), of) >= at_least
        case Last(facts, compare, figure):
            valued = [e for e in facts_of(world, child, facts, day) if e.thousandths is not None]
            latest = max(valued, key=rank, default=None)
            return latest is not None and compares(latest.thousandths or 0, compare, figure)
        case Total(facts, at_least):
            return _sum(facts_of(world, child, facts, day)) >= at_least
        case Ratio(facts, to, at_least, minimum):
            whole = _sum(facts_of(world, child, to, day))
            part = _sum(facts_of(world, child, facts, day))
            return whole >= minimum and Fraction(part, whole) >= Fraction(at_least, THOUSAND)
        case AtLeastOf(at_least, parts):
            return sum(is_true(part, world, child, day) for part in parts) >= at_least
        case Not(part):
            return not is_true(part, world, child, day)
        case MissingBy(facts, by_months):
            born = world.birth_months.get(child)
            reached = born is not None and day >= add_months(born, by_months)
            return reached and not facts_of(world, child, facts, day)
        case Rate():
            raise ValueError("a rate is asked of a school or an area, not of one child")


def _sum(events: Sequence[Event]) -> int:
    return sum(event.thousandths or 0 for event in events)


def is_covered(needs: Needs, world: World, child: int, day: date) -> bool:
    """Whether the feeds that the indicator needs could have told, by what was known on the day."""

    def covers(feed: str) -> bool:
        return any(
            c.subject_id == child
            and c.feed == feed
            and max(c.start, c.known_at) <= day
            and (c.end is None or day < c.end)
            for c in world.coverage
        )

    def watched(feed: str, months: int) -> bool:
        born = world.birth_months.get(child)
        then = add_months(born, months) if born else None
        return then is not None and any(
            c.subject_id == child
            and c.feed == feed
            and c.known_at <= day
            and then <= day
            and c.start <= then
            and (c.end is None or then < c.end)
            for c in world.coverage
        )

    feeds_answer = (
        all(covers(feed) for feed in needs.feeds) if needs.every else any(covers(f) for f in needs.feeds)
    )
    was_watched = all(any(watched(feed, age) for feed in needs.feeds) for age in needs.watched_at_months)
    required = facts_required(needs)
    is_there = required is None or bool(facts_of(world, child, required, day))
    return feeds_answer and was_watched and is_there


def in_age(indicator: Indicator, world: World, child: int, day: date) -> bool:
    """Whether the child's age is one at which the indicator applies. No birth month: no."""
    born = world.birth_months.get(child)
    low, high = indicator.age_months
    return born is not None and add_months(born, low) <= day < add_months(born, high)


def state(indicator: Indicator, world: World, child: int, day: date) -> State:
    """What the indicator says of the child on the day: present, absent, or not assessable."""
    if not in_age(indicator, world, child, day):
        return "not assessable"
    covered = is_covered(indicator.needs, world, child, day)
    true = is_true(indicator.expression, world, child, day)
    if true and (covered or not rests_on_silence(indicator.expression)):
        return "present"
    return "absent" if covered else "not assessable"


def behind(expression: Expression, world: World, child: int, day: date) -> list[Event]:
    """The events on which a true expression rests, oldest first: those of its parts that are true."""
    found: dict[Event, None] = {}
    for node in walk(expression):
        if isinstance(node, Count | Last | Total | Ratio) and is_true(node, world, child, day):
            events = facts_of(world, child, node.facts, day)
            if isinstance(node, Last):
                events = [max((e for e in events if e.value is not None), key=rank)]
            found.update(dict.fromkeys(events))
    return sorted(found, key=rank)
