"""Would the share within the limit have been right? Forecasts of the past, on places not learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from evi.queues.forecasts.drift import Drift, Known
from evi.queues.forecasts.fitting import QueueFit, fit_series
from evi.queues.forecasts.forecasting import share_now, waits_ahead
from evi.queues.forecasts.histories import regular
from evi.queues.forecasts.limits import TriedLimits, WithinTrial, strayed
from evi.queues.forecasts.lists import Given, Luck, futures
from evi.queues.forecasts.rates import Floats
from evi.queues.forecasts.scoring import covered, crps
from evi.queues.forecasts.trials import FIRST_ORIGIN, HORIZONS, LONGEST
from evi.queues.measuring.series import Series
from evi.workspace import SILENT, EviError, Progress

REPLICATIONS = 200
EVERY = 3
LIMIT_KNOWN: tuple[Known, ...] = ("nothing", "flows")
SEED = 9_230_114


@dataclass(frozen=True)
class LimitJudged:
    """How well the share within the limit was forecast, over all places, each counting alike.

    Attributes:
        known: what was told of the future.
        months: how far ahead. cases: forecasts judged.
        error, no_change: mean |middle - outcome| of the share, by the forecast and by today's share.
        crps: the whole forecast's score.
        inside_80: share of outcomes inside the 80% interval.
    """

    known: Known
    months: int
    cases: int
    error: float
    no_change: float
    crps: float
    inside_80: float


def limit_backtest(
    every_series: Sequence[Series], limit_weeks: int, *, every: int = EVERY, progress: Progress = SILENT
) -> tuple[tuple[LimitJudged, ...], Drift]:
    """Judge the share within a limit that is an edge of the published bands.

    Returns:
        The table, and what all places teach (only `trust` and `stray` of it).

    Raises:
        EviError: no place has bands with such an edge and a history long enough.
    """
    trials: list[WithinTrial] = []
    with progress.task("Forecasting shares within the limit", total=len(every_series)) as advance:
        for series in every_series:
            trials += within_trials(series, limit_weeks, every)
            advance(1)
    places = list(dict.fromkeys(trial.place for trial in trials))
    if len(places) < 2:
        raise EviError(
            f"{len(places)} places have bands that end at {limit_weeks} weeks and a history long enough.",
            where="back-test of shares within the limit",
            do="Give at least two.",
        )
    tried = TriedLimits(trials, Drift(), progress)
    judged: list[tuple[Known, str, int, float, float, float, bool]] = []
    for place in places:
        drift = tried.drift_without(place)
        judged += [row for trial in trials if trial.place == place for row in _judge(trial, drift)]
    return _table(judged), tried.drift_without()


def within_trials(series: Series, limit_weeks: int, every: int = EVERY) -> list[WithinTrial]:
    """The trials of one monthly series; none where its bands have no edge at the limit."""
    bands = series.waiting_bands.items()
    if limit_weeks not in [high for (_, high), _ in bands]:
        return []
    flows = regular(series)
    inside = [name for (_, high), name in bands if high is not None and high <= limit_weeks]
    waiting = flows["waiting"]
    share = np.sum([flows[name] for name in inside], axis=0) / np.where(waiting > 0, waiting, np.nan)
    luck = Luck.draw(REPLICATIONS, LONGEST, Drift().tails, SEED)
    made = []
    for origin in range(FIRST_ORIGIN - 1, len(waiting) - HORIZONS[0], every):
        try:
            fit = fit_series(replace(series, table=series.table.head(origin + 1)))
        except EviError:  # a gap, or no capacity: no forecast could have been made then
            continue
        if fit.n_periods == origin + 1 and np.isfinite(share[origin]):
            made += _trials_at(origin, fit, flows, share, limit_weeks, luck)
    return made


def _trials_at(
    origin: int, fit: QueueFit, flows: dict[str, Floats], share: Floats, limit_weeks: int, luck: Luck
) -> list[WithinTrial]:
    """What could have been said on one day, with nothing known and with flows known."""
    horizons = np.array(HORIZONS)
    months = origin + np.arange(1, LONGEST + 1)
    referred, started = (_at(flows[name], months) for name in ("referrals", "starts"))
    happened = _at(share, origin + horizons)
    told = np.isfinite(np.cumsum(referred + started))[horizons - 1]
    made = []
    ways: dict[Known, tuple[Given | None, Floats]] = {
        "nothing": (None, happened),
        "flows": (Given(referred[None, :], started[None, :]), np.where(told, happened, np.nan)),
    }
    for known, (given, then) in ways.items():
        if np.isfinite(then).any():
            lists = futures(fit.state, fit.drift, luck, LONGEST, given)
            within, _ = waits_ahead(fit, lists, limit_weeks, SEED)
            now = share_now(fit, limit_weeks)
            made.append(
                WithinTrial(
                    fit.place, known, now, fit.waiting, horizons.astype(float), within[:, horizons - 1], then
                )
            )
    return made


def _at(values: Floats, positions: npt.NDArray[np.int64]) -> Floats:
    """Values at some positions; NaN beyond the end."""
    inside = positions < len(values)
    return np.where(inside, values[np.minimum(positions, len(values) - 1)], np.nan)


def _judge(trial: WithinTrial, drift: Drift) -> list[tuple[Known, str, int, float, float, float, bool]]:
    futures_ = strayed(trial.within, trial.now, trial.children, trial.months, drift).T
    rows = []
    for k, happened in enumerate(trial.happened):
        if np.isfinite(happened):
            one, then = futures_[k : k + 1], np.array([happened])
            rows.append(
                (
                    trial.known,
                    trial.place,
                    int(trial.months[k]),
                    float(abs(np.median(one) - happened)),
                    float(abs(trial.now - happened)),
                    float(crps(one, then)[0]),
                    bool(covered(one, then, 0.8)[0]),
                )
            )
    return rows


def _table(judged: list[tuple[Known, str, int, float, float, float, bool]]) -> tuple[LimitJudged, ...]:
    rows = []
    for known in LIMIT_KNOWN:
        for months in HORIZONS:
            some = [row for row in judged if row[0] == known and row[2] == months]
            places = {row[1] for row in some}
            each = [np.mean([row[3:] for row in some if row[1] == place], axis=0) for place in places]
            means = np.mean(each, axis=0)
            rows.append(LimitJudged(known, months, len(some), *(float(mean) for mean in means)))
    return tuple(rows)
