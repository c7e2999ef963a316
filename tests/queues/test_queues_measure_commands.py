"""The commands: clocks as files, a district's records from end to end, and clear sentences for mistakes."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from evi.cli.app import app, load_verbs
from evi.queues.measuring.clocks import FOLDER, clock_of, load_clocks, missing_codes, read_clock
from evi.queues.measuring.groups import group_children
from evi.queues.measuring.journeys import journeys
from evi.records.shapes import BY_CODE, code_id
from evi.workspace import District, DistrictConfig, EviError

load_verbs("queue")
RUN = CliRunner()
DAY = date(2026, 8, 31)


def evi(*words: Any) -> tuple[int, str, str]:
    result = RUN.invoke(app, [str(word) for word in words])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def district(tmp_path: Path) -> District:
    """Ninety children referred for autism a week apart; every third missed one visit, half were seen."""
    made = District.create(tmp_path / "here", DistrictConfig(name="Here", synthetic=True))
    rows, subjects = [], []
    for child in range(90):
        referred = date(2024, 11, 4) + timedelta(weeks=child)
        subjects.append(
            (child, date(2015, 1, 1), "F" if child % 3 else "M", "APKN" if child < 60 else "WBRI")
        )
        rows.append(fact(child, "REFERRAL", referred, late=0 if child else 27))
        if child % 3 == 0:
            rows.append(fact(child, "DNA", referred + timedelta(days=50)))
        if child % 2 == 0:
            rows.append(fact(child, "CONTACT", referred + timedelta(days=80 if child % 4 else 100), late=30))
    # A version that was corrected: at first the referral was thought to be a year earlier.
    rows.append(fact(0, "REFERRAL", date(2023, 11, 4), until=date(2024, 12, 1)))
    rows.append(fact(7, "CONTACT", date(2025, 1, 1), withdrawn=True))
    records = made.records
    (records / "by_code").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, BY_CODE), records / "by_code" / "HEALTH-AUTISM.parquet")
    (records / "store.json").write_text(
        json.dumps({"reference_day": str(DAY), "state": "x"}), encoding="utf-8"
    )
    shape = {
        "subject_id": pa.int64(),
        "birth_month": pa.date32(),
        "sex": pa.string(),
        "ethnicity": pa.string(),
    }
    people = pa.Table.from_pylist(
        [dict(zip([*shape], row, strict=True)) for row in subjects], pa.schema(shape.items())
    )
    pq.write_table(people, records / "subjects.parquet")
    empty = {
        "residence": {
            "subject_id": pa.int64(),
            "lsoa": pa.string(),
            "start": pa.date32(),
            "end": pa.date32(),
        },
        "enrolment": {
            "subject_id": pa.int64(),
            "school": pa.string(),
            "start": pa.date32(),
            "end": pa.date32(),
        },
    }
    for name, columns in empty.items():
        pq.write_table(pa.Table.from_pylist([], pa.schema(columns.items())), records / f"{name}.parquet")
    for name in ("codes", "coverage", "events/00", "provenance/deliveries", "provenance/reconciliation"):
        path = records / f"{name}.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(pa.table({"none": pa.array([], pa.int64())}), path)
    return made


def fact(
    child: int, what: str, when: date, *, late: int = 0, until: date | None = None, withdrawn: bool = False
) -> dict[str, Any]:
    code = f"HEALTH/AUTISM/{what}"
    return dict.fromkeys(BY_CODE.names) | {
        "code": code,
        "code_id": code_id(code),
        "subject_id": child,
        "time": datetime.combine(when, time()),
        "record_id": child,
        "known_at": when + timedelta(days=late),
        "known_until": until,
        "withdrawn": withdrawn,
        "source": "csds",
    }


def test_only_what_was_known_on_the_day_counts(district: District) -> None:
    first = date(2024, 11, 4)
    early = journeys(district, "autism", date(2024, 11, 20)).table
    assert early["referred"].to_list() == [
        date(2023, 11, 4),
        first + timedelta(weeks=1),
        first + timedelta(weeks=2),
    ]
    seen = first + timedelta(days=100)
    assert journeys(district, "autism", seen + timedelta(days=29)).table["started"][0] is None
    assert journeys(district, "autism", seen + timedelta(days=30)).table["started"][0] == seen
    assert (
        journeys(district, "autism", DAY).table["state"].to_list()[7] == "waiting"
    )  # the visit was withdrawn


def test_a_list_whose_clock_can_not_stop_is_refused_in_python_too(district: District) -> None:
    with pytest.raises(EviError, match="no feed gives the event that is the initial health assessment done"):
        journeys(district, "initial_health", DAY)


def test_measure_says_the_list_and_three_waits(district: District, tmp_path: Path) -> None:
    file = tmp_path / "all.json"
    code, told, _ = evi(
        "queue",
        "measure",
        "autism",
        "-d",
        district.root,
        "--by",
        "sex",
        "--every",
        "month",
        "--json",
        "--out",
        file,
    )
    found = json.loads(told)
    assert (code, found) == (0, json.loads(file.read_text(encoding="utf-8")))
    table = journeys(district, "autism", DAY).table
    waiting = table.filter(table["state"] == "waiting")
    assert found["waiting"] == 5 * round(waiting.height / 5)
    assert found["wait so far of those waiting"]["median"] == round(waiting["wait_days"].median() / 7, 1)  # type: ignore[operator,arg-type]
    assert set(found) >= {"wait of those seen", "wait so far of those waiting", "longest", "limit_sources"}
    assert [row["group"] for row in found["by"]["groups"]] == ["girls", "boys", "all children"]
    assert len(found["every"]) == 36
    assert found["every"][-1]["start"] == "2026-08-01"


def test_measure_prints_tables_and_writes_a_table(district: District, tmp_path: Path) -> None:
    file = tmp_path / "months.csv"
    code, told, said = evi(
        "queue",
        "measure",
        "autism",
        "-d",
        district.root,
        "--every",
        "month",
        "--by",
        "ethnicity",
        "--out",
        file,
    )
    assert code == 0
    for words in ("wait of those seen", "wait so far of those waiting", "longest on the list", "Pakistani"):
        assert words in told
    assert "A number under 10 is not shown" in said
    assert file.read_text(encoding="utf-8").splitlines()[0].startswith("start,referrals,starts,removals")


def test_home_and_school_are_those_of_the_day_of_referral(district: District) -> None:
    first = date(2024, 11, 4)  # when child 0 was referred; child 1 a week later, and so on
    homes = [
        (0, "poor", date(2020, 1, 1), date(2024, 11, 4)), (0, "rich", date(2024, 11, 4), None),
        (1, "poor", date(2020, 1, 1), None),
        (2, "rich", date(2025, 6, 1), None),  # first known after the referral
        (3, "poor", date(2010, 1, 1), date(2011, 1, 1)),  # had left long before: not known
        (4, "nowhere", None, None),  # an area without a decile
    ]  # fmt: skip
    schools = [(0, "100", date(2019, 9, 1), date(2024, 11, 1)), (0, "200", date(2024, 11, 1), None)]
    for name, column, rows in (("residence", "lsoa", homes), ("enrolment", "school", schools)):
        shape = {"subject_id": pa.int64(), column: pa.string(), "start": pa.date32(), "end": pa.date32()}
        table = pa.Table.from_pylist(
            [dict(zip(shape, row, strict=True)) for row in rows], pa.schema(shape.items())
        )
        pq.write_table(table, district.records / f"{name}.parquet")
    district.geography.mkdir()
    (district.geography / "areas.csv").write_text("lsoa,imd_decile\npoor,2\nrich,9\n", encoding="utf-8")
    asked = journeys(district, "autism", DAY).table.filter(pl.col("subject_id") < 5)
    found = group_children(district, asked, "deprivation")
    assert found["referred"].to_list() == [first + timedelta(weeks=child) for child in range(5)]
    rich, poor = "5 (least deprived fifth)", "1 (most deprived fifth)"
    assert found["group"].to_list() == [rich, poor, rich, "not known", "not known"]
    assert group_children(district, asked, "school")["group"].to_list() == ["200", *["not known"] * 4]
    assert group_children(district, asked, "ethnicity")["group"].to_list() == ["Pakistani"] * 5
    assert group_children(district, asked, "sex")["group"].to_list() == [
        "boys",
        "girls",
        "girls",
        "boys",
        "girls",
    ]


def test_measure_without_a_pathway_lists_clocks_and_what_they_lack(district: District) -> None:
    code, told, _ = evi("queue", "measure", "-d", district.root, "--json")
    rows = {row["pathway"]: row for row in json.loads(told)}
    assert code == 0
    assert rows["autism"]["missing"] == "nothing"
    assert "starts the clock" in rows["equipment"]["missing"]


@pytest.mark.parametrize(
    ("words", "exit_code", "says"),
    [
        (["equipment"], 1, "no feed gives the event that starts the clock (HEALTH/EQUIPMENT/REFERRAL)"),
        (["initial_health"], 1, "is the initial health assessment done"),
        (["camhs"], 1, "no event that starts this clock was known"),
        (["dentist"], 2, "there is no clock named"),
        (["autism", "--by", "shoe"], 2, "is no grouping"),
        (["autism", "--by", "deprivation"], 1, "no area has a decile"),
        (["autism", "--every", "hour"], 2, "is no period"),
        (["autism", "--day", "soon"], 2, "is not a date"),
        (["autism", "--since", "2030-01-01"], 1, "is after"),
        (["autism", "--out", "x.doc"], 2, "what kind of file"),
        (["autism", "--out", "x.csv"], 2, "no table to write"),
    ],
)
def test_mistakes_get_a_clear_sentence(
    district: District, words: list[str], exit_code: int, says: str
) -> None:
    code, told, _ = evi("queue", "measure", *words, "-d", district.root, "--json")
    assert code == exit_code
    assert says in json.loads(told)["error"]


def test_size_prints_the_five_sums() -> None:
    words = ("--demand", 30, "--capacity", 27, "--waiting", 1200, "--target", 52, "--mean-wait", 63)
    code, told, _ = evi("queue", "size", *words, "--json")
    found = json.loads(told)
    assert (code, found["target_queue"], round(found["pressure"], 6)) == (0, 390, 2.423077)
    code, told, _ = evi("queue", "size", *words)
    assert "61.154" in told
    assert "relief comes first" in told
    code, _, said = evi("queue", "size", "--demand", 30, "--capacity", 0, "--waiting", 1, "--target", 52)
    assert (code, "must be above 0" in said) == (1, True)


@pytest.mark.opendata
def test_published_prints_a_list_with_its_notes(opendata: Path, tmp_path: Path) -> None:
    file, table = opendata / "waiting" / "nhs_autism_36J_jul_aug2022.csv", tmp_path / "t.csv"
    code, told, _ = evi("queue", "published", "autism", file, "--out", table)
    assert code == 0
    assert "1,155" in told
    assert "suppressed numbers (*), left unknown, not 0" in told
    assert (
        table.read_text(encoding="utf-8")
        .splitlines()[1]
        .startswith("NHS WEST YORKSHIRE ICB - 36J,autism,2022-07-01")
    )
    code, told, _ = evi("queue", "published", "autism", file, "--json")
    assert json.loads(told)[0]["waiting_bands"] == {
        "up to 13 weeks": "waiting_under_13_weeks", "over 13 weeks": "waiting_13_weeks_and_over"
    }  # fmt: skip
    code, told, _ = evi("queue", "published", "tea", file, "--json")
    assert (code, json.loads(told)["error"]) == (2, "there is no reader for “tea”.")
    code, told, _ = evi("queue", "published", "autism", file, "--place", "Leeds", "--json")
    assert (code, json.loads(told)["error"]) == (2, "no place fits “Leeds”.")


def test_a_district_adds_and_replaces_clocks(district: District) -> None:
    folder = district.root / "clocks"
    folder.mkdir()
    text = (FOLDER / "autism.yaml").read_text(encoding="utf-8")
    (folder / "ours.yaml").write_text(text.replace("within: 13", "within: 26"), encoding="utf-8")
    assert clock_of("autism", district).last.limit_words == "26 weeks"
    assert clock_of("autism").last.limit_words == "13 weeks"
    (folder / "again.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(EviError, match="the clock autism is there twice"):
        load_clocks(district)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("counts: days", "counts: hours", "counts: 'hours' is not one of"),
        ("counts: days", "counts: working_days", "can't have a limit in weeks"),
        ("starts:", "begins:", "the file"),
        ("within: 13", "within: -13", "less than the minimum"),
        ("code: HEALTH/AUTISM/REFERRAL", "code: anything", "does not match"),
        ("clock: autism", "clock: [", "can't be read as YAML"),
    ],
)
def test_a_wrong_clock_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text((FOLDER / "autism.yaml").read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(EviError) as told:
        read_clock(path)
    assert says in told.value.what


def test_every_shipped_clock_names_a_source_and_six_pathways_are_there() -> None:
    clocks = load_clocks()
    assert {"autism", "camhs", "speech_language", "equipment", "ehc_plan", "initial_health"} <= set(clocks)
    assert [step.limit_words for step in clocks["ehc_plan"].milestones] == ["6 weeks", "16 weeks", "20 weeks"]
    assert clocks["initial_health"].last.limit_words == "20 working days"
    assert clocks["review_health"].last.limit_words == "6 months under 5 years, otherwise 12 months"
    assert missing_codes(clocks["autism"]) == {}
