"""A run can be repeated from its manifest, bit for bit, and what is up to date is left alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.pipeline.conftest import evi

STAGES = ("encode", "link", "load", "index", "report")


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_repeats_bit_for_bit(run_district: Path, stage: str) -> None:
    said = evi("rerun", run_district / "runs" / f"{stage}.json", "--district", run_district, "--json")
    found = json.loads(said.stdout)
    assert found["same"], found["differing"]
    assert found["files"] >= 1


def test_what_is_up_to_date_is_left_alone(run_district: Path) -> None:
    results = json.loads(evi("run", "--district", run_district, "--json").stdout)
    assert [(one["stage"], one["skipped"]) for one in results] == [(stage, True) for stage in STAGES]


def test_a_damaged_output_is_made_again_and_its_manifest_refuses_another_input(
    run_district: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "district"
    shutil.copytree(run_district, folder)
    spans = folder / "index" / "spans.parquet"
    whole = spans.read_bytes()
    spans.write_bytes(whole[:-100])
    evi("run", "--district", folder)
    assert spans.read_bytes() == whole
    (folder / "records" / "coverage.parquet").unlink()
    done = evi("rerun", folder / "runs" / "index.json", "--district", folder, check=False)
    assert done.returncode == 1
    assert "not what that run read" in done.stderr
