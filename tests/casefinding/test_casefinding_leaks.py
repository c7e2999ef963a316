"""Leaks: features that hold the answer, or came after it, or children who are on both sides of a split."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evi.casefinding.conditions import condition_named, conditions
from evi.casefinding.curves import auc
from evi.casefinding.models.features import Feature, features_for
from evi.casefinding.models.leaks import (
    GIVES_AWAY,
    LEAK,
    refuse_declared,
    refuse_giving_away,
    refuse_later,
)
from evi.casefinding.models.rows import matrix_for_leaks, rows_on
from evi.casefinding.models.splits import Split, apart, by_group, by_place, by_row, by_time, families_of
from evi.casefinding.rules import load_rules
from evi.workspace import EviError
from tests.casefinding.simulated_rows import made_rows
from tests.casefinding.stores import DAY, Fact, profile, write_store

ITEMS = [f"A{n}_Score" for n in range(1, 11)]


@pytest.fixture(scope="module")
def uci(opendata: Path) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Columns of the UCI file of 292 children, and its label."""
    lines = (
        (opendata / "children" / "uci_autism_child.arff").read_text("utf-8", errors="replace").splitlines()
    )
    names = [line.split()[1] for line in lines if line.lower().startswith("@attribute")]
    start = next(n for n, line in enumerate(lines) if line.strip().lower() == "@data")
    rows = list(csv.reader([line for line in lines[start + 1 :] if line.strip()], quotechar="'"))
    text = {name: [row[n].strip() for row in rows] for n, name in enumerate(names)}
    columns = {
        name: np.array([np.nan if v == "?" else float(v) for v in text[name]])
        for name in (*ITEMS, "age", "result")
    } | {
        name: np.array([float(v in ("m", "yes")) for v in text[name]])
        for name in ("gender", "jundice", "austim")
    }
    return columns, np.array([v == "YES" for v in text["Class/ASD"]])


@pytest.mark.opendata
def test_a_label_made_of_its_own_items_is_refused(uci: tuple[dict[str, np.ndarray], np.ndarray]) -> None:
    columns, label = uci
    assert len(label) == 292
    assert (sum(columns[name] for name in ITEMS) >= 7).tolist() == label.tolist()
    values = np.column_stack(list(columns.values()))
    with pytest.raises(EviError, match="alone it gives the outcome away") as told:
        refuse_giving_away(values, list(columns), label)
    assert told.value.where == "feature result"
    assert told.value.exit_code == LEAK
    items = np.column_stack([columns[name] for name in (*ITEMS, "age", "gender")])
    with pytest.raises(EviError, match=r"together these (9|10) give the outcome away") as told:
        refuse_giving_away(items, [*ITEMS, "age", "gender"], label)
    assert "A4_Score" in told.value.where
    assert "gender" not in told.value.where


@pytest.mark.opendata
def test_the_same_file_without_its_items_is_not_refused(
    uci: tuple[dict[str, np.ndarray], np.ndarray],
) -> None:
    columns, label = uci
    rest = ["age", "gender", "jundice", "austim"]
    nothing = refuse_giving_away(np.column_stack([columns[name] for name in rest]), rest, label)
    assert 0.4 < nothing < 0.7  # without its items the file says next to nothing of its label
    some = [*ITEMS[:6], *rest]
    much = refuse_giving_away(np.column_stack([columns[name] for name in some]), some, label)
    assert 0.9 < much < GIVES_AWAY


def test_a_strong_but_honest_feature_is_not_refused() -> None:
    rows = made_rows(3_000, 1, slope=-0.8)
    values, names = matrix_for_leaks(rows)
    assert auc(-values[:, 0], rows.outcome).value > 0.95
    assert 0.95 < refuse_giving_away(values, names, rows.outcome, rows.family) < GIVES_AWAY


@pytest.mark.parametrize("how", ["band", "gap", "pair"])
def test_answers_hidden_in_a_band_in_a_gap_or_in_two_features_are_found(how: str) -> None:
    rng = np.random.default_rng(4)
    a, b, other = rng.normal(size=(3, 2_000))
    label = {"band": np.abs(a) < 0.3, "gap": rng.random(2_000) < 0.2, "pair": a + b > 1.5}[how]
    if how == "gap":
        a = np.where(label, np.nan, a)
    with pytest.raises(EviError, match=r"gives? the outcome away") as told:
        refuse_giving_away(np.column_stack([a, b, other]), ["a", "b", "other"], label)
    assert told.value.where == ("feature a, b" if how == "pair" else "feature a")


def test_a_feature_that_reads_what_records_the_outcome_is_refused() -> None:
    sought = condition_named("autism")
    for code in ("HEALTH/AUTISM/DIAGNOSIS", "HEALTH/AUTISM/*", "EDU/SEN/NEED/ASD", "EDU/SEN/*"):
        with pytest.raises(EviError, match="by which the outcome is recorded"):
            refuse_declared([Feature("x", "x", "level", codes=(code,))], sought.recorded)
    with pytest.raises(EviError, match="could decide the outcome: the panel reads it"):
        refuse_declared([Feature("x", "x", "level", determines="the panel reads it")], sought.recorded)
    refuse_declared(
        [Feature("x", "x", "level", codes=("EDU/SEN/SUPPORT", "HEALTH/AUTISMO"))], sought.recorded
    )


def test_what_the_shipped_features_may_be_used_for() -> None:
    """Beside a rule of speech, the feature that reads speech therapy is a leak; without it there is none."""
    refused = set()
    for rule in load_rules().values():
        if (
            rule.reads is None
            or len(rule.frameworks) != 1
            or rule.condition not in conditions()
            or not rule.items
        ):
            continue
        recorded = condition_named(rule.condition).recorded
        try:
            refuse_declared(features_for(rule), recorded)
        except EviError:
            refused.add(rule.condition)
            refuse_declared(features_for(rule, ["speech"]), recorded)
    assert refused == {"language"}


def test_a_feature_known_after_its_day_or_after_the_outcome_is_refused() -> None:
    day = pl.Series([date(2020, 8, 31)] * 3)
    came = pl.Series([None, date(2020, 5, 1), None], dtype=pl.Date)
    known = pl.Series([date(2020, 6, 30), date(2020, 4, 30), None], dtype=pl.Date)
    refuse_later({"total": known}, day, came)
    with pytest.raises(EviError, match="of 1 children it was known only after the day") as told:
        refuse_later({"total": pl.Series([date(2020, 9, 1), None, None], dtype=pl.Date)}, day)
    assert told.value.exit_code == LEAK
    with pytest.raises(EviError, match="no earlier than the outcome"):
        refuse_later({"total": pl.Series([None, date(2020, 5, 1), None], dtype=pl.Date)}, day, came)


def test_nothing_that_became_known_later_reaches_a_feature(tmp_path: Path) -> None:
    rule = load_rules()["autism-eyfsp-2021"]
    facts = [
        *profile(1, "2021", {"COM/LAU": 1}),
        *profile(2, "2021", 1),
        Fact(2, "HEALTH/BIRTH/GESTATION", date(2018, 3, 1), 34),
    ]
    write_store(tmp_path, facts)
    from evi.workspace import District

    before = rows_on(District.open(tmp_path), rule, DAY, features_for(rule))
    assert before.filter(subject_id=2).row(0, named=True) | {
        "total": 17.0,
        "weeks_early": 6.0,
    } == before.filter(subject_id=2).row(0, named=True)
    assert before.filter(subject_id=1)["weeks_early"].to_list() == [None]
    later = [
        Fact(
            1, "HEALTH/SALT/REFERRAL", date(2024, 1, 1), known=date(2024, 9, 1)
        ),  # happened before, told after
        Fact(2, "HEALTH/SALT/REFERRAL", date(2024, 9, 2)),
        Fact(1, "HEALTH/SALT/REFERRAL", date(2024, 10, 1), known=date(2024, 8, 1)),  # dated after the day
        Fact(2, "HEALTH/BIRTH/GESTATION", date(2024, 10, 1), 30, known=date(2024, 8, 1)),
        Fact(1, "HEALTH/BIRTH/GESTATION", date(2018, 3, 1), 30, known=date(2025, 1, 1)),
    ]
    write_store(tmp_path, [*facts, *later])
    assert rows_on(District.open(tmp_path), rule, DAY, features_for(rule)).equals(before)
    told = Fact(1, "HEALTH/SALT/REFERRAL", date(2024, 1, 1))
    write_store(tmp_path, [*facts, told])
    after = rows_on(District.open(tmp_path), rule, DAY, features_for(rule))
    assert before["speech"].to_list() == ["no", "no"]
    assert after["speech"].to_list() == ["yes", "no"]


def test_not_covered_is_not_known_and_not_no(tmp_path: Path) -> None:
    rule = load_rules()["autism-eyfsp-2021"]
    district = write_store(tmp_path, [*profile(1, "2021"), *profile(2, "2021")], uncovered=[(1, "csds")])
    assert rows_on(district, rule, DAY, features_for(rule))["speech"].to_list() == ["not known", "no"]


def test_a_model_reads_one_framework_and_an_assessment() -> None:
    rules = load_rules()
    with pytest.raises(EviError, match="a model reads one"):
        features_for(rules["asq3-two-years"])
    with pytest.raises(EviError, match="reads no assessment"):
        features_for(rules["absence-no-need"])
    with pytest.raises(EviError, match="no feature “shoe_size”"):
        features_for(rules["gld-2012"], ["shoe_size"])
    codes = {code for each in features_for(rules["gld-2012"]) for code in each.codes if "EYFSP" in code}
    assert all(code.startswith("EDU/EYFSP/2012/") for code in codes)


def visits(opendata: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """SMOCC: earlier visits, whether any milestone was missed at the child's last one, and whose they are."""
    table = pl.read_parquet(opendata / "children" / "gcdg_nld_smocc.parquet")
    assert table.shape[0] == 16_722
    assert table["subjid"].n_unique() == 2_038
    items = [name for name in table.columns if name.startswith("ddi")]
    asked = pl.sum_horizontal(pl.col(name).is_not_null() for name in items)
    passed = pl.sum_horizontal(pl.col(name) == 1 for name in items)
    table = (
        table.drop_nulls(["agedays", "gagebrth"])
        .with_columns(asked=asked, passed=passed)
        .sort("subjid", "agedays")
    )
    table = table.with_columns(
        last=pl.col("agedays").max().over("subjid"),
        first=pl.col("agedays").min().over("subjid"),
        so_far=(pl.col("passed").cum_sum() / pl.col("asked").cum_sum()).over("subjid"),
    )
    late = (
        table.filter(pl.col("agedays") == pl.col("last"))
        .group_by("subjid")
        .agg(missed=(pl.col("asked") > pl.col("passed")).any())
    )
    rows = (
        table.join(late, on="subjid")
        .filter((pl.col("last") > 600) & (pl.col("agedays") < pl.col("last")))
        .sort("subjid", "agedays")
    )
    values = rows.select("gagebrth", "first", "agedays", "so_far").to_numpy().astype(float)
    return values, rows["missed"].to_numpy(), rows["subjid"].to_numpy()


@pytest.mark.opendata
def test_visits_split_by_row_flatter_and_are_refused(opendata: Path) -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    values, missed, child = visits(opendata)

    def tried(splits: list[Split]) -> float:
        said = np.full(len(missed), np.nan)
        for split in splits:
            trees = HistGradientBoostingClassifier(max_iter=80, random_state=0)
            trees.fit(values[split.learn], missed[split.learn])
            said[split.judge] = trees.decision_function(values[split.judge])
        return auc(said, missed).value

    by_visit, by_child = by_row(len(missed)), by_group(missed, child)
    for split in by_visit:
        with pytest.raises(EviError, match="are on both sides") as told:
            apart(split, child)
        assert told.value.exit_code == 5
    for split in by_child:
        assert apart(split, child) is split
    flattered, honest = tried(by_visit), tried(by_child)
    assert flattered - honest > 0.05
    assert honest < 0.65


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5))
def test_no_group_is_ever_on_both_sides_and_each_row_is_judged_once(seed: int, folds: int) -> None:
    rng = np.random.default_rng(seed)
    groups, outcome = rng.integers(0, 40, 200), rng.random(200) < 0.3
    splits = by_group(outcome, groups, folds=folds, seed=seed)
    assert np.sort(np.concatenate([each.judge for each in splits])).tolist() == list(range(200))
    for each in splits:
        assert not set(groups[each.learn]) & set(groups[each.judge])
        assert len(each.learn) + len(each.judge) == 200
        assert abs(outcome[each.judge].sum() - outcome.sum() / folds) <= 6


def test_later_years_and_other_schools_are_never_learned_from() -> None:
    rows = made_rows(2_000, 5)
    table = rows.table
    late = by_time(table["cohort"], rows.family, rows.outcome)
    assert table["cohort"][late.learn].max() < table["cohort"][late.judge].min()
    assert not set(rows.family[late.learn]) & set(rows.family[late.judge])
    judged = []
    for split in by_place(table["school"], rows.family, rows.outcome):
        assert not set(table["school"][split.learn]) & set(table["school"][split.judge])
        assert not set(rows.family[split.learn]) & set(rows.family[split.judge])
        judged += split.judge.tolist()
    assert sorted(judged) == list(range(2_000))
    with pytest.raises(EviError, match="one cohort only"):
        by_time(pl.Series("cohort", [date(2020, 1, 1)] * 2_000), rows.family, rows.outcome)


def test_brothers_and_sisters_and_who_share_a_home_are_one_family() -> None:
    homes = pl.DataFrame({"subject_id": [1, 2, 3, 4, 9], "household_id": [7, 7, 8, 9, 8]})
    kin = pl.DataFrame(
        {
            "subject_id": [3, 3, 5, 6],
            "relation": ["sibling", "mother", "mother", "mother"],
            "other_id": [2, 90, 91, 91],
        }
    )
    one, two, three, four, five, six = families_of(
        pl.Series("subject_id", [1, 2, 3, 4, 5, 6]), homes, kin
    ).tolist()
    assert one == two == three
    assert five == six
    assert len({one, four, five}) == 3
