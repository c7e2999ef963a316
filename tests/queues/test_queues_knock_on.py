"""What follows an assessment: no child is lost or made, chance is as it should be, slower is never worse."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from evi.cli.app import app, load_verbs
from evi.queues.sizing import list_places
from evi.queues.sizing.allocation import by_place, places_of_children, read_places
from evi.queues.sizing.capacity import question_of, size_capacity
from evi.queues.sizing.conversions import Conversions, Downstream, conversions_from, draw, read_conversions
from evi.queues.sizing.downstream import Window, least_added, narrowed, referrals, waiting, waits
from evi.queues.sizing.frontier import Frontier, frontier, planned
from evi.queues.sizing.knockon import KnockOn, follow, smoothed
from evi.queues.sizing.softening import soften
from evi.queues.sizing.trajectory import no_worse
from evi.queues.sizing.waiting_plan import read_plan
from evi.workspace import EviError

MONDAY = date(2022, 7, 4)
SURE = """
id: sure
title: Sure shares
outcomes:
  yes_: {best: 0.6, low: 0.6, high: 0.6, source: assumed}
  no_: {best: 0.4, low: 0.4, high: 0.4, source: assumed}
outcome_lag_weeks: {mean: 3, spread: 0, source: assumed}
steps:
  - {from: request, to: place, share: {best: 1, low: 1, high: 1, source: assumed}, lag_weeks: {mean: 2, spread: 0, source: assumed}}
  - {from: yes_, to: request, share: {best: 0.5, low: 0.5, high: 0.5, source: assumed}, lag_weeks: {mean: 10, spread: 6, source: assumed}}
  - {from: no_, to: never, share: {best: 0, low: 0, high: 0, source: assumed}, lag_weeks: {mean: 1, spread: 1, source: assumed}}
services:
  request: {title: Requests, limit_weeks: 6, slots_per_week: 5, other_referrals_per_week: 2, waiting: 10, pounds_per_slot: 100, source: assumed}
  place: {title: Places, limit_weeks: 8, slots_per_week: 4, other_referrals_per_week: 1, waiting: 4, most_added_per_week: 2, pounds_per_slot: 1000, source: assumed}
"""  # noqa: E501
STARTS = np.random.default_rng(7).poisson(9, (40, 60))


@pytest.fixture(scope="module")
def sure() -> Conversions:
    return conversions_from(SURE, "sure.yaml")


@pytest.fixture(scope="module")
def followed(sure: Conversions) -> KnockOn:
    return follow("steady", STARTS, MONDAY, sure, draws=200, seed=3, tail_weeks=60)


def test_no_child_is_lost_or_made(followed: KnockOn) -> None:
    seen = STARTS.sum(axis=1)[np.arange(200) % 40]
    assert (followed.seen == seen).all()
    outcomes = sum(followed.weekly(name).sum(axis=1) + followed.later(name) for name in ("yes_", "no_"))
    assert (outcomes == seen).all()
    assert (followed.weekly("never").sum(axis=1) + followed.later("never") == 0).all()
    # Every child of the sure step goes on, two weeks later, and nobody else.
    request, place = followed.visits["request"], followed.visits["place"]
    assert (place.draw == request.draw).all()
    assert (place.child == request.child).all()
    assert (place.week == request.week + 2).all()
    # Who requests has the outcome that requests, and not before it.
    yes = followed.visits["yes_"]
    known = dict(zip(zip(yes.draw, yes.child, strict=True), yes.week, strict=True))
    gone = list(zip(request.draw, request.child, strict=True))
    assert len(set(gone)) == len(gone)
    assert all(known[who] <= week for who, week in zip(gone, request.week, strict=True))


def test_chance_is_what_the_shares_say(followed: KnockOn) -> None:
    children = followed.seen.sum()
    for name, share in (("yes_", 0.6), ("no_", 0.4), ("request", 0.3)):
        found = len(followed.visits[name].child)
        assert abs(found - share * children) < 4.5 * np.sqrt(children * share * (1 - share))
    known, request = followed.visits["yes_"], followed.visits["request"]
    week_of = {
        who: week for who, week in zip(zip(known.draw, known.child, strict=True), known.week, strict=True)
    }
    lags = np.array(
        [
            w - week_of[who]
            for who, w in zip(zip(request.draw, request.child, strict=True), request.week, strict=True)
        ]
    )
    assert lags.min() >= 0
    assert abs(lags.mean() - 10) < 4.5 * 6 / np.sqrt(len(lags)) + 0.02
    assert abs(lags.std() - 6) < 0.15


def test_months_add_up_to_weeks(followed: KnockOn) -> None:
    assert (followed.monthly("request").sum(axis=1) == followed.weekly("request").sum(axis=1)).all()
    table = followed.table()
    assert table["service"].unique(maintain_order=True).to_list() == ["request", "place"]
    assert (table["low"] <= table["high"]).all()
    none = followed.table(against=followed)
    assert none["mean"].abs().max() == 0
    for row in followed.totals():
        assert row["children_low"] <= row["children"] <= row["children_high"]


def test_sooner_seen_is_sooner_there_child_by_child(sure: Conversions, followed: KnockOn) -> None:
    early = np.zeros_like(STARTS)
    early[:, ::2] = STARTS[:, ::2] + STARTS[:, 1::2]  # two weeks' children in the first of them
    sooner = follow("sooner", early, MONDAY, sure, draws=200, seed=3, tail_weeks=60)
    for name in ("request", "place"):
        here, there = followed.weekly(name).cumsum(axis=1), sooner.weekly(name).cumsum(axis=1)
        assert (there >= here).all()
        assert (sooner.seen == followed.seen).all()


def test_a_longer_plan_keeps_the_luck_of_its_first_children(sure: Conversions, followed: KnockOn) -> None:
    longer = follow("longer", np.hstack([STARTS, STARTS]), MONDAY, sure, draws=200, seed=3)
    for name in ("request", "place"):
        assert (longer.weekly(name)[:, :60] == followed.weekly(name)[:, :60]).all()


@pytest.mark.parametrize("starts", [np.zeros((0, 3), int), np.full((2, 2), -1), np.zeros(3, int)])
def test_counts_that_are_none_are_refused(sure: Conversions, starts: np.ndarray) -> None:
    with pytest.raises(EviError, match="counts by replication and week"):
        follow("odd", starts, MONDAY, sure)
    with pytest.raises(EviError, match="at least one draw"):
        follow("odd", STARTS, MONDAY, sure, draws=0)


def test_draws_cover_every_range_evenly() -> None:
    conversions = read_conversions()
    drawn = draw(conversions, 100, 5)
    assert drawn.outcomes.sum(axis=1) == pytest.approx(np.ones(100))
    for n, step in enumerate(conversions.steps):
        share = drawn.shares[:, n]
        assert share.min() >= step.share.low
        assert share.max() <= step.share.high
        middle = (step.share.low + step.share.best + step.share.high) / 3  # of a triangular distribution
        assert share.mean() == pytest.approx(middle, abs=0.003)
    again = draw(conversions, 100, 5)
    assert (again.shares == drawn.shares).all()


def test_what_is_shipped_says_where_it_is_from() -> None:
    conversions = read_conversions()
    assert {name: outcome.best for name, outcome in conversions.outcomes.items()} == {
        "autism": 0.70,
        "other_neurodevelopmental": 0.19,
        "none": 0.11,
    }
    shares = {(s.comes_from, s.leads_to): s.share for s in conversions.steps}
    assert shares["ehc_request", "ehc_assessment"].best == pytest.approx(1 - 0.228)
    assert shares["ehc_assessment", "ehc_plan"].best == 0.941
    for share in shares.values():
        assert "assumed" in share.source or "England 2019" in share.source
    assert set(conversions.services) == {
        "sen_support", "ehc_request", "speech_and_language", "occupational_therapy", "camhs", "short_breaks",
        "school_place",
    }  # fmt: skip
    assert len(conversions.assumptions) == 3 + 1 + len(conversions.steps) + 7


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("no_: {best: 0.4, low: 0.4", "no_: {best: 0.3, low: 0.3", "sum to 0.9, not to 1"),
        ("share: {best: 0.5, low: 0.5", "share: {best: 0.5, low: 0.6", "best value is not within its range"),
        ("share: {best: 0.5,", "share: {best: 1.5,", "share.best should be at most 1"),
        ("from: yes_, to: request", "from: nowhere, to: request", "starts at nowhere, where nothing leads"),
        ("from: yes_, to: request", "from: place, to: request", "go in a circle"),
        ("to: never", "to: place", None),
        ("  place: {title", "  elsewhere: {title", "no step leads to the service elsewhere"),
        ("limit_weeks: 6", "limit_weeks: 0", "services.request.limit_weeks should be more than 0"),
        ("waiting: 10", "waiting: -10", "services.request.waiting should be at least 0"),
        ("mean: 10, spread: 6", "mean: -1, spread: 6", "lag_weeks.mean should be at least 0"),
        ("source: assumed}\nsteps", "reason: none}\nsteps", "setting that isn't known"),
        ("outcomes:", "outcomes: [", "aren't YAML"),
    ],
)  # fmt: skip
def test_mistakes_in_conversions(old: str, new: str, said: str | None) -> None:
    assert old in SURE
    text = SURE.replace(old, new, 1)
    if said is None:
        assert conversions_from(text, "c.yaml").steps  # two ways to one service are allowed
        return
    with pytest.raises(EviError) as caught:
        conversions_from(text, "c.yaml")
    assert said in caught.value.what
    assert caught.value.do


def test_conversions_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(EviError, match="can't be read"):
        read_conversions(tmp_path / "none.yaml")


# Places


def test_places_add_up(followed: KnockOn) -> None:
    places = places_of_children(["a", "a", "b", None], ["north", "north", "south", None], "a list")
    assert places.shares.sum() == pytest.approx(1)
    assert dict(zip(places.schools, places.shares, strict=True)) == {"a": 0.5, "b": 0.25, "not known": 0.25}
    schools, localities = by_place(followed, places), by_place(followed, places, by="locality")
    for service in ("request", "place"):
        total = followed.weekly(service).sum() / followed.draws
        for table in (schools, localities):
            assert table.filter(pl.col("service") == service)["mean"].sum() == pytest.approx(total)
    request = schools.filter(pl.col("service") == "request").group_by("school").agg(pl.col("mean").sum())
    counts = dict(request.iter_rows())
    n = followed.weekly("request").sum()
    assert abs(counts["a"] * followed.draws - n / 2) < 4.5 * np.sqrt(n / 4)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("school,share\na,1\n", "no column locality"),
        ("school,locality\na,n\n", "no column share"),
        ("school,locality,share\na,n,0.5\nb,n,0.4\n", "sum to 0.9"),
        ("school,locality,share\na,n,1.5\nb,n,-0.5\n", "negative"),
        ("school,locality,share\na,n,0.5\na,n,0.5\n", "twice"),
        ("school,locality,share\na,n,much\n", "isn't a number"),
        ("school,locality,children\na,n,0\n", "nobody is there"),
        ("school,locality,children\na,n,\n", "cell is empty"),
        ("", "can't be read"),
    ],
)
def test_mistakes_in_a_table_of_schools(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "schools.csv").write_text(text, encoding="utf-8")
    with pytest.raises(EviError) as caught:
        read_places(tmp_path / "schools.csv")
    assert said in caught.value.what
    assert caught.value.do


def test_places_of_a_districts_own_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    day = date(2024, 6, 3)
    table = pl.DataFrame(
        {
            "subject_id": [1, 2, 3, 4],
            "referred": [day] * 4,
            "state": ["waiting", "waiting", "waiting", "started"],
        }
    )
    (tmp_path / "geography").mkdir()
    areas = tmp_path / "geography" / "areas.csv"
    areas.write_text("lsoa,ward_name\nA1,North\nA2,South\n", encoding="utf-8")

    @contextmanager
    def records(_district: object) -> Iterator[duckdb.DuckDBPyConnection]:
        with duckdb.connect() as con:
            con.sql(
                """CREATE TABLE residence AS FROM (VALUES
                   (1, 'A2', DATE '2020-01-01'), (1, 'A1', DATE '2023-01-01'), (2, 'A1', NULL),
                   (4, 'A2', NULL))
                   AS t(subject_id, lsoa, start)"""
            )
            yield con

    def schools(_district: object, referrals: pl.DataFrame, by: str) -> pl.DataFrame:
        assert by == "school"
        known = pl.DataFrame({"subject_id": [1, 2, 3], "group": ["x", "x", "y"]})
        return referrals.select("subject_id").join(known, on="subject_id")

    district = SimpleNamespace(geography=tmp_path / "geography")
    monkeypatch.setattr(list_places, "journeys", lambda *_: SimpleNamespace(table=table))
    monkeypatch.setattr(list_places, "group_children", schools)
    monkeypatch.setattr(list_places, "open_records", records)
    found = list_places.places_of_list(district, "autism", day)  # type: ignore[arg-type]
    assert found.schools == ("x", "y")  # who has started is not on the list
    assert found.localities == ("North", "not known")  # of the newest home
    assert found.shares == pytest.approx([2 / 3, 1 / 3])
    assert "3 children who wait for autism" in found.source
    areas.unlink()
    with pytest.raises(EviError, match="no table of areas"):
        list_places.places_of_list(district, "autism", day)  # type: ignore[arg-type]
    nobody = SimpleNamespace(table=table.filter(pl.col("state") == "started"))
    monkeypatch.setattr(list_places, "journeys", lambda *_: nobody)
    with pytest.raises(EviError, match="nobody waits"):
        list_places.places_of_list(district, "autism", day)  # type: ignore[arg-type]


# Waits at the services after


def service(**figures: float) -> Downstream:
    given_ = {"limit_weeks": 3.0, "slots_per_week": 5.0, "other_referrals_per_week": 0.0, "waiting": 10.0}
    return Downstream(
        "s", "S", **(given_ | figures), most_added_per_week=np.inf, pounds_per_slot=1, source="assumed"
    )  # type: ignore[arg-type]


def test_waits_by_hand() -> None:
    come = np.array([[5, 10, 0, 0]])
    assert waiting(come, service(), np.zeros(4)).tolist() == [[10, 15, 10, 5]]
    assert waits(come, service(), np.zeros(4)) == pytest.approx(np.array([[2, 3, 2, 1]]))
    # Five slots more in the second week alone.
    added = np.array([0.0, 5.0, 0.0, 0.0])
    assert waiting(come, service(), added).tolist() == [[10, 10, 5, 0]]
    assert waits(come, service(), added) == pytest.approx(np.array([[1, 2, 1, 0]]))
    assert waits(come, service(slots_per_week=0.0), np.zeros(4)).tolist() == [[np.inf] * 4]


def test_the_least_added_by_hand() -> None:
    come = np.array([[5, 10, 0, 0], [0, 0, 0, 0]])
    assert least_added(come, service()) == pytest.approx([0, 0])
    # The list is 15 − 2a + 10 − … : after the second week 25 − 2 (5 + a), and the limit is 2 (5 + a).
    assert least_added(come, service(limit_weeks=2.0)) == pytest.approx([1.25, 0], abs=1e-3)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 30), min_size=20, max_size=20), min_size=1, max_size=4),
    st.floats(0, 12),
    st.floats(0, 60),
    st.floats(1, 12),
)
def test_enough_is_enough_and_more_is_never_worse(
    come: list[list[int]], slots: float, on_list: float, limit: float
) -> None:
    table = np.array(come)
    here = service(slots_per_week=slots, waiting=on_list, limit_weeks=limit)
    need = least_added(table, here)
    enough = np.full(20, need.max() + 1e-6)
    assert (waits(table, here, enough) <= limit + 1e-4).all()
    assert (waits(table, here, enough + 1) <= waits(table, here, enough) + 1e-6).all()
    if need.max() > 0.01 and need.max() == need[0] and len(table) == 1:
        assert (waits(table, here, np.full(20, need[0] * 0.98)) > limit - 1e-6).any()
    window = narrowed(table, here, float(need.max()) + 1e-6, np.ones(len(table), bool))
    assert (waits(table, here, window.by_week(20)) <= limit + 1e-4).all()
    assert 0 <= window.from_week <= window.until_week <= 20
    left = waiting(table, here, window.by_week(20))
    given_out = on_list + table.sum(axis=1) - left[:, -1]
    assert (given_out <= 20 * slots + window.slot_weeks + 1e-6).all()


def test_windows() -> None:
    assert Window(2.0, 1, 3).by_week(4).tolist() == [0, 2, 2, 0]
    assert Window(2.0, 1, 3).slot_weeks == 4


def test_other_children_come_alike_under_every_plan(sure: Conversions, followed: KnockOn) -> None:
    half = follow("half", STARTS // 2, MONDAY, sure, draws=200, seed=3, tail_weeks=60)
    request = sure.services["request"]
    other = [referrals(k, request, 0) - k.weekly("request") for k in (followed, half)]
    assert (other[0] == other[1]).all()
    assert other[0].mean() == pytest.approx(2.0, abs=4.5 * np.sqrt(2 / other[0].size))


def test_softened_services_keep_their_limits(sure: Conversions, followed: KnockOn) -> None:
    softened = soften(followed, sure, 0.8)
    assert {relief.title for relief in softened.services} == {"Requests", "Places"}
    assert softened.probability >= 0.8
    assert softened.pounds == sum(relief.pounds for relief in softened.services)
    for relief in softened.services:
        assert relief.peak_wait_after_weeks[1] <= relief.limit_weeks
        assert relief.peak_wait_after_weeks[1] <= relief.peak_wait_weeks[1]
    less = soften(followed, sure, 0.3)
    assert less.pounds <= softened.pounds


# The frontier


@pytest.fixture(scope="module")
def edge() -> Frontier:
    question = question_of(read_plan("wsoa-autism"))
    return frontier(question, read_conversions(), [40, 10, 20], weeks=182, replications=60, draws=120, seed=2)


def test_faster_is_sooner_clear_and_slower_never_raises_the_peak(edge: Frontier) -> None:
    assert [c.extra_slots for c in edge.clearances] == [10, 20, 40]
    for slower, faster in pairwise(edge.clearances):
        assert slower.weeks_to_clear is not None
        assert faster.weeks_to_clear is not None
        assert faster.weeks_to_clear < slower.weeks_to_clear
        for less, more in zip(slower.softened.services, faster.softened.services, strict=True):
            assert less.peak_per_week <= more.peak_per_week + 1e-9
            assert less.peak_wait_weeks[1] <= more.peak_wait_weeks[1] + 1e-9
        for name in slower.knock_on.titles:
            late, soon = (smoothed(c.knock_on.weekly(name).mean(axis=0)).max() for c in (slower, faster))
            assert late <= soon


def test_a_cleared_list_stays_clear(edge: Frontier) -> None:
    for one in edge.clearances:
        assert one.weeks_to_clear is not None
        assert (
            max(one.waiting_by_week[one.weeks_to_clear :]) < 1.1 * one.waiting_by_week[one.weeks_to_clear - 1]
        )
        assert one.slots_by_week[-1] < one.slots_by_week[0]
        assert one.softened.probability >= 0.8
        assert one.pounds == one.assessment_pounds + one.softened.pounds


def test_the_choice_is_the_cheapest_that_is_allowed(edge: Frontier) -> None:
    assert edge.chosen is not None
    assert edge.chosen.pounds == min(c.pounds for c in edge.clearances)
    assert "clears the list in" in edge.why
    assert any("assumed" in line for line in edge.assumptions)


def test_the_capacity_of_an_answer_can_be_followed_too() -> None:
    plan = read_plan("wsoa-autism")
    question = replace(question_of(plan), trajectory=no_worse(plan.trajectory, plan.today))
    answer = size_capacity(question, probability=0.5, replications=60, check_replications=60, step_months=27)
    one = planned(question, read_conversions(), answer, weeks=130, replications=40, draws=40)
    extra = answer.months[0].extra_slots
    assert set(one.slots_by_week[:117]) == {20 + extra}
    assert set(one.slots_by_week[117:]) == {24.0}  # 19.8 a week and 3%, of which 12% are missed
    assert one.plan == "No worse than today"
    assert one.assessment_pounds == 846 * (117 * extra + 13 * 4)


def test_what_cannot_be_chosen_is_explained() -> None:
    question, conversions = question_of(read_plan("wsoa-autism")), read_conversions()
    few = {"weeks": 104, "replications": 20, "draws": 20}
    assert "No speed clears the list in the time" in frontier(question, conversions, [2], **few).why  # type: ignore[arg-type]
    late = frontier(question, conversions, [40], clear_within_weeks=10, **few)  # type: ignore[arg-type]
    assert late.chosen is None
    assert "within 10 weeks; the fastest, 40 more a week" in late.why
    dear = frontier(question, conversions, [40], most_pounds=1000, **few)  # type: ignore[arg-type]
    assert "too much" in dear.why
    full = {
        name: replace(s, most_added_per_week=0.0, slots_per_week=1.0)
        for name, s in conversions.services.items()
    }
    over = frontier(question, replace(conversions, services=full), [40], **few)  # type: ignore[arg-type]
    assert "only 0 can be added" in over.why
    with pytest.raises(EviError, match="needs speeds"):
        frontier(question, conversions, [])


def test_the_command_follows_and_softens(tmp_path: Path) -> None:
    load_verbs("queue")
    schools = tmp_path / "schools.csv"
    schools.write_text("school,locality,share\na,north,0.75\nb,south,0.25\n", encoding="utf-8")
    run = CliRunner().invoke(
        app,
        ["queue", "knock-on", "--speeds", "30", "--years", "2", "--places", str(schools), "--json",
         "--out", str(tmp_path / "out")],
    )  # fmt: skip
    assert run.exit_code == 0, run.output
    said = json.loads(run.stdout)
    assert len(said["frontier"]) == 1
    assert len(said["services"]) == 7
    north = [row["mean"] for row in said["localities"] if row["locality"] == "north"]
    south = [row["mean"] for row in said["localities"] if row["locality"] == "south"]
    assert sum(north) == pytest.approx(3 * sum(south), rel=0.02)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "frontier.csv",
        "monthly.csv",
        "places.csv",
    }


@pytest.mark.parametrize(
    "arguments", [["--speeds", "fast"], ["--speeds", "-3"], ["--years", "0"], ["--conversions", "no.yaml"]]
)
def test_the_command_explains_mistakes(arguments: list[str]) -> None:
    load_verbs("queue")
    run = CliRunner().invoke(app, ["queue", "knock-on", "--json", *arguments])
    assert run.exit_code == 1
    said = json.loads(run.stdout)
    assert said["error"]
    assert said["do"]
