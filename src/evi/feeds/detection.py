"""Which layouts a file is in, and which delivery it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import duckdb

from evi.feeds.layout import Layout
from evi.feeds.textfile import header_of, scan_text
from evi.feeds.xmlfile import read_head
from evi.workspace import RefusedError, quote

_YMD = "CREATE OR REPLACE MACRO ymd(n) AS make_date(n // 10000, n // 100 % 100, n % 100)"
"""DuckDB macro that a layout's `period` may use: 20240331 as a date."""


@dataclass(frozen=True)
class Delivery:
    """What a file's name or head says of the delivery. `start` and `end` are inclusive; None if not said."""

    id: str
    start: date | None
    end: date | None


def detect(path: Path, layouts: Mapping[str, Layout]) -> list[Layout]:
    """The layouts that a file is in: one for CSV, perhaps several for XML.

    The header decides; the name of the file (or of its folder, if that is a feed's) decides between layouts
    with one header.

    Raises:
        RefusedError: no layout, or several, fit; with the nearest one and the columns that are missing.
    """
    if not path.is_file():
        raise RefusedError("there is no such file.", where=str(path), do="Check the path.")
    kind = path.suffix.lower()
    if kind not in {".csv", ".xml"}:
        raise RefusedError(
            f"eVI reads .csv and .xml, not {kind or 'a file without a suffix'}.",
            where=str(path),
            do="Export the table as CSV in UTF-8.",
        )
    scan_text(path)
    if kind == ".xml":
        return _detect_xml(path, [layout for layout in layouts.values() if layout.format == "xml"])
    return [_detect_csv(path, [layout for layout in layouts.values() if layout.format == "csv"])]


def missing_columns(layout: Layout, header: Iterable[str]) -> list[str]:
    """Columns that the layout needs and the header lacks (upper and lower case are one)."""
    there = {name.lower() for name in header}
    return [field.name for field in layout.fields if not field.optional and field.name.lower() not in there]


def _detect_csv(path: Path, layouts: list[Layout]) -> Layout:
    header = header_of(path)
    named = [layout for layout in layouts if layout.filename and _match(layout, path)]
    fitting = [layout for layout in layouts if not missing_columns(layout, header)]
    if not fitting:
        _refuse_unknown(path, header, named or layouts)
    best = [layout for layout in fitting if layout in named]
    best = best or [layout for layout in fitting if layout.feed == path.parent.name] or fitting
    if len(best) > 1:
        known = {layout.name: _known(layout, header) for layout in best}
        best = [layout for layout in best if known[layout.name] == max(known.values())]
    if len(best) > 1:
        names = " or ".join(layout.name for layout in best)
        raise RefusedError(
            f"its columns fit more than one layout: {names}.",
            where=str(path),
            do=f"Name the file after its layout, such as {best[0].example}.",
        )
    if named and best[0] not in named:
        raise RefusedError(
            f"its name says {named[0].name}, but its columns are those of {best[0].name}.",
            where=str(path),
            do=f"If it is {best[0].name}, rename it like {best[0].example}; if not, correct the export.",
        )
    return best[0]


def _known(layout: Layout, header: Iterable[str]) -> int:
    there = {name.lower() for name in header}
    return sum(field.name.lower() in there for field in layout.fields)


def _refuse_unknown(path: Path, header: tuple[str, ...], layouts: list[Layout]) -> None:
    nearest = max(layouts, key=lambda layout: _known(layout, header) / len(layout.fields))
    missing = missing_columns(nearest, header)
    share = _known(nearest, header)
    if not share:
        raise RefusedError(
            "its header fits no layout: not one column is known.",
            where=str(path),
            do="See docs/feeds.md for the layouts, and for how to write one.",
        )
    raise RefusedError(
        f"its header fits no layout. The nearest is {nearest.name}, of which it lacks {', '.join(missing)}.",
        where=str(path),
        do="Add the missing columns (empty if nothing is known), or write a layout for this table.",
    )


def _detect_xml(path: Path, layouts: list[Layout]) -> list[Layout]:
    head = read_head(path, layouts)
    fitting = [layout for layout in layouts if layout.xml and head.matches(layout.xml)]
    if not fitting:
        kinds = sorted(
            {f"{at} = {text}" for layout in layouts if layout.xml for at, text in layout.xml.root.items()}
        )
        raise RefusedError(
            "it is XML, but of no kind that a layout describes.",
            where=str(path),
            do=f"A known file has {' or '.join(kinds)}. See docs/feeds.md for how to write a layout.",
        )
    return fitting


def delivery_of(path: Path, layout: Layout) -> Delivery:
    """Which delivery the file is, by the period in its name (CSV) or head (XML).

    A file that does not tell its period has the delivery id of its own name, until its rows tell the dates.

    Raises:
        RefusedError: the name or head gives no possible period.
    """
    facts = _period_facts(path, layout)
    if facts is None or layout.period is None:
        return Delivery(f"{layout.name}-{_slug(path.stem)}", None, None)
    columns = ", ".join(f"{_literal(text)} AS {name}" for name, text in facts.items())
    days = f"CAST({layout.period.start} AS DATE), CAST({layout.period.end} AS DATE)"
    start, end = _days(f"SELECT {days} FROM (SELECT {columns})")
    if start is None or end is None or end < start:
        where = "head" if layout.format == "xml" else "name"
        raise RefusedError(
            f"its {where} does not give a possible period.",
            where=str(path),
            do=f"Correct the {where}; a right name looks like {layout.example}.",
        )
    keys = [text for name, text in facts.items() if layout.format == "csv" or name == "year"]
    return Delivery("-".join([layout.name, *(_slug(key) for key in keys)]), start, end)


@cache
def _days(sql: str) -> tuple[date | None, date | None]:
    try:
        with _calendar().cursor() as con:
            start, end = con.execute(sql).fetchall()[0]
    except duckdb.Error:
        return None, None
    return start, end


@cache
def _calendar() -> duckdb.DuckDBPyConnection:
    """One small session for dates, as opening a session takes longer than reading a small file."""
    con = duckdb.connect()
    con.execute(_YMD)
    return con


def _period_facts(path: Path, layout: Layout) -> dict[str, str] | None:
    if layout.xml:
        texts = read_head(path, [layout]).texts
        facts = {name: texts.get(at, "") for name, at in layout.xml.header.items()}
        return facts if facts and all(facts.values()) else None
    match = _match(layout, path)
    return match.groupdict() if match and match.groupdict() else None


def _match(layout: Layout, path: Path) -> re.Match[str] | None:
    return re.fullmatch(layout.filename, path.name, re.IGNORECASE) if layout.filename else None


def _literal(text: str) -> str:
    if re.fullmatch(r"\d{1,9}", text):
        return str(int(text))
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return f"CAST({quote(text)} AS DATE)"
    return quote(text.lower())


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
