"""What makes a stage run again, and what one killed in the middle leaves behind."""

from __future__ import annotations

import fcntl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from evi.cli.days import parse_date
from evi.cli.stages import Stage, files, one_at_a_time, run_stage, state_of
from evi.workspace import SILENT, District, DistrictConfig, EviError, Progress, StageResult, replace_file


@pytest.fixture
def district(tmp_path: Path) -> District:
    made = District.create(tmp_path / "d", DistrictConfig(name="D"))
    made.extracts.mkdir()
    (made.extracts / "a.csv").write_text("1\n2\n")
    return made


class Counting:
    """A stage that copies the extracts' lines, and counts how often it ran."""

    def __init__(self) -> None:
        self.runs = 0
        self.stage = Stage(
            "copy",
            "Copy",
            lambda d: files(d.extracts),
            lambda d, _p: files(d.outputs),
            self.run,
            lambda _d: {"by": 1},
        )

    def run(self, district: District, params: Mapping[str, Any], progress: Progress) -> StageResult:
        self.runs += 1
        text = "".join(path.read_text() for path in files(district.extracts))
        with replace_file(district.outputs / "copy.txt") as scratch:
            scratch.write_text(text)
        return StageResult("copy", {"lines": text.count("\n")}, ["one note"])


def test_a_stage_runs_once_and_again_only_when_something_changed(district: District) -> None:
    copy = Counting()
    assert run_stage(copy.stage, district, SILENT).rows == {"lines": 2}
    assert run_stage(copy.stage, district, SILENT).skipped
    (district.extracts / "b.csv").write_text("3\n")
    assert run_stage(copy.stage, district, SILENT).rows == {"lines": 3}
    (district.outputs / "copy.txt").write_text("tampered")
    assert not run_stage(copy.stage, district, SILENT).skipped
    assert not run_stage(copy.stage, district, SILENT, force=True).skipped
    assert not run_stage(copy.stage, district, SILENT, date="2026-08-31").skipped
    assert copy.runs == 5


def test_a_tampered_output_is_removed_before_the_stage_builds_on_it(district: District) -> None:
    seen: list[bool] = []

    def add(district: District, params: Mapping[str, Any], progress: Progress) -> StageResult:
        path = district.outputs / "sum.txt"
        seen.append(path.exists())
        with replace_file(path) as scratch:
            scratch.write_text("1")
        return StageResult("add")

    stage = Stage("add", "Add", lambda d: files(d.extracts), lambda d, _p: files(d.outputs), add)
    run_stage(stage, district, SILENT)
    (district.extracts / "b.csv").write_text("3\n")
    run_stage(stage, district, SILENT)
    (district.outputs / "sum.txt").write_text("tampered")
    run_stage(stage, district, SILENT)
    run_stage(stage, district, SILENT, force=True)
    assert seen == [False, True, False, False]


def test_state_names_the_newest_run(district: District) -> None:
    copy = Counting()
    assert state_of(copy.stage, district)["state"] == "not run"
    run_stage(copy.stage, district, SILENT, date="2026-08-31")
    state = state_of(copy.stage, district)
    assert (state["state"], state["rows"], state["notes"]) == ("up to date", {"lines": 2}, ["one note"])
    (district.extracts / "a.csv").unlink()
    assert state_of(copy.stage, district)["state"] == "out of date"


def test_a_stage_that_fails_records_nothing(district: District) -> None:
    def fail(_district: District, _params: Mapping[str, Any], _progress: Progress) -> StageResult:
        raise EviError("no")

    broken = Stage("copy", "Copy", lambda d: files(d.extracts), lambda d, _p: files(d.outputs), fail)
    with pytest.raises(EviError):
        run_stage(broken, district, SILENT)
    assert state_of(broken, district)["state"] == "not run"


def test_two_runs_at_once_are_refused(district: District) -> None:
    with (
        one_at_a_time(district),
        pytest.raises(EviError, match="another run") as caught,
        one_at_a_time(district),
    ):
        pass
    assert caught.value.exit_code == 4
    with (district.runs / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_scratch_and_hidden_files_are_no_inputs(district: District) -> None:
    for name in ("a.csv.partial", ".DS_Store"):
        (district.extracts / name).write_text("x")
    (district.extracts / "feed.old").mkdir()
    (district.extracts / "feed.old" / "b.csv").write_text("x")
    assert [path.name for path in files(district.extracts)] == ["a.csv"]


@pytest.mark.parametrize("text", ["31/08/2026", "yesterday", "", "2026-13-01"])
def test_a_date_that_is_none_is_explained(text: str) -> None:
    with pytest.raises(EviError, match="Write it as 2026-08-31"):
        parse_date(text)
