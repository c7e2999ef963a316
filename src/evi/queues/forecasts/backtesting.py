"""Would the forecast have been right? Rolling origins, on places from which nothing was learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from evi.queues.forecasts.drift import KNOWN, Drift, Known
from evi.queues.forecasts.learning import stretched, try_drifts, widen
from evi.queues.forecasts.lists import Luck
from evi.queues.forecasts.scoring import LEVELS, Score, score
from evi.queues.forecasts.trials import (
    FIRST_ORIGIN,
    HORIZONS,
    LONGEST,
    Trial,
    last_year,
    no_change,
    trials_of,
)
from evi.queues.measuring.series import Series
from evi.workspace import SILENT, EviError, Progress

REPLICATIONS = 300
SEED = 7_041_906
LEARN_EVERY = 3
"""Months between origins from which drift is learned; neighbours say nearly the same."""
FORECAST, NO_CHANGE, LAST_YEAR = "forecast", "no change", "last year"
ALL = "all, each place alike"


@dataclass(frozen=True)
class Judged:
    """How one method did at one horizon, at one place or over all.

    Attributes:
        known: what was told of the future.
        method: the forecast, or one of two plain rules.
        months: how far ahead.
        place: where, or `ALL`.
        cases: forecasts judged.
        error: mean |middle - outcome| as a share of the list on the day of the forecast.
        crps: the whole forecast's score, as a share of the same; less is better.
        inside_50, inside_80, inside_95: share of outcomes inside those intervals.
    """

    known: Known
    method: str
    months: int
    place: str
    cases: int
    error: float
    crps: float
    inside_50: float
    inside_80: float
    inside_95: float


@dataclass(frozen=True)
class Backtest:
    """What a back-test found.

    Attributes:
        rows: over all places, each counting alike.
        by_place: the same at each place.
        drifts: what was learned from all the other places, by place left out.
        drift: what is learned from all of them, for use elsewhere.
        left_out: places whose history is too short to judge.
        notes: what a reader must know to read the table.
    """

    rows: tuple[Judged, ...]
    by_place: tuple[Judged, ...]
    drifts: Mapping[str, Drift]
    drift: Drift
    left_out: tuple[str, ...]
    notes: tuple[str, ...]

    def find(self, known: Known, method: str, months: int, place: str = ALL) -> Judged:
        """One row."""
        for row in (*self.rows, *self.by_place):
            if (row.known, row.method, row.months, row.place) == (known, method, months, place):
                return row
        raise EviError(f"holds no {method} at {months} months for {place}.", where="back-test")

    def as_json(self) -> dict[str, object]:
        """As plain values."""
        return {
            "rows": [asdict(row) for row in self.rows],
            "by_place": [asdict(row) for row in self.by_place],
            "drift_by_place_left_out": {place: asdict(drift) for place, drift in self.drifts.items()},
            "drift": asdict(self.drift),
            "left_out": list(self.left_out),
            "notes": list(self.notes),
        }


def backtest(
    every_series: Sequence[Series],
    *,
    replications: int = REPLICATIONS,
    every: int = 1,
    learn_every: int = LEARN_EVERY,
    learn_before: date | None = None,
    progress: Progress = SILENT,
) -> Backtest:
    """Forecast every past month of every place with what was known then, and judge.

    What a place itself had seen by the origin gives its levels, seasons and noise. How far rates wander, how
    fast a list settles and how wide intervals must be are learned from all the *other* places (their whole
    history: so a place in 2015 is forecast with drift that others also learned from 2020).

    Args:
        replications: futures of each forecast.
        every: months between origins.
        learn_before: learn only from what other places had seen before this day, and judge only forecasts
            made from then on: nothing of the future, of any place, is then used.

    Raises:
        EviError: fewer than two places have a history long enough, or one isn't monthly.
    """
    if any(one.period != "month" for one in every_series):
        raise EviError("a back-test needs monthly series.", do="Add up weeks to months first.")
    trials = trials_of(every_series, every, learn_before)
    past = every_series if learn_before is None else [_before(one, learn_before) for one in every_series]
    teachers = trials if learn_before is None else trials_of(past, every)
    if len(teachers) < 2 or not trials:
        raise EviError(
            f"{len(teachers)} of {len(every_series)} places have a history long enough to learn from.",
            where="back-test",
            do=f"Give at least two places with more than {FIRST_ORIGIN + HORIZONS[0]} months each.",
        )
    tried = try_drifts(trials_of(past, learn_every), progress)
    luck = Luck.draw(replications, LONGEST, Drift().tails, SEED)
    drifts, by_place = {}, []
    with progress.task("Judging places", total=len(trials) + 1) as advance:
        for trial in trials:
            others = [other for other in teachers if other.place != trial.place]
            drifts[trial.place] = widen(others, tried.drift(without=trial.place), luck)
            by_place += _judge(trial, drifts[trial.place], luck)
            advance(1)
        drift = widen(teachers, tried.drift(), luck)
        advance(1)
    places = [trial.place for trial in trials]
    left_out = tuple(one.place for one in every_series if one.place not in places)
    return Backtest(
        tuple(_over_all(by_place)),
        tuple(by_place),
        drifts,
        replace(drift, source=_source(every_series, places)),
        left_out,
        _notes(trials, learn_before),
    )


def _judge(trial: Trial, drift: Drift, luck: Luck) -> list[Judged]:
    rows = []
    for known in KNOWN:
        lists = stretched(trial.run(drift, luck, known), drift.stretch(known, np.arange(1.0, LONGEST + 1)))
        n = lists.shape[1]
        for months in HORIZONS:
            there = trial.judged(known, months)
            if not there.any():
                continue
            ways = {FORECAST: lists[:, :, months - 1], NO_CHANGE: no_change(trial, months, n)}
            if known in {"nothing", "flows"}:
                ways[LAST_YEAR] = last_year(trial, months, n)
            for method, futures in ways.items():
                found = score(futures[there], trial.waiting[there, months - 1], trial.scale[there])
                rows.append(_row(known, method, months, trial.place, found))
    return rows


def _row(known: Known, method: str, months: int, place: str, found: Score) -> Judged:
    return Judged(known, method, months, place, found.cases, found.error, found.crps, *found.coverage)


def _over_all(rows: Sequence[Judged]) -> list[Judged]:
    """Means over places, each counting alike."""
    keys = dict.fromkeys((row.known, row.method, row.months) for row in rows)
    made = []
    for known, method, months in keys:
        some = [row for row in rows if (row.known, row.method, row.months) == (known, method, months)]
        inside = [
            float(np.mean([getattr(row, f"inside_{level:.0f}") for row in some])) for level in _percent()
        ]
        error, crps = (float(np.mean([getattr(row, name) for row in some])) for name in ("error", "crps"))
        found = Score(sum(row.cases for row in some), error, crps, tuple(inside))
        made.append(_row(known, method, months, ALL, found))
    return made


def _percent() -> list[float]:
    return [100 * level for level in LEVELS]


def _source(every_series: Sequence[Series], places: Sequence[str]) -> str:
    sources = sorted({one.source or one.pathway for one in every_series})
    first = min(one.table["start"].to_list()[0] for one in every_series)
    last = max(one.table["start"].to_list()[-1] for one in every_series)
    return f"{', '.join(sources)}: {len(places)} places, {first:%B %Y} to {last:%B %Y}"


def _before(series: Series, day: date) -> Series:
    return replace(series, table=series.table.filter(pl.col("start") < day))


def _notes(trials: Sequence[Trial], learn_before: date | None) -> tuple[str, ...]:
    learned = "over their whole history" if learn_before is None else f"before {learn_before:%B %Y} only"
    cases = sum(len(trial.origins) for trial in trials)
    return (
        f"{cases} forecasts at {len(trials)} places; neighbouring ones share most of their future, so they "
        "count for far fewer.",
        f"Drift, settling and widths were learned from the other places, {learned}.",
        "'referrals', 'contacts': told those that then happened; 'flows': told both, so that only who else "
        "leaves must be guessed.",
        "The interval of 'no change' is the place's own past changes over as many months.",
        "'last year' is the same month a year before; at 12 months it is the same as 'no change'.",
    )
