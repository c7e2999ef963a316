"""What hidden numbers teach: on made-up judgements whose truth is known, and on a small district."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from evi.encoding import encode, read_deliveries, retire_codes
from evi.linkage import link
from evi.linkage.beliefs import Beliefs, Blindness, Doubling, Trust, retold
from evi.linkage.draws import make_draws
from evi.linkage.trial import hold_trial
from evi.linkage.unfound import given_away, lone_records
from tests.linkage.small_district import SmallDistrict, keys_of, make_small_district


@pytest.mark.parametrize(("shift", "slope"), [(0.0, 1.0), (1.5, 1.0), (-1.0, 0.8)])
def test_trust_is_what_the_numbers_say(shift: float, slope: float) -> None:
    rng = np.random.default_rng(3)
    p = rng.uniform(0.02, 0.98, 6_000)
    feeds = ["ae", "gp", "ssd"] * 2_000
    same = (rng.random(6_000) < retold(p, np.array([shift, slope]))).astype(float)
    fit = Trust.learned(p, same, feeds).likeliest
    sd = np.sqrt(np.diag(fit.covariance))
    assert (np.abs(fit.mean[:2] - [shift, slope]) < 3.5 * sd[:2]).all() and fit.spread_of_feeds < 0.5


def test_feeds_that_differ_are_told_apart_and_others_are_drawn_wider() -> None:
    rng = np.random.default_rng(8)
    p, feeds, own = rng.uniform(0.05, 0.95, 8_000), ["ae", "gp", "ssd", "csds"] * 2_000, [-1.2, 0.0, 0.2, 1.3]
    true = 1 / (1 + (1 - p) / p * np.exp(-0.5 - np.tile(own, 2_000)))
    same = (rng.random(8_000) < true).astype(float)
    trust = Trust.learned(p, same, feeds)
    drawn = [trust.sample(["ae", "csds", "police"], rng) for _ in range(300)]
    shifts = {feed: np.array([one[feed][0] for one in drawn]) for feed in drawn[0]}
    assert shifts["ae"].mean() == pytest.approx(-0.7, abs=0.2)
    assert shifts["csds"].mean() == pytest.approx(1.8, abs=0.25)
    assert shifts["police"].std() > 3 * shifts["ae"].std() and trust.likeliest.spread_of_feeds >= 0.6


def test_without_judgements_trust_is_the_prior() -> None:
    fit = Trust.learned(np.zeros(0), np.zeros(0), []).likeliest
    assert fit.mean.tolist() == [0.0, 1.0]
    assert np.sqrt(np.diag(fit.covariance)).tolist() == pytest.approx([2.0, 0.5])


def test_a_feed_without_numbers_is_drawn_wider_than_one_that_was_tried() -> None:
    found = pl.DataFrame({"feed": ["gp"], "hidden": [5_000], "in_doubt": [100], "not_found": [5]})
    blindness = Blindness.learned(found, pl.DataFrame({"feed": ["gp", "police"], "records": [4_000, 4_000]}))
    rng = np.random.default_rng(2)
    gp, police = (np.array([blindness.sample(feed, rng) for _ in range(4_000)]) for feed in ("gp", "police"))
    assert gp.mean() == pytest.approx(4, abs=0.5) and police.mean() == pytest.approx(4, abs=0.5)
    assert police.std() > 1.4 * gp.std()
    assert blindness.sample("nobody's", rng) == 0


def test_pairs_inside_a_feed_borrow_from_those_that_agree_alike_in_all_but_home() -> None:
    alike = pl.DataFrame(
        {
            "pattern": ["names same, home shared", "names other, home shared"],
            "same": [70, 0],
            "different": [0, 90],
        }
    )
    doubling = Doubling.learned(alike)

    def mean(pattern: str) -> float:
        same, different = doubling.parameters(pattern)
        return same / (same + different)

    assert mean("names same, home shared") > 0.99 and mean("names same, home unknown") > 0.95
    assert mean("names other, home unknown") < 0.01
    assert mean("never seen, home other") == pytest.approx(0.1)


def test_a_lone_record_is_given_to_somebody_like_it_who_is_not_in_its_feed() -> None:
    people = pl.DataFrame(
        {
            "feed": ["a"] * 6 + ["b"] * 5,
            "person": [*range(6), *range(5)],
            "subject_id": [1, 2, 3, 4, 5, 9, 1, 2, 3, 7, 8],
        }
    )
    born = {1: 2010, 2: 2010, 3: 2010, 4: 2010, 5: 1980, 7: 2010, 8: 1980, 9: 2010}
    subjects = pl.DataFrame(
        {"subject_id": list(born), "birth_month": [f"{y}-05-01" for y in born.values()], "sex": ["F"] * 8}
    ).with_columns(pl.col("birth_month").str.to_date())
    lone = lone_records(people, subjects, doubtful={9})
    assert sorted(lone["a"].person.tolist()) == [3, 4]  # subjects 4 and 5; 9 is drawn otherwise
    sure = Blindness({"a": (1e6, 1e3), "b": (1.0, 1e9)}, (1.0, 1e9), {"a": 1, "b": 0})
    given = given_away(lone, sure, np.random.default_rng(1))
    assert dict(given.select("person", "subject_id").rows()) == {3: 7, 4: 8}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SmallDistrict:
    small = make_small_district(tmp_path_factory.mktemp("trial") / "d", families=150)
    encode(small.district, keys_of(small))
    link(small.district)
    return small


def test_a_trial_finds_hidden_records_again_and_judges_links_in_doubt(made: SmallDistrict) -> None:
    trial = hold_trial(made.district)
    total = trial.found.select(pl.exclude("feed")).sum().row(0, named=True)
    assert total["hidden"] > 100 and total["wrong"] <= 1
    assert total["surely"] + total["in_doubt"] + total["not_found"] == total["hidden"]
    assert total["not_found"] < 0.05 * total["hidden"]
    assert trial.judged.height > 0 and trial.judged["p"].is_between(0, 1).all()
    assert set(trial.unnumbered["feed"]) <= {
        "gp",
        "school",
        "ae",
        "maternity",
    }  # the care return has no names
    again = hold_trial(made.district)
    assert again.judged.equals(trial.judged) and again.found.equals(trial.found)


def test_once_codes_are_deleted_draws_say_that_nothing_was_tried(made: SmallDistrict) -> None:
    retire_codes(made.district, read_deliveries(made.district))
    after = make_draws(made.district, 4)
    assert after.rows["records_tried"] == 0 and "deleted" in after.notes[0]
    beliefs = Beliefs.learned(hold_trial(made.district))
    assert beliefs.trust["scored"].likeliest.mean.tolist() == [0.0, 1.0]
