"""A whole small district: its files are what the layouts ask for, its truth holds together, its bytes
repeat."""

import hashlib
import json
from collections import Counter
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from evi.feeds import check, load_layouts
from evi.synthetic import calibration_table, make_district, next_delivery
from evi.workspace import EviError

SIZE, SEED = 3_000, 11
SINCE = date(2026, 7, 31)


def digests(root: Path) -> dict[str, str]:
    files = sorted(p for p in root.rglob("*") if p.is_file())
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def district(tmp_path_factory):
    root = tmp_path_factory.mktemp("synthetic") / "district"
    return root, make_district(root, SIZE, SEED, canaries=True)


def test_the_same_seed_gives_the_same_bytes(district, tmp_path):
    root, _ = district
    make_district(tmp_path / "again", SIZE, SEED, canaries=True)
    assert digests(tmp_path / "again") == digests(root)


def test_another_seed_gives_another_district(district, tmp_path):
    make_district(tmp_path / "other", SIZE, SEED + 1)
    mine, other = digests(district[0]), digests(tmp_path / "other")
    assert sum(mine.get(name) == text for name, text in other.items()) < 5


def test_feeds_accept_the_last_delivery_of_every_layout(district, tmp_path):
    root, result = district
    newest: dict[str, Path] = {}
    for path in sorted((root / "extracts").rglob("*.csv")) + sorted((root / "extracts").rglob("*.xml")):
        newest[path.stem.rstrip("0123456789_-") + path.stem.split("-")[-1][:4]] = path
    report = check(list(newest.values()), load_layouts(), tmp_path / "rejects")
    refused = [f.file for f in report.files if f.refused]
    assert refused == []
    assert sum(f.rejected for f in report.files) <= 0.002 * sum(f.rows_in for f in report.files)
    assert sum(f.loaded for f in report.files) > 10_000
    assert result.figures["files"] == len([p for p in (root / "extracts").rglob("*") if p.is_file()])


def test_every_feed_of_the_contract_is_delivered(district):
    feeds = {path.name for path in (district[0] / "extracts").iterdir()}
    named = "ae cin csds eyfsp fire gp housing maternity mhsds police school sen2 ssd ssda903"
    assert feeds == set(named.split())


def test_truth_holds_together(district):
    truth = district[0] / "truth"
    people, links = pl.read_parquet(truth / "people.parquet"), pl.read_parquet(truth / "links.parquet")
    assert people["person"].to_list() == list(range(people.height))
    child = people.filter(pl.col("kind") == "child")
    mothers = child.join(people.select(mother="person", born="birth_date"), on="mother")
    assert mothers.height == child.height
    age = (mothers["birth_date"] - mothers["born"]).dt.total_days() / 365.25
    assert age.min() > 14 and age.max() < 58
    assert links.select("feed", "local_id").n_unique() == links.height
    assert set(links["person"]) <= set(people["person"])
    homes = pl.read_parquet(truth / "homes.parquet")
    assert homes.filter(pl.col("end") <= pl.col("start")).height == 0
    assert set(homes["uprn"]) <= set(pl.read_parquet(district[0] / "reference" / "addresses.parquet")["uprn"])
    needs = pl.read_parquet(truth / "needs.parquet")
    assert needs["need"].n_unique() >= 20 and set(needs["person"]) <= set(child["person"])
    states = Counter(
        pl.read_parquet(truth / "recognition.parquet").filter(pl.col("state") != "none")["state"]
    )
    assert states["diagnosed"] > states["unknown"] * 0.5 > 0
    assert len(calibration_table(truth)) >= 60


def test_local_ids_in_extracts_are_in_the_truth(district):
    root, _ = district
    links = pl.read_parquet(root / "truth" / "links.parquet")
    for feed, layout, column in (("gp", "gp_problems", "PatientID"), ("school", "attendance", "UPN"),
                                 ("police", "police_incidents", "PersonRef")):  # fmt: skip
        known = set(links.filter(pl.col("feed") == feed)["local_id"])
        for path in sorted((root / "extracts" / feed).glob(f"{layout}_*.csv")):
            assert set(pl.read_csv(path, infer_schema=False)[column]) <= known


def test_canaries_are_in_many_extracts_and_listed(district):
    root, _ = district
    planted = json.loads((root / "truth" / "canaries.json").read_text())
    assert len(planted) == 3
    for canary in planted:
        found = {
            path.parent.name
            for path in (root / "extracts").rglob("*.csv")
            if canary["surname"] in path.read_text(encoding="utf-8")
        }
        assert len(found) >= 4
        assert canary["nhs_number"].startswith("999") and canary["postcode"].startswith("QV98")


def test_the_pipeline_s_files_do_not_hold_the_truth(district):
    assert not [p for p in (district[0] / "extracts").rglob("*") if "truth" in p.name]


def test_the_next_month_brings_new_late_and_corrected_records(tmp_path):
    root = tmp_path / "monthly"
    make_district(root, SIZE, SEED, until=SINCE)
    before = digests(root / "extracts")
    result = next_delivery(root, SIZE, SEED, since=SINCE, until=date(2026, 8, 31))
    after = digests(root / "extracts")
    assert {name: after[name] for name in before} == before
    fresh = set(after) - set(before)
    assert fresh and all(name.endswith("20260801_20260831.csv") for name in fresh)
    assert result.rows["gp_patients"] > 0
    contacts = pl.concat(
        pl.read_csv(path, infer_schema=False).select("ServiceRequestID")
        for path in sorted((root / "extracts" / "csds").glob("csds_referrals_*.csv"))
    )
    assert contacts.height > contacts.n_unique()  # referrals come again when they are seen or discharged


@pytest.mark.parametrize(
    ("people", "extra", "words"),
    [(10, {}, "500 to 800,000 people"), (5_000, {"imd": Path("imd.parquet")}, "go together")],
)
def test_what_can_not_be_made_is_said(tmp_path, people, extra, words):
    with pytest.raises(EviError, match=words):
        make_district(tmp_path / "bad", people, 1, **extra)


@pytest.mark.opendata
def test_a_district_on_bradford_s_areas(opendata, tmp_path):
    root = tmp_path / "bradford"
    imd = opendata / "imd" / "imd2019_england_lsoa11.parquet"
    make_district(root, 20_000, 3, boundaries=opendata / "geography", imd=imd)
    areas = pl.read_csv(root / "geography" / "areas.csv")
    assert areas.height == 310 and areas["ward"].n_unique() == 30
    assert (areas["imd_decile"] == 1).mean() == pytest.approx(0.3355, abs=0.0005)
    shapes = json.loads((root / "geography" / "lsoa.geojson").read_text())["features"]
    assert {s["properties"]["code"] for s in shapes} == set(areas["lsoa"])
    claims = {row.claim.measure: row for row in calibration_table(root / "truth")}
    assert claims["white_british"].within and claims["under_18"].within
