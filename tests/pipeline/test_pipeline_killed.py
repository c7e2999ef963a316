"""A run that is killed at any point, and started again, ends in the same bits."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evi.feeds import detect, load_layouts
from tests.pipeline.conftest import evi, made

KILLS = (3, 3, 4)
"""How often each of three runs is killed and started again before it may end."""
SEED = 20260831


def newest_deliveries(source: Path, folder: Path) -> Path:
    """A copy of the district with the newest delivery of each layout alone, so that ten runs stay short."""
    shutil.copytree(source, folder)
    layouts = load_layouts()
    extracts = sorted((folder / "extracts").rglob("*.*"))
    newest = {detect(path, layouts)[0].name: path for path in extracts}
    for path in extracts:
        if path not in newest.values():
            path.unlink()
    # So few records make a poor model of linkage, which the gate rightly stops; here it is kills that count.
    (folder / "linkage").mkdir()
    (folder / "linkage" / "limits.yaml").write_text(
        "audit: {contradicted: 1.0, expected_over_possible: 100}\n"
    )
    return folder


def killed_after(folder: Path, seconds: float) -> int:
    """Start a run, kill it after so many seconds, and count the stages that had ended."""
    process = subprocess.Popen(
        [sys.executable, "-m", "evi", "run", "--district", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=os.environ | {"CI": "true"},
    )
    time.sleep(seconds)
    with contextlib.suppress(ProcessLookupError):  # it may have ended just before
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return len(list((folder / "runs").glob("*.json"))) if (folder / "runs").exists() else 0


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_ten_kills_change_no_bit(new_district: Path, tmp_path: Path) -> None:
    start = newest_deliveries(new_district, tmp_path / "start")
    whole = tmp_path / "whole"
    shutil.copytree(start, whole)
    began = time.monotonic()
    evi("run", "--district", whole)
    length = time.monotonic() - began
    expected = made(whole)
    drawn = random.Random(SEED)
    killed_in = set()
    for number, kills in enumerate(KILLS):
        folder = tmp_path / f"killed-{number}"
        shutil.copytree(start, folder)
        waits = [length * drawn.uniform(0.15, 0.8) for _ in range(kills)]
        for wait in waits:
            killed_in.add(killed_after(folder, wait))
        evi("run", "--district", folder)
        assert made(folder) == expected, f"killed after {waits} s of {length:.2f}"
        shutil.rmtree(folder)
    assert len(killed_in) >= 3, "the kills should fall into several stages"
