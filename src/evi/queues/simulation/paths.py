"""What a simulation found: every replication's weeks, and what can be said of them together.

Three waits are kept apart, since each answers another question: the *wait of those seen* in a week, the
*wait so far of those waiting* after it, and the *longest*. All are counted in completed weeks: a child who
is seen in the week of referral has waited 0. As referrals come all through a week and slots are at its end,
the time waited is half a week more on average (`HALF_WEEK`), and the methods that give mean waits add it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from evi.queues.simulation import kernel
from evi.queues.simulation.network import Network
from evi.workspace import EviError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]

HALF_WEEK = 0.5

MEASURES = {
    "arrivals": "children who joined the list",
    "starts": "children seen",
    "removals": "children who left unseen",
    "missed": "offers missed",
    "slots": "slots that there were",
    "waiting": "children waiting after the week",
    "wait_seen_weeks": "mean wait of those seen",
    "longest_seen_weeks": "longest wait of those seen",
    "wait_so_far_weeks": "mean wait so far of those waiting",
    "longest_waiting_weeks": "longest wait so far of those waiting",
    "started_within_share": "share of those seen who waited less than the limit",
    "waiting_within_share": "share of those waiting who have waited less than the limit",
}
"""What `Paths.values` gives, by name."""


@dataclass(frozen=True)
class Paths:
    """Every replication of a network. Arrays are [replications, weeks, pools] unless said otherwise.

    Attributes:
        pools: ids, in the order of the last axis. start: the Monday of the first week.
        limits_weeks: the standard of each pool, None where there is none.
        arrivals: children who joined (referred from outside, or sent on).
        starts, removals, missed, slots: children seen, children who left unseen, offers missed, slots there.
        waiting: children on the list after the week.
        sum_wait_seen_weeks, longest_seen_weeks: of those seen in the week; 0 where nobody was.
        sum_wait_so_far_weeks, longest_waiting_weeks: of those waiting after the week.
        started_within_limit, waiting_within_limit: of them, how many have waited fewer weeks than the limit
            (all of them where there is none).
        seen_by_wait: children seen over all weeks, by completed weeks waited, [replications, pools, ages].
        waiting_by_wait: children waiting after the last week, likewise.
        notes: what was odd but allowed, in sentences.
    """

    pools: tuple[str, ...]
    start: date
    limits_weeks: tuple[int | None, ...]
    arrivals: Ints
    starts: Ints
    removals: Ints
    missed: Ints
    slots: Ints
    waiting: Ints
    sum_wait_seen_weeks: Floats
    longest_seen_weeks: Ints
    sum_wait_so_far_weeks: Floats
    longest_waiting_weeks: Ints
    started_within_limit: Ints
    waiting_within_limit: Ints
    seen_by_wait: Ints
    waiting_by_wait: Ints
    notes: tuple[str, ...] = ()

    @classmethod
    def from_arrays(cls, network: Network, counts: Ints, sums: Floats, ages: Ints) -> Paths:
        """The engine's arrays, by name."""
        return cls(
            pools=network.pool_ids,
            start=network.start,
            limits_weeks=tuple(pool.limit_weeks for pool in network.pools),
            arrivals=counts[:, kernel.ARRIVED],
            starts=counts[:, kernel.STARTED],
            removals=counts[:, kernel.REMOVED],
            missed=counts[:, kernel.MISSED],
            slots=counts[:, kernel.SLOTS],
            waiting=counts[:, kernel.LIST],
            sum_wait_seen_weeks=sums[:, kernel.WAIT_SEEN],
            longest_seen_weeks=counts[:, kernel.LONGEST_SEEN],
            sum_wait_so_far_weeks=sums[:, kernel.WAIT_SO_FAR],
            longest_waiting_weeks=counts[:, kernel.LONGEST_SO_FAR],
            started_within_limit=counts[:, kernel.SEEN_INSIDE],
            waiting_within_limit=counts[:, kernel.INSIDE],
            seen_by_wait=ages[:, kernel.SEEN_AGES],
            waiting_by_wait=ages[:, kernel.LAST_AGES],
            notes=network.warnings,
        )

    @property
    def replications(self) -> int:
        """How many replications there are."""
        return int(self.waiting.shape[0])

    @property
    def weeks(self) -> int:
        """How many weeks each has."""
        return int(self.waiting.shape[1])

    @property
    def mondays(self) -> list[date]:
        """The first day of each week."""
        return [self.start + timedelta(weeks=week) for week in range(self.weeks)]

    def values(self, measure: str = "waiting") -> Floats:
        """One measure of `MEASURES`, [replications, weeks, pools]; NaN where there is nobody to measure.

        Raises:
            EviError: there is no such measure.
        """
        if measure not in MEASURES:
            raise EviError(f"there is no measure {measure!r}.", do=f"There are: {', '.join(MEASURES)}.")
        if measure == "wait_seen_weeks":
            return _ratio(self.sum_wait_seen_weeks, self.starts) + HALF_WEEK
        if measure == "wait_so_far_weeks":
            return _ratio(self.sum_wait_so_far_weeks, self.waiting) + HALF_WEEK
        if measure == "started_within_share":
            return _ratio(self.started_within_limit, self.starts)
        if measure == "waiting_within_share":
            return _ratio(self.waiting_within_limit, self.waiting)
        found = np.asarray(getattr(self, measure), float)
        if measure in ("longest_seen_weeks", "longest_waiting_weeks"):
            whose = self.starts if measure == "longest_seen_weeks" else self.waiting
            return np.where(whose > 0, found, np.nan)
        return found

    def mean(self, measure: str = "waiting") -> Floats:
        """The mean over replications, [weeks, pools].

        Of waits and shares it is the mean over children: weeks with many children count for more.
        """
        sums: dict[str, tuple[npt.NDArray[Any], Ints, float]] = {
            "wait_seen_weeks": (self.sum_wait_seen_weeks, self.starts, HALF_WEEK),
            "wait_so_far_weeks": (self.sum_wait_so_far_weeks, self.waiting, HALF_WEEK),
            "started_within_share": (self.started_within_limit, self.starts, 0.0),
            "waiting_within_share": (self.waiting_within_limit, self.waiting, 0.0),
        }
        if measure in sums:
            above, below, more = sums[measure]
            return _ratio(above.sum(axis=0, dtype=float), below.sum(axis=0, dtype=float)) + more
        return _over_replications(np.nanmean, self.values(measure))

    def percentile(self, share: float | list[float], measure: str = "waiting") -> Floats:
        """The value that a share of the replications is at or below, [weeks, pools] for each share."""
        return _over_replications(_quantile, self.values(measure), np.asarray(share))

    def band(self, level: float = 0.8, measure: str = "waiting") -> tuple[Floats, Floats]:
        """The middle `level` of the replications: lower and upper end, each [weeks, pools].

        Raises:
            EviError: the level is not between 0 and 1.
        """
        if not 0.0 < level < 1.0:
            raise EviError(f"a band of {level:g} is none.", where="level", do="Give a share, as 0.8.")
        low, high = self.percentile([(1 - level) / 2, (1 + level) / 2], measure)
        return low, high

    def to_table(self, level: float = 0.8) -> pl.DataFrame:
        """Mean and band of every measure: a row for each week, pool and measure.

        Columns: week (its Monday), pool, measure, mean, low, high; null where there is nobody to measure.
        """
        weeks, pools = self.weeks, len(self.pools)
        parts = []
        for measure in MEASURES:
            low, high = self.band(level, measure)
            parts.append(
                pl.DataFrame(
                    {
                        "week": np.repeat(np.array(self.mondays, "datetime64[D]"), pools),
                        "pool": list(self.pools) * weeks,
                        "measure": [measure] * (weeks * pools),
                        "mean": self.mean(measure).ravel(),
                        "low": low.ravel(),
                        "high": high.ravel(),
                    }
                )
            )
        return pl.concat(parts).with_columns(pl.col("mean", "low", "high").fill_nan(None))

    def waits(self) -> pl.DataFrame:
        """The three waits of each pool over all replications, one row a pool.

        Columns: pool; seen, wait_seen_mean, wait_seen_median, wait_seen_p90 (of all those seen in all weeks);
        waiting, wait_so_far_mean, wait_so_far_median, wait_so_far_p90 (of those waiting after the last week,
        mean number a replication); longest_median (the longest wait so far after the last week, the
        median of replications); limit_weeks, seen_within_share, waiting_within_share. Weeks of time, so
        means and percentiles of completed weeks have half a week added.
        """
        rows = []
        for place, pool in enumerate(self.pools):
            row: dict[str, object] = {"pool": pool}
            for name, stage, table in (
                ("seen", "wait_seen", self.seen_by_wait),
                ("waiting", "wait_so_far", self.waiting_by_wait),
            ):
                children = table[:, place].sum(axis=0, dtype=float)
                row |= {name: children.sum() / self.replications} | _spread(children, stage)
                limit = self.limits_weeks[place]
                inside = children[:limit].sum() / children.sum() if limit and children.sum() else None
                row[f"{name}_within_share"] = inside
            row["longest_median"] = float(np.median(self.longest_waiting_weeks[:, -1, place]))
            row["limit_weeks"] = self.limits_weeks[place]
            rows.append(row)
        return pl.DataFrame(rows, infer_schema_length=None)


def _spread(children: Floats, name: str) -> dict[str, float | None]:
    """Mean, median and 90th percentile of a table of children by completed weeks waited."""
    total = children.sum()
    if not total:
        return {f"{name}_{what}": None for what in ("mean", "median", "p90")}
    mean = float(children @ np.arange(len(children)) / total)
    reached = np.cumsum(children) / total
    at = {"median": 0.5, "p90": 0.9}
    found: dict[str, float | None] = {f"{name}_mean": mean + HALF_WEEK}
    for what, share in at.items():
        found[f"{name}_{what}"] = float(np.searchsorted(reached, share)) + HALF_WEEK
    return found


def _ratio(above: npt.NDArray[Any], below: npt.NDArray[Any]) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below > 0, above / below, np.nan)


def _quantile(values: Floats, share: Floats, axis: int) -> Floats:
    quantile: Callable[..., Any] = np.nanquantile if np.isnan(values).any() else np.quantile
    return np.asarray(quantile(values, share, axis=axis), np.float64)


def _over_replications(summary: Callable[..., Any], values: Floats, *more: Any) -> Floats:
    """A summary over the first axis that leaves NaN out; NaN where there is nothing else."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(summary(values, *more, axis=0), np.float64)
