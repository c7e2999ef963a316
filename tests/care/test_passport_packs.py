"""Shares that end by themselves, packs that are owed a receipt, and what My work says of both."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.utils import timezone

from evi.care.children.models import Tie
from evi.care.door import workdays
from evi.care.door.visit import Refused
from evi.care.passports import packs, shares, summary
from evi.care.passports.contributions import contribute, standing
from evi.care.passports.models import Pack
from evi.care.passports.seeding import Line, seed
from evi.workspace import EviError


@pytest.fixture
def leaving(world):
    """Amir is at the nursery (and not at school yet), with a passport; Hill School is next."""
    Tie.objects.filter(child=world.children["amir"], kind__in=["on-roll", "teaches"]).delete()
    world.tie("amir", "on-roll", "little-oaks")
    for section in ("about-me", "works", "health"):
        contribute(
            world.visit("nursery-worker"), world.children["amir"], section, "practitioner", f"Of {section}"
        )
    return world


def sent(world, **more):
    return packs.send(
        world.visit("nursery-worker"),
        world.children["amir"],
        "nursery-to-primary",
        world.organisations["hill-school"],
        **{"sections": ["about-me", "works"], "note": "Comes with his bear", **more},
    )


def kinds_of(world, who, day=None):
    return [line.kind for line in summary.work(world.visit(who, day))]


@pytest.mark.both_databases
def test_a_share_holds_up_to_its_last_day_and_not_after(world):
    amir, today = world.children["amir"], timezone.localdate()
    contribute(world.visit("parent"), amir, "home", "parent", "Gran")
    last = today + timedelta(days=3)
    made = shares.share(
        world.visit("parent"), amir, ["passport.home"], last, to=world.members["social-worker"]
    )
    for day, seen in ((today, True), (last, True), (last + timedelta(days=1), False)):
        found = standing(world.visit("social-worker", day), amir)
        assert (list(found) == ["home"]) is seen
        assert (amir in world.visit("social-worker", day).children()) is seen
    assert not standing(world.visit("senco", today), world.children["bea"])
    assert made.tie.items == ["passport.home"]


def test_nobody_shares_what_they_may_not_see_or_share(world):
    amir, day = world.children["amir"], timezone.localdate()
    to = world.members["camhs-clinician"]
    with pytest.raises(Refused):
        shares.share(world.visit("class-teacher"), amir, ["passport.home"], day, to=to)
    with pytest.raises(Refused):
        shares.share(world.visit("parent"), amir, ["passport.home", "chronology.police"], day, to=to)
    amir.withheld.create(user=world.members["parent"].user, items=["passport.home"])
    with pytest.raises(Refused):
        shares.share(world.visit("parent"), amir, ["passport.home"], day, to=to)
    assert not Tie.objects.filter(kind="shared-with").exists()


def test_a_share_names_one_recipient_a_thing_and_a_day(world):
    amir, visit, day = world.children["amir"], world.visit("parent"), timezone.localdate()
    to, team = world.members["camhs-clinician"], world.teams["1B"]
    for items, last, whom in (
        (["passport.home"], day, {}),
        (["passport.home"], day, {"to": to, "team": team}),
        ([], day, {"to": to}),
        (["passport.home"], day - timedelta(days=1), {"to": to}),
        (["passport.home"], day + timedelta(days=400), {"to": to}),
        (["passport.home"], day, {"to": world.members["parent"]}),
    ):
        with pytest.raises(EviError):
            shares.share(visit, amir, items, last, **whom)
    for email in ("nobody@example.org", "senco@example.org"):
        with pytest.raises(EviError):
            shares.recipient(world.organisations["camhs"], email, day)
    assert shares.recipient(world.organisations["camhs"], " CAMHS-clinician@example.org ", day) == to


def test_whoever_may_share_the_same_can_end_a_share(world):
    amir, day = world.children["amir"], timezone.localdate()
    made = shares.share(
        world.visit("senco"), amir, ["passport.works"], day, team=world.teams["1B"], why="Cover"
    )
    with pytest.raises(Refused):
        shares.end(world.visit("class-teacher"), amir, made.public_id)
    shares.end(world.visit("parent"), amir, made.public_id)
    made.refresh_from_db()
    assert made.ended_by_name == "Parveen Iqbal"
    with pytest.raises(EviError):
        shares.end(world.visit("parent"), amir, "no-such-share")


@pytest.mark.both_databases
def test_a_pack_opens_its_items_and_is_owed_a_receipt(leaving):
    amir = leaving.children["amir"]
    assert standing(leaving.visit("senco"), amir) == {}
    pack = sent(leaving)
    assert list(standing(leaving.visit("senco"), amir)) == ["about-me", "works"]
    assert (kinds_of(leaving, "senco"), kinds_of(leaving, "nursery-worker")) == (["acknowledge"], ["waiting"])
    assert kinds_of(leaving, "other-senco") == []
    with pytest.raises(EviError):
        packs.acknowledge(leaving.visit("nursery-worker"), pack)
    packs.acknowledge(leaving.visit("senco"), pack)
    assert (pack.acknowledged_by_name, pack.waits) == ("Sana Mahmood", False)
    assert kinds_of(leaving, "senco") == kinds_of(leaving, "nursery-worker") == []
    assert "passport.works" in pack.tie.items


def test_the_packs_own_door_closes_when_the_child_is_on_roll(leaving):
    amir, today = leaving.children["amir"], timezone.localdate()
    pack = sent(leaving)
    packs.acknowledge(leaving.visit("senco"), pack)
    assert Tie.objects.live(today).filter(kind="shared-with").count() == 1
    assert packs.close_settled(today) == 0
    leaving.tie("amir", "on-roll", "hill-school")
    assert packs.close_settled(today) == 1
    assert not Tie.objects.live(today).filter(kind="shared-with").exists()
    assert "learning" in standing(leaving.visit("senco"), amir)
    assert packs.close_settled(today) == 0


def test_a_pack_is_what_was_handed_over(leaving):
    amir = leaving.children["amir"]
    pack = sent(leaving)
    contribute(leaving.visit("nursery-worker"), amir, "works", "practitioner", "Something newer")
    then = standing(leaving.visit("senco"), amir, pack.sections, pack.version)
    assert then["works"][0].text == "Of works"


def test_ten_working_days_pass_over_weekends_and_bank_holidays(leaving):
    assert workdays.after(date(2026, 3, 30), 10) == date(2026, 4, 15)
    pack = sent(leaving)
    late = pack.due_on + timedelta(days=1)
    (line,) = summary.work(leaving.visit("nursery-worker", late))
    assert (line.kind, line.due) == ("waiting", pack.due_on)
    assert "Not acknowledged in time" in line.text


def test_questions_go_to_the_sender_and_back(leaving):
    pack = sent(leaving)
    asked = packs.ask(leaving.visit("senco"), pack, "Does the bear have a name?")
    packs.acknowledge(leaving.visit("senco"), pack)
    assert kinds_of(leaving, "nursery-worker") == ["request"]
    for who, text in (("senco", "Bruno"), ("nursery-worker", " ")):
        with pytest.raises(EviError):
            packs.answer(leaving.visit(who), pack, asked.public_id, text)
    packs.answer(leaving.visit("nursery-worker"), pack, asked.public_id, "Bruno")
    assert pack.questions.get().answer == "Bruno"
    assert kinds_of(leaving, "nursery-worker") == []
    with pytest.raises(EviError):
        packs.ask(leaving.visit("nursery-worker"), pack, "Me?")
    with pytest.raises(EviError):
        packs.ask(leaving.visit("senco"), pack, "")


def test_a_pack_taken_back_can_not_be_opened(leaving):
    pack = sent(leaving)
    with pytest.raises(EviError):
        sent(leaving)
    packs.withdraw(leaving.visit("nursery-worker"), pack)
    assert standing(leaving.visit("senco"), leaving.children["amir"]) == {}
    with pytest.raises(Refused):
        packs.acknowledge(
            leaving.visit("senco"), Pack.objects.get()
        ) if not Pack.objects.get().withdrawn_at else (
            leaving.visit("senco").check(leaving.children["amir"], "view", "packs")
        )
    again = sent(leaving)
    packs.acknowledge(leaving.visit("senco"), again)
    with pytest.raises(EviError):
        packs.withdraw(leaving.visit("nursery-worker"), again)


def test_packs_go_only_where_their_kind_goes(leaving):
    amir, visit = leaving.children["amir"], leaving.visit("nursery-worker")
    for kind, to, more in (
        ("nursery-to-primary", "camhs", {}),
        ("primary-to-secondary", "lake-school", {}),
        ("nonsense", "hill-school", {}),
        ("nursery-to-primary", "lake-school", {"team": leaving.teams["1A"]}),
    ):
        with pytest.raises(EviError):
            packs.send(visit, amir, kind, leaving.organisations[to], **more)
    with pytest.raises(Refused):
        packs.send(
            leaving.visit("senco"),
            amir,
            "change-of-school",
            leaving.organisations["lake-school"],
            sections=[],
        )
    assert not Pack.objects.exists()


def test_a_receiver_sees_only_the_packs_sent_to_them(leaving):
    amir = leaving.children["amir"]
    mine = sent(leaving)
    shares.share(
        leaving.visit("parent"),
        amir,
        ["passport.home"],
        timezone.localdate(),
        to=leaving.members["other-senco"],
    )
    Tie.objects.filter(kind="shared-with", user=leaving.members["other-senco"].user).update(items=["packs"])
    assert list(packs.visible(leaving.visit("senco"), amir)) == [mine]
    assert list(packs.visible(leaving.visit("other-senco"), amir)) == []
    with pytest.raises(EviError):
        packs.pack(leaving.visit("other-senco"), amir, mine.public_id)


def test_a_midwife_hands_over_to_a_health_visitor(world):
    amir = world.children["amir"]
    world.tie("amir", "on-caseload", "maternity")
    pack = packs.send(
        world.visit("midwife"),
        amir,
        "midwife-to-health-visitor",
        world.organisations["health-visiting"],
        sections=["health", "home"],
        checklist=["birth", "nonsense"],
    )
    assert pack.checklist == ["birth"]
    packs.acknowledge(world.visit("health-visitor"), pack)
    pack.tie.refresh_from_db()
    assert pack.tie.until == timezone.localdate()


def test_my_work_says_what_is_new_since_i_last_looked(world):
    amir = world.children["amir"]
    contribute(world.visit("senco"), amir, "works", "practitioner", "One")
    assert kinds_of(world, "class-teacher") == []
    amir.passport.looks.create(user=world.members["class-teacher"].user, version=1)
    assert kinds_of(world, "class-teacher") == []
    contribute(world.visit("senco"), amir, "works", "practitioner", "Two")
    assert kinds_of(world, "class-teacher") == ["new"]
    amir.passport.looks.create(user=world.members["senco"].user, version=1)
    assert kinds_of(world, "senco") == []
    contribute(world.visit("parent"), amir, "home", "parent", "Gran")
    assert kinds_of(world, "senco") == ["new"]
    Tie.objects.filter(kind="teaches").delete()
    assert kinds_of(world, "class-teacher") == []


def test_a_share_that_ends_soon_is_due(world):
    shares.share(
        world.visit("parent"),
        world.children["amir"],
        ["passport.works"],
        timezone.localdate() + timedelta(days=2),
        to=world.members["social-worker"],
    )
    assert kinds_of(world, "parent") == ["due"]


def test_the_card_is_the_childs_own_words_first(world):
    amir = world.children["amir"]
    assert summary.child_card(world.visit("other-senco"), amir) is None
    seed(
        amir,
        [
            Line(world.members["class-teacher"], "about-me", "practitioner", "A quiet boy"),
            Line(world.members["class-teacher"], "about-me", "child", "I am Amir", pictures=("pet",)),
            Line(world.members["parent"], "works", "parent", "Songs"),
        ],
    )
    card = summary.child_card(world.visit("class-teacher"), amir)
    assert [row.text for row in card.context["sections"]["about-me"]] == ["I am Amir", "A quiet boy"]
    assert amir.passport.version == 3
    contribute(world.visit("parent"), amir, "works", "parent", "Songs and trains", base=1)
    assert amir.passport.versions.count() == 4
