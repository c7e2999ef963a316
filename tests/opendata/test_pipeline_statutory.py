"""The main job on files that nobody here wrote: five years of SSDA903 and one CIN census return."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pytest
from tests.pipeline.conftest import evi

pytestmark = pytest.mark.opendata

CARE = {"in_care", "came_into_care", "care_placement_moves", "missing", "neglect", "domestic_abuse_adult"}


@pytest.fixture(scope="module")
def district(opendata: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("statutory") / "district"
    evi("new", folder, "--name", "Statutory returns")
    shutil.copytree(opendata / "children" / "ssda903_synthetic", folder / "extracts" / "ssda903")
    (folder / "extracts" / "cin").mkdir()
    shutil.copy(opendata / "children" / "cin_census_fake.xml", folder / "extracts" / "cin")
    evi("run", "--district", folder)
    return folder


def states(district: Path) -> dict[str, int]:
    """For each indicator, for how many children it can be answered."""
    rows = duckdb.sql(
        f"SELECT indicator, count(*) FROM (SELECT unnest(assessable) AS indicator "
        f"FROM read_parquet('{district}/index/at-*/states.parquet')) GROUP BY indicator"
    ).fetchall()
    return dict(rows)


def test_every_row_is_read_or_says_why_not(district: Path) -> None:
    report = json.loads(evi("check", district / "extracts", "--json", check=False).stdout)
    assert report["refused"] == 0
    for file in report["files"]:
        assert file["rows_in"] == file["loaded"] + file["rejected"]
        assert not file["rejected"] or sum(file["reasons"].values()) >= file["rejected"]
    by_layout: dict[str, int] = {}
    for file in report["files"]:
        by_layout[file["layout"]] = by_layout.get(file["layout"], 0) + file["rows_in"]
    assert by_layout["ssda903_episodes"] == 3737
    assert by_layout["ssda903_header"] == 2123
    assert (by_layout["cin_child"], by_layout["cin_referral"], by_layout["cin_disability"]) == (332, 402, 117)


def test_what_the_returns_support_is_assessable(district: Path) -> None:
    answered = states(district)
    assert answered.keys() >= CARE
    assert min(answered[indicator] for indicator in CARE) > 500


def test_nothing_else_is_and_the_feed_that_would_answer_is_named(district: Path) -> None:
    subject = duckdb.sql(
        f"SELECT subject_id FROM read_parquet('{district}/index/at-*/children.parquet') "
        "WHERE age_months >= 72 ORDER BY n_present DESC, subject_id LIMIT 1"
    ).fetchall()[0][0]
    said = evi("child", str(subject), "--district", district).stdout
    assert "Not enough known" in said
    assert "No record from school covers this child on that day." in said
    assert "Present (" in said
    assert "persistent_absence" not in states(district)
    explained = json.loads(evi("child", str(subject), "--district", district, "--json").stdout)
    assert explained


def test_the_report_says_what_it_cannot_show(district: Path) -> None:
    page = (district / "outputs" / "report.html").read_text()
    assert "Statutory returns" in page
    assert "<script" not in page
