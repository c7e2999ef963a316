"""What a waiting list looks like on a day, and what happened in the time before it.

Three figures are kept apart, since each can move while another stands still:

* *wait of those seen*: how long the children waited who started in the period;
* *wait so far of those waiting*: how long the children have waited who are still on the list on the day;
* *longest*: the longest wait so far of anyone on the list.

Days are counted as the pathway's clock counts them, and given in weeks (in working days for a clock that
counts those). `over_time` gives the same week by week or month by month.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from evi.queues.measuring.journeys import Journeys
from evi.queues.measuring.series import Band
from evi.workspace import EviError

WAIT_OF_SEEN = "wait of those seen"
WAIT_SO_FAR = "wait so far of those waiting"
LONGEST = "longest"
"""What the three figures are called wherever they are shown."""

BANDS: tuple[Band, ...] = ((0, 4), (4, 13), (13, 18), (18, 26), (26, 52), (52, 104), (104, None))
"""Ages of wait in weeks; see `series.Band`."""


@dataclass(frozen=True)
class Waits:
    """Waits of some children, in weeks or working days; figures are None where there are no children.

    Attributes:
        children: how many.
        mean, median, percentile_90, longest: of their waits (the 90th percentile by linear interpolation).
        within_limit: how many are within the limit; of `limited` whose limit is known.
    """

    children: int
    mean: float | None
    median: float | None
    percentile_90: float | None
    longest: float | None
    within_limit: int
    limited: int

    @property
    def share_within(self) -> float | None:
        """The share within the limit."""
        return self.within_limit / self.limited if self.limited else None


@dataclass(frozen=True)
class Snapshot:
    """A waiting list on one day, and what happened in the time before it.

    Attributes:
        pathway, title, day: what is looked at, and when.
        since: flows are counted from this day on, up to and including `day`.
        unit: weeks or working days.
        limit: the limit in words; limit_weeks: the same in weeks, where it is in weeks.
        referrals, starts, missed, offered: how many since then.
        removals: by reason, since then.
        seen: wait of those seen since then.
        waiting: wait so far of those waiting on the day; its `children` is the list size.
        bands: children waiting by age of wait in weeks; empty for a clock in working days.
        milestones: for each milestone: how many reached it since then, and the share of those in time.
        rejects: what was set aside, each as one sentence.
    """

    pathway: str
    title: str
    day: date
    since: date
    unit: str
    limit: str
    limit_weeks: int | None
    referrals: int
    starts: int
    missed: int
    offered: int
    removals: Mapping[str, int]
    seen: Waits
    waiting: Waits
    bands: Mapping[Band, int]
    milestones: Sequence[Mapping[str, object]] = ()
    rejects: Sequence[str] = field(default=())


def snapshot(made: Journeys, since: date | None = None) -> Snapshot:
    """The list on the day of the journeys, and the flows since `since` (by default in the year before).

    Raises:
        EviError: `since` is after the day.
    """
    since = since or made.day - timedelta(days=364)
    if since > made.day:
        raise EviError(f"{since} is after {made.day}.", where="since", do="Choose an earlier day.")
    clock, table = made.clock, made.table
    in_time = (pl.col("started") <= pl.col("due")).alias("within")
    seen = table.filter(pl.col("started") >= since).with_columns(in_time)
    on_list = table.filter(pl.col("state") == "waiting").with_columns(
        within=pl.lit(made.day) <= pl.col("due")
    )
    removals = table.filter(pl.col("removed") >= since).group_by("reason").len().sort("len", descending=True)
    missed = made.missed_on.filter(pl.col("missed_on") >= since).height
    weeks = on_list["wait_days"].to_numpy() / 7
    return Snapshot(
        made.pathway,
        clock.title,
        made.day,
        since,
        clock.unit,
        clock.last.limit_words,
        clock.last.limit_weeks,
        table.filter(pl.col("referred") >= since).height,
        seen.height,
        missed,
        missed + seen.height,
        dict(sorted(removals.iter_rows())),
        _waits(seen, clock.days_in_unit),
        _waits(on_list, clock.days_in_unit),
        {band: int(in_band(weeks, band).sum()) for band in BANDS} if clock.counts == "days" else {},
        _milestones(made, since),
        made.reject_lines(),
    )


def in_band(weeks: npt.ArrayLike, band: Band) -> npt.NDArray[np.bool_]:
    """Whether each wait, in weeks, is in the band: more than its first number, up to its second."""
    low, high = band
    waits = np.asarray(weeks, dtype=float)
    return ((waits > low) | (low == 0)) & (waits <= (np.inf if high is None else high))


def _waits(children: pl.DataFrame, days_in_unit: int) -> Waits:
    waits = children["wait_days"].to_numpy() / days_in_unit
    within = children["within"].drop_nulls()
    if not len(waits):
        return Waits(0, None, None, None, None, 0, 0)
    return Waits(
        len(waits),
        float(waits.mean()),
        float(np.median(waits)),
        float(np.percentile(waits, 90)),
        float(waits.max()),
        int(within.sum()),
        len(within),
    )


def _milestones(made: Journeys, since: date) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for step in made.clock.milestones:
        rows = made.milestones.filter(pl.col("milestone") == step.id)
        met = rows.filter(pl.col("met") >= since)
        within = (met["met"] <= met["due"]).drop_nulls()
        found.append(
            {
                "milestone": step.title,
                "limit": step.limit_words,
                "reached": met.height,
                "in_time": int(within.sum()),
                "share_in_time": float(within.sum()) / len(within) if len(within) else None,
            }
        )
    return found
