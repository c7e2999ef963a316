"""Replay and harm trace: every past flag can be made again, a difference has its cause."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import date

import polars as pl
import pytest
import yaml
from typer.testing import CliRunner

from evi.casefinding import replaying
from evi.casefinding.concerns import Concern, Concerns
from evi.casefinding.finding import find
from evi.casefinding.kept import FINDINGS, LIST, read_run, runs_of
from evi.casefinding.life import decide
from evi.casefinding.places_offered import Offered
from evi.casefinding.releasing import release_worklist
from evi.casefinding.replaying import replay
from evi.casefinding.rules import FOLDER, load_rules, make_rule
from evi.casefinding.tracing import KINDS, codes_followed, trace, write_trace
from evi.casefinding.worklist import make_worklist
from evi.cli.app import app, load_verbs
from evi.workspace import EviError
from tests.casefinding.stores import DAY, Fact, low_profile, write_store

NAME = "autism-eyfsp-2021"
RULE = load_rules()[NAME]
LOW = (2, 4, 6, 8)
LATER = date(2025, 8, 31)


def facts():
    return [fact for child in range(1, 21) for fact in low_profile(child, "2021", 16 if child in LOW else 0)]


def people(district, moved=None):
    """The spine: each child is one person of the feed eyfsp; `moved` goes to another child."""
    rows = [("eyfsp", child, child) for child in range(1, 21)]
    rows = [(feed, person, (moved or {}).get(person, subject)) for feed, person, subject in rows]
    district.spine.mkdir(exist_ok=True)
    frame = pl.DataFrame(rows, schema=["feed", "person", "subject_id"], orient="row")
    frame.write_parquet(district.spine / "people.parquet")


@pytest.fixture
def district(tmp_path):
    made = write_store(
        tmp_path / "district", facts(), schools={child: f"S{child % 2}" for child in range(1, 21)}
    )
    people(made)
    return made


def again(district, stored, **more):
    schools = {child: f"S{child % 2}" for child in range(1, 21)}
    return write_store(district.root, stored, schools=schools, **more)


def run(district, day=DAY, concerns=None, offered=None, rule=NAME):
    raised = concerns or Concerns((), {})
    made = make_worklist(district, find(district, rule, day), raised, offered or Offered())
    return release_worklist(district, made, concerns=raised).manifest.run_id


def test_a_replay_is_the_same_bit_for_bit_with_concerns_and_places(district):
    concern = Concern(15, "parent", date(2024, 5, 1), "autism")
    name = run(
        district, concerns=Concerns((concern,), {"no_date": 2}), offered=Offered(3, {"S0": 1}, "autumn")
    )
    found = replay(district, name)
    assert found.bits and found.same and not found.code and not found.inputs and not found.rules
    assert found.listed == 5
    kept = read_run(district, name)
    assert kept.concerns.concerns == (concern,)
    assert kept.offered == Offered(3, {"S0": 1}, "autumn")


def test_a_kept_rule_is_the_whole_rule(district):
    for rule in load_rules().values():
        assert make_rule(json.loads(rule.text)) == rule


def test_a_flag_is_replayed_by_the_rule_that_made_it_after_the_rule_has_changed(district):
    name = run(district)
    table = yaml.safe_load((FOLDER / f"{NAME}.yaml").read_text(encoding="utf-8"))
    table["threshold"]["value"] = 19
    (district.root / "rules").mkdir()
    (district.root / "rules" / "mine.yaml").write_text(yaml.safe_dump(table))
    assert len(find(district, NAME, DAY).of("positive")) < len(LOW) + 1
    found = replay(district, name)
    assert found.same
    assert found.rules == (RULE.label,)  # said, though it made no difference


def test_records_that_became_known_later_change_nothing(district):
    name = run(district)
    later = [Fact(3, "HEALTH/AUTISM/DIAGNOSIS", date(2024, 6, 1), known=date(2025, 1, 1))]
    found = replay(again(district, [*facts(), *later]), name)
    assert found.same
    assert found.inputs == () or all("by_code" in each for each in found.inputs)


def test_records_that_were_rewritten_are_the_cause(district):
    name = run(district)
    rewritten = [fact for fact in facts() if fact.child != 2] + low_profile(2, "2021", 0)
    found = replay(again(district, rewritten), name)
    assert not found.same
    assert found.answers.select("subject_id", "then", "now", "cause").rows() == [
        (2, "positive", "negative", "records")
    ]
    gone = found.differing.filter(pl.col("what") == "on the list")
    assert gone.rows() == [(2, "on the list", "yes", "no", "records")]
    # the others at its school moved up, and the replay says that it was because of others
    assert set(found.differing.filter(pl.col("subject_id") != 2)["cause"].to_list()) <= {"others"}


def test_linkage_is_the_cause_where_other_records_are_joined(district):
    name = run(district)
    moved = [replace(fact, child=3) if fact.child == 2 else fact for fact in facts() if fact.child != 3]
    stored = again(district, moved, births=dict.fromkeys(range(1, 21), date(2018, 3, 1)))
    people(stored, {2: 3})
    found = replay(stored, name)
    assert {row["subject_id"]: row["cause"] for row in found.answers.to_dicts()} == {
        2: "linkage",
        3: "linkage",
    }


def test_code_is_the_cause_where_nothing_else_changed(district, monkeypatch):
    name = run(district)
    strict = replace(RULE, threshold=replace(RULE.threshold, value=0.0))
    other = find
    monkeypatch.setattr(replaying, "find", lambda d, rules, day: other(d, (strict,), day))
    monkeypatch.setattr(replaying, "code_hash", lambda: "other code")
    found = replay(district, name)
    assert found.code
    assert found.causes == {"code": 20}  # every child's line is another one
    assert found.answers.filter(pl.col("then") != pl.col("now"))["subject_id"].to_list() == list(LOW)
    monkeypatch.undo()
    monkeypatch.setattr(replaying, "code_hash", lambda: "other code")
    assert replay(district, name).same  # other code, same list: said and no difference


@pytest.mark.parametrize("file", [LIST, FINDINGS, "run.json"])
def test_a_kept_run_that_was_changed_is_refused(district, file):
    name = run(district)
    path = read_run(district, name).folder / file
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(EviError, match="gone or was changed"):
        replay(district, name)
    path.unlink()
    with pytest.raises(EviError, match="gone or was changed"):
        replay(district, name)


@pytest.mark.parametrize("name", ["", "nobody", "../../etc", "a/b"])
def test_a_run_that_was_not_kept_is_refused(district, name):
    with pytest.raises(EviError, match="no run of that name"):
        replay(district, name)


def test_the_trace_lists_every_child_touched_and_what_followed(district):
    run(district)
    decide(district, RULE, "shadow", "board", "to see what it does")
    followed = [
        Fact(2, "HEALTH/AUTISM/REFERRAL", date(2024, 10, 1)),
        Fact(2, "HEALTH/AUTISM/DIAGNOSIS", date(2025, 3, 1)),
        Fact(4, "HEALTH/AUTISM/REFERRAL", date(2024, 1, 1)),  # before the flag, and over
        Fact(4, "HEALTH/AUTISM/NOT_DIAGNOSED", date(2024, 8, 31)),  # on the very day: not after
        Fact(5, "HEALTH/GP/PROBLEM/AUTISM", date(2025, 1, 5)),  # passed over, and diagnosed
        Fact(6, "HEALTH/AUTISM/REFERRAL", date(2026, 1, 5)),  # after the day of the trace
    ]
    stored = again(district, [*facts(), *followed])
    run(stored, LATER)
    found = trace(stored, NAME, RULE.version, date(2025, 12, 31))
    listed = {row["subject_id"]: row for row in found.table.filter(pl.col("touched") == "listed").to_dicts()}
    assert set(listed) == set(LOW)
    assert listed[2]["referred"] == date(2024, 10, 1)
    assert listed[2]["diagnosed"] == listed[2]["assessed"] == date(2025, 3, 1)
    assert listed[2]["first_on"] == DAY
    assert listed[4]["referred"] is None and "referred" in listed[4]["before"]
    assert listed[4]["nothing"] and listed[6]["nothing"] and not listed[2]["nothing"]
    assert {row["runs"] for row in listed.values()} <= {1, 2}
    assert not any(row["went_out"] for row in listed.values())
    over = found.table.filter(pl.col("subject_id") == 5).to_dicts()[0]
    assert (over["touched"], over["diagnosed"]) == ("passed_over", date(2025, 1, 5))
    counts = found.counts()
    assert counts["listed"]["children"] == 4
    assert counts["listed"]["nothing"] == 3
    assert counts["passed_over"]["diagnosed"] == 1
    assert sum(each["children"] for each in counts.values()) == 20


def test_a_child_whose_pseudonym_is_gone_stays_on_the_trace(district, tmp_path):
    run(district)
    smaller = again(district, [fact for fact in facts() if fact.child != 8])
    found = trace(smaller, NAME, 1, LATER)
    row = found.table.filter(pl.col("subject_id") == 8).to_dicts()[0]
    assert (row["touched"], row["still_known"], row["nothing"]) == ("listed", False, True)
    assert write_trace(found, tmp_path / "a.csv") == 4
    assert write_trace(found, tmp_path / "b.csv", everyone=True) == 20
    assert len(list(csv.DictReader((tmp_path / "a.csv").open()))) == 4


def test_only_the_version_that_is_asked_for_is_traced(district):
    run(district)
    with pytest.raises(EviError, match="no run"):
        trace(district, NAME, 2, LATER)
    with pytest.raises(EviError, match="no run"):
        trace(district, "autism-eyfsp", 1, LATER)
    assert len(list(runs_of(district, NAME))) == 1
    assert list(runs_of(district, "autism")) == []


def test_children_on_the_list_by_a_concern_alone_were_not_touched_by_the_rule(district):
    run(district, concerns=Concerns((Concern(15, "teacher", date(2024, 5, 1), "autism"),), {}))
    found = trace(district, NAME, 1, LATER)
    assert set(found.table.filter(pl.col("touched") == "listed")["subject_id"]) == set(LOW)


def test_every_condition_that_a_rule_looks_for_has_something_that_may_follow():
    for rule in load_rules().values():
        followed = codes_followed(rule.condition)
        assert followed["referred"] and followed["supported"]
        assert set(followed) == set(KINDS)


def test_the_commands_answer(district, tmp_path):
    name = run(district)
    load_verbs("casefind")
    at = ["-d", str(district.root), "--json"]
    rows = json.loads(CliRunner().invoke(app, ["casefind", "runs", *at]).output)
    assert [(row["run"], row["listed"]) for row in rows] == [(name, 4)]
    replayed = CliRunner().invoke(app, ["casefind", "replay", name, *at])
    assert replayed.exit_code == 0
    assert json.loads(replayed.output)["same_bits"] is True
    out = tmp_path / "trace.csv"
    traced = CliRunner().invoke(
        app, ["casefind", "trace", NAME, "--version", "1", "--out", str(out), "--date", "2025-08-31", *at]
    )
    assert traced.exit_code == 0, traced.output
    assert json.loads(traced.output)["rows"] == 4
    again(district, [fact for fact in facts() if fact.child != 2] + low_profile(2, "2021", 0))
    assert CliRunner().invoke(app, ["casefind", "replay", name, "-d", str(district.root)]).exit_code == 1
