"""How much capacity a promise needs: laws of the simulation, the search, and what can't be kept."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from evi.cli.app import app, load_verbs
from evi.queues.simulation.engine import simulate
from evi.queues.simulation.network import Discipline, Network
from evi.queues.sizing.capacity import Question, question_of, size_capacity
from evi.queues.sizing.judging import by_month
from evi.queues.sizing.searching import Simulator
from evi.queues.sizing.shaping import whole_slots
from evi.queues.sizing.trajectory import SHARE, Milestone, Trajectory, straight_line
from evi.queues.sizing.waiting_plan import plan_from, read_plan
from evi.workspace import EviError

SMALL = """
id: small
title: A small list
start: 2024-01-01
standard: {limit_weeks: 13}
today:
  {month: 2023-12, average_waiting_weeks: 20, longest_waiting_weeks: 50, share_started_within_limit: 0.05}
milestones:
  - {month: 2024-06, average_waiting_weeks: 16, longest_waiting_weeks: 40}
  - {month: 2024-09, average_waiting_weeks: 14, longest_waiting_weeks: 35, share_started_within_limit: 0.06}
readings: {average_waiting_weeks: average_seen_weeks}
cost: {pounds_per_slot: 100, hours_per_slot: 2, source: assumed}
service:
  waiting: {value: 200, source: assumed}
  waiting_over_limit: {value: 130, source: assumed}
  weekly_referrals: {value: 6, source: assumed}
  slots_per_week: {value: 6, source: assumed}
  missed: {value: 0.1, source: assumed}
  removed_per_week: {value: 0.002, source: assumed}
  longest_first: {value: 0.6, source: assumed}
"""
FEW = {"replications": 100, "check_replications": 300}


@pytest.fixture(scope="module")
def small() -> Question:
    return question_of(plan_from(SMALL, "small"))


def with_order(network: Network, discipline: Discipline) -> Network:
    return replace(network, pools=(replace(network.pools[0], discipline=discipline),))


@pytest.mark.parametrize("discipline", [Discipline(), Discipline(0.6, 0.0, 0.4), Discipline(0.0, 0.0, 1.0)])
def test_adding_capacity_never_leaves_more_children_waiting(small: Question, discipline: Discipline) -> None:
    network = with_order(small.network, discipline)
    before: np.ndarray | None = None
    for extra in (0, 1, 2, 4, 8):
        slots = network.slots(40) + extra
        paths = simulate(network, 40, 50, 3, slots=slots)
        # Children who were there or came are seen, leave unseen or wait: none is lost.
        came = 200 + paths.arrivals.sum(axis=(1, 2))
        gone = paths.starts.sum(axis=(1, 2)) + paths.removals.sum(axis=(1, 2))
        assert (came == gone + paths.waiting[:, -1, 0]).all()
        if before is not None:
            # With the same luck: in every week on average, and at the end in every single replication.
            assert (paths.waiting.mean(axis=0) <= before.mean(axis=0)).all()
            assert (paths.waiting[:, -1] <= before[:, -1]).all()
        before = paths.waiting


def test_adding_capacity_never_makes_the_longest_wait_longer(small: Question) -> None:
    network = with_order(small.network, Discipline())
    longest = [
        simulate(network, 40, 50, 3, slots=network.slots(40) + extra).longest_waiting_weeks.mean(axis=0)
        for extra in (0, 2, 4, 8)
    ]
    for less, more in pairwise(longest):
        assert (more <= less + 1e-9).all()


def test_measures_by_month_are_those_of_the_weeks(small: Question) -> None:
    trajectory = small.trajectory
    paths = simulate(small.network, trajectory.weeks, 20, 5)
    monthly = by_month(paths, 0, trajectory)
    of_week = trajectory.month_of_week
    for month in (0, 4, 8):
        weeks = np.flatnonzero(of_week == month)
        starts = paths.starts[:, weeks, 0].sum(axis=1)
        assert (monthly.seen[:, month] == starts).all()
        share = paths.started_within_limit[:, weeks, 0].sum(axis=1) / starts
        assert monthly.measures[SHARE][:, month] == pytest.approx(share)
        last = weeks[-1]
        average = paths.values("wait_so_far_weeks")[:, last, 0]
        assert monthly.measures["average_waiting_weeks"][:, month] == pytest.approx(average)
        assert (
            monthly.measures["longest_waiting_weeks"][:, month] == paths.longest_waiting_weeks[:, last, 0]
        ).all()
        seen_longest = paths.longest_seen_weeks[:, weeks, 0].max(axis=1)
        assert (monthly.measures["longest_seen_weeks"][:, month] == seen_longest).all()


def test_the_answer_holds_and_is_not_below_the_bound(small: Question) -> None:
    answer = size_capacity(small, probability=0.8, **FEW)
    assert answer.feasible
    assert answer.joint_high >= 0.8
    assert answer.joint_low < answer.joint < answer.joint_high
    assert answer.bound_slots <= answer.extra_slots
    assert answer.extra_slots == sum(month.extra_slots * month.weeks for month in answer.months)
    assert answer.pounds == 100 * answer.extra_slots
    assert answer.hours == 2 * answer.extra_slots
    assert f"{answer.extra_slots:,.0f} extra appointments" in answer.sentence
    assert "94% of the children" in answer.outside_sentence
    # Less by a tenth in every month would not do: the search leaves little on the table.
    blocks = np.array([month.extra_slots for month in answer.months])
    simulator = Simulator(small.network, 0, small.trajectory, small.trajectory.month_of_week, 99, 300)
    less = whole_slots(blocks * 0.85)
    assert simulator.monthly(less).joint(small.trajectory) < simulator.monthly(blocks.astype(int)).joint(
        small.trajectory
    )


def test_a_surer_promise_needs_no_less(small: Question) -> None:
    likely = size_capacity(small, probability=0.5, **FEW)
    surer = size_capacity(small, probability=0.95, **FEW)
    assert surer.extra_slots >= likely.extra_slots
    assert surer.joint_high >= 0.95


def test_a_promise_kept_already_needs_nothing(small: Question) -> None:
    today = Milestone(small.trajectory.months[0], {"longest_waiting_weeks": 90.0})
    easy = straight_line("Easy", small.trajectory.start, 13, today, [today])
    answer = size_capacity(replace(small, trajectory=easy), **FEW)
    assert answer.extra_slots == 0
    assert answer.joint == 1.0


def test_what_no_order_can_keep_gets_the_nearest_that_holds(small: Question) -> None:
    answer = size_capacity(small, most_slots=7, **FEW)
    assert not answer.feasible
    assert answer.nearest is not None
    assert min(answer.nearest.easing, answer.nearest.loosening) < 1
    assert answer.nearest.most_extra_slots <= 1
    assert "can't be kept" in answer.sentence
    assert "whoever is seen first" in answer.sentence
    assert answer.nearest.joint >= 0.8
    assert "The nearest that holds" in answer.sentence


def test_what_this_lists_order_cannot_keep_is_said_to_be_so(small: Question) -> None:
    # Sixty per cent of slots go to who waits longest, so those seen wait long on average.
    hard = Milestone(small.trajectory.months[0], {"average_seen_weeks": 12.0})
    trajectory = straight_line("Hard", small.trajectory.start, 13, hard, [hard])
    answer = size_capacity(replace(small, trajectory=trajectory), **FEW)
    assert not answer.feasible
    assert answer.nearest is not None
    assert not answer.nearest.by_any_order
    assert answer.nearest.joint >= 0.8
    assert 12.0 < answer.nearest.limits["average_seen_weeks"] < 60.0
    assert "has every limit looser by" in answer.sentence
    assert "the order in which this list sees children" in answer.sentence


def nothing_promised(trajectory: Trajectory) -> Trajectory:
    return replace(trajectory, limits={})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"probability": 1.0}, "probability must be"),
        ({"probability": 0.0}, "probability must be"),
        ({"most_slots": 2}, "below today's 6"),
        ({"step_months": 0}, "at least a month"),
        ({"replications": 1}, "needs replications"),
    ],
)
def test_questions_that_make_no_sense(small: Question, change: dict[str, float], said: str) -> None:
    with pytest.raises(EviError, match=said):
        size_capacity(small, **change)  # type: ignore[arg-type]


def test_a_question_without_promises_or_pool(small: Question) -> None:
    with pytest.raises(EviError, match="promises nothing"):
        size_capacity(replace(small, trajectory=nothing_promised(small.trajectory)))
    with pytest.raises(EviError, match="no pool"):
        size_capacity(replace(small, pool="elsewhere"))


def test_the_command_says_what_was_found(tmp_path: Path) -> None:
    load_verbs("queue")
    plan = tmp_path / "small.yaml"
    plan.write_text(SMALL, encoding="utf-8")
    run = CliRunner().invoke(
        app,
        [
            "queue",
            "capacity",
            "--plan",
            str(plan),
            "--target",
            "plan",
            "--json",
            "--out",
            str(tmp_path / "out"),
        ],
    )
    assert run.exit_code == 0, run.output
    said = json.loads(run.stdout)
    answer = said["answers"]["plan"]
    assert answer["feasible"]
    assert answer["bound_slots"] <= answer["extra_slots"]
    assert len(answer["months"]) == 9
    assert said["gaming"]["months_broken"] >= 0
    lines = (tmp_path / "out" / "months.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 10


@pytest.mark.parametrize(
    "arguments",
    [
        ["--plan", "nowhere.yaml"],
        ["--target", "everything"],
        ["--probability", "2"],
        ["--missed", "1.5"],
        ["--network", "nowhere.yaml"],
    ],
)
def test_the_command_explains_mistakes(arguments: list[str]) -> None:
    load_verbs("queue")
    run = CliRunner().invoke(app, ["queue", "capacity", "--json", *arguments])
    assert run.exit_code == 1
    said = json.loads(run.stdout)
    assert said["error"]
    assert said["do"]


TWO = """
start: 2024-01-01
pools:
  - {id: triage, title: Triage, skill: nurse, slots_per_week: 7, missed: 0, discipline: {longest: 1}}
  - {id: clinic, title: Clinic, skill: doctor, slots_per_week: 5, missed: 0.1, limit_weeks: 13,
     discipline: {longest: 1}}
classes: [{id: any, priority: 0}]
arrivals: [{pool: triage, class: any, weekly: 6}]
backlog: [{pool: clinic, class: any, ages: [{age_weeks: 20, children: 30}, {age_weeks: 40, children: 10}]}]
edges: [{from: triage, to: clinic, probability: 1, lag_weeks: {mean: 2, spread: 1}}]
"""


def test_a_pool_that_children_are_sent_on_to(small: Question) -> None:
    network = Network.from_yaml(TWO)
    limits = Milestone(small.trajectory.months[3], {"longest_waiting_weeks": 20.0})
    today = Milestone(small.trajectory.months[0], {"longest_waiting_weeks": 45.0})
    promise = straight_line("Clinic", network.start, 13, today, [limits])
    answer = size_capacity(replace(small, network=network, pool="clinic", trajectory=promise), **FEW)
    assert answer.feasible
    assert answer.bound_slots <= answer.extra_slots
    assert 4.5 < answer.months[-1].referrals_per_week < 7  # those whom triage sends on


def test_the_shipped_plan_can_be_read() -> None:
    question = question_of(read_plan("wsoa-autism"))
    assert sum(n for listed in question.network.backlog for _, n in listed.ages) == 1155
