"""A report of the index's random district, and of one in which almost nothing is known."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "index"))

from index_district import BANDS, DAY, random_tables, write_geography, write_tables

from evi.index import index_at
from evi.index.registry import catalogue_of
from evi.indicators import load_registry
from evi.reports import build_report

CHILDREN = 300


@pytest.fixture(scope="session")
def shipped():
    """The registry that eVI ships, with the bands of the tests."""
    return catalogue_of(load_registry(), BANDS)


@pytest.fixture(scope="session")
def full(tmp_path_factory, shipped):
    """A district with everything: homes, schools, a map, five years and more."""
    tables = random_tables(CHILDREN, seed=11, years=6, catalogue=shipped)
    district = write_tables(tmp_path_factory.mktemp("full") / "d", tables)
    write_geography(district, 8)
    (district.rejects / "school_census").mkdir(parents=True)
    lines = ["feed,layout,row_no,field,value_class,reason"]
    lines += [f"school,school_census,{n},DOB,text,is not a date" for n in range(3)]
    (district.rejects / "school_census" / "one.csv").write_text("\n".join(lines) + "\n")
    index_at(district, DAY, catalogue=shipped)
    build_report(district, DAY, catalogue=shipped)
    return district


@pytest.fixture(scope="session")
def page(full):
    """The page of the full district."""
    return (full.outputs / "report.html").read_text()
