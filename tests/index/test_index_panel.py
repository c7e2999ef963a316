"""Every month of the panel is what the index of that day says."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest
from index_district import CATALOGUE, DAY

from evi.index import at_folder, index_at, panel, panel_tables, read_panel
from evi.index.panels import month_ends
from evi.workspace import EviError


def test_each_month_equals_the_index_of_that_day(district):
    found = panel_tables(district, date(2024, 6, 1), DAY, children=True, catalogue=CATALOGUE)
    children, prevalence, domains, months = found.children, found.prevalence, found.domains, found.months
    days = [row["month"] for row in months.to_pylist()]
    assert (days[0], days[-1], len(days)) == (date(2024, 6, 30), DAY, 27)
    for row in months.to_pylist()[::4]:
        day = row["month"]
        index_at(district, day, catalogue=CATALOGUE)
        folder = at_folder(district, day)
        same = (
            (
                f"'{folder}/children.parquet'",
                "children",
                "subject_id, n_present, n_assessable, evi, band",
                "",
            ),
            (
                f"'{folder}/rates.parquet'",
                "prevalence",
                "indicator, n_present, n_assessable",
                "n_assessable > 0",
            ),
            (
                f"'{folder}/domain_rates.parquet'",
                "domains",
                "domain, n_present, n_assessable",
                "n_assessable > 0",
            ),
        )
        for at, of_panel, columns, where in same:
            kind = "place_kind = 'district' AND" if "rates" in at else ""
            want = duckdb.sql(f"SELECT {columns} FROM {at} WHERE {kind} {where or 'true'} ORDER BY ALL")
            got = duckdb.sql(
                f"SELECT {columns} FROM {of_panel} WHERE month = '{day}' AND {where or 'true'} ORDER BY ALL"
            )
            assert got.fetchall() == want.fetchall(), (day, of_panel)
        counts = duckdb.sql(
            f"SELECT band, count(*) FROM '{folder}/children.parquet' GROUP BY band"
        ).fetchall()
        assert {f"n_{band.replace(' ', '_')}": n for band, n in counts}.items() <= row.items()
    assert prevalence.num_rows == len(days) * len(CATALOGUE.own)
    assert domains.num_rows == len(days) * len(CATALOGUE.domain_ids)
    assert children.num_rows == sum(months["n_children"].to_pylist())


def test_it_writes_the_same_bytes_and_reads_them_back(district):
    result = panel(district, date(2026, 1, 1), DAY, catalogue=CATALOGUE)
    folder = district.index / "panel"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    panel(district, date(2026, 1, 1), DAY, catalogue=CATALOGUE)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert sorted(before) == ["domains.parquet", "months.parquet", "prevalence.parquet"]
    assert read_panel(folder).months.num_rows == result.rows["months"] == 8


def test_months_end_on_their_last_day():
    assert month_ends(date(2023, 12, 31), date(2024, 2, 29)) == [
        date(2023, 12, 31), date(2024, 1, 31), date(2024, 2, 29),
    ]  # fmt: skip


def test_no_month_is_an_error_that_says_so(district):
    with pytest.raises(EviError, match="no month ends between 2026-08-01 and 2026-08-30"):
        panel(district, date(2026, 8, 1), date(2026, 8, 30), catalogue=CATALOGUE)
