"""The days on which a school can host a team and a person can go: weekdays, terms, bank holidays,
absences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date, timedelta

import numpy as np

from evi.queues.days.problem import WEEKDAYS, Away, Problem
from evi.queues.measuring.calendar import working_week


def working_days(first: date, last: date) -> list[date]:
    """Mondays to Fridays from `first` to `last` that are no English bank holiday.

    >>> [str(day) for day in working_days(date(2027, 3, 25), date(2027, 3, 30))]  # with Easter in between
    ['2027-03-25', '2027-03-30']
    """
    days = np.arange(np.datetime64(first), np.datetime64(last + timedelta(days=1)))
    working: list[date] = days[np.is_busday(days, busdaycal=working_week())].tolist()
    return working


class Diary:
    """When each school is open to a team and each person can go, before any visit is planned."""

    def __init__(self, problem: Problem) -> None:
        self.days = working_days(problem.rules.start, problem.rules.end)
        self._terms: dict[str, list[tuple[date, date]]] = defaultdict(list)
        for term in problem.terms:
            self._terms[term.terms].append((term.start, term.end))
        self._away: dict[tuple[str, str], list[Away]] = defaultdict(list)
        for away in problem.away:
            self._away[away.kind, away.id].append(away)
        self._problem = problem

    def school_days(self, school: str) -> list[date]:
        """Days on which a school is in term, has a room, and is not closed."""
        known = self._problem.school_of[school]
        terms = self._terms[known.terms]
        return [
            day
            for day in self._on(known.room_days, "school", school)
            if any(start <= day <= end for start, end in terms)
        ]

    def person_days(self, person: str) -> list[date]:
        """Days that a person gives and is not away on."""
        return self._on(self._problem.person_of[person].days, "person", person)

    def _on(self, weekdays: Collection[str], kind: str, ident: str) -> list[date]:
        away = self._away[kind, ident]
        return [day for day in self.days if WEEKDAYS[day.weekday()] in weekdays and not _within(day, away)]


def _within(day: date, spans: Iterable[Away]) -> bool:
    return any(span.start <= day <= span.end for span in spans)
