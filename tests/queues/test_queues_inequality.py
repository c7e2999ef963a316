"""Inequality of waiting: the curve against plain shares, its coverage, and small groups hidden."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evi.queues.measuring.clocks import load_clocks
from evi.queues.measuring.incidence import REMOVED, STARTED, WAITING, incidence
from evi.queues.measuring.inequality import SMALLER, limit_days, unequal_waits
from evi.queues.measuring.journeys import Journeys, follow
from evi.workspace import EviError

from .test_queues_journeys import CONTACT, REFERRAL, event, table

DAY = date(2026, 6, 30)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.sampled_from([STARTED, REMOVED])), min_size=2, max_size=40))
def test_with_nobody_waiting_the_curve_is_the_plain_share(children: list[tuple[int, int]]) -> None:
    days, became = (np.array(each) for each in zip(*children, strict=True))
    curve = incidence(days, became)
    for place, day in enumerate(curve.days):
        share = ((days <= day) & (became == STARTED)).mean()
        assert curve.started[place] == pytest.approx(share)
        assert curve.variance[place] == pytest.approx(share * (1 - share) / len(days), abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2)), min_size=1, max_size=30), st.integers(0, 40)
)
def test_the_curve_is_that_of_a_slow_one_day_by_day(children: list[tuple[int, int]], until: int) -> None:
    share, staying = 0.0, 1.0
    for day in range(until + 1):
        at_risk = sum(wait >= day for wait, _ in children)
        starts = sum((wait, what) == (day, STARTED) for wait, what in children)
        leaves = sum((wait, what) == (day, REMOVED) for wait, what in children)
        if at_risk:
            share += staying * starts / at_risk
            staying *= 1 - (starts + leaves) / at_risk
    found = incidence(*(list(each) for each in zip(*children, strict=True))).at(until)
    if until > max(wait for wait, _ in children) and staying > 1e-12:
        assert np.isnan(found.value)
    else:
        assert found.value == pytest.approx(share)
        assert 0 <= found.low <= found.value + 1e-12
        assert found.value - 1e-12 <= found.high <= 1


def test_its_intervals_cover_the_truth_as_often_as_they_say() -> None:
    luck = np.random.default_rng(6)
    truth, half = 0.8 * (1 - np.exp(-1)), -200 * np.log(1 - 0.5 / 0.8)
    covered = np.zeros(2)
    for _ in range(400):
        ends, seen_until = luck.exponential(200, 80), luck.uniform(0, 600, 80)
        kind = np.where(luck.random(80) < 0.8, STARTED, REMOVED)
        curve = incidence(np.ceil(np.minimum(ends, seen_until)), np.where(ends <= seen_until, kind, WAITING))
        for i, (found, true) in enumerate(((curve.at(200), truth), (curve.until_half(), half))):
            covered[i] += found.low <= true <= found.high
    # 4.5 standard errors of a share of .95 in 400 draws
    assert np.abs(covered / 400 - 0.95).max() < 4.5 * np.sqrt(0.95 * 0.05 / 400)


def test_the_curve_counts_those_who_wait_where_waits_of_those_seen_do_not() -> None:
    # Two of ten are seen at once, eight have waited for a year: half have not started.
    curve = incidence([5, 5] + [365] * 8, [STARTED] * 2 + [WAITING] * 8)
    assert curve.at(91).value == pytest.approx(0.2)
    assert curve.until_half().value == np.inf


def waits(*groups: tuple[str, int, int | None]) -> tuple[Journeys, pl.DataFrame]:
    """Journeys of groups of children: name, how many, and after how many days they are seen (or None)."""
    rows, members = [], []
    for name, children, days in groups:
        for _ in range(children):
            child = len(members) + 1
            referred = date(2025, 9, 1) + timedelta(days=child % 28)
            rows.append(event(child, referred, REFERRAL))
            if days is not None:
                rows.append(event(child, referred + timedelta(days=days), CONTACT))
            members.append((child, referred, name, "broad" if name.startswith("small") else ""))
    schema = {"subject_id": pl.Int64, "referred": pl.Date, "group": pl.String, "broader": pl.String}
    return follow(table(rows), load_clocks()["autism"], DAY), pl.DataFrame(members, schema, orient="row")


def test_a_gap_between_groups_is_found_with_its_interval() -> None:
    made, groups = waits(("a", 40, 30), ("a", 20, 150), ("b", 20, 30), ("b", 40, 150))
    found = unequal_waits(made, groups, "sex")
    a, b = found.groups
    assert (a.referred, a.started, a.waiting) == (60, 60, 0)
    assert (a.within_limit.value, b.within_limit.value) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert a.gap.value == pytest.approx(1 / 3)
    half = 1.959963984540054 * np.sqrt(2 * (2 / 9) / 60)
    assert (a.gap.low, a.gap.high) == (pytest.approx(1 / 3 - half), pytest.approx(1 / 3 + half))
    assert a.p_value < 0.001
    assert found.everyone.within_limit.value == pytest.approx(0.5)
    assert found.everyone.until_half.value == pytest.approx(30 / 7)


def test_where_nobody_starts_in_time_groups_are_compared_at_half() -> None:
    made, groups = waits(("a", 30, 105), ("a", 30, 200), ("b", 10, 105), ("b", 50, 200))
    found = unequal_waits(made, groups, "sex")
    assert found.compared_at == pytest.approx(200 / 7)
    assert [group.within_limit.value for group in found.groups] == [0, 0]
    late, groups = waits(("a", 30, 105), ("a", 20, None), ("b", 40, 105), ("b", 10, None))
    found = unequal_waits(late, groups, "sex")
    assert found.compared_at == 15
    assert [group.started_by.value for group in found.groups] == pytest.approx([0.6, 0.8])
    assert found.groups[1].gap.value == pytest.approx(0.2)


def test_no_gap_is_no_finding() -> None:
    made, groups = waits(("a", 30, 30), ("a", 30, 150), ("b", 15, 30), ("b", 15, 150))
    for group in unequal_waits(made, groups, "sex").groups:
        assert group.gap.value == pytest.approx(0)
        assert group.p_value == pytest.approx(1)


def test_small_groups_join_their_broader_one_and_then_each_other() -> None:
    made, groups = waits(
        ("large", 50, 30), ("small 1", 6, 30), ("small 2", 7, 200), ("x", 4, 30), ("y", 8, 30)
    )
    found = unequal_waits(made, groups, "ethnicity")
    assert [(group.group, group.referred) for group in found.groups] == [
        ("large", 50), ("broad", 13), (SMALLER, 12)
    ]  # fmt: skip


def test_what_is_printed_hides_few_children_and_never_one_hidden_number_alone() -> None:
    made, groups = waits(("a", 30, 30), ("a", 31, 150), ("b", 25, None), ("c", 4, 30))
    rows = {str(row["group"]): row for row in unequal_waits(made, groups, "sex").printable}
    assert rows[SMALLER]["said"] == "fewer than 10"
    assert rows["b"]["said"] == "not shown"  # or the total would give the small group away
    assert rows["b"]["within_limit"] is None
    assert rows["a"]["said"] == "60"
    assert rows["a"]["within_limit"] == {"value": 0.49, "low": 0.36, "high": 0.61}
    assert rows["a"]["wait_so_far"] is None  # nobody of them waits
    assert rows["all children"]["referred"] == 90


def test_a_figure_that_rests_on_few_is_hidden_even_in_a_large_group() -> None:
    made, groups = waits(("a", 55, 30), ("a", 5, 150), ("b", 30, 30), ("b", 30, 150))
    rows = {str(row["group"]): row for row in unequal_waits(made, groups, "sex").printable}
    assert rows["a"]["within_limit"] is None  # it would say that 5 of 60 came late
    assert rows["a"]["until_half"] is not None
    assert rows["b"]["within_limit"] is not None


def test_children_without_a_group_are_not_lost() -> None:
    made, groups = waits(("a", 30, 30), ("b", 30, 30))
    found = unequal_waits(made, groups.filter(pl.col("group") == "a"), "sex")
    assert {group.group: group.referred for group in found.groups} == {"a": 30, "not known": 30}


def test_nobody_referred_is_said() -> None:
    made, groups = waits(("a", 3, 30))
    with pytest.raises(EviError, match="nobody was referred"):
        unequal_waits(made, groups, "sex", DAY)


@pytest.mark.parametrize(
    ("pathway", "days"), [("autism", 91), ("camhs", 126), ("initial_health", 20), ("review_health", 365.25)]
)
def test_the_limit_in_counted_days(pathway: str, days: float) -> None:
    assert limit_days(load_clocks()[pathway]) == days
