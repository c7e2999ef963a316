"""The gate: what stops a run, what does not, and how someone lets it go on."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from evi.cli.new import make_synthetic
from evi.cli.pipeline import LINK, LOAD
from evi.cli.stages import run_stage
from evi.encoding import Keys, encode
from evi.linkage import check_gate, gate, link, resolve
from evi.linkage.comparisons import STRANGER
from evi.linkage.training import Model
from evi.synthetic import recording
from evi.workspace import SILENT, District, EviError
from tests.linkage.small_district import SmallDistrict, keys_of, make_small_district

COMMUNITY, AGENCY, TIMES = "pakistani", "ssd", 3.0


def rules(district: District) -> set[str]:
    return {finding["rule"] for finding in gate.read_gate(district)["findings"]}


def synthetic(folder: Path, people: int) -> District:
    make_synthetic(folder, people, 11, SILENT)
    district = District.open(folder)
    encode(district, Keys.from_environment(district))
    return district


def test_the_shipped_limits_are_what_the_schema_asks_for() -> None:
    Draft202012Validator(json.loads(gate._read("gate.schema.json"))).validate(gate._shipped())


@pytest.mark.slow
def test_a_fair_district_passes_and_a_biased_agency_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fair = synthetic(tmp_path / "fair", 2_000)
    link(fair)
    assert rules(fair) == set()
    check_gate(fair)

    def chance(self: Any, rng: Any, error: str, *, scaled: bool = True) -> Any:
        rate = float(self._rates[error]) * (self._factor if scaled else 1.0)
        if self.feed == AGENCY and scaled:
            known = np.array([name == COMMUNITY for name in self._communities.traditions])
            rate = rate * np.where(
                known[self._communities.tradition[self._people.group[self.persons]]], TIMES, 1
            )
        return rng.random(self.persons.size) < np.minimum(rate, 1)

    monkeypatch.setattr(recording.Register, "_chance", chance)
    biased = synthetic(tmp_path / "biased", 4_000)
    link(biased)
    found = gate.read_gate(biased)["findings"]
    assert {finding["about"].get("feed") for finding in found} == {AGENCY}
    assert "APKN" in {finding["about"]["group"] for finding in found}
    with pytest.raises(EviError, match=r"ssd.*APKN.*points more.*evi link accept") as stopped:
        check_gate(biased)
    assert stopped.value.exit_code == gate.WAITS


def without_numbers_and_shared_children(small: SmallDistrict) -> None:
    """Children of one family in different feeds and no numbers: all that is left to merge is siblings."""
    for path in sorted(small.district.extracts.rglob("*.csv")):
        feed = path.parent.name
        key = {"gp": "PatientID", "school": "UPN", "ae": "LocalPatientID"}.get(feed)
        if key is None:
            path.unlink()
            continue
        with path.open(encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        parity = {"gp": 1, "school": 0}.get(feed)
        kept = []
        for row in rows:
            number = small.truth[feed, row[key]]
            child = small.people[number].mother is not None
            if parity is None or not child or number % 2 == parity:
                kept.append({k: "" if "NHSNumber" in k else v for k, v in row.items()})
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, rows[0].keys())
            writer.writeheader()
            writer.writerows(kept)


def three_facts_not_one(model: Model) -> Model:
    """As plain settings train: a family's surname and home are three facts, and siblings any strangers."""
    u, m = dict(model.u), dict(model.m)
    for comparison in model.comparisons:
        levels = comparison.levels
        if comparison.name in ("forename", "birth_date"):
            as_strangers = {
                level.outcome: model.u[comparison.name][i]
                for i, level in enumerate(levels)
                if level.kin == STRANGER
            }
            u[comparison.name] = tuple(as_strangers[level.outcome] for level in levels)
            m[comparison.name] = tuple(max(0.15, value) for value in model.m[comparison.name])
        if comparison.name == "family_place":
            u[comparison.name] = tuple(
                value / (300 if level.place == "H" else 1)
                for value, level in zip(model.u[comparison.name], levels, strict=True)
            )
    return dataclasses.replace(model, u=u, m=m)


def test_a_model_that_merges_siblings_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = make_small_district(tmp_path / "d", families=150)
    without_numbers_and_shared_children(small)
    encode(small.district, keys_of(small))
    link(small.district)
    assert rules(small.district) == set()
    train = resolve.train
    monkeypatch.setattr(resolve, "train", lambda *given, **named: three_facts_not_one(train(*given, **named)))
    link(small.district)
    assert "audit.contradicted" in rules(small.district)
    with pytest.raises(EviError, match="another forename and another birth date"):
        check_gate(small.district)


@pytest.fixture
def stopped(tmp_path: Path) -> District:
    """A district whose own limit is so tight that its linkage waits."""
    small = make_small_district(tmp_path / "d", families=40)
    limit(small.district, 1e-6)
    encode(small.district, keys_of(small))
    return small.district


def limit(district: District, wrong: float) -> None:
    (district.root / "linkage").mkdir(exist_ok=True)
    (district.root / gate.LIMITS).write_text(f"children:\n  wrong: {wrong:.8f}\n")


def test_what_waits_is_written_whole_and_nothing_goes_on(stopped: District) -> None:
    result = run_stage(LINK, stopped, SILENT)
    assert any("children's matches" in note for note in result.notes)
    assert (stopped.spine / "people.parquet").is_file()
    for stage in (LINK.passes, LOAD.ready):
        with pytest.raises(EviError, match="children's matches") as waits:
            stage(stopped)
        assert waits.value.exit_code == gate.WAITS
    with pytest.raises(EviError):
        run_stage(LOAD, stopped, SILENT)
    assert not stopped.records.exists()
    assert run_stage(LINK, stopped, SILENT).skipped
    with pytest.raises(EviError):  # still waits, though nothing is out of date
        check_gate(stopped)


def test_an_acceptance_lets_it_go_on_until_a_figure_changes(stopped: District) -> None:
    run_stage(LINK, stopped, SILENT)
    with pytest.raises(EviError, match="says too little"):
        gate.accept(stopped, "ok", "head of data")
    entry = gate.accept(stopped, "a made-up district, nobody is harmed", "head of data")
    assert entry["rules"] == ["children.wrong"]
    check_gate(stopped)
    assert run_stage(LINK, stopped, SILENT).skipped  # accepting makes nothing out of date
    with pytest.raises(EviError, match="already"):
        gate.accept(stopped, "a made-up district, nobody is harmed", "head of data")
    limit(stopped, 2e-6)  # another finding: another limit
    assert not run_stage(LINK, stopped, SILENT).skipped
    with pytest.raises(EviError, match="evi link accept"):
        check_gate(stopped)
    gate.accept(stopped, "looked at again after the limit was moved", "head of data")
    check_gate(stopped)
    assert len(gate.acceptances(stopped)) == 2
    (stopped.root / gate.LIMITS).unlink()
    run_stage(LINK, stopped, SILENT)
    assert rules(stopped) == set()
    with pytest.raises(EviError, match="nothing to accept"):
        gate.accept(stopped, "there is nothing to be accepted", "head of data")


def test_the_same_findings_have_the_same_mark(stopped: District, tmp_path: Path) -> None:
    link(stopped)
    mark = gate.read_gate(stopped)["mark"]
    shutil.rmtree(stopped.spine)
    link(stopped)
    assert mark and gate.read_gate(stopped)["mark"] == mark


@pytest.mark.parametrize(
    "text", ["groups: 3", "groups:\n  missd: 0.1", "feeds:\n  unlike: 2", "[", "no: way"]
)
def test_a_wrong_limit_is_said_plainly(tmp_path: Path, text: str) -> None:
    district = make_small_district(tmp_path / "d", families=2).district
    (district.root / "linkage").mkdir()
    (district.root / gate.LIMITS).write_text(text)
    with pytest.raises(EviError, match=r"limits\.yaml"):
        gate.limits_of(district)


def test_a_small_group_never_stops_a_run() -> None:
    rate = {
        "rate": 1.0,
        "count": 20.0,
        "of": 20.0,
        "effective": 20.0,
        "rest": {"count": 1.0, "of": 1e4, "effective": 1e4},
    }
    entry = {"dimension": "ethnicity", "group": "X", "records": 40, "held_out": rate}
    audit = {"expected_matches": 1, "most_possible_matches": 2, "confident_links": 3}
    audit["confident_links_with_other_forename_and_birth_date"] = 1
    limits = gate._shipped()
    assert gate.findings({"groups": [entry], "cells": []}, audit, limits) == []
    found = gate.findings({"groups": [entry | {"records": 4000}], "cells": []}, audit, limits)
    assert [finding.rule for finding in found] == ["groups.held_out"]
