"""What the background of a served place does, and how often."""

from __future__ import annotations

from datetime import date

from evi.care import serving


def test_what_follows_the_calendar_is_done_once_a_day():
    done: list[str] = []

    def work() -> None:
        done.append("circles")

    for day in (date(2026, 11, 26), date(2026, 11, 26), date(2026, 11, 27)):
        serving._once_a_day(day, work)
    assert done == ["circles", "circles"]


def test_work_that_failed_is_tried_again_the_same_day():
    tried: list[str] = []

    def work() -> None:
        tried.append("circles")
        if len(tried) == 1:
            raise RuntimeError

    for _ in range(2):
        try:
            serving._once_a_day(date(2026, 11, 26), work)
        except RuntimeError:
            continue
    assert len(tried) == 2
