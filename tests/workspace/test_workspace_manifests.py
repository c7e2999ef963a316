"""The ledger of runs: what makes a stage out of date."""

from __future__ import annotations

from pathlib import Path

import pytest

from evi.workspace import RunLedger, StageResult


@pytest.fixture
def ledger(tmp_path: Path) -> RunLedger:
    (tmp_path / "in.txt").write_text("in")
    (tmp_path / "out.txt").write_text("out")
    return RunLedger(tmp_path, tmp_path / "runs")


def record(ledger: RunLedger) -> dict[str, str]:
    inputs = ledger.hash_files([ledger.root / "in.txt"])
    ledger.record(
        StageResult("demo", rows={"n": 1}), {"date": "2026-08-31"}, inputs, [ledger.root / "out.txt"]
    )
    return inputs


def test_a_recorded_run_is_current(ledger: RunLedger) -> None:
    inputs = record(ledger)
    assert ledger.is_current("demo", {"date": "2026-08-31"}, inputs)
    assert not ledger.is_current("other", {"date": "2026-08-31"}, inputs)


def test_a_changed_parameter_input_or_output_makes_it_stale(ledger: RunLedger) -> None:
    inputs = record(ledger)
    assert not ledger.is_current("demo", {"date": "2026-09-01"}, inputs)
    (ledger.root / "in.txt").write_text("changed")
    assert not ledger.is_current("demo", {"date": "2026-08-31"}, ledger.hash_files([ledger.root / "in.txt"]))
    (ledger.root / "out.txt").write_text("tampered")
    assert not ledger.is_current("demo", {"date": "2026-08-31"}, inputs)
    (ledger.root / "out.txt").unlink()
    assert not ledger.is_current("demo", {"date": "2026-08-31"}, inputs)


def test_every_run_is_kept_in_the_history(ledger: RunLedger) -> None:
    record(ledger)
    latest = ledger.latest("demo")
    assert latest is not None
    assert latest.rows == {"n": 1}
    assert [p.stem for p in (ledger.runs / "history").iterdir()] == [latest.run_id]


def test_a_damaged_hash_cache_is_only_a_slower_run(ledger: RunLedger) -> None:
    inputs = record(ledger)
    (ledger.runs / "hashes.json").write_text("{half")
    fresh = RunLedger(ledger.root, ledger.runs)
    assert fresh.hash_files([ledger.root / "in.txt"]) == inputs
