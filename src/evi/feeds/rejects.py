"""Rejected rows: which field, what kind of value, why. The value itself is never written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from evi.feeds.layout import Layout
from evi.feeds.validation import BETWEEN_PARTS, BETWEEN_PROBLEMS, value_class
from evi.workspace import quote, replace_file

REJECT_COLUMNS = ("feed", "layout", "row_no", "field", "value_class", "reason")
"""Columns of a rejects file; `value_class` is the shape of the value, such as `text of 5 characters`."""

DUPLICATE = "duplicate key"
"""Reason given to a row whose key an earlier row of the file has."""


@dataclass(frozen=True)
class Malformed:
    """A line that is no row: its place among the rows (from 1) and what is wrong with it."""

    row_no: int
    reason: str


def _entries(rows: str) -> str:
    """SQL: one row for each fault of each row of the relation `rows`, in the order of the layout's checks."""
    part = f"string_split(entry, {quote(BETWEEN_PARTS)})"
    shape = value_class(f"{part}[3]")
    return (
        f"SELECT row_no, place, {part}[1] AS field, {shape} AS value_class, {part}[2] AS reason "
        f"FROM (SELECT row_no, unnest(found) AS entry, generate_subscripts(found, 1) AS place "
        f"FROM (SELECT row_no, string_split(problems, {quote(BETWEEN_PROBLEMS)}) AS found "
        f"FROM {rows} WHERE problems IS NOT NULL))"
    )


def count_reasons(
    con: duckdb.DuckDBPyConnection, rows: str, repeats: int, malformed: Sequence[Malformed]
) -> dict[str, int]:
    """Rejected rows by `field: reason` (or the reason alone for a whole row), most frequent first."""
    counted: Counter[str] = Counter(each.reason for each in malformed)
    if repeats:
        counted[DUPLICATE] = repeats
    found = con.execute(
        f"SELECT field || ': ' || reason, count(*) FROM ({_entries(rows)}) GROUP BY ALL"
    ).fetchall()
    counted.update(dict(found))
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def write_rejects(
    file: Path,
    layout: Layout,
    con: duckdb.DuckDBPyConnection,
    rows: str,
    repeats: str,
    malformed: Sequence[Malformed],
) -> None:
    """Write the rejects of one delivery in row order; if there are none, remove those of an earlier one."""
    lines = pa.table(
        {
            "row_no": pa.array([each.row_no for each in malformed], pa.int64()),
            "reason": pa.array([each.reason for each in malformed], pa.string()),
        }
    )
    con.register("evi_malformed", lines)
    key = quote("+".join(layout.row_key))
    sql = f"""
        SELECT {quote(layout.feed)} AS feed, {quote(layout.name)} AS layout, row_no, field, value_class,
               reason
        FROM (
            {_entries(rows)}
            UNION ALL SELECT row_no, 0, {key}, 'key', {quote(DUPLICATE)} FROM {repeats}
            UNION ALL SELECT row_no, 0, '', 'whole row', reason FROM evi_malformed
        ) ORDER BY row_no, place"""
    try:
        some = con.execute(
            f"SELECT EXISTS (FROM {rows} WHERE problems IS NOT NULL) OR EXISTS (FROM {repeats}) "
            "OR EXISTS (FROM evi_malformed)"
        ).fetchall()[0][0]
        if not some:
            file.unlink(missing_ok=True)
            return
        with replace_file(file) as scratch:
            con.execute(f"COPY ({sql}) TO {quote(str(scratch))} (FORMAT csv, HEADER)")
    finally:
        con.unregister("evi_malformed")
