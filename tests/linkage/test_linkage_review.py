"""Clerical review: what is shown, what decisions do to the next run, and how far reviewers agree."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from evi.encoding import encode
from evi.linkage import link, review
from evi.workspace import EviError
from tests.linkage.small_district import SmallDistrict, keys_of, make_small_district


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SmallDistrict:
    small = make_small_district(tmp_path_factory.mktemp("review") / "d", families=100)
    encode(small.district, keys_of(small))
    link(small.district)
    return small


def test_pairs_are_shown_without_a_value_or_a_code(made: SmallDistrict) -> None:
    pairs = review.read_pairs(made.district)
    assert pairs
    shown = json.dumps(review.most_informative(pairs, [], 50))
    codes = pl.read_parquet(made.district.spine / "people.parquet")["person"].to_list()
    values = {v for p in made.people for v in (p.forename, p.surname, p.nhs, p.upn, str(p.born))}
    assert not [code for code in codes if str(code) in shown]
    assert not [value for value in values if value in shown]


def test_every_pattern_is_shown_once_before_any_twice_and_decided_pairs_are_not_shown() -> None:
    pairs = [
        {"pair": f"{i}", "feeds": "a and b", "p": p, "pattern": pattern, "agrees": ""}
        for i, (pattern, p) in enumerate([("x", 0.5), ("x", 0.4), ("x", 0.6), ("y", 0.5), ("z", 0.98)])
    ]
    assert [row["pattern"] for row in review.most_informative(pairs, [], 4)] == ["x", "y", "z", "x"]
    told = [{"pair": "0", "pattern": "x", "verdict": "match", "by": "one"}]
    assert "0" not in {row["pair"] for row in review.most_informative(pairs, told, 9)}


def test_decisions_are_honoured_and_pair_names_outlive_a_rerun(made: SmallDistrict) -> None:
    district = made.district
    before = {row["pair"]: row["p"] for row in review.read_pairs(district)}
    refused = min((p, pair) for pair, p in before.items() if p > 0.05)[1]
    joined = max((p, pair) for pair, p in before.items())[1]
    review.decide(district, refused, "match", "clerk one")
    review.decide(district, joined, "different", "clerk one")
    link(district)
    after = {row["pair"]: row["p"] for row in review.read_pairs(district)}
    assert refused not in after and joined not in after  # no longer in doubt
    assert len(after.keys() & before.keys()) > 0.7 * (len(before) - 2)
    (district.root / review.DECISIONS).unlink()
    link(district)
    assert {row["pair"]: row["p"] for row in review.read_pairs(district)} == before


def test_a_majority_decides_and_unsure_and_ties_decide_nothing() -> None:
    def said(pair: str, verdict: str, by: str) -> dict[str, str]:
        return {"pair": pair, "pattern": "x", "verdict": verdict, "by": by}

    told = [said("a", "match", "one"), said("a", "different", "two"), said("b", "unsure", "one")]
    assert review.decided(told).pairs == {}
    told += [said("a", "match", "three"), said("c", "different", "one"), said("c", "match", "one")]
    known = review.decided(told)
    assert known.pairs == {"a": "match", "c": "match"}  # a reviewer's last word counts
    assert known.patterns == {"x": (2, 2)}


def test_kappa_of_the_textbook_and_of_those_who_always_agree() -> None:
    judged = [("match", "match")] * 20 + [("match", "different")] * 5
    judged += [("different", "match")] * 10 + [("different", "different")] * 15
    found = review.kappa(("a", "b"), judged)
    assert found is not None and found.kappa == pytest.approx(0.4) and found.low < 0.4 < found.high
    same = review.kappa(("a", "b"), [("match", "match")] * 4)
    assert same is not None and same.kappa == 1.0
    assert review.kappa(("a", "b"), []) is None


def test_what_is_decided_wrongly_is_said_plainly(made: SmallDistrict, tmp_path: Path) -> None:
    pair = review.read_pairs(made.district)[0]["pair"]
    for args, words in (
        (("nothere", "match", "one"), "no pair in doubt"),
        ((pair, "perhaps", "one"), "no verdict"),
        ((pair, "match", " "), "nobody signs"),
    ):
        with pytest.raises(EviError, match=words):
            review.decide(made.district, *args)
    with pytest.raises(EviError, match="evi link"):
        review.read_pairs(make_small_district(tmp_path / "x", families=1).district)
