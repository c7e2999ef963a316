"""The circle: who is in it by rule and by invitation, who leads, messages and tasks."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from evi.care.children.models import Tie
from evi.care.circles import joining, talking
from evi.care.circles.models import Joining, Lead, Message, Place, Task
from evi.care.circles.people import IN_CIRCLE, in_circle, lead_of, members, past_places, people
from evi.care.circles.picture import MOST, picture
from evi.care.circles.rules import joins_by_rule, keep_in_step, leaves_by_rule, rules
from evi.care.circles.summary import work
from evi.care.door.models import AccessEntry
from evi.care.door.visit import Refused

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 26)


@pytest.fixture(autouse=True)
def _today(monkeypatch):
    monkeypatch.setattr("django.utils.timezone.localdate", lambda *_args: TODAY)


def names(world: Any, day: date = TODAY) -> set[str]:
    return {person.name for person in people(world.children["amir"], day)}


def fault(error: pytest.ExceptionInfo[ValidationError], name: str) -> str:
    return " ".join(error.value.message_dict[name])


# By rule.


def test_roll_and_class_bring_in_those_who_teach_and_a_lead(world):
    came, went = keep_in_step(world.children.values(), TODAY)
    assert (came, went) == (4, 0)
    assert names(world) == {"Sana Mahmood", "Tom Reed"}
    lead = lead_of(world.children["amir"], TODAY)
    assert lead is not None
    assert lead.membership == world.members["senco"]
    assert keep_in_step(world.children.values(), TODAY) == (0, 0)
    notes = AccessEntry.objects.filter(child=world.children["amir"].public_id).values_list("note", flat=True)
    assert sorted(notes) == ["joined the circle by the rule roll", "joined the circle by the rule teaches"]


def test_a_caseload_brings_in_only_the_person_that_it_names(world):
    keep_in_step([world.children["amir"]], TODAY)
    assert "Hana Vale" not in names(world)
    tie = world.tie("amir", "on-caseload", "health-visiting", user=world.members["health-visitor"].user)
    keep_in_step([world.children["amir"]], TODAY)
    assert "Hana Vale" in names(world)
    tie.until = TODAY
    tie.save()
    assert keep_in_step([world.children["amir"]], TODAY) == (0, 1)
    assert "Hana Vale" not in names(world)
    assert past_places(world.children["amir"], TODAY)[0].ended_how == Place.End.RULE


def test_a_place_ends_on_the_day_on_which_its_reason_ends(world):
    keep_in_step([world.children["amir"]], TODAY)
    Tie.objects.filter(kind="teaches", child=world.children["amir"]).update(until=TODAY + timedelta(days=9))
    keep_in_step([world.children["amir"]], TODAY)
    assert "Tom Reed" in names(world, TODAY + timedelta(days=8))
    assert "Tom Reed" not in names(world, TODAY + timedelta(days=9))


def test_who_was_taken_out_by_hand_is_not_put_back_by_the_same_tie(world):
    child = world.children["amir"]
    keep_in_step([child], TODAY)
    place = Place.objects.get(child=child, membership=world.members["class-teacher"])
    joining.remove(world.visit("senco", TODAY), child, place)
    assert keep_in_step([child], TODAY) == (0, 0)
    assert "Tom Reed" not in names(world)


def test_a_referral_that_is_accepted_brings_in_who_took_it_up(world):
    child, member = world.children["amir"], world.members["camhs-clinician"]
    place = joins_by_rule(child, "referral-accepted", member, TODAY)
    assert place is not None
    assert place.rule == "referral"
    assert joins_by_rule(child, "referral-accepted", member, TODAY) == place
    assert joins_by_rule(child, "referral-accepted", world.members["parent"], TODAY) is None
    assert keep_in_step([child], TODAY)[1] == 0, "it follows no tie, so no tie ends it"
    assert in_circle(child, member, TODAY)
    assert leaves_by_rule(child, "referral-accepted", member, TODAY) == 1
    assert not in_circle(child, member, TODAY)


def test_every_rule_follows_a_tie_or_an_event():
    assert all(bool(rule.tie) != bool(rule.event) for rule in rules().values())


TIES = st.lists(
    st.tuples(
        st.sampled_from(["on-roll", "teaches", "on-caseload", "duty-desk"]),
        st.sampled_from(["senco", "class-teacher", "health-visitor", "camhs-clinician", "nursery-worker"]),
        st.sampled_from(["person", "team", "organisation"]),
        st.integers(-4, 4),
        st.one_of(st.none(), st.integers(-4, 4)),
    ),
    max_size=5,
)


def by_rule(world: Any, day: date) -> set[int]:
    """The slow way: of every tie, rule and person, whether the rule brings the person in."""
    found = set()
    ties = Tie.objects.filter(child=world.children["bea"], since__lte=day).exclude(until__lte=day)
    for tie in ties:
        for member in world.members.values():
            if member.organisation_id != tie.organisation_id:
                continue
            for rule in rules().values():
                if rule.tie != tie.kind or member.role not in rule.roles:
                    continue
                in_team = tie.team in member.teams.all()
                named = tie.user_id == member.user_id
                whole = tie.user is None and tie.team is None and rule.reach == "organisation"
                if named or (tie.user is None and in_team and rule.reach != "person") or whole:
                    found.add(member.user_id)
    return found


@pytest.mark.both_databases
def test_in_the_circle_by_rule_if_and_only_if_a_live_tie_says_so(world):
    child = world.children["bea"]

    @settings(max_examples=25, deadline=None)
    @given(TIES)
    def holds(ties):
        with transaction.atomic():
            for kind, who, reach, since, length in ties:
                member = world.members[who]
                first = TODAY + timedelta(days=since)
                Tie.objects.create(
                    child=child,
                    kind=kind,
                    organisation=member.organisation,
                    user=member.user if reach == "person" else None,
                    team=world.teams["1A"] if reach == "team" and who == "class-teacher" else None,
                    since=first,
                    until=None if length is None else first + timedelta(days=abs(length)),
                )
            for ahead in (0, 1, 3):
                day = TODAY + timedelta(days=ahead)
                keep_in_step([child], day, ledger=False)
                there = {one.tie.user_id for one in people(child, day)}
                assert there == by_rule(world, day)
                live = Tie.objects.live(day).filter(child=child, kind=IN_CIRCLE)
                assert sorted(there) == sorted(live.values_list("user", flat=True)), "nobody is in twice"
            transaction.set_rollback(True)

    holds()


@pytest.mark.both_databases
def test_coming_and_going_never_leaves_somebody_in_without_a_tie(world):
    child = world.children["amir"]
    keys = ("senco", "class-teacher", "health-visitor", "parent")

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from(keys), st.booleans()), max_size=12))
    def holds(steps):
        with transaction.atomic():
            inside: set[str] = set()
            for who, come in steps:
                member = world.members[who]
                if come:
                    joining.put_in(child, member, Place.How.INVITED, day=TODAY)
                    inside.add(who)
                else:
                    for tie in Tie.objects.live(TODAY).filter(child=child, kind=IN_CIRCLE, user=member.user):
                        joining.take_out(tie, Place.End.LEFT, day=TODAY)
                    inside.discard(who)
                assert {who for who in keys if in_circle(child, world.members[who], TODAY)} == inside
                assert {member.pk for member in members(child, TODAY)} == {
                    world.members[each].pk for each in inside
                }
            transaction.set_rollback(True)

    holds()


# By invitation and on request.


@pytest.mark.both_databases
def test_the_invited_person_sees_the_child_once_they_accept_and_not_before(world):
    child = world.children["amir"]
    clinician = world.visit("camhs-clinician", TODAY)
    assert not clinician.can(child, "view", "plan")
    asked = joining.invite(
        world.visit("senco", TODAY), child, world.members["camhs-clinician"], why="Sleep", part="Sleep nurse"
    )
    assert not world.visit("camhs-clinician", TODAY).can(child, "view", "identity")
    assert [line.kind for line in work(world.visit("camhs-clinician", TODAY))] == ["request"]
    assert "Amir" not in work(world.visit("camhs-clinician", TODAY))[0].text
    joining.answer(clinician, asked, accept=True)
    assert world.visit("camhs-clinician", TODAY).can(child, "view", "plan")
    assert Place.objects.get(child=child).part == "Sleep nurse"
    place = Place.objects.get(child=child)
    joining.remove(world.visit("senco", TODAY), child, place)
    assert not world.visit("camhs-clinician", TODAY).can(child, "view", "plan"), "it ends at once"


def test_declining_changes_nothing_and_answers_once(world):
    child = world.children["amir"]
    asked = joining.invite(world.visit("senco", TODAY), child, world.members["parent"], why="Please join")
    joining.answer(world.visit("parent", TODAY), asked, accept=False)
    assert names(world) == set()
    with pytest.raises(ValidationError, match="answered"):
        joining.answer(world.visit("parent", TODAY), asked, accept=True)
    assert names(world) == set()


def test_nobody_answers_for_somebody_else(world):
    child = world.children["amir"]
    asked = joining.invite(world.visit("senco", TODAY), child, world.members["parent"], why="Please join")
    with pytest.raises(Refused):
        joining.answer(world.visit("other-parent", TODAY), asked, accept=True)
    assert Joining.objects.get().status == Joining.Status.WAITING


@pytest.mark.parametrize(
    ("who", "said"), [("administrator", "No agreement"), ("police-officer", "family must first say yes")]
)
def test_whom_no_agreement_lets_in_is_not_invited(world, who, said):
    with pytest.raises(ValidationError) as error:
        joining.invite(world.visit("senco", TODAY), world.children["amir"], world.members[who], why="Help")
    assert said in fault(error, "email")
    assert not Joining.objects.exists()


def test_a_second_invitation_and_one_to_a_member_are_refused(world):
    child, senco = world.children["amir"], world.visit("senco", TODAY)
    joining.invite(senco, child, world.members["parent"], why="Please join")
    with pytest.raises(ValidationError, match="waits"):
        joining.invite(senco, child, world.members["parent"], why="Again")
    joining.put_in(child, world.members["health-visitor"], Place.How.INVITED, day=TODAY)
    with pytest.raises(ValidationError, match="already"):
        joining.invite(senco, child, world.members["health-visitor"], why="Again")


def test_who_may_not_invite_is_refused_and_nothing_is_written(world):
    with pytest.raises(Refused):
        joining.invite(
            world.visit("other-senco", TODAY), world.children["amir"], world.members["parent"], why="x"
        )
    assert not Joining.objects.exists()


def test_a_request_is_decided_and_its_reason_reaches_who_asked(world):
    child = world.children["amir"]
    asked = joining.ask(world.visit("health-visitor", TODAY), child, why="I visit the baby sister")
    lines = work(world.visit("senco", TODAY))
    assert [(line.kind, line.child) for line in lines] == [("request", child)]
    senco = world.visit("senco", TODAY)
    with pytest.raises(ValidationError) as error:
        joining.decide(senco, asked, accept=False)
    assert "why not" in fault(error, "reason")
    joining.decide(senco, asked, accept=False, reason="The family asked to wait")
    told = work(world.visit("health-visitor", TODAY))
    assert "The family asked to wait" in told[0].text
    again = joining.ask(world.visit("health-visitor", TODAY), child, why="They agree now")
    joining.decide(senco, again, accept=True)
    assert in_circle(child, world.members["health-visitor"], TODAY)


@pytest.mark.both_databases
def test_one_lead_at_a_time_with_a_history(world):
    child, senco = world.children["amir"], world.visit("senco", TODAY)
    for key in ("class-teacher", "health-visitor", "parent"):
        joining.put_in(child, world.members[key], Place.How.INVITED, day=TODAY)
    joining.set_lead(senco, child, world.members["class-teacher"])
    joining.set_lead(senco, child, world.members["health-visitor"])
    lead = lead_of(child, TODAY)
    assert lead is not None
    assert lead.membership == world.members["health-visitor"]
    assert Lead.objects.filter(child=child).count() == 2
    with pytest.raises(ValidationError, match="works with the child"):
        joining.set_lead(senco, child, world.members["parent"])
    with pytest.raises(ValidationError, match="in the circle"):
        joining.set_lead(senco, child, world.members["camhs-clinician"])
    tie = Tie.objects.get(child=child, kind=IN_CIRCLE, user=world.members["health-visitor"].user)
    joining.take_out(tie, Place.End.LEFT, day=TODAY)
    assert lead_of(child, TODAY) is None


def test_a_tie_that_came_another_way_shows_too(world):
    world.tie("amir", IN_CIRCLE, "camhs", user=world.members["camhs-clinician"].user, why="Panel")
    world.tie("amir", IN_CIRCLE, "maternity")
    found = {person.name: person for person in people(world.children["amir"], TODAY)}
    assert found["Cora Lind"].membership == world.members["camhs-clinician"]
    assert found["Maternity service"].membership is None
    assert in_circle(world.children["amir"], world.members["midwife"], TODAY)


# Messages and tasks.


@pytest.fixture
def circle(world):
    for key in ("senco", "class-teacher", "health-visitor", "parent"):
        joining.put_in(world.children["amir"], world.members[key], Place.How.INVITED, day=TODAY)
    return world


def send(world: Any, who: str = "senco", **more: Any) -> Message:
    said = {"kind": "update", "subject": "New seat", "text": "Amir sits by the window now."} | more
    return talking.send(world.visit(who, TODAY), world.children["amir"], **said)


def test_a_message_for_some_is_for_them_alone(circle):
    child = circle.children["amir"]
    send(circle)
    send(circle, subject="Only health", named=[circle.members["health-visitor"]])
    seen = {
        who: [one.subject for one in talking.readable(circle.visit(who, TODAY), child)]
        for who in ("senco", "class-teacher", "health-visitor", "parent")
    }
    assert seen == {
        "senco": ["Only health", "New seat"],
        "class-teacher": ["New seat"],
        "health-visitor": ["Only health", "New seat"],
        "parent": ["New seat"],
    }


def test_what_was_read_is_no_longer_owed(circle):
    message = send(circle)
    visit = circle.visit("health-visitor", TODAY)
    assert [(line.kind, line.text) for line in work(visit)] == [("acknowledge", "New seat")]
    talking.acknowledge(visit, message)
    talking.acknowledge(visit, message)
    assert work(visit) == []
    assert message.acknowledgements.count() == 1
    assert work(circle.visit("senco", TODAY)) == [], "not from who wrote it"


@pytest.mark.both_databases
def test_a_question_is_answered_once(circle):
    message = send(circle, kind="question", subject="Sleep?", answer_by=TODAY + timedelta(days=3))
    line = work(circle.visit("health-visitor", TODAY))[0]
    assert (line.kind, line.due) == ("due", TODAY + timedelta(days=3))
    talking.close(circle.visit("health-visitor", TODAY), message, "About nine hours.")
    with pytest.raises(ValidationError, match="answered already"):
        talking.close(circle.visit("parent", TODAY), message, "Ten.")
    assert Message.objects.get().outcome == "About nine hours."
    with pytest.raises(ValidationError, match="no answer"):
        talking.close(circle.visit("parent", TODAY), send(circle), "Thanks")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("text", "", "Write something"),
        ("text", " \n ", "Write something"),
        ("subject", "s" * 201, "200 characters"),
        ("text", "t" * 20_001, "20,000 characters"),
        ("kind", "chat", "kind of message"),
    ],
)
def test_a_message_that_makes_no_sense_is_refused_by_field(circle, field, value, said):
    with pytest.raises(ValidationError) as error:
        send(circle, **{field: value})
    assert said in fault(error, field)
    assert not Message.objects.exists()


def test_a_message_to_somebody_outside_or_for_yesterday_is_refused(circle):
    with pytest.raises(ValidationError) as error:
        send(circle, named=[circle.members["camhs-clinician"]])
    assert "circle" in fault(error, "named")
    with pytest.raises(ValidationError) as error:
        send(circle, kind="question", answer_by=TODAY - timedelta(days=1))
    assert "passed" in fault(error, "answer_by")


def test_long_notes_emoji_and_pasted_markup_are_kept_as_words(circle):
    text = "😀 " + "سلام " * 1_990 + "<b onclick=x>done</b><script>alert(1)</script>"
    send(circle, text=text, subject="<i>Zoë</i> 👍")
    kept = Message.objects.get()
    assert kept.subject == "Zoë 👍"
    assert kept.text.startswith("😀 سلام")
    assert kept.text.endswith("done")
    with connection.cursor() as cursor:
        cursor.execute("SELECT text FROM circles_message")
        assert b"done" not in bytes(cursor.fetchone()[0])


def test_a_task_is_for_somebody_in_the_circle_and_ends_once(circle):
    child, senco = circle.children["amir"], circle.visit("senco", TODAY)
    week = TODAY + timedelta(days=7)
    for who, due, name in (
        ("camhs-clinician", week, "who"),
        ("parent", TODAY - timedelta(days=1), "due"),
        ("parent", date(2206, 1, 1), "due"),
        ("parent", None, "due"),
    ):
        with pytest.raises(ValidationError) as error:
            talking.give_task(senco, child, what="Ring", who=circle.members[who], due=due)
        assert fault(error, name)
    task = talking.give_task(senco, child, what="Bring the card", who=circle.members["parent"], due=week)
    assert [(line.text, line.due) for line in work(circle.visit("parent", TODAY))] == [
        ("Bring the card", week)
    ]
    with pytest.raises(ValidationError, match="not needed"):
        talking.end_task(circle.visit("parent", TODAY), task, done=False)
    talking.end_task(circle.visit("parent", TODAY), task, done=True)
    with pytest.raises(ValidationError, match="already"):
        talking.end_task(senco, task, done=True)
    assert Task.objects.get().ended_by == circle.members["parent"]
    other = talking.give_task(senco, child, what="Look", who=circle.members["class-teacher"], due=week)
    with pytest.raises(Refused):
        talking.end_task(circle.visit("parent", TODAY), other, done=True)


# The picture.


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 30), st.text(alphabet="abc é😀م<", max_size=40))
def test_the_picture_holds_everyone_inside_its_edges(number, name):
    from evi.care.accounts.models import Organisation
    from evi.care.circles.people import Person

    one = Person(Tie(organisation=Organisation(name="x")), name, "School", "school", "", TODAY)
    drawn = picture("Amir", [one] * number)
    assert len(drawn.marks) == min(number, MOST)
    assert all(20 <= mark.x <= drawn.width - 20 and 20 <= mark.y <= drawn.height - 50 for mark in drawn.marks)
