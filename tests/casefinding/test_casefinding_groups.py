"""For whom a rule is worse: floors, pooling against known answers, and every kind of error printed."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evi.casefinding.group_rates import FLOORS, GroupRates, bands, group_rates, shares_by_group
from evi.casefinding.groups import groups
from evi.casefinding.judged_text import printable
from evi.casefinding.judgement import Assessable, GroupTable, Judgement
from evi.casefinding.performance import share
from evi.casefinding.pooling import pooled
from evi.casefinding.uncertain_links import combine_shares
from tests.casefinding.stores import Fact, write_store

EQUAL = {  # group: children with and without the need, of those who score high, then of those who score low
    "here": ((1_020, 680), (330, 1_320)),
    "there": ((570, 380), (405, 1_620)),
}


def equally_calibrated() -> tuple[pl.Series, np.ndarray, np.ndarray]:
    """Two groups in which 60% of high scores and 20% of low ones have the need: calibrated exactly alike."""
    name, flagged, outcome = [], [], []
    for group, rows in EQUAL.items():
        for high, (cases, others) in zip((True, False), rows, strict=True):
            name += [group] * (cases + others)
            flagged += [high] * (cases + others)
            outcome += [True] * cases + [False] * others
    return pl.Series(name), np.array(flagged), np.array(outcome)


def judgement(rates: tuple[GroupRates, ...], assessable: tuple[Assessable, ...] = ()) -> Judgement:
    table = GroupTable("ethnicity", "any", rates, assessable, {})
    return Judgement(
        "rule", ("rule v1",), "autism", date(2026, 8, 31), None, False, {"positive": 100}, {}, 0, (),
        (table,), None, (), "all", (),
    )  # fmt: skip


def test_equal_calibration_with_unequal_false_alarms_shows_both(capsys: pytest.CaptureFixture[str]) -> None:
    rates = {each.group: each for each in group_rates(*equally_calibrated())}
    assert [round(rates[name].wrongly_flagged.raw.value, 2) for name in EQUAL] == [0.34, 0.19]
    assert [round(rates[name].calibration.raw.value, 6) for name in EQUAL] == [1, 1]
    assert rates["here"].ppv.raw.value == rates["there"].ppv.raw.value == 0.6
    assert rates["here"].wrongly_flagged.p_value < 0.001
    assert rates["here"].ppv.p_value > 0.5

    from evi.cli.casefind_judge_text import show_judgement

    show_judgement(printable(judgement(tuple(rates.values()))))
    text = capsys.readouterr().out
    for words in ("34%", "19%", "missed", "wrongly", "calibration", "found of", "60%"):
        assert words in text, words
    shown = printable(judgement(tuple(rates.values())))["groups"][0]["rates"]  # type: ignore[index]
    for row in shown:
        assert {"missed", "wrongly_flagged", "ppv", "npv", "calibration"} <= set(row)
        assert all(row[name] is not None for name in ("missed", "wrongly_flagged", "ppv", "calibration"))


def test_equal_errors_with_unequal_calibration_shows_that_too() -> None:
    """An equal score that hides more need in one group is seen, though both flag the same shares."""
    rng = np.random.default_rng(1)
    n = 6_000
    group = np.where(rng.random(n) < 0.5, "a", "b")
    flagged = rng.random(n) < 0.2
    need = rng.random(n) < np.where(flagged, 0.3, 0.05) * np.where(group == "a", 1.4, 0.7)
    rates = {each.group: each for each in group_rates(pl.Series(group), flagged, need)}
    assert rates["a"].calibration.raw.low > 1 > rates["b"].calibration.raw.high


def test_below_the_floor_there_is_no_figure() -> None:
    least = FLOORS["missed"]
    below, at = shares_by_group([5, 5], [least - 1, least], least)
    assert not below.enough
    assert all(math.isnan(each.value) for each in (below.raw, below.pooled, below.gap))
    assert at.enough
    assert at.raw == share(5, least)


def test_a_small_group_is_drawn_to_the_others_and_a_large_one_is_not() -> None:
    found = pooled([8, 200, 220, 190, 210], [20, 1_000, 1_000, 1_000, 1_000])
    assert 0.205 < found.rates[0].value < 0.3  # alone 0.4
    assert found.rates[1].value == pytest.approx(0.2, abs=0.01)
    assert found.rates[0].high - found.rates[0].low < share(8, 20).high - share(8, 20).low


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 40)), min_size=1, max_size=8))
def test_with_a_given_prior_pooling_is_the_beta_of_textbooks(rows: list[tuple[int, int]]) -> None:
    counts, totals = [min(y, n) for y, n in rows], [n for _, n in rows]
    found = pooled(counts, totals, prior=(3, 17))
    for rate, y, n in zip(found.rates, counts, totals, strict=True):
        exact = stats.beta(3 + y, 17 + n - y)
        assert (rate.value, rate.low, rate.high) == pytest.approx(
            (exact.mean(), exact.ppf(0.025), exact.ppf(0.975)), rel=1e-6
        )


def test_pooling_is_that_of_a_slow_engine() -> None:
    """Importance sampling of mean and spread from their flat priors, by scipy's beta-binomial."""
    counts, totals = np.array([2, 9, 30, 11, 4]), np.array([25, 40, 90, 60, 50])
    rng = np.random.default_rng(2)
    mean, between = rng.random(60_000) * 0.6, rng.random(60_000)
    size = 1 / between - 1
    a, b = mean * size, (1 - mean) * size
    log = stats.betabinom.logpmf(counts[:, None], totals[:, None], a, b).sum(axis=0)
    weight = np.exp(log - log.max())
    slow = ((a + counts[:, None]) / (size + totals[:, None])) @ weight / weight.sum()
    fast = [rate.value for rate in pooled(counts.tolist(), totals.tolist()).rates]
    assert fast == pytest.approx(slow.tolist(), abs=0.004)


def test_pooled_intervals_hold_and_their_middles_are_nearer_than_the_raw_rates() -> None:
    rng = np.random.default_rng(3)
    held = total = 0
    near = far = 0.0
    for _ in range(60):
        truth, n = rng.beta(12, 28, 8), rng.integers(20, 120, 8)
        y = rng.binomial(n, truth)
        for rate, here, count, of in zip(pooled(y, n).rates, truth, y, n, strict=True):  # type: ignore[arg-type]
            held += rate.low <= here <= rate.high
            total += 1
            near += (rate.value - here) ** 2
            far += (count / of - here) ** 2
    assert 0.92 <= held / total <= 0.985
    assert near < 0.85 * far


@settings(max_examples=30)
@given(st.lists(st.integers(0, 30), min_size=2, max_size=6))
def test_pooling_keeps_the_order_of_groups_of_one_size_and_their_mean(counts: list[int]) -> None:
    values = [rate.value for rate in pooled(counts, [30] * len(counts)).rates]
    order = np.argsort(counts, kind="stable")
    assert all(np.diff(np.array(values)[order]) >= -1e-9)
    for value, count in zip(values, counts, strict=True):
        assert 0 < value < 1
        if count == max(counts) != min(counts):
            assert value < count / 30 + 0.02


def test_no_group_stands_out_where_all_are_alike() -> None:
    rng = np.random.default_rng(4)
    alarms = 0
    for _ in range(60):
        group = pl.Series(rng.choice(["a", "b", "c", "d"], 800))
        need = rng.random(800) < 0.25
        flagged = rng.random(800) < np.where(need, 0.7, 0.2)
        rates = group_rates(group, flagged, need)
        figures = [
            getattr(each, name) for each in rates for name in ("missed", "wrongly_flagged", "ppv", "npv")
        ]
        alarms += any(each.p_value < 0.05 for each in figures)
    assert alarms <= 8  # of 60; without the adjustment for many comparisons there are some 25


def test_bands_are_scores_where_few_and_tenths_of_children_where_many() -> None:
    assert bands(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [2, 0, 2, 1]
    many = bands(np.arange(1_000.0))
    assert np.bincount(many).tolist() == [100] * 10


def test_the_calibration_interval_holds() -> None:
    rng = np.random.default_rng(5)
    held = rounds = 0
    for _ in range(80):
        n = 1_500
        score = rng.integers(0, 5, n)
        group = np.where(rng.random(n) < 0.2, "few", "most")
        need = rng.random(n) < np.array([0.02, 0.05, 0.1, 0.2, 0.4])[score]
        rates = {
            x.group: x for x in group_rates(pl.Series(group), score > 2, need, alike=score.astype(np.int64))
        }
        few = rates["few"].calibration
        held += few.raw.low <= 1 <= few.raw.high
        rounds += 1
    assert held / rounds >= 0.92


def test_small_numbers_are_hidden_when_printed() -> None:
    name = pl.Series(["a"] * 400 + ["b"] * 400)
    flagged = np.arange(800) % 4 == 0
    outcome = np.zeros(800, bool)
    outcome[[0, 4, 8, 12, *range(101, 180, 2)]] = True
    outcome[[*range(400, 480)]] = True
    rates = group_rates(name, flagged, outcome)
    a, b = printable(judgement(rates))["groups"][0]["rates"]  # type: ignore[index]
    assert rates[0].counts.tp < 10 < rates[0].counts.fn
    assert a["missed"] is None and a["ppv"] is None
    assert b["missed"] is not None
    assert all(row["assessed"] % 5 == 0 for row in (a, b))
    everything = printable(judgement(rates), everything=True)["groups"][0]["rates"][0]  # type: ignore[index]
    assert everything["missed"] is not None


def test_a_group_that_links_badly_is_shown_as_not_known_and_not_as_less_need() -> None:
    drawn = combine_shares([30, 34, 38, 28], [200, 200, 200, 200])
    badly = Assessable("badly linked", 200, 60, 55, share(60, 200), drawn)
    well = Assessable("well linked", 200, 2, 0, share(2, 200), None)
    shown = printable(judgement((), (badly, well)))["groups"][0]["assessable"]  # type: ignore[index]
    assert shown[0]["not_assessable"]["value"] == 0.3
    assert shown[0]["unjoined"] == 55
    assert shown[0]["under_draws"]["value"] == 0.16
    assert shown[0]["under_draws"]["from_links"] > 0
    assert shown[1]["not_assessable"] is None  # two children: too few to show


def test_groups_are_read_as_the_hub_knows_them(tmp_path) -> None:
    facts = [
        Fact(1, "HEALTH/BIRTH/GESTATION", date(2018, 3, 1), 34),
        Fact(2, "HEALTH/BIRTH/GESTATION", date(2018, 3, 1), 40),
        Fact(3, "HEALTH/BIRTH/GESTATION", date(2018, 3, 1), 30, known=date(2030, 1, 1)),
    ]
    births = {1: date(2017, 9, 1), 2: date(2018, 4, 1), 3: date(2018, 5, 1), 4: date(2018, 8, 1)}
    district = write_store(tmp_path, facts, births=births, schools={1: "997001"})
    people = pl.read_parquet(district.records / "subjects.parquet").with_columns(
        pl.Series("ethnicity", ["APKN", "CHNE", "REFU", None], pl.String),
        pl.Series("language", ["URD", "ENB", None, "ENG"], pl.String),
        pl.Series("sex", ["F", "M", None, "F"], pl.String),
    )
    people.write_parquet(district.records / "subjects.parquet")
    found = groups(district, pl.Series([4, 1, 2, 3, 99]), date(2024, 8, 31))
    assert found["subject_id"].to_list() == [4, 1, 2, 3, 99]
    rows = {row["subject_id"]: row for row in found.to_dicts()}
    assert [rows[n]["ethnicity"] for n in (1, 2, 3, 4)] == [
        "Asian", "any other ethnic group", "not known", "not known"
    ]  # fmt: skip
    assert [rows[n]["language"] for n in (1, 2, 3, 4)] == ["other", "English", "not known", "English"]
    assert [rows[n]["season"] for n in (1, 2, 3, 4)] == ["autumn", "spring", "summer", "summer"]
    assert [rows[n]["preterm"] for n in (1, 2, 3, 4)] == ["yes", "no", "not known", "not known"]
    assert rows[1]["school"] == "997001"
    assert set(rows[99].values()) == {99, "not known"}
