"""Feeds that carry no names: returns with a pupil number, a birth date and a sex, linked to the end."""

from __future__ import annotations

import json
import random
import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from evi.encoding import encode
from evi.linkage import link
from evi.workspace import District
from tests.linkage.small_district import Person, SmallDistrict, keys_of, make_small_district

UPN = re.compile(r"<UPN>\w*</UPN>|\b[A-Z]\d{12}\b")

HEAD = (
    "<Message><Header><CollectionDetails><Collection>CIN</Collection><Year>2022</Year>"
    "<ReferenceDate>2022-03-31</ReferenceDate></CollectionDetails></Header>"
)


def _child(person: Person, draw: random.Random) -> str:
    upn = f"<UPN>{person.upn}</UPN>" if draw.random() < 0.8 else ""
    return (
        f"<Child><ChildIdentifiers><LAchildID>N{person.number:05d}</LAchildID>{upn}"
        f"<PersonBirthDate>{person.born}</PersonBirthDate>"
        f"<GenderCurrent>{'12'['MF'.index(person.sex)]}</GenderCurrent></ChildIdentifiers>"
        "<ChildCharacteristics><Ethnicity>APKN</Ethnicity></ChildCharacteristics></Child>"
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SmallDistrict:
    """Only the returns on children in need and on children looked after, which carry no names."""
    small = make_small_district(tmp_path_factory.mktemp("nameless") / "d", families=80, seed=9)
    extracts = small.district.extracts
    for feed in ("gp", "school", "ae", "maternity"):
        shutil.rmtree(extracts / feed)
    draw = random.Random(6)
    children = [_child(person, draw) for person in small.people if person.mother is not None]
    path = extracts / "cin" / "cin_census_2022.xml"
    path.parent.mkdir()
    path.write_text(f"{HEAD}<Children>{''.join(children)}</Children></Message>", encoding="utf-8")
    encode(small.district, keys_of(small))
    return small


def test_feeds_without_names_are_linked_by_number_and_judged_by_group(made: SmallDistrict) -> None:
    result = link(made.district)
    spine = made.district.spine
    people = pq.read_table(spine / "people.parquet")
    assert set(people["feed"].to_pylist()) == {"cin", "ssda903"}
    assert result.rows["subjects"] < result.rows["records"]
    fairness = json.loads((spine / "fairness.json").read_text())
    assert fairness["whole"]["missed"]["of"] > 0
    assert {group["dimension"] for group in fairness["groups"]} >= {"sex", "care"}
    assert "forename" not in json.loads((spine / "model.json").read_text())["comparisons"]


def test_with_no_number_either_nothing_is_linked_and_that_is_said(
    made: SmallDistrict, tmp_path: Path
) -> None:
    root = tmp_path / "d"
    shutil.copytree(made.district.root, root)
    for path in (path for path in (root / "extracts").rglob("*") if path.is_file()):
        path.write_text(UPN.sub("", path.read_text(encoding="utf-8")), encoding="utf-8")
    shutil.rmtree(root / "encoded")
    district = District.open(root)
    encode(district, keys_of(made))
    result = link(district)
    assert result.rows["records"] == result.rows["subjects"] > 0
    assert any("no link is certain by number" in note for note in result.notes)
