"""The table of what would be counted had links in doubt fallen otherwise."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import polars as pl
from index_district import CATALOGUE

from evi.reports.draws_table import draws_table

DAY = date(2026, 8, 31)


def material(root: Path, n_children: int) -> Any:
    """As much of a report's material as the table reads."""
    con = duckdb.connect()
    return SimpleNamespace(
        district=SimpleNamespace(root=root),
        day=DAY,
        catalogue=CATALOGUE,
        n_children=n_children,
        rows=lambda sql: con.execute(sql).fetchall(),
    )


def test_ranges_are_rounded_and_small_ones_are_not_shown(tmp_path: Path) -> None:
    rows = [
        ("children", "all", 400, 389.0, 395.0),
        ("education", "domain", 212, 203.1, 209.6),
        ("health", "domain", 52, 51.6, 52.4),
        ("money", "domain", 12, 3.0, 12.0),
        ("absent", "indicator", 90, 80.0, 90.0),
    ]
    (tmp_path / "draws").mkdir()
    pl.DataFrame(rows, schema=["figure", "kind", "spine", "low", "high"], orient="row").with_columns(
        scope=pl.lit("district"), date=pl.lit(DAY)
    ).write_parquet(tmp_path / "draws" / "index.parquet")
    made = draws_table(material(tmp_path, 400))
    assert made is not None
    text = {str(row[0]): [str(cell) for cell in row[1:]] for row in made.rows}
    assert text["Good education"] == ["210", "205 to 210"]
    assert text["Health"] == ["50", "50"]
    assert text["Money"][1] == "not shown"
    assert draws_table(material(tmp_path, 401)) is None  # of another index


def test_without_draws_there_is_no_table(tmp_path: Path) -> None:
    assert draws_table(material(tmp_path, 400)) is None
