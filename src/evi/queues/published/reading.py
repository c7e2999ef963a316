"""Published tables of waiting lists as text: what every reader of them checks, and what it says of it.

Publishers hide small numbers, round, recode places and now and then write a table wrong. Nothing of that is
put right in silence: a number that is not known is null, and each kind of change is counted in a note.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from evi.workspace import EviError


@dataclass
class Notes:
    """What a reader met on the way, as counts; `lines` are what `Series.notes` says."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, what: str, count: int = 1) -> None:
        """Count `what`, such as “suppressed numbers (*), left unknown”."""
        if count:
            self.counts[what] = self.counts.get(what, 0) + count

    def lines(self) -> tuple[str, ...]:
        """Each kind with its count."""
        return tuple(f"{what}: {count:,}" for what, count in self.counts.items())


def read_csv(path: Path, required: Collection[str] = ()) -> pl.DataFrame:
    """A CSV with every column as text, empty cells as null.

    Raises:
        EviError: it isn't there, isn't UTF-8 text, isn't a table, or lacks a required column.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise EviError("it can't be read.", where=str(path), do=str(error.strerror), exit_code=2) from error
    except UnicodeDecodeError as error:
        raise EviError(
            f"it is not UTF-8 text (byte {error.start:,}).",
            where=str(path),
            do="Save it as CSV UTF-8, or fetch it again from its publisher.",
        ) from error
    try:
        table = pl.read_csv(text.encode(), infer_schema=False)
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise EviError("it can't be read as a table.", where=str(path), do=reason) from error
    missing = [name for name in required if name not in table.columns]
    if missing:
        raise EviError(
            f"it has no column {', '.join(missing)}.",
            where=str(path),
            do="Check that it is the file that this reader is for, in the publisher's own layout.",
        )
    return table


def numbers(column: pl.Series, notes: Notes, suppressed: Collection[str] = ("*",)) -> pl.Series:
    """Text as counts; null where it is empty, suppressed, no number, or below 0, with a note of each."""
    text = column.str.strip_chars()
    hidden = text.is_in(list(suppressed)).fill_null(False)
    values = text.str.replace_all(",", "").cast(pl.Float64, strict=False)
    values = values.set((values.is_infinite() | values.is_nan()).fill_null(False), None)
    negative = (values < 0).fill_null(False)
    odd = values.is_null() & text.is_not_null() & (text.str.len_chars() > 0) & ~hidden
    if suppressed:
        notes.add(f"suppressed numbers ({' or '.join(suppressed)}), left unknown, not 0", int(hidden.sum()))
    notes.add("cells that hold no number, left unknown", int(odd.sum()))
    notes.add("counts below 0, which can't be, left unknown", int(negative.sum()))
    return values.set(negative, None)


def one_each(table: pl.DataFrame, keys: Sequence[str], notes: Notes) -> pl.DataFrame:
    """One row for each of `keys`: the same row again is dropped, and rows that disagree are all left out."""
    distinct = table.unique(maintain_order=True)
    notes.add("rows that are there twice, read once", table.height - distinct.height)
    clash = distinct.filter(pl.struct(*keys).is_duplicated())
    notes.add(
        f"rows that contradict another of the same {' and '.join(key.lower() for key in keys)}, left out",
        clash.height,
    )
    return distinct.join(clash.select(keys).unique(), on=list(keys), how="anti", nulls_equal=True)
