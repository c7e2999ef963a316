"""Models: gaps kept as gaps, ends cut off, calibration and its coverage, wavering, the gate, and replay."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from evi.casefinding.curves import net_benefit
from evi.casefinding.models import making
from evi.casefinding.models.by_group import group_found
from evi.casefinding.models.calibration import curve, measure, recalibrate
from evi.casefinding.models.design import columns_of, make_terms
from evi.casefinding.models.features import features_for
from evi.casefinding.models.fitting import Logistic, fit, log_loss, read_model
from evi.casefinding.models.gate import decide, duel, equal_work, range_of
from evi.casefinding.models.rows import Rows, make_rows
from evi.casefinding.models.saved import digest_of, load_model, put_in_order, write_model
from evi.casefinding.models.splits import by_group
from evi.casefinding.models.trying import refit, tried, tried_rule, validate
from evi.casefinding.performance import count
from evi.casefinding.rules import load_rules
from evi.cli import main as _cli  # noqa: F401 - the verbs are registered when asked for
from evi.workspace import District, DistrictConfig, EviError
from tests.casefinding.simulated_rows import made_rows
from tests.casefinding.stores import DAY, low_profile, profile, write_store


def chance(score: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-score))


@pytest.fixture(scope="module")
def rows() -> Rows:
    return made_rows(4_000, 2, sex=0.8, gap_adds=1.2)


@pytest.mark.parametrize("kind", ["logistic", "boosting"])
def test_a_gap_that_tells_of_the_outcome_is_learned_and_not_filled_in(kind: str, rows: Rows) -> None:
    gap = rows.table["weeks_early"].is_null().to_numpy()
    said = chance(fit(kind, rows).score(rows.table))
    assert said[gap].mean() == pytest.approx(rows.outcome[gap].mean(), abs=0.012)
    filled = replace(
        rows, table=rows.table.with_columns(pl.col("weeks_early").fill_null(pl.col("weeks_early").mean()))
    )
    wrong = chance(fit("logistic", filled).score(filled.table))
    assert (
        abs(wrong[gap].mean() - rows.outcome[gap].mean()) > 0.02
    )  # what filling in the mean would have done


@pytest.mark.parametrize("kind", ["logistic", "boosting"])
def test_what_no_child_taught_is_not_scored(kind: str, rows: Rows) -> None:
    whole = replace(rows, table=rows.table.with_columns(pl.col("weeks_early").fill_null(0.0)))
    model = fit(kind, whole)
    asked = whole.table.head(4).with_columns(
        weeks_early=pl.Series([None, 1.0, 1.0, 1.0]), sex=pl.Series(["M", "X", None, "F"])
    )
    assert np.isnan(model.score(asked)).tolist() == [True, True, True, False]


@pytest.mark.parametrize("kind", ["logistic", "boosting"])
def test_a_value_beyond_the_ends_is_taken_as_the_end(kind: str, rows: Rows) -> None:
    model = fit(kind, rows)
    totals = [-400.0, 0.0, 17.0, 51.0, 90.0, 9_000.0]
    asked = (
        rows.table.head(1)
        .select("weeks_early", "sex", "speech")
        .join(pl.DataFrame({"total": totals}), how="cross")
    )
    said = model.score(asked)
    assert said[0] == said[1] == said[2]
    assert said[3] == said[4] == said[5]
    assert chance(said).max() < 0.95
    weeks = pl.DataFrame({"weeks_early": [-900.0, 0.0, 16.0, 900.0]})
    asked = rows.table.head(1).select("total", "sex", "speech").join(weeks, how="cross")
    said = model.score(asked)
    assert said[0] == said[1]
    assert said[2] == said[3]


def test_columns_are_as_many_as_are_counted_for_riley(rows: Rows) -> None:
    terms = make_terms(rows.table, rows.features)
    made = columns_of(terms, rows.table)
    names = [name for term in terms for name in term.names]
    assert made.shape == (len(rows), len(names)) == (4_000, making.parameters(rows))
    assert "weeks_early not known" in names
    assert abs(made[:, :3].mean(axis=0)).max() < 1e-9
    flat = replace(rows, table=rows.table.with_columns(total=pl.lit(30.0)))
    assert [term.feature for term in make_terms(flat.table, flat.features)] == [
        "weeks_early",
        "sex",
        "speech",
    ]


def test_the_penalty_is_chosen_by_families_held_back() -> None:
    quiet = fit("logistic", made_rows(400, 3, slope=0.0, noise=15))
    loud = fit("logistic", made_rows(4_000, 3, slope=-0.4))
    assert isinstance(quiet, Logistic)
    assert isinstance(loud, Logistic)
    assert quiet.penalty < loud.penalty
    assert log_loss(np.array([0.0, 100.0]), np.array([True, True])) == pytest.approx(np.log(2))


def test_calibration_of_the_truth_and_of_an_over_confident_score(rows: Rows) -> None:
    truth = rows.table["log_odds"].to_numpy()
    right, twice = measure(truth, rows.outcome), measure(2 * truth, rows.outcome)
    assert right.slope.low < 1 < right.slope.high
    assert right.intercept.low < 0 < right.intercept.high
    assert twice.slope.value == pytest.approx(right.slope.value / 2, rel=1e-6)
    assert twice.slope.high < 1
    assert measure(truth - 1, rows.outcome).intercept.value == pytest.approx(
        1 + right.intercept.value, abs=1e-6
    )
    assert right.brier < right.brier_none
    assert sum(step.children for step in right.curve) == len(rows)
    assert all(step.came.low <= step.came.value <= step.came.high for step in right.curve)
    inside = sum(step.came.low <= step.said <= step.came.high for step in right.curve)
    assert inside >= len(right.curve) - 2
    assert measure(np.append(truth, np.nan), np.append(rows.outcome, True)).unscored == 1


def test_slopes_are_those_of_statsmodels(rows: Rows) -> None:
    import statsmodels.api as sm

    score = rows.table["log_odds"].to_numpy() * 1.3
    slope, large = recalibrate(score, rows.outcome, rows.family)
    with_slope = sm.Logit(rows.outcome.astype(float), sm.add_constant(score)).fit(
        disp=0, cov_type="cluster", cov_kwds={"groups": rows.family}
    )
    flat = sm.GLM(rows.outcome.astype(float), np.ones(len(rows)), sm.families.Binomial(), offset=score).fit()
    assert slope.value == pytest.approx(with_slope.params[1], abs=1e-7)
    assert (slope.high - slope.low) / 2 / 1.959964 == pytest.approx(with_slope.bse[1], rel=2e-3)
    assert large.value == pytest.approx(flat.params[0], abs=1e-7)


def test_intervals_cover_what_they_should_and_count_families() -> None:
    """Of 300 draws of 400 pairs of twins who always share the outcome, about 95% cover; by child, fewer."""
    rng = np.random.default_rng(6)
    family = np.repeat(np.arange(400), 2)
    covered = {"family": 0, "child": 0}
    for _ in range(300):
        score = np.repeat(rng.normal(-1, 1.2, 400), 2)
        came = np.repeat(rng.random(400) < chance(score[::2]), 2)
        for name, groups in (("family", family), ("child", np.arange(800))):
            slope, _ = recalibrate(score, came, groups)
            covered[name] += slope.low <= 1 <= slope.high
    assert 0.92 <= covered["family"] / 300 <= 0.98
    assert covered["child"] / 300 < 0.88


def test_steps_of_the_curve_keep_ties_together() -> None:
    said = np.repeat([0.1, 0.2, 0.7], [300, 40, 60])
    steps = curve(said, np.zeros(400, bool))
    assert [(step.children, round(step.said, 2)) for step in steps] == [(300, 0.1), (40, 0.2), (60, 0.7)]


def test_what_chance_taught_is_seen_as_optimism() -> None:
    noise = made_rows(400, 7, slope=0.0, level=-1.5, noise=14)
    model = fit("logistic", noise)
    wavers = refit("logistic", model, noise, refits=15)
    apparent = measure(model.score(noise.table), noise.outcome).auc.value
    others = measure(tried("logistic", noise, by_group(noise.outcome, noise.family)), noise.outcome).auc.value
    assert apparent > 0.64
    assert wavers.auc_optimism > 0.06
    assert abs(others - 0.5) < 0.08
    assert wavers.auc_corrected < apparent - 0.06
    assert wavers.slope_corrected < measure(model.score(noise.table), noise.outcome).slope.value - 0.3


def test_more_children_waver_less(rows: Rows) -> None:
    few, many = made_rows(300, 8), made_rows(3_000, 8)
    small, large = (refit("logistic", fit("logistic", each), each, refits=6) for each in (few, many))
    assert large.rank_moves[0] < small.rank_moves[0]
    assert large.rank_moves[1] < small.rank_moves[1]
    assert 0 <= large.over_a_line <= small.over_a_line <= 1


def test_every_way_to_set_children_apart_is_tried_or_said_not_to_be(rows: Rows) -> None:
    some = rows.take(np.arange(1_500))
    found = validate("logistic", fit("logistic", some), some)
    assert set(found.by) == {"child", "family", "time", "place"}
    assert found.by["family"].children == 1_500
    assert found.by["time"].children < 800
    one = replace(some, table=some.table.with_columns(cohort=pl.lit(date(2020, 8, 31)), school=pl.lit("s")))
    assert set(validate("logistic", fit("logistic", one), one).not_done) == {"time", "place"}


def test_a_duel_is_the_difference_of_net_benefits(rows: Rows) -> None:
    said, flagged = chance(rows.table["log_odds"].to_numpy()), rows.table["flagged"].to_numpy()
    found = duel("rule", said, flagged, rows.outcome, rows.family, willing=(4, 10))
    for k in (4, 10):
        one, other = (
            net_benefit(count(each, rows.outcome), 1 / k).value for each in (said >= 1 / k, flagged)
        )
        assert found.by_willing[k].value == pytest.approx(1_000 * (one - other))
    assert found.gain.value == pytest.approx(np.mean([each.value for each in found.by_willing.values()]))


def test_only_a_model_that_beats_the_rule_with_its_line_moved_is_offered() -> None:
    for adds, offered in ((0.0, False), (3.0, True)):
        some = made_rows(3_000, 9, speech=adds)
        splits = by_group(some.outcome, some.family)
        said, moved = chance(tried("logistic", some, splits)), chance(tried_rule(some, splits))
        flagged = some.table["flagged"].to_numpy()
        duels = [
            duel("the rule", said, flagged, some.outcome, some.family),
            duel("its line moved", said, moved, some.outcome, some.family),
        ]
        verdict = decide(duels, rule="gld v1", kind="logistic")
        assert verdict.offered is offered
        assert duels[0].won  # another line alone beats the old one
        assert ("not offered: it does not beat its line moved" in verdict.sentence) is not offered
        assert verdict.sentence.count(".") >= 2


def test_a_model_that_is_no_different_wins_one_time_in_forty() -> None:
    """The gate's false offers: of 300 models that differ by chance alone, about 2.5% win."""
    rng = np.random.default_rng(10)
    won = 0
    for _ in range(300):
        n = 1_000
        outcome = rng.random(n) < 0.15
        model, rule = rng.random((2, n)) < 0.2
        won += duel("rule", model.astype(float), rule, outcome, np.arange(n), willing=(5, 6)).won
    assert won / 300 < 0.06


def test_who_is_found_with_as_many_assessed() -> None:
    flagged = np.array([True, True, False, False])
    needy = np.array([True, False, True, False])
    found = equal_work(np.array([3.0, 0.0, 2.0, 1.0]), flagged, needy, np.arange(4))
    assert (found.assessed, found.needy, found.rule, found.model, found.more.value) == (2, 2, 1, 2, 1.0)


def test_a_model_that_imitates_recognition_is_not_offered() -> None:
    some = made_rows(3_000, 9, speech=3.0)
    hidden = some.table["flagged"].to_numpy() & ~some.outcome
    table = some.table.with_columns(unrecognised=pl.Series(hidden))
    imitates = Rows(table, some.features, 3, {})
    splits = by_group(imitates.outcome, imitates.family)
    held, moved = tried("logistic", imitates, splits), tried_rule(imitates, splits)
    duels, work = making._against(imitates, held, moved, (3, 5, 10))
    verdict = decide(duels, rule="gld v1", kind="logistic")
    assert verdict.offered
    after = making._verdict(verdict, work)
    assert not after.offered
    assert "imitates past recognition" in after.sentence


@pytest.mark.parametrize("told", [True, False])
def test_groups_of_those_nobody_knew_of_add_up_to_all_of_them(
    told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = made_rows(2_000, 3, level=-1.5)
    rng = np.random.default_rng(8)
    hidden = (
        pl.Series(rng.random(len(some)) < 0.2) if told else pl.Series([None] * len(some), dtype=pl.Boolean)
    )
    some = replace(some, table=some.table.with_columns(unrecognised=hidden))
    sides = pl.Series(rng.choice(["left", "right"], len(some)))
    monkeypatch.setattr(
        making,
        "groups",
        lambda d, s, day: pl.DataFrame({"subject_id": s} | dict.fromkeys(making.BY, sides)),
    )
    score = rng.normal(size=len(some))
    _, _, found = making._by_group(District(tmp_path, DistrictConfig("d")), some, score, DAY)
    if not told:
        assert found == ()
        return
    work = equal_work(score, some.table["flagged"].to_numpy(), hidden.to_numpy(), some.family)
    by_sex = [each for each in found if each.by == "sex"]
    assert [each.group for each in by_sex] == ["left", "right"]
    assert sum(each.needy for each in by_sex) == work.needy
    assert sum(each.by_model.value * each.needy for each in by_sex) == pytest.approx(work.model)
    assert sum(each.by_rule.value * each.needy for each in by_sex) == pytest.approx(work.rule)


def test_small_groups_are_named_and_not_measured(rows: Rows) -> None:
    groups = pl.DataFrame({"sex": ["a"] * 3_950 + ["b"] * 50})
    score = rows.table["log_odds"].to_numpy()
    found, small = group_found(groups, ["sex"], score, rows.table["flagged"].to_numpy(), rows.outcome)
    assert [each.group for each in found] == ["a"]
    assert small == ("sex: b",)
    assert found[0].said == pytest.approx(found[0].came.value, abs=0.02)


@pytest.mark.parametrize("kind", ["logistic", "boosting"])
def test_a_saved_model_scores_bit_for_bit_the_same(kind: str, rows: Rows, tmp_path: Path) -> None:
    model = fit(kind, rows, seed=3)
    assert fit(kind, rows, seed=3) == model
    path = tmp_path / "model.json"
    document = {
        "model": model.to_json(),
        "rule": {"label": "r v1", "digest": "d"},
        "verdict": {"offered": True, "sentence": ""},
    }
    digest = write_model(document, path)
    back = load_model(path)
    assert back.digest == digest == digest_of(json.loads(path.read_text("utf-8")))
    assert back.model.score(rows.table).tobytes() == model.score(rows.table).tobytes()
    alone = np.concatenate([back.model.score(rows.table[n]) for n in range(60)])
    assert alone.tobytes() == model.score(rows.table)[:60].tobytes()
    text = path.read_text("utf-8")
    path.write_text(text.replace('"intercept": -', '"intercept": -1', 1))
    with pytest.raises(EviError, match="changed after it was written"):
        load_model(path)
    path.write_bytes(b"\x80\x04N.")
    with pytest.raises(EviError, match="can't be read as a model"):
        load_model(path)


def test_steps_read_out_of_the_library_are_the_librarys(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    from interpret.glassbox import ExplainableBoostingClassifier

    kept = []
    original = ExplainableBoostingClassifier.fit
    monkeypatch.setattr(
        ExplainableBoostingClassifier,
        "fit",
        lambda self, x, y, **more: kept.append((self, x)) or original(self, x, y, **more),
    )
    model = fit("boosting", rows)
    library, x = kept[0]
    assert library.interactions == 0
    assert np.abs(library.decision_function(x) - model.score(rows.table)).max() < 1e-12


def test_kinds_that_are_not_offered_are_refused(rows: Rows) -> None:
    for kind in ("yardstick", "gradient", "forest"):
        with pytest.raises(EviError, match="is offered"):
            fit(kind, rows)
        with pytest.raises(EviError, match="no model of the kind"):
            read_model({"kind": kind})
    assert range_of(3, 20) == (3, 4, 5, 6, 8, 10, 12, 15, 20)
    with pytest.raises(EviError, match="two numbers of 2 or more"):
        range_of(20, 3)


def test_an_order_holds_no_chance_and_needs_the_rule_it_was_made_with(tmp_path: Path) -> None:
    rule = load_rules()["autism-eyfsp-2021"]
    district = write_store(
        tmp_path, [f for child in range(1, 13) for f in low_profile(child, "2021", 5 + child)]
    )
    made = made_rows(2_000, 1)
    total = replace(made.features[0], codes=())
    model = fit("logistic", Rows(made.table, (total,), 3, {}))
    features = [each.to_json() for each in features_for(rule)]
    document = {
        "model": model.to_json(), "features": features, "rule": {"label": rule.label, "digest": rule.digest},
        "verdict": {"offered": True, "sentence": "It may be offered."},
    }  # fmt: skip
    write_model(document, tmp_path / "model.json")
    saved = load_model(tmp_path / "model.json")
    order = put_in_order(saved, district, DAY)
    assert order.columns == ["subject_id", "place"]
    assert order["subject_id"].to_list() == [
        12,
        11,
        10,
        9,
        8,
        7,
        6,
        5,
        4,
        3,
    ]  # totals of 17 to 26; 27 is the line
    assert order["place"].to_list() == list(range(1, 11))
    with pytest.raises(EviError, match="has changed since"):
        put_in_order(replace(saved, rule_digest="other"), district, DAY)
    with pytest.raises(EviError, match="not offered, use the rule"):
        put_in_order(replace(saved, offered=False, sentence="not offered, use the rule"), district, DAY)


def test_cohorts_are_seen_as_they_were_and_those_on_a_pathway_are_left_out(tmp_path: Path) -> None:
    from tests.casefinding.stores import Fact

    rule = load_rules()["autism-eyfsp-2021"]
    born, on = date(2017, 3, 1), date(2022, 6, 30)
    children = range(1, 6)
    facts = [f for child in children for f in profile(child, "2021", 1 if child < 4 else 2, on=on)]
    facts += [
        Fact(1, "HEALTH/AUTISM/DIAGNOSIS", date(2023, 5, 1)),
        Fact(2, "HEALTH/AUTISM/DIAGNOSIS", date(2022, 7, 1)),  # before the cohort's day: excluded
        Fact(3, "HEALTH/AUTISM/DIAGNOSIS", date(2023, 6, 1), known=date(2025, 1, 1)),  # known too late
    ]
    district = write_store(tmp_path, facts, births=dict.fromkeys(children, born))
    with pytest.raises(EviError, match="families can't be kept apart"):
        make_rows(district, rule, DAY, years=2)
    district.spine.mkdir(exist_ok=True)
    empty = {
        "subject_id": pl.Int64,
        "household_id": pl.Int64,
        "lsoa": pl.String,
        "start": pl.Date,
        "end": pl.Date,
    }
    pl.DataFrame(schema=empty).write_parquet(district.spine / "households.parquet")
    kin = pl.DataFrame({"subject_id": [4], "relation": ["sibling"], "other_id": [5]})
    kin.write_parquet(district.spine / "relations.parquet")
    rows = make_rows(district, rule, DAY, years=2)
    table = rows.table.sort("subject_id")
    assert table["subject_id"].to_list() == [1, 3, 4, 5]
    assert table["cohort"].unique().to_list() == [date(2022, 8, 31)]
    assert table["outcome"].to_list() == [True, False, False, False]
    assert rows.left_out == {"on a pathway, or recorded, by the day": 1}
    assert table["family"][2] == table["family"][3] != table["family"][0]
    asks_nobody = make_rows(district, replace(rule, exclusions=()), DAY, years=2)
    assert sorted(asks_nobody.table["subject_id"].to_list()) == [1, 3, 4, 5]
    assert asks_nobody.left_out == {"recorded by a service that the rule does not ask": 1}
    with pytest.raises(EviError, match="no child was assessed"):
        make_rows(district, rule, DAY, years=5)


def test_the_command_says_what_it_tried_and_offers_nothing_that_does_no_more_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evi.cli.app import app
    from evi.cli.casefind_model import model as _command  # noqa: F401 - registers the verb

    district = write_store(tmp_path / "d", profile(1, "2012", on=date(2018, 6, 30)))
    some = made_rows(1_200, 11, level=-2.0)
    monkeypatch.setattr(making, "make_rows", lambda *_, **__: some)
    monkeypatch.setattr(
        making,
        "groups",
        lambda d, s, day: pl.DataFrame({"subject_id": s} | {by: ["x"] * len(s) for by in making.BY}),
    )
    arguments = [
        "casefind",
        "model",
        "gld-2012",
        "--district",
        str(district.root),
        "--refits",
        "5",
        "--out",
        str(tmp_path),
    ]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert "The logistic model is not offered: it does not beat" in said
    assert "yardstick" in said
    assert "too small to measure" not in said
    saved = load_model(tmp_path / "model.json")
    assert not saved.offered
    assert saved.about["needed"]["children"] <= 1_200
    assert saved.about["digest"] == saved.digest
    with pytest.raises(EviError, match="not offered"):
        put_in_order(saved, district, DAY)
    few = made_rows(150, 11, level=-2.0)
    monkeypatch.setattr(making, "make_rows", lambda *_, **__: few)
    refused = CliRunner().invoke(app, arguments)
    assert refused.exit_code == 4
