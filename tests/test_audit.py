"""The audit of libraries: what counts as known, and that what could not be asked never passes as fine."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests import audit
from tests.audit import Finding, of_npm, of_python

FINE = {"name": "a", "version": "1", "vulns": []}
WEAK = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}
UNKNOWN = {"name": "c", "skip_reason": "Dependency not found"}


def test_a_known_weakness_is_named_with_what_mends_it() -> None:
    found = of_python("x.lock", json.dumps({"dependencies": [FINE, WEAK]}), "")
    assert found == Finding("x.lock", 2, ("b 2: PYSEC-1, mended in 2.1",))


@pytest.mark.parametrize("rows", [[UNKNOWN], [FINE, UNKNOWN], []])
def test_what_could_not_be_looked_up_is_said(rows: list[dict[str, Any]]) -> None:
    """`pip-audit` itself ends with 0 and "No known vulnerabilities found" there."""
    assert "could not be looked up" in of_python("x.lock", json.dumps({"dependencies": rows}), "").skipped


def test_a_database_that_is_not_reached_is_skipped_by_name() -> None:
    assert of_python("x.lock", "", "trace\nConnectionError: no route").skipped == "ConnectionError: no route"
    said = of_npm("y.json", json.dumps({"message": "405"}), "npm warn audit 405 Method Not Allowed\n")
    assert said.skipped == "npm warn audit 405 Method Not Allowed" and not said.asked


def test_of_the_build_only_grave_ones_count() -> None:
    told = {"vulnerabilities": {"a": {"severity": "low"}, "b": {"severity": "high"}}}
    said = json.dumps({**told, "metadata": {"dependencies": {"total": 9}}})
    assert of_npm("y.json", said, "") == Finding("y.json", 9, ("b: high",))


def test_its_exit_code(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(audit, "ask_npm", lambda: Finding("y.json", 9))
    for finding, plain, must in (
        (Finding("x", 3), 0, 0),
        (Finding("x", skipped="no route"), 0, 1),
        (Finding("x", 3, ("b 2: PYSEC-1",)), 1, 1),
    ):
        monkeypatch.setattr(audit, "ask_python", lambda lock, finding=finding: finding)
        assert (audit.main(must=False), audit.main(must=True)) == (plain, must)
    assert "SKIPPED: no route" in capsys.readouterr().out
