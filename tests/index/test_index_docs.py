"""The page on the index names every column that the tables have, and every cause of change."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from index_district import BANDS, CATALOGUE, DAY

from evi.index import CAUSES, at_folder, index_at

PAGE = (Path(__file__).parents[2] / "docs" / "the-index.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("table", ["children", "families", "schools", "lsoas", "rates", "domain_rates"])
def test_every_column_is_in_the_page(district, table):
    index_at(district, DAY, catalogue=CATALOGUE)
    for column in pq.read_schema(at_folder(district, DAY) / f"{table}.parquet").names:
        name = column
        for domain in CATALOGUE.domain_ids:
            name = f"<domain>_{name.removeprefix(domain + '_')}" if name.startswith(domain + "_") else name
        if name.startswith("n_") and name[2:].replace("_", " ") in BANDS.all_names:
            name = "n_<band>"
        assert f"`{name}`" in PAGE or name in ("lsoa", "school", "indicator", "domain"), name


def test_every_cause_of_change_is_in_the_page():
    for cause in CAUSES:
        assert f"`{cause}`" in PAGE
