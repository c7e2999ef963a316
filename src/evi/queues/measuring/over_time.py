"""A waiting list week by week or month by month, from the journeys of one day.

A month that has passed is looked back at with what is known now, so that in every period
waiting = waiting before + referrals - starts - removals, exactly.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from evi.queues.measuring.calendar import Counts, Days, add_working_days
from evi.queues.measuring.journeys import Journeys, counted_days
from evi.queues.measuring.measures import BANDS, in_band
from evi.queues.measuring.series import MEASURES, Band, Period, Series
from evi.workspace import EviError

Floats = npt.NDArray[np.float64]
FAR = date(9999, 12, 31)


def periods(first: date, last: date, period: Period) -> list[date]:
    """First days of the whole weeks (from Mondays) or months that lie between two days.

    >>> [str(day) for day in periods(date(2024, 1, 10), date(2024, 3, 31), "month")]
    ['2024-02-01', '2024-03-01']
    """
    start = first + timedelta(days=(-first.weekday()) % 7) if period == "week" else _month_from(first)
    found: list[date] = []
    while (end := _next(start, period)) <= last + timedelta(days=1):
        found.append(start)
        start = end
    return found


def _month_from(day: date) -> date:
    return day if day.day == 1 else _next(day.replace(day=1), "month")


def _next(start: date, period: Period) -> date:
    if period == "week":
        return start + timedelta(weeks=1)
    return date(start.year + start.month // 12, start.month % 12 + 1, 1)


def by_period(made: Journeys, period: Period = "month", first: date | None = None) -> Series:
    """The list week by week or month by month, up to the day of the journeys.

    Args:
        first: from the first whole period on or after this day (by default three years back).

    Returns:
        a `Series` whose table has further columns: `wait_seen_mean`, `..._median`, `..._p90`, `..._longest`
        and `..._share_within` of those who started in the period, and the same with `wait_so_far_` of those
        on the list at its end; in the clock's unit, null where there are no children. `removed_` columns are
        the removals by reason.

    Raises:
        EviError: no whole period lies between `first` and the day.
    """
    first = first or made.day - timedelta(days=3 * 365)
    begins = periods(first, made.day, period)
    if not begins:
        raise EviError(
            f"no whole {period} lies between {first} and {made.day}.",
            where=f"every {period}",
            do="Start earlier.",
        )
    edges = np.array([*begins, _next(begins[-1], period)], "M8[D]")
    columns: dict[str, object] = {"start": begins, **_flows(made, edges)}
    lists = _Lists(made)
    rows = [lists.at(edges[i], edges[i + 1] - np.timedelta64(1, "D")) for i in range(len(begins))]
    names = {band: f"waiting_{_name(band)}" for band in BANDS} if made.clock.counts == "days" else {}
    seen = {band: f"seen_{_name(band)}" for band in names}
    for name in rows[0]:
        columns[name] = [row[name] for row in rows]
    numbers = [name for name in columns if name != "start"]
    table = pl.DataFrame(columns, schema_overrides=dict.fromkeys(numbers, pl.Float64))
    order = ["start", *MEASURES, *(name for name in numbers if name not in MEASURES)]
    unit = made.clock.unit
    return Series(
        "district",
        made.pathway,
        period,
        table.select(order),
        names,
        seen,
        f"records as known on {made.day}",
        (f"waits are in {unit}; the limit is {made.clock.last.limit_words}", *made.reject_lines()),
    )


def _flows(made: Journeys, edges: Days) -> dict[str, npt.NDArray[np.float64]]:
    """What happened in each period; removals also by reason."""
    table = made.table
    dates = {
        "referrals": table["referred"],
        "starts": table["started"],
        "removals": table["removed"],
        "missed": made.missed_on["missed_on"],
    }
    for reason in table["reason"].drop_nulls().unique().sort():
        dates[f"removed_{reason}"] = table.filter(pl.col("reason") == reason)["removed"]
    flows = {name: _counts(each, edges).astype(float) for name, each in dates.items()}
    return {**flows, "appointments": flows["starts"] + flows["missed"]}


def _counts(dates: pl.Series, edges: Days) -> Counts:
    """How many of the dates fall in each period."""
    at = np.searchsorted(edges, dates.drop_nulls().to_numpy().astype("M8[D]"), side="right") - 1
    return np.bincount(at[(at >= 0) & (at < len(edges) - 1)], minlength=len(edges) - 1).astype(np.int64)


def _name(band: Band) -> str:
    low, high = band
    return f"over_{low}_weeks" if high is None else f"{low}_to_{high}_weeks"


class _Lists:
    """The list at the end of each of many periods."""

    def __init__(self, made: Journeys) -> None:
        self.made, self.clock = made, made.clock
        rows = made.table
        self.referred = _days(rows["referred"])
        self.due = _days(rows["due"])
        self.started = _days(rows["started"])
        self.left = _days(rows.select(pl.coalesce("started", "removed", pl.lit(FAR)))["started"])
        self.wait = rows["wait_days"].to_numpy().astype(float)
        self.paused = rows["paused_days"].to_numpy().astype(np.int64)
        numbered = rows.with_row_index("row").select("row", "subject_id", "referred")
        pauses = made.pauses.join(numbered, on=["subject_id", "referred"], maintain_order="left")
        self.pause_row = pauses["row"].to_numpy()
        self.pause_from = _days(pauses["paused_from"])
        self.pause_until = _days(pauses.select(pl.coalesce("paused_until", pl.lit(made.day)))["paused_until"])

    def at(self, start: np.datetime64, end: np.datetime64) -> dict[str, float | None]:
        """The list at the end of the day `end`, and those who started from `start` to `end`."""
        unit = self.clock.days_in_unit
        on_list = (self.referred <= end) & (self.left > end)
        paused = self._paused_until(end)
        days = counted_days(self.clock, self.referred, np.full(len(self.referred), end))
        so_far = np.maximum(days - paused, 0)[on_list] / unit
        seen = (self.started >= start) & (self.started <= end)
        waits = self.wait[seen] / unit
        found: dict[str, float | None] = {"waiting": float(on_list.sum())}
        if self.clock.counts == "days":
            for band in BANDS:
                found[f"waiting_{_name(band)}"] = float(in_band(so_far, band).sum())
                found[f"seen_{_name(band)}"] = float(in_band(waits, band).sum())
        found |= _figures("wait_seen", waits, self.started[seen], self.due[seen])
        due_then = self._due_then(paused)[on_list]
        found |= _figures("wait_so_far", so_far, np.full(len(so_far), end), due_then)
        return found

    def _paused_until(self, end: np.datetime64) -> Counts:
        until = np.minimum(self.pause_until, np.full(len(self.pause_until), end))
        stood = counted_days(self.clock, self.pause_from, until)
        return np.bincount(self.pause_row, stood, minlength=len(self.referred)).astype(np.int64)

    def _due_then(self, paused: Counts) -> Days:
        """The last day within the limit as it stood, without the pauses that came later."""
        later = self.paused - paused
        if not later.any():
            return self.due
        if self.clock.counts == "working_days":
            return add_working_days(self.due, -later)
        then: Days = self.due - later.astype("m8[D]")
        return then


def _figures(name: str, waits: Floats, ended: Days, due: Days) -> dict[str, float | None]:
    if not len(waits):
        return {f"{name}_{each}": None for each in ("mean", "median", "p90", "longest", "share_within")}
    limited = ~np.isnat(due)
    return {
        f"{name}_mean": float(waits.mean()),
        f"{name}_median": float(np.median(waits)),
        f"{name}_p90": float(np.percentile(waits, 90)),
        f"{name}_longest": float(waits.max()),
        f"{name}_share_within": float((ended <= due)[limited].mean()) if limited.any() else None,
    }


def _days(dates: pl.Series) -> Days:
    found: Days = dates.to_numpy().astype("M8[D]")
    return found
