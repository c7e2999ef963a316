"""Protocols, lots and the ledger: what can't hold is refused, changes show, and lots are drawn once."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from evi.casefinding.trials.allocating import allocate, balance_of, choices, starts_of
from evi.casefinding.trials.ledger import (
    changes,
    looks,
    note_analysis,
    read_allocation,
    register,
    write_allocation,
)
from evi.casefinding.trials.protocol import make_protocol, read_protocol
from evi.workspace import EviError
from tests.casefinding.trial_tables import table, trial

TODAY, LATER = date(2024, 5, 2), date(2024, 9, 9)


def written(tmp_path, made=None):
    path = tmp_path / "trial.yaml"
    path.write_text(yaml.safe_dump(made or table()), encoding="utf-8")
    return read_protocol(path)


# --- What can't hold ----------------------------------------------------------------------------------------


def four(made):
    made["clusters"] = made["clusters"][:3]


def twice(made):
    made["clusters"].append(dict(made["clusters"][0]))


def no_primary(made):
    made["outcomes"][0]["primary"] = False


def periods_overlap(made):
    made["periods"][1]["from"] = "2024-01-01"


def unknown_start(made):
    made["starts"] = ["never heard of"]


def two_starts(made):
    made["starts"] = ["before", "after"]


def impossible_share(made):
    made["outcomes"][0]["assume"]["base"] = 0.95


def no_spread(made):
    del made["outcomes"][1]["assume"]["sd"]


def no_deprivation(made):
    del made["clusters"][0]["deprivation"]


def chosen_alone(made):
    made["allocation"] = "chosen"
    for number, each in enumerate(made["clusters"]):
        each["starts"] = "after" if number == 0 else None


def chosen_silent(made):
    made["allocation"] = "chosen"


def drawn_and_given(made):
    made["clusters"][0]["starts"] = "after"


def bad_code(made):
    made["outcomes"][0]["to"] = ["not a code"]


def bad_day(made):
    made["periods"][0]["from"] = "2023-02-30"


def typing_error(made):
    made["alhpa"] = 0.05


@pytest.mark.parametrize(
    ("bend", "said"),
    [
        (four, "3 schools make an arm of one"),
        (twice, "1 cluster is named more than once"),
        (no_primary, "one outcome, and only one"),
        (periods_overlap, "starts before before ends"),
        (unknown_start, "a period that there is not"),
        (two_starts, "a parallel trial has one start"),
        (impossible_share, "lies between 0 and 1"),
        (no_spread, "need an assumed standard deviation"),
        (no_deprivation, "balance deprivation, and 1 clusters have none"),
        (chosen_alone, "1 schools try the change and 23 do not"),
        (chosen_silent, "24 clusters do not say when they start"),
        (drawn_and_given, "the allocation is said to be drawn by lot"),
        (bad_code, "outcomes/0/to/0"),
        (bad_day, "no day of the calendar"),
        (typing_error, "alhpa"),
    ],
)
def test_a_protocol_that_cannot_hold_is_refused_and_says_why(bend, said):
    made = table()
    bend(made)
    with pytest.raises(EviError, match=said):
        make_protocol(made)


@pytest.mark.parametrize(
    ("steps", "schools"), [(["spring"], 12), (["autumn", "spring"], 12), (["spring", "summer"], 2)]
)
def test_a_stepped_wedge_needs_steps_after_the_first_period_and_schools_for_them(steps, schools):
    made = table("stepped-wedge")
    made["starts"], made["clusters"] = steps, made["clusters"][:schools]
    with pytest.raises(EviError):
        make_protocol(made)


def test_a_file_that_is_no_protocol_is_explained(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_bytes(b"\xff\xfe{: nothing")
    with pytest.raises(EviError, match="can't be read as YAML"):
        read_protocol(path)
    with pytest.raises(EviError, match="can't be read as YAML"):
        read_protocol(tmp_path / "missing.yaml")


@pytest.mark.parametrize("design", ["parallel", "stepped-wedge"])
def test_the_examples_hold_and_the_digest_is_of_what_is_said(design):
    made = table(design)
    turned = dict(reversed(made.items()))
    assert make_protocol(made).digest == make_protocol(turned).digest
    made["alpha"] = 0.01
    assert make_protocol(made).digest != make_protocol(turned).digest


def test_few_schools_chosen_schools_and_no_before_are_said():
    assert any("Only 8 schools" in line for line in trial(sizes=[30] * 8).notes)
    after = [{"id": "after", "from": "2024-06-01", "to": "2025-06-01"}]
    assert any("no period before" in line for line in trial(periods=after).notes)
    assert trial().notes == []


# --- Lots ---------------------------------------------------------------------------------------------------


def test_lots_are_the_same_each_time_and_others_by_another_seed():
    first, again, other = allocate(trial())[0], allocate(trial())[0], allocate(trial(seed=5))[0]
    assert first == again
    assert first.starts != other.starts


@pytest.mark.parametrize("design", ["parallel", "stepped-wedge"])
def test_the_allocation_drawn_is_better_balanced_than_most(design):
    asked = trial(design)
    listed = choices(asked)
    everything = choices(
        make_protocol({**table(design), "analysis": {**table(design)["analysis"], "keep_share": 1.0}})
    )
    assert listed.score.max() <= np.quantile(everything.score, asked.keep_share) + 1e-9
    drawn, _ = allocate(asked)
    assert set(Counter(drawn.starts.values()).values()) <= {12, 3}


def test_the_mean_of_size_and_deprivation_by_start_is_what_it_says():
    asked = trial(sizes=[10, 20, 30, 40])
    starts = {"S00": "after", "S01": None, "S02": "after", "S03": None}
    found = balance_of(asked, starts)
    assert found["after"] == {"schools": 2.0, "size": 20.0, "deprivation": 7.0}
    assert found["never"] == {"schools": 2.0, "size": 30.0, "deprivation": 14.0}


def test_every_allocation_is_listed_where_there_are_few_and_each_school_has_an_even_chance():
    asked = trial(sizes=[30] * 8)
    found = choices(asked)
    assert (found.listed, found.every) == (70, True)
    assert ((found.steps == 0).mean(axis=0) == 0.5).all()
    assert found.tied == 0


def test_a_balance_that_ties_schools_together_is_counted():
    asked = trial(sizes=[1000, 990, 10, 12], analysis={**table()["analysis"], "balance": ["size"]})
    found = choices(asked)
    assert len(found.steps) == 6
    tight = type(found)(found.steps[:1], found.score[:1], 6, True)
    assert tight.tied == 6


@given(st.integers(4, 14), st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_arms_differ_by_one_school_at_most_whatever_the_number(schools, seed):
    asked = trial(sizes=list(range(20, 20 + schools)), seed=seed)
    drawn, _ = allocate(asked)
    counted = Counter(start is not None for start in drawn.starts.values())
    assert counted[False] - counted[True] in (0, 1)
    assert starts_of(asked, choices(asked).steps[0]).keys() == drawn.starts.keys()


# --- The ledger ---------------------------------------------------------------------------------------------


def test_lots_are_written_once_and_never_silently_again(tmp_path):
    asked, path = written(tmp_path), tmp_path / "allocation.yaml"
    first, notes, same = write_allocation(asked, path, TODAY)
    assert (notes, same) == ([], False)
    assert write_allocation(asked, path, LATER)[2]
    path.write_text("something else", encoding="utf-8")
    with pytest.raises(EviError, match="not written over"):
        write_allocation(asked, path, LATER)
    assert path.read_text(encoding="utf-8") == "something else"
    again = tmp_path / "again.yaml"
    assert write_allocation(asked, again, LATER)[0] == first
    assert read_allocation(asked, again) == (first.starts, [])


def test_another_seed_does_not_draw_again_under_the_same_protocol(tmp_path):
    write_allocation(written(tmp_path), tmp_path / "allocation.yaml", TODAY)
    shopped = written(tmp_path, {**table(), "seed": 99})
    with pytest.raises(EviError, match="an allocation was drawn on 2024-05-02"):
        write_allocation(shopped, tmp_path / "better.yaml", LATER)
    assert not (tmp_path / "better.yaml").exists()


def test_a_change_of_the_protocol_after_it_was_registered_shows(tmp_path):
    asked = written(tmp_path)
    assert "never registered" in changes(asked)[0]
    assert register(asked, TODAY) == []
    assert register(asked, LATER) == []
    bent = written(tmp_path, {**table(), "alpha": 0.1, "power": 0.7})
    assert changes(bent) == ["The protocol differs from what was registered on 2024-05-02: alpha, power."]
    said = register(bent, LATER)
    assert said == ["The protocol was changed on 2024-09-09, after it was registered: alpha, power."]
    assert register(written(tmp_path), LATER)[0] == said[0]


def test_a_ledger_that_was_edited_is_refused(tmp_path):
    asked = written(tmp_path)
    register(asked, TODAY)
    path = tmp_path / "trial.ledger.jsonl"
    path.write_text(path.read_text().replace("2024-05-02", "2023-05-02"))
    with pytest.raises(EviError, match="ledger was changed"):
        changes(asked)


def test_looks_at_different_data_are_counted(tmp_path):
    asked = written(tmp_path)
    for data in ("a", "a", "b"):
        note_analysis(asked, data, TODAY)
    assert looks(asked) == 2


def test_an_allocation_of_others_or_with_a_school_twice_is_refused(tmp_path):
    asked, path = written(tmp_path), tmp_path / "allocation.yaml"
    names = [each.id for each in asked.clusters]
    path.write_text("starts:\n" + "".join(f"  {name}: after\n" for name in [*names, names[0]]))
    with pytest.raises(EviError, match="1 names stand in it more than once: a school can't be in two arms"):
        read_allocation(asked, path)
    path.write_text(json.dumps({"starts": dict.fromkeys(names[1:], "after")}))
    with pytest.raises(EviError, match="1 schools of the protocol are not in it, and 0 others are"):
        read_allocation(asked, path)
    path.write_text(json.dumps({"starts": {**dict.fromkeys(names, "after"), names[0]: None}}))
    with pytest.raises(EviError, match="23 schools try the change and 1 do not"):
        read_allocation(asked, path)
    path.write_text("- nothing")
    with pytest.raises(EviError, match="can't be read as an allocation"):
        read_allocation(asked, path)
    with pytest.raises(EviError, match="when does each school start"):
        read_allocation(asked, None)


def test_an_allocation_that_nobody_drew_is_said(tmp_path):
    asked, path = written(tmp_path), tmp_path / "allocation.yaml"
    names = [each.id for each in asked.clusters]
    handmade = {name: "after" if number < 12 else None for number, name in enumerate(names)}
    path.write_text(json.dumps({"starts": handmade}))
    assert "holds no allocation" in read_allocation(asked, path)[1][0]
    write_allocation(asked, tmp_path / "drawn.yaml", TODAY)
    assert "not those that were drawn on 2024-05-02" in read_allocation(asked, path)[1][0]
