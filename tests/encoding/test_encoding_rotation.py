"""The outer layer of codes is a permutation, and changing it needs no clear value and loses nobody's id."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evi.encoding import Keys, encode, rotate
from evi.encoding.outer import Outer, outer_of, transcoded
from evi.linkage import link
from evi.workspace import District, EviError
from tests.linkage.small_district import SmallDistrict, keys_of, make_small_district

CODES = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=50)
ONE, OTHER = Outer(Keys.throw_away()), Outer(Keys.throw_away())


@settings(deadline=None)
@given(CODES)
def test_the_outer_layer_comes_off_again_and_keeps_equal_and_different(codes: list[int]) -> None:
    inner = np.array(codes, np.int64)
    outer = ONE.wrap(inner)
    assert (ONE.unwrap(outer) == inner).all()
    assert len(set(outer.tolist())) == len(set(codes))
    assert (OTHER.wrap(ONE.unwrap(outer)) == OTHER.wrap(inner)).all()


def test_outer_codes_look_random_and_one_bit_changes_half() -> None:
    inner = np.arange(20_000, dtype=np.int64)
    bits = np.unpackbits(ONE.wrap(inner).view(np.uint8)).reshape(-1, 64)
    assert np.abs(bits.mean(axis=0) - 0.5).max() < 0.02
    changed = np.unpackbits((ONE.wrap(inner) ^ ONE.wrap(inner ^ 1)).view(np.uint8)).reshape(-1, 64)
    assert abs(changed.mean() - 0.5) < 0.005
    assert not set(ONE.wrap(inner).tolist()) & set(OTHER.wrap(inner).tolist())


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> SmallDistrict:
    made = make_small_district(tmp_path_factory.mktemp("rotation") / "district", families=25)
    encode(made.district, keys_of(made))
    link(made.district)
    return made


@pytest.fixture
def copy(linked: SmallDistrict, tmp_path: Path) -> District:
    shutil.copytree(linked.district.root, tmp_path / "district")
    return District.open(tmp_path / "district")


def tables(district: District) -> dict[str, object]:
    files = sorted(district.encoded.rglob("*.parquet"))
    return {str(path.relative_to(district.encoded)): pq.read_table(path) for path in files}


def codes(district: District) -> set[int]:
    found = set()
    for path in sorted((district.encoded / "linkage").rglob("*.parquet")):
        for name in ("person", "fn", "dob", "home"):
            found |= set(pq.read_table(path)[name].to_pylist())
    return found - {None}


def test_transcoding_gives_what_encoding_under_the_new_key_does(
    linked: SmallDistrict, copy: District
) -> None:
    assert rotate(copy)["linkage"] > 100
    once = tables(copy)
    rotate(copy)
    twice = tables(copy)
    assert not codes(copy) & codes(linked.district)
    encode(copy, keys_of(linked))
    assert tables(copy) == twice != once


def test_everyone_keeps_their_id(linked: SmallDistrict, copy: District) -> None:
    rotate(copy)
    link(copy)
    outer = outer_of(copy)
    before, after = (pq.read_table(d.spine / "people.parquet") for d in (linked.district, copy))
    moved = transcoded(before, frozenset({"person"}), None, outer)

    def ids(table: object) -> dict[tuple[str, int], int]:
        return {(r["feed"], r["person"]): r["subject_id"] for r in table.to_pylist()}  # type: ignore[attr-defined]

    expected, found = ids(moved), ids(after)
    assert expected.keys() == found.keys()
    assert sum(expected[record] == found[record] for record in found) / len(found) > 0.99


def test_the_new_key_is_its_owners_alone(copy: District) -> None:
    rotate(copy)
    key = copy.key_file.with_name("outer.key")
    assert key.stat().st_mode & 0o077 == 0
    assert not key.with_name("outer.key.new").exists()
    assert key.read_text() != copy.key_file.read_text()


def test_there_must_be_something_to_transcode(tmp_path: Path) -> None:
    made = make_small_district(tmp_path / "district", families=1)
    with pytest.raises(EviError, match="nothing is encoded"):
        rotate(made.district)
