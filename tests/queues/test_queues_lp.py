"""The bound from below: tiny lists solved by hand, and laws that any bound must keep."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evi.queues.sizing.gaming import gamed
from evi.queues.sizing.lp import Bound, Flow, least_capacity
from evi.queues.sizing.plan_network import POOL, flow_of, network_of
from evi.queues.sizing.trajectory import SHARE, Milestone, Trajectory, straight_line
from evi.queues.sizing.waiting_plan import read_plan

MONDAY = date(2024, 7, 1)
WEEKS = 4  # July 2024 has four Thursdays from its first Monday on


def july(limit_weeks: int = 13, **limits: float) -> Trajectory:
    """One month with these promises."""
    return straight_line(
        "July", MONDAY, limit_weeks, Milestone(date(2024, 6, 1), {}), [Milestone(MONDAY, limits)]
    )


def flow(backlog: dict[int, float], arrivals: float = 0.0, **other: float) -> Flow:
    """A small list."""
    counts = np.zeros(max(backlog, default=0) + 1)
    for age, children in backlog.items():
        counts[age] = children
    return Flow(
        backlog=counts,
        arrivals=np.full(WEEKS, arrivals),
        removed=np.array([other.get("removed", 0.0)]),
        missed=other.get("missed", 0.0),
        slots=np.full(WEEKS, other.get("slots", 0.0)),
    )


def bound(a_flow: Flow, trajectory: Trajectory, most_slots: float | None = None) -> Bound:
    return least_capacity(a_flow, trajectory, np.arange(len(trajectory.months)), most_slots)


def test_a_month_has_four_weeks_here() -> None:
    assert july(longest_waiting_weeks=1).weeks == WEEKS


def test_ten_old_children_need_ten_slots() -> None:
    found = bound(flow({20: 10}), july(longest_waiting_weeks=20))
    assert found.feasible
    assert found.extra_slots == pytest.approx(10)
    assert found.extra_by_block == pytest.approx([2.5], rel=0.02)
    assert found.waiting[-1] == pytest.approx(0, abs=0.2)


def test_missed_appointments_double_the_need() -> None:
    assert bound(flow({20: 10}, missed=0.5), july(longest_waiting_weeks=20)).extra_slots == pytest.approx(20)


def test_todays_slots_are_not_extra() -> None:
    assert bound(flow({20: 10}, slots=2.0), july(longest_waiting_weeks=20)).extra_slots == pytest.approx(2)
    assert bound(flow({20: 10}, slots=3.0), july(longest_waiting_weeks=20)).extra_slots == pytest.approx(0)


def test_who_leaves_unseen_needs_no_slot() -> None:
    # Half leave before each week's c slots: 5 - c, 2.5 - 1.5 c, 1.25 - 1.75 c and 0.625 - 1.875 c are left.
    found = bound(flow({20: 10}, removed=0.5), july(longest_waiting_weeks=20))
    assert found.extra_slots == pytest.approx(4 / 3)  # c = 1/3 in each of four weeks


def test_a_share_within_the_standard_needs_young_children() -> None:
    # Ten old ones have to be seen; for them to be three quarters of all seen, a third as many young ones.
    promise = july(longest_waiting_weeks=15, share_started_within_limit=0.25)
    assert bound(flow({20: 10}, arrivals=1.0), promise).extra_slots == pytest.approx(10 + 10 / 3)
    half = july(longest_waiting_weeks=15, share_started_within_limit=0.5)
    assert not bound(flow({20: 10}, arrivals=1.0), half).feasible  # only four young children came


def test_an_average_is_half_a_week_more_than_that_of_whole_weeks() -> None:
    # After four weeks ten children wait 24 whole weeks (24.5), and four wait 0 to 3 (2.0 on average).
    everyone = (10 * 24.5 + 4 * 2.0) / 14
    list_ = flow({20: 10}, arrivals=1.0)
    assert bound(list_, july(average_waiting_weeks=everyone + 1e-6)).extra_slots == pytest.approx(0, abs=1e-3)
    # With x old children seen: (10 − x) 24.5 + 8 = 13 (14 − x).
    x = (10 * 24.5 + 8 - 13 * 14) / (24.5 - 13)
    assert bound(list_, july(average_waiting_weeks=13)).extra_slots == pytest.approx(x)


def test_a_ceiling_can_make_it_impossible() -> None:
    promise = july(longest_waiting_weeks=20)
    assert bound(flow({20: 10}, slots=1.0), promise, most_slots=2.5).feasible
    found = bound(flow({20: 10}, slots=1.0), promise, most_slots=2.0)
    assert not found.feasible
    assert found.extra_slots == np.inf


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(st.integers(0, 30), st.integers(1, 20), min_size=1, max_size=5),
    st.floats(0, 3),
    st.floats(0, 0.3),
    st.integers(0, 30),
    st.floats(1, 30),
)
def test_more_promises_are_never_cheaper(
    backlog: dict[int, float], arrivals: float, missed: float, longest: int, average: float
) -> None:
    a_flow = flow(backlog, arrivals, missed=missed)
    one = bound(a_flow, july(longest_waiting_weeks=longest))
    both = bound(a_flow, july(longest_waiting_weeks=longest, average_waiting_weeks=average))
    looser = bound(a_flow, july(longest_waiting_weeks=longest + 3))
    assert one.feasible
    assert both.extra_slots >= one.extra_slots - 1e-6
    assert looser.extra_slots <= one.extra_slots + 1e-6
    # Children are conserved: who was there or came is seen or left (nobody leaves unseen here).
    assert one.seen.sum() + one.waiting[-1] == pytest.approx(sum(backlog.values()) + WEEKS * arrivals)


def test_held_to_milestones_alone_a_plan_can_wait() -> None:
    plan = read_plan("wsoa-autism")
    found = gamed(
        flow_of(network_of(plan), POOL, plan.trajectory.weeks), plan.trajectory, plan.milestones_only
    )
    assert found is not None
    assert found.extra_slots <= found.monthly_extra_slots
    assert found.months_broken > len(found.months) / 2
    assert found.more_child_weeks > 0
    longest = next(breach for breach in found.breaches if breach.measure == "longest_waiting_weeks")
    assert longest.found > longest.limit
    assert "straight line" in found.sentence
    assert SHARE in {breach.measure for breach in found.breaches}
    # At the milestones themselves nothing is broken.
    assert not {b.worst_month for b in found.breaches} & {m.month for m in plan.milestones}
