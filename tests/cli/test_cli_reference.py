"""The page of commands is current, and every command shows an example."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evi.cli import app
from evi.cli.app import VERBS, load_verbs

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "typer", "evi.cli.reference", "utils", "docs", "--name", "evi"]


def test_the_page_of_commands_is_current() -> None:
    made = subprocess.run(COMMAND, capture_output=True, text=True, check=True).stdout
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert page == made, f"docs/commands.md is stale: python {' '.join(COMMAND[1:])} > docs/commands.md"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_with_an_example(verb: str) -> None:
    load_verbs()
    name = verb.replace("_", "-")
    done = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "160"})
    assert done.exit_code == 0
    assert f"Example: evi {name}" in " ".join(done.output.replace("│", " ").split())


def test_a_folder_that_is_no_district_is_explained_without_a_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "evi", "status", "--district", str(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "not a district folder" in done.stderr
    assert "evi new" in done.stderr
    assert "Traceback" not in done.stderr
    done = subprocess.run(
        [sys.executable, "-m", "evi", "status", "--json", "--district", str(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.lstrip().startswith('{\n "error": "this is not a district folder')
