"""A waiting list over time as a table: the one shape that every reader of aggregates hands on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal

import polars as pl

from evi.workspace import EviError

Period = Literal["week", "month"]
Band = tuple[int, int | None]
"""Waits of more than the first number of weeks (or none at all, where it is 0), up to and including the
second; None: however long. So 13 weeks to the day is within 13 weeks, as a limit of 13 weeks means."""

FLOWS = ("referrals", "starts", "removals", "missed", "appointments")
"""What happens in a period: children referred, children who started, children who left without a start,
appointments missed, appointments offered."""
MEASURES = (*FLOWS, "waiting")
"""Every number column that a series always has; `waiting` is children on the list at the period's end."""


@dataclass(frozen=True)
class Series:
    """One pathway of one place, week by week or month by month.

    Attributes:
        place: the name or code of the place.
        pathway: what is waited for.
        period: `week` (starts on a Monday) or `month` (starts on the first).
        table: one row a period, in order of time: `start` (date), then the columns of `MEASURES` and of the
            bands, as f64. A null is a number that is not known (not given, or suppressed); never 0.
        waiting_bands: columns of children waiting at the period's end, by age of wait in weeks.
        seen_bands: columns of children who started in the period, by their wait in weeks.
        source: where the numbers come from.
        notes: what was suppressed, recoded, rounded or left out, each as one sentence with its count.

    Raises:
        EviError: a column is missing, a period is there twice or out of order, or a number is negative.
    """

    place: str
    pathway: str
    period: Period
    table: pl.DataFrame
    waiting_bands: Mapping[Band, str] = field(default_factory=dict)
    seen_bands: Mapping[Band, str] = field(default_factory=dict)
    source: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        where = f"series of {self.pathway}, {self.place}"
        numbers = [*MEASURES, *self.waiting_bands.values(), *self.seen_bands.values()]
        missing = [name for name in ("start", *numbers) if name not in self.table.columns]
        if missing:
            raise EviError(f"has no column {', '.join(missing)}.", where=where)
        starts = self.table["start"].to_list()
        if any(later <= earlier for earlier, later in pairwise(starts)):
            raise EviError(f"holds a {self.period} twice, or not in order of time.", where=where)
        for name in numbers:
            least = self.table[name].min()
            if isinstance(least, int | float) and least < 0:
                raise EviError(f"{name} is below 0 in at least one {self.period}.", where=where)

    @property
    def n_periods(self) -> int:
        """How many weeks or months there are."""
        return self.table.height

    def after(self, start: date) -> date:
        """The first day of the period that follows the one that begins on `start`."""
        if self.period == "week":
            return start + timedelta(weeks=1)
        return date(start.year + start.month // 12, start.month % 12 + 1, 1)

    def gaps(self) -> list[date]:
        """Starts of the periods that are missing between the first and the last."""
        starts = self.table["start"].to_list()
        found: list[date] = []
        for earlier, later in pairwise(starts):
            due = self.after(earlier)
            while due < later:
                found.append(due)
                due = self.after(due)
        return found


def series_table(
    rows: Sequence[Mapping[str, object]], bands: Sequence[str] = (), *, sort: bool = True
) -> pl.DataFrame:
    """A table in the shape of `Series.table` from rows that may leave columns out (those become null).

    >>> series_table([{"start": date(2024, 1, 1), "waiting": 5}]).select("start", "starts", "waiting").rows()
    [(datetime.date(2024, 1, 1), None, 5.0)]
    """
    names = [*MEASURES, *bands]
    schema: dict[str, type[pl.DataType]] = {"start": pl.Date, **dict.fromkeys(names, pl.Float64)}
    table = pl.DataFrame(
        {name: [row.get(name) for row in rows] for name in schema}, schema=schema, strict=False
    )
    return table.sort("start") if sort else table
