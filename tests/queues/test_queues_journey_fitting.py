"""What is fitted to children's journeys, where the truth is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from evi.queues.forecasts.fitted_network import network_from_fit
from evi.queues.forecasts.fitting import fit_series
from evi.queues.forecasts.forecasting import forecast, share_now
from evi.queues.forecasts.journey_ages import with_journeys
from evi.queues.forecasts.journey_fitting import fit_journeys
from evi.queues.simulation.engine import simulate
from evi.synthetic import pathway
from evi.synthetic.calendar import HISTORY_START, NEVER, as_date
from evi.workspace import EviError
from tests.queues.made_up_journeys import Truth, journeys_of
from tests.queues.made_up_series import made_up

RUNS = 60


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """80% intervals, over repeated simulations: binomial(60, .8) lies in 38 to 57 with 99.9% chance."""
    truth = Truth()
    held: dict[str, list[bool]] = {}
    for seed in range(RUNS):
        table, day, missed_on = journeys_of(truth, seed)
        fit = fit_journeys(table, day, missed_on=missed_on, removal_from=(0, 26))
        assert fit.next_seen is not None
        for name, one, true in (
            ("referrals", fit.referrals, truth.referrals),
            ("missed", fit.missed, truth.missed),
            ("leave early", fit.removal[0].chance, truth.removal[0]),
            ("leave late", fit.removal[1].chance, truth.removal[26]),
            ("longest", fit.next_seen.longest, truth.longest),
        ):
            held.setdefault(name, []).append(one.low <= true <= one.high)
        assert fit.slots.value == pytest.approx(truth.slots, abs=0.01)
    assert {name: 38 <= sum(each) <= 57 for name, each in held.items()} == dict.fromkeys(held, True)


def test_without_the_days_of_missed_appointments_slots_are_less_sure() -> None:
    table, day, missed_on = journeys_of(Truth(), 3)
    dated, undated = fit_journeys(table, day, missed_on=missed_on), fit_journeys(table, day)
    assert undated.slots.low <= 27 <= undated.slots.high
    assert undated.slots.high - undated.slots.low > dated.slots.high - dated.slots.low


@pytest.mark.parametrize("longest", [0.0, 0.9])
def test_who_is_seen_next(longest: float) -> None:
    table, day, _ = journeys_of(Truth(longest=longest), 1)
    fit = fit_journeys(table, day)
    assert fit.next_seen is not None
    shares = fit.next_seen
    assert shares.longest.value == pytest.approx(longest, abs=0.05)
    assert shares.longest.value + shares.first.value + shares.random.value == pytest.approx(1)


def test_a_forecast_takes_ages_and_who_is_next_from_journeys() -> None:
    table, day, missed_on = journeys_of(Truth(), 2)
    children = fit_journeys(table, day, missed_on=missed_on)
    months = fit_series(made_up())
    fit = with_journeys(months, children)
    assert fit.aged.discipline.mean == pytest.approx(0.5, abs=0.05)
    assert fit.aged.cohorts.sum(axis=1) == pytest.approx(months.waiting)
    share = children.ages[:13].sum() / children.ages.sum()
    assert share_now(fit, 13) == pytest.approx(share, abs=0.03)
    assert forecast(fit, months=2, replications=20).waiting.shape == (20, 2)
    flat = with_journeys(months, replace(children, next_seen=None))
    assert flat.aged.discipline.periods == 0


def test_the_network_of_a_fit_goes_on_as_the_list_did() -> None:
    """One list of 150 weeks, fitted; its network's next 50 weeks against the same list's own 200 weeks."""
    truth = Truth()
    whole, _, _ = journeys_of(truth, 5)
    cut = date(2020, 1, 6) + timedelta(weeks=150)
    table, day, missed_on = journeys_of(Truth(weeks=150), 5)
    assert day == cut
    fit = fit_journeys(table, day, missed_on=missed_on, weeks=150)
    assert fit.ages.sum() == (table["started"].is_null() & table["removed"].is_null()).sum()
    network = network_from_fit(fit, limit_weeks=13)
    paths = simulate(network, 50, 60, 2)
    then = (whole["started"].is_null() & whole["removed"].is_null()).sum()
    ends = paths.waiting[:, -1, 0]
    assert abs(ends.mean() - then) < 4.5 * np.hypot(ends.std(), 50)


def test_the_made_up_districts_pathway_is_recovered() -> None:
    """The synthetic pathway's queue, with 30 referrals a week: its figures lie in 99.9% intervals."""
    size = pathway.WEEKS * 30
    rng = np.random.default_rng(4)
    referred = np.sort(rng.integers(HISTORY_START, HISTORY_START + pathway.WEEKS * 7, size)).astype(np.int32)
    queue = pathway.run_queue(rng, referred)
    missed = np.bincount(queue.missed_row, minlength=size)
    table = pl.DataFrame(
        {
            "referred": days_of(referred),
            "started": days_of(queue.assessed),
            "removed": days_of(queue.removed),
            "offered": missed + (queue.assessed < NEVER),
            "missed": missed,
        }
    )
    policy, weeks = pathway.policy(), 156
    steps = [int(band["from_week"]) for band in policy.removal]
    fit = fit_journeys(
        table,
        as_date(HISTORY_START + pathway.WEEKS * 7),
        missed_on=days_of(queue.missed_day).to_list(),
        removal_from=steps,
        weeks=weeks,
        level=0.999,
    )
    assert fit.missed.low <= policy.missed <= fit.missed.high
    assert fit.slots.value == pytest.approx(queue.slots[-weeks:].mean())
    assert fit.referrals.low <= 30 <= fit.referrals.high
    hazard = policy.hazard.sum(axis=1)
    for step in fit.removal[1:]:
        assert step.chance.low <= hazard[step.from_week] <= step.chance.high
    assert fit.next_seen is not None
    assert fit.next_seen.ready_from_weeks == policy.earliest_weeks
    assert fit.next_seen.longest.value == pytest.approx(policy.discipline["longest"], abs=0.08)


def days_of(days: np.ndarray) -> pl.Series:
    return pl.Series([None if day >= NEVER else as_date(int(day)) for day in days], dtype=pl.Date)


def test_only_whole_weeks_before_the_day_are_read() -> None:
    table, day, _ = journeys_of(Truth(weeks=60), 1)
    later = fit_journeys(table, day + timedelta(days=3))
    assert later.end == day
    earlier = fit_journeys(table, day - timedelta(days=10))
    assert earlier.end == day - timedelta(weeks=2)
    assert any("are left out" in note for note in earlier.notes)


def test_a_list_that_runs_out_is_told() -> None:
    table, day, _ = journeys_of(Truth(slots=60, weeks=60), 1)
    fit = fit_journeys(table, day)
    assert any("all but ran out" in note for note in fit.notes)
    assert fit.next_seen is None


def rows(**columns: list[object]) -> pl.DataFrame:
    dates = dict.fromkeys(("referred", "started", "removed"), pl.Date)
    schema = {**dates, "offered": pl.Int32, "missed": pl.Int32}
    return pl.DataFrame(columns, schema=schema, strict=False)


DAY = date(2024, 1, 1)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (rows(referred=[], started=[], removed=[], offered=[], missed=[]), "there are no referrals"),
        (pl.DataFrame({"referred": [DAY]}), "have no column started, removed, offered, missed"),
        (
            rows(referred=[DAY], started=[DAY - timedelta(days=1)], removed=[None], offered=[1], missed=[0]),
            "1 referrals have no date, or end before they begin",
        ),
        (
            rows(referred=[DAY], started=[None], removed=[None], offered=[0], missed=[0]),
            "there is no capacity",
        ),
        (
            rows(referred=[DAY] * 2, started=[DAY, None], removed=[None] * 2, offered=[1, 0], missed=[3, 0]),
            "more appointments were missed than offered",
        ),
    ],
)
def test_journeys_that_cannot_be_fitted(table: pl.DataFrame, says: str) -> None:
    with pytest.raises(EviError, match=says):
        fit_journeys(table, DAY + timedelta(weeks=40))


def test_too_few_weeks() -> None:
    table, day, _ = journeys_of(Truth(weeks=20), 1)
    with pytest.raises(EviError, match="20 whole weeks of referrals are too few"):
        fit_journeys(table, day)
