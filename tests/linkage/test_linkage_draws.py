"""Draws of the spine: what every draw keeps, and what they say of a small district."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evi.encoding import encode
from evi.linkage import link
from evi.linkage.doubts import _candidates, _Pieces
from evi.linkage.draw_figures import children_of, figures, spread_of
from evi.linkage.drawing import Pieces, choose, draw, subjects_in
from evi.linkage.draws import Stakes, make_draws, redrawn, subjects_on_draw
from evi.linkage.trial import Trial
from evi.workspace import EviError, file_hash
from tests.linkage.small_district import SmallDistrict, keys_of, make_small_district


@st.composite
def worlds(make: st.DrawFn) -> Pieces:
    """Pieces of one to three feeds, with links in doubt between any two that share none."""
    count = make(st.integers(1, 12))
    feeds = [make(st.integers(1, 7)) for _ in range(count)]
    links: list[list[tuple[int, float]]] = [[] for _ in range(count)]
    for left in range(count):
        for right in range(left + 1, count):
            if not feeds[left] & feeds[right] and make(st.booleans()):
                p = make(st.floats(0.01, 0.99))
                links[left].append((right, p))
                links[right].append((left, p))
    size = np.array([feed.bit_count() for feed in feeds], np.int64)
    subject = np.array(make(st.lists(st.integers(1, 5), min_size=count, max_size=count)), np.int64)
    return Pieces(np.arange(count) * 3, size, subject, feeds, links)


@given(worlds(), st.integers(0, 50))
def test_no_draw_holds_two_records_of_one_feed_or_joins_what_has_no_link(pieces: Pieces, number: int) -> None:
    roots = draw(pieces, np.random.default_rng(number))
    assert (draw(pieces, np.random.default_rng(number)) == roots).all()
    for root in np.unique(roots):
        nodes = np.flatnonzero(roots == root).tolist()
        held = [pieces.feeds[node] for node in nodes]
        assert sum(held) == np.bitwise_or.reduce(held)  # no bit twice
        if len(nodes) > 1:
            assert all(any(other in nodes for other, _ in pieces.links[node]) for node in nodes)


@given(worlds(), st.integers(0, 50))
def test_subjects_of_a_draw_name_its_persons_one_by_one(pieces: Pieces, number: int) -> None:
    roots = draw(pieces, np.random.default_rng(number))
    subjects = subjects_in(pieces, roots)
    assert len({(r, s) for r, s in zip(roots.tolist(), subjects.tolist(), strict=True)}) == len(
        set(roots.tolist())
    )
    assert len(set(subjects.tolist())) == len(set(roots.tolist()))


def test_a_link_is_drawn_as_often_as_its_probability_says() -> None:
    pieces = Pieces(
        np.arange(3),
        np.array([1, 2, 2]),
        np.array([1, 2, 3]),
        [1, 6, 6],
        [[(1, 0.3), (2, 0.5)], [(0, 0.3)], [(0, 0.5)]],
    )
    joined = np.array([draw(pieces, np.random.default_rng(number))[0] for number in range(4_000)])
    assert (joined == 1).mean() == pytest.approx(0.3, abs=0.03)
    assert (joined == 2).mean() == pytest.approx(0.5, abs=0.03)


def test_who_is_taken_gives_up_a_share_to_the_rest() -> None:
    """Two records of one feed, two owners, all four links as likely: each owner gets one of them, always."""
    links = [[(2, 0.5), (3, 0.5)], [(2, 0.5), (3, 0.5)], [(0, 0.5), (1, 0.5)], [(0, 0.5), (1, 0.5)]]
    pieces = Pieces(np.arange(4), np.array([1, 1, 2, 2]), np.arange(1, 5), [1, 1, 6, 6], links)
    for number in range(200):
        roots = draw(pieces, np.random.default_rng(number))
        assert sorted(roots[:2].tolist()) == [2, 3]


@given(st.floats(0.01, 0.99), st.floats(-3, 3))
def test_trust_moves_the_odds_of_a_link_and_not_the_shares_of_rivals(p: float, shift: float) -> None:
    marks = (np.arange(2_000) + 0.5) / 2_000
    alone = np.mean([choose({7: p}, p, mark, (shift, 1.0)) == 7 for mark in marks])
    assert alone == pytest.approx(1 / (1 + (1 - p) / p * np.exp(-shift)), abs=1e-3)
    rivals = [choose({7: 0.75 * p, 8: 0.25 * p}, p, mark, (shift, 1.0)) for mark in marks]
    assert np.mean([each == 7 for each in rivals]) == pytest.approx(0.75 * alone, abs=2e-3)


def test_records_of_one_feed_that_are_one_person_stay_together_and_join_as_one() -> None:
    links = [[(2, 0.999)], [], [(0, 0.999)]]
    pieces = Pieces(np.arange(3), np.array([1, 1, 4]), np.arange(1, 4), [1, 1, 6], links)
    roots = draw(pieces, np.random.default_rng(1), None, [(0, 1, 1)])
    assert roots[0] == roots[1]
    apart = Pieces(np.arange(2), np.array([2, 2]), np.arange(1, 3), [3, 3], [[], []])
    assert len(set(draw(apart, np.random.default_rng(1), None, [(0, 1, 1)]).tolist())) == 2


def test_an_interval_holds_nine_tenths_of_what_a_further_draw_would_give() -> None:
    rng = np.random.default_rng(5)
    inside = []
    for _ in range(4_000):
        values = rng.normal(0, 1_000, 21)
        told = spread_of([round(value) for value in values[:20]])
        inside.append(told["low"] <= values[20] <= told["high"])
    assert np.mean(inside) == pytest.approx(0.9, abs=0.02)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SmallDistrict:
    small = make_small_district(tmp_path_factory.mktemp("draws") / "d", families=80)
    encode(small.district, keys_of(small))
    link(small.district)
    return small


def test_draws_are_written_and_repeat(made: SmallDistrict) -> None:
    district = made.district
    result = make_draws(district, 5)
    assert result.rows["draws"] == 5 and result.rows["links_in_doubt"] > 0
    folder = district.root / "draws"
    before = {path.name: file_hash(path) for path in folder.iterdir()}
    make_draws(district, 5)
    assert {path.name: file_hash(path) for path in folder.iterdir()} == before
    table = pl.read_parquet(folder / "figures.parquet")
    assert {"people", "children", "children in ae and gp"} <= set(table["figure"])
    assert (table["low"] <= table["mean"] + 1e-9).all() and (table["mean"] <= table["high"] + 1e-9).any()
    moved = pl.read_parquet(folder / "people.parquet")
    assert moved.columns == ["draw", "feed", "person", "subject_id"]
    trial = json.loads((folder / "trial.json").read_text())
    assert trial["found"] and all(row["wrong"] == 0 for row in trial["found"])
    people = pl.read_parquet(district.spine / "people.parquet")
    for number in (0, 4):
        drawn = subjects_on_draw(district, number)
        assert drawn.select("feed", "person").equals(people.select("feed", "person"))
        changed = (drawn["subject_id"] != people["subject_id"]).sum()
        assert changed == moved.filter(pl.col("draw") == number).height
    with pytest.raises(EviError, match="no draw 5: 5 were made"):
        subjects_on_draw(district, 5)


def test_a_draw_keeps_every_record_once(made: SmallDistrict) -> None:
    tables = ("people", "subjects", "pieces", "doubts")
    spine = {name: pl.read_parquet(made.district.spine / f"{name}.parquet") for name in tables}
    assert spine["doubts"]["p"].is_between(0, 1).all()
    stakes = Stakes.of(spine, Trial.nothing())
    people = spine["people"]
    children = children_of(spine["subjects"], people)
    for number in range(10):
        moved = stakes.changes(number)
        assert moved.select("feed", "person").is_duplicated().sum() == 0
        assert moved.equals(stakes.changes(number))
        drawn = redrawn(people, moved)
        assert drawn.select("feed", "person").equals(people.select("feed", "person"))
        assert figures(drawn, children)["people"] > 0


def test_a_nameless_record_is_looked_for_among_those_whom_such_a_feed_would_hold() -> None:
    """Social care (bit 2) holds all but a few of the in-need return (bit 1); two share each birth date."""
    count = 60
    known = 2 * count
    piece = np.arange(known + 6)
    mask = np.array([4 | 2 | 1] * (count - 6) + [4 | 2] * 6 + [4] * count + [1] * 6)
    dob = np.concatenate([np.arange(count), np.arange(count), np.arange(count - 6, count)])
    born = np.array([2010 + i % 8 for i in dob])
    blank = np.array([False] * known + [True] * 6)
    pieces = _Pieces(piece, mask, dob, np.array(["F"] * len(piece)), born, blank)
    found = pl.DataFrame(_candidates(pieces, 1, 0.98))
    same = found.filter(pl.col("a") - known == pl.col("b") - (count - 6))  # in social care, same birth date
    best = same.group_by("a").agg(pl.col("p").max())["p"]
    assert best.len() == 6 and best.to_numpy().min() > 0.8
    assert found.group_by("a").agg(pl.col("p").sum())["p"].to_numpy().max() <= 1 + 1e-9


def test_one_draw_is_refused(made: SmallDistrict, tmp_path: Path) -> None:
    with pytest.raises(EviError, match="no variation"):
        make_draws(made.district, 1)
    with pytest.raises(EviError, match="evi link"):
        make_draws(make_small_district(tmp_path / "x", families=1).district, 5)
