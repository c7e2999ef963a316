"""The synthetic district's calendar: its first and last day, school years, census days and half terms.

Days are whole numbers since 1 January 1970 (numpy int32), the form that Arrow's date32 has, so that a column
becomes dates with no work. `NEVER` stands for "not yet" and sorts after every real day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

Days = npt.NDArray[np.int32]
Ints = npt.NDArray[np.integer]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]

YEAR = 365.25
MONTH = YEAR / 12


def day(value: date) -> int:
    """Number of days from 1 January 1970 to `value`."""
    return (value - date(1970, 1, 1)).days


def as_date(number: int) -> date:
    """The date that is `number` days after 1 January 1970."""
    return date(1970, 1, 1) + timedelta(days=int(number))


HISTORY_START = day(date(2008, 9, 1))
REFERENCE_DAY = day(date(2026, 8, 31))
NEVER = day(date(2200, 1, 1))
YEARS = range(2008, 2026)  # school years that began in the history
SCHOOL_YEARS = range(2013, 2026)  # the first children born in the history entered Reception in September 2013


def first_of_month(days: Days) -> Days:
    """First day of each day's month."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]").astype(np.int32)


def year_of(days: Ints) -> Ints:
    """Calendar year of each day."""
    return np.asarray(days).astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970


def month_of(days: Ints) -> Ints:
    """Month (1 to 12) of each day."""
    return np.asarray(days).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 + 1


def school_cohort(births: Days) -> Ints:
    """Year in whose September a child reaches Reception (born 1 September to 31 August: four by then)."""
    return year_of(births) + 4 + (month_of(births) >= 9)


def september(years: Ints | int) -> Days:
    """1 September of each year, as days."""
    whole = np.asarray(years)
    return (
        ((whole - 1970).astype("datetime64[Y]").astype("datetime64[M]") + 8)
        .astype("datetime64[D]")
        .astype(np.int32)
    )


@dataclass(frozen=True)
class Term:
    """One school term of the school year that began in September `year`."""

    year: int
    name: str
    census: int
    halves: tuple[tuple[int, int], tuple[int, int]]

    @property
    def calendar_year(self) -> int:
        """Calendar year in which the term falls."""
        return self.year if self.name == "autumn" else self.year + 1


def _thursday(year: int, month: int, nth: int) -> int:
    first = date(year, month, 1)
    return day(first + timedelta(days=(3 - first.weekday()) % 7 + 7 * (nth - 1)))


def terms(year: int) -> tuple[Term, Term, Term]:
    """The three terms of a school year, with School Census days and half terms (first and last day)."""
    following = year + 1
    return (
        Term(
            year,
            "autumn",
            _thursday(year, 10, 1),
            (
                (day(date(year, 9, 3)), day(date(year, 10, 24))),
                (day(date(year, 11, 3)), day(date(year, 12, 19))),
            ),
        ),
        Term(
            year,
            "spring",
            _thursday(following, 1, 3),
            (
                (day(date(following, 1, 5)), day(date(following, 2, 13))),
                (day(date(following, 2, 23)), day(date(following, 3, 27))),
            ),
        ),
        Term(
            year,
            "summer",
            _thursday(following, 5, 3),
            (
                (day(date(following, 4, 13)), day(date(following, 5, 22))),
                (day(date(following, 6, 1)), day(date(following, 7, 21))),
            ),
        ),
    )
