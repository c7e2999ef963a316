"""Levels, seasons and the model of the list."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evi.queues.forecasts.drift import Drift, learned_drift
from evi.queues.forecasts.histories import history, regular, state_of
from evi.queues.forecasts.learning import stretched
from evi.queues.forecasts.lists import Given, Luck, futures
from evi.queues.forecasts.rates import local_level, season, without_season
from evi.workspace import EviError
from tests.queues.made_up_series import made_up


def test_a_level_finds_a_constant_and_knows_how_sure_it_is() -> None:
    rng = np.random.default_rng(1)
    history_ = 2 + 0.3 * rng.standard_normal((400, 60))
    level = local_level(history_, np.zeros(400), np.full(400, 1e-6))
    away = (level.mean - 2) / level.sd
    assert abs(level.mean.mean() - 2) < 0.01
    assert level.noise_sd.mean() == pytest.approx(0.3, abs=0.02)
    assert 0.8 < away.std() < 1.25


def test_a_level_follows_a_drift_with_honest_uncertainty() -> None:
    rng = np.random.default_rng(2)
    truth = np.cumsum(0.1 * rng.standard_normal((500, 80)), axis=1)
    seen = truth + 0.2 * rng.standard_normal(truth.shape)
    level = local_level(seen, np.full(500, 0.1), np.full(500, 1e-6))
    inside = np.abs(level.mean - truth[:, -1]) < 1.2816 * level.sd
    assert 0.74 < inside.mean() < 0.86


def test_one_wild_month_moves_a_level_little() -> None:
    rng = np.random.default_rng(3)
    calm = 5 + 0.1 * rng.standard_normal((1, 40))
    wild = calm.copy()
    wild[0, -1] = 1.0
    before = local_level(calm, np.array([0.03]), np.array([0.01]))
    after = local_level(wild, np.array([0.03]), np.array([0.01]))
    assert abs(after.mean[0] - before.mean[0]) < 0.15


def test_gaps_carry_the_level_and_make_it_less_sure() -> None:
    full = 5 + 0.1 * np.random.default_rng(4).standard_normal((1, 40))
    gap = full.copy()
    gap[0, -6:] = np.nan
    sure, unsure = (local_level(one, np.array([0.05]), np.array([0.01])) for one in (full, gap))
    assert unsure.sd[0] > sure.sd[0]
    assert unsure.mean[0] == pytest.approx(5, abs=0.2)


def test_histories_of_any_length_share_a_matrix() -> None:
    """A case in a matrix of longer ones fits as it would alone."""
    rows = np.random.default_rng(5).standard_normal((1, 30))
    padded = np.concatenate([np.full((1, 25), np.nan), rows], axis=1)
    alone, among = (local_level(one, np.array([0.1]), np.array([0.01])) for one in (rows, padded))
    assert among.mean == pytest.approx(alone.mean)
    assert among.sd == pytest.approx(alone.sd)


def test_a_season_is_found_and_taken_out() -> None:
    months = np.arange(72)
    wave = 0.3 * np.cos(2 * np.pi * months / 12)
    factors = season((3 + wave)[None, :], 12)
    ahead = 0.3 * np.cos(2 * np.pi * (72 + np.arange(12)) / 12)
    assert np.corrcoef(factors[0], ahead)[0, 1] > 0.999
    assert np.ptp(factors[0]) < np.ptp(ahead)
    assert without_season((3 + wave)[None, :], factors).std() < wave.std() / 2
    assert not season((3 + wave)[None, :20], 12).any()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 0.2), st.floats(0, 0.2), st.floats(0, 1))
def test_every_future_adds_up(seed: int, referrals: float, removals: float, settle: float) -> None:
    drift = Drift(referrals, 0.05, removals, settle)
    state = state_of(history(made_up(seed=seed % 7)), drift)
    lists = futures(state, drift, Luck.draw(40, 18, 4.0, seed), 18)
    before = np.concatenate(
        [np.repeat(state.waiting[:, None, None], 40, 1), lists.waiting[:, :, :-1]], axis=2
    )
    assert lists.waiting == pytest.approx(before + lists.referrals - lists.starts - lists.removals)
    assert (lists.waiting >= 0).all()
    assert (lists.starts <= before + lists.referrals + 1e-9).all()


def test_a_longer_horizon_only_adds_to_the_luck() -> None:
    short, long = Luck.draw(10, 3, 4.0, 9), Luck.draw(10, 8, 4.0, 9)
    assert (short.steps == long.steps[:, :3]).all()
    assert (short.noise == long.noise[:, :3]).all()


def test_known_flows_leave_only_removals_to_chance() -> None:
    state = state_of(history(made_up(leave=0.05)), Drift(removals=0.0))
    state = replace(state, removals=replace(state.removals, sd=np.zeros(1), noise_sd=np.zeros(1)))
    given = Given(np.full((1, 6), 90.0), np.full((1, 6), 70.0))
    lists = futures(state, Drift(removals=0.0), Luck.draw(20, 6, 4.0, 1), 6, given)
    assert np.ptp(lists.waiting, axis=1) == pytest.approx(0.0)
    share = state.removals.mean[0]
    want = state.waiting[0]
    for _ in range(6):
        want += 20 - share * (want + 45)
    assert lists.waiting[0, 0, -1] == pytest.approx(want)


def test_the_fit_finds_the_rates() -> None:
    state = state_of(history(made_up(months=120, seed=3)), Drift(0.01, 0.01, 0.02))
    assert np.exp(state.referrals.mean[0]) == pytest.approx(100, rel=0.08)
    assert np.exp(state.starts.mean[0]) == pytest.approx(80, rel=0.08)
    assert state.removals.mean[0] == pytest.approx(0.05, abs=0.012)


def test_stretching_keeps_order_and_middle() -> None:
    lists = np.abs(np.random.default_rng(1).normal(100, 30, (1, 51, 2)))
    wide = stretched(lists, np.array([1.0, 1.5]))
    assert wide[..., 0] == pytest.approx(lists[..., 0])
    assert np.median(wide[..., 1]) == pytest.approx(np.median(lists[..., 1]))
    assert (np.argsort(wide[0, :, 1]) == np.argsort(lists[0, :, 1])).all()
    assert np.ptp(np.log1p(wide[..., 1])) == pytest.approx(1.5 * np.ptp(np.log1p(lists[..., 1])))


def test_gaps_in_a_series_are_periods_without_numbers() -> None:
    series = made_up(30)
    holed = replace(
        series, table=series.table.filter(~series.table["start"].is_in(series.table["start"][10:12]))
    )
    assert len(regular(holed)["waiting"]) == 30
    assert np.isnan(regular(holed)["waiting"][10:12]).all()


def test_drift_that_ships_reads_and_writes() -> None:
    drift = learned_drift()
    assert Drift.from_yaml(drift.to_yaml()) == drift
    assert "Public Health Scotland" in drift.source
    assert drift.stretch("nothing", np.array([3.0, 6.0]))[1] == pytest.approx(drift.widen["nothing"][6])
    assert Drift().stretch("flows", np.array([5.0])) == 1.0


def test_drift_scales_with_the_period() -> None:
    weekly = Drift(0.1, 0.1, 0.1, 0.5).per("week")
    assert weekly.referrals * np.sqrt(365.25 / 84) == pytest.approx(0.1)
    assert weekly.settle ** (365.25 / 84) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "text", ["referrals: -1", "nonsense: 3", "[1, 2]", "settle: 2", "a: [", "tails: many"]
)
def test_nonsense_is_no_drift(text: str) -> None:
    with pytest.raises(EviError):
        Drift.from_yaml(text)
