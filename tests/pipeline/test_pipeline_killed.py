"""A run that is killed at any point, and started again, ends in the same bits."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.pipeline.conftest import evi, made

KILLS = 10
SEED = 20260831


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_ten_kills_change_no_bit(new_district: Path, run_district: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(new_district, whole)
    began = time.monotonic()
    evi("run", "--district", whole)
    length = time.monotonic() - began
    expected = made(whole)
    assert expected == made(run_district)
    drawn = random.Random(SEED)
    killed_in = set()
    for kill in range(KILLS):
        folder = tmp_path / f"killed-{kill}"
        shutil.copytree(new_district, folder)
        wait = length * drawn.uniform(0.15, 1.0)
        process = subprocess.Popen(
            [sys.executable, "-m", "evi", "run", "--district", str(folder)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=os.environ | {"CI": "true"},
        )
        time.sleep(wait)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        killed_in.add(len(list((folder / "runs").glob("*.json"))) if (folder / "runs").exists() else 0)
        evi("run", "--district", folder)
        assert made(folder) == expected, f"kill {kill} after {wait:.2f} s of {length:.2f}"
        shutil.rmtree(folder)
    assert len(killed_in) >= 3, "the kills should fall into several stages"
