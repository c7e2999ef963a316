"""`evi agreement`: what it prints and what it ends with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evi.cli.agreement import agreement_app
from evi.cli.app import load_verbs
from evi.sharing.agreements import EXAMPLES

load_verbs("agreement")
ON = ["--date", "2026-11-02"]


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(agreement_app, list(words))
    return done.exit_code, " ".join(done.output.split())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLES, tmp_path / "agreements"))


def test_why_answers_with_the_sentence_and_its_end_code() -> None:
    asked = ["why", "--role", "senco", "--kind", "school", "--tie", "on-roll", *ON, "--item"]
    code, said = run(*asked, "plan")
    assert (code, said) == (
        0,
        "✓ You can see this child's support plan because you are the SENCO at the child's school (agreement "
        "3, school and health, clause 1.1). clause; gateway children-act-2004-s10",
    )
    code, said = run(*asked, "chronology.police")
    assert code == 3
    assert "except domestic abuse notices" in said
    code, said = run(*asked, "plan", "--objection", "all", "--json")
    assert (code, json.loads(said)["why"]) == (3, "objection")
    code, _ = run("why", "-r", "key-worker", "-k", "voluntary", "--shared", "plan", "-i", "plan", *ON)
    assert code == 0
    code, _ = run(*asked, "plann")
    assert code == 2


def test_check_says_what_is_missing_and_ends_with_it(folder: Path) -> None:
    assert run("check", "--folder", str(folder), *ON)[0] == 0
    path = folder / "5-operation-encompass.yaml"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "lawful-basis:" not in line))
    code, said = run("check", "--folder", str(folder), *ON)
    assert code == 1
    assert "operation-encompass: The step “lawful-basis” is not answered." in said


def test_check_tells_what_a_change_changes_and_wants_a_new_version(folder: Path) -> None:
    path = folder / "5-operation-encompass.yaml"
    changed = path.read_text().replace("[head-teacher, senco]", "[head-teacher, senco, class-teacher]")
    path.write_text(changed)
    code, said = run("check", "-f", str(folder), "--against", str(EXAMPLES), *ON)
    assert code == 1
    assert (
        "+ class teacher at school (on-roll; direct-support, safeguarding) view: chronology.domestic" in said
    )
    assert "operation-encompass: its text changed, and its version did not go up." in said
    path.write_text(changed.replace("version: 1", "version: 2"))
    code, said = run("check", "-f", str(folder), "--against", str(EXAMPLES), *ON, "--json")
    assert code == 0
    assert len(json.loads(said)["changes"]) == 1


def test_list_and_show() -> None:
    assert len(json.loads(run("list", "--json", *ON)[1])) == 9
    assert "not appointed" in run("list", "--gateways", "--json")[1]
    assert "passport.health" in run("list", "--words", "--json")[1]
    assert "signed 2025-12-11 by A. Corrigan" in run("show", "operation-encompass")[1]
    assert '@id("operation-encompass/1.1")' in run("show", "operation-encompass", "--cedar")[1]
    assert json.loads(run("show", "school-health", "--json")[1])["number"] == 3
    assert run("show", "nothing")[0] == 2


def test_an_empty_folder_is_no_folder_of_agreements(tmp_path: Path) -> None:
    assert run("check", "-f", str(tmp_path))[0] == 2
