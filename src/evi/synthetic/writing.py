"""Extract files exactly as the layouts ask: field order, date and code formats, one file a delivery."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from evi.synthetic.calendar import NEVER, REFERENCE_DAY, Days, Flags, Ints, as_date, day
from evi.synthetic.layouts import Layout, load
from evi.workspace import replace_file

Column = pl.Series | Ints | Flags

# What agencies delivered: their history at once, then two years, one year, and the last in two parts.
PERIODS: tuple[tuple[date, date], ...] = (
    (date(2008, 9, 1), date(2022, 8, 31)),
    (date(2022, 9, 1), date(2024, 8, 31)),
    (date(2024, 9, 1), date(2025, 8, 31)),
    (date(2025, 9, 1), date(2026, 3, 31)),
    (date(2026, 4, 1), date(2026, 8, 31)),
)


@dataclass
class Outbox:
    """Where extracts are written (`root`: `extracts/`), and how many rows went into each layout.

    `until` is the last day of the last delivery; with `since` only what came after that day is written.
    """

    root: Path
    since: date | None = None
    until: date = PERIODS[-1][1]
    rows: dict[str, int] = field(default_factory=dict)
    files: int = 0

    @property
    def periods(self) -> list[tuple[date, date]]:
        """First and last day of each delivery to write: all of the history, or what came after `since`."""
        if self.since is not None:
            return [(self.since + timedelta(days=1), self.until)]
        return [(start, min(end, self.until)) for start, end in PERIODS if start <= self.until]

    def wants(self, when: int) -> bool:
        """Whether a return made on this day is among the deliveries to write."""
        return when <= day(self.until) and (self.since is None or when > day(self.since))

    def send(
        self,
        layout: str,
        columns: dict[str, Column],
        when: Days | Ints,
        *,
        later: tuple[str, ...] = (),
        stamp: str = "",
        awaits: dict[str, tuple[str, str | None]] | None = None,
    ) -> None:
        """Write one layout's rows, each into the delivery whose period holds its day `when`.

        Args:
            layout: name of the layout.
            columns: values by field; days may be whole numbers (NEVER or beyond: null).
            when: day on which the agency wrote the row.
            later: date fields that are filled in afterwards. A delivery has only those of its own time, and a
                row comes again in the delivery in which one of them is filled in.
            stamp: field that says when the row was last written.
            awaits: fields that say something only once a date of `later` is filled in, and what they say
                before.
        """
        rules = load(layout)
        edges = {name: np.asarray(columns[name]).astype(np.int64) for name in later}
        for start, end in self.periods:
            first, last = day(start), min(day(end), REFERENCE_DAY)
            due = (when >= first) & (when <= last)
            for days in edges.values():
                due |= (days >= first) & (days <= last) & (when <= last)
            rows = np.flatnonzero(due)
            if rows.size == 0:
                continue
            chosen = {name: _take(values, rows) for name, values in columns.items()}
            written = np.asarray(when)[rows].astype(np.int64)
            for name, days in edges.items():
                happened = np.where(days[rows] <= last, days[rows], NEVER)
                chosen[name] = dates(happened)
                written = np.maximum(written, np.where(happened < NEVER, happened, written))
            for name, (date_field, before) in (awaits or {}).items():
                told = pl.Series(edges[date_field][rows] <= last)
                text = chosen[name]
                if isinstance(text, pl.Series):
                    chosen[name] = text.zip_with(told | text.is_null(), pl.Series([before], dtype=pl.String))
            if stamp:
                chosen[stamp] = np.minimum(written, last)
            order = np.lexsort((rows, written))
            table = frame(rules, {name: _take(values, order) for name, values in chosen.items()})
            self.file(rules, table, f"{layout}_{start:%Y%m%d}_{end:%Y%m%d}.csv")

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


def _take(values: Column, rows: Ints) -> Column:
    return values.gather(rows) if isinstance(values, pl.Series) else values[rows]


def frame(layout: Layout, columns: dict[str, Column]) -> pl.DataFrame:
    """A table in the layout's field order; days become dates, fields that are not given are null.

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
