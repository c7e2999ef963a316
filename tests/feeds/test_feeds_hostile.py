"""Hostile and secret text: harmless in the session, nowhere in rejects, reports or errors."""

from __future__ import annotations

import json

import pytest

from evi.feeds import check, load_layouts, read_extract
from evi.workspace import connect
from tests.feeds.extracts import CIN, good_rows, write_csv

LAYOUTS = load_layouts()
HOSTILE = [
    "'; DROP TABLE evi_rows_school_census; --",
    "\"); COPY (SELECT 1) TO '/tmp/x'; --",
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "../../../etc/passwd",
    "${jndi:ldap://x/y}",
    "{{7*7}}",
    "<script>alert(1)</script>",
    "Robert\u202egnirts",
    "\ufeffBOM",
    "e\u0301\u0301\u0301" * 20,
    "\x1b[2Jterminal",
    "\x1e\x1fseparators",
    "NULL",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_only_text(tmp_path, text):
    layout = LAYOUTS["school_census"]
    rows = good_rows(layout, 3)
    rows[1]["Surname"] = text
    path = write_csv(tmp_path, layout, rows)
    with connect(threads=2) as con:
        reading = read_extract(path, layout, con=con, rejects=tmp_path / "rejects")
        assert reading.loaded == 3
        found = con.execute(f"SELECT Surname FROM {reading.table} WHERE row_no = 2").fetchall()
    assert found == [(text.strip(" "),)]


def test_no_value_of_a_rejected_row_is_written_anywhere(tmp_path):
    """A canary in every field of every layout in turn, where it does not belong."""
    canary = "Qx7Zanary\x1f\x1e'\","
    for name, layout in LAYOUTS.items():
        if layout.format == "csv":
            rows = good_rows(layout, len(layout.fields))
            for row, field in zip(rows, layout.fields, strict=True):
                row[field.name] = canary
            write_csv(tmp_path / "in" / name, layout, rows)
    (tmp_path / "in" / "cin.xml").write_text(
        CIN.replace("2023-05-01", canary.replace("\x1f\x1e", "")).replace("WBRI", "Qx7Zanary")
    )
    report = check([tmp_path / "in"], LAYOUTS, tmp_path / "rejects")
    assert not report.refused
    assert report.rejected > 100
    assert report.rows_in == report.loaded + report.rejected
    written = [file.read_text() for file in (tmp_path / "rejects").rglob("*.csv")]
    assert len(written) > 25
    assert "Qx7Zanary" not in "".join([*written, json.dumps(report.as_json())])


def test_a_line_of_three_million_characters_is_set_aside(tmp_path):
    layout = LAYOUTS["exclusions"]
    rows = good_rows(layout, 3)
    rows[1]["UPN"] = "x" * 3_000_000
    with connect(threads=2) as con:
        reading = read_extract(write_csv(tmp_path, layout, rows), layout, con=con)
    assert reading.reasons == {"a line of over two million characters": 1}
    assert reading.loaded == 2


def test_mixed_line_ends_are_read(tmp_path):
    layout = LAYOUTS["exclusions"]
    path = write_csv(tmp_path, layout, good_rows(layout, 4))
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\r\n".join(lines[:3]) + b"\n" + b"\n".join(lines[3:]) + b"\r\n")
    with connect(threads=2) as con:
        assert read_extract(path, layout, con=con).loaded == 4


def test_a_file_name_with_a_quotation_mark(tmp_path):
    layout = LAYOUTS["exclusions"]
    path = write_csv(tmp_path / "it's", layout, good_rows(layout, 2))
    with connect(threads=2) as con:
        assert read_extract(path, layout, con=con, rejects=tmp_path / "it's").loaded == 2
