"""Extract files exactly as the layouts ask: field order, date and code formats, one file a delivery."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from evi.synthetic.calendar import REFERENCE_DAY, Days, Flags, Ints, as_date, day
from evi.synthetic.layouts import Layout, load
from evi.workspace import replace_file

Column = pl.Series | Ints | Flags

# What agencies delivered: their history in two parts, then by school year, then the last year by term.
PERIODS: tuple[tuple[date, date], ...] = (
    (date(2008, 9, 1), date(2018, 8, 31)),
    (date(2018, 9, 1), date(2022, 8, 31)),
    (date(2022, 9, 1), date(2023, 8, 31)),
    (date(2023, 9, 1), date(2024, 8, 31)),
    (date(2024, 9, 1), date(2025, 8, 31)),
    (date(2025, 9, 1), date(2025, 12, 31)),
    (date(2026, 1, 1), date(2026, 3, 31)),
    (date(2026, 4, 1), date(2026, 8, 31)),
)


@dataclass
class Outbox:
    """Where extracts are written (`root`: the district's `extracts/`), and how many rows went into each layout."""

    root: Path
    periods: tuple[tuple[date, date], ...] = PERIODS
    rows: dict[str, int] = field(default_factory=dict)
    files: int = 0

    def send(self, layout: str, columns: dict[str, Column], when: Days) -> None:
        """Write one layout's rows, each into the delivery whose period holds its day `when`."""
        rules = load(layout)
        table = frame(rules, columns)
        ends = np.array([day(end) for _, end in self.periods])
        starts = np.array([day(start) for start, _ in self.periods])
        batch = np.searchsorted(ends, when)
        inside = (when <= min(ends[-1], REFERENCE_DAY)) & (when >= starts[0])
        order = np.lexsort((np.arange(when.size), when))
        order = order[inside[order]]
        for number in np.unique(batch[order]):
            start, end = self.periods[number]
            name = f"{layout}_{start:%Y%m%d}_{end:%Y%m%d}.csv"
            self.file(rules, table[order[batch[order] == number]], name)

    def file(self, layout: Layout, table: pl.DataFrame, name: str) -> None:
        """Write one CSV file of one layout."""
        formats = {
            str(f.get("format", "%Y-%m-%d"))
            for f in layout.fields
            if f["type"] == "date" or f.get("kind") == "date_of_birth"
        }
        with replace_file(self.root / layout.feed / name) as scratch:
            table.write_csv(scratch, date_format=formats.pop() if formats else None)
        self.count(layout.name, table.height)

    def count(self, layout: str, rows: int) -> None:
        """Note that a file with these rows was written."""
        self.rows[layout] = self.rows.get(layout, 0) + rows
        self.files += 1


def frame(layout: Layout, columns: dict[str, Column]) -> pl.DataFrame:
    """A table in the layout's field order; days become dates, truth values the layout's, absent optional fields null.

    Raises:
        KeyError: a column that the layout does not have, or a required field that is not given.
    """
    known = {str(f["name"]) for f in layout.fields}
    if extra := set(columns) - known:
        raise KeyError(f"{layout.name} has no field {sorted(extra)}")
    height = len(next(iter(columns.values())))
    made: list[pl.Series] = []
    for spec in layout.fields:
        name = str(spec["name"])
        if name not in columns:
            if spec.get("required"):
                raise KeyError(f"{layout.name} needs {name}")
            made.append(pl.Series(name, [None], dtype=pl.String).new_from_index(0, height))
            continue
        values = columns[name]
        series = values if isinstance(values, pl.Series) else pl.Series(np.asarray(values))
        if spec["type"] == "date" and series.dtype != pl.Date:
            series = dates(series.to_numpy())
        made.append(series.alias(name))
    return pl.DataFrame(made)


def dates(days: Days | Ints, *, none_after: int = REFERENCE_DAY) -> pl.Series:
    """Days as dates; those beyond `none_after` have not happened and are null."""
    series = pl.Series(np.asarray(days).astype(np.int32)).cast(pl.Date)
    return series.set(series > as_date(none_after), None)


def choose(labels: Iterable[str | None], picked: Ints) -> pl.Series:
    """Text by number: `labels[picked]`."""
    return pl.Series(list(labels), dtype=pl.String).gather(np.asarray(picked))
