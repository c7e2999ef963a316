"""Loading Care from services' own records: one child where links are sure, ties, chronology, and again."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from django.utils import timezone

from evi.care.children.models import Child, Entry, IndexRow, LocalRecord, Tie
from evi.care.findings.models import PerhapsSame
from evi.care.loading.district import fill_index
from evi.care.loading.extracts import EVENTS, PEOPLE, ROLLS, Extracts, codes_of, read_extracts
from evi.care.loading.filling import fill
from evi.care.loading.joining import LINKS, gather
from evi.care.loading.wording import Wording
from evi.encoding import Coder, Keys, write_new_key
from evi.feeds import load_layouts
from evi.sharing.holders import holders
from evi.workspace import District, DistrictConfig, EviError

DAY = date(2026, 8, 31)
HELD = {feed: each for feed, each in holders().items() if each.loaded}
WORDING = Wording.read(load_layouts())
CODES = {("school", "U1"): 1, ("gp", "G1"): 2, ("csds", "C1"): 3, ("gp", "G2"): 4, ("police", "P1"): 5}


def person(feed, local, seen=DAY, **identity):
    return {"feed": feed, "local": local, "seen": seen, **identity}


AMIR = {"forename": "Amir", "surname": "Iqbal", "date_of_birth": "2021-06-01", "sex": "M", "language": "URD"}
PEOPLE_ROWS = (
    person(
        "school", "U1", **AMIR, upn="A123", address="1 Old Road", postcode="BD1 1AA", seen=date(2025, 1, 1)
    ),
    person(
        "gp",
        "G1",
        **(AMIR | {"forename": "Ameer"}),
        nhs_number="999",
        address="2 New Road",
        postcode="BD2 2BB",
    ),
    person("csds", "C1", **AMIR),
    person("gp", "G2", forename="Amir", surname="Iqbal", date_of_birth="2021-06-11"),
    person("police", "P1", forename="Old", surname="Person", date_of_birth="1970-01-01"),
)
ROLL = {
    "feed": "school",
    "local": "U1",
    "place": "997001",
    "year": "R",
    "since": date(2025, 9, 2),
    "known_at": DAY,
}
LINK_ROWS = [("school", 1, 7, 0.99), ("gp", 2, 7, 0.999), ("csds", 3, 7, 0.98), ("gp", 4, 7, 0.9)]


def event(feed, local, code, day, **more):
    return {"feed": feed, "local": local, "code": code, "day": day, "known_at": day, **more}


EVENT_ROWS = (
    event("school", "U1", "EDU/SEN/SUPPORT", date(2025, 10, 1)),
    event("school", "U1", "EDU/SEN/SUPPORT", date(2026, 5, 1)),
    *(
        event("school", "U1", f"EDU/EYFSP/2021/{g}", date(2026, 6, 30), value=v)
        for g, v in (("COM/LAU", 1), ("COM/SPK", 2))
    ),
    event("csds", "C1", "HEALTH/HV/REVIEW/NEW_BIRTH", date(2021, 6, 12)),
    event("gp", "G1", "HEALTH/GP/REGISTERED", date(2021, 7, 1)),
    event("csds", "C1", "HEALTH/SOMETHING/ELSE", date(2022, 1, 1)),
)


def frame(rows, schema):
    return pl.DataFrame(
        [{name: row.get(name) for name in schema} for row in rows], schema=schema, orient="row"
    )


def gathered(people=PEOPLE_ROWS, rolls=(ROLL,), events=EVENT_ROWS, links=LINK_ROWS, day=DAY):
    table = frame(people, PEOPLE)
    keys = [(feed, local, code) for (feed, local), code in CODES.items()]
    codes = table.join(
        pl.DataFrame(keys, schema={"feed": pl.String, "local": pl.String, "code": pl.Int64}, orient="row"),
        on=["feed", "local"],
    )
    extracts = Extracts(table, frame(rolls, ROLLS), frame(events, EVENTS), ())
    return gather(extracts, codes, pl.DataFrame(links, schema=LINKS, orient="row"), HELD, WORDING, day)


def load(**changes):
    return fill(gathered(**changes), HELD, DAY).counts


class TestOneChild:
    def test_sure_links_join_and_unsure_ones_are_for_a_person(self):
        made = gathered()
        assert made.children.height == 2
        assert made.doubts.height == 1
        assert made.counts["records_not_joined"] == 1
        assert made.counts["records_of_adults"] == 1

    def test_services_are_believed_in_their_order_and_the_newest_address_counts(self):
        (amir, _other) = gathered().children.sort("forename", "upn", nulls_last=True).to_dicts()
        assert (amir["forename"], amir["upn"], amir["nhs_number"]) == ("Amir", "A123", "999")
        assert (amir["address"], amir["postcode"], amir["language"]) == ("2 New Road", "BD2 2BB", "Urdu")

    def test_without_links_every_record_is_a_child_of_its_own(self):
        assert gathered(links=[]).children.height == 4

    def test_a_state_that_is_told_again_is_one_entry_and_an_assessment_too(self):
        entries = {row["title"]: row for row in gathered().entries.iter_rows(named=True)}
        assert entries["On SEN support at school"]["day"] == date(2025, 10, 1)
        assert entries["On SEN support at school"]["text"] == "Last noted 1 May 2026."
        profile = entries["Early years foundation stage profile"]["text"]
        assert profile.startswith("2 goals. Emerging in: listening")
        assert entries["Health visitor: new birth visit"]["item"] == "chronology.early-years"
        assert len(entries) == 3

    def test_a_domestic_abuse_incident_is_a_notice_too_without_the_details(self):
        child = person("police", "P1", forename="Amir", surname="Iqbal", date_of_birth="2021-06-01")
        happened = event("police", "P1", "POLICE/DA_INCIDENT", date(2026, 1, 1), said="CHILD_PRESENT")
        made = gathered(people=[child], rolls=(), events=[happened], links=[])
        titles = dict(made.entries.select("item", "title").iter_rows())
        assert titles == {
            "chronology.police": "Domestic abuse incident: Child present",
            "chronology.domestic-abuse-notice": "Domestic abuse notice",
        }

    def test_a_case_is_open_until_something_closes_it(self):
        referred = event("mhsds", "M1", "HEALTH/CAMHS/REFERRAL", date(2025, 1, 1))
        shut = event("mhsds", "M1", "HEALTH/CAMHS/DISCHARGE", date(2025, 6, 1))
        CODES["mhsds", "M1"] = 9
        who = [person("mhsds", "M1", **AMIR)]
        assert gathered(people=who, rolls=(), events=[referred]).cases.height == 1
        assert gathered(people=who, rolls=(), events=[referred, shut]).cases.height == 0
        again = event("mhsds", "M1", "HEALTH/CAMHS/REFERRAL", date(2026, 1, 1))
        assert gathered(people=who, rolls=(), events=[referred, shut, again]).cases.height == 1


@pytest.mark.django_db
@pytest.mark.both_databases
class TestFilling:
    def test_children_records_ties_and_entries_are_written_and_names_are_encrypted(self):
        counts = load()
        assert (counts["children"], counts["records"], counts["entries"], counts["perhaps_the_same"]) == (
            2,
            4,
            3,
            1,
        )
        child = LocalRecord.objects.get(feed="school", code="1").child
        assert (child.name, child.birth_date, child.nhs_blind != "") == ("Amir Iqbal", date(2021, 6, 1), True)
        ties = {(tie.kind, tie.organisation.code): tie for tie in Tie.objects.filter(child=child)}
        assert set(ties) == {
            ("on-roll", "997001"),
            ("teaches", "997001"),
            ("on-caseload", "general-practice"),
        }
        assert ties["teaches", "997001"].team.name == "Reception"
        assert PerhapsSame.objects.get().other == child
        assert Child.objects.filter(name_keys__isnull=False).distinct().count() == 2

    def test_a_second_load_of_the_same_changes_nothing(self):
        load()
        counts = load()
        assert {name: counts[name] for name in ("new_children", "records", "ties", "entries")} == {
            "new_children": 0,
            "records": 0,
            "ties": 0,
            "entries": 0,
        }
        assert Child.objects.count() == 2

    def test_a_child_who_changes_school_changes_roll_and_record_and_keeps_the_days(self):
        load()
        moved = ROLL | {"place": "997002", "year": "1", "since": date(2026, 7, 1)}
        load(rolls=(ROLL, moved))
        record = LocalRecord.objects.get(feed="school", code="1")
        assert record.organisation.code == "997002"
        old = Tie.objects.get(kind="on-roll", organisation__code="997001")
        assert old.until == timezone.localdate()
        assert Tie.objects.live().get(kind="on-roll").organisation.code == "997002"

    def test_a_new_name_and_address_are_taken_over_and_an_entry_is_put_right(self):
        load()
        later = person("school", "U1", **(AMIR | {"surname": "Khan"}), upn="A123", postcode="BD9 9ZZ")
        load(
            people=(*PEOPLE_ROWS, later), events=[*EVENT_ROWS, event("school", "U1", "EDU/SEN/SUPPORT", DAY)]
        )
        child = LocalRecord.objects.get(feed="school", code="1").child
        assert child.family_name == "Khan"
        assert Entry.objects.get(code="EDU/SEN/SUPPORT").text == "Last noted 31 August 2026."

    def test_the_index_comes_by_the_services_records_and_once(self):
        load()
        links = pl.DataFrame(LINK_ROWS, schema=LINKS, orient="row")
        row = {"together": 7, "day": DAY, "band": "some", "n_present": 1, "n_assessable": 9}
        index = pl.DataFrame([row | dict.fromkeys(("domains", "reasons", "not_known"), "[]")])
        assert [fill_index(links, index, "casefinding-release", "links-1") for _again in "12"] == [1, 0]
        assert IndexRow.objects.get().child == LocalRecord.objects.get(feed="school", code="1").child


class TestExtracts:
    @pytest.fixture
    def district(self, tmp_path):
        made = District.create(tmp_path / "d", DistrictConfig("d", synthetic=True))
        write_new_key(made.key_file)
        folder = made.extracts / "school"
        folder.mkdir(parents=True)
        (folder / "school_census_2026_summer.csv").write_text(
            "UPN,URN,Surname,Forename,MiddleNames,DOB,Sex,Ethnicity,Language,UPRN,Postcode,AddressLine,"
            "EntryDate,LeavingDate,NCyearActual,SENprovision,SENtype1,FSMeligible,CensusDate\n"
            "B997100022000,997001,Yaman,Maryam,,2018-04-27,F,APKN,URD,,QV1 0DF,21 Ivy Road,2022-09-03,,3,K,"
            "MLD,true,2026-05-21\n"
            "broken,997001,,,,2018-04-27,F,APKN,URD,,,,2022-09-03,,3,K,MLD,true,2026-05-21\n"
        )
        return made

    def test_a_record_has_the_code_that_it_has_at_the_hub(self, district):
        extracts = read_extracts(district, WORDING)
        assert extracts.people.select("forename", "surname", "language").rows() == [
            ("Maryam", "Yaman", "URD")
        ]
        assert extracts.rolls.select("place", "year").rows() == [("997001", "3")]
        assert sorted(extracts.events["code"]) == ["EDU/ROLL", "EDU/SEN/NEED/MLD", "EDU/SEN/SUPPORT"]
        (code,) = codes_of(district, extracts.people)["code"]
        coder = Coder(Keys.from_environment(district))
        assert code == coder.code("person/school", "B997100022000", purpose="payload")

    def test_no_extracts_is_said(self, tmp_path):
        with pytest.raises(EviError, match="no extract"):
            read_extracts(District.create(tmp_path / "e", DistrictConfig("e")), WORDING)
