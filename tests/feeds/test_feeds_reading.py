"""Every layout reads its own good rows; spoiled rows are set aside with a reason, never with their value."""

from __future__ import annotations

import csv
import random
from datetime import date

import pytest

from evi.feeds import REJECT_COLUMNS, detect, load_layouts, read_extract
from evi.workspace import connect
from tests.feeds.extracts import CIN, good_row, good_rows, write_csv

LAYOUTS = load_layouts()
CSV = sorted(name for name, layout in LAYOUTS.items() if layout.format == "csv")


@pytest.fixture(scope="module")
def con():
    with connect(threads=2) as session:
        yield session


def rejects_of(folder, reading):
    file = folder / reading.layout / f"{reading.delivery}.csv"
    return list(csv.DictReader(file.open())) if file.exists() else []


@pytest.mark.parametrize("name", CSV)
def test_good_rows_of_every_layout_are_loaded(con, tmp_path, name):
    layout = LAYOUTS[name]
    path = write_csv(tmp_path, layout, good_rows(layout))
    assert detect(path, LAYOUTS) == [layout]
    reading = read_extract(path, layout, con=con, rejects=tmp_path / "rejects")
    assert (reading.rows_in, reading.loaded, reading.rejected, reading.reasons) == (3, 3, 0, {})
    assert reading.period_start and reading.period_end
    kinds = dict(con.execute(f"SELECT column_name, column_type FROM (DESCRIBE {reading.table})").fetchall())
    expected = {field.name: field.sql_type for field in layout.fields if field.type != "free_text"}
    dates = dict.fromkeys(("known_at", "period_start", "period_end"), "DATE")
    assert kinds == expected | dates | {"row_no": "BIGINT", "withdrawn": "BOOLEAN"}
    assert con.execute(f"SELECT row_no FROM {reading.table} ORDER BY 1").fetchall() == [(1,), (2,), (3,)]
    assert con.execute(f"SELECT count(known_at) FROM {reading.table}").fetchall() == [(3,)]
    for event in layout.events:
        con.execute(
            f"SELECT {event.code_sql}, {event.when}, {event.time}, {event.value} FROM {reading.table}"
        )
    assert not (tmp_path / "rejects").exists()


SPOILED = [
    ("UPN", "", "missing", "empty"),
    ("Sex", "X", "not in the code list", "text of 1 characters"),
    ("URN", "12345", "not of the right form", "digits"),
    ("CensusDate", "2024-13-01", "not a date", "like a date"),
    ("CensusDate", "autumn", "not a date", "text of 6 characters"),
    ("CensusDate", "2025-01-01", "after the end of the period", "date in the future"),
    ("DOB", "0201-01-01", "not a date of our time", "date"),
    ("FSMeligible", "maybe", "not yes or no", "text of 5 characters"),
    ("Surname", "n" * 1001, "too long", "text of over 100 characters"),
    ("Forename", "a\x00b", "holds a NUL character", "text of 3 characters"),
    ("LeavingDate", "2001-01-01", "leaves before entering", "like a date"),
]


@pytest.mark.parametrize(("field", "value", "reason", "shape"), SPOILED)
def test_a_spoiled_field_rejects_its_row_alone(con, tmp_path, field, value, reason, shape):
    layout = LAYOUTS["school_census"]
    rows = good_rows(layout, 4)
    rows[1][field] = value
    path = write_csv(tmp_path, layout, rows)
    reading = read_extract(path, layout, con=con, rejects=tmp_path / "rejects")
    assert (reading.rows_in, reading.loaded, reading.rejected) == (4, 3, 1)
    assert reading.reasons == {f"{field}: {reason}": 1}
    assert rejects_of(tmp_path / "rejects", reading) == [
        dict(zip(REJECT_COLUMNS, ("school", "school_census", "2", field, shape, reason), strict=True))
    ]
    assert con.execute(f"SELECT row_no FROM {reading.table} ORDER BY 1").fetchall() == [(1,), (3,), (4,)]


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("SessionsPossible", "12.5", "not a whole number"),
        ("SessionsPossible", "twelve", "not a whole number"),
        ("SessionsPossible", "-1", "out of range"),
        ("SessionsPossible", "500", "out of range"),
        ("SessionsPossible", "nan", "not a whole number"),
        ("SessionsPossible", "inf", "not a whole number"),
        ("SessionsAuthorised", "9", "more absence than sessions"),
        ("PeriodEnd", "2023-09-01", "ends before it starts"),
    ],
)
def test_numbers_and_rules_over_several_fields(con, tmp_path, field, value, reason):
    layout = LAYOUTS["attendance"]
    rows = good_rows(layout, 2)
    rows[0][field] = value
    reading = read_extract(write_csv(tmp_path, layout, rows), layout, con=con)
    assert reading.rejected == 1
    assert reason in [said.partition(": ")[2] for said in reading.reasons]


def test_forms_that_real_exports_have_are_read(con, tmp_path):
    layout = LAYOUTS["school_census"]
    rows = good_rows(layout, 3)
    rows[0] |= {"CensusDate": "2024-10-03T00:00:00", "FSMeligible": "TRUE", "Surname": "  O'Hara-Žižek "}
    rows[1] |= {
        "CensusDate": "2024-10-03 00:00:00.000",
        "FSMeligible": "1.0",
        "AddressLine": "1 High St,\nBradford",
    }
    rows[2] |= {"CensusDate": "2024-10-03", "FSMeligible": "n", "MiddleNames": 'Ann "Annie"'}
    path = write_csv(tmp_path, layout, rows, encoding="utf-8-sig", lineterminator="\r\n")
    reading = read_extract(path, layout, con=con)
    assert reading.reasons == {}
    found = con.execute(
        f"SELECT CensusDate, FSMeligible, Surname, MiddleNames FROM {reading.table} ORDER BY row_no"
    ).fetchall()
    day = date(2024, 10, 3)
    assert found == [
        (day, True, "O'Hara-Žižek", "Ash"),
        (day, True, "Ash", "Ash"),
        (day, False, "Ash", 'Ann "Annie"'),
    ]


def test_columns_may_come_in_any_order_and_case_and_with_others(con, tmp_path):
    layout = LAYOUTS["exclusions"]
    rows = good_rows(layout, 2)
    names = [field.name for field in layout.fields][::-1]
    lines = [",".join([*(name.upper() for name in names), "Extra"])]
    lines += [",".join([*(row[name] for name in names), "x"]) for row in rows]
    path = tmp_path / layout.example
    path.write_text("\n".join(lines) + "\n")
    assert detect(path, LAYOUTS) == [layout]
    reading = read_extract(path, layout, con=con)
    assert (reading.loaded, reading.notes) == (2, ["1 column is not of this layout and not read."])


def test_malformed_lines_are_set_aside_and_the_rest_is_kept_in_place(con, tmp_path):
    layout = LAYOUTS["exclusions"]
    path = write_csv(tmp_path, layout, good_rows(layout, 6))
    lines = path.read_text().splitlines()
    lines[2] = "too,few"
    lines[4] += ",too,many"
    path.write_text("\n".join(lines) + "\n")
    reading = read_extract(path, layout, con=con, rejects=tmp_path / "rejects")
    assert (reading.rows_in, reading.loaded, reading.rejected) == (6, 4, 2)
    found = rejects_of(tmp_path / "rejects", reading)
    assert [(each["row_no"], each["field"], each["value_class"], each["reason"]) for each in found] == [
        ("2", "", "whole row", "fewer columns than the header"),
        ("4", "", "whole row", "more columns than the header"),
    ]
    kept = con.execute(f"SELECT row_no, UPN FROM {reading.table} ORDER BY 1").fetchall()
    rows = good_rows(layout, 6)
    assert kept == [(number, rows[number - 1]["UPN"]) for number in (1, 3, 5, 6)]


def test_a_quotation_mark_that_swallows_lines_counts_every_line(con, tmp_path):
    layout = LAYOUTS["exclusions"]
    path = write_csv(tmp_path, layout, good_rows(layout, 6))
    lines = path.read_text().splitlines()
    lines[2] = ",".join([*lines[2].split(",")[:-1], '"4'])
    lines[4] = ",".join([*lines[4].split(",")[:-1], '"4"'])
    path.write_text("\n".join(lines) + "\n")
    reading = read_extract(path, layout, con=con)
    assert reading.reasons == {"a quotation mark that is not closed": 3}
    assert (reading.rows_in, reading.loaded, reading.rejected) == (6, 3, 3)
    numbers = [row for (row,) in con.execute(f"SELECT row_no FROM {reading.table} ORDER BY 1").fetchall()]
    assert numbers == [1, 5, 6]


def test_a_value_that_runs_over_a_line_is_not_loaded(con, tmp_path):
    """Two stray quotation marks can join two lines into one row of the right width."""
    layout = LAYOUTS["exclusions"]
    path = write_csv(tmp_path, layout, good_rows(layout, 4))
    lines = path.read_text().splitlines()
    lines[2] = '"' + lines[2]
    lines[3] = lines[3].replace(",", '",', 1)
    path.write_text("\n".join(lines) + "\n")
    reading = read_extract(path, layout, con=con)
    assert reading.reasons == {"UPN: holds a line break": 1}


def test_of_rows_with_one_key_the_first_is_kept(con, tmp_path):
    layout = LAYOUTS["ssda903_episodes"]
    rows = [*good_rows(layout, 3), *good_rows(layout, 2)]
    reading = read_extract(write_csv(tmp_path, layout, rows), layout, con=con, rejects=tmp_path / "rejects")
    assert (reading.rows_in, reading.loaded, reading.reasons) == (5, 3, {"duplicate key": 2})
    found = rejects_of(tmp_path / "rejects", reading)
    assert [(each["row_no"], each["field"]) for each in found] == [("4", "CHILD+DECOM"), ("5", "CHILD+DECOM")]


def test_a_mistyped_identifier_is_a_warning_and_the_row_is_loaded(con, tmp_path):
    layout = LAYOUTS["gp_patients"]
    rows = good_rows(layout, 3)
    rows[0]["NHSNumber"] = "9434765918"
    rows[1]["Postcode"] = "unknown"
    reading = read_extract(write_csv(tmp_path, layout, rows), layout, con=con)
    assert reading.loaded == 3
    assert reading.warnings == {"NHSNumber: invalid identifier": 1, "Postcode: invalid identifier": 1}


def test_free_text_is_not_read_at_all(con, tmp_path):
    layout = LAYOUTS["ssd_early_help"]
    reading = read_extract(write_csv(tmp_path, layout, good_rows(layout)), layout, con=con)
    columns = [
        name for (name,) in con.execute(f"SELECT column_name FROM (DESCRIBE {reading.table})").fetchall()
    ]
    assert "earl_episode_reason" not in columns


def test_rules_of_the_903_reject_what_cannot_be_and_note_what_should_not(con, tmp_path):
    layout = LAYOUTS["ssda903_episodes"]
    rows = good_rows(layout, 4)
    rows[0] |= {"DECOM": "02/06/2017", "DEC": "01/06/2017"}
    rows[1] |= {"DEC": "01/04/2018"}
    rows[2] |= {"DEC": "", "REC": "X1"}
    reading = read_extract(write_csv(tmp_path, layout, rows), layout, con=con)
    assert reading.reasons == {"DEC: 903 rule 356: the episode ceased before it started": 1}
    assert {said.partition(":")[0]: count for said, count in reading.warnings.items() if "903" in said} == {
        "903 rule 385": 1,
        "903 rule 148": 1,
    }


def test_the_same_episode_has_the_same_identity_in_the_next_year(con, tmp_path):
    """Open episodes come again the year after: the fact is the child and the day it began."""
    assert LAYOUTS["ssda903_episodes"].record_id == ("CHILD", "DECOM")


def test_a_file_without_a_period_in_its_name_has_the_days_of_its_rows(con, tmp_path):
    layout = LAYOUTS["gp_problems"]
    rows = [good_row(layout, number, date(2021 + number, 3, 1)) for number in range(3)]
    path = write_csv(tmp_path, layout, rows, "problems of march.csv")
    assert detect(path, LAYOUTS) == [layout]
    reading = read_extract(path, layout, con=con)
    assert reading.delivery == "gp_problems-problems-of-march"
    assert (reading.period_start, reading.period_end) == (date(2021, 3, 1), date(2023, 3, 1))
    assert "tells no period" in reading.notes[0]


def test_a_row_takes_back_what_it_said(con, tmp_path):
    layout = LAYOUTS["police_incidents"]
    rows = good_rows(layout, 2)
    rows[1]["Status"] = "WITHDRAWN"
    reading = read_extract(write_csv(tmp_path, layout, rows), layout, con=con)
    assert con.execute(f"SELECT withdrawn FROM {reading.table} ORDER BY row_no").fetchall() == [
        (False,),
        (True,),
    ]


def test_a_corrected_delivery_clears_the_old_rejects(con, tmp_path):
    layout = LAYOUTS["attendance"]
    rows = good_rows(layout, 2)
    for possible, left in (("x", True), ("10", False)):
        rows[0]["SessionsPossible"] = possible
        path = write_csv(tmp_path, layout, rows)
        reading = read_extract(path, layout, con=con, rejects=tmp_path / "rejects")
        assert bool(rejects_of(tmp_path / "rejects", reading)) is left


def test_closing_frees_the_rows(con, tmp_path):
    layout = LAYOUTS["attendance"]
    with read_extract(write_csv(tmp_path, layout, good_rows(layout)), layout, con=con) as reading:
        assert con.execute(f"SELECT count(*) FROM {reading.table}").fetchall() == [(3,)]
    left = con.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'evi%attendance'"
    ).fetchall()
    assert left == [(0,)]


def test_many_rows_keep_their_order_and_numbers(con, tmp_path):
    """Enough rows for several threads, some malformed, some with line ends within quotes."""
    layout = LAYOUTS["fire_visits"]
    chance = random.Random(4)
    bad = set()
    broken_over_a_line = 0
    path = tmp_path / layout.example
    with path.open("w") as stream:
        stream.write("VisitRef,UPRN,VisitDate,Hazard1,Hazard2,Hazard3\n")
        for number in range(1, 200_001):
            if chance.random() < 0.001 and number < 200_000:
                bad.add(number)
                stream.write(f"R{number},broken\n")
            elif chance.random() < 0.001:
                broken_over_a_line += 1
                stream.write(f'"R{number}\nx",1,2024-06-01,,,\n')
            else:
                stream.write(f"R{number},{number},2024-06-01,OTHER,,\n")
    reading = read_extract(path, layout, con=con)
    assert (reading.rows_in, reading.rejected) == (200_000, len(bad) + broken_over_a_line)
    sql = f"SELECT count(*) FILTER (regexp_extract(VisitRef, '\\d+') <> row_no::VARCHAR) FROM {reading.table}"
    assert con.execute(sql).fetchall() == [(0,)]


def test_one_return_in_xml_is_read_as_several_tables(con, tmp_path):
    path = tmp_path / "return.xml"
    path.write_text(CIN)
    layouts = detect(path, LAYOUTS)
    assert [layout.name for layout in layouts] == [name for name in LAYOUTS if name.startswith("cin_")]
    readings = {layout.name: read_extract(path, layout, con=con) for layout in layouts}
    assert {name: reading.loaded for name, reading in readings.items()} == {
        "cin_assessment": 3,
        "cin_child": 2,
        "cin_disability": 2,
        "cin_plan": 1,
        "cin_referral": 2,
        "cin_s47": 1,
    }
    assert readings["cin_child"].delivery == "cin_child-2024"
    found = con.execute(
        f"SELECT LAchildID, CINreferralDate, AssessmentActualStartDate, AssessmentFactors, known_at "
        f"FROM {readings['cin_assessment'].table} ORDER BY row_no"
    ).fetchall()
    day = date(2024, 3, 31)
    assert found == [
        ("L1", date(2023, 5, 1), date(2023, 5, 3), "1A", day),
        ("L1", date(2023, 5, 1), date(2023, 5, 3), "3B", day),
        ("L1", date(2023, 5, 1), date(2023, 9, 3), None, day),
    ]


def test_xml_with_a_namespace_is_the_same(con, tmp_path):
    path = tmp_path / "return.xml"
    path.write_text(CIN.replace("<Message>", '<Message xmlns="urn:dfe">'))
    layout = LAYOUTS["cin_referral"]
    assert layout in detect(path, LAYOUTS)
    assert read_extract(path, layout, con=con).loaded == 2
