"""A calendar file for each person of a rota, for any calendar program; no child is named or numbered in
it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event

from evi.queues.days.problem import Problem
from evi.queues.days.rota import Rota, Visit
from evi.workspace import replace_dir

LONDON = ZoneInfo("Europe/London")
YEAR = timedelta(days=366)
FOLDER = "calendars"


def calendars(
    rota: Rota, problem: Problem, *, before: Rota | None = None, made: datetime | None = None
) -> dict[str, Calendar]:
    """A calendar by person, with an event for each of their visits: school, times, roles, number of children.

    Args:
        before: an earlier rota. Events of it that are no more are there as cancelled, so that a calendar
            program takes them out; those that stand keep their id.
        made: the time of making, in UTC (now). Calendar programs believe the later of two.
    """
    stamp = made or datetime.now(UTC)
    events: dict[str, list[Event]] = defaultdict(list)
    goes = {(person, visit.visit) for visit in rota.visits for person in visit.team}
    for visit in rota.visits:
        for person in visit.team:
            events[person].append(_event(visit, person, problem, stamp))
    for visit in before.visits if before else ():
        for person in visit.team:
            if (person, visit.visit) not in goes:
                events[person].append(_event(visit, person, problem, stamp, cancelled=True))
    return {person: _calendar(person, found, problem) for person, found in sorted(events.items())}


def write_calendars(
    rota: Rota,
    problem: Problem,
    folder: Path,
    *,
    before: Rota | None = None,
    made: datetime | None = None,
) -> int:
    """Write `calendars/PERSON.ics` into a folder, in place of those there. Returns how many."""
    found = calendars(rota, problem, before=before, made=made)
    with replace_dir(folder / FOLDER) as scratch:
        for person, calendar in found.items():
            (scratch / f"{person}.ics").write_bytes(calendar.to_ical())
    return len(found)


def _calendar(person: str, events: list[Event], problem: Problem) -> Calendar:
    calendar = Calendar()
    calendar.add("prodid", "-//eVI//assessment days//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", f"Assessment days of {person}")
    for event in events:
        calendar.add_component(event)
    calendar.add_missing_timezones(problem.rules.start - YEAR, problem.rules.end + YEAR)
    return calendar


def _event(visit: Visit, person: str, problem: Problem, stamp: datetime, *, cancelled: bool = False) -> Event:
    rules, school = problem.rules, problem.school_of[visit.school]
    begins = datetime.combine(visit.day, time.fromisoformat(rules.day_starts), LONDON)
    event = Event()
    event.add("uid", f"{visit.visit}-{person}@evi")
    event.add("dtstamp", stamp)
    event.add("last-modified", stamp)
    event.add("sequence", int(stamp.timestamp()) // 60)
    event.add("dtstart", begins)
    event.add("dtend", begins + timedelta(hours=rules.hours))
    event.add("summary", f"Assessment day at {school.title}")
    event.add("location", school.title)
    event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    event.add("transp", "TRANSPARENT" if cancelled else "OPAQUE")
    event.add("description", "\n".join(_lines(visit, person, problem)))
    return event


def _lines(visit: Visit, person: str, problem: Problem) -> Iterator[str]:
    count = len(visit.children)
    yield f"{count} {'child' if count == 1 else 'children'}"
    yield f"You go as {_plain(problem.person_of[person].role)}"
    roles = Counter(_plain(problem.person_of[other].role) for other in visit.team)
    yield "Team: " + ", ".join(f"{role} ({n})" if n > 1 else role for role, n in sorted(roles.items()))


def _plain(role: str) -> str:
    return re.sub("_+", " ", role)
