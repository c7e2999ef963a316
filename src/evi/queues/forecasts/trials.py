"""Forecasts of the past: every day of a history on which one could have been made, and what then happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from evi.queues.forecasts.drift import Drift, Known
from evi.queues.forecasts.histories import HALF, Levels, history, regular
from evi.queues.forecasts.lists import Given, Luck, futures
from evi.queues.forecasts.rates import Floats
from evi.queues.measuring.series import Series

HORIZONS = (3, 6, 12)
"""Months ahead at which forecasts are judged."""
LONGEST = max(HORIZONS)
TELLS_REFERRALS, TELLS_CONTACTS = ("referrals", "flows"), ("contacts", "flows")
FIRST_ORIGIN = 24
"""Months of history before the first forecast: two of every season."""


@dataclass(frozen=True)
class Trial:
    """One place and its origins, [case] or [case, months ahead].

    Attributes:
        place: whose list.
        origins: position of each origin in the place's months.
        levels: the history up to each origin.
        scale: the list at each origin, above 0.
        waiting, referrals, starts: what then happened; NaN where not known.
    """

    place: str
    origins: npt.NDArray[np.int64]
    levels: Levels
    scale: Floats
    waiting: Floats
    referrals: Floats
    starts: Floats

    def run(self, drift: Drift, luck: Luck, known: Known) -> Floats:
        """Lists that the forecast gives, unstretched, [case, replication, months ahead]."""
        given = Given(
            self.referrals if known in TELLS_REFERRALS else None,
            self.starts if known in TELLS_CONTACTS else None,
        )
        return futures(self.levels.state(drift), drift, luck, LONGEST, given).waiting

    def judged(self, known: Known, months: int) -> npt.NDArray[np.bool_]:
        """Cases whose outcome is known, and every flow up to it that is told."""
        there = np.isfinite(self.waiting[:, months - 1])
        if known in TELLS_REFERRALS:
            there = there & np.isfinite(self.referrals[:, :months]).all(axis=1)
        if known in TELLS_CONTACTS:
            there = there & np.isfinite(self.starts[:, :months]).all(axis=1)
        return np.asarray(there)


def trial_of(series: Series, every: int = 1, since: date | None = None) -> Trial | None:
    """The trials of one monthly series, or None where it is too short for any.

    Args:
        every: months between origins.
        since: the first month after an origin begins on this day or later.
    """
    flows = regular(series)
    waiting = flows["waiting"]
    n = len(waiting)
    begun: date = series.table["start"].to_list()[0]
    skip = 0 if since is None else (since.year - begun.year) * 12 + since.month - begun.month - 1
    origins = np.arange(max(FIRST_ORIGIN - 1, skip), n - HORIZONS[0], every)
    if len(origins):
        fine = (waiting[origins] > 0) & np.isfinite(flows["referrals"][origins] + flows["starts"][origins])
        origins = origins[fine]
    if not len(origins):
        return None
    ahead = origins[:, None] + np.arange(1, LONGEST + 1)

    def later(name: str) -> Floats:
        return np.where(ahead < n, flows[name][np.minimum(ahead, n - 1)], np.nan)

    return Trial(
        series.place,
        origins,
        Levels(history(series, origins)),
        waiting[origins],
        later("waiting"),
        later("referrals"),
        later("starts"),
    )


def trials_of(every_series: Sequence[Series], every: int = 1, since: date | None = None) -> list[Trial]:
    """The trials of each series that is long enough."""
    return [trial for one in every_series if (trial := trial_of(one, every, since)) is not None]


def no_change(trial: Trial, months: int, n: int) -> Floats:
    """The list stays as it is, give or take its own past changes over as many months, [case, n]."""
    past = np.log(trial.levels.past.waiting + HALF)
    return _about(past[:, -1], past[:, months:] - past[:, :-months], n)


def last_year(trial: Trial, months: int, n: int) -> Floats:
    """The list is as in the same month a year before, give or take its own past yearly changes, [case, n]."""
    past = np.log(trial.levels.past.waiting + HALF)
    middle = past[:, -1 - LONGEST + months]
    return _about(
        np.where(np.isfinite(middle), middle, past[:, -1]), past[:, LONGEST:] - past[:, :-LONGEST], n
    )


def _about(middle: Floats, changes: Floats, n: int) -> Floats:
    """Futures about a middle, by past changes of both signs."""
    both = np.concatenate([changes, -changes], axis=1)
    at = (np.arange(n) + 0.5) / n
    spread = np.stack([np.quantile(row[np.isfinite(row)], at) for row in both])
    return np.asarray(np.maximum(np.exp(middle[:, None] + spread) - HALF, 0.0))
