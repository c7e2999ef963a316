"""The statutory returns that nobody here made: every row is read, or it says why not."""

from __future__ import annotations

import csv
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from evi.feeds import check, load_layouts, read_extract
from evi.workspace import connect

pytestmark = pytest.mark.opendata
LAYOUTS = load_layouts()


@pytest.fixture(scope="module")
def report(opendata, tmp_path_factory):
    folder = tmp_path_factory.mktemp("rejects")
    paths = [opendata / "children" / "ssda903_synthetic", opendata / "children" / "cin_census_fake.xml"]
    return check(paths, LAYOUTS, folder), folder


def test_no_file_is_refused(report):
    assert report[0].refused == ()
    assert len(report[0].files) == 5 * 2 + 6


def test_every_row_of_five_years_of_looked_after_returns_is_loaded(report, opendata):
    files = [each for each in report[0].files if each.feed == "ssda903"]
    for each in files:
        with Path(each.file).open(newline="") as stream:
            assert each.rows_in == sum(1 for _ in csv.reader(stream)) - 1
    episodes = {each.period_start.year: each.loaded for each in files if each.layout == "ssda903_episodes"}
    assert episodes == {2017: 1460, 2018: 974, 2019: 648, 2020: 402, 2021: 253}
    assert sum(each.loaded for each in files) == 3737 + 2123
    assert sum(each.rejected for each in files) == 0


def test_the_children_in_need_return_reconciles_with_its_elements(report, opendata):
    root = ET.parse(opendata / "children" / "cin_census_fake.xml").getroot()
    found = {each.layout: each for each in report[0].files if each.feed == "cin"}
    for name, tag in {
        "cin_child": "Child",
        "cin_referral": "CINdetails",
        "cin_disability": "Disability",
        "cin_assessment": "Assessments",
    }.items():
        assert found[name].rows_in == len(list(root.iter(tag)))
    assert (found["cin_child"].loaded, found["cin_child"].rejected) == (332, 0)
    assert found["cin_disability"].reasons == {"duplicate key": 5}
    assert found["cin_referral"].reasons == {
        "CINclosureDate: after the end of the period": 9,
        "CINreferralDate: after the end of the period": 8,
    }
    assert (found["cin_referral"].loaded, found["cin_referral"].rejected) == (388, 14)


def test_every_rejected_row_is_in_a_rejects_file(report):
    written = sum(
        len({line["row_no"] for line in csv.DictReader(file.open())}) for file in report[1].rglob("*.csv")
    )
    assert written == report[0].rejected == 19


def test_what_the_returns_do_not_hold_is_said(report):
    notes = [note for each in report[0].files for note in each.notes]
    assert "this CIN return holds no assessments, so no assessment factor can be known from it." in notes
    missing = [note for note in report[0].notes if "ssda903_missing" in note]
    assert len(missing) == 5


def test_faults_that_the_validation_rules_name_are_counted(report, opendata):
    rules = opendata / "children" / "ssda903_validation_rules_2024_25.csv"
    with rules.open(newline="", encoding="utf-8") as stream:
        known = {line["Rule code"] for line in csv.DictReader(stream)}
    for name in ("ssda903_header", "ssda903_episodes", "ssda903_missing"):
        for rule in LAYOUTS[name].rules:
            assert rule.name.split()[2].rstrip(":") in known
    first = next(each for each in report[0].files if each.delivery == "ssda903_episodes-2017")
    both = "903 rule 148: date and reason ceased must both be given or both be left blank"
    assert first.warnings[both] == 434


def test_an_episode_open_at_the_end_of_a_year_comes_again_with_the_same_key(opendata):
    folder = opendata / "children" / "ssda903_synthetic"
    layout = LAYOUTS["ssda903_episodes"]
    with connect(threads=2) as con:
        for year in (2017, 2018):
            reading = read_extract(folder / f"{year}-episodes.csv", layout, con=con)
            con.execute(f"CREATE TABLE y{year} AS FROM {reading.table}")
        again = con.execute("SELECT count(*) FROM y2017 a JOIN y2018 b USING (CHILD, DECOM)").fetchall()[0][0]
        still_open = con.execute("SELECT count(*) FROM y2017 WHERE DEC IS NULL").fetchall()[0][0]
    assert 0 < again <= still_open + 2
