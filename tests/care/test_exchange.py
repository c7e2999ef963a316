"""A record taken out and brought in elsewhere: what is left out, who is matched, nothing written over."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from typer.testing import CliRunner

from evi.care.children.models import Child, Withheld
from evi.care.circles.rules import keep_in_step
from evi.care.door.models import AccessEntry
from evi.care.door.visit import Refused
from evi.care.exchange import isp, keys, profile, receiving
from evi.care.exchange.dossier import Dossier, Identity
from evi.care.exchange.faults import BadFileError
from evi.care.exchange.fhir_out import to_bundle
from evi.care.exchange.files import File, read_file
from evi.care.exchange.gather import gather
from evi.care.exchange.models import Incoming, Received
from evi.care.exchange.summary import work
from evi.care.passports.contributions import contribute, standing
from evi.care.passports.models import Revision
from evi.care.support import planning
from evi.care.support.models import Plan
from evi.cli.app import app, load_verbs
from tests.care.conftest import World

NHS = "9434765919"
AMELIA = Identity("Amelia", "Iqbal", date(2020, 3, 9), nhs_number="4010232137")


@pytest.fixture
def told(world: World) -> World:
    """Amir has a passport by three voices, a plan with a review, a circle and an NHS number."""
    amir = world.children["amir"]
    amir.nhs_number, amir.sex = NHS, "M"
    amir.save()
    keep_in_step([amir])
    teacher, parent, senco = (world.visit(key) for key in ("class-teacher", "parent", "senco"))
    contribute(teacher, amir, "works", "practitioner", "Pictures help 🎨", nature="fact")
    contribute(teacher, amir, "works", "practitioner", "He may like music", nature="opinion")
    contribute(teacher, amir, "about-me", "child", "I like trains", taken_down=True)
    contribute(parent, amir, "home", "parent", "وہ گھر پر خوش ہے\n\nHe sleeps well.")
    day = timezone.localdate()
    plan = planning.start_plan(senco, amir, day + timedelta(days=60))
    need = planning.add_need(senco, plan, area="communication", text="Talking is hard", strengths="Sings")
    outcome = planning.add_outcome(
        senco, need, text="Asks for help", measure="Times", target="5", by_when=day + timedelta(days=90)
    )
    action = planning.add_action(
        senco, outcome, what="Small group", who_name="Gran", start=day, until=day + timedelta(days=60)
    )
    planning.hold_review(
        senco,
        plan,
        held_on=day,
        summary="Go on",
        findings=[planning.Found(action, "helped", "keep", tried="Six times", did="He asks")],
        next_due=day + timedelta(days=60),
    )
    return world


def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on this is another installation."""
    monkeypatch.setattr(keys, "installation", lambda: "anotherplace22")


def empty_child(world: World, **more: Any) -> Child:
    """The same child in an installation that knows nothing of them yet."""
    said = {"given_name": "Amir", "family_name": "Iqbal", "birth_date": date(2020, 3, 9), "nhs_number": NHS}
    child = Child.objects.create(**{**said, **more})
    world.children["there"] = child
    world.tie("there", "on-roll", "hill-school")
    return child


def fhir_file(dossier: Dossier) -> File:
    return read_file(json.dumps(to_bundle(dossier)).encode())


def told_parts(dossier: Dossier) -> Any:
    """What must be equal after a journey: the passport and the plan, whoever holds it and as whom it came."""
    plan = dossier.plan
    assert plan is not None
    actions = tuple(
        replace(one, who=replace(one.who, role="", organisation="") if one.who else None)
        for one in plan.actions
    )
    words = sorted((replace(one, source="") for one in dossier.words), key=lambda one: one.key)
    return words, replace(plan, actions=actions, key="", author=plan.author)


@pytest.mark.parametrize("form", ["fhir", "isp"])
def test_a_record_survives_the_journey_to_another_installation(
    told: World, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    there = empty_child(told)
    sent = gather(told.visit("senco"), told.children["amir"])
    assert profile.check_bundle(to_bundle(sent)) == []
    elsewhere(monkeypatch)
    file = fhir_file(sent)
    if form == "isp":
        file = read_file(json.dumps(isp.to_isp(sent, "Targeted")).encode())
    assert file.dossier == sent
    visit = told.visit("senco")
    incoming = receiving.receive(visit, there, file)
    assert (incoming.status, incoming.not_taken) == ("added", [])
    assert incoming.added == {"words": 4, "plan": 1, "need": 1, "outcome": 1, "action": 1, "review": 1}
    back = gather(told.visit("senco"), there)
    assert told_parts(back) == told_parts(sent)
    assert [(one["person"]["name"], one.get("part")) for one in receiving.circle_there(incoming)] == [
        (one.person.name, one.part) for one in sent.circle
    ]
    assert {words.source for words in back.words} == {"Hill Primary School"}
    rows = standing(told.visit("senco"), there)["home"]
    assert (rows[0].author_name, rows[0].source) == ("Parveen Iqbal", "Hill Primary School")


@pytest.mark.both_databases
def test_the_same_again_and_a_journey_home_add_nothing(told: World, monkeypatch: pytest.MonkeyPatch) -> None:
    amir, senco = told.children["amir"], told.visit("senco")
    revisions, there = Revision.objects.count(), empty_child(told)
    home = receiving.receive(senco, amir, fhir_file(gather(senco, amir)))
    assert home.added == {"here already": 8}
    assert Revision.objects.count() == revisions
    first, second = gather(senco, amir), gather(senco, amir)
    elsewhere(monkeypatch)
    one = receiving.receive(told.visit("senco"), there, fhir_file(first))
    again = receiving.receive(told.visit("senco"), there, fhir_file(first))
    assert again.pk == one.pk
    later = receiving.receive(told.visit("senco"), there, fhir_file(second))  # another export of the same
    assert later.added == {"here already": 8}
    assert Revision.objects.count() == revisions + 4
    assert Plan.objects.filter(child=there).count() == 1


def test_nothing_here_is_written_over(told: World, monkeypatch: pytest.MonkeyPatch) -> None:
    there = empty_child(told)
    contribute(told.visit("senco"), there, "works", "practitioner", "Our own words", nature="fact")
    own = planning.start_plan(told.visit("senco"), there)
    sent = gather(told.visit("senco"), told.children["amir"])
    elsewhere(monkeypatch)
    receiving.receive(told.visit("senco"), there, fhir_file(sent))
    texts = [row.text for row in standing(told.visit("senco"), there)["works"]]
    assert "Our own words" in texts
    assert "Pictures help 🎨" in texts
    assert Plan.objects.get(child=there).pk == own.pk
    assert own.needs.count() == 1
    assert sent.plan is not None
    changed = replace(sent, plan=replace(sent.plan, needs=(replace(sent.plan.needs[0], text="Other words"),)))
    later = receiving.receive(told.visit("senco"), there, fhir_file(changed))
    assert later.added == {"here already": 8}
    assert later.not_taken == [
        ["plan, needs 1", "it has changed there since it came in; yours was not touched."]
    ]
    assert own.needs.get().text == "Talking is hard"


@pytest.mark.both_databases
def test_two_children_with_one_name_and_birthday_are_never_matched_by_name(
    told: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = empty_child(told, nhs_number="")
    sent = gather(told.visit("senco"), told.children["amir"], ["passport", "plan"])
    assert sent.identity.nhs_number == ""
    elsewhere(monkeypatch)
    senco = told.visit("senco")
    assert receiving.find_child(senco, sent) is None
    incoming = receiving.receive(senco, twin, fhir_file(sent))
    assert incoming.status == Incoming.Status.WAITING
    assert not Received.objects.exists()
    assert [line.kind for line in work(told.visit("senco"))] == ["waiting"]
    with pytest.raises(Exception, match="say how you know"):
        receiving.decide(senco, incoming, True, "  ")
    decided = receiving.decide(told.visit("senco"), incoming, True, "I rang the school")
    assert decided.status == "added"
    assert standing(told.visit("senco"), twin)["works"]
    with pytest.raises(Exception, match="decided already"):
        receiving.decide(senco, incoming, False, "no")


def test_a_number_or_a_birthday_that_differs_proves_nothing(told: World) -> None:
    amir, senco = told.children["amir"], told.visit("senco")
    sent = gather(senco, amir)
    assert receiving.find_child(senco, sent) == amir
    for wrong in (
        replace(sent.identity, nhs_number="4010232137"),
        replace(sent.identity, birth_date=date(2020, 3, 10)),
        replace(sent.identity, nhs_number=""),
    ):
        assert not receiving.proves(senco, amir, replace(sent, identity=wrong))
    assert receiving.find_child(told.visit("other-senco"), sent) is None  # not a child whom they may see
    refused = receiving.receive(senco, amir, fhir_file(replace(sent, identity=replace(AMELIA, upn=""))))
    receiving.decide(senco, refused, False, "Another child")
    refused.refresh_from_db()
    assert (refused.status, refused.content) == ("refused", {})


def test_what_may_not_be_taken_out_is_left_out_with_its_reason(told: World) -> None:
    amir, teacher = told.children["amir"], told.visit("class-teacher")
    sent = gather(teacher, amir)
    assert sent.plan is None
    assert {left.item: left.sentence for left in sent.left_out}["plan"]
    assert AccessEntry.objects.filter(action="export").count() == 0  # not before the request ends
    teacher.write_ledger()
    entry = AccessEntry.objects.filter(action="export").get()
    assert "passport.works" in entry.permitted
    assert "plan" in entry.refused
    with pytest.raises(Refused):
        gather(told.visit("police-officer"), amir)
    with pytest.raises(Refused):
        gather(told.visit("other-senco"), amir)


def test_an_address_that_a_parent_may_not_know_is_in_no_file(told: World) -> None:
    amir = told.children["amir"]
    amir.address, amir.postcode = "12 Quarry Lane, Shipley", "BD18 2AB"
    amir.save()
    contribute(told.visit("class-teacher"), amir, "home", "practitioner", "They live in Quarry Lane now")
    told.tie("amir", "parent-of", "families", user=told.members["other-parent"].user)
    Withheld.objects.create(
        child=amir, user=told.members["other-parent"].user, items=["contact"], since=date(2020, 1, 1)
    )
    parts = ["passport", "plan", "circle", "identifiers", "contact"]
    out = json.dumps(to_bundle(gather(told.visit("other-parent"), amir, parts)), ensure_ascii=False)
    for secret in ("Quarry", "BD18", "Hill Primary"):
        assert secret not in out
    full = json.dumps(to_bundle(gather(told.visit("parent"), amir, parts)), ensure_ascii=False)
    assert "12 Quarry Lane" in full


def test_files_that_are_no_record_are_refused_with_each_fault(told: World) -> None:
    sent = to_bundle(gather(told.visit("senco"), told.children["amir"]))
    next(e for e in sent["entry"] if e["resource"]["resourceType"] == "Patient")["resource"]["gender"] = (
        "banana"
    )
    with pytest.raises(BadFileError, match="1 thing in it is wrong") as error:
        read_file(json.dumps(sent).encode())
    assert "Patient.gender" in error.value.faults[0].place
    with pytest.raises(BadFileError, match="neither a FHIR document nor"):
        read_file(b'{"hello": 1}')
    plan = isp.to_isp(gather(told.visit("senco"), told.children["amir"]))
    for change, place in (
        ({"layer": "Everything"}, "layer"),
        ({"review_by": "2099-01-01"}, "review_by"),
        ({"provisional": False}, "provisional"),
        ({"diagnosis": "x"}, "the file"),
    ):
        with pytest.raises(BadFileError) as error:
            read_file(json.dumps(plan | change).encode())
        assert error.value.faults[0].place == place
    plan["content"]["plan"]["outcomes"][0]["need"] = "nowhere"
    assert [str(fault) for fault in isp.check_isp(plan)] == [
        "content/plan/outcomes/0: its need is not in the plan."
    ]


def test_the_pages_take_out_and_bring_in(told: World, as_role: Callable[[str], Client]) -> None:
    amir = told.children["amir"]
    at, client = f"/children/{amir.public_id}/exchange/", as_role("senco")
    page = client.get(at)
    assert page.status_code == 200
    assert "Take a copy out" in page.content.decode()
    made = client.post(at, {"form": "fhir", "parts": ["passport", "plan", "identifiers"]})
    assert made.headers["Content-Type"] == "application/fhir+json"
    assert "Amir" not in made.headers["Content-Disposition"]
    assert amir.public_id not in made.headers["Content-Disposition"]
    assert client.post(at, {"form": "fhir", "parts": ["circle"]}).status_code == 422
    plan_file = client.post(at, {"form": "isp", "parts": ["passport"], "layer": "Targeted Plus"})
    assert json.loads(plan_file.content)["layer"] == "Targeted Plus"
    text = client.get(f"{at}support-plan/?layer=Targeted").content.decode()
    assert "Pictures help" in text
    assert "Targeted" in text
    assert as_role("other-senco").get(at).status_code == 403
    upload = SimpleUploadedFile(
        "whatever.docx", made.content, "application/msword"
    )  # the name counts for nothing
    brought = client.post(f"{at}in/", {"file": upload})
    assert brought.status_code == 302
    assert "here already" in client.get(brought.headers["Location"]).content.decode()
    for content, why in ((b"%PDF-1", "It is a PDF, not JSON"), (b"x" * 2_100_000, "too big"), (b"", "empty")):
        bad = client.post(f"{at}in/", {"file": SimpleUploadedFile("a.json", content)})
        assert bad.status_code == 422
        assert why in bad.content.decode()
    assert client.get(f"{at}in/").status_code == 200
    assert client.get(f"{at}in/23456789bcdfgh/").status_code == 404


@pytest.mark.both_databases
def test_a_person_decides_on_the_page(told: World, as_role: Callable[[str], Client]) -> None:
    amir = told.children["amir"]
    sent = replace(gather(told.visit("senco"), amir), identity=AMELIA)
    incoming = receiving.receive(told.visit("senco"), amir, fhir_file(sent))
    at, client = f"/children/{amir.public_id}/exchange/in/{incoming.public_id}/", as_role("senco")
    page = client.get(at).content.decode()
    assert "Amelia" in page
    assert "a name is no proof" in page
    assert client.post(at, {"same": "no"}).status_code == 422
    assert client.post(at, {"same": "no", "why": "Another girl"}).status_code == 302
    assert "not about this child" in client.get(at).content.decode()


def test_pages_for_programs(told: World, as_role: Callable[[str], Client]) -> None:
    client = as_role("administrator")
    page = client.get("/api/")
    assert "/api/v1/children/{child}/plan" in page.content.decode()
    day = timezone.localdate() + timedelta(days=30)
    form = {
        "name": "Record system",
        "role": "senco",
        "expires_on_day": day.day,
        "expires_on_month": day.month,
        "expires_on_year": day.year,
        "per_minute": 60,
    }
    made = client.post("/api/tokens/", form).content.decode()
    secret = made.split('id="secret">')[1].split("<")[0]
    assert Client().get("/api/v1/children", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    listed = client.get("/api/tokens/").content.decode()
    assert secret not in listed
    assert secret[:10] in listed
    assert client.post("/api/tokens/", {**form, "role": "midwife"}).status_code == 422
    ended = listed.split("/api/tokens/")[1].split("/end/")[0]
    assert client.post(f"/api/tokens/{ended}/end/").status_code == 302
    assert Client().get("/api/v1/children", headers={"Authorization": f"Bearer {secret}"}).status_code == 401
    assert as_role("senco").get("/api/tokens/").status_code == 403


def test_the_command_prints_each_fault_and_no_value(told: World, tmp_path: Path) -> None:
    load_verbs("exchange")
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    bundle = to_bundle(gather(told.visit("senco"), told.children["amir"]))
    good.write_text(json.dumps(bundle), encoding="utf-8")
    checked = CliRunner().invoke(app, ["exchange", "check", str(good)])
    assert checked.exit_code == 0, checked.output
    assert "Right: a FHIR R4 document." in checked.output
    assert "words 4, needs 1" in checked.output
    resource = next(e for e in bundle["entry"] if e["resource"]["resourceType"] == "Patient")["resource"]
    resource["gender"] = "banana"
    bad.write_text(json.dumps(bundle), encoding="utf-8")
    refused = CliRunner().invoke(app, ["exchange", "check", str(bad)])
    assert refused.exit_code == 3
    assert "Patient.gender: it should be one of: male, female" in refused.output.replace("\n", " ")
    assert "banana" not in refused.output
    assert (
        json.loads(CliRunner().invoke(app, ["exchange", "check", str(bad), "--json"]).stdout)["right"]
        is False
    )
