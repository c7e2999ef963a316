"""Performance: published and known answers, other libraries, and intervals that hold as often as they say."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evi.casefinding.curves import auc, chance, decision_curve, every_threshold, net_benefit
from evi.casefinding.performance import Counts, count, judge_counts, past, performance
from evi.casefinding.uncertain_links import combine_estimates, combine_shares
from evi.index.intervals import wilson
from evi.workspace import EviError

WOOD = Counts(tp=10_171, fp=10_543, fn=3_036, tn=29_479)
some = st.integers(0, 60)
tables = st.builds(Counts, some, some, some, some)


def test_wood_2024_to_the_printed_digits() -> None:
    found = judge_counts(WOOD)
    assert f"{found.sensitivity.value:.1%}" == "77.0%"
    assert f"{found.specificity.value:.1%}" == "73.7%"
    assert f"{found.ppv.value:.1%}" == "49.1%"
    assert f"{found.npv.value:.1%}" == "90.7%"
    assert f"{found.odds_ratio.value:.2f}" == "9.37"
    assert f"{found.prevalence.value:.1%}" == "24.8%"
    assert found.counts.n == 53_229


@given(tables)
def test_laws_of_a_table(counts: Counts) -> None:
    found = judge_counts(counts)
    turned = judge_counts(Counts(counts.fn, counts.tn, counts.tp, counts.fp))  # flag the others instead
    if counts.cases:
        assert found.sensitivity.value + turned.sensitivity.value == pytest.approx(1)
    if counts.n:
        assert found.odds_ratio.value * turned.odds_ratio.value == pytest.approx(1)
        assert found.odds_ratio.low <= found.odds_ratio.value <= found.odds_ratio.high
        assert found.odds_ratio_adjusted == (min(counts.tp, counts.fp, counts.fn, counts.tn) == 0)
    if counts.tp:
        assert found.number_needed_to_assess.value == pytest.approx(counts.flagged / counts.tp)
        assert found.number_needed_to_assess.low <= found.number_needed_to_assess.high
    for each in (found.sensitivity, found.specificity, found.ppv, found.npv, found.flagged):
        assert math.isnan(each.value) or 0 <= each.low <= each.value + 1e-12 <= each.high + 2e-12 <= 1 + 3e-12


def test_odds_ratio_interval_is_that_of_statsmodels() -> None:
    from statsmodels.stats.contingency_tables import Table2x2

    oracle = Table2x2([[30, 70], [12, 288]])
    found = judge_counts(Counts(30, 70, 12, 288)).odds_ratio
    assert (found.value, found.low, found.high) == pytest.approx(
        (oracle.oddsratio, *oracle.oddsratio_confint())
    )


def test_intervals_hold_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    held, odds_held, rounds = 0, 0, 1_500
    for _ in range(rounds):
        cases, others = rng.binomial(60, 0.8), rng.binomial(500, 0.1)
        found = judge_counts(Counts(int(cases), int(others), 60 - int(cases), 500 - int(others)))
        held += found.sensitivity.low <= 0.8 <= found.sensitivity.high
        odds_held += found.odds_ratio.low <= (0.8 / 0.2) / (0.1 / 0.9) <= found.odds_ratio.high
    assert 0.93 <= held / rounds <= 0.975
    assert 0.93 <= odds_held / rounds <= 0.975


@pytest.mark.parametrize(
    ("direction", "flags"),
    [
        ("below", [True, False, False]),
        ("at_most", [True, True, False]),
        ("above", [False, False, True]),
        ("at_least", [False, True, True]),
    ],
)
def test_a_score_on_the_line_falls_on_the_side_that_the_direction_says(direction, flags) -> None:
    assert past(np.array([1.0, 2.0, 3.0]), 2.0, direction).tolist() == flags


def test_answers_and_scores_that_cannot_be_judged_are_refused() -> None:
    for values, outcome, line in (
        ([True], [True, False], None),
        ([1.0, float("nan")], [True, False], 1.0),
        ([1.0, 2.0], [True, False], None),
        ([True, False], [1, 0], None),
    ):
        with pytest.raises(EviError):
            performance(values, outcome, line)
    with pytest.raises(EviError):
        Counts(-1, 0, 0, 0)


def test_nobody_at_all_gives_no_figure_and_no_failure() -> None:
    found = judge_counts(Counts(0, 0, 0, 0))
    assert all(math.isnan(each.value) for each in (found.sensitivity, found.ppv, found.odds_ratio))


@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=60), st.booleans())
def test_the_curve_is_what_each_threshold_counts_alone(rows, low_first) -> None:
    score = np.array([float(value) for value, _ in rows])
    outcome = np.array([had for _, had in rows])
    curve = every_threshold(score, outcome, "below" if low_first else "at_least")
    for place, threshold in enumerate(curve.thresholds.tolist()):
        slow = count(past(score, threshold, curve.direction), outcome)
        assert curve.at(place).counts == slow
    assert len(curve.thresholds) == len(set(score.tolist()))
    assert curve.workload[-1].assessed == len(rows)


def test_auc_is_that_of_scikit_learn_and_its_interval_holds() -> None:
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(2)
    held, truth = 0, 0.7602  # normal scores one apart: Phi(1 / sqrt 2)
    for _ in range(300):
        outcome = rng.random(200) < 0.3
        score = np.round(rng.normal(size=200) + outcome, 3)
        found = auc(score, outcome)
        held += found.low <= truth <= found.high
    assert found.value == pytest.approx(roc_auc_score(outcome, score))
    assert auc(-score, outcome, "below").value == pytest.approx(found.value)
    assert 0.91 <= held / 300 <= 0.985


def test_net_benefit_is_that_of_dcurves() -> None:
    import dcurves

    rng = np.random.default_rng(3)
    outcome = rng.random(2_000) < 0.08
    risk = np.clip(1 / (1 + np.exp(-(rng.normal(size=2_000) - 3 + 2 * outcome))), 1e-6, 1 - 1e-6)
    rule = risk >= 0.11
    willing = (4, 10, 20, 50)
    data = pd.DataFrame({"y": outcome.astype(int), "risk": risk, "rule": rule.astype(float)})
    oracle = dcurves.dca(data, "y", ["risk", "rule"], thresholds=[1 / each for each in willing])
    mine = decision_curve({"risk": (risk, outcome), "rule": count(rule, outcome)}, willing)
    for name, values in (*mine.rules.items(), ("all", mine.everyone)):
        theirs = oracle[oracle["model"] == name].sort_values("threshold", ascending=False)["net_benefit"]
        assert list(values) == pytest.approx((1_000 * theirs).tolist(), abs=1e-9), name


def test_net_benefit_of_other_children_is_not_compared() -> None:
    with pytest.raises(EviError, match="different children"):
        decision_curve({"a": Counts(5, 5, 5, 85), "b": Counts(5, 5, 5, 84)})


def test_the_interval_of_net_benefit_holds() -> None:
    rng = np.random.default_rng(4)
    shares, weight = np.array([0.03, 0.12, 0.01, 0.84]), 0.05 / 0.95
    truth, held = shares[0] - weight * shares[1], 0
    for _ in range(1_000):
        found = net_benefit(Counts(*(int(each) for each in rng.multinomial(1_500, shares))), 0.05)
        held += found.low <= truth <= found.high
    assert 0.93 <= held / 1_000 <= 0.97


def test_chance_is_what_random_referral_finds() -> None:
    counts = Counts(tp=40, fp=160, fn=20, tn=1_780)
    rng = np.random.default_rng(5)
    children = np.arange(2_000) < 60
    drawn = [int(rng.permutation(children)[:200].sum()) for _ in range(2_000)]
    luck = chance(counts)
    assert luck.found.value == pytest.approx(6.0)
    assert np.mean(drawn) == pytest.approx(luck.found.value, abs=0.25)
    assert np.mean([(luck.found.low <= each <= luck.found.high) for each in drawn]) >= 0.94
    assert luck.sensitivity.value == pytest.approx(0.1)
    assert luck.ppv.value == pytest.approx(0.03)


def test_draws_that_agree_leave_wilsons_own_interval() -> None:
    found = combine_shares([12, 12, 12], [80, 80, 80])
    _, low, high = (float(each) for each in wilson(12, 80))
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high))
    assert found.from_links == 0


def test_estimates_combine_by_rubins_rules() -> None:
    values, variances = [1.0, 1.3, 0.8, 1.1], [0.04, 0.05, 0.04, 0.03]
    found = combine_estimates(values, variances)
    total = np.mean(variances) + 1.25 * np.var(values, ddof=1)
    r = 1.25 * np.var(values, ddof=1) / np.mean(variances)
    from scipy.stats import t

    half = t.ppf(0.975, 3 * (1 + 1 / r) ** 2) * math.sqrt(total)
    assert found.interval.value == pytest.approx(1.05)
    assert found.interval.high - found.interval.low == pytest.approx(2 * half)
    with pytest.raises(EviError):
        combine_estimates([1.0], [0.1])


def test_intervals_over_draws_hold_and_those_of_one_draw_do_not() -> None:
    """A fifth of the answers are missing and drawn again from their known chance: proper imputation."""
    rng = np.random.default_rng(6)
    held, alone, rounds, size = 0, 0, 600, 100
    for _ in range(rounds):
        truth = rng.random(size) < 0.3
        known = rng.random(size) > 0.4
        n, y = int(known.sum()), int(truth[known].sum())
        counts = []
        for _draw in range(10):
            chance_here = rng.beta(y + 0.5, n - y + 0.5)
            counts.append(y + int(rng.binomial(size - n, chance_here)))
        found = combine_shares(counts, [size] * 10)
        held += found.interval.low <= 0.3 <= found.interval.high
        _, low, high = wilson(counts[0], size)
        alone += bool(low <= 0.3 <= high)
    assert 0.93 <= held / rounds <= 0.985
    assert alone / rounds < 0.92  # a version that ignores the spread between draws fails
