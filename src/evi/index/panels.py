"""Every month for years: the index of all children at each month's end, from spans in one pass.

A span says on which days an indicator is present, so a month is a look-up, not a calculation. Each span
adds 1 at the first month's end that it holds and takes it away at the first that it doesn't; a running sum
over months is then the count of indicators of each child. The figures of any month are those that
`index_at` gives for that day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from evi.index.arrow import columns
from evi.index.catalogue import Catalogue
from evi.index.children import ADULT_MONTHS
from evi.index.registry import read_catalogue
from evi.index.sources import open_sources
from evi.index.steps import Step, load_catalogue, run_steps
from evi.workspace import SILENT, District, EviError, Progress, StageResult, quote, replace_dir

Counts = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Panel:
    """A district month by month.

    Attributes:
        months: one row a month's end: children, how many of them in each band, mean index.
        prevalence: one row a month and indicator: `n_present` of `n_assessable` children, both counted among
            those whom a feed that can tell covers (see `rates` in docs/the-index.md).
        domains: one row a month and domain: children with a need in it, counted likewise.
        children: one row a child and month, where it was asked for.
    """

    months: pa.Table
    prevalence: pa.Table
    domains: pa.Table
    children: pa.Table | None = None


def month_ends(start: date, end: date) -> list[date]:
    """The last day of each month from `start` to `end`.

    >>> [str(day) for day in month_ends(date(2026, 1, 15), date(2026, 3, 30))]
    ['2026-01-31', '2026-02-28']
    """
    days: list[date] = []
    year, month = start.year, start.month
    while True:
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        last = date(year, month, 1) - timedelta(days=1)
        if last > end:
            return days
        if last >= start:
            days.append(last)


def panel(
    district: District,
    start: date,
    end: date,
    progress: Progress = SILENT,
    *,
    children: bool = False,
    catalogue: Catalogue | None = None,
) -> StageResult:
    """Write the index of every month's end from `start` to `end` to `index/panel/`.

    Args:
        children: also write `children.parquet`, one row a child and month (large).
        catalogue: indicators and bands other than the district's registry.
    """
    made = panel_tables(district, start, end, progress, children=children, catalogue=catalogue)
    result = StageResult("panel")
    with replace_dir(district.index / "panel") as scratch:
        for name in ("months", "prevalence", "domains", "children"):
            table = getattr(made, name)
            if table is not None:
                pq.write_table(table, scratch / f"{name}.parquet", compression="zstd")
                result.rows[name] = table.num_rows
    return result


def read_panel(folder: Path) -> Panel:
    """Read what `panel` wrote."""
    tables: dict[str, Any] = {
        name: pq.read_table(folder / f"{name}.parquet") for name in ("months", "prevalence", "domains")
    }
    return Panel(**tables)


def panel_tables(
    district: District,
    start: date,
    end: date,
    progress: Progress = SILENT,
    *,
    children: bool = False,
    catalogue: Catalogue | None = None,
) -> Panel:
    """The panel in memory: see `panel`.

    Raises:
        EviError: no month ends between the two days.
    """
    days = month_ends(start, end)
    if not days:
        raise EviError(
            f"no month ends between {start} and {end}.", where="panel", do="Choose an earlier start."
        )
    catalogue = catalogue or read_catalogue(district)
    con = open_sources(district)
    try:
        with progress.task(f"Index of {len(days)} months", 4) as advance:
            load_catalogue(con, catalogue)
            run_steps(con, _steps(days))
            advance(1)
            grid = _Grid.of(con, days)
            present = grid.count(con, "SELECT row, first, last FROM present_months")
            assessable = grid.count(
                con,
                "SELECT row, first, last FROM covered_months "
                "UNION ALL SELECT row, first, last FROM beyond_months",
            )
            advance(1)
            member = grid.members(con) | (assessable > 0)
            member &= grid.minors()
            advance(1)
            made = _tabulate(con, grid, catalogue, present, assessable, member, children)
            advance(1)
    finally:
        con.close()
    return made


def _steps(days: list[date]) -> list[Step]:
    """Spans as months: `[first, last)` are positions in the list of month's ends."""
    first = days[0]
    years, months = first.year, first.month

    def position(column: str) -> str:
        """The first month's end on or after a day; a day far ahead or none at all is past the end."""
        month = f"((year({column}) - {years}) * 12 + month({column}) - {months})"
        return (
            f"CASE WHEN {column} IS NULL THEN {len(days)} ELSE greatest(0, least({len(days)}, {month})) END"
        )

    def clipped(source: str) -> str:
        return f"""SELECT row, position, domain,
                          greatest({position("true_from")}, age_from - age_first)::INTEGER AS first,
                          least({position("true_to")}, age_to - age_first)::INTEGER AS last
                   FROM {source} JOIN own USING (indicator) JOIN rows USING (subject_id)
                   WHERE {position("true_from")} < {position("true_to")}
                     AND greatest({position("true_from")}, age_from - age_first)
                         < least({position("true_to")}, age_to - age_first)"""

    return [
        Step(
            "rows",
            "children under 18 at some month's end, with their age in months at the first one",
            f"""SELECT subject_id, row_number() OVER (ORDER BY subject_id)::INTEGER - 1 AS row,
                       datediff('month', birth_month, DATE '{first}')::INTEGER AS age_first
                FROM subjects WHERE kind <> 'home' AND birth_month <= DATE '{days[-1]}'
                  AND datediff('month', birth_month, DATE '{first}') < {ADULT_MONTHS}""",
        ),
        Step("present_months", "present indicators by month", clipped("spans")),
        Step(
            "covered_months",
            "covered indicators by month",
            clipped("(SELECT * FROM covered JOIN needs USING (needs))"),
        ),
        Step("beyond_months", "present indicators on no covered day, by month", clipped("beyond")),
    ]


@dataclass(frozen=True)
class _Grid:
    """Months by children: every array here has one row a month and one column a child."""

    days: list[date]
    age_first: npt.NDArray[np.int32]

    @classmethod
    def of(cls, con: duckdb.DuckDBPyConnection, days: list[date]) -> _Grid:
        return cls(days, columns(con, "SELECT age_first FROM rows ORDER BY row")["age_first"])

    def count(self, con: duckdb.DuckDBPyConnection, intervals: str) -> Counts:
        """How many of the intervals (row, first, last) hold, for each month and child."""
        n, months = len(self.age_first), len(self.days)
        change = np.zeros((months + 1) * n, np.int16)
        reader = con.sql(intervals).to_arrow_reader(2_000_000)
        for batch in reader:
            row = batch["row"].to_numpy(zero_copy_only=False).astype(np.int64)
            np.add.at(change, batch["first"].to_numpy(zero_copy_only=False) * np.int64(n) + row, 1)
            np.add.at(change, batch["last"].to_numpy(zero_copy_only=False) * np.int64(n) + row, -1)
        running = change.reshape(months + 1, n)
        np.cumsum(running, axis=0, dtype=np.int16, out=running)
        return running[:months]

    def members(self, con: duckdb.DuckDBPyConnection) -> npt.NDArray[np.bool_]:
        """Who lives here, is on a roll here, or is covered by a feed, at each month's end."""
        first, end = self.days[0], len(self.days)
        month = f"((year({{0}}) - {first.year}) * 12 + month({{0}}) - {first.month})"
        clip = f"greatest(0, least({end}, {month}))"
        start, stop = clip.format("start"), f"coalesce({clip.format(chr(34) + 'end' + chr(34))}, {end})"
        both = " UNION ALL ".join(
            f'SELECT subject_id, start, "end" FROM {table}'
            for table in ("residence", "enrolment", "coverage")
        )
        return (
            self.count(
                con,
                f"SELECT row, {start} AS first, {stop} AS last FROM ({both}) JOIN rows USING (subject_id) "
                f"WHERE {start} < {stop}",
            )
            > 0
        )

    def minors(self) -> npt.NDArray[np.bool_]:
        """Who is born and under 18, at each month's end."""
        age = self.ages()
        return (age >= 0) & (age < ADULT_MONTHS)

    def ages(self) -> npt.NDArray[np.int32]:
        """Age in months, at each month's end."""
        return self.age_first[None, :] + np.arange(len(self.days), dtype=np.int32)[:, None]


def _tabulate(
    con: duckdb.DuckDBPyConnection,
    grid: _Grid,
    catalogue: Catalogue,
    present: Counts,
    assessable: Counts,
    member: npt.NDArray[np.bool_],
    with_children: bool,
) -> Panel:
    bands = catalogue.bands
    applicable = np.array(
        [sum(1 for _ in catalogue.applicable(age)) for age in range(ADULT_MONTHS)], np.int16
    )
    subjects = columns(con, "SELECT subject_id FROM rows ORDER BY row")["subject_id"]
    months, tables = [], []
    for month, day in enumerate(grid.days):
        here = np.flatnonzero(member[month])
        n, of = present[month, here].astype(np.int64), assessable[month, here].astype(np.int64)
        least = bands.minimum_share * applicable[grid.age_first[here] + month]
        known = (of > 0) & (of >= least)
        evi = np.divide(n, of, out=np.full(len(here), np.nan), where=of > 0)
        band = np.where(known, np.searchsorted(np.array(bands.cuts), evi, side="right"), len(bands.names))
        counts = np.bincount(band, minlength=len(bands.all_names))
        months.append(
            {"month": day, "n_children": len(here), "n_enough_known": int(known.sum()),
             "n_present": int(n.sum()), "n_assessable": int(of.sum()),
             "evi_mean": float(evi[known].mean()) if known.any() else None,
             "n_with_a_need": int((n > 0).sum())}
            | {_column(name): int(counts[i]) for i, name in enumerate(bands.all_names)}
        )  # fmt: skip
        if with_children:
            tables.append(
                pa.table(
                    {"subject_id": pa.array(subjects[here]),
                     "month": pa.array([day] * len(here), pa.date32()),
                     "n_present": n, "n_assessable": of, "evi": pa.array(evi, mask=np.isnan(evi)),
                     "band": pa.array(np.array(bands.all_names)[band], pa.string())}
                )
            )  # fmt: skip
    return Panel(
        pa.Table.from_pylist(months),
        _by_indicator(con, grid),
        _by_domain(con, grid, catalogue.domain_ids),
        pa.concat_tables(tables) if with_children else None,
    )


def _column(band: str) -> str:
    return "n_" + band.replace(" ", "_")


def _by_indicator(con: duckdb.DuckDBPyConnection, grid: _Grid) -> pa.Table:
    """Children with each indicator among those whom a feed that can tell covers, at each month's end."""
    names = [name for (name,) in con.execute("SELECT indicator FROM own ORDER BY position").fetchall()]
    change = np.zeros((2, len(names), len(grid.days) + 1), np.int64)
    for kind, table, weight in ((0, "present_months", 1), (0, "beyond_months", -1), (1, "covered_months", 1)):
        for edge, sign in (("first", 1), ("last", -1)):
            query = f"SELECT position, {edge}, count(*) FROM {table} GROUP BY ALL"
            for position, month, count in con.execute(query).fetchall():
                change[kind, position, month] += sign * weight * count
    return _long(grid, "indicator", names, change.cumsum(axis=2)[:, :, :-1])


def _by_domain(con: duckdb.DuckDBPyConnection, grid: _Grid, domains: Sequence[str]) -> pa.Table:
    """Children with a need in each domain among those whom a feed that can tell covers."""
    counts = np.zeros((2, len(domains), len(grid.days)), np.int64)
    for place, domain in enumerate(domains):
        present, beyond, covered = (
            grid.count(con, f"SELECT row, first, last FROM {table} WHERE domain = {quote(domain)}")
            for table in ("present_months", "beyond_months", "covered_months")
        )
        counts[0, place] = (present > beyond).sum(axis=1)
        counts[1, place] = (covered > 0).sum(axis=1)
    return _long(grid, "domain", list(domains), counts)


def _long(grid: _Grid, name: str, things: list[str], counts: npt.NDArray[np.int64]) -> pa.Table:
    """A table of one row a month and thing, from counts of (present, assessable) by thing and month."""
    return pa.table(
        {
            "month": pa.array([day for day in grid.days for _ in things], pa.date32()),
            name: pa.array(things * len(grid.days), pa.string()),
            "n_present": counts[0].T.ravel(),
            "n_assessable": counts[1].T.ravel(),
        }
    )
