"""The engine: the same as the slow and obvious one, week by week; and what must hold of any network."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evi.queues.simulation import engine
from evi.queues.simulation.engine import simulate, simulate_prepared
from evi.queues.simulation.network import (
    Arrivals,
    Backlog,
    ChildClass,
    Discipline,
    Edge,
    Lag,
    Network,
    Pool,
    RemovalStep,
    Supply,
)
from evi.queues.simulation.prepared import lag_cuts, prepare
from evi.workspace import EviError
from tests.queues.reference import Reference

WEEKS = 9
MONDAY = date(2025, 6, 30)
CHANCES = st.sampled_from([0.0, 0.1, 0.3, 0.8, 1.0])
SHARES = st.sampled_from([(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.5, 0.3, 0.2), (0.2, 0, 0.8), (0, 0.6, 0.4)])


@st.composite
def pools(draw, name):
    staff = draw(st.sampled_from([None, 1, 3]))
    return Pool(
        id=name,
        title=name,
        skill=name,
        supply=Supply(
            tuple(draw(st.lists(st.sampled_from([0.0, 0.4, 1.0, 2.7, 5.0]), min_size=1, max_size=3))),
            holidays_share=draw(st.sampled_from([1.0, 0.5])),
            leave_share=draw(st.sampled_from([0.0, 0.25])),
            staff=staff,
        ),
        missed=draw(CHANCES),
        discipline=Discipline(*draw(SHARES)),
        removal=draw(
            st.sampled_from(
                [
                    (),
                    (RemovalStep(0, 0.1),),
                    (RemovalStep(2, 0.5),),
                    (RemovalStep(0, 0.05), RemovalStep(3, 1.0)),
                ]
            )
        ),
        limit_weeks=draw(st.sampled_from([None, 1, 3, 30])),
        outcomes=draw(st.sampled_from([{}, {"yes": 0.6}, {"yes": 0.3, "no": 0.5}])),
    )


@st.composite
def networks(draw):
    names = "abc"[: draw(st.integers(1, 3))]
    made = tuple(draw(pools(name)) for name in names)
    classes = (ChildClass("soon", 1), ChildClass("later", 4), ChildClass("also_later", 4))
    some = st.sampled_from([one.id for one in classes])
    edges = []
    for _ in range(draw(st.integers(0, 6))):
        origin = draw(st.sampled_from(made))
        after = draw(st.sampled_from(["start", "start", "removal"]))
        outcomes = [None, *origin.outcomes] if after == "start" else [None]
        edges.append(
            Edge(
                origin.id,
                draw(st.sampled_from(names)),
                draw(CHANCES.filter(lambda chance: chance < 0.8)),
                draw(st.sampled_from(outcomes)),
                Lag(draw(st.sampled_from([0.0, 0.5, 2.0])), draw(st.sampled_from([0.0, 1.0]))),
                draw(st.integers(1, 2)),
                after,
            )
        )
    return Network(
        start=MONDAY,
        terms=draw(st.sampled_from(["none", "england"])),
        pools=made,
        classes=classes,
        arrivals=tuple(
            Arrivals(name, draw(some), draw(st.sampled_from([0.5, 3.0])), holiday_factor=0.5)
            for name in names
        ),
        backlog=tuple(
            Backlog(name, draw(some), ((draw(st.integers(0, 6)), draw(st.integers(0, 4))), (2, 1)))
            for name in draw(st.lists(st.sampled_from(names), max_size=3))
        ),
        edges=tuple(edges),
    )


@given(networks(), st.integers(0, 2**64 - 1))
@settings(deadline=None, max_examples=60)
def test_it_gives_the_same_as_the_slow_engine_week_by_week(network, seed):
    slow = Reference(network, WEEKS, seed)
    paths = simulate(network, WEEKS, 2, seed, threads=1)
    for replication in range(2):
        counts, sums, ages = slow.replicate(replication)
        found = [
            paths.arrivals, paths.starts, paths.removals, paths.missed, paths.slots, paths.waiting,
            paths.longest_seen_weeks, paths.longest_waiting_weeks,
            paths.started_within_limit, paths.waiting_within_limit,
        ]  # fmt: skip
        for table, expected in zip(found, counts, strict=True):
            np.testing.assert_array_equal(table[replication], expected)
        np.testing.assert_array_equal(paths.sum_wait_seen_weeks[replication], sums[0])
        np.testing.assert_array_equal(paths.sum_wait_so_far_weeks[replication], sums[1])
        np.testing.assert_array_equal(paths.seen_by_wait[replication], ages[0])
        np.testing.assert_array_equal(paths.waiting_by_wait[replication], ages[1])


@given(networks(), st.integers(0, 2**32))
@settings(deadline=None, max_examples=40)
def test_every_child_is_accounted_for(network, seed):
    paths = simulate(network, WEEKS, 3, seed, threads=1)
    listed = np.zeros(len(network.pools), int)
    for one in network.backlog:
        listed[network.pool_ids.index(one.pool)] += sum(number for _, number in one.ages)
    gone = (paths.starts + paths.removals).cumsum(axis=1)
    np.testing.assert_array_equal(listed + paths.arrivals.cumsum(axis=1) - gone, paths.waiting)
    assert (paths.starts + paths.missed <= paths.slots).all()
    assert (paths.started_within_limit <= paths.starts).all()
    assert (paths.waiting_within_limit <= paths.waiting).all()
    np.testing.assert_array_equal(paths.waiting_by_wait.sum(axis=2), paths.waiting[:, -1])
    np.testing.assert_array_equal(paths.seen_by_wait.sum(axis=2), paths.starts.sum(axis=1))


def alone(weekly: float, slots: float, **more: object) -> Network:
    return Network(
        start=MONDAY,
        pools=(Pool("a", "A", "a", Supply((slots,)), **more),),  # type: ignore[arg-type]
        arrivals=(Arrivals("a", "any", weekly),),
    )


def two_stages(slots: float) -> Network:
    """A list with a long backlog, after which children wait for another with ample slots."""
    first = Pool(
        "first", "First", "a", Supply((slots,)), 0.2, Discipline(0.5, 0, 0.5), (RemovalStep(0, 0.02),)
    )
    return Network(
        start=MONDAY,
        pools=(first, Pool("then", "Then", "b", Supply((500.0,)))),
        arrivals=(Arrivals("first", "any", 20.0),),
        backlog=(Backlog("first", "any", ((10, 300),)),),
        edges=(Edge("first", "then", 0.5),),
    )


@given(st.integers(0, 2**32), st.floats(0, 30), st.floats(0, 30))
@settings(deadline=None, max_examples=30)
def test_more_slots_never_change_who_is_referred(seed, few, many):
    one, other = (simulate(alone(8, slots, missed=0.3), 30, 4, seed, threads=1) for slots in (few, many))
    np.testing.assert_array_equal(one.arrivals, other.arrivals)


@given(st.integers(0, 2**32), st.integers(0, 10), st.integers(0, 10))
@settings(deadline=None, max_examples=30)
def test_more_slots_never_leave_more_waiting_where_nobody_misses_or_leaves(seed, one, other):
    few, many = sorted((one, other))
    long = simulate(alone(8, few), 30, 4, seed, threads=1)
    short = simulate(alone(8, many), 30, 4, seed, threads=1)
    assert (short.waiting <= long.waiting).all()
    assert (short.sum_wait_so_far_weeks <= long.sum_wait_so_far_weeks).all()


def test_scenarios_share_luck_so_their_difference_is_clear():
    """With the same seed, the effect of five more slots is seen far more clearly than with another."""
    base = simulate(two_stages(20), 52, 200, 1).starts[:, :, 1].sum(axis=1)
    same = simulate(two_stages(25), 52, 200, 1).starts[:, :, 1].sum(axis=1)
    fresh = simulate(two_stages(25), 52, 200, 2).starts[:, :, 1].sum(axis=1)
    assert np.var(same - base) < 0.5 * np.var(fresh - base)


def test_a_child_keeps_its_patience_and_its_route_when_slots_change():
    """All on the list at the start are seen in week 0, or all in week 3: the same go on, whenever it is."""
    waiting = replace(two_stages(0), arrivals=())
    free = replace(waiting.pools[0], missed=0.0, removal=())
    waiting = replace(waiting, pools=(free, waiting.pools[1]))
    now, later = np.zeros((6, 2)), np.zeros((6, 2))
    now[0, 0], later[3, 0] = 300, 300
    gone_on = [
        simulate(waiting, 6, 50, 9, slots=slots).arrivals[:, :, 1].sum(axis=1) for slots in (now, later)
    ]
    np.testing.assert_array_equal(*gone_on)
    assert len(set(gone_on[0])) > 10


def test_a_child_misses_the_same_of_its_offers_whenever_they_come():
    one_child = replace(alone(0, 1, missed=0.5), arrivals=(), backlog=(Backlog("a", "any", ((3, 1),)),))
    weekly, seldom = np.ones((240, 1)), np.zeros((240, 1))
    seldom[::4] = 1
    often, rarely = (simulate(one_child, 240, 300, 2, slots=slots) for slots in (weekly, seldom))
    assert (often.starts.sum(axis=1) == 1).all() and (rarely.starts.sum(axis=1) == 1).all()
    np.testing.assert_array_equal(often.missed.sum(axis=1), rarely.missed.sum(axis=1))
    assert often.missed.sum(axis=1).max() > 4  # past the four that one block of luck holds


def test_a_child_leaves_unseen_in_the_same_week_unless_it_is_seen_before():
    impatient = alone(20, 0, removal=(RemovalStep(0, 0.05), RemovalStep(10, 0.2)))
    none = simulate(impatient, 40, 50, 3)
    late = np.zeros((40, 1))
    late[25:] = 100
    some = simulate(impatient, 40, 50, 3, slots=late)
    np.testing.assert_array_equal(none.removals[:, :26], some.removals[:, :26])
    assert (some.removals[:, 26:] <= none.removals[:, 26:]).all()


def test_threads_change_nothing():
    one, many = (simulate(two_stages(22), 60, 70, 5, threads=threads) for threads in (1, 4))
    np.testing.assert_array_equal(one.waiting, many.waiting)
    np.testing.assert_array_equal(one.sum_wait_seen_weeks, many.sum_wait_seen_weeks)


def test_a_full_room_is_begun_again_with_the_same_luck(monkeypatch):
    roomy = simulate(two_stages(10), 40, 20, 5)
    monkeypatch.setattr(engine, "_space_expected", lambda _prepared: 3)
    np.testing.assert_array_equal(simulate(two_stages(10), 40, 20, 5).waiting, roomy.waiting)


@given(st.floats(0.05, 3.0), st.integers(0, 2**32))
@settings(deadline=None, max_examples=20)
def test_parts_of_slots_are_carried_so_none_is_lost(slots, seed):
    paths = simulate(alone(1, slots), 25, 40, seed, threads=1)
    given_out = paths.slots[:, :, 0].cumsum(axis=1)
    due = slots * np.arange(1, 26)
    assert (np.abs(given_out - due) <= 1 + 1e-9).all()
    spread = np.sqrt(0.25 / 40)
    assert abs(given_out[:, -1].mean() - due[-1]) < 4.5 * spread


def test_the_lists_after_a_week_are_the_lists_at_the_start_of_the_next():
    """Stopped after four weeks and begun again with the ages found, ages go on as if never stopped."""
    network = alone(6, 4.0)
    whole = simulate(network, 4, 1, 3)
    ages = tuple((age, int(number)) for age, number in enumerate(whole.waiting_by_wait[0, 0]) if number)
    again = replace(network, arrivals=(), backlog=(Backlog("a", "any", ages),))
    quiet = replace(network, arrivals=(replace(network.arrivals[0], by_month=None),))
    means = prepare(quiet, 5)
    means.means[0, 4] = 0.0
    unbroken = simulate_prepared(quiet, means, 1, 3)
    begun_again = simulate(again, 1, 1, 3)
    for table in ("waiting", "longest_waiting_weeks", "sum_wait_so_far_weeks", "sum_wait_seen_weeks"):
        assert getattr(begun_again, table)[0, 0, 0] == getattr(unbroken, table)[0, 4, 0]


def test_leave_by_person_takes_the_share_on_average():
    staffed = alone(1, 10.0)
    pool = replace(staffed.pools[0], supply=Supply((10.0,), leave_share=0.2, staff=5))
    slots = simulate(replace(staffed, pools=(pool,)), 50, 200, 4).slots[:, :, 0]
    assert abs(slots.mean() - 8.0) < 4.5 * 10 * np.sqrt(0.16 / 5 / slots.size)
    assert slots.max() == 10


@pytest.mark.parametrize(("mean", "spread"), [(0.0, 0.0), (2.0, 0.0), (2.5, 0.0), (4.0, 2.0), (1.0, 3.0)])
def test_lags_keep_their_mean(mean, spread):
    cuts = lag_cuts(Lag(mean, spread), 400)
    chances = np.diff(cuts, prepend=0.0)
    assert cuts[-1] == pytest.approx(1.0)
    assert chances @ np.arange(400) == pytest.approx(mean, abs=1e-6)


def test_figures_can_differ_by_replication():
    network = alone(10, 5)
    missed = np.array([[0.0], [1.0], [0.0]])
    paths = simulate_prepared(network, prepare(network, 8)._replace(missed=missed), 3, 1)
    assert paths.starts[:, :, 0].sum(axis=1)[1] == 0
    assert (paths.missed[1] > 0).any() and not paths.missed[[0, 2]].any()


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("no week", {"weeks": 0}),
        ("nothing to simulate", {"replications": 0}),
        ("seed is out of range", {"seed": -1}),
        ("slots have the shape", {"slots": np.zeros((3, 3))}),
        ("slots are negative", {"slots": np.full((5, 1), -1.0)}),
        ("slots are negative, not a number", {"slots": np.full((5, 1), np.nan)}),
        ("or over 100,000 a week", {"slots": np.full((5, 1), 1e9)}),
        ("GiB of memory", {"replications": 10**8}),
    ],
)
def test_wrong_numbers_get_a_clear_sentence(what, change):
    asked = {"weeks": 5, "replications": 2, "seed": 1} | change
    with pytest.raises(EviError, match=what):
        simulate(alone(1, 1), **asked)


def test_rows_that_fit_no_number_of_replications_are_refused():
    network = alone(1, 1)
    with pytest.raises(EviError, match=r"missed has 2 rows of \(1,\) for 3 replications"):
        simulate_prepared(network, prepare(network, 4)._replace(missed=np.zeros((2, 1))), 3, 1)


def test_arrays_of_another_shape_never_reach_the_compiled_part():
    network = alone(1, 1)
    with pytest.raises(EviError, match="missed has 1 rows of"):
        simulate_prepared(network, prepare(network, 4)._replace(missed=np.zeros((1, 2))), 3, 1)


def test_a_loop_that_makes_more_children_than_it_takes_is_refused(monkeypatch):
    monkeypatch.setattr(engine, "MOST_CHILDREN", 5_000)
    pool = replace(alone(5, 90_000).pools[0])
    loop = replace(alone(5, 90_000), pools=(pool,), edges=(Edge("a", "a", 1.0, copies=3),))
    with pytest.raises(EviError, match="more than 5,000 children wait at once"):
        simulate(loop, 40, 2, 1)


def test_more_referrals_than_any_place_has_are_refused():
    growing = replace(alone(5, 1), arrivals=(Arrivals("a", "any", 5.0, yearly_growth=900.0),))
    with pytest.raises(EviError, match="more than 100,000 referrals"):
        simulate(growing, 300, 1, 1)


def test_the_engine_is_compiled_for_one_kind_of_arrays():
    from evi.queues.simulation import kernel

    network = alone(1, 1)
    simulate(network, 4, 2, 1, slots=np.ones((1, 4), int).T)
    whole_numbers = prepare(network, 4)._replace(missed=np.zeros((1, 1), int), limit=np.array([3], np.int32))
    simulate_prepared(network, whole_numbers, 2, 1)
    assert len(kernel.run.signatures) == 1
