"""What `check` says of files and folders."""

from __future__ import annotations

import json
import shutil

import pytest

from evi.feeds import check, load_layouts
from evi.workspace import EviError
from tests.feeds.extracts import CIN, good_rows, write_csv

LAYOUTS = load_layouts()


def deliver(folder, name, count=3, file="", **changes):
    layout = LAYOUTS[name]
    rows = good_rows(layout, count)
    rows[0] |= changes
    return write_csv(folder / layout.feed, layout, rows, file)


def test_a_folder_is_checked_whole_and_its_totals_reconcile(tmp_path):
    deliver(tmp_path, "school_census", Sex="?")
    deliver(tmp_path, "gp_problems")
    (tmp_path / "cin.xml").write_text(CIN)
    (tmp_path / "readme.md").write_text("notes")
    (tmp_path / ".hidden.csv").write_text("x")
    report = check([tmp_path], LAYOUTS, tmp_path / "rejects")
    assert len(report.files) == 2 + 6
    assert report.rows_in == report.loaded + report.rejected == 3 + 3 + 11
    assert report.rejected == 1
    assert (tmp_path / "rejects" / "school_census" / "school_census-2024-autumn.csv").is_file()


def test_the_report_is_json(tmp_path):
    deliver(tmp_path, "gp_problems")
    (tmp_path / "x.csv").write_text("first,second\n1,2\n")
    said = json.loads(json.dumps(check([tmp_path], LAYOUTS).as_json()))
    assert (said["rows_in"], said["loaded"], said["rejected"], said["refused"]) == (3, 3, 0, 1)
    first = said["files"][0]
    assert (first["layout"], first["delivery"]) == ("gp_problems", "gp_problems-20240401-20250331")
    assert first["period_start"] == "2024-04-01"


def test_the_same_bytes_twice_are_one_delivery(tmp_path):
    path = deliver(tmp_path, "gp_problems")
    shutil.copy(path, path.with_name("gp_problems_20240401_20250331 (1).csv"))
    report = check([tmp_path], LAYOUTS)
    refused = [each.refused for each in report.files if each.refused]
    assert len(refused) == 1
    assert "the same delivery as" in refused[0]
    assert report.loaded == 3


def test_two_files_that_claim_one_delivery(tmp_path):
    deliver(tmp_path, "gp_problems")
    deliver(tmp_path, "gp_problems", count=4, file="gp_problems_20240401_20250331 corrected.csv")
    report = check([tmp_path], LAYOUTS)
    assert [bool(each.refused) for each in report.files] == [False, True]
    assert "claims to be the delivery gp_problems-20240401-20250331" in report.files[1].refused


def test_what_should_have_come_with_a_delivery(tmp_path):
    deliver(tmp_path, "ssda903_header")
    deliver(tmp_path, "ssda903_episodes")
    report = check([tmp_path], LAYOUTS)
    assert report.notes == (
        "SSDA903 children looked after return, missing episodes (ssda903_missing) was not delivered "
        "for 2017-04-01 to 2018-03-31.",
    )
    deliver(tmp_path, "ssda903_missing")
    assert check([tmp_path], LAYOUTS).notes == ()


def test_a_return_without_assessments_says_so(tmp_path):
    path = tmp_path / "cin.xml"
    before, _, rest = CIN.partition("<Assessments>")
    path.write_text(before + rest.rpartition("</Assessments>")[2])
    found = {each.layout: each for each in check([path], LAYOUTS).files}
    assert found["cin_assessment"].notes == (
        "this CIN return holds no assessments, so no assessment factor can be known from it.",
    )
    assert found["cin_referral"].notes == ()


def test_a_header_without_rows_is_a_delivery_of_nothing(tmp_path):
    deliver(tmp_path, "exclusions", count=1)
    path = next(tmp_path.rglob("*.csv"))
    path.write_text(path.read_text().splitlines()[0] + "\n")
    report = check([path], LAYOUTS)
    assert report.files[0].notes == ("it has a header and no rows.",)
    assert not report.refused


def test_a_spreadsheet_in_the_folder_is_named_and_refused(tmp_path):
    (tmp_path / "census.xlsx").write_bytes(b"PK")
    assert "not .xlsx" in check([tmp_path], LAYOUTS).files[0].refused


def test_a_path_that_is_not_there(tmp_path):
    with pytest.raises(EviError, match="no such file or folder"):
        check([tmp_path / "gone"], LAYOUTS)
