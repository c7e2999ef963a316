"""Children's waits as whole weeks from joining a list to leaving it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from evi.queues.forecasts.rates import Floats
from evi.workspace import EviError

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Spells:
    """Each child's weeks on a list, in calendar weeks from the Monday `origin`.

    Attributes:
        n_weeks: whole weeks that are read.
        joined, end: the first and the last week of each child, both included; `end` is `n_weeks` for those
            who still wait.
        seen: who left because they were seen, within the weeks that are read.
        left_out: referrals, and ends, in the week that isn't over.
    """

    origin: date
    n_weeks: int
    joined: Ints
    end: Ints
    seen: npt.NDArray[np.bool_]
    left_out: int

    def monday(self, week: int) -> date:
        """The first day of a week."""
        return self.origin + timedelta(weeks=week)

    def counts(self, weeks: Ints, since: int) -> Floats:
        """How many of some weeks' events fall in each week from `since` on."""
        inside = weeks[(weeks >= since) & (weeks < self.n_weeks)]
        return np.bincount(inside - since, minlength=self.n_weeks - since).astype(float)

    def weeks_of(self, days: Sequence[date]) -> Ints:
        """The weeks of some days, without those that are not read."""
        weeks = np.array([(day - self.origin).days // 7 for day in days], np.int64)
        return weeks[(weeks >= 0) & (weeks < self.n_weeks)]

    def waiting(self, since: int) -> Floats:
        """Children on the list after each week."""
        joined = np.cumsum(np.bincount(self.joined, minlength=self.n_weeks)[: self.n_weeks])
        gone = np.cumsum(np.bincount(self.end, minlength=self.n_weeks + 1)[: self.n_weeks])
        return (joined - gone)[since:].astype(float)

    def ages_now(self) -> Ints:
        """Children still waiting, by completed weeks at the start of the week that comes."""
        still = self.n_weeks - 1 - self.joined[self.end == self.n_weeks]
        return np.bincount(still) if len(still) else np.zeros(1, np.int64)


def spells_of(table: pl.DataFrame, day: date, pathway: str) -> Spells:
    """Read journeys up to the last whole week before a day.

    Raises:
        EviError: a column is missing, there are no rows, or a row has no date or ends before it begins.
    """
    missing = [
        name for name in ("referred", "started", "removed", "offered", "missed") if name not in table.columns
    ]
    if missing:
        raise EviError(f"journeys have no column {', '.join(missing)}.", where=pathway or "journeys")
    if table.is_empty():
        raise EviError("there are no referrals.", where=pathway or "journeys", do="Load them first.")
    until = day - timedelta(days=day.weekday())
    joined_day, ended = pl.col("referred"), pl.coalesce("started", "removed")
    wrong = table.filter(ended < joined_day).height + table.filter(joined_day.is_null()).height
    if wrong:
        raise EviError(
            f"{wrong} referrals have no date, or end before they begin.",
            where=pathway or "journeys",
            do="Leave such rows out (evi queue measure counts them).",
        )
    kept = table.filter(joined_day < until)
    if kept.is_empty():
        raise EviError(
            f"no referral came before {until}.", where=pathway or "journeys", do="Choose a later day."
        )
    first: date = (
        kept["referred"].to_list()[0] if kept["referred"].is_sorted() else min(kept["referred"].to_list())
    )
    origin = first - timedelta(days=first.weekday())
    n_weeks = (until - origin).days // 7
    joined = (kept["referred"] - origin).dt.total_days().to_numpy() // 7
    end_day = kept.select(ended.alias("end"))["end"]
    end = (end_day - origin).dt.total_days().fill_null(n_weeks * 7).to_numpy() // 7
    later = int((end_day >= until).sum()) + table.height - kept.height
    seen = kept["started"].is_not_null().to_numpy() & (end < n_weeks)
    return Spells(
        origin, n_weeks, joined.astype(np.int64), np.minimum(end, n_weeks).astype(np.int64), seen, later
    )
