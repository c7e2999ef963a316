"""Plans for waiting lists: what is promised month by month, and mistakes in a plan's file."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from evi.queues.sizing.ages import HALF_WEEK, spread_over_ages
from evi.queues.sizing.conversions import conversions_from
from evi.queues.sizing.plan_network import flow_of, network_of
from evi.queues.sizing.trajectory import (
    Milestone,
    month_of,
    national_standard,
    next_month,
    no_worse,
    straight_line,
)
from evi.queues.sizing.waiting_plan import SHIPPED, plan_from, read_plan
from evi.workspace import EviError

SHIPPED_TEXT = SHIPPED.joinpath("wsoa-autism.yaml").read_text(encoding="utf-8")
MONDAY = date(2022, 7, 4)


@pytest.mark.opendata
def test_the_shipped_plan_promises_what_is_printed(opendata: Path) -> None:
    codes = {
        "4.1-1a": "average_waiting_weeks",
        "4.1-1b": "longest_waiting_weeks",
        "4.1-1c": "share_started_within_limit",
    }
    printed: dict[tuple[str, str], float] = {}
    today: dict[str, float] = {}
    with (opendata / "plans" / "wsoa_kpis.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["code"] in codes:
                measure, scale = codes[row["code"]], 100 if row["unit"] == "percent" else 1
                printed[row["due_date"], measure] = float(row["target"]) / scale
                today[measure] = float(row["baseline"]) / scale
    plan = read_plan("wsoa-autism")
    promised = {
        (f"{m.month:%Y-%m}", name): limit for m in plan.milestones for name, limit in m.limits.items()
    }
    assert promised == pytest.approx(printed)
    assert plan.today.limits == pytest.approx(today)


@pytest.mark.opendata
def test_the_shipped_list_is_the_published_one(opendata: Path) -> None:
    found: dict[str, list[float]] = {}
    with (opendata / "waiting" / "nhs_autism_36J_jul_aug2022.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["SECONDARY_LEVEL"] == "NONE" and row["METRIC_VALUE"] != "*":
                found.setdefault(row["METRIC"], []).append(float(row["METRIC_VALUE"]))
    service = read_plan("wsoa-autism").service
    assert service.waiting.value == found["ASD16b"][0]
    assert service.waiting_over_limit is not None
    assert service.waiting_over_limit.value == found["ASD16c"][0]
    assert service.weekly_referrals.value == pytest.approx(sum(found["ASD12a"]) / 62 * 7, abs=0.05)
    closed = service.slots_per_week.value * (1 - service.missed.value)
    closed += service.removed_per_week.value * service.waiting.value
    assert closed == pytest.approx(sum(found["ASD13a"]) / 62 * 7, abs=0.5)


def test_a_straight_line_between_milestones() -> None:
    trajectory = read_plan("wsoa-autism").trajectory
    assert len(trajectory.months) == 27
    assert trajectory.weeks == 117
    longest = dict(zip(trajectory.months, trajectory.limits["longest_waiting_weeks"], strict=True))
    assert longest[date(2023, 3, 1)] == 90
    assert longest[date(2023, 6, 1)] == 75  # half way from 90 in March to 60 in September
    assert longest[date(2024, 9, 1)] == 45


def test_other_targets_are_made_from_the_plan() -> None:
    plan = read_plan("wsoa-autism")
    standard = national_standard(plan.trajectory, plan.today)
    assert list(standard.limits) == ["longest_waiting_weeks"]
    assert standard.limits["longest_waiting_weeks"][-1] == 12  # nobody has waited 13 whole weeks
    same = no_worse(plan.trajectory, plan.today)
    assert {name: set(limits) for name, limits in same.limits.items()} == {
        "average_waiting_weeks": {31.0},
        "longest_waiting_weeks": {101.0},
        "share_started_within_limit": {0.0},
    }
    only = plan.milestones_only.limits["longest_waiting_weeks"]
    assert np.isfinite(only).sum() == 4
    other = plan.trajectory.read_as(plan.readings)
    assert "average_seen_weeks" in other.limits
    assert "average_waiting_weeks" not in other.limits


@given(st.dates(date(2000, 1, 1), date(2060, 1, 1)), st.integers(-400, 400))
def test_months(day: date, steps: int) -> None:
    moved = next_month(day.replace(day=1), steps)
    assert (moved.year - day.year) * 12 + moved.month - day.month == steps
    monday = date.fromordinal(day.toordinal() - day.weekday())
    same_week = [date.fromordinal(monday.toordinal() + n) for n in range(7)]
    assert sum(month_of(monday) == d.replace(day=1) for d in same_week) >= 4


@given(
    st.integers(0, 3000),
    st.integers(1, 200),
    st.integers(1, 30),
    st.floats(0, 1),
)
def test_a_spread_list_keeps_its_totals(waiting: int, longest: int, limit: int, share: float) -> None:
    over = round(waiting * share) if longest >= limit else 0
    counts = spread_over_ages(waiting, longest, limit, over)
    assert counts.sum() == waiting
    assert counts.min() >= 0
    assert len(counts) == longest + 1
    if waiting:
        assert counts[-1] >= 1
        # The one child who waits the longest may have been moved there.
        assert abs(counts[limit:].sum() - over) <= 1


def test_a_spread_list_keeps_its_average() -> None:
    counts = spread_over_ages(1155, 101, 13, 985, 31.0)
    assert counts[13:].sum() == 985
    average = counts @ np.arange(len(counts)) / counts.sum() + HALF_WEEK
    assert average == pytest.approx(31.0, abs=0.01)
    assert (np.diff(counts[13:]) <= 1).all()  # falls, but for rounding


@pytest.mark.parametrize(
    "totals",
    [
        (-1, 10, 13, None, None),
        (10, 10, 13, 11, None),
        (10, 10, 13, 5, None),  # five wait 13 weeks or more, the longest waits 10
        (100, 101, 13, 90, 5.0),
        (100, 101, 13, 10, 90.0),
    ],
)
def test_totals_that_contradict_each_other_are_refused(
    totals: tuple[int, int, int, int | None, float | None],
) -> None:
    with pytest.raises(EviError) as caught:
        spread_over_ages(*totals)
    assert caught.value.do


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("start: 2022-07-04", "start: 2022-07-05", "start is a Tuesday"),
        ("start: 2022-07-04", "start: soon", "start isn't a date"),
        ("month: 2023-03,", "month: 2021-03,", "milestone of March 2021 is before the plan's start"),
        ("month: 2023-03,", "month: 2023-09,", "two milestones are of the same month"),
        ("month: 2023-03,", "month: 2023-13,", "milestones.0.month"),
        ("longest_waiting_weeks: 90", "longest_waiting_weeks: -90", "weeks should be at least 0"),
        ("share_started_within_limit: 0.03", "share_started_within_limit: 3", "should be at most 1"),
        ("value: 985", "value: 1200", "more children wait longer than the standard than wait at all"),
        ("value: 0.12", "value: 1", "every appointment is missed"),
        ("value: 0.7", "value: 70", "service.longest_first is more than 1"),
        ("average_waiting_weeks: 31, longest_waiting_weeks: 101", "average_waiting_weeks: 131, "
         "longest_waiting_weeks: 101", "the average wait is longer than the longest"),
        ("longest_waiting_weeks: 101", "longest_waiting_weeks: 9, average_seen_weeks: 3",
         "the average wait is longer than the longest"),
        ("pounds_per_slot: 846", "pounds_per_slot: free", "cost.pounds_per_slot should be a number"),
        ("milestones:", "promises:", "the plan has a setting that isn't known"),
        ("id: wsoa-autism", "", "the plan lacks id"),
        ("standard:", "standard: [", "isn't YAML"),
    ],
)  # fmt: skip
def test_mistakes_in_a_plan(old: str, new: str, said: str) -> None:
    assert old in SHIPPED_TEXT
    with pytest.raises(EviError) as caught:
        plan_from(SHIPPED_TEXT.replace(old, new, 1), "plan.yaml")
    assert said in caught.value.what
    assert caught.value.do


@pytest.mark.parametrize("text", ["", "[]", "42", "'; DROP TABLE plans; --", "{a: &x [*x]}"])
def test_what_is_no_plan_at_all(text: str) -> None:
    with pytest.raises(EviError):
        plan_from(text, "plan.yaml")


@pytest.mark.parametrize("read", [plan_from, conversions_from])
def test_a_mistake_never_repeats_what_the_file_holds(read: Callable[[str, str], object]) -> None:
    for text in (
        "Amira Khan, 2015-03-04, 9434765919",
        "id: Amira Khan",
        SHIPPED_TEXT.replace("1155", "Amira"),
    ):
        with pytest.raises(EviError) as caught:
            read(text, "children.csv")
        assert "Amira" not in str(caught.value)


def test_a_missing_plan_names_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(EviError, match="wsoa-autism"):
        read_plan(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes("title: Gr\xfc\xdfe".encode("latin-1"))
    with pytest.raises(EviError, match="can't be read"):
        read_plan(tmp_path / "latin.yaml")


def test_figures_given_instead() -> None:
    plan = read_plan("wsoa-autism")
    other = plan.given(waiting=2310, weekly_referrals=None)
    assert other.service.waiting.value == 2310
    assert other.service.waiting_over_limit is not None
    assert other.service.waiting_over_limit.value == 1970  # the same share of a list twice as long
    assert other.service.weekly_referrals == plan.service.weekly_referrals
    for wrong in ({"missed": 1.2}, {"waiting": -1}, {"longest_first": 2}):
        with pytest.raises(EviError):
            plan.given(**wrong)


def test_the_list_as_a_network_and_as_a_flow_agree() -> None:
    plan = read_plan("wsoa-autism")
    network = network_of(plan)
    flow = flow_of(network, "assessment", 10)
    assert flow.backlog.sum() == 1155
    assert flow.arrivals == pytest.approx(np.full(10, 19.8))
    assert flow.slots == pytest.approx(np.full(10, 20.0))
    with pytest.raises(EviError, match="assessment"):
        flow_of(network, "elsewhere", 10)
    text = yaml.safe_load(SHIPPED_TEXT)
    del text["today"]["longest_waiting_weeks"]
    with pytest.raises(EviError, match="longest wait of today"):
        network_of(plan_from(yaml.safe_dump(text), "plan.yaml"))


def test_a_plan_without_milestones_is_refused() -> None:
    with pytest.raises(EviError, match="no milestone"):
        straight_line("empty", MONDAY, 13, Milestone(date(2022, 6, 1), {}), [])
