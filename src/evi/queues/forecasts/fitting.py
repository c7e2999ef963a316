"""Fit a waiting list's rates from its history, each with how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from evi.queues.forecasts.cohorts import WEEKS_A_PERIOD
from evi.queues.forecasts.disciplines import Aged, age_list
from evi.queues.forecasts.drift import Drift, learned_drift
from evi.queues.forecasts.histories import HALF, YEAR, history, regular, state_of
from evi.queues.forecasts.lists import State
from evi.queues.forecasts.rates import Floats, Level
from evi.queues.measuring.series import Period, Series
from evi.workspace import EviError

LEAST_PERIODS: dict[Period, int] = {"month": 12, "week": 26}
"""A shorter history says too little of how rates stray."""
LATEST: dict[Period, int] = {"month": 3, "week": 8}
"""So many periods without any start, at the end, are no capacity."""
MISSED_PERIODS: dict[Period, int] = {"month": 12, "week": 52}
"""Appointments that were missed are read from so many periods."""
BAD_FIT = 3.0
"""From this misfit on (variance ratio) it is said that who is seen next fits badly."""
Z_80 = 1.2815515655446004
"""80% of a normal distribution lies within so many standard deviations."""


@dataclass(frozen=True)
class Estimate:
    """A fitted figure and its interval.

    Attributes:
        name, unit: in plain words.
        value, low, high: the figure, and an interval that should hold the truth.
        level: in what share of cases it should.
    """

    name: str
    value: float
    low: float
    high: float
    unit: str
    level: float = 0.8


@dataclass(frozen=True)
class QueueFit:
    """What a history says of a waiting list on its last day.

    Attributes:
        place, pathway, period, source: of the series.
        first, end: the first day of the history, and the first day after it.
        n_periods: how many periods there are.
        state: levels, seasons and noise, of one case.
        drift: how they will wander, in steps of one month.
        aged: the list by age of wait, for each share of longest-first tried, and how likely each is.
        missed: share of offered appointments that are missed; None where it isn't known.
        estimates: all that was fitted, to be shown.
        notes: what was odd about the history, in sentences.
    """

    place: str
    pathway: str
    period: Period
    source: str
    first: date
    end: date
    n_periods: int
    state: State
    drift: Drift
    aged: Aged
    missed: Estimate | None
    estimates: tuple[Estimate, ...]
    notes: tuple[str, ...]

    @property
    def waiting(self) -> float:
        """Children on the list on the last day."""
        return float(self.state.waiting[0])

    @property
    def weeks_a_period(self) -> float:
        """Length of a period in weeks."""
        return WEEKS_A_PERIOD[self.period]


def fit_series(series: Series, drift: Drift | None = None, *, contacts_given: bool = False) -> QueueFit:
    """Fit referrals, contacts, removals, appointments missed and who is seen next.

    Args:
        drift: how rates wander; what comes with eVI without it.
        contacts_given: the scenario will say how many are seen, so the history may end without capacity.

    Raises:
        EviError: the history is too short, has no list, referrals or starts, or ends without capacity.
    """
    trimmed, notes = _checked(series, contacts_given)
    drift = drift or learned_drift()
    past = history(trimmed)
    state = state_of(past, drift)
    if not np.isfinite(state.removals.mean[0]):
        raise EviError(
            f"no two {series.period}s in a row are complete, so what leaves the list can't be told.",
            where=_where(series),
            do="Fill the gaps.",
        )
    aged = age_list(trimmed)
    if aged.discipline.misfit > BAD_FIT:
        notes.append(
            "No share of longest-first explains contacts by wait well: they stray "
            f"{aged.discipline.misfit:.0f} times as much as luck would have it "
            "(urgent children first, or lists kept by team, for example)."
        )
    missed = _missed(trimmed)
    starts = trimmed.table["start"].to_list()
    if past.waiting.shape[1] < 2 * YEAR[series.period]:
        notes.append(
            f"Less than two years of history, so no season is fitted ({len(starts)} {series.period}s)."
        )
    return QueueFit(
        series.place,
        series.pathway,
        series.period,
        series.source,
        starts[0],
        series.after(starts[-1]),
        past.waiting.shape[1],
        state,
        drift,
        aged,
        missed,
        _estimates(state, aged, missed, series.period),
        (*series.notes, *notes),
    )


def _checked(series: Series, contacts_given: bool) -> tuple[Series, list[str]]:
    """The series up to its last complete period, and what was odd."""
    where, unit = _where(series), series.period
    complete = np.array([row is not None for row in series.table["waiting"]])
    for name in ("referrals", "starts"):
        complete &= series.table[name].is_not_null().to_numpy()
    if not complete.any():
        raise EviError(
            f"no {unit} has the list, the referrals and the starts all three.",
            where=where,
            do="Give all three.",
        )
    last = int(np.flatnonzero(complete)[-1])
    trimmed = Series(
        series.place,
        series.pathway,
        unit,
        series.table.head(last + 1),
        series.waiting_bands,
        series.seen_bands,
        series.source,
        series.notes,
    )
    notes = []
    if last + 1 < len(complete):
        notes.append(f"The last {len(complete) - last - 1} {unit}s are incomplete and left out.")
    known = int(complete[: last + 1].sum())
    if known < LEAST_PERIODS[unit]:
        raise EviError(
            f"{known} complete {unit}s of history are too few to forecast from.",
            where=where,
            do=f"Give at least {LEAST_PERIODS[unit]}.",
        )
    gaps = last + 1 - known + len(trimmed.gaps())
    if gaps:
        notes.append(f"{gaps} {unit}s before the last are missing or incomplete; the levels carry over them.")
    flows = regular(trimmed)
    _check_capacity(flows["starts"], where, unit, notes, contacts_given)
    if flows["referrals"][-LATEST[unit] :].sum() == 0:
        notes.append(f"Nobody was referred in the last {LATEST[unit]} {unit}s.")
    return trimmed, notes


def _check_capacity(starts: Floats, where: str, unit: Period, notes: list[str], contacts_given: bool) -> None:
    none = int((starts == 0).sum())
    if np.nansum(starts[-LATEST[unit] :]) == 0 and not contacts_given:
        raise EviError(
            f"no child started in the last {LATEST[unit]} {unit}s, so there is no capacity to carry forward.",
            where=where,
            do="Say how many will be seen (such as --capacity 20), or forecast from before it stopped.",
        )
    if none:
        notes.append(
            f"No child started in {none} {unit}s; such a {unit} counts only in part towards the level."
        )


def _missed(series: Series) -> Estimate | None:
    """Share of appointments missed, with an interval from how it varies between periods (ratio estimator)."""
    table = series.table.tail(MISSED_PERIODS[series.period]).select("missed", "appointments").drop_nulls()
    offered, missed = table["appointments"].to_numpy(), table["missed"].to_numpy()
    if offered.sum() <= 0 or (missed > offered).any():
        return None
    share = float(missed.sum() / offered.sum())
    stray = missed - share * offered
    n = len(offered)
    sd = float(np.sqrt((stray**2).sum() * n / max(n - 1, 1)) / offered.sum())
    sd = max(sd, float(np.sqrt(share * (1 - share) / offered.sum())))
    low, high = max(share - Z_80 * sd, 0.0), min(share + Z_80 * sd, 1.0)
    return Estimate("appointments missed", share, low, high, "share of those offered")


def _estimates(state: State, aged: Aged, missed: Estimate | None, period: Period) -> tuple[Estimate, ...]:
    made = [
        _rate("referrals", state.referrals, f"children a {period}"),
        _rate("starts", state.starts, f"children a {period}"),
    ]
    mean, sd = float(state.removals.mean[0]), float(state.removals.sd[0])
    made.append(
        Estimate(
            "leave without a start", mean, mean - Z_80 * sd, mean + Z_80 * sd, f"share of the list a {period}"
        )
    )
    if missed is not None:
        made.append(missed)
        slots, share = made[1], missed.value
        made.append(
            Estimate(
                "appointments that this takes",
                slots.value / (1 - share) if share < 1 else float("nan"),
                slots.low / (1 - missed.low) if missed.low < 1 else float("nan"),
                slots.high / (1 - missed.high) if missed.high < 1 else float("nan"),
                f"offered a {period}",
            )
        )
    who = aged.discipline
    if who.periods:
        made.append(Estimate("contacts that go to the longest waiters", who.mean, who.low, who.high, "share"))
    return tuple(made)


def _rate(name: str, level: Level, unit: str) -> Estimate:
    mean, sd = float(level.mean[0]), float(level.sd[0])
    value, low, high = (max(float(np.exp(mean + k * sd)) - HALF, 0.0) for k in (0.0, -Z_80, Z_80))
    return Estimate(name, value, low, high, unit)


def _where(series: Series) -> str:
    return f"{series.pathway}, {series.place}"
