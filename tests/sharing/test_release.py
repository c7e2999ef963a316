"""What a release tells whom: by agreement, to those who hold the child, with what they may be told."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evi.sharing.agreements import EXAMPLES
from evi.sharing.chain import Chain
from evi.sharing.decisions import Door
from evi.sharing.holders import holders
from evi.sharing.packages import (
    MANIFEST,
    check_tables,
    newest_with,
    read_package,
    read_retraction,
    retract,
    write_release,
    write_tables,
)
from evi.sharing.release import (
    Case,
    Cohort,
    Reason,
    Recipient,
    check_release,
    plan_release,
    recipients_of_index,
)
from evi.workspace import EviError

DAY = date(2026, 9, 1)
AGREEMENT = "casefinding-release"
SCHOOL = Recipient("997001", "school", "Hill School")
OTHER = Recipient("997002", "school", "Lake School")
CAMHS = Recipient("camhs", "camhs", "CAMHS")
SOCIAL = Recipient("social-care", "social-care", "Social care")
POLICE = Recipient("police", "police", "Police")
EVERYONE = (SCHOOL, OTHER, CAMHS, SOCIAL, POLICE)
EDUCATION = Reason("The total is low", ("chronology.education",))
FROM_POLICE = Reason("Reported missing twice", ("chronology.police",))
NOWHERE = Reason("Nobody knows what this rests on", ())
COHORT = Cohort("autism-2026", "Has anyone looked?", ("autism v1",), "run-1", DAY, ("It has limits",))


@pytest.fixture(scope="module")
def door():
    return Door.open([EXAMPLES])


def case(*reasons, held=("997001",), **more):
    return Case(reasons, {code: (("school", f"code-of-{code}"),) for code in held}, **more)


def plan(door, *cases, recipients=EVERYONE, cohort=COHORT, day=DAY):
    return plan_release(door, AGREEMENT, cohort, cases, recipients, day)


def told(made, code):
    return next(package for package in made.packages if package.recipient.code == code)


def test_only_the_service_that_holds_the_child_is_told(door):
    made = plan(door, case(EDUCATION), case(EDUCATION, held=("997002",)), case(EDUCATION, held=("unknown",)))
    assert [card.code for card in told(made, "997001").cards] == ["code-of-997001"]
    assert [card.code for card in told(made, "997002").cards] == ["code-of-997002"]
    assert made.n_nobody == 1
    assert (made.clause, made.gateway) == ("2.1", "children-act-2004-s10")
    assert set(told(made, "997001").roles) == {"senco", "head-teacher"}


def test_a_reason_from_the_police_is_not_for_a_school_and_is_for_social_care(door):
    made = plan(door, case(EDUCATION, FROM_POLICE, NOWHERE, held=("997001", "social-care")))
    (at_school,) = told(made, "997001").cards
    assert [reason.text for reason in at_school.reasons] == [EDUCATION.text]
    assert at_school.withheld == 2
    (at_social_care,) = told(made, "social-care").cards
    assert FROM_POLICE in at_social_care.reasons
    assert NOWHERE not in at_social_care.reasons
    assert at_social_care.withheld == 1


def test_a_child_of_whom_nothing_may_be_told_is_not_sent_and_is_counted(door):
    package = told(plan(door, case(FROM_POLICE)), "997001")
    assert (package.cards, package.n_nothing) == ((), 1)


def test_what_is_not_known_is_told_only_to_those_who_may_see_that_service(door):
    unknown = (Reason("no records now from: social care", ("chronology.social-care",)),)
    made = plan(door, case(EDUCATION, held=("997001", "social-care"), not_known=unknown))
    assert told(made, "997001").cards[0].not_known == ()
    assert told(made, "social-care").cards[0].not_known == (unknown[0].text,)


def test_whoever_is_no_party_gets_nothing_and_is_told_why(door):
    made = plan(door, case(EDUCATION, held=("police",)))
    assert made.not_recipients["police"].startswith("Police is no party of agreement 8")
    assert "police" not in {package.recipient.code for package in made.packages}


@pytest.mark.parametrize(
    ("day", "word"), [(date(2025, 12, 1), "not yet in force"), (date(2029, 1, 1), "expired")]
)
def test_an_agreement_out_of_its_days_releases_nothing(door, day, word):
    with pytest.raises(EviError, match=word):
        plan(door, case(EDUCATION), day=day)


def test_an_agreement_without_a_clause_for_it_releases_nothing(door):
    with pytest.raises(EviError, match="no clause"):
        plan_release(door, "school-health", COHORT, [case(EDUCATION)], EVERYONE, DAY)
    with pytest.raises(EviError, match="no agreement is called"):
        check_release(door, "nothing", "finding", DAY)


def test_a_list_that_may_not_go_out_does_not(door):
    with pytest.raises(EviError, match="shadow"):
        plan(door, case(EDUCATION), cohort=replace(COHORT, why_not="autism v1 is shadow"))


def test_the_index_is_told_by_what_each_reason_rests_on(door):
    told_to = recipients_of_index(door, AGREEMENT, EVERYONE, DAY)
    assert set(told_to(("chronology.education",))) >= {"997001", "997002"}
    assert told_to(("chronology.police",)) == ["social-care"]
    assert told_to(()) == []


REASONS = st.lists(
    st.sampled_from([EDUCATION, FROM_POLICE, NOWHERE, Reason("h", ("chronology.health",))]), min_size=1
)
CASES = st.lists(st.tuples(REASONS, st.sets(st.sampled_from([each.code for each in EVERYONE]))), max_size=5)


@given(CASES)
def test_nobody_is_told_of_a_child_whom_they_do_not_hold_nor_a_reason_that_they_may_not_see(door, drawn):
    cases = [case(*reasons, held=held) for reasons, held in drawn]
    made = plan(door, *cases)
    for package in made.packages:
        code = package.recipient.code
        holding = [each for each in cases if code in each.held]
        assert len(package.cards) + package.n_nothing == len(holding)
        assert {card.code for card in package.cards} <= {f"code-of-{code}"}
        for card in package.cards:
            assert NOWHERE not in card.reasons
            if package.recipient.kind == "school":
                assert FROM_POLICE not in card.reasons


class TestPackages:
    @pytest.fixture
    def ledger(self, tmp_path):
        return Chain(tmp_path / "sharing" / "releases.jsonl")

    @pytest.fixture
    def written(self, door, tmp_path, ledger):
        made = plan(door, case(EDUCATION, FROM_POLICE, next_step="Talk", waiting_since=DAY))
        at = datetime(2026, 9, 1, 8, tzinfo=UTC)
        return write_release(made, "autumn", tmp_path / "releases", ledger, at)

    def test_each_recipient_has_a_file_and_the_ledger_an_entry(self, tmp_path, ledger, written):
        package = read_package(tmp_path / "releases" / "autumn", "997001")
        assert package["children"] == [
            {
                "feed": "school",
                "code": "code-of-997001",
                "reasons": [{"text": EDUCATION.text, "items": ["chronology.education"]}],
                "withheld": 1,
                "not_known": [],
                "next_step": "Talk",
                "waiting_since": "2026-09-01",
            }
        ]
        (entry,) = ledger.read()
        assert (entry["kind"], entry["release"], entry["run"]) == ("released", "autumn", "run-1")
        assert (entry["agreement"], entry["clause"], entry["gateway"]) == (
            AGREEMENT,
            "2.1",
            "children-act-2004-s10",
        )
        assert entry["recipients"] == written["recipients"]

    def test_a_changed_package_is_refused(self, tmp_path, written):
        path = tmp_path / "releases" / "autumn" / "to-997001.json"
        path.write_text(path.read_text().replace("code-of-997001", "code-of-another"))
        with pytest.raises(EviError, match="was changed"):
            read_package(path.parent, "997001")

    def test_a_name_is_taken_once_and_is_a_plain_one(self, door, tmp_path, ledger, written):
        made = plan(door, case(EDUCATION))
        with pytest.raises(EviError, match="already"):
            write_release(made, "autumn", tmp_path / "releases", ledger)
        with pytest.raises(EviError, match="can't be the name"):
            write_release(made, "../autumn", tmp_path / "releases", ledger)
        assert len(ledger.read()) == 1

    def test_taking_back_marks_it_with_its_reason_once(self, tmp_path, ledger, written):
        folder = tmp_path / "releases"
        with pytest.raises(EviError, match="reason"):
            retract(folder, "autumn", "oops", ledger)
        retract(folder, "autumn", "One goal was read wrong", ledger)
        found = read_retraction(folder / "autumn")
        assert found is not None
        assert found.because == "One goal was read wrong"
        assert [entry["kind"] for entry in ledger.read()] == ["released", "retracted"]
        with pytest.raises(EviError, match="already"):
            retract(folder, "autumn", "One goal was read wrong", ledger)
        with pytest.raises(EviError, match="no release winter"):
            retract(folder, "winter", "One goal was read wrong", ledger)

    def test_tables_are_held_against_their_hash_and_the_newest_that_stands_is_found(self, tmp_path, ledger):
        folder = tmp_path / "releases"

        def write(scratch):
            (scratch / "links.parquet").write_bytes(b"rows")
            return ["links.parquet"]

        for name, at in (("one", "2026-01-01T00:00:00+00:00"), ("two", "2026-02-01T00:00:00+00:00")):
            write_tables(folder, {"release": name, "released_at": at}, ledger, write)
        assert newest_with(folder, "links.parquet") == folder / "two"
        retract(folder, "two", "A link was wrong", ledger)
        assert newest_with(folder, "links.parquet") == folder / "one"
        (folder / "one" / "links.parquet").write_bytes(b"others")
        with pytest.raises(EviError, match="not the one that was released"):
            check_tables(folder / "one")
        assert json.loads((folder / "two" / MANIFEST).read_text())["tables"].keys() == {"links.parquet"}


def test_a_district_names_its_own_holders_and_a_word_that_there_is_not_is_refused(tmp_path):
    (tmp_path / "holders.yaml").write_text(
        "gp: {kind: general-practice, code: practice-7, name: Practice 7, item: chronology.health}\n"
    )
    held = holders(tmp_path)
    assert (held["gp"].code, held["school"].code_at("997001")) == ("practice-7", "997001")
    other = tmp_path / "other"
    other.mkdir()
    (other / "holders.yaml").write_text("gp: {kind: surgery, code: a, name: A, item: chronology.health}\n")
    with pytest.raises(EviError, match="surgery"):
        holders(other)
