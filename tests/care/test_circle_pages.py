"""Pages of the circle and of the plan: who may open which, what they hold, and what they cost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from evi.care.children.models import Tie, Withheld
from evi.care.circles import joining
from evi.care.circles.models import Joining, Message, Place, Task
from evi.care.circles.people import in_circle, lead_of
from evi.care.circles.seeding import seed_message, seed_task
from evi.care.circles.summary import work as circle_work
from evi.care.pages import gather_cards
from evi.care.support import planning, seeding
from evi.care.support.models import Action, Need, Plan, Review
from evi.care.support.planning import Found
from evi.care.support.summary import work as plan_work

pytestmark = pytest.mark.django_db
SHELL, OWN = 9, 6
"""Queries of every page of a child (session, who, child, ties, wishes, ledger), and of the page itself."""
WEEK = timedelta(days=7)


@pytest.fixture
def amir(world) -> Any:
    """Amir with a circle of five, a plan with three goals, a review, 30 messages and 30 tasks."""
    child, senco = world.children["amir"], world.members["senco"]
    now = timezone.now()
    for key in ("senco", "class-teacher", "health-visitor", "parent", "camhs-clinician"):
        joining.put_in(
            child, world.members[key], Place.How.INVITED, part="Knows Amir", day=now.date() - 20 * WEEK
        )
    plan = seeding.seed_plan(child, senco, now - 10 * WEEK)
    need = seeding.seed_need(
        plan, senco, now - 10 * WEEK, area="communication", text="Points instead of asking"
    )
    actions = []
    for number in range(3):
        goal = seeding.seed_outcome(
            need,
            senco,
            now - 10 * WEEK,
            text=f"Goal {number}",
            measure="Tally",
            target="Daily",
            by_when=now.date() + 10 * WEEK,
        )
        actions.append(
            seeding.seed_action(
                goal,
                senco,
                now - 10 * WEEK,
                what=f"Action {number} at 9 Elm Road",
                who=world.members["class-teacher"],
                start=now.date() - 9 * WEEK,
                until=now.date() - WEEK,
                offer="quiet-space",
                strategy="quiet-place",
            )
        )
    findings = [Found(each, "helped", "keep", did="Calmer") for each in actions]
    seeding.seed_review(
        plan, senco, now - 4 * WEEK, summary="Go on", findings=findings, next_due=now.date() + 4 * WEEK
    )
    for number in range(30):
        seed_message(child, senco, now, kind="question", subject=f"Message {number}", text="Text")
        seed_task(
            child, senco, now, what=f"Task {number}", who=world.members["parent"], due=now.date() + WEEK
        )
    return child


def page(child: Any, name: str, **arguments: Any) -> str:
    return reverse(name, kwargs={"child": child.public_id, **arguments})


READ = (
    "circles:circle",
    "circles:messages",
    "circles:tasks",
    "support:plan",
    "support:history",
    "support:offers",
)
WRITE = ("circles:new-message", "circles:new-task", "support:new-need", "support:new-review", "support:close")
INVITE = ("circles:invite",)
EXPORT = ("support:tried",)
MAY = {
    "senco": {*READ, *WRITE, *INVITE, *EXPORT},
    "class-teacher": {*READ, *WRITE},
    "health-visitor": {*READ, *WRITE, *INVITE, *EXPORT},
    "camhs-clinician": {*READ, *WRITE},
    "parent": {*READ, *INVITE, *EXPORT, "circles:new-message"},
    "other-senco": set(),
    "other-parent": set(),
    "nursery-worker": set(),
    "midwife": set(),
    "social-worker": set(),
    "police-officer": set(),
    "data-guardian": set(),
    "administrator": set(),
}


@pytest.mark.parametrize("who", sorted(MAY))
def test_each_page_opens_for_those_whom_an_agreement_lets_and_nobody_else(amir, as_role, who):
    client = as_role(who)
    answers = {name: client.get(page(amir, name)) for name in (*READ, *WRITE, *INVITE, *EXPORT)}
    opened = {name for name, answer in answers.items() if answer.status_code == 200}
    assert opened == MAY[who]
    assert all(answer.status_code == 403 for name, answer in answers.items() if name not in opened)
    if not opened:
        assert all(b"Amir" not in answer.content for answer in answers.values())


@pytest.mark.parametrize("name", [*READ, *WRITE, *INVITE, *EXPORT])
def test_a_page_asks_the_database_little(amir, as_role, name):
    client = as_role("senco")
    client.get(page(amir, name))
    with CaptureQueriesContext(connection) as counted:
        answer = client.get(page(amir, name))
    assert answer.status_code == 200
    asked = [each["sql"] for each in counted if not each["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    assert len(asked) <= SHELL + OWN


def test_the_circle_shows_everyone_in_words_and_in_a_picture_with_a_text(amir, as_role):
    seen = as_role("senco").get(page(amir, "circles:circle")).content.decode()
    assert seen.count("Hana Vale") >= 2
    assert 'role="img"' in seen
    assert "Round Amir Iqbal: " in seen


@pytest.mark.both_databases
def test_an_invitation_goes_from_form_to_circle(world, as_role):
    child = world.children["amir"]
    senco = as_role("senco")
    wrong = senco.post(
        page(child, "circles:invite"), {"who": "other", "email": "nobody@example.org", "why": "x"}
    )
    assert wrong.status_code == 422
    assert "Nobody with this email address" in wrong.content.decode()
    parent = str(world.members["parent"].pk)
    sent = senco.post(
        page(child, "circles:invite"), {"who": parent, "why": "You know him best", "part": "Mum"}
    )
    assert sent.status_code == 302
    asked = Joining.objects.get()
    link = page(child, "circles:invitation", joining_id=asked.public_id)
    assert as_role("other-parent").get(link).status_code == 404
    assert b"invites you" in as_role("parent").get("/").content
    invited = as_role("camhs-clinician").get(link)
    assert invited.status_code == 404
    answer = as_role("parent").post(link, {"answer": "accept"})
    assert answer.status_code == 302
    assert in_circle(child, world.members["parent"])
    assert as_role("parent").post(link, {"answer": "accept"}).status_code == 422


@pytest.mark.both_databases
def test_an_invitation_tells_nothing_of_the_child_before_it_is_accepted(world, as_role):
    child = world.children["amir"]
    posted = {"who": "other", "email": "camhs-clinician@example.org", "why": "Sleep advice"}
    assert as_role("senco").post(page(child, "circles:invite"), posted).status_code == 302
    link = page(child, "circles:invitation", joining_id=Joining.objects.get().public_id)
    seen = as_role("camhs-clinician").get(link).content.decode()
    assert "Sleep advice" in seen
    assert "Amir" not in seen
    assert as_role("camhs-clinician").post(link, {"answer": "accept"}).status_code == 302
    assert as_role("camhs-clinician").get(page(child, "circles:circle")).status_code == 200


def test_a_person_with_two_roles_is_invited_in_one(world, as_role):
    from evi.care.accounts.models import Membership

    user = world.members["camhs-clinician"].user
    other = Membership.objects.create(
        user=user, role="health-visitor", organisation=world.organisations["health-visiting"]
    )
    child, senco = world.children["amir"], as_role("senco")
    posted = {"who": "other", "email": user.email, "why": "Help"}
    asked = senco.post(page(child, "circles:invite"), posted)
    assert asked.status_code == 422
    assert "more than one role" in asked.content.decode()
    assert senco.post(page(child, "circles:invite"), posted | {"acting": str(other.pk)}).status_code == 302
    assert Joining.objects.get().membership == other


@pytest.mark.both_databases
def test_taking_out_leaving_and_leading(amir, world, as_role):
    senco = as_role("senco")
    senco.post(page(amir, "circles:lead"), {"lead": str(world.members["class-teacher"].pk)})
    assert lead_of(amir).membership == world.members["class-teacher"]
    place = Place.objects.get(child=amir, membership=world.members["class-teacher"])
    link = page(amir, "circles:remove", place_id=place.public_id)
    assert senco.get(link).status_code == 200
    assert senco.post(link).status_code == 302
    assert senco.post(link).status_code == 404, "only once"
    place.refresh_from_db()
    assert (place.ended_how, place.ended_by) == (Place.End.REMOVED, world.members["senco"])
    assert lead_of(amir) is None
    visitor = as_role("health-visitor")
    assert visitor.get(page(amir, "circles:leave")).status_code == 200
    assert visitor.post(page(amir, "circles:leave")).status_code == 302
    assert not in_circle(amir, world.members["health-visitor"])
    assert (
        Place.objects.get(child=amir, membership=world.members["health-visitor"]).ended_how == Place.End.LEFT
    )
    assert "Who was here before" in senco.get(page(amir, "circles:circle")).content.decode()


def test_a_message_is_written_read_and_answered(amir, world, as_role):
    Message.objects.all().delete()
    teacher, visitor = as_role("class-teacher"), as_role("health-visitor")
    posted = {"kind": "question", "subject": "Glasses?", "text": "Did he see the <b>optician</b>?"}
    assert teacher.post(page(amir, "circles:new-message"), posted | {"named": ["x"]}).status_code == 422
    assert teacher.post(page(amir, "circles:new-message"), posted).status_code == 302
    message = Message.objects.get()
    link = {"message_id": message.public_id}
    assert "optician?" in visitor.get(page(amir, "circles:message", **link)).content.decode()
    assert visitor.post(page(amir, "circles:acknowledge", **link)).status_code == 302
    assert visitor.post(page(amir, "circles:answer", **link), {"outcome": " "}).status_code == 422
    assert visitor.post(page(amir, "circles:answer", **link), {"outcome": "Yes, in May"}).status_code == 302
    again = teacher.post(page(amir, "circles:answer", **link), {"outcome": "No"})
    assert again.status_code == 422
    assert "Yes, in May" in again.content.decode()


def test_a_named_message_is_not_there_for_others(amir, world, as_role):
    message = Message.objects.first()
    assert message is not None
    message.to_all = False
    message.save()
    message.named.set([world.members["parent"].user])
    link = page(amir, "circles:message", message_id=message.public_id)
    assert as_role("parent").get(link).status_code == 200
    assert as_role("class-teacher").get(link).status_code == 404


def test_a_task_is_given_and_done(amir, world, as_role):
    posted = {"what": "Ring", "who": str(world.members["parent"].pk)} | days(due=timezone.localdate() + WEEK)
    senco = as_role("senco")
    assert senco.post(page(amir, "circles:new-task"), posted).status_code == 302
    task = Task.objects.order_by("-pk")[0]
    link = page(amir, "circles:end-task", task_id=task.public_id)
    parent = as_role("parent")
    assert parent.get(link).status_code == 200
    assert parent.post(link, {"done": "no"}).status_code == 422
    assert parent.post(link, {"done": "yes"}).status_code == 302
    assert parent.get(link).status_code == 404


def days(**fields: Any) -> dict[str, Any]:
    return {
        f"{name}_{part}": getattr(day, part)
        for name, day in fields.items()
        for part in ("day", "month", "year")
    }


def test_a_plan_is_begun_and_written_through_its_forms(world, as_role):
    child, senco, today = world.children["cy"], as_role("senco"), timezone.localdate()
    assert senco.post(page(child, "support:start"), days(review_due=today - WEEK)).status_code == 422
    assert senco.post(page(child, "support:start"), days(review_due=today + WEEK)).status_code == 302
    assert senco.post(page(child, "support:start"), days(review_due=today + WEEK)).status_code == 422
    said = {"area": "home", "text": "Tired", "view": "family"}
    assert senco.post(page(child, "support:new-need"), said).status_code == 302
    need = Need.objects.get()
    goal = {"text": "Sleeps", "measure": "Diary", "target": "9 hours"} | days(by_when=today + 4 * WEEK)
    link = page(child, "support:new-outcome", need_id=need.public_id)
    assert senco.post(link, goal | {"by_when_month": "13"}).status_code == 422
    assert senco.post(link, goal).status_code == 302
    outcome = need.outcomes.get()
    link = page(child, "support:new-action", outcome_id=outcome.public_id)
    act = {"what": "Bedtime chart", "who_name": "Mum", "offer": "sleep-clinic"}
    act |= days(start=today, until=today + 3 * WEEK)
    assert "Sleep workshop" in senco.get(f"{link}?offer=sleep-clinic").content.decode()
    assert senco.post(link, act | {"who_name": ""}).status_code == 422
    assert senco.post(link, act).status_code == 302
    action = Action.objects.get()
    link = page(child, "support:new-review")
    form = {"revision": Plan.objects.get().revision, "summary": "Go on"} | days(held_on=today)
    form |= {f"status-{outcome.public_id}": "partly"}
    assert senco.post(link, form).status_code == 422
    form |= {
        f"{name}-{action.public_id}": value for name, value in (("tried", "Chart"), ("effect", "helped"))
    }
    form |= {f"verdict-{action.public_id}": "keep"}
    assert senco.post(link, form).status_code == 302
    review = Review.objects.get()
    assert (
        "It helped" in senco.get(page(child, "support:review", review_id=review.public_id)).content.decode()
    )
    again = senco.post(link, form)
    assert again.status_code == 409
    assert "Somebody else held a review" in again.content.decode()
    tried = senco.get(page(child, "support:tried")).content.decode()
    assert "1 action was tried" in tried
    assert senco.post(page(child, "support:close"), {"why": "Done"}).status_code == 302
    assert senco.get(page(child, "support:new-need")).status_code == 404


def test_whoever_is_overtaken_keeps_their_words_and_sees_the_others(amir, world, as_role):
    need = Need.objects.get()
    link = page(amir, "support:change-need", need_id=need.public_id)
    read_at = Plan.objects.get().revision
    said = {"area": "communication", "view": "practitioner", "status": "open", "revision": read_at}
    assert as_role("class-teacher").post(link, said | {"text": "Points and says please"}).status_code == 302
    late = as_role("senco").post(link, said | {"text": "Points at doors"})
    assert late.status_code == 409
    seen = late.content.decode()
    assert "Tom Reed" in seen
    assert "Points and says please" in seen
    assert "Points at doors" in seen
    newest = Plan.objects.get().revision
    assert f'value="{newest}"' in seen
    merged = said | {"text": "Points at doors and says please", "revision": newest}
    assert as_role("senco").post(link, merged).status_code == 302
    assert Need.objects.get().text == "Points at doors and says please"


def test_an_address_that_is_kept_back_from_a_parent_is_in_no_page_of_the_plan(amir, world, as_role):
    amir.address = "9 Elm Road, Bradford"
    amir.save()
    parent = as_role("parent")
    names = ("support:plan", "support:history", "support:tried")
    assert all(b"Elm Road" in parent.get(page(amir, name)).content for name in names)
    Withheld.objects.create(
        child=amir, user=world.members["parent"].user, items=["contact", "circle", "messages"]
    )
    answers = {name: parent.get(page(amir, name)) for name in names}
    assert all(answer.status_code == 200 for answer in answers.values())
    assert all(b"Elm Road" not in answer.content for answer in answers.values())
    cards = gather_cards(world.visit("parent"), amir)
    assert "Who is round this child" not in {card.title for card in cards}


def test_cards_and_work_hold_what_is_due(amir, world, django_assert_max_num_queries):
    cards = {card.title: card for card in gather_cards(world.visit("senco"), amir)}
    assert len(cards["Who is round this child"].context["people"]) == 5
    assert len(cards["Support now"].context["actions"]) == 3
    with django_assert_max_num_queries(5):
        assert len(circle_work(world.visit("class-teacher"))) == 30, "30 messages to acknowledge"
        assert plan_work(world.visit("class-teacher")) == [], "kept until the next review"


def test_a_place_that_is_not_of_this_child_is_not_there(amir, world, as_role):
    senco = as_role("senco")
    other = world.children["cy"]
    plan = planning.start_plan(world.visit("senco"), other)
    need = planning.add_need(world.visit("senco"), plan, area="home", text="Secret")
    joining.put_in(other, world.members["class-teacher"], Place.How.INVITED)
    place = Place.objects.get(child=other)
    task = Task.objects.first()
    for link in (
        page(amir, "support:change-need", need_id=need.public_id),
        page(amir, "circles:remove", place_id=place.public_id),
        page(other, "circles:end-task", task_id=task.public_id),
    ):
        assert senco.get(link).status_code == 404
    assert Tie.objects.filter(child=other, kind="in-circle").live().count() == 1
