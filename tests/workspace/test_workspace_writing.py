"""A killed or failing write leaves the old output, never half of the new one."""

from __future__ import annotations

from pathlib import Path

import pytest

from evi.workspace import replace_dir, replace_file


class Killed(BaseException):
    """Stands for a signal in the middle of a write."""


def test_replace_file_swaps_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "table.txt"
    with replace_file(path) as scratch:
        scratch.write_text("one")
        assert not path.exists()
    assert path.read_text() == "one"


def test_a_failed_file_keeps_the_old_and_leaves_no_scratch(tmp_path: Path) -> None:
    path = tmp_path / "table.txt"
    path.write_text("old")
    with pytest.raises(Killed), replace_file(path) as scratch:
        scratch.write_text("half")
        raise Killed
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["table.txt"]


def test_replace_dir_drops_what_is_no_longer_made(tmp_path: Path) -> None:
    folder = tmp_path / "spine"
    with replace_dir(folder) as scratch:
        (scratch / "a").write_text("1")
    with replace_dir(folder) as scratch:
        (scratch / "b").write_text("2")
    assert sorted(p.name for p in folder.iterdir()) == ["b"]
    assert [p.name for p in tmp_path.iterdir()] == ["spine"]


def test_leftovers_of_a_killed_swap_are_cleared(tmp_path: Path) -> None:
    folder = tmp_path / "spine"
    for name in ("spine.partial", "spine.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").write_text("x")
    with replace_dir(folder) as scratch:
        assert list(scratch.iterdir()) == []
        (scratch / "whole").write_text("y")
    assert [p.name for p in tmp_path.iterdir()] == ["spine"]
    assert [p.name for p in folder.iterdir()] == ["whole"]
