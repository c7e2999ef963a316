"""`diff`: each cause in a district made for it, and totals that add up."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from datetime import time as clock

import pytest
from index_district import CATALOGUE, DAY, Tables, write_tables

from evi.index import diff, find_run, index_at
from evi.workspace import EviError, RunLedger, StageResult

MIDNIGHT = clock()
EARLIER = date(2026, 5, 31)
OLD = date(2024, 1, 1)


def child(n: int, born: date = date(2016, 1, 1)) -> tuple:
    return (n, born, "F", "A", "ENG", "child")


def district(tmp_path, born=date(2016, 1, 1), **given):
    needs = [(entry.id, f"needs of {entry.id}") for entry in CATALOGUE.own]
    tables = {"subjects": [child(1, born)], "spans": [], "covered": [], "needs": needs,
              "coverage": [(1, "police", OLD, None, OLD)]} | given  # fmt: skip
    return write_tables(tmp_path / "d", Tables(**tables))


def record(
    code: str, time: date, known: date, delivery: str = "one", *, withdrawn: bool = False, n: int = 5
) -> dict:
    return {"subject_id": 1, "time": datetime.combine(time, MIDNIGHT), "code": code, "known_at": known,
            "record_id": n, "withdrawn": withdrawn, "delivery": delivery, "source": "school"}  # fmt: skip


def covers(*indicators: str, since: date = OLD, until: date | None = None) -> list[tuple]:
    return [(1, f"needs of {indicator}", since, until) for indicator in indicators]


def cause(tmp_path, **given) -> list[tuple[str, str, str, str]]:
    made = district(tmp_path, **given)
    for day in (EARLIER, DAY):
        index_at(made, day, catalogue=CATALOGUE)
    found = diff(made, str(EARLIER), str(DAY), catalogue=CATALOGUE)
    assert sum(found.causes.values()) == found.cells.num_rows
    return [(row["indicator"], row["before"], row["after"], row["cause"]) for row in found.of_child(1)]


def test_a_new_record(tmp_path):
    events = [record("EDU/FSM", date(2026, 7, 1), date(2026, 7, 3))]
    assert cause(
        tmp_path, spans=[(1, "fsm", date(2026, 7, 3), None)], covered=covers("fsm"), events=events
    ) == [("fsm", "absent", "present", "new record")]


def test_a_late_record(tmp_path):
    events = [record("EDU/FSM", date(2026, 1, 1), date(2026, 7, 3))]
    assert cause(
        tmp_path, spans=[(1, "fsm", date(2026, 7, 3), None)], covered=covers("fsm"), events=events
    ) == [("fsm", "absent", "present", "late record")]


def test_a_corrected_record(tmp_path):
    events = [record("EDU/FSM", date(2026, 1, 1), date(2026, 1, 3)),
              record("EDU/FSM", date(2026, 1, 1), date(2026, 7, 3), "two", withdrawn=True)]  # fmt: skip
    spans = [(1, "fsm", date(2026, 1, 3), date(2026, 7, 3))]
    assert cause(tmp_path, spans=spans, covered=covers("fsm"), events=events) == [
        ("fsm", "present", "absent", "correction")
    ]


def test_time_passes(tmp_path):
    spans = [(1, "fsm", date(2025, 7, 1), date(2026, 7, 1))]
    assert cause(tmp_path, spans=spans, covered=covers("fsm")) == [("fsm", "present", "absent", "time")]


def test_a_child_grows_out_of_an_indicator(tmp_path):
    found = cause(tmp_path, born=date(2021, 7, 1), covered=covers("asq", "preterm"))
    assert found == [("asq", "absent", "not known", "age"), ("preterm", "absent", "not known", "age")]


def test_a_feed_ceases_to_cover(tmp_path):
    coverage = [(1, "police", OLD, None, OLD), (1, "school", OLD, date(2026, 7, 1), OLD)]
    covered = covers("fsm", until=date(2026, 7, 1))
    assert cause(tmp_path, covered=covered, coverage=coverage) == [("fsm", "absent", "not known", "coverage")]


def test_another_definition(tmp_path):
    made = district(tmp_path, covered=covers("fsm", until=date(2026, 7, 1)))
    index_at(made, EARLIER, catalogue=CATALOGUE)
    entries = tuple(
        replace(entry, digest="new") if entry.id == "fsm" else entry for entry in CATALOGUE.entries
    )
    changed = replace(CATALOGUE, entries=entries, digest="new")
    index_at(made, DAY, catalogue=changed)
    [row] = diff(made, str(EARLIER), str(DAY), catalogue=changed).of_child(1)
    assert row["cause"] == "registry"


def test_a_link_that_moved(tmp_path):
    both = [child(1), child(2)]
    people = [("school", 11, 1, 1.0), ("school", 12, 2, 1.0)]
    covered = [(n, "needs of fsm", OLD, None) for n in (1, 2)]
    coverage = [(n, "school", OLD, None, OLD) for n in (1, 2)]
    given = {"subjects": both, "covered": covered, "coverage": coverage}
    made = district(tmp_path, **given, people=people, spans=[(1, "fsm", OLD, None)])
    index_at(made, DAY, catalogue=CATALOGUE)
    district(
        tmp_path,
        **given,
        people=[("school", 11, 2, 1.0), ("school", 12, 1, 1.0)],
        spans=[(2, "fsm", OLD, None)],
    )
    index_at(made, DAY, catalogue=CATALOGUE)
    found = diff(made, f"at-{DAY}-000001", str(DAY), catalogue=CATALOGUE)
    assert found.causes == {("absent", "present", "linkage"): 1, ("present", "absent", "linkage"): 1}


def test_children_who_come_and_go_are_counted_by_why(tmp_path):
    people = [child(1), child(2, date(2026, 7, 1)), child(3, date(2008, 7, 1)), child(4)]
    coverage = [(n, "police", OLD, None, OLD) for n in (1, 2, 3)] + [
        (4, "police", OLD, date(2026, 7, 1), OLD)
    ]
    made = district(tmp_path, subjects=people, coverage=coverage)
    for day in (EARLIER, DAY):
        index_at(made, day, catalogue=CATALOGUE)
    found = diff(made, str(EARLIER), str(DAY), catalogue=CATALOGUE)
    assert (found.n_before, found.n_after, found.arrived) == (3, 2, {"born": 1})
    assert found.left == {"turned 18": 1, "known to the district in only one": 1}
    assert found.to_json()["children"] == {"before": 3, "after": 2}


def test_nothing_changed_is_nothing(district, tables):
    index_at(district, DAY, catalogue=CATALOGUE)
    found = diff(district, str(DAY), str(DAY), catalogue=CATALOGUE)
    assert (found.causes, found.bands, found.arrived, found.left) == ({}, {}, {}, {})


def test_a_run_is_found_by_its_id(district):
    index_at(district, DAY, catalogue=CATALOGUE)
    ledger = RunLedger(district.root, district.runs)
    run = ledger.record(StageResult("index"), {}, {}, district.index.rglob("*.parquet"))
    assert find_run(district, run.run_id).name == f"at-{DAY}"
    with pytest.raises(EviError, match="there is no such index here"):
        find_run(district, "yesterday")
