"""From a series of aggregates to the state of a list on one day, or on many days of a back-test at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evi.queues.forecasts.drift import Drift
from evi.queues.forecasts.lists import State
from evi.queues.forecasts.rates import Floats, Level, local_level, season, without_season
from evi.queues.measuring.series import Period, Series

YEAR: dict[Period, int] = {"month": 12, "week": 52}
"""Periods in a year."""
HALF = 0.5
"""Added before taking logs, so that a month of none has one."""
LEAST_NOISE = 0.01
"""The least that a period's removals stray, as a share of the list."""


@dataclass(frozen=True)
class History:
    """What had happened by each origin, [case, period], aligned on the right; NaN where not known.

    Attributes:
        waiting: children on the list at each period's end.
        referrals, starts: of each period.
        removed_share: children who left without a start, by what the list must have lost, as a share of the
            list before and half of the referrals since; below 0 where a list grew by more than it was sent.
        period: week or month.
    """

    waiting: Floats
    referrals: Floats
    starts: Floats
    removed_share: Floats
    period: Period


def history(series: Series, origins: npt.NDArray[np.int64] | None = None) -> History:
    """The history of a series up to its last period, or to each of some (positions in `regular(series)`)."""
    flows = regular(series)
    n = len(flows["waiting"])
    origins = np.array([n - 1], np.int64) if origins is None else origins
    before = np.r_[np.nan, flows["waiting"][:-1]]
    lost = before + flows["referrals"] - flows["starts"] - flows["waiting"]
    lost = np.where(np.isfinite(lost), lost, flows["removals"])
    share = lost / np.maximum(before + flows["referrals"] / 2, 1.0)
    longest = int(origins.max()) + 1
    index = np.arange(longest)[None, :] - (longest - 1) + origins[:, None]

    def rows(values: Floats) -> Floats:
        return np.where(index >= 0, values[np.maximum(index, 0)], np.nan)

    return History(
        rows(flows["waiting"]), rows(flows["referrals"]), rows(flows["starts"]), rows(share), series.period
    )


def regular(series: Series) -> dict[str, Floats]:
    """The series' columns with every period between first and last there; NaN where not known."""
    starts = series.table["start"].to_list()
    due, position = [starts[0]], {starts[0]: 0}
    while due[-1] < starts[-1]:
        due.append(series.after(due[-1]))
        position[due[-1]] = len(due) - 1
    at = np.array([position[start] for start in starts])
    made = {}
    for name in series.table.columns:
        if series.table[name].dtype.is_numeric():
            column = np.full(len(due), np.nan)
            column[at] = series.table[name].fill_null(float("nan")).to_numpy()
            made[name] = column
    return made


def state_of(past: History, drift: Drift) -> State:
    """Levels, seasons and noise of each case, by a drift in steps of one month."""
    return Levels(past).state(drift)


class Levels:
    """A history made ready, so that many drifts can be tried on it."""

    def __init__(self, past: History) -> None:
        self.past = past
        year = YEAR[past.period]
        self._logs = {name: np.log(getattr(past, name) + HALF) for name in ("referrals", "starts")}
        self._seasons = {name: season(logs, year) for name, logs in self._logs.items()}
        self._flat = {name: without_season(logs, self._seasons[name]) for name, logs in self._logs.items()}
        self._floor = {
            name: 1 / np.sqrt(np.maximum(np.nanmean(np.exp(logs), axis=1), 1.0))
            for name, logs in self._logs.items()
        }
        ordered = np.nanmedian(past.removed_share, axis=1)
        self._usual_share = np.maximum(np.where(np.isfinite(ordered), ordered, 0.0), 0.0)
        self._seen: dict[tuple[str, float], Level] = {}

    def state(self, drift: Drift) -> State:
        """Where each case stood; a level that was worked out for the same drift before is used again."""
        drift = drift.per(self.past.period)
        return State(
            waiting=self.past.waiting[:, -1],
            referrals=self._level("referrals", drift.referrals),
            starts=self._level("starts", drift.starts),
            removals=self._removals(drift.removals),
            season_referrals=self._seasons["referrals"],
            season_starts=self._seasons["starts"],
        )

    def _level(self, name: str, sd: float) -> Level:
        if (name, sd) not in self._seen:
            flat = self._flat[name]
            self._seen[name, sd] = local_level(flat, np.full(len(flat), sd), self._floor[name])
        return self._seen[name, sd]

    def _removals(self, relative: float) -> Level:
        if ("removals", relative) not in self._seen:
            sd = relative * (0.03 + self._usual_share)
            floor = np.full(len(sd), LEAST_NOISE)
            self._seen["removals", relative] = local_level(self.past.removed_share, sd, floor)
        return self._seen["removals", relative]
