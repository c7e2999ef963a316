"""Runs the tests marked `both_databases` again, on a PostgreSQL server that is started for them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.care.postgresql import UnavailableError, server

ROOT = Path(__file__).parents[2]
SAID = [
    "-m",
    "both_databases",
    "-n",
    "0",
    "-x",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:cov",
    "--no-header",
    "--durations",
    "12",
]


@pytest.mark.skipif("EVI_CARE_DATABASE" in os.environ, reason="this is that run")
def test_what_holds_on_sqlite_holds_on_postgresql():
    try:
        with server() as address:
            done = subprocess.run(
                [sys.executable, "-m", "pytest", *SAID, "tests/care"],
                env=_environment() | {"EVI_CARE_DATABASE": address},
                cwd=ROOT,
                check=False,
                capture_output=True,
                text=True,
            )
    except UnavailableError as missing:
        pytest.skip(
            f"{missing} With a server of yours: EVI_CARE_DATABASE=… pytest -m both_databases tests/care"
        )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def _environment() -> dict[str, str]:
    """Without the care folder of this process: the other one makes its own."""
    return {name: value for name, value in os.environ.items() if name != "EVI_CARE_HOME"}
