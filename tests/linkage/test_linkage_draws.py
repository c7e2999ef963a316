"""Draws of the spine: what every draw keeps, and what they say of a small district."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evi.encoding import encode
from evi.linkage import link
from evi.linkage.doubts import _candidates, _Pieces
from evi.linkage.draws import (
    Pieces,
    changes,
    children_of,
    draw,
    figures,
    make_draws,
    pieces_of,
    redrawn,
    subjects_in,
)
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
    roots = draw(pieces, number)
    assert (draw(pieces, number) == roots).all()
    for root in np.unique(roots):
        nodes = np.flatnonzero(roots == root).tolist()
        held = [pieces.feeds[node] for node in nodes]
        assert sum(held) == np.bitwise_or.reduce(held)  # no bit twice
        if len(nodes) > 1:
            assert all(any(other in nodes for other, _ in pieces.links[node]) for node in nodes)


@given(worlds(), st.integers(0, 50))
def test_subjects_of_a_draw_name_its_persons_one_by_one(pieces: Pieces, number: int) -> None:
    roots = draw(pieces, number)
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
    joined = np.array([draw(pieces, number)[0] for number in range(4_000)])
    assert (joined == 1).mean() == pytest.approx(0.3, abs=0.03)
    assert (joined == 2).mean() == pytest.approx(0.5, abs=0.03)


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


def test_a_draw_keeps_every_record_once(made: SmallDistrict) -> None:
    spine = made.district.spine
    people, subjects, known, doubts = (
        pl.read_parquet(spine / f"{name}.parquet") for name in ("people", "subjects", "pieces", "doubts")
    )
    assert doubts["p"].is_between(0, 1).all()
    pieces = pieces_of(people, known, doubts)
    children = children_of(subjects, people)
    for number in range(10):
        drawn = redrawn(people, changes(pieces, known, people, number))
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
