"""All that a report is made from, read once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import duckdb

from evi.index import NOT_ENOUGH_KNOWN, Catalogue, Panel, Patterns, at_folder, find_patterns, panel_tables
from evi.index import read_catalogue as read_registry
from evi.index.sources import open_sources
from evi.workspace import SILENT, District, EviError, Progress, quote

YEARS = 5
"""How far back the trends go."""

KNOWN = f"band <> '{NOT_ENOUGH_KNOWN}'"
"""SQL: children of whom enough is known."""


@dataclass
class Material:
    """The district on one day, for the sections of a report.

    Attributes:
        con: a session with the views of `evi.index.sources` and, from `index/at-<day>/`, `children`,
            `families`, `schools`, `lsoas`, `rates`, `domain_rates` and `states`.
        panel: the last years month by month; None where the feeds don't reach back.
        patterns: what may be printed of the patterns of the day.
    """

    district: District
    day: date
    catalogue: Catalogue
    con: duckdb.DuckDBPyConnection
    panel: Panel | None
    patterns: Patterns

    @classmethod
    def read(
        cls, district: District, day: date, progress: Progress = SILENT, catalogue: Catalogue | None = None
    ) -> Material:
        """Read everything.

        Raises:
            EviError: there is no index of that day.
        """
        folder = at_folder(district, day)
        if not (folder / "children.parquet").is_file():
            raise EviError(
                f"there is no index of {day}.", where=str(folder), do=f"Run `evi index --date {day}` first."
            )
        catalogue = catalogue or read_registry(district)
        con = open_sources(district)
        for name in ("children", "families", "schools", "lsoas", "rates", "domain_rates", "states"):
            path = quote(str(folder / f"{name}.parquet"))
            con.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({path})")
        return cls(
            district,
            day,
            catalogue,
            con,
            _panel(con, district, day, catalogue, progress),
            find_patterns(district, day, progress, catalogue=catalogue).printable,
        )

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self.con.execute(sql).fetchall()

    def row(self, sql: str) -> tuple[Any, ...]:
        """The one row of a query."""
        return self.rows(sql)[0]

    def count(self, sql: str) -> int:
        """The one number of a query."""
        return int(self.row(sql)[0] or 0)

    @cached_property
    def n_children(self) -> int:
        """Children in the index."""
        return self.count("SELECT count(*) FROM children")

    @cached_property
    def n_known(self) -> int:
        """Children of whom enough is known."""
        return self.count(f"SELECT count(*) FROM children WHERE {KNOWN}")

    @cached_property
    def quality(self) -> dict[str, Any]:
        """What linkage says of its own quality; empty where it said nothing."""
        path = self.district.spine / "quality.json"
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}

    @cached_property
    def fairness(self) -> dict[str, Any]:
        """For whom linkage says that it errs; empty where it said nothing."""
        path = self.district.spine / "fairness.json"
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}

    def close(self) -> None:
        """Close the session."""
        self.con.close()


def _panel(
    con: duckdb.DuckDBPyConnection, district: District, day: date, catalogue: Catalogue, progress: Progress
) -> Panel | None:
    """The months from the first coverage, or five years back, to the day; None for less than a year."""
    first = con.execute("SELECT min(start) FROM coverage").fetchall()[0][0]
    start = date(day.year - YEARS, day.month, 1)
    start = max(start, first) if first is not None else start
    if day - start < timedelta(days=365):
        return None
    return panel_tables(district, start, day, progress, catalogue=catalogue)
