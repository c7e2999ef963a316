"""Journeys against a slow clock, their laws, and bad input."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evi.queues.measuring.calendar import add_months, add_working_days, bank_holidays, working_days_between
from evi.queues.measuring.clocks import Clock, load_clocks
from evi.queues.measuring.journeys import TABLE, follow

from .slow_clock import slow_waits

CLOCKS = load_clocks()
FIRST = date(2024, 3, 20)  # Easter and two bank holidays follow
DAY = FIRST + timedelta(days=60)
TEXTS = [None, "AUTISM", "ADHD", "MOOD", "NOT_ACCEPTED", "ACCEPTED", "moved_away"]
WITHOUT_SPELLS = [clock for clock in CLOCKS.values() if not any(removal.at_end for removal in clock.removes)]


def table(rows: list[dict[str, Any]]) -> pl.DataFrame:
    schema = {
        "subject_id": pl.Int64, "time": pl.Date, "code": pl.String, "text_value": pl.String,
        "end_time": pl.Date, "record_id": pl.Int64,
    }  # fmt: skip
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)


def event(subject: int, when: date, code: str, text: str | None = None, **more: Any) -> dict[str, Any]:
    return {"subject_id": subject, "time": when, "code": code, "text_value": text, **more}


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Clock, list[dict[str, Any]]]:
    clock = draw(st.sampled_from(WITHOUT_SPELLS))
    rows = st.builds(
        event,
        st.integers(1, 3),
        st.integers(0, 70).map(lambda days: FIRST + timedelta(days=days)),
        st.sampled_from(clock.codes),
        st.sampled_from(TEXTS),
        record_id=st.integers(1, 3),
    )
    return clock, draw(st.lists(rows, max_size=24))


@settings(max_examples=150, deadline=None)
@given(worlds(), st.randoms(use_true_random=False))
def test_the_clock_agrees_with_the_slow_one_in_any_order_of_rows(
    world: tuple[Clock, list[dict[str, Any]]], luck: random.Random
) -> None:
    clock, rows = world
    found = follow(table(rows), clock, DAY)
    shuffled = rows.copy()
    luck.shuffle(shuffled)
    again = follow(table(shuffled), clock, DAY)
    assert found.table.equals(again.table)
    assert (found.rejects, found.follow_ups) == (again.rejects, again.follow_ups)

    slow = slow_waits(rows, clock, DAY)
    assert found.table.select(
        "subject_id", "referred", "started", "removed", "reason", "missed", "paused_days", "wait_days"
    ).rows() == [
        (w.subject, w.referred, w.started, w.removed, w.reason, w.missed, w.paused, w.wait) for w in slow
    ]
    met = found.milestones.filter(pl.col("met").is_not_null()).select("subject_id", "milestone", "met").rows()
    assert Counter(met) == Counter((w.subject, step, day) for w in slow for step, day in w.met.items())


@settings(max_examples=150, deadline=None)
@given(worlds())
def test_laws_of_every_table_of_journeys(world: tuple[Clock, list[dict[str, Any]]]) -> None:
    clock, rows = world
    made = follow(table(rows), clock, DAY)
    found = made.table
    assert dict(found.schema) == TABLE
    assert found.select("referred", "subject_id").rows() == sorted(
        found.select("referred", "subject_id").rows()
    )
    assert (found["wait_days"] >= 0).all()
    assert (found["paused_days"] >= 0).all()
    assert (found["offered"] == found["missed"] + found["started"].is_not_null().cast(pl.Int32)).all()
    state = {"waiting": (False, False), "started": (True, False), "removed": (False, True)}
    for row in found.iter_rows(named=True):
        assert (row["started"] is not None, row["removed"] is not None) == state[row["state"]]
        assert (row["reason"] is not None) == (row["state"] == "removed")
        assert row["referred"] <= (row["started"] or row["removed"] or DAY) <= DAY
    # Every referral is a row or is counted among the rejects.
    allowed = [
        row for row in rows
        for fact in clock.starts
        if row["code"] == fact.code
        and (not fact.text or row["text_value"] in fact.text)
        and row["text_value"] not in fact.text_not
    ]  # fmt: skip
    known = [row for row in allowed if row["time"] <= DAY]
    assert len(known) == found.height + made.rejects["twice"] + made.rejects["open_already"]
    # A child waits once at a time.
    for _, waits in found.sort("referred").group_by("subject_id"):
        ends = waits.select(pl.coalesce("started", "removed", pl.lit(DAY)))["started"].to_list()
        assert all(start >= end for start, end in zip(waits["referred"].to_list()[1:], ends, strict=False))


@settings(deadline=None)
@given(st.dates(date(2000, 1, 1), date(2030, 1, 1)), st.integers(0, 120))
def test_working_days_leave_out_weekends_and_bank_holidays(start: date, length: int) -> None:
    days = [start + timedelta(days=i) for i in range(1, length + 1)]
    end = start + timedelta(days=length)
    by_hand = sum(day.weekday() < 5 and day not in bank_holidays() for day in days)
    as_days = [pl.Series([day]).to_numpy().astype("M8[D]") for day in (start, end)]
    assert working_days_between(*as_days).tolist() == [by_hand]
    due = add_working_days(as_days[0], by_hand)
    assert working_days_between(as_days[0], due).tolist() == [by_hand]
    assert due[0] <= as_days[1][0] or by_hand == 0


def test_a_month_later_is_the_same_day_or_the_last_one() -> None:
    start = pl.Series([date(2024, 1, 31), date(2023, 8, 31), date(2024, 5, 15)]).to_numpy().astype("M8[D]")
    assert add_months(start, 1).astype(str).tolist() == ["2024-02-29", "2023-09-30", "2024-06-15"]
    assert add_months(start, 12).astype(str).tolist() == ["2025-01-31", "2024-08-31", "2025-05-15"]


def autism(*rows: dict[str, Any], day: date = date(2024, 12, 31)) -> Any:
    return follow(table(list(rows)), CLOCKS["autism"], day)


REFERRAL, CONTACT = "HEALTH/AUTISM/REFERRAL", "HEALTH/AUTISM/CONTACT"


def test_two_open_clocks_make_one_wait_from_the_first_referral() -> None:
    made = autism(
        event(1, date(2024, 1, 1), REFERRAL),
        event(1, date(2024, 2, 1), REFERRAL),
        event(1, date(2024, 3, 1), CONTACT),
    )
    assert made.table.select("referred", "started", "wait_days").rows() == [
        (date(2024, 1, 1), date(2024, 3, 1), 60)
    ]
    assert made.rejects["open_already"] == 1
    assert made.reject_lines() == [
        "referrals of a child whose clock was open already, who waits once, from the first: 1"
    ]


def test_the_same_referral_twice_counts_once() -> None:
    made = autism(event(1, date(2024, 1, 1), REFERRAL), event(1, date(2024, 1, 1), REFERRAL, "AUTISM"))
    assert (made.table.height, made.rejects["twice"]) == (1, 1)


def test_an_appointment_before_the_referral_is_set_aside_and_the_wait_goes_on() -> None:
    made = autism(event(1, date(2023, 12, 1), CONTACT), event(1, date(2024, 1, 1), REFERRAL))
    assert made.table["state"].to_list() == ["waiting"]
    assert made.rejects["before_referral"] == 1
    assert autism(event(1, date(2023, 12, 1), CONTACT)).rejects["no_referral"] == 1


def test_what_is_dated_after_the_day_has_not_happened() -> None:
    made = autism(
        event(1, date(2024, 1, 1), REFERRAL), event(1, date(2024, 3, 1), CONTACT), day=date(2024, 2, 1)
    )
    assert made.table.select("state", "wait_days").rows() == [("waiting", 31)]
    assert made.rejects["after_the_day"] == 1


def test_events_without_a_date_or_child_are_counted() -> None:
    made = autism(
        {"subject_id": None, "time": date(2024, 1, 1), "code": REFERRAL},
        {"subject_id": 1, "time": None, "code": REFERRAL},
    )
    assert (made.table.height, made.rejects["no_date"]) == (0, 2)


def test_a_missed_appointment_keeps_the_place_and_a_pause_stops_the_count() -> None:
    made = autism(
        event(1, date(2024, 1, 1), REFERRAL),
        event(1, date(2024, 1, 10), "HEALTH/AUTISM/DNA"),
        event(1, date(2024, 1, 15), "HEALTH/AUTISM/PAUSE"),
        event(1, date(2024, 1, 25), "HEALTH/AUTISM/RESUME"),
        event(1, date(2024, 2, 1), CONTACT),
    )
    row = made.table.row(0, named=True)
    assert (row["offered"], row["missed"], row["paused_days"], row["wait_days"]) == (2, 1, 10, 21)
    assert row["due"] == date(2024, 1, 1) + timedelta(weeks=13, days=10)
    assert made.missed_on.rows() == [(1, date(2024, 1, 1), date(2024, 1, 10))]


def test_removal_says_why_and_the_better_reason_of_one_day_wins() -> None:
    gone = date(2024, 2, 1)
    made = autism(
        event(1, date(2024, 1, 1), REFERRAL),
        event(1, gone, "HEALTH/AUTISM/REMOVAL", " Moved away"),
        event(1, gone, "HEALTH/AUTISM/DISCHARGE"),
        event(2, date(2024, 1, 2), REFERRAL),
        event(2, gone, "HEALTH/AUTISM/TRIAGE", "NOT_ACCEPTED"),
        event(3, date(2024, 1, 3), REFERRAL),
        event(3, gone, "HEALTH/AUTISM/TRIAGE", "ACCEPTED"),
        event(4, date(2024, 1, 4), REFERRAL),
        event(4, gone, "HEALTH/AUTISM/REMOVAL"),
    )
    assert made.table["reason"].to_list() == ["moved_away", "not_accepted", None, "unknown"]


def test_ehc_plans_have_three_milestones_on_one_clock() -> None:
    rows = [
        event(1, date(2024, 1, 1), "EDU/EHC/REQUEST"),
        event(1, date(2024, 2, 12), "EDU/EHC/DECISION/AGREED"),
        event(1, date(2024, 4, 22), "EDU/EHC/OUTCOME/ISSUE"),
        event(1, date(2024, 5, 21), "EDU/EHC/PLAN"),
        event(2, date(2024, 1, 1), "EDU/EHC/REQUEST"),
        event(2, date(2024, 2, 13), "EDU/EHC/DECISION/REFUSED"),
        event(3, date(2024, 1, 1), "EDU/EHC/REQUEST"),
        event(3, date(2024, 2, 13), "EDU/EHC/DECISION/AGREED"),
    ]
    made = follow(table(rows), CLOCKS["ehc_plan"], date(2024, 6, 30))
    assert made.table.select("state", "reason").rows() == [
        ("started", None), ("removed", "refused"), ("waiting", None)
    ]  # fmt: skip
    in_time = made.milestones.with_columns(within=pl.col("met") <= pl.col("due"))
    assert in_time.sort("subject_id", "due").select("subject_id", "milestone", "within").rows() == [
        (1, "decision_to_assess", True), (1, "decision_to_issue", True), (1, "plan", False),
        (2, "decision_to_assess", False), (2, "decision_to_issue", None), (2, "plan", None),
        (3, "decision_to_assess", False), (3, "decision_to_issue", None), (3, "plan", None),
    ]  # fmt: skip


def test_decisions_alone_never_stop_the_clock_of_a_plan() -> None:
    rows = [event(1, FIRST, "EDU/EHC/REQUEST"), event(1, DAY, "EDU/EHC/DECISION/AGREED")]
    assert follow(table(rows), CLOCKS["ehc_plan"], DAY).table["state"].to_list() == ["waiting"]


def test_initial_health_counts_working_days_and_ends_when_care_does() -> None:
    rows = [
        event(1, date(2024, 3, 20), "CSC/CLA/START"),
        event(1, date(2024, 3, 20), "CSC/CLA", end_time=date(2024, 4, 2)),
        event(1, date(2024, 4, 2), "CSC/CLA"),  # moved to another placement the same day: still in care
        event(1, date(2024, 4, 19), "HEALTH/CLA/INITIAL_ASSESSMENT"),
        event(2, date(2024, 3, 20), "CSC/CLA/START"),
        event(2, date(2024, 3, 20), "CSC/CLA", end_time=date(2024, 3, 27)),
        event(2, date(2024, 5, 1), "CSC/CLA"),  # back in care weeks later, without a start on record
    ]
    found = follow(table(rows), CLOCKS["initial_health"], date(2024, 6, 30)).table
    assert found.select("state", "reason", "wait_days", "due").rows() == [
        ("started", None, 20, date(2024, 4, 19)),  # Good Friday and Easter Monday do not count
        ("removed", "left_care", 5, date(2024, 4, 19)),
    ]


def test_review_health_follows_review_by_review_with_a_limit_by_age() -> None:
    rows = [
        event(1, date(2023, 1, 10), "HEALTH/CLA/INITIAL_ASSESSMENT"),
        event(1, date(2023, 7, 10), "HEALTH/CLA/REVIEW_ASSESSMENT"),
        event(1, date(2024, 1, 12), "HEALTH/CLA/REVIEW_ASSESSMENT"),
        event(2, date(2023, 1, 11), "HEALTH/CLA/REVIEW_ASSESSMENT"),
        event(3, date(2023, 1, 12), "HEALTH/CLA/REVIEW_ASSESSMENT"),
    ]
    births = pl.DataFrame({"subject_id": [1, 2], "birth_month": [date(2018, 9, 1), date(2012, 1, 1)]})
    found = follow(table(rows), CLOCKS["review_health"], date(2024, 2, 1), births).table
    assert found.select("subject_id", "referred", "started", "due").rows() == [
        (1, date(2023, 1, 10), date(2023, 7, 10), date(2023, 7, 10)),
        (2, date(2023, 1, 11), None, date(2024, 1, 11)),
        (3, date(2023, 1, 12), None, None),  # age not known: no limit is made up
        (1, date(2023, 7, 10), date(2024, 1, 12), date(2024, 1, 10)),
        (1, date(2024, 1, 12), None, date(2025, 1, 12)),
    ]


SPELLS = st.lists(st.tuples(st.integers(0, 40), st.none() | st.integers(0, 15)), min_size=1, max_size=6)


@settings(max_examples=80, deadline=None)
@given(SPELLS, st.integers(0, 40))
def test_care_ends_when_no_placement_follows_by_the_next_day(
    spells: list[tuple[int, int | None]], referred: int
) -> None:
    start, last = FIRST + timedelta(days=referred), FIRST + timedelta(days=100)
    rows = [event(1, start, "CSC/CLA/START")]
    in_care: set[date] = set()
    for first, length in spells:
        begins = FIRST + timedelta(days=first)
        ends = None if length is None else begins + timedelta(days=length)
        rows.append(event(1, begins, "CSC/CLA", end_time=ends))
        in_care |= {begins + timedelta(days=i) for i in range(200 if length is None else length + 1)}
    ends_on = [
        day for day in sorted(in_care) if day + timedelta(days=1) not in in_care and start <= day <= last
    ]
    found = follow(table(rows), CLOCKS["initial_health"], last).table
    assert found["removed"].to_list() == [ends_on[0] if ends_on else None]


def test_no_events_give_an_empty_table_of_the_same_shape() -> None:
    for clock in CLOCKS.values():
        made = follow(table([]), clock, DAY)
        assert (made.table.height, dict(made.table.schema)) == (0, TABLE)


@pytest.mark.parametrize("pathway", ["adhd", "camhs"])
def test_a_referral_for_another_reason_opens_no_clock_and_its_visits_are_follow_up(pathway: str) -> None:
    clock = CLOCKS[pathway]
    start = clock.starts[0]
    reason = {"adhd": "HEARING", "camhs": "EATING"}[pathway]
    contact = start.code.replace("REFERRAL", "CONTACT")
    made = follow(table([event(1, FIRST, start.code, reason), event(1, DAY, contact)]), clock, DAY)
    assert (made.table.height, made.follow_ups, sum(made.rejects.values())) == (0, 1, 0)
