"""A subject's events are looked for in the file that holds them, and nowhere else."""

from __future__ import annotations

from pathlib import Path

from evi.records import shard_files


def test_each_subject_has_one_file_whoever_else_is_there(tmp_path: Path) -> None:
    (tmp_path / "store.json").write_text("{}")
    found = shard_files(tmp_path, [33, 1, -1])
    assert [str(path.relative_to(tmp_path)) for path in found or []] == [
        "events/part-01.parquet",
        "events/part-31.parquet",
    ]


def test_a_store_that_another_made_has_its_own_order(tmp_path: Path) -> None:
    assert shard_files(tmp_path, [1]) is None
