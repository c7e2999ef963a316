"""Files that are refused whole, each with what is wrong and what to do."""

from __future__ import annotations

import pytest

from evi.feeds import detect, load_layouts, read_extract
from evi.workspace import RefusedError, connect
from tests.feeds.extracts import CIN, good_rows, write_csv

LAYOUTS = load_layouts()
CANARY = "Zyxwvut"


@pytest.fixture(scope="module")
def con():
    with connect(threads=2) as session:
        yield session


def refusal(con, path) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        for layout in detect(path, LAYOUTS):
            read_extract(path, layout, con=con, rejects=path.parent / "rejects")
    assert caught.value.exit_code == 3
    assert caught.value.do, "a refusal says what to do"
    assert CANARY not in str(caught.value)
    assert not (path.parent / "rejects").exists()
    left = con.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'evi_%'").fetchall()
    assert left == [(0,)], "a refused file leaves nothing in the session"
    return caught.value


def census(folder, **options):
    layout = LAYOUTS["school_census"]
    rows = good_rows(layout, 4)
    for row in rows:
        row["Surname"] = CANARY
    return write_csv(folder, layout, rows, **options)


def test_utf16(con, tmp_path):
    error = refusal(con, census(tmp_path, encoding="utf-16"))
    assert "UTF-16" in error.what
    assert "CSV UTF-8" in error.do


def test_utf16_without_a_mark(con, tmp_path):
    assert "UTF-16" in refusal(con, census(tmp_path, encoding="utf-16-le")).what


def test_latin_1(con, tmp_path):
    path = census(tmp_path)
    path.write_bytes(path.read_text().replace(CANARY, CANARY + "é", 2).encode("latin-1"))
    assert "line 2 has bytes of another encoding" in refusal(con, path).what


def test_cut_within_a_character(con, tmp_path):
    path = census(tmp_path)
    path.write_bytes(path.read_bytes() + "é".encode()[:1])
    assert "cut off within a character" in refusal(con, path).what


def test_empty(con, tmp_path):
    path = tmp_path / "school_census_2024_autumn.csv"
    path.touch()
    assert refusal(con, path).what == "the file is empty."


def test_missing_columns_name_the_nearest_layout(con, tmp_path):
    path = census(tmp_path)
    path.write_text(path.read_text().replace("SENprovision", "SEN", 1).replace("URN", "School", 1))
    error = refusal(con, path)
    assert (
        error.what
        == "its header fits no layout. The nearest is school_census, of which it lacks URN, SENprovision."
    )


def test_a_header_of_nothing_known(con, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(f"first,second\n{CANARY},1\n")
    assert "not one column is known" in refusal(con, path).what


def test_no_header_at_all_shows_no_value(con, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(f"{CANARY},{CANARY},2012-01-01\n{CANARY},{CANARY},2012-01-01\n")
    assert "gives one name to several columns (1, 2)" in refusal(con, path).what


def test_semicolons(con, tmp_path):
    path = census(tmp_path)
    path.write_text(path.read_text().replace(",", ";"))
    assert "tabs or semicolons" in refusal(con, path).what


def test_a_spreadsheet(con, tmp_path):
    path = tmp_path / "census.xlsx"
    path.write_bytes(b"PK\x03\x04")
    assert "not .xlsx" in refusal(con, path).what


def test_a_file_that_is_not_there(con, tmp_path):
    assert "no such file" in refusal(con, tmp_path / "gone.csv").what


def test_truncated_within_the_last_row(con, tmp_path):
    path = census(tmp_path)
    path.write_text(path.read_text()[:-40])
    error = refusal(con, path)
    assert error.what == "it was cut off: its last row (row 4) has fewer columns than the header."
    assert "deliver it again" in error.do


def test_truncated_within_a_quotation(con, tmp_path):
    path = census(tmp_path)
    path.write_text(path.read_text() + '"A80120000100')
    assert "a quotation mark that is not closed" in refusal(con, path).what


def test_a_footer_is_no_row(con, tmp_path):
    path = census(tmp_path)
    path.write_text(path.read_text() + "(4 rows affected)\n")
    assert "if the last line is a footer, remove it" in refusal(con, path).do


def test_two_layouts_with_one_header(con, tmp_path):
    layout = LAYOUTS["csds_referrals"]
    path = write_csv(tmp_path, layout, good_rows(layout), "referrals.csv")
    error = refusal(con, path)
    assert error.what == "its columns fit more than one layout: csds_referrals or mhsds_referrals."
    assert layout.example in error.do


def test_the_folder_of_a_feed_tells_two_layouts_apart(tmp_path):
    layout = LAYOUTS["mhsds_referrals"]
    path = write_csv(tmp_path / "mhsds", layout, good_rows(layout), "referrals.csv")
    assert detect(path, LAYOUTS) == [layout]


def test_a_name_that_contradicts_the_columns(con, tmp_path):
    layout = LAYOUTS["gp_problems"]
    path = write_csv(tmp_path, layout, good_rows(layout), LAYOUTS["gp_patients"].example)
    assert "its name says gp_patients, but its columns are those of gp_problems" in refusal(con, path).what


def test_an_impossible_period(con, tmp_path):
    layout = LAYOUTS["gp_problems"]
    path = write_csv(tmp_path, layout, good_rows(layout), "gp_problems_20241301_20241231.csv")
    assert "does not give a possible period" in refusal(con, path).what


def profile(folder, version, name, **changes):
    layout = LAYOUTS[f"eyfsp_{version}"]
    rows = [row | changes for row in good_rows(layout, 4)]
    return write_csv(folder, layout, rows, name)


def test_goals_of_2012_in_a_year_of_2021(con, tmp_path):
    path = profile(tmp_path, "2012", "eyfsp_2022.csv", AssessmentDate="2022-06-20")
    assert "its goals are the 17 of 2012" in refusal(con, path).what


def test_goals_of_2012_dated_after_the_change(con, tmp_path):
    path = profile(tmp_path, "2012", "results.csv", AssessmentDate="2022-06-20")
    assert "dated after August 2021" in refusal(con, path).what


def test_goals_of_2021_in_a_year_of_2012(con, tmp_path):
    path = profile(tmp_path, "2021", "eyfsp_2019.csv", AssessmentDate="2019-06-20", DOB="2014-01-01")
    assert "its goals are the 17 of 2021" in refusal(con, path).what


def test_goals_of_2021_dated_before_the_change(con, tmp_path):
    path = profile(tmp_path, "2021", "results.csv", AssessmentDate="2019-06-20", DOB="2014-01-01")
    assert "dated before September 2021" in refusal(con, path).what


def test_exceeding_is_no_judgement_of_2021(con, tmp_path):
    path = profile(tmp_path, "2021", "eyfsp_2023.csv", COM_E01="3")
    error = refusal(con, path)
    assert "judgement 3" in error.what
    assert "eyfsp_2012" in error.do


def test_one_slip_of_the_year_rejects_a_row_and_not_the_file(con, tmp_path):
    layout = LAYOUTS["eyfsp_2021"]
    rows = good_rows(layout, 4)
    rows[0]["AssessmentDate"] = "2012-06-20"
    rows[0]["DOB"] = "2008-01-01"
    reading = read_extract(write_csv(tmp_path, layout, rows), layout, con=con)
    assert (reading.loaded, reading.rejected) == (3, 1)
    reading.close()


def test_xml_cut_off(con, tmp_path):
    path = tmp_path / "cin.xml"
    path.write_text(CIN[: len(CIN) * 2 // 3])
    assert "it is not whole" in refusal(con, path).what


def test_xml_of_another_kind(con, tmp_path):
    path = tmp_path / "other.xml"
    path.write_text("<Message><Header/></Message>")
    error = refusal(con, path)
    assert "of no kind that a layout describes" in error.what
    assert "Message/Header/CollectionDetails/Collection = CIN" in error.do


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE m [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE m [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE m SYSTEM "http://example.org/m.dtd">',
        "<!DOCTYPE m>",
    ],
)
def test_xml_with_entities_is_an_attack(con, tmp_path, head):
    path = tmp_path / "cin.xml"
    path.write_text(CIN.replace("<Message>", head + "<Message>", 1))
    assert "document type or entities" in refusal(con, path).what
