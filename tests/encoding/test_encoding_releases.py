"""Releases: each under pseudonyms of its own, in an order of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evi.encoding import Keys, Release, write_new_key, write_release
from evi.workspace import District, DistrictConfig, EviError, RefusedError

KEYS = Keys.throw_away()
N = 2_000


def children() -> pa.Table:
    return pa.table(
        {
            "subject_id": pa.array(range(N), pa.int64()),
            "household_id": pa.array([i // 3 + 10**15 for i in range(N)], pa.int64()),
            "band": ["few"] * N,
            "place_id": [f"home:{i // 3 + 10**15}" if i % 2 else "school:123" for i in range(N)],
        }
    )


@settings(deadline=None)  # the first call imports
@given(st.lists(st.integers(0, 2**40), min_size=1, unique=True))
def test_a_release_keeps_people_apart_and_two_releases_share_no_code(ids: list[int]) -> None:
    one, other = Release(KEYS, "one"), Release(KEYS, "other")
    first, second = (r.pseudonyms("subject", pa.array(ids, pa.int64())).to_pylist() for r in (one, other))
    assert len(set(first)) == len(set(second)) == len(ids)
    assert not set(first) & set(second)
    assert not set(first) & set(ids)


def test_kinds_of_id_share_no_code_and_one_id_has_one_pseudonym_in_every_table() -> None:
    release = Release(KEYS, "one")
    made = release.table(children())
    assert not set(made["subject_id"].to_pylist()) & set(made["household_id"].to_pylist())
    pairs = pa.table({"subject_id": [1, 2], "other_id": [2, 1]})
    assert set(release.table(pairs)["other_id"].to_pylist()) <= set(made["subject_id"].to_pylist())
    homes = {p for p in made["place_id"].to_pylist() if p.startswith("home:")}
    assert {int(p[5:]) for p in homes} <= set(made["household_id"].to_pylist())
    assert "school:123" in set(made["place_id"].to_pylist())


def test_rows_of_two_releases_can_not_be_joined_by_where_they_stand() -> None:
    """The same rows in both: guessing that row i is row i is right as often as chance says."""
    ids = pa.array(range(N), pa.int64())
    orders = []
    for name in ("one", "other"):
        release = Release(KEYS, name)
        back = dict(zip(release.pseudonyms("subject", ids).to_pylist(), range(N), strict=True))
        orders.append([back[code] for code in release.table(children())["subject_id"].to_pylist()])
    assert abs(np.corrcoef(orders[0], orders[1])[0, 1]) < 0.1
    assert abs(np.corrcoef(orders[0], range(N))[0, 1]) < 0.1
    assert sum(a == b for a, b in zip(*orders, strict=True)) < 12  # 1 is expected


def test_the_same_release_gives_the_same_bytes_again() -> None:
    assert Release(KEYS, "one").table(children()).equals(Release(KEYS, "one").table(children()))


@pytest.mark.parametrize("column", ["dob", "sn_ph", "person", "fn_del"])
def test_codes_of_the_linkage_are_never_released(column: str) -> None:
    with pytest.raises(RefusedError, match="linkage"):
        Release(KEYS, "one").table(pa.table({"subject_id": [1], column: [2]}))


def test_what_looks_like_codes_is_refused_under_any_name() -> None:
    with pytest.raises(RefusedError, match="looks like codes"):
        Release(KEYS, "one").table(pa.table({"subject_id": [1], "link": [-(2**60)]}))
    with pytest.raises(RefusedError, match="looks like codes"):
        Release(KEYS, "one").table(pa.table({"subject_id": [1], "links": [[2**60]]}))


def test_a_release_is_written_from_a_district_under_a_key_of_the_hubs_own(tmp_path: Path) -> None:
    district = District.create(tmp_path / "district", DistrictConfig("small", synthetic=True))
    write_new_key(district.key_file)
    source = tmp_path / "children.parquet"
    pq.write_table(children(), source)
    for name in ("one", "other"):
        assert write_release(district, name, [source], tmp_path / name) == {"children.parquet": N}
    codes = [
        set(pq.read_table(tmp_path / n / source.name)["subject_id"].to_pylist()) for n in ("one", "other")
    ]
    assert not codes[0] & codes[1]
    key = district.key_file.with_name("release.key")
    assert key.stat().st_mode & 0o077 == 0
    assert key.read_text() != district.key_file.read_text()
    with pytest.raises(EviError, match="not a table"):
        write_release(district, "one", [tmp_path / "none.parquet"], tmp_path / "none")
    with pytest.raises(EviError, match="small letters"):
        Release(KEYS, "One release")
