"""Findings in Care: matched by the organisation's own record, shown to its roles, answered, taken back."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.urls import reverse

from evi.care.children.models import LocalRecord, Wish
from evi.care.door.models import AccessEntry
from evi.care.findings.models import Finding, PerhapsSame, Release
from evi.care.findings.summary import told, work
from evi.care.loading.releases import take_in, take_in_all, take_in_new
from evi.sharing.agreements import EXAMPLES
from evi.sharing.chain import Chain
from evi.sharing.decisions import Door
from evi.sharing.packages import retract, write_release
from evi.sharing.release import Case, Cohort, Reason, Recipient, plan_release
from evi.workspace import EviError

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

DAY = date(2026, 9, 1)
EDUCATION = Reason("The total of 17 goals is 21", ("chronology.education",))
SOCIAL = Reason("A social worker noted something", ("chronology.social-care",))
COHORT = Cohort("autism-2026", "Has anyone looked?", ("autism v1",), "run-1", DAY, ("It is no diagnosis.",))
SCHOOL = Recipient("hill-school", "school", "Hill Primary School")
ELSEWHERE = Recipient("far-school", "school", "Far School")


def case(child: str, feed: str = "school_census", at: str = "hill-school") -> Case:
    return Case((EDUCATION, SOCIAL), {at: ((feed, f"{feed}-{child}"),)}, next_step="Talk with the family")


@pytest.fixture
def release(world, tmp_path):
    def written(*cases, name="autumn", recipients=(SCHOOL, ELSEWHERE)):
        door = Door.open([EXAMPLES])
        plan = plan_release(door, "casefinding-release", COHORT, cases, recipients, DAY)
        ledger = Chain(tmp_path / "releases.jsonl")
        write_release(plan, name, tmp_path / "releases", ledger, datetime(2026, 9, 1, 8, tzinfo=UTC))
        return tmp_path / "releases" / name

    return written


@pytest.fixture
def finding(world, release):
    take_in(release(case("amir")))
    return Finding.objects.get()


def page(finding, name="finding"):
    return reverse(f"findings:{name}", args=[finding.child.public_id, finding.public_id])


def test_records_are_matched_and_never_guessed(world, release):
    taken = take_in(release(case("amir"), case("nobody"), case("bea", at="far-school")))
    assert (taken.matched, taken.unmatched, taken.not_here) == (1, 1, ["far-school"])
    assert [each.child for each in Finding.objects.all()] == [world.children["amir"]]
    assert Release.objects.get().n_unmatched == 1


def test_another_services_record_is_no_match(world, release):
    """`bea` has a record, but it is Lake Academy's: Hill School is not told by it."""
    assert take_in(release(case("bea"))).unmatched == 1
    assert not Finding.objects.exists()


def test_taking_in_again_changes_nothing(world, release, tmp_path):
    folder = release(case("amir"))
    take_in(folder)
    before = AccessEntry.objects.count()
    (again,) = take_in_all(tmp_path / "releases")
    assert (again.already, again.matched, Finding.objects.count()) == (True, 0, 1)
    assert AccessEntry.objects.count() == before


def test_a_family_that_opted_out_is_left_out(world, release):
    Wish.objects.create(child=world.children["amir"], kind="opt-out", said_by="The parent")
    taken = take_in(release(case("amir")))
    assert (taken.matched, taken.objected) == (0, 1)


def test_a_changed_package_is_taken_in_not_at_all(world, release):
    folder = release(case("amir"))
    (folder / "to-hill-school.json").write_text("{}")
    with pytest.raises(EviError, match="changed"):
        take_in(folder)
    assert not Release.objects.exists()


def test_the_schools_senco_sees_it_and_what_is_held_back(world, as_role, finding):
    answer = as_role("senco").get(page(finding))
    text = answer.content.decode()
    assert answer.status_code == 200
    assert EDUCATION.text in text
    assert SOCIAL.text not in text
    assert "1 more reason" in text
    assert "It is no diagnosis." in text


@pytest.mark.parametrize("who", ["other-senco", "class-teacher", "parent", "police-officer", "data-guardian"])
def test_nobody_else_does(world, as_role, finding, who):
    client = as_role(who)
    assert client.get(page(finding)).status_code == 403
    assert EDUCATION.text not in client.get(reverse("findings:list")).content.decode()
    child = client.get(reverse("children:child", args=[finding.child.public_id]))
    assert EDUCATION.text not in child.content.decode()


def test_whoever_may_see_findings_at_another_organisation_does_not_see_this_one(world, as_role, finding):
    """The health visitor has the child on the caseload and may see findings: those for health visiting."""
    assert as_role("health-visitor").get(page(finding)).status_code == 404


def test_each_reader_is_told_the_reasons_that_rest_on_what_they_may_see(world, finding):
    finding.reasons = [
        {"text": EDUCATION.text, "items": list(EDUCATION.items)},
        {"text": SOCIAL.text, "items": list(SOCIAL.items)},
    ]
    read = told(world.visit("senco"), finding.child, finding)
    assert (read.reasons, read.kept) == ((EDUCATION.text,), 2)


def test_it_is_new_work_until_somebody_says_what_they_saw(world, as_role, finding):
    (line,) = work(world.visit("senco"))
    assert (line.kind, line.url) == ("new", page(finding))
    client = as_role("senco")
    assert client.post(page(finding, "looked"), {"note": "?"}).status_code == 422
    sent = client.post(page(finding, "looked"), {"outcome": "talked", "note": "We will meet on Monday."})
    assert sent.status_code == 302
    finding.refresh_from_db()
    assert (finding.outcome, finding.outcome_note) == ("talked", "We will meet on Monday.")
    assert finding.looked_by == world.members["senco"].user
    assert work(world.visit("senco")) == []
    entry = AccessEntry.objects.filter(action="contribute").latest("number")
    assert (entry.child, entry.permitted) == (finding.child.public_id, ["finding"])
    assert "Monday" not in entry.note


def test_taken_back_it_is_on_no_screen_and_in_the_familys_list(world, as_role, release, tmp_path):
    folder = release(case("amir"))
    take_in(folder)
    finding = Finding.objects.get()
    retract(tmp_path / "releases", "autumn", "One goal was read wrong", Chain(tmp_path / "releases.jsonl"))
    assert [each.retracted for each in take_in_new(tmp_path / "releases")] == [1]
    assert take_in_new(tmp_path / "releases") == []
    assert take_in(folder).retracted == 0
    client = as_role("senco")
    shown = client.get(page(finding)).content.decode()
    assert "One goal was read wrong" in shown
    assert EDUCATION.text not in shown
    child = client.get(reverse("children:child", args=[finding.child.public_id])).content.decode()
    assert EDUCATION.text not in child
    assert work(world.visit("senco")) == []
    client.post(page(finding, "looked"), {"outcome": "talked"})
    finding.refresh_from_db()
    assert finding.outcome == ""
    notes = AccessEntry.objects.filter(child=finding.child.public_id, action="release")
    assert [each.note for each in notes.order_by("number")] == [
        "release autumn: a finding came from the hub",
        "release autumn was taken back",
    ]


def test_a_list_of_findings_costs_few_queries(world, as_role, release, django_assert_max_num_queries):
    take_in(release(case("amir"), case("cy")))
    client = as_role("senco")
    client.get(reverse("findings:list"))
    with django_assert_max_num_queries(16):
        shown = client.get(reverse("findings:list")).content.decode()
    assert "Amir Iqbal" in shown
    assert "Cy Marsh" in shown


def test_two_records_that_may_be_one_child_are_for_whoever_may_see_both(world, as_role):
    pair = PerhapsSame.objects.create(child=world.children["amir"], other=world.children["cy"], feed="gp")
    address = reverse("findings:answer-same", args=[pair.public_id])
    assert as_role("other-senco").post(address, {"answer": "same"}).status_code == 404
    client = as_role("senco")
    assert "Cy Marsh" in client.get(reverse("findings:perhaps-same")).content.decode()
    assert client.post(address, {"answer": "other"}).status_code == 302
    pair.refresh_from_db()
    assert pair.answer == "other"
    assert "Cy Marsh" not in client.get(reverse("findings:perhaps-same")).content.decode()
    assert LocalRecord.objects.filter(child=world.children["cy"]).count() == 1
