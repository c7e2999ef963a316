"""One small synthetic district, run from end to end, for every test that only looks at it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from evi.workspace import file_hash

PEOPLE = 1_500
MADE = ("encoded", "spine", "records", "index", "outputs")


def evi(*arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the `evi` command as a user would, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "evi", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"CI": "true", "COLUMNS": "200"},
    )
    if check and done.returncode:
        raise AssertionError(f"evi {arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


@pytest.fixture(scope="session")
def new_district(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic district with canaries planted, and nothing run."""
    folder = tmp_path_factory.mktemp("new") / "district"
    evi("new", folder, "--synthetic", "--people", str(PEOPLE), "--seed", "7", "--canaries")
    return folder


@pytest.fixture(scope="session")
def run_district(new_district: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same district after `evi run`."""
    folder = tmp_path_factory.mktemp("run") / "district"
    shutil.copytree(new_district, folder)
    done = evi("run", "--district", folder)
    (folder / "run.log").write_text(done.stdout + done.stderr)
    return folder


def made(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): file_hash(path)
        for name in MADE
        for path in sorted((folder / name).rglob("*"))
        if path.is_file()
    }
