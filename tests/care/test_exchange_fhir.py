"""A dossier as a FHIR document: structure by an outside library, our profile checks, there and back again."""

from __future__ import annotations

import copy
import json
from datetime import UTC, date, datetime
from typing import Any

import nhs_number
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evi.care.exchange import isp, profile
from evi.care.exchange.dossier import (
    Action,
    Author,
    Dossier,
    Finding,
    Identity,
    LeftOut,
    Member,
    Need,
    Outcome,
    Plan,
    Review,
    Words,
)
from evi.care.exchange.faults import BadFileError
from evi.care.exchange.fhir_in import from_bundle
from evi.care.exchange.fhir_out import to_bundle
from evi.care.exchange.reading import MAX_BYTES, read_json
from evi.encoding import normalise

AT = datetime(2026, 3, 9, 14, 5, 6, 789, tzinfo=UTC)
TEACHER = Author("Tom Reed", "class teacher", "Hill Primary School")
PARENT = Author("Parveen Iqbal", "parent or carer", kind="family")
CHILD = Author("Amir", kind="child")
AMIR = Identity("Amir", "Iqbal", date(2020, 3, 9), known_as="Ami", sex="M", nhs_number="9434765919")


def example(**changes: Any) -> Dossier:
    need = Need("here/n1", "communication", "Finds it hard to say what he wants", TEACHER, AT, "Loves songs")
    outcome = Outcome(
        "here/o1",
        "here/n1",
        "Asks for help",
        "Times a day",
        "5",
        date(2026, 9, 1),
        TEACHER,
        AT,
        "1",
        "partly",
    )
    action = Action(
        "here/a1",
        "here/o1",
        "Small group",
        date(2026, 3, 10),
        date(2026, 7, 1),
        TEACHER,
        AT,
        who=PARENT,
        how_often="twice a week",
        offer="talk-boost",
        status="under-way",
    )
    review = Review(
        "here/r1",
        1,
        date(2026, 5, 1),
        "Go on",
        TEACHER,
        AT,
        family_view="He is happier",
        next_due=date(2026, 7, 1),
        findings=(Finding("here/a1", "Six sessions", "helped", "keep", "He asks"),),
    )
    made = Dossier(
        key="here/d1",
        sender="Hill Primary School",
        made_at=AT,
        made_by=TEACHER,
        identity=AMIR,
        words=(
            Words("here/w1", "works", "practitioner", "Pictures help 🎨 “a lot”", TEACHER, AT, nature="fact"),
            Words("here/w2", "about-me", "child", "I like trains", CHILD, AT, pictures=("train", "happy")),
            Words(
                "here/w3",
                "home",
                "parent",
                "وہ گھر پر خوش ہے",
                TEACHER,
                AT,
                taken_down=True,
                source="Nursery",
            ),
        ),
        plan=Plan(
            "here/p1", AT, TEACHER, "open", date(2026, 7, 1), (need,), (outcome,), (action,), (review,)
        ),
        circle=(Member("here/c1", TEACHER, date(2025, 9, 1), "knows him best", leads=True),),
        left_out=(LeftOut("chronology.police", "Police entries", "No agreement covers it."),),
    )
    return Dossier(**{**made.__dict__, **changes})


def faults(bundle: dict[str, Any]) -> list[str]:
    return [str(fault) for fault in profile.check_bundle(bundle)]


def resource(bundle: dict[str, Any], kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == kind
    )
    return found


def test_an_export_is_fhir_and_keeps_to_the_profiles_and_comes_back_equal() -> None:
    from fhir.resources.R4B.bundle import Bundle

    bundle = to_bundle(example())
    Bundle.model_validate(bundle)  # the whole, by the outside library, entries and all
    assert faults(bundle) == []
    kinds = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
    assert kinds[0] == "Composition"
    assert {"Patient", "CarePlan", "Goal", "QuestionnaireResponse", "Questionnaire", "ServiceRequest"} <= set(
        kinds
    )
    assert "Condition" not in kinds
    read = from_bundle(json.loads(json.dumps(bundle)))
    assert read.not_taken == []
    assert read.dossier == example()
    assert to_bundle(example()) == bundle


def test_what_was_left_out_is_said_with_its_reason() -> None:
    sections = resource(to_bundle(example()), "Composition")["section"]
    withheld = [s for s in sections if "emptyReason" in s]
    assert [s["title"] for s in withheld] == ["Police entries"]
    assert withheld[0]["emptyReason"]["coding"][0]["code"] == "withheld"
    assert withheld[0]["emptyReason"]["text"] == "No agreement covers it."


@pytest.mark.parametrize(
    ("kind", "change", "fault"),
    [
        ("Patient", {"gender": "banana"}, "Patient.gender: it should be one of: male, female, other,"),
        ("Patient", {"gender": "Male"}, "Patient.gender: it should be one of: male, female, other,"),
        ("Patient", {"birthDate": "2999-01-01"}, "Patient.birthDate: it is in the future."),
        ("Patient", {"birthDate": "2020-03"}, "Patient.birthDate: it should be a whole day, as 2020-03-09."),
        ("Patient", {"name": [{"use": "usual", "text": "Ami"}]}, "Patient.name: it is missing."),
        ("Patient", {"favourite": "x"}, "Patient.favourite: FHIR R4 has no such element here."),
        ("CarePlan", {"status": "open"}, "CarePlan.status: it should be one of: draft,"),
        ("CarePlan", {"intent": "wish"}, "CarePlan.intent: it should be one of:"),
        ("Goal", {"lifecycleStatus": "nearly"}, "Goal.lifecycleStatus: it should be one of:"),
        ("Goal", {"description": {}}, "Goal.description.text: it is missing."),
        ("ServiceRequest", {"code": None}, "ServiceRequest.code: it is missing."),
        (
            "ServiceRequest",
            {"subject": {"reference": "urn:uuid:none"}},
            "ServiceRequest: it points at an entry",
        ),
        (
            "QuestionnaireResponse",
            {"questionnaire": None},
            "QuestionnaireResponse.questionnaire: it is missing.",
        ),
    ],
)
def test_what_the_library_lets_through_is_refused_here(kind: str, change: dict[str, Any], fault: str) -> None:
    bundle = to_bundle(example())
    found = resource(bundle, kind)
    for name, value in change.items():
        if value is None:
            del found[name]
        else:
            found[name] = value
    told = faults(bundle)
    assert any(fault in one for one in told), told
    assert "banana" not in " ".join(told)


def test_an_nhs_number_needs_its_check_digit_and_its_status() -> None:
    bundle = to_bundle(example())
    number = resource(bundle, "Patient")["identifier"][0]
    number["value"] = "9434765918"
    assert any("check digit" in one for one in faults(bundle))
    number["value"] = "9434765919"
    number["extension"][0]["valueCodeableConcept"]["coding"][0]["code"] = "99"
    assert any("should be one of: 01, 02" in one for one in faults(bundle))
    del number["extension"]
    assert any("Patient.identifier.extension: it is missing." in one for one in faults(bundle))


@given(st.integers(0, 999_999_999))
def test_check_digits_agree_with_an_outside_library(number: int) -> None:
    nine = f"{number:09}"
    digit = nhs_number.calculate_checksum(nine)
    right = [each for each in range(10) if normalise.nhs_number(f"{nine}{each}")]
    assert right == [digit] or (digit in (None, 10) and right == []) or len(set(nine)) == 1


def test_hl7_uks_published_example_patient_passes() -> None:
    """The identifying parts of UKCore-Patient-RichardSmith-Example, whose values HL7 UK made up."""
    status = {
        "system": "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland",
        "code": "01",
        "display": "Number present and verified",
    }
    url = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus"
    patient = {
        "resourceType": "Patient",
        "identifier": [
            {
                "extension": [{"url": url, "valueCodeableConcept": {"coding": [status]}}],
                "system": "https://fhir.nhs.uk/Id/nhs-number",
                "value": "9912003888",
            }
        ],
        "name": [{"use": "official", "family": "SMITH", "given": ["Richard"]}],
        "gender": "male",
        "birthDate": "1970-09-11",
    }
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"fullUrl": "urn:uuid:1", "resource": patient}],
    }  # fmt: skip
    assert faults(bundle) == []
    who = from_bundle(bundle).dossier.identity
    assert (who.given_name, who.family_name, who.nhs_number) == ("Richard", "SMITH", "9912003888")


def test_signs_of_other_releases_are_theirs_alone() -> None:
    """Each sign is in the outside library's model of that release and not in R4B's."""
    from fhir.resources import get_fhir_model_class as r5
    from fhir.resources.R4B import get_fhir_model_class as r4b
    from fhir.resources.STU3 import get_fhir_model_class as stu3

    def elements(find: Any, kind: str) -> set[str]:
        return {model.alias or name for name, model in find(kind).model_fields.items()}

    for sign in profile.rules()["foreign"]:
        if sign["release"] == "DSTU2":
            continue  # the library has no model of it
        find = {"STU3": stu3, "R5": r5}[sign["release"]]
        if "element" in sign:
            assert sign["element"] in elements(find, sign["resource"]), sign
            assert sign["element"] not in elements(r4b, sign["resource"]), sign
        else:
            find(sign["resource"])


@pytest.mark.parametrize(
    ("release", "kind", "change"),
    [
        ("DSTU2", "Patient", {"careProvider": []}),
        ("STU3", "Goal", {"status": "in-progress"}),
        (
            "STU3",
            "Patient",
            {"meta": {"profile": ["https://fhir.hl7.org.uk/STU3/StructureDefinition/CareConnect-Patient-1"]}},
        ),
        ("R5", "ServiceRequest", {"reason": []}),
    ],
)
def test_another_release_is_refused_by_its_name(release: str, kind: str, change: dict[str, Any]) -> None:
    bundle = to_bundle(example())
    resource(bundle, kind).update(change)
    with pytest.raises(BadFileError, match=f"it is FHIR {release}; only FHIR R4"):
        profile.check_bundle(bundle)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b"%PDF-1.7 ...", "it is a PDF, not JSON"),
        (b"PK\x03\x04rest", "it is a zip, a Word file or a spreadsheet"),
        (b"<?xml version='1.0'?><Bundle/>", "it is XML or a web page"),
        ('{"a": "é"}'.encode("latin-1"), "not UTF-8"),
        (b'{"a": 1', "it is not JSON (line 1)"),
        (b"[1, 2]", "not one document"),
        (b'{"gender": "male", "gender": "female"}', "the same key twice"),
        (b'{"a": NaN}', "a number that is none"),
        (b'{"a": ' + b"9" * 5000 + b"}", "it is not JSON"),
        (b'{"a":' * 50 + b"1" + b"}" * 50, "nested too deep"),
        (b"[" * 100_000, "nested too deep"),
        (rb'{"a": "\u0000"}', "control characters"),
        (rb'{"a": "\ud800"}', "control characters"),
        ('{"a": "\u202egnp"}'.encode(), "hide the direction"),
        (b" " * MAX_BYTES + b"{}", "at most 2 MB"),
    ],
)
def test_hostile_files_are_refused_with_a_reason(content: bytes, why: str) -> None:
    with pytest.raises(BadFileError, match="the file: ") as error:
        read_json(content)
    assert why in str(error.value)


def test_a_right_to_left_name_is_no_hostile_text() -> None:
    assert read_json('{"a": "حسنین اقبال 👨‍👩‍👧"}'.encode()) == {"a": "حسنین اقبال 👨‍👩‍👧"}


TEXT = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=40
).filter(str.strip)
DAYS = st.dates(date(2020, 1, 1), date(2026, 1, 1))
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
PEOPLE = st.one_of(
    st.builds(Author, TEXT, TEXT, TEXT),
    st.builds(Author, TEXT, TEXT, kind=st.just("family")),
    st.builds(Author, TEXT, kind=st.just("child")),
)


@st.composite
def dossiers(draw: st.DrawFn) -> Dossier:
    """Random dossiers whose parts point at each other as they should."""
    maybe = st.one_of(st.just(""), TEXT)

    def keys(kind: str, least: int = 0) -> list[str]:
        return [f"x/{kind}{number}" for number in range(draw(st.integers(least, 3)))]

    sections = st.sampled_from(["works", "about-me", "home", "health", "hopes"])
    said = tuple(
        Words(
            key,
            draw(sections),
            draw(st.sampled_from(["child", "parent", "practitioner"])),
            draw(TEXT),
            draw(PEOPLE),
            draw(MOMENTS),
            draw(st.sampled_from(["", "fact", "opinion"])),
            tuple(draw(st.lists(TEXT, max_size=2))),
            draw(st.booleans()),
            draw(maybe),
        )
        for key in keys("w")
    )
    needs = tuple(
        Need(
            key,
            "area",
            draw(TEXT),
            draw(PEOPLE),
            draw(MOMENTS),
            draw(maybe),
            draw(st.sampled_from(["child", "family", "practitioner"])),
            draw(st.sampled_from(["open", "met"])),
        )
        for key in keys("n", 1)
    )
    outcomes = tuple(
        Outcome(
            key,
            draw(st.sampled_from(needs)).key,
            draw(TEXT),
            draw(TEXT),
            draw(TEXT),
            draw(DAYS),
            draw(PEOPLE),
            draw(MOMENTS),
            draw(maybe),
            draw(st.sampled_from(["working", "partly", "met", "dropped"])),
        )
        for key in keys("o", 1)
    )
    actions = tuple(
        Action(
            key,
            draw(st.sampled_from(outcomes)).key,
            draw(TEXT),
            draw(DAYS),
            draw(DAYS),
            draw(PEOPLE),
            draw(MOMENTS),
            draw(st.one_of(st.none(), PEOPLE)),
            draw(maybe),
            draw(st.sampled_from(["", "offer-1"])),
            draw(st.sampled_from(["", "strategy-1"])),
            draw(st.sampled_from(["planned", "under-way", "done", "stopped"])),
        )
        for key in keys("a", 1)
    )
    reviews = tuple(
        Review(
            key,
            number + 1,
            draw(DAYS),
            draw(TEXT),
            draw(PEOPLE),
            draw(MOMENTS),
            draw(maybe),
            draw(maybe),
            draw(maybe),
            draw(st.one_of(st.none(), DAYS)),
            tuple(
                Finding(draw(st.sampled_from(actions)).key, draw(TEXT), "helped", "keep", draw(maybe))
                for _ in range(draw(st.integers(0, 2)))
            ),
        )
        for number, key in enumerate(keys("r"))
    )
    plan = Plan(
        "x/p",
        draw(MOMENTS),
        draw(PEOPLE),
        draw(st.sampled_from(["open", "closed"])),
        draw(st.one_of(st.none(), DAYS)),
        needs,
        outcomes,
        actions,
        reviews,
    )
    circle = tuple(
        Member(key, draw(PEOPLE), draw(DAYS), draw(maybe), draw(st.booleans())) for key in keys("c")
    )
    return example(words=said, plan=draw(st.one_of(st.none(), st.just(plan))), circle=circle)


@settings(max_examples=25, deadline=None)
@given(dossiers())
def test_any_dossier_goes_through_fhir_and_the_support_plan_file_unchanged(dossier: Dossier) -> None:
    bundle = to_bundle(dossier)
    assert faults(bundle) == []
    read = from_bundle(bundle)
    assert (read.dossier, read.not_taken) == (dossier, [])
    plan_file = isp.to_isp(dossier, layer="Targeted")
    assert isp.check_isp(plan_file) == []
    assert isp.from_isp(json.loads(json.dumps(plan_file))) == dossier


def test_a_part_that_is_not_ours_is_named_and_the_rest_is_kept() -> None:
    bundle = to_bundle(example())
    other = copy.deepcopy(resource(bundle, "QuestionnaireResponse"))
    other["questionnaire"] = "https://example.org/Questionnaire/other"
    condition = {"resourceType": "Condition", "subject": {"reference": bundle["entry"][1]["fullUrl"]}}
    bundle["entry"] += [
        {"fullUrl": "urn:uuid:other", "resource": other},
        {"fullUrl": "urn:uuid:condition", "resource": condition},
    ]
    read = from_bundle(bundle)
    assert read.dossier.words == example().words
    assert [fault.what for fault in read.not_taken] == [
        "a diagnosis is not taken over.",
        "it answers a form that is not known here.",
    ]
