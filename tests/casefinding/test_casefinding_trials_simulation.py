"""Trials made up many times: right size and coverage, formulas met, errors that ignore schools found out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from evi.casefinding.trials import models
from evi.casefinding.trials.allocating import choices, starts_of
from evi.casefinding.trials.analysing import analyse
from evi.casefinding.trials.designs import effect_matrix, switched_on
from evi.casefinding.trials.formulas import (
    design_effect,
    did_variance,
    parallel_variance,
    power_of,
    smallest_found,
    stepped_variance,
    variance_between_children,
)
from evi.casefinding.trials.permuting import estimates, permute
from evi.casefinding.trials.power import power, ready, simulate
from evi.casefinding.trials.robust import RobustFit
from evi.casefinding.trials.rows import Cells, Rows
from evi.casefinding.trials.simulating import children_of, make_up
from tests.casefinding.trial_tables import outcome, table, trial

TRIALS = 3000
UNEQUAL = [15, 60, 22, 45, 30, 80, 18, 52, 27, 36]
ONE_AFTER = {"periods": [{"id": "after", "from": "2024-06-01", "to": "2025-06-01"}], "starts": ["after"]}
DESIGNS = {
    "parallel, before and after": lambda: trial(sizes=UNEQUAL * 2),
    "parallel, after only": lambda: trial(sizes=[40] * 20, **ONE_AFTER),
    "stepped wedge": lambda: trial("stepped-wedge", sizes=[*UNEQUAL, 33, 41]),
    "few schools": lambda: trial(sizes=UNEQUAL[:8]),
}


# --- Size, coverage, and what breaks them -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["share", "days", "count"])
@pytest.mark.parametrize("design", DESIGNS)
def test_size_is_five_in_a_hundred_and_intervals_hold(design, kind):
    asked = DESIGNS[design]()
    it = outcome(kind)
    nothing = simulate(asked, it, 0.0, trials=TRIALS, seed=[11])
    something = simulate(asked, it, it.worthwhile_effect, trials=TRIALS, seed=[12])
    assert 0.035 <= nothing.found <= 0.065
    assert 0.925 <= nothing.covered <= 0.975
    assert 0.925 <= something.covered <= 0.975
    assert something.mean == pytest.approx(it.worthwhile_effect, abs=4 * something.error / TRIALS**0.5)
    assert something.found > 2 * nothing.found


@pytest.mark.parametrize("design", ["parallel, before and after", "parallel, after only", "stepped wedge"])
def test_errors_that_ignore_schools_fail_the_same_test(design):
    naive = simulate(DESIGNS[design](), outcome("days", icc=0.1, cac=0.5), 0.0, trials=TRIALS, seed=[13])
    assert naive.found_naive > 0.075
    assert naive.found <= 0.065


def test_schools_and_children_may_count_alike_or_not_and_both_hold():
    asked = DESIGNS["parallel, before and after"]()
    for average_over in ("children", "schools"):
        found = simulate(replace(asked, average_over=average_over), outcome(), 0.0, trials=TRIALS, seed=[14])
        assert 0.035 <= found.found <= 0.065


def test_the_permutation_test_has_the_right_size_where_schools_are_few():
    asked = trial(sizes=UNEQUAL[:8])
    listed = choices(asked).steps
    rng = np.random.default_rng(15)
    p_values = []
    for _ in range(400):
        steps = listed[rng.integers(len(listed))]
        on = switched_on(asked, starts_of(asked, steps))
        sizes = np.repeat(np.array(UNEQUAL[:8])[:, None], 2, axis=1)
        made = make_up(outcome("days", icc=0.2), on, sizes, 0.0, 1, rng)
        p_values.append(
            permute(asked, starts_of(asked, steps), _cells(on, sizes, made.mean[0]), sizes.ravel()).p_value
        )
    assert 0.02 <= np.mean(np.array(p_values) <= 0.05) <= 0.08
    assert 0.42 <= np.mean(np.array(p_values) <= 0.5) <= 0.58


def test_statsmodels_mixed_model_does_not_find_too_much_and_its_plain_errors_do():
    asked = trial(sizes=[8, 14, 10, 12, 9, 11])
    on = switched_on(asked, starts_of(asked, choices(asked).steps[0]))
    sizes = np.repeat(np.array([8, 14, 10, 12, 9, 11])[:, None], 2, axis=1)
    rng = np.random.default_rng(16)
    it = outcome("days", icc=0.15, within_days=10_000)
    found = {"mixed": [], "plain": []}
    from scipy import stats

    for _ in range(80):
        cluster, period, value = children_of(it, on, sizes, 0.0, rng)
        rows = pl.DataFrame({"cluster": cluster, "period": period, "value": value})
        for name, fit in (
            ("mixed", models.mixed(rows, on, arm_level=False)),
            ("plain", models.fixed_effects(rows, on, "children")),
        ):
            df = fit.df if name == "mixed" else 1e6
            found[name].append(2 * stats.t.sf(abs(fit.value / fit.error), df) < 0.05)
    assert np.mean(found["mixed"]) <= 0.1
    assert np.mean(found["plain"]) > 0.1


# --- Closed formulas ----------------------------------------------------------------------------------------


def test_the_design_effect_is_that_of_the_books():
    assert design_effect(30, 0.05) == pytest.approx(2.45)
    assert design_effect(1, 0.3) == 1
    assert design_effect(30, 0.05, size_cv=0.5) == pytest.approx(1 + (30 * 1.25 - 1) * 0.05)


@pytest.mark.parametrize("kind", ["share", "days", "count"])
def test_simulated_variance_meets_the_design_effect(kind):
    it = outcome(kind, icc=0.08)
    found = simulate(trial(sizes=[30] * 24, **ONE_AFTER), it, 0.0, trials=6000, seed=[21])
    expected = parallel_variance(variance_between_children(it), 30, 0.08, 12, 12)
    assert found.error**2 == pytest.approx(expected, rel=0.07)
    assert found.df == pytest.approx(22)


@pytest.mark.parametrize("cac", [1.0, 0.6])
def test_simulated_variance_of_a_difference_in_differences_meets_its_formula(cac):
    it = outcome("days", icc=0.08, cac=cac)
    found = simulate(trial(sizes=[30] * 24), it, 0.0, trials=6000, seed=[22])
    assert found.error**2 == pytest.approx(did_variance(50.0**2, 30, 0.08, cac, 12, 12), rel=0.08)


def test_hussey_and_hughes_is_generalised_least_squares_with_known_variances():
    on = switched_on(*_stepped())
    within, between = 3.1, 1.7
    cluster, period = (each.ravel() for each in np.indices(on.shape))
    columns = [(period == each).astype(float) for each in range(on.shape[1])]
    matrix = np.column_stack([*columns, on.ravel()])
    spread = within * np.eye(on.size) + between * (cluster[:, None] == cluster[None, :])
    exact = np.linalg.inv(matrix.T @ np.linalg.solve(spread, matrix))[-1, -1]
    assert stepped_variance(within, between, on) == pytest.approx(exact)
    fixed, _ = effect_matrix(cluster, period, on.ravel())
    assert stepped_variance(within, np.inf, on) == pytest.approx(
        within * np.linalg.pinv(fixed.T @ fixed)[-1, -1]
    )


def test_simulated_stepped_wedge_meets_hussey_and_hughes():
    asked, _ = _stepped()
    it = outcome("days", icc=0.1, cac=1.0)
    found = simulate(asked, it, 0.0, trials=6000, seed=[23])
    on = switched_on(*_stepped())
    assert found.error**2 == pytest.approx(stepped_variance(50.0**2 * 0.9 / 20, np.inf, on), rel=0.07)


def test_power_by_simulation_is_power_by_formula_where_schools_are_alike():
    found = power(trial(sizes=[30] * 24, **ONE_AFTER), trials=3000)[0]
    assert found.simulated.found == pytest.approx(found.by_formula, abs=0.04)
    assert power_of(0.1, 0.05, 0.05) == pytest.approx(0.5160, abs=1e-3)
    error = 0.03
    assert power_of(smallest_found(error, 0.05, 0.8, 20), error, 0.05, 20) == pytest.approx(0.8, abs=0.01)
    words = dict(found.what_if)
    assert all(each <= found.simulated.found + 0.03 for each in words.values())


def test_made_up_children_have_the_assumed_mean_and_correlation():
    it = outcome("share", icc=0.2, cac=1.0)
    on = np.zeros((4000, 1), bool)
    cluster, _, value = children_of(it, on, np.full((4000, 1), 2), 0.0, np.random.default_rng(24))
    pairs = value.reshape(-1, 2)
    assert value.mean() == pytest.approx(0.2, abs=0.02)
    assert np.corrcoef(pairs.T)[0, 1] == pytest.approx(0.2, abs=0.05)
    assert (cluster == np.repeat(np.arange(4000), 2)).all()


# --- Oracles of the estimators ------------------------------------------------------------------------------


def test_few_school_errors_are_exactly_those_of_the_t_test_on_changes():
    from scipy import stats

    rng = np.random.default_rng(31)
    on = np.zeros((14, 2), bool)
    on[:6, 1] = True
    outcomes = rng.normal(size=on.shape)
    found = ready(on, np.full(on.shape, 10), "schools").fit(outcomes.ravel())
    change = outcomes[:, 1] - outcomes[:, 0]
    welch = stats.ttest_ind(change[:6], change[6:], equal_var=False)
    assert found.value[0] == pytest.approx(change[:6].mean() - change[6:].mean())
    assert found.value[0] / found.error[0] == pytest.approx(welch.statistic)
    assert 10 <= found.df <= 12


def test_the_estimate_and_the_plain_error_are_those_of_statsmodels():
    import statsmodels.api as sm

    rng = np.random.default_rng(32)
    cluster, period = (np.repeat(each.ravel(), 5) for each in np.indices((10, 3)))
    on = (period >= 1) & (cluster < 5)
    value = rng.normal(size=len(cluster)) + 0.3 * cluster
    matrix, _ = effect_matrix(cluster, period, on)
    contrast = np.zeros(matrix.shape[1])
    contrast[-1] = 1
    own = RobustFit(matrix, np.ones(len(value)), cluster, contrast)
    theirs = sm.OLS(value, matrix).fit(cov_type="cluster", cov_kwds={"groups": cluster})
    assert own.fit(value).value[0] == pytest.approx(theirs.params[-1])
    residual = own.residuals(value)[0]
    scores = np.array([(own.map[cluster == each] @ residual[cluster == each]) for each in range(10)])
    correction = 10 / 9 * (len(value) - 1) / (len(value) - matrix.shape[1])
    assert np.sqrt((scores**2).sum() * correction) == pytest.approx(theirs.bse[-1])
    assert own.fit(value).error[0] > np.sqrt((scores**2).sum())
    plain = sm.OLS(value, matrix).fit()
    assert own.naive_error(value, np.zeros(1), len(value))[0] == pytest.approx(plain.bse[-1])


@pytest.mark.parametrize("design", DESIGNS)
def test_a_good_year_and_a_good_school_change_nothing_and_the_change_itself_adds_up(design):
    asked = DESIGNS[design]()
    on = switched_on(asked, starts_of(asked, choices(asked).steps[0]))
    rng = np.random.default_rng(35)
    sizes = rng.integers(5, 60, size=on.shape)
    outcomes = rng.normal(size=on.shape)
    years, schools = rng.normal(size=(1, on.shape[1])) * 10, rng.normal(size=(on.shape[0], 1)) * 10
    if on.shape[1] == 1:
        schools = schools * 0  # seen once, schools can't be told from the change
    fit = ready(on, sizes, "children")
    plain, moved = fit.fit(outcomes.ravel()), fit.fit((outcomes + years + schools + 2.5 * on).ravel())
    assert moved.value[0] - plain.value[0] == pytest.approx(2.5)
    assert moved.error[0] == pytest.approx(plain.error[0])


def test_a_stepped_wedge_read_without_time_takes_a_good_year_for_the_change():
    on = switched_on(*_stepped())
    outcomes = np.repeat(np.arange(on.shape[1])[None, :], on.shape[0], axis=0).astype(float)
    assert ready(on, np.full(on.shape, 20), "children").fit(outcomes.ravel()).value[0] == pytest.approx(
        0, abs=1e-9
    )
    assert outcomes[on].mean() - outcomes[~on].mean() > 1


def test_errors_without_the_correction_find_too_much_where_schools_are_few():
    asked = trial(sizes=UNEQUAL[:6])
    on = switched_on(asked, starts_of(asked, choices(asked).steps[0]))
    sizes = np.repeat(np.array(UNEQUAL[:6])[:, None], 2, axis=1)
    made = make_up(outcome("days"), on, sizes, 0.0, TRIALS, np.random.default_rng(36))
    fit = ready(on, sizes, "children")
    found = fit.fit(made.mean)
    scores = np.stack(
        [fit.residuals(made.mean)[:, [2 * i, 2 * i + 1]] @ fit.map[[2 * i, 2 * i + 1]] for i in range(6)]
    )
    plain = np.sqrt((scores**2).sum(axis=0))
    assert (np.abs(found.value) > 1.96 * plain).mean() > 0.1
    assert (found.p_value() < 0.05).mean() < 0.065


def test_estimates_under_other_allocations_are_those_of_the_fit_itself():
    asked = trial(sizes=UNEQUAL[:6])
    listed = choices(asked).steps[:5]
    sizes = np.repeat(np.array(UNEQUAL[:6])[:, None], 2, axis=1)
    mean = np.random.default_rng(33).normal(size=sizes.size)
    one = switched_on(asked, starts_of(asked, listed[0]))
    found = estimates(asked, listed, _cells(one, sizes, mean), sizes.ravel().astype(float))
    for steps, value in zip(listed, found, strict=True):
        on = switched_on(asked, starts_of(asked, steps))
        assert ready(on, sizes, "children").fit(mean).value[0] == pytest.approx(value)


def test_a_difference_between_groups_is_found_and_its_absence_is_not():
    asked = trial(sizes=[60] * 16, outcomes=table()["outcomes"][:1])
    starts = starts_of(asked, choices(asked).steps[0])
    on = switched_on(asked, starts)
    rng = np.random.default_rng(34)
    it = asked.primary
    parts = []
    for name, effect in (("a", 0.0), ("b", 0.25), ("c", 0.0)):
        cluster, period, value = children_of(it, on, np.full(on.shape, 60), effect, rng)
        parts.append(
            pl.DataFrame({"cluster": cluster, "period": period, "value": value, "kind": [name] * len(value)})
        )
    rows = pl.concat(parts).with_row_index("child")
    made = {each.id: Rows(each.id, rows, {}, {}) for each in asked.outcomes}
    found = {each.group: each for each in analyse(asked, starts, made, by="kind").results[0].groups}
    assert found["b"].p_value < 0.01
    assert found["c"].p_value > 0.05
    assert found["b"].difference.low > 0.05
    assert found["b"].effect.value - found["a"].effect.value == pytest.approx(found["b"].difference.value)


def _stepped():
    asked = trial("stepped-wedge", sizes=[20] * 12)
    return asked, starts_of(asked, np.sort(np.arange(12) % 4))


def _cells(on, sizes, mean):
    cluster, period = (each.ravel() for each in np.indices(on.shape))
    zero = np.zeros(on.size)
    return Cells(cluster, period, zero.astype(int), sizes.ravel().astype(float), mean, zero)
