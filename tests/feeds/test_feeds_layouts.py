"""Layouts as published: each keeps the schema, and every mistake in one gets a sentence of its own."""

from __future__ import annotations

import re
from pathlib import Path

import jsonschema
import pytest
import yaml

import evi.feeds
from evi.feeds import EventMap, Field, common_sql, layout_schema, load_layouts
from evi.workspace import EviError

LAYOUTS = load_layouts()
SHIPPED = sorted((Path(evi.feeds.__file__).parent / "layouts").glob("*.yaml"))
FEEDS = "school eyfsp sen2 ssd cin ssda903 csds mhsds maternity gp ae police housing fire"


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_every_layout_keeps_the_published_schema(file):
    jsonschema.validate(yaml.safe_load(file.read_text()), layout_schema())
    assert file.stem in LAYOUTS


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(layout_schema())


def test_the_feeds_are_those_of_a_district():
    assert {layout.feed for layout in LAYOUTS.values()} == set(FEEDS.split())
    assert len(LAYOUTS) == 39


def test_a_code_is_said_by_one_layout_in_one_way():
    """Codes are paths of at least two parts; a placeholder is always a coded field."""
    for layout in LAYOUTS.values():
        for event in layout.events:
            assert re.fullmatch(r"(EDU|HEALTH|CSC|POLICE|HOUSING|FIRE)/[A-Z0-9_/{}a-z]+", event.code)
            assert all(layout.field(name).type == "code" for name in event.code_fields)


def test_each_framework_of_the_early_years_profile_has_17_goals():
    for version in ("2012", "2021"):
        codes = {event.code for event in LAYOUTS[f"eyfsp_{version}"].events}
        assert len(codes) == 17
        assert all(code.startswith(f"EDU/EYFSP/{version}/") for code in codes)


def test_every_coded_sex_and_ethnicity_has_a_common_value():
    for layout in LAYOUTS.values():
        for person in layout.persons:
            for what in ("sex", "ethnicity", "language"):
                if what in person.identifies:
                    field = layout.field(person.identifies[what])
                    assert set(field.common) == set(field.codes), f"{layout.name}.{field.name}"


def test_no_two_layouts_recognise_one_file_name_unless_their_columns_differ():
    for one in LAYOUTS.values():
        twins = [
            other
            for other in LAYOUTS.values()
            if other != one and other.format == "csv" and re.fullmatch(other.filename, one.example)
        ]
        for other in twins:
            assert {field.name for field in one.fields} != {field.name for field in other.fields}


def test_an_event_can_be_put_into_a_select_as_it_is():
    event = EventMap(code="HEALTH/{Service}/DNA", time="ContactDate")
    assert event.code_sql == "'HEALTH/' || upper(Service) || '/DNA'"
    assert event.code_fields == ("Service",)
    assert (event.when, event.known_at) == ("TRUE", "known_at")
    assert event.place_sql == "CAST(NULL AS VARCHAR)"
    assert EventMap(code="A/B", time="D", place="home").place_sql == "'home:' || home"


def test_common_values_leave_out_what_says_nothing():
    sex = Field("SEX", "code", codes={"1": "Male", "9": "Not specified"}, common={"1": "M", "9": None})
    assert common_sql(sex, "SEX") == "CASE SEX WHEN '1' THEN 'M' END"
    assert common_sql(Field("Role", "code"), "Role") == "Role"


GOOD = """
layout: visits
feed: youth
title: Youth service visits
version: "1"
source: https://example.org
zone_owner: youth
format: csv
detect: {filename: "visits_(?P<year>\\\\d{4}).csv", example: visits_2024.csv}
period: {start: "make_date(year, 1, 1)", end: "make_date(year, 12, 31)"}
row_key: [Ref]
persons: [{role: child, local_id: Ref, identifies: {surname: Surname}}]
fields:
  - {name: Ref, type: identifier, kind: local_id, required: true}
  - {name: Surname, type: identifier, kind: surname}
  - {name: Kind, type: code, codes: [HOME, OFFICE]}
  - {name: VisitDate, type: date, required: true}
events: [{code: "YOUTH/VISIT/{Kind}", time: VisitDate}]
"""

MISTAKES = [
    ("feed: youth\n", "", "'feed' is a required property"),
    ("format: csv\n", "format: csv\nowner: me\n", "'owner' was unexpected"),
    ("row_key: [Ref]", "row_key: [Reference]", "names Reference, which is none of its fields"),
    ("codes: [HOME, OFFICE]", "codes: places", "there is no code list places"),
    ("time: VisitDate}", "time: Surname}", "names Surname, which never leaves the agency"),
    ("time: VisitDate}", "time: VisitDay}", "is no expression over the layout's fields"),
    ("time: VisitDate}", "time: Kind}", "gives VARCHAR, where DATE is wanted"),
    ("time: VisitDate}", 'time: "(SELECT VisitDate)"}', "an expression over one row is wanted"),
    ("time: VisitDate}", "time: VisitDate, person: mother}", "names the role mother"),
    ("{name: Kind,", "{name: home,", "may not be home"),
    ("{name: Kind,", "{name: ref,", "must differ"),
    ("example: visits_2024.csv", "example: visits.csv", "does not match its own pattern"),
    ("kind: surname}", "kind: nickname}", "'nickname' is not one of"),
    ("layout: visits", "layout: visit", "should be named visit.yaml"),
    ("events:", "known_at: Surname\nevents:", "names Surname, which never leaves the agency"),
    ("events:", "withdrawn: Kind\nevents:", "gives VARCHAR, where BOOLEAN is wanted"),
    ("events:", "with: [letters]\nevents:", "should come with letters"),
    ("zone_owner: youth", "zone_owner: [", "can't be read as YAML"),
]


@pytest.mark.parametrize(("old", "new", "said"), MISTAKES, ids=[said for _, _, said in MISTAKES])
def test_each_mistake_in_a_layout_gets_a_sentence(tmp_path, old, new, said):
    assert old in GOOD
    file = tmp_path / "visits.yaml"
    file.write_text(GOOD.replace(old, new))
    with pytest.raises(EviError) as caught:
        load_layouts([file])
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_district_adds_a_layout_without_touching_the_package(tmp_path):
    (tmp_path / "visits.yaml").write_text(GOOD)
    layouts = load_layouts([tmp_path])
    assert set(layouts) - set(LAYOUTS) == {"visits"}
    assert layouts["visits"].events[0].person == "child"
    assert layouts["visits"].record_id == ("Ref",)
