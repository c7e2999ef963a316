"""Scores of forecasts against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from evi.queues.forecasts.scoring import covered, crps, interval, quantile_loss, score
from evi.workspace import EviError


def test_crps_of_a_normal_is_its_closed_form() -> None:
    """Gneiting and Raftery 2007: sd (z (2 Phi(z) - 1) + 2 phi(z) - 1/sqrt(pi))."""
    futures = np.repeat(norm.ppf((np.arange(4000) + 0.5) / 4000)[None, :] * 3 + 10, 4, axis=0)
    happened = np.array([10.0, 12.0, 3.0, 19.0])
    z = (happened - 10) / 3
    closed = 3 * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
    assert crps(futures, happened) == pytest.approx(closed, abs=2e-3)


def test_crps_of_few_futures_is_unbiased() -> None:
    rng = np.random.default_rng(4)
    few = crps(rng.standard_normal((40_000, 5)), np.full(40_000, 0.5))
    closed = 0.5 * (2 * norm.cdf(0.5) - 1) + 2 * norm.pdf(0.5) - 1 / np.sqrt(np.pi)
    assert abs(few.mean() - closed) < 4.5 * few.std() / np.sqrt(len(few))


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12), st.floats(-1e3, 1e3))
def test_crps_agrees_with_its_definition(futures: list[float], happened: float) -> None:
    x = np.array(futures)
    pairs = np.abs(x[:, None] - x[None, :]).sum() / (len(x) * (len(x) - 1))
    assert crps(x[None, :], np.array([happened]))[0] == pytest.approx(
        np.abs(x - happened).mean() - pairs / 2, abs=1e-8
    )


def test_of_one_future_crps_is_the_error() -> None:
    assert crps(np.array([[4.0]]), np.array([7.0]))[0] == 3.0


def test_interval_and_coverage() -> None:
    futures = np.arange(101.0)[None, :]
    low, high = interval(futures, 0.8)
    assert (low[0], high[0]) == pytest.approx((10.0, 90.0))
    assert covered(futures, np.array([10.0]), 0.8)[0]
    assert not covered(futures, np.array([9.0]), 0.8)[0]


@given(st.floats(0.02, 0.98))
def test_quantile_loss_is_least_at_the_quantile(level: float) -> None:
    happened = np.linspace(0, 1, 2001)
    guesses = np.array([level - 0.02, level, level + 0.02])
    losses = [quantile_loss(np.full((2001, 1), guess), happened, level).mean() for guess in guesses]
    assert min(losses) == losses[1]


def test_a_score_weighs_cases_and_takes_shares() -> None:
    futures = np.array([[9.0, 10.0, 11.0], [0.0, 0.0, 0.0]])
    found = score(futures, np.array([10.0, 5.0]), np.array([10.0, 10.0]), weight=np.array([3.0, 1.0]))
    assert found.error == pytest.approx(0.125)
    assert found.coverage == (0.75, 0.75, 0.75)
    assert found.cases == 2


@pytest.mark.parametrize(
    ("futures", "happened", "says"),
    [
        (np.zeros((2, 3)), np.zeros(3), "do not belong together"),
        (np.zeros((2, 0)), np.zeros(2), "do not belong together"),
        (np.array([[1.0, np.nan]]), np.zeros(1), "is missing"),
    ],
)
def test_misfits_are_refused(futures: np.ndarray, happened: np.ndarray, says: str) -> None:
    with pytest.raises(EviError, match=says):
        crps(futures, happened)


def test_a_level_is_a_share() -> None:
    with pytest.raises(EviError, match="between 0 and 1"):
        interval(np.zeros((1, 2)), 80)
