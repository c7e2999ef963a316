"""NHS England's community health waiting lists, from monthly Excel workbooks, as series.

A workbook holds one month: the total list of every service by region, integrated care board and provider
(Table 4) and the same by age of wait (Tables 4a to 4g). The month is that of the data, not of the file's
name, which is when it was published; where titles leave it out, it is the last one that Table 2 fills, and
the England total of Table 3 must be the one that Table 2 has for it.

A blank says that nobody sent a number, `*` that it is hidden; both are unknown, not 0.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from evi.queues.measuring.series import Band, Series, series_table
from evi.queues.published.reading import Notes, numbers, one_each
from evi.workspace import EviError

SOURCE = "NHS England, Community Health Services Waiting Lists"
TOTAL = "Table 4"
BY_AGE = tuple(f"Table 4{letter}" for letter in "abcdefg")
SHEETS = ("Table 2", "Table 3", TOTAL, *BY_AGE)

_DAYS = re.compile(r"\((?:(\d+)-(\d+)|over (\d+)) days\)")
_MONTH = re.compile(
    r"(January|February|March|April|May|June|July|August|September|October|November|December) \d{4}"
)

Row = tuple[Any, ...]


@dataclass(frozen=True)
class CommunityLists:
    """All lists of some months.

    Attributes:
        table: one row a month, place and service: `start`, `level` (England, Region, ICB or Organisation),
            `place`, `service`, `waiting`, and a column for each band.
        bands: columns by age of wait in weeks.
        notes: what was hidden, blank or wrong.
    """

    table: pl.DataFrame
    bands: dict[Band, str]
    notes: tuple[str, ...]

    def services(self, asked: str) -> list[str]:
        """The services whose names hold `asked`, in any case.

        Raises:
            EviError: none does.
        """
        every = self.table["service"].unique().sort().to_list()
        found = [name for name in every if asked.casefold() in name.casefold()]
        return found or [_one_of(every, asked, "service")]

    def series(self, place: str, service: str) -> Series:
        """One list over the months; `place` and `service` may be any part of the name that fits only one.

        Raises:
            EviError: no place or service fits, or several do.
        """
        at = _one_of(self.table["place"].unique().to_list(), place, "place")
        of = _one_of(
            self.table.filter(pl.col("place") == at)["service"].unique().to_list(), service, "service"
        )
        rows = self.table.filter((pl.col("place") == at) & (pl.col("service") == of)).sort("start")
        notes = Notes()
        banded = pl.sum_horizontal(self.bands.values())
        whole = pl.all_horizontal(pl.col(name).is_not_null() for name in self.bands.values())
        notes.add(
            "months whose ages of wait do not add up to the list",
            rows.filter(whole & (banded != pl.col("waiting"))).height,
        )
        return Series(
            at,
            of,
            "month",
            series_table(rows.to_dicts(), list(self.bands.values())),
            self.bands,
            {},
            SOURCE,
            (
                "lists only: referrals, starts and removals are not published",
                "a provider that sends nothing in a month makes the lists of its places shorter",
                *notes.lines(),
                *(f"in all files: {line}" for line in self.notes),
            ),
        )


def read_nhs_community(files: Sequence[Path]) -> CommunityLists:
    """Every list of the workbooks, one workbook a month.

    Raises:
        EviError: a file is no workbook, lacks a sheet, doesn't say its month, or two hold the same month.
    """
    if not files:
        raise EviError("no file is given.", where=SOURCE, do="Name at least one workbook.", exit_code=2)
    notes = Notes()
    months: dict[date, Path] = {}
    tables: list[pl.DataFrame] = []
    bands: dict[Band, str] = {}
    for path in files:
        sheets = _sheets(path)
        month = _month(sheets, path)
        if month in months:
            raise EviError(
                f"it holds {month:%B %Y}, and so does {months[month].name}.",
                where=str(path),
                do="Name one of them.",
            )
        months[month] = path
        table, bands = _lists(sheets, path, notes)
        tables.append(table.with_columns(start=pl.lit(month)))
    return CommunityLists(pl.concat(tables).sort("start", "place", "service"), bands, notes.lines())


def _sheets(path: Path) -> dict[str, list[Row]]:
    from openpyxl import load_workbook  # noqa: PLC0415 - only workbooks wait for it

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except OSError as error:
        raise EviError("it can't be read.", where=str(path), do=str(error.strerror), exit_code=2) from error
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise EviError("it is no Excel workbook (.xlsx).", where=str(path), do="Fetch it again.") from error
    try:
        missing = [name for name in SHEETS if name not in book.sheetnames]
        if missing:
            raise EviError(
                f"it has no sheet {', '.join(missing)}.",
                where=str(path),
                do="Name a monthly workbook of community health services waiting lists.",
            )
        return {name: list(book[name].iter_rows(values_only=True)) for name in SHEETS}
    finally:
        book.close()


def _month(sheets: dict[str, list[Row]], path: Path) -> date:
    """The month of the data; see the module."""
    heads = [i for i, row in enumerate(sheets["Table 2"]) if sum(isinstance(c, datetime) for c in row) > 1]
    england = [row for row in sheets["Table 2"] if "England" in row]
    national = [row for row in sheets["Table 3"] if "England" in row]
    if not heads or not england or not national:
        raise EviError(
            "its Tables 2 and 3 do not say England's list by month.", where=str(path), do="Check it."
        )
    head = sheets["Table 2"][heads[0]]
    filled = [(day.date(), total) for day, total in zip(head, england[0], strict=False)
              if isinstance(day, datetime) and isinstance(total, int | float)]  # fmt: skip
    if not filled:
        raise EviError("its Table 2 has no month.", where=str(path), do="Check it.")
    month, total = max(filled)
    stated = {found.group(0) for name in SHEETS for row in sheets[name][:1] for cell in row
              if isinstance(cell, str) and (found := _MONTH.search(cell))}  # fmt: skip
    if stated - {f"{month:%B %Y}"} or next(c for c in national[0] if isinstance(c, int | float)) != total:
        raise EviError(
            f"its titles and tables do not agree on the month: Table 2 ends in {month:%B %Y}.",
            where=str(path),
            do="Check the workbook before it is used.",
        )
    return month


def _lists(sheets: dict[str, list[Row]], path: Path, notes: Notes) -> tuple[pl.DataFrame, dict[Band, str]]:
    keys = ["level", "place", "service"]
    table = _long(sheets[TOTAL], TOTAL, path, "waiting", notes)
    bands: dict[Band, str] = {}
    for name in BY_AGE:
        band = _band(sheets[name], name, path)
        low, high = band
        bands[band] = f"waiting_over_{low}_weeks" if high is None else f"waiting_{low}_to_{high}_weeks"
        aged = _long(sheets[name], name, path, bands[band], notes)
        table = table.join(aged, on=keys, how="left", maintain_order="left")
    return table, bands


def _long(sheet: list[Row], name: str, path: Path, column: str, notes: Notes) -> pl.DataFrame:
    """One row a place and service."""
    cells = list(_cells(sheet, name, path))
    table = pl.DataFrame(
        cells, schema=dict.fromkeys(("level", "place", "service", "value"), pl.String), orient="row"
    )
    notes.add("blank cells (nobody sent a number), left unknown", table["value"].null_count())
    table = one_each(table, ["level", "place", "service"], notes)
    return table.with_columns(numbers(table["value"], notes).alias(column)).drop("value")


def _cells(sheet: list[Row], name: str, path: Path) -> Iterator[tuple[str, str, str, str | None]]:
    """Level, place, service and text of each cell; the level stands once, at the first of its places."""
    heads = [i for i, row in enumerate(sheet) if sum(_is_service(cell) for cell in row) > 1]
    if not heads:
        raise EviError(f"{name} has no row of services.", where=str(path), do="Check the workbook.")
    head = sheet[heads[0]]
    services = [(i, str(cell).strip()) for i, cell in enumerate(head) if _is_service(cell)]
    first, level = services[0][0], "England"
    for row in sheet[heads[0] + 1 :]:
        words = [str(cell).strip() for cell in row[:first] if cell not in (None, "")]
        if not words:
            continue
        level = words[-2] if len(words) > 1 else level
        for i, service in services:
            value = row[i] if i < len(row) else None
            yield level, words[-1], service, None if value in (None, "") else str(value)


def _is_service(cell: Any) -> bool:
    return isinstance(cell, str) and cell.strip().startswith(("(A)", "(CYP)"))


def _band(sheet: list[Row], name: str, path: Path) -> Band:
    """The band of weeks that a sheet's title gives in days: 15 to 28 days is over 2 and up to 4 weeks."""
    title = next((cell for cell in sheet[0] if isinstance(cell, str)), "")
    found = _DAYS.search(title)
    if not found:
        raise EviError(
            f"the title of {name} does not say which days it counts.", where=str(path), do="Check it."
        )
    first, last, over = found.groups()
    if over:
        return int(over) // 7, None
    return int(first) // 7, int(last) // 7


def _one_of(names: list[str], asked: str, what: str) -> str:
    exact = [name for name in names if name.casefold() == asked.casefold()]
    close = exact or sorted(name for name in names if asked.casefold() in name.casefold())
    if len(close) == 1:
        return close[0]
    listed = "; ".join(close[:8] or sorted(names)[:8])
    said = f"{len(close)} fit" if close else "none fits"
    raise EviError(
        f"{said} “{asked}”.", where=f"--{what}", do=f"Write more of it, as in: {listed}.", exit_code=2
    )
