"""What is fitted to a series, and what is said of a history that can't be."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from evi.queues.forecasts.cohorts import (
    WEEKS_A_PERIOD,
    first_cohorts,
    fit_to_bands,
    in_bands,
    longest_weeks,
    share_within,
    step,
)
from evi.queues.forecasts.disciplines import age_list
from evi.queues.forecasts.fitted_network import network_from_fit
from evi.queues.forecasts.fitting import fit_series
from evi.queues.forecasts.forecasting import forecast
from evi.queues.forecasts.scenarios import Scenario
from evi.queues.measuring.series import Series
from evi.queues.simulation.engine import simulate
from evi.workspace import EviError
from tests.queues.made_up_series import made_up

BANDS = [(0, 18), (18, 35), (35, 52), (52, None)]
MONTH = WEEKS_A_PERIOD["month"]


def banded(longest: float, seed: int = 0, months: int = 60, starts: float = 80.0) -> Series:
    """A series with the bands that a list with a known share of longest-first would publish."""
    series = made_up(months, starts=starts, leave=0.02, seed=seed)
    rng = np.random.default_rng(seed)
    flows = {name: series.table[name].to_numpy() for name in ("referrals", "starts", "waiting")}
    cohorts = first_cohorts(flows["waiting"][0], 100.0, 1)
    columns: dict[str, list[float]] = {f"{kind}{k}": [] for kind in "ws" for k in range(4)}
    for t in range(months):
        seen_share = np.full(4, np.nan)
        if t:
            lost = flows["waiting"][t - 1] + flows["referrals"][t] - flows["starts"][t] - flows["waiting"][t]
            numbers = [np.array([x]) for x in (flows["referrals"][t], flows["starts"][t], lost, longest)]
            cohorts, seen = step(cohorts, *numbers)
            seen_share = (seen @ in_bands(seen.shape[1], BANDS, MONTH, seen=True))[0]
            seen_share = rng.multinomial(int(flows["starts"][t]), seen_share / seen_share.sum()).astype(float)
        waiting = (cohorts @ in_bands(cohorts.shape[1], BANDS, MONTH))[0]
        for k in range(4):
            columns[f"w{k}"].append(float(waiting[k]))
            columns[f"s{k}"].append(float(seen_share[k]))
    table = series.table.with_columns(pl.Series(name, each).fill_nan(None) for name, each in columns.items())
    waits, seen_names = ({band: f"{kind}{k}" for k, band in enumerate(BANDS)} for kind in "ws")
    return replace(series, table=table, waiting_bands=waits, seen_bands=seen_names)


@pytest.mark.parametrize("longest", [0.0, 0.3, 0.7, 1.0])
def test_the_share_of_longest_first_is_found(longest: float) -> None:
    who = age_list(banded(longest)).discipline
    assert who.mean == pytest.approx(longest, abs=0.06)
    assert who.low - 0.05 <= longest <= who.high + 0.05
    assert who.periods > 20


def test_without_bands_any_share_is_as_likely() -> None:
    aged = age_list(made_up())
    assert aged.discipline.periods == 0
    assert (aged.discipline.low, aged.discipline.high) == pytest.approx((0.1, 0.9), abs=0.03)
    assert aged.cohorts.sum(axis=1) == pytest.approx(made_up().table["waiting"][-1])


def test_a_step_keeps_children_and_takes_the_longest_first() -> None:
    cohorts = np.array([[5.0, 10.0, 20.0]])
    after, seen = step(cohorts, np.array([8.0]), np.array([7.0]), np.array([0.0]), np.array([1.0]))
    assert seen[0] == pytest.approx([5, 2, 0, 0])
    assert after[0] == pytest.approx([0, 8, 20, 8])
    after, seen = step(cohorts, np.array([0.0]), np.array([7.0]), np.array([7.0]), np.array([0.0]))
    assert seen[0, :3] / seen.sum() == pytest.approx(cohorts[0] / 35)
    assert after.sum() + seen.sum() == pytest.approx(28)


def test_ages_in_weeks() -> None:
    cohorts = np.array([[1.0, 3.0, 4.0]])
    assert share_within(cohorts, 4.0, 4.0)[0] == pytest.approx(0.5)
    assert share_within(cohorts, 6.0, 4.0)[0] == pytest.approx((4 + 1.5) / 8)
    assert longest_weeks(cohorts, 4.0)[0] == 10.0
    assert longest_weeks(np.zeros((1, 3)), 4.0)[0] == 0.0
    assert share_within(np.zeros((1, 3)), 4.0, 4.0)[0] == 1.0


def test_bands_are_met() -> None:
    inside = in_bands(20, BANDS, MONTH)
    assert inside.sum(axis=1) == pytest.approx(1.0)
    fitted = fit_to_bands(np.ones((2, 20)), inside, np.array([50.0, 30.0, 0.0, 20.0]))
    assert fitted.sum(axis=1) == pytest.approx(100)
    assert (fitted @ inside)[0] == pytest.approx([50, 30, 0, 20], abs=6)


def test_estimates_and_network_agree_with_the_truth() -> None:
    rows = {"missed": 10.0, "appointments": 90.0}
    series = banded(0.5, months=96)
    table = series.table.with_columns(**{name: pl.lit(value) for name, value in rows.items()})
    fit = fit_series(replace(series, table=table))
    by = {one.name: one for one in fit.estimates}
    assert by["referrals"].value == pytest.approx(100, rel=0.1)
    assert by["appointments missed"].value == pytest.approx(1 / 9)
    assert by["appointments that this takes"].value == pytest.approx(by["starts"].value * 9 / 8)
    network = network_from_fit(fit, limit_weeks=18)
    pool = network.pools[0]
    assert network.start.weekday() == 0
    assert network.arrivals[0].weekly == pytest.approx(by["referrals"].value / MONTH)
    assert pool.supply.slots_per_week[0] * (1 - pool.missed) == pytest.approx(by["starts"].value / MONTH)
    assert sum(n for _, n in network.backlog[0].ages) == round(fit.waiting)
    assert pool.discipline.longest == pytest.approx(0.5, abs=0.06)
    paths = simulate(network, 26, 40, 1)
    assert paths.waiting[:, 25, 0].mean() == pytest.approx(fit.waiting, rel=0.25)


def with_column(series: Series, name: str, values: list[float | None]) -> Series:
    return replace(series, table=series.table.with_columns(pl.Series(name, values, dtype=pl.Float64)))


def test_a_short_history_is_refused() -> None:
    with pytest.raises(EviError, match="11 complete months of history are too few") as error:
        fit_series(made_up(11))
    assert "at least 12" in str(error.value)


def test_a_history_without_starts_is_refused() -> None:
    series = made_up(30)
    with pytest.raises(EviError, match="no month has the list, the referrals and the starts"):
        fit_series(with_column(series, "starts", [None] * 30))


def test_no_capacity_at_the_end_is_refused_and_in_the_middle_is_told() -> None:
    series = made_up(30)
    starts = series.table["starts"].to_list()
    with pytest.raises(EviError, match="no child started in the last 3 months"):
        fit_series(with_column(series, "starts", [*starts[:-3], 0, 0, 0]))
    fit = fit_series(with_column(series, "starts", [*starts[:-3], 0, 0, 0]), contacts_given=True)
    told = forecast(fit, Scenario(contacts=(50.0,)), months=3, replications=50)
    assert told.starts == pytest.approx(50.0)
    fit = fit_series(with_column(series, "starts", [*starts[:10], 0, *starts[11:]]))
    assert any("No child started in 1 months" in note for note in fit.notes)


def test_gaps_and_an_incomplete_end_are_told() -> None:
    series = made_up(40)
    fit = fit_series(replace(series, table=series.table.filter(pl.col("start") != series.table["start"][20])))
    assert any("1 months before the last are missing" in note for note in fit.notes)
    waiting = series.table["waiting"].to_list()
    fit = fit_series(with_column(series, "waiting", [*waiting[:-2], None, None]))
    assert any("The last 2 months are incomplete" in note for note in fit.notes)
    assert fit.end == date(2018, 3, 1)


def test_negative_counts_never_reach_the_fit() -> None:
    series = made_up(30)
    with pytest.raises(EviError, match="referrals is below 0"):
        with_column(series, "referrals", [-1.0, *series.table["referrals"].to_list()[1:]])
