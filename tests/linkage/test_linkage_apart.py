"""The linkage unit works without the payload, and its codes are deleted after it has linked."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from evi.cli.console import TerminalProgress
from evi.cli.link_retire import retire
from evi.cli.link_rotate import rotate
from evi.cli.pipeline import ENCODE, LINK
from evi.cli.stages import run_stage, state_of
from evi.encoding import encode
from evi.linkage import link
from evi.workspace import District, EviError, file_hash
from tests.linkage.small_district import SmallDistrict, keys_of, make_small_district


def run(stage: object, district: District, **options: object) -> bool:
    """Run a stage as the command does; whether there was anything to do."""
    return not run_stage(stage, district, TerminalProgress(), **options).skipped  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> SmallDistrict:
    made = make_small_district(tmp_path_factory.mktemp("apart") / "district", families=30)
    assert run(ENCODE, made.district) and run(LINK, made.district)
    return made


@pytest.fixture
def copy(linked: SmallDistrict, tmp_path: Path) -> District:
    shutil.copytree(linked.district.root, tmp_path / "district")
    return District.open(tmp_path / "district")


def test_linking_needs_no_payload(linked: SmallDistrict, copy: District) -> None:
    shutil.rmtree(copy.encoded / "payload")
    shutil.rmtree(copy.spine)
    link(copy)
    assert file_hash(copy.spine / "people.parquet") == file_hash(linked.district.spine / "people.parquet")


def test_deleted_codes_are_not_made_again_for_nothing(copy: District) -> None:
    people = file_hash(copy.spine / "people.parquet")
    assert retire(copy).rows["files_deleted"] > 5
    assert not list((copy.encoded / "linkage").rglob("*.parquet"))
    assert not run(ENCODE, copy) and not run(LINK, copy)
    assert state_of(LINK, copy)["state"] == "up to date"
    assert file_hash(copy.spine / "people.parquet") == people
    with pytest.raises(EviError, match="codes were deleted after linkage"):
        link(copy)


def test_a_changed_delivery_brings_all_codes_back_and_everyone_keeps_their_id(
    linked: SmallDistrict, copy: District
) -> None:
    retire(copy)
    root = linked.district.root
    codes = {p.relative_to(root): p for p in (linked.district.encoded / "linkage").rglob("*.parquet")}
    extract = next((copy.extracts / "gp").glob("*.csv"))
    lines = extract.read_text().splitlines()
    extract.write_text("\n".join(lines[:-1]) + "\n")
    assert run(ENCODE, copy) and run(LINK, copy)
    standing = {p.relative_to(copy.root) for p in (copy.encoded / "linkage").rglob("*.parquet")}
    assert standing == set(codes)
    same = [name for name, path in codes.items() if file_hash(copy.root / name) == file_hash(path)]
    assert len(same) == len(codes) - 1
    before, after = (_ids(district) for district in (linked.district, copy))
    assert len(before) - 1 <= len(after) <= len(before)
    assert all(before[record] == subject for record, subject in after.items())


def test_codes_not_linked_yet_are_not_deleted(copy: District) -> None:
    next((copy.extracts / "gp").glob("*.csv")).unlink()
    run(ENCODE, copy)
    with pytest.raises(EviError, match="not linked yet"):
        retire(copy)


def test_codes_can_be_had_back(linked: SmallDistrict, copy: District) -> None:
    retire(copy)
    assert run(ENCODE, copy, force=True)
    assert encode(copy, keys_of(linked)).skipped
    assert list((copy.encoded / "linkage").rglob("*.parquet"))


def test_after_a_change_of_key_nothing_is_done_again_and_homes_still_meet(
    linked: SmallDistrict, copy: District
) -> None:
    rotate(copy)
    assert not run(ENCODE, copy) and not run(LINK, copy)
    assert len(_ids(copy)) == len(_ids(linked.district))
    assert sorted(_ids(copy).values()) == sorted(_ids(linked.district).values())
    assert not _homes(copy) & _homes(linked.district)
    told = [pq.read_table(path)["household"] for path in (copy.encoded / "about").rglob("*.parquet")]
    assert _homes(copy) <= {home for column in told for home in column.to_pylist()}


def test_a_change_of_key_waits_for_the_linkage(copy: District) -> None:
    next((copy.extracts / "gp").glob("*.csv")).unlink()
    run(ENCODE, copy)
    with pytest.raises(EviError, match="not linked yet"):
        rotate(copy)


def _homes(district: District) -> set[int]:
    return set(pq.read_table(district.spine / "households.parquet")["household_id"].to_pylist())


def _ids(district: District) -> dict[tuple[str, int], int]:
    rows = pq.read_table(district.spine / "people.parquet").to_pylist()
    return {(row["feed"], row["person"]): row["subject_id"] for row in rows}
