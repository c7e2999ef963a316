"""The support plan: its cycle, its history, two writers at once, and what makes no sense."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from evi.care.circles import joining
from evi.care.circles.models import Place
from evi.care.door.models import AccessEntry
from evi.care.door.visit import Refused
from evi.care.support import planning, seeding
from evi.care.support.evidence import evidence
from evi.care.support.history import history, since, state_at
from evi.care.support.models import Action, Finding, Need, Outcome, Plan, Review, Version
from evi.care.support.pen import state_of
from evi.care.support.planning import Found, Overtaken
from evi.care.support.summary import work
from evi.care.support.timeline import timeline

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 26)
WEEK = timedelta(days=7)


@pytest.fixture(autouse=True)
def _today(monkeypatch):
    now = datetime(2026, 11, 26, 12, tzinfo=timezone.get_current_timezone())
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)


@pytest.fixture
def child(world) -> Any:
    """Amir, with the SENCO, the class teacher and the parent in his circle."""
    for key in ("senco", "class-teacher", "parent"):
        joining.put_in(world.children["amir"], world.members[key], Place.How.INVITED, day=TODAY - 30 * WEEK)
    return world.children["amir"]


@pytest.fixture
def senco(world) -> Any:
    return world.visit("senco", TODAY)


@pytest.fixture
def plan(senco, child) -> Plan:
    return planning.start_plan(senco, child, TODAY + 6 * WEEK)


@pytest.fixture
def need(senco, plan) -> Need:
    return planning.add_need(senco, plan, area="communication", text="Points instead of asking.")


@pytest.fixture
def outcome(senco, need) -> Outcome:
    return planning.add_outcome(
        senco,
        need,
        text="Asks for help",
        measure="Teacher's tally",
        baseline="Never",
        target="Four days of five",
        by_when=TODAY + 10 * WEEK,
    )


def act(visit: Any, outcome: Outcome, who: Any = None, **more: Any) -> Action:
    said = {
        "what": "Picture cards",
        "start": TODAY,
        "until": TODAY + 5 * WEEK,
        "offer": "pictures-and-routine",
    }
    by = {"who_name": "Grandmother"} if who is None else {"who": who}
    return planning.add_action(visit, outcome, **said | by | more)


def fault(error: pytest.ExceptionInfo[ValidationError], name: str) -> str:
    return " ".join(error.value.message_dict[name])


@pytest.mark.both_databases
def test_a_cycle_from_need_to_review_and_what_follows_from_it(world, child, senco, plan, outcome):
    keep = act(senco, outcome, world.members["class-teacher"])
    stop = act(senco, outcome, what="Sticker chart", until=TODAY + 20 * WEEK)
    review = planning.hold_review(
        senco,
        plan,
        held_on=TODAY,
        summary="Cards help, stickers don't.",
        child_view="I like the cards 👍",
        findings=[
            Found(keep, "helped", "keep", did="Asked on three days"),
            Found(stop, "no-change", "stop", tried="Stickers for two weeks"),
        ],
        outcomes={outcome: "partly"},
        next_due=TODAY + 12 * WEEK,
    )
    for each in (keep, stop, outcome, plan):
        each.refresh_from_db()
    assert (keep.status, keep.until) == ("under-way", TODAY + 12 * WEEK), "it goes on until the next review"
    assert stop.status == "stopped"
    assert outcome.status == "partly"
    assert plan.review_due == TODAY + 12 * WEEK
    assert review.cycle == 1
    found = evidence(child, TODAY)
    assert (found.actions, found.reviewed) == (2, 2)
    tried = {each.action.what: each for each in found.goals[0].tried}
    assert tried["Sticker chart"].last.tried == "Stickers for two weeks"
    assert tried["Picture cards"].last.effect == Finding.Effect.HELPED
    assert tried["Picture cards"].offer.title == "Pictures and a steady routine"
    assert AccessEntry.objects.filter(action="contribute", child=child.public_id).count() == 6


def test_nothing_is_encrypted_only_in_name(need):
    with connection.cursor() as cursor:
        for table, column in (("support_need", "text"), ("support_version", "state")):
            cursor.execute(f"SELECT {column} FROM {table}")
            assert all(b"Points" not in bytes(row[0]) for row in cursor.fetchall())


TEXTS = st.text(alphabet="ab \n😀é", max_size=12).filter(lambda text: text.strip())
CHANGES = st.lists(
    st.tuples(st.sampled_from(["text", "strengths", "status", "add"]), TEXTS, st.booleans()), max_size=7
)


def test_every_state_that_was_ever_written_can_be_read_again(senco, plan):
    @settings(max_examples=15, deadline=None)
    @given(CHANGES)
    def holds(changes):
        with transaction.atomic():
            Plan.objects.filter(pk=plan.pk).update(revision=1)
            fresh = Plan.objects.select_related("child").get(pk=plan.pk)
            needs = [planning.add_need(senco, fresh, area="feelings", text="First")]
            seen = {fresh.revision: {each.public_id: state_of(each) for each in needs}}
            for field, text, yes in changes:
                if field == "add":
                    needs.append(planning.add_need(senco, fresh, area="home", text=text))
                else:
                    value = ("met" if yes else "open") if field == "status" else text
                    number = len(text) % len(needs)
                    needs[number] = planning.change(senco, needs[number], fresh.revision, **{field: value})
                    fresh = Plan.objects.select_related("child").get(pk=plan.pk)
                seen[fresh.revision] = {each.public_id: state_of(each) for each in needs}
            for revision, states in seen.items():
                found = state_at(fresh, revision)
                assert {part: found[part] for part in states} == {
                    part: {"kind": "need", **state} for part, state in states.items()
                }
            assert len(history(fresh)) == len(changes) + 2
            transaction.set_rollback(True)

    holds()


def test_a_version_is_never_changed_or_deleted(need):
    version = Version.objects.first()
    assert version is not None
    version.why = "rewritten"
    with pytest.raises(TypeError):
        version.save()
    with pytest.raises(TypeError):
        version.delete()


@pytest.mark.both_databases
def test_the_second_of_two_is_shown_the_difference_and_nothing_is_lost(world, child, senco, plan, need):
    teacher, read_at = world.visit("class-teacher", TODAY), need.plan.revision
    first = Need.objects.select_related("plan__child").get(pk=need.pk)
    planning.change(teacher, first, read_at, why="He began", text="Points, and now says please.")
    second = Need.objects.select_related("plan__child").get(pk=need.pk)
    with pytest.raises(Overtaken) as faster:
        planning.change(senco, second, read_at, text="Points at the door.")
    step = since(faster.value.versions)[0]
    assert [(each.before, each.after) for each in step.differences] == [
        ("Points instead of asking.", "Points, and now says please.")
    ]
    assert step.version.by == world.members["class-teacher"]
    newest = max(each.revision for each in faster.value.versions)
    planning.change(senco, second, newest, text="Points at the door, and says please.")
    texts = [each.state["text"] for each in Version.objects.filter(part=need.public_id)]
    assert texts == [
        "Points instead of asking.",
        "Points, and now says please.",
        "Points at the door, and says please.",
    ]


def test_changes_to_different_parts_do_not_collide(world, senco, plan, need, outcome):
    read_at = plan.revision
    planning.change(
        world.visit("class-teacher", TODAY), outcome, outcome.plan.revision, target="Three of five"
    )
    planning.change(senco, need, need.plan.revision + 1, text="Points.")
    assert Plan.objects.get(pk=plan.pk).revision > read_at + 1


def test_a_second_review_of_the_same_moment_is_held_back(senco, plan, outcome):
    read_at = Plan.objects.get(pk=plan.pk).revision
    planning.hold_review(senco, plan, held_on=TODAY, summary="One", revision=read_at)
    with pytest.raises(Overtaken):
        planning.hold_review(senco, plan, held_on=TODAY, summary="Two", revision=read_at)
    assert Review.objects.count() == 1


@pytest.mark.both_databases
def test_four_writers_at_once_lose_nothing(tmp_path):
    address = os.environ.get("EVI_CARE_DATABASE", "")
    if address:
        with psycopg.connect(address, autocommit=True) as session:
            session.execute("CREATE DATABASE plan_trial")
        address = address.rsplit("/", 1)[0] + "/plan_trial"
    places = {"EVI_CARE_HOME": str(tmp_path), "EVI_CARE_DATABASE": address}
    done = subprocess.run(
        [sys.executable, "-m", "tests.care.plan_trial"],
        env=os.environ | places | {"DJANGO_SETTINGS_MODULE": "tests.care.settings"},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout)
    assert said["needs"] == 13
    assert said["counted"] == 12, "each of 12 counts is in the last state"
    assert said["states"] == list(range(13)), "and every state between is kept"
    assert said["revision"] == said["ledger"] == 26
    assert said["revisions"] == list(range(1, 27))


# What makes no sense.


@pytest.mark.parametrize(
    ("fields", "name", "said"),
    [
        ({"until": TODAY - timedelta(days=1)}, "until", "passed"),
        ({"start": TODAY + WEEK, "until": TODAY}, "until", "before the first"),
        ({"start": date(1926, 1, 1)}, "start", "too long ago"),
        ({"until": date(2206, 1, 1)}, "until", "too far off"),
        ({"start": None}, "start", "day on which"),
        ({"until": None}, "until", "Write a day"),
        ({"what": " <p></p> "}, "what", "what will be done"),
        ({"who_name": ""}, "who", "who will do it"),
        ({"offer": "magic"}, "offer", "offer from the list"),
        ({"strategy": "magic"}, "strategy", "strategy from the list"),
        ({"status": "maybe"}, "status", "from the list"),
        ({"what": "w" * 20_001}, "what", "too long"),
    ],
)
def test_an_action_that_makes_no_sense_is_refused_by_field(senco, outcome, fields, name, said):
    with pytest.raises(ValidationError) as error:
        act(senco, outcome, **fields)
    assert said in fault(error, name)
    assert not Action.objects.exists()
    assert Version.objects.filter(kind="action").count() == 0


def test_an_action_is_for_somebody_in_the_circle(world, senco, outcome):
    with pytest.raises(ValidationError) as error:
        act(senco, outcome, world.members["camhs-clinician"])
    assert "not in the child's circle" in fault(error, "who")
    with pytest.raises(ValidationError) as error:
        act(senco, outcome, world.members["parent"], who_name="Grandmother")
    assert "not both" in fault(error, "who_name")


def test_an_action_of_somebody_who_has_left_can_still_be_changed(world, child, senco, outcome):
    action = act(senco, outcome, world.members["parent"])
    place = Place.objects.get(child=child, membership=world.members["parent"])
    joining.remove(senco, child, place)
    done = planning.change(senco, action, action.plan.revision, status="done", who=world.members["parent"])
    assert done.status == "done"


def test_goals_needs_and_reviews_that_make_no_sense_are_refused(senco, plan, need, outcome):
    for fields, name in (
        ({"area": "magic", "text": "x"}, "area"),
        ({"area": "home", "text": ""}, "text"),
        ({"area": "home", "text": "x", "view": "cat"}, "view"),
    ):
        with pytest.raises(ValidationError) as error:
            planning.add_need(senco, plan, **fields)
        assert fault(error, name)
    with pytest.raises(ValidationError) as error:
        planning.add_outcome(senco, need, text="", measure="", target="", by_when=TODAY - WEEK)
    assert set(error.value.message_dict) == {"text", "measure", "target", "by_when"}
    action = act(senco, outcome)
    for fields in (
        {"held_on": TODAY + WEEK, "summary": "x"},
        {"held_on": TODAY - WEEK, "summary": "x"},
        {"held_on": TODAY, "summary": ""},
        {"held_on": TODAY, "summary": "x", "next_due": TODAY - WEEK},
        {"held_on": TODAY, "summary": "x"},
        {"held_on": TODAY, "summary": "x", "findings": [Found(action, "magic", "keep")]},
        {"held_on": TODAY, "summary": "x", "findings": [Found(action, "helped", "keep")] * 2},
    ):
        with pytest.raises(ValidationError):
            planning.hold_review(senco, plan, **fields)
    assert Review.objects.count() == 0
    assert Plan.objects.get(pk=plan.pk).revision == 4


def test_an_action_of_another_plan_can_not_be_reviewed(world, senco, plan, outcome):
    other = planning.start_plan(senco, world.children["cy"])
    need = planning.add_need(senco, other, area="home", text="x")
    goal = planning.add_outcome(senco, need, text="x", measure="x", target="x", by_when=TODAY + WEEK)
    action = act(senco, goal)
    with pytest.raises(ValidationError, match="another plan"):
        planning.hold_review(
            senco, plan, held_on=TODAY, summary="x", findings=[Found(action, "helped", "keep")]
        )


def test_ten_thousand_characters_emoji_markup_and_urdu_are_kept(senco, plan):
    text = "آپ کا بچہ 😀 <b>x</b> 1 < 2 " * 520
    need = planning.add_need(senco, plan, area="home", text=text)
    assert len(need.text) > 9_000
    assert "<b>" not in need.text
    assert "1 < 2" in need.text


def test_who_may_not_write_the_plan_is_refused_and_nothing_is_written(world, plan, need):
    for who in ("parent", "other-senco", "police-officer", "camhs-clinician", "administrator"):
        with pytest.raises(Refused):
            planning.add_need(world.visit(who, TODAY), plan, area="home", text="x")
    assert Need.objects.count() == 1


@pytest.mark.both_databases
def test_one_open_plan_and_a_closed_one_is_left_alone(senco, child, plan, need):
    with pytest.raises(ValidationError, match="already"):
        planning.start_plan(senco, child)
    planning.close_plan(senco, plan, "Moved on to the school's own plan")
    with pytest.raises(ValidationError, match="closed"):
        planning.change(senco, need, 99, text="x")
    again = planning.start_plan(senco, child)
    assert planning.plan_of(child) == again
    assert Need.objects.get().text == "Points instead of asking."


# What is due, and the pictures.


def test_reviews_and_actions_come_to_whom_they_wait_for(world, child, senco, plan, outcome):
    joining.set_lead(senco, child, world.members["class-teacher"])
    act(senco, outcome, world.members["parent"], what="Read together", until=TODAY + timedelta(days=2))
    late = act(senco, outcome, world.members["senco"], what="Card box")
    Action.objects.filter(pk=late.pk).update(until=TODAY - timedelta(days=3), start=TODAY - WEEK)
    planning.set_review_date(senco, plan, TODAY + WEEK)
    teacher = [(line.text, line.due) for line in work(world.visit("class-teacher", TODAY))]
    assert teacher == [
        ("Review of the support plan", TODAY + WEEK),
        ("Sana Mahmood: Card box", TODAY - timedelta(days=3)),
    ]
    assert [line.text for line in work(world.visit("parent", TODAY))] == ["Read together"]
    assert [line.text for line in work(senco)] == ["Card box"]
    assert work(world.visit("other-senco", TODAY)) == []


def test_a_made_up_past_obeys_the_same_rules(world, child):
    began = timezone.now() - 20 * WEEK
    plan = seeding.seed_plan(child, world.members["senco"], began)
    need = seeding.seed_need(plan, world.members["senco"], began, area="sensory", text="Covers his ears")
    goal = seeding.seed_outcome(
        need,
        world.members["senco"],
        began,
        text="Stays in class",
        measure="Minutes",
        target="30",
        by_when=TODAY,
    )
    with pytest.raises(ValidationError):
        seeding.seed_action(
            goal,
            world.members["senco"],
            began,
            what="x",
            who=world.members["midwife"],
            start=TODAY,
            until=TODAY,
        )
    first = began.date()
    action = seeding.seed_action(
        goal,
        world.members["senco"],
        began,
        what="Ear defenders",
        who_name="All",
        start=first,
        until=first + 6 * WEEK,
    )
    seeding.seed_review(
        plan,
        world.members["class-teacher"],
        began + 6 * WEEK,
        summary="Better",
        findings=[Found(action, "a-little", "change")],
        next_due=first + 14 * WEEK,
    )
    seeding.seed_change(
        action, world.members["class-teacher"], began + 6 * WEEK, "As agreed", how_often="At lunch"
    )
    found = evidence(child, TODAY).goals[0].tried[0]
    assert found.weeks == 14
    assert history(plan)[0].kind == "Action"


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-900, 900), st.integers(0, 900), st.text(max_size=80)), max_size=9),
    st.lists(st.integers(-400, 0), max_size=4),
    st.one_of(st.none(), st.integers(-100, 400)),
)
def test_the_timeline_keeps_every_bar_and_mark_inside_its_edges(spans, reviews, due):
    actions = [
        Action(what=text, start=TODAY + timedelta(days=first), until=TODAY + timedelta(days=first + length))
        for first, length, text in spans
    ]
    held = [Review(held_on=TODAY + timedelta(days=day)) for day in reviews]
    drawn = timeline(actions, held, None if due is None else TODAY + timedelta(days=due), TODAY)
    if not actions:
        assert drawn is None
        return
    assert drawn is not None
    assert len(drawn.bars) == len(actions)
    assert all(bar.x >= 8 and bar.x + bar.width <= drawn.width - 1 and bar.width > 0 for bar in drawn.bars)
    assert all(8 <= mark.x <= drawn.width - 7 for mark in (*drawn.reviews, *drawn.months))
