"""Working days in England, by which blockages escalate and emergency views are reviewed."""

from __future__ import annotations

from datetime import date

import numpy as np

from evi.queues.measuring.calendar import add_working_days, bank_holidays, working_days_between


def after(day: date, working_days: int) -> date:
    """The day on which so many working days have passed since `day`.

    >>> str(after(date(2026, 12, 24), 2))
    '2026-12-30'
    """
    made: date = add_working_days(np.array([day], "M8[D]"), working_days)[0].item()
    return made


def between(start: date, end: date) -> int:
    """Working days after `start`, up to and including `end`."""
    return int(working_days_between(np.array([start], "M8[D]"), np.array([end], "M8[D]"))[0])


def is_working(day: date) -> bool:
    """Whether people are at work: Monday to Friday and no bank holiday."""
    return day.weekday() < 5 and day not in bank_holidays()
