"""Which days count: working days without English bank holidays, months, and the weeks of school.

Bank holidays come from the `holidays` library, so a moved or an extra one (a jubilee, a coronation) is in
it. School terms are set by each authority; `school_weeks` is an assumption for planning, and says so.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import numpy as np
import numpy.typing as npt

Days = npt.NDArray[np.datetime64]
Counts = npt.NDArray[np.int64]

FIRST_YEAR, LAST_YEAR = 1990, 2060
"""Years whose bank holidays are read; outside them only weekends are left out."""

TERM_RULE = (
    "School weeks are assumed: closed in the weeks of 23 December to 5 January, two weeks at Easter, the six "
    "weeks from the last full week of July, and a week in mid February, at the end of May and of October."
)


@cache
def bank_holidays() -> tuple[date, ...]:
    """English bank holidays of the years from `FIRST_YEAR` to `LAST_YEAR`, in order."""
    import holidays  # noqa: PLC0415 - only clocks in working days wait for it

    years = range(FIRST_YEAR, LAST_YEAR + 1)
    return tuple(sorted(holidays.country_holidays("GB", subdiv="ENG", years=years)))


@cache
def working_week() -> np.busdaycalendar:
    """NumPy's calendar of English working days: Monday to Friday without bank holidays."""
    return np.busdaycalendar(holidays=np.array(bank_holidays(), dtype="datetime64[D]"))


def working_days_between(start: Days, end: Days) -> Counts:
    """Working days after `start`, up to and including `end`; 0 where `end` is not after `start`.

    >>> friday, monday = np.array(["2024-03-28"], "M8[D]"), np.array(["2024-04-02"], "M8[D]")
    >>> working_days_between(friday, monday).tolist()   # Good Friday, a weekend and Easter Monday between
    [1]
    """
    one = np.timedelta64(1, "D")
    return np.maximum(
        0, np.busday_count(start + one, np.maximum(end, start) + one, busdaycal=working_week())
    ).astype(np.int64)


def add_working_days(start: Days, number: npt.ArrayLike) -> Days:
    """The day on which that many working days have passed since `start`.

    >>> str(add_working_days(np.array(["2024-12-20"], "M8[D]"), 4)[0])
    '2024-12-30'
    """
    return np.busday_offset(start, np.asarray(number), roll="backward", busdaycal=working_week())


def add_months(start: Days, number: int) -> Days:
    """The same day of the month, `number` months on; the month's last day where it has no such day.

    >>> str(add_months(np.array(["2023-08-31"], "M8[D]"), 6)[0])
    '2024-02-29'
    """
    month = start.astype("M8[M]")
    day = (start - month.astype("M8[D]")).astype(np.int64)
    then = month + np.timedelta64(number, "M")
    length = ((then + np.timedelta64(1, "M")).astype("M8[D]") - then.astype("M8[D]")).astype(np.int64)
    found: Days = then.astype("M8[D]") + np.minimum(day, length - 1).astype("m8[D]")
    return found


@cache
def easter_monday(year: int) -> date:
    """Easter Monday, found among the bank holidays: the Monday after Good Friday."""
    spring = [day for day in bank_holidays() if day.year == year and day.month in (3, 4)]
    friday = next(day for day in spring if day.weekday() == 4 and day + timedelta(days=3) in spring)
    return friday + timedelta(days=3)


def in_school(day: date) -> bool:
    """Whether schools are assumed to be open in the week of `day` (see `TERM_RULE`).

    >>> in_school(date(2024, 6, 12)), in_school(date(2024, 8, 12))
    (True, False)
    """
    monday = day - timedelta(days=day.weekday())
    week = monday.isocalendar().week
    if week in (8, 22, *range(30, 36), 44, 1, 52, 53):
        return False
    friday = monday + timedelta(days=4)
    easter = easter_monday(friday.year)
    return not easter - timedelta(days=7) <= monday <= easter


def school_weeks(start: date, weeks: int) -> npt.NDArray[np.bool_]:
    """For each week from the Monday on or before `start`: whether schools are assumed to be open."""
    monday = start - timedelta(days=start.weekday())
    return np.array([in_school(monday + timedelta(weeks=week)) for week in range(weeks)], bool)
