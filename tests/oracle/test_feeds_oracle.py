"""The set-based reader against a plain one that reads row by row with Python's csv module."""

from __future__ import annotations

import csv
import io
import math
import re
import tempfile
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.feeds.extracts import good_rows

from evi.feeds import Field, Layout, delivery_of, load_layouts, read_extract
from evi.workspace import connect

LAYOUTS = load_layouts()
YES, NO = {"1", "1.0", "Y", "YES", "T", "TRUE"}, {"0", "0.0", "N", "NO", "F", "FALSE"}


def read_date(field: Field, text: str) -> date | None:
    """A date in the field's format, of a year of our time."""
    for form in field.formats or ("%Y-%m-%d",):
        try:
            found = datetime.strptime(text, form).date()  # noqa: DTZ007
        except ValueError:
            continue
        if re.fullmatch(r"\d{4}-\d\d-\d\d|\d\d?/\d\d?/\d{4}", text) and 1890 <= found.year <= 2100:
            return found
    return None


def fault(field: Field, text: str, end: date) -> str:
    """What is wrong with one value, by the layout's own words; empty if nothing."""
    if not text:
        return "missing" if field.required else ""
    if field.sql_type == "DATE":
        day = read_date(field, text)
        return "date" if day is None or (field.not_future and day > end) else ""
    if field.type == "code":
        return "" if text in field.codes else "code"
    if field.type == "pattern":
        return "" if re.fullmatch(field.pattern, text) else "form"
    if field.type == "boolean":
        return "" if text.upper() in YES | NO else "boolean"
    if field.type in {"integer", "number"}:
        try:
            number = float(text)
        except ValueError:
            return "number"
        whole = math.isfinite(number) and (field.type == "number" or number == math.floor(number))
        low, high = field.minimum, field.maximum
        inside = whole and (low is None or number >= low) and (high is None or number <= high)
        return "" if inside else "number"
    return "long" if len(text) > 1000 else ""


def plainly_loaded(layout: Layout, text: str, end: date) -> list[int]:
    """Numbers of the rows that have no fault and no earlier good row with their key."""
    seen: set[tuple[str, ...]] = set()
    loaded: list[int] = []
    for number, row in enumerate(csv.DictReader(io.StringIO(text, newline="")), start=1):
        if None in row or None in row.values():
            continue
        values = {name: value.strip(" ") for name, value in row.items()}
        if any(fault(field, values[field.name], end) for field in layout.fields):
            continue
        key = tuple(values[name] for name in layout.row_key)
        if key not in seen:
            seen.add(key)
            loaded.append(number)
    return loaded


ODD = ["", " ", "x", "A", "K", "N", "1", "2.0", "60", "61", "-1", "1e1", "nan", "2024-02-30", "2024-06-01"]
ODD += [
    "01/06/2017",
    "31/06/2017",
    "2090-01-01",
    "1066-01-01",
    "TRUE",
    "no",
    "123456",
    "12345",
    "Ash, the",
    'a "b"',
]
TABLES = ["school_census", "attendance", "csds_asq3", "ssda903_header", "csds_screening", "fire_visits"]


@st.composite
def spoiled(draw, layout: Layout) -> str:
    """A file of good rows of which some values are odd, some keys repeat, some lines have another width."""
    rows = good_rows(layout, draw(st.integers(1, 12)))
    for row in rows:
        for field in draw(st.lists(st.sampled_from(layout.fields), max_size=3)):
            row[field.name] = draw(st.sampled_from(ODD))
    if draw(st.booleans()):
        rows += rows[: draw(st.integers(0, len(rows)))]
    out = io.StringIO()
    names = [field.name for field in layout.fields]
    writer = csv.writer(out, lineterminator=draw(st.sampled_from(["\n", "\r\n"])))
    writer.writerow(names)
    for row in rows:
        cells = [row[name] for name in names]
        width = draw(st.sampled_from([0, 0, 0, 0, -1, 1]))
        writer.writerow(cells[:-1] if width < 0 else [*cells, *["more"] * width])
    writer.writerow(list(good_rows(layout, 99)[-1].values()))
    return out.getvalue()


@pytest.mark.parametrize("name", TABLES)
def test_the_reader_loads_the_rows_that_a_plain_reader_would(name):
    layout = LAYOUTS[name]
    bare = Layout(**{**layout.__dict__, "rules": (), "refusals": ()})
    end = delivery_of(Path(layout.example), layout).end
    assert end is not None
    with connect(threads=2) as con, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / layout.example

        @settings(deadline=None, max_examples=12)
        @given(spoiled(layout))
        def agrees(text):
            path.write_bytes(text.encode())
            reading = read_extract(path, bare, con=con)
            rows = con.execute(f"SELECT row_no FROM {reading.table} ORDER BY 1").fetchall()
            assert [row for (row,) in rows] == plainly_loaded(bare, text, end)
            lines = list(csv.reader(io.StringIO(text, newline="")))
            assert reading.rows_in == len(lines) - 1
            assert reading.rows_in == reading.loaded + reading.rejected

        agrees()
