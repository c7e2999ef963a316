"""One of everything that an address can name, for tests that open every page."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.utils import timezone

from evi.care.accounts import inviting
from evi.care.children.models import Entry, SearchRecord, Wish
from evi.care.circles.joining import put_in
from evi.care.circles.models import Joining, Message, Place, Task
from evi.care.door.models import Blockage, BreakGlass
from evi.care.exchange.models import Incoming, Token
from evi.care.findings.models import Finding, PerhapsSame, Release
from evi.care.passports.models import Pack, PackQuestion, Share
from evi.care.passports.seeding import Line, seed
from evi.care.support.models import Action, Need, Outcome, Plan, Review
from tests.care.conftest import World

FAR = date.today() + timedelta(days=30)  # noqa: DTZ011


def make(world: World) -> dict[str, Any]:
    """Write one of everything about Amir; gives a value for each name in an address."""
    amir, members = world.children["amir"], world.members
    senco, teacher, parent = members["senco"], members["class-teacher"], members["parent"]
    seed(amir, [Line(teacher, "strengths", "practitioner", "Kind to younger children", "fact")])
    for item, code in (("chronology.health", "health-visiting"), ("chronology.education", "hill-school")):
        Entry.objects.create(
            child=amir,
            item=item,
            nature="fact",
            happened_on=date(2026, 9, 1),
            title="A visit",
            source=world.organisations[code],
        )
    return {
        "child": amir.public_id,
        "section": "strengths",
        "voice": "practitioner",
        "nature": "fact",
        "passports:view": "teacher",
        "passports:kind": "primary-to-secondary",
        "api:kind": "education",
        **_circle(world),
        **_plan(world),
        **_handed_over(world),
        **_door(world),
        **_accounts(world),
        "record": SearchRecord.objects.create(user=senco.user, words={"text": "Amir", "born": ""}).public_id,
        "finding": _finding(world).public_id,
        "pair": PerhapsSame.objects.create(
            child=amir, other=world.children["cy"], feed="csds_persons"
        ).public_id,
        "incoming": Incoming.objects.create(
            child=amir, kind="isp", digest="0" * 64, sender="Lake", received_by=senco, status="added"
        ).public_id,
        "wish": Wish.objects.create(
            child=amir,
            kind="objection",
            about="school-health",
            said_by=parent.user.name,
            since=date(2020, 1, 1),
            until=date(2020, 1, 2),
        ).pk,
    }


def _circle(world: World) -> dict[str, Any]:
    amir, members = world.children["amir"], world.members
    place = put_in(amir, members["senco"], Place.How.INVITED)
    joining = Joining.objects.create(
        child=amir, kind="invitation", membership=members["camhs-clinician"], made_by=members["senco"]
    )
    message = Message.objects.create(
        child=amir, kind="update", subject="News", text="He settled", by=members["senco"]
    )
    task = Task.objects.create(
        child=amir, what="Ring home", who=members["senco"], due=FAR, made_by=members["senco"]
    )
    return {
        "place_id": place.public_id,
        "joining_id": joining.public_id,
        "message_id": message.public_id,
        "task_id": task.public_id,
    }


def _plan(world: World) -> dict[str, Any]:
    amir, senco = world.children["amir"], world.members["senco"]
    plan = Plan.objects.create(child=amir, made_by=senco)
    need = Need.objects.create(plan=plan, by=senco, area="communication", text="Finding words")
    outcome = Outcome.objects.create(
        plan=plan, need=need, by=senco, text="Says what he wants", measure="Count", target="5", by_when=FAR
    )
    action = Action.objects.create(
        plan=plan, outcome=outcome, by=senco, what="Pictures", who=senco, start=date(2026, 9, 1), until=FAR
    )
    review = Review.objects.create(
        plan=plan, by=senco, cycle=1, held_on=date(2026, 10, 1), summary="Going well"
    )
    return {
        "need_id": need.public_id,
        "outcome_id": outcome.public_id,
        "action_id": action.public_id,
        "review_id": review.public_id,
        "api:outcome": outcome.public_id,
        "api:action": action.public_id,
    }


def _handed_over(world: World) -> dict[str, Any]:
    amir, senco = world.children["amir"], world.members["senco"]
    tie = world.tie(
        "amir", "shared-with", "lake-school", items=["passport.strengths", "packs"], since=date(2026, 9, 1)
    )
    olive = world.members["other-senco"].user
    other = world.tie(
        "amir",
        "shared-with",
        "lake-school",
        items=["passport.strengths"],
        since=date(2026, 9, 1),
        until=FAR,
        user=olive,
    )
    share = Share.objects.create(
        child=amir,
        tie=other,
        shared_by=senco.user,
        shared_by_name=senco.user.name,
        shared_by_role="senco",
        organisation=senco.organisation,
    )
    pack = Pack.objects.create(
        child=amir,
        kind="primary-to-secondary",
        from_organisation=senco.organisation,
        to_organisation=world.organisations["lake-school"],
        sections=["strengths"],
        version=1,
        tie=tie,
        sent_by=senco.user,
        sent_by_name=senco.user.name,
        sent_by_role="senco",
        due_on=FAR,
    )
    question = PackQuestion.objects.create(
        pack=pack,
        text="Which bus?",
        asked_by_name="Olive Grant",
        asked_by_role="senco",
        organisation=world.organisations["lake-school"],
    )
    return {"share": share.public_id, "pack": pack.public_id, "question": question.public_id}


def _door(world: World) -> dict[str, Any]:
    amir, members = world.children["amir"], world.members
    blockage = Blockage.objects.create(
        child=amir,
        action="view",
        item="chronology.police",
        purpose="direct-support",
        why="no-agreement",
        sentence="You can't see the police entries.",
        rules="0" * 16,
        raised_by=members["senco"],
        harm="He is moved without warning",
        stage="guardian",
        stage_due=FAR,
    )
    view = BreakGlass.objects.create(
        child=world.children["bea"],
        membership=members["camhs-clinician"],
        reason="Found alone at night",
        items=["identity"],
        ends_at=timezone.now() - timedelta(hours=1),
        review_due=FAR,
    )
    return {"blockage": blockage.public_id, "door:view": view.public_id}


def _finding(world: World) -> Finding:
    release = Release.objects.create(
        name="autumn",
        organisation=world.organisations["hill-school"],
        agreement="casefinding-release",
        clause="finding",
        gateway="ca2004-s10",
        run_id="run",
        question="Worth a look?",
        released_at=timezone.now(),
    )
    return Finding.objects.create(
        child=world.children["amir"],
        release=release,
        reasons=[{"text": "Speaking below the expected level", "items": ["chronology.education"]}],
    )


def _accounts(world: World) -> dict[str, Any]:
    hill, boss = world.organisations["hill-school"], world.members["administrator"]
    invitation, secret = inviting.invite(
        hill,
        boss.user,
        {"email": "new@example.org", "name": "New", "role": "class-teacher", "title": "", "teams": []},
    )
    token = Token.objects.create(
        name="Register",
        organisation=hill,
        membership=world.members["senco"],
        prefix="evi_x",
        digest="0" * 64,
        made_by=boss,
        expires_on=FAR,
    )
    return {
        "invitation": invitation.public_id,
        "accounts:token": secret,
        "person": world.members["class-teacher"].user.public_id,
        "api:token": token.public_id,
    }
