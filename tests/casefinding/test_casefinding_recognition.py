"""The recognition gap: known odds ratios are recovered, intervals hold, and small groups say nothing."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

from evi.casefinding.recognition import LEAST, recognition_gap
from evi.workspace import EviError

TRUE = math.exp(-0.5)


def children(rng: np.random.Generator, families: int, shared: float = 0.0, siblings: int = 3) -> pl.DataFrame:
    """Children whose odds of being recognised are known; `shared` joins the luck of brothers and sisters."""
    n = families * siblings
    asian = np.repeat(rng.random(families) < 0.4, siblings)
    band = rng.integers(0, 5, n)
    boy, age, year = rng.random(n) < 0.5, rng.uniform(5, 12, n), rng.integers(2015, 2023, n)
    band = np.where(asian & (rng.random(n) < 0.5), 4, band)  # the profile differs between the groups
    log_odds = -1.5 - 0.5 * asian + 0.5 * band + 0.8 * boy + 0.05 * (age - 8) + 0.08 * (year - 2018)
    luck = math.sqrt(shared) * np.repeat(rng.normal(size=families), siblings)
    luck = luck + math.sqrt(1 - shared) * rng.normal(size=n)
    return pl.DataFrame(
        {
            "recognised": norm.cdf(luck) < 1 / (1 + np.exp(-log_odds)),
            "score_band": band.astype(str),
            "sex": np.where(boy, "boys", "girls"),
            "age_years": age,
            "year": year,
            "ethnicity": np.where(asian, "Asian", "White"),
            "family": np.repeat(np.arange(families), siblings),
        }
    )


def held(rounds: int, *, shared: float, cluster: str | None, profile: tuple[str, ...] | None = None) -> float:
    rng = np.random.default_rng(11)
    count = 0
    for _ in range(rounds):
        table = children(rng, 220, shared)
        options = {} if profile is None else {"profile": profile}
        (gap,) = recognition_gap(table, ["ethnicity"], cluster=cluster, **options)
        count += gap.odds_ratio.low <= TRUE <= gap.odds_ratio.high
    return count / rounds


def test_intervals_cover_a_known_odds_ratio() -> None:
    assert 0.87 <= held(80, shared=0, cluster=None) <= 1


def test_families_who_are_noticed_together_are_reckoned_with() -> None:
    clustered = held(80, shared=0.9, cluster="family")
    assert clustered >= 0.87
    assert held(80, shared=0.9, cluster=None) < clustered - 0.03  # children are not independent


def test_without_the_profile_the_gap_is_hidden() -> None:
    """The Asian children here score worse, which makes up for being noticed less often."""
    assert held(30, shared=0, cluster=None, profile=("sex",)) < 0.5


def test_the_gap_that_is_found_is_near_the_truth_in_a_large_district() -> None:
    (gap,) = recognition_gap(children(np.random.default_rng(12), 5_000), ["ethnicity"], cluster="family")
    assert (gap.group, gap.reference) == ("Asian", "White")
    assert gap.odds_ratio.value == pytest.approx(TRUE, abs=0.06)
    assert gap.p_value < 0.001


def test_no_gap_is_found_where_there_is_none() -> None:
    rng = np.random.default_rng(13)
    false = 0
    for _ in range(60):
        table = children(rng, 200).with_columns(
            ethnicity=pl.col("ethnicity").shuffle(seed=int(rng.integers(1e9)))
        )
        (gap,) = recognition_gap(table, ["ethnicity"])
        false += gap.p_value < 0.05
    assert false <= 8


def test_groups_with_few_children_have_no_odds_ratio_and_are_still_listed() -> None:
    rng = np.random.default_rng(14)
    table = children(rng, 400)
    few = pl.int_range(pl.len()) < LEAST + 5
    table = table.with_columns(
        ethnicity=pl.when(few).then(pl.lit("Black")).otherwise("ethnicity"),
        recognised=pl.col("recognised") & ~few,
    )
    gaps = {gap.group: gap for gap in recognition_gap(table, ["ethnicity"])}
    assert gaps["Black"].children == LEAST + 5
    assert math.isnan(gaps["Black"].odds_ratio.value)
    assert gaps["Black"].note
    assert math.isfinite(gaps["Asian"].odds_ratio.value)


def test_a_group_that_is_not_known_is_left_out_and_a_child_without_a_profile_too() -> None:
    table = children(np.random.default_rng(15), 300)
    hole = table.with_columns(
        ethnicity=pl.when(pl.int_range(pl.len()) % 3 == 0).then(pl.lit("not known")).otherwise("ethnicity"),
        score_band=pl.when(pl.int_range(pl.len()) % 5 == 0).then(None).otherwise("score_band"),
    )
    (gap,) = recognition_gap(hole, ["ethnicity"])
    expected = hole.drop_nulls().filter(pl.col("ethnicity") == gap.group).height
    assert gap.children == expected


def test_what_cannot_be_audited_is_refused() -> None:
    table = children(np.random.default_rng(16), 50)
    with pytest.raises(EviError, match="no column"):
        recognition_gap(table.drop("year"), ["ethnicity"])
    with pytest.raises(EviError, match="nothing to compare"):
        recognition_gap(table.with_columns(recognised=pl.lit(False)), ["ethnicity"])
