"""From results to sentences: rows refused with a count, records read by day, no more said than is known."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest
import yaml
from typer.testing import CliRunner

from evi.casefinding.trials.allocating import allocate
from evi.casefinding.trials.analysing import analyse
from evi.casefinding.trials.from_records import read_records
from evi.casefinding.trials.rehearsing import rehearsal
from evi.casefinding.trials.table_file import read_table
from evi.casefinding.trials.telling import printable, said_of
from evi.cli import app
from evi.cli.app import load_verbs
from evi.workspace import EviError
from tests.casefinding.stores import Fact, write_store
from tests.casefinding.trial_tables import table, trial

ASKED = trial()
STARTS = allocate(ASKED)[0].starts
ONE = trial(outcomes=table()["outcomes"][:1])
CHANGE = next(name for name, start in STARTS.items() if start)
USUAL = next(name for name, start in STARTS.items() if not start)
HEADER = "cluster,period,child,outcome,value,date,arm\n"


def csv(tmp_path, rows: Iterable[str], header: str = HEADER):
    path = tmp_path / "results.csv"
    path.write_text(header + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def whole(tmp_path, protocol=ASKED, starts=STARTS, **options):
    path = tmp_path / "whole.csv"
    rehearsal(protocol, starts, **options).write_csv(path)
    return path


# --- Rows that can't be counted -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (f"{CHANGE},after,c,nothing_known,1,,", "unknown_outcome"),
        ("SCH99,after,c,found_need,1,,", "unknown_cluster"),
        (f"{CHANGE},one day,c,found_need,1,,", "unknown_period"),
        (f"{CHANGE},after,,found_need,1,,", "no_child"),
        (f"{CHANGE},after,c,found_need,often,,", "not_a_number"),
        (f"{CHANGE},after,c,found_need,inf,,", "not_a_number"),
        (f"{CHANGE},after,c,found_need,1e300,,", "too_large"),
        (f"{CHANGE},after,c,found_need,-1,,", "negative"),
        (f"{CHANGE},after,c,found_need,0.5,,", "not_a_share"),
        (f"{CHANGE},after,c,found_need,1,2024-31-31,", "no_date"),
        (f"{CHANGE},after,c,found_need,1,2024-05-31,", "outside_period"),
        (f"{CHANGE},after,c,found_need,1,2025-06-01,", "outside_period"),
        (f"{CHANGE},after,c,found_need,1,,usual", "two_arms"),
        (f"{USUAL},before,c,found_need,1,,change", "two_arms"),
    ],
)
def test_a_row_that_cannot_be_counted_is_left_out_with_its_reason(tmp_path, row, reason):
    good = f"{CHANGE},after,fine,found_need,1,2024-06-01,change"
    found = read_table(csv(tmp_path, [good, row]), ASKED, STARTS)["found_need"]
    assert found.table["child"].to_list() == ["fine"]
    assert dict(found.rejects) == {reason: 1}
    assert len(found.reject_lines()) == 1


def test_negative_waits_long_waits_and_half_counts(tmp_path):
    rows = [f"{CHANGE},after,{n},wait,{value},," for n, value in enumerate([-3, 400, 12])]
    rows.append(f"{CHANGE},after,c,found_need,1,,")
    found = read_table(csv(tmp_path, rows), ASKED, STARTS)["wait"]
    assert found.table["value"].to_list() == [270.0, 12.0]
    assert (dict(found.rejects), dict(found.notes)) == ({"negative": 1}, {"capped": 1})
    stepped = trial("stepped-wedge")
    starts = allocate(stepped)[0].starts
    rows = [f"SCH01,autumn,{n},contacts,{value},," for n, value in enumerate([1.5, 2])] + [
        "SCH01,autumn,c,wait,9,,"
    ]
    assert dict(read_table(csv(tmp_path, rows), stepped, starts)["contacts"].rejects) == {"not_whole": 1}


def test_duplicates_contradictions_and_a_child_in_two_schools(tmp_path):
    rows = [
        f"{CHANGE},after,same,found_need,1,,", f"{CHANGE},after,same,found_need,1,,",
        f"{CHANGE},after,differs,found_need,1,,", f"{CHANGE},after,differs,found_need,0,,",
        f"{CHANGE},after,moves,found_need,1,,", f"{USUAL},after,moves,found_need,1,,",
        f"{CHANGE},after,empty,found_need,,,",
    ]  # fmt: skip
    found = read_table(csv(tmp_path, rows), ASKED, STARTS)["found_need"]
    assert sorted(found.table["child"]) == ["empty", "same"]
    assert dict(found.rejects) == {"two_clusters": 2, "disagree": 2, "written_twice": 1}
    assert found.known["child"].to_list() == ["same"]


def test_nothing_is_lost_without_a_count(tmp_path):
    path = whole(tmp_path, missing=0.1)
    rows = pl.read_csv(path, infer_schema=False)
    spoiled = pl.concat([rows, rows.head(50), rows.head(30).with_columns(value=pl.lit("-1"))])
    spoiled.write_csv(path)
    found = read_table(path, ASKED, STARTS)
    assert sum(each.table.height + sum(each.rejects.values()) for each in found.values()) == spoiled.height


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"cluster,period,child,outcome\nA,b,c,d\n", "it has no column value"),
        (b"cluster,period,child,outcome,value,value\n", "a column twice"),
        (b"\xff\xfe\x00", "can't be read as a table"),
        (b"", "can't be read as a table"),
        (HEADER.encode(), "no row of found_need can be used: there was none"),
        (HEADER.encode() + b"SCH99,after,c,found_need,1,,\n", "schools? that is not in the trial: 1"),
    ],
)
def test_a_file_that_is_no_table_of_results_is_refused_whole(tmp_path, text, said):
    path = tmp_path / "results.csv"
    path.write_bytes(text)
    with pytest.raises(EviError, match=said):
        read_table(path, ASKED, STARTS)


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """A whole trial's rows with a worthwhile effect."""
    return read_table(whole(tmp_path_factory.mktemp("whole")), ASKED, STARTS)


@pytest.fixture(scope="module")
def analysed(rows):
    return analyse(ASKED, STARTS, rows)


# --- What is said -------------------------------------------------------------------------------------------


def test_an_effect_is_found_where_there_is_one_and_every_road_agrees(analysed):
    found = analysed
    main = found.results[0]
    assert main.main.low < 0.1 < main.main.high
    assert main.main.p_value < 0.05
    assert main.permuted.p_value < 0.05
    assert main.permuted.drawn
    for other in main.others[:2]:
        assert abs(other.value - main.main.value) < main.main.error
    assert main.others[2].method == "ratio"
    assert main.others[2].low > 1
    assert {each.outcome.id for each in found.results} == {"found_need", "time_to_support", "wait"}


def test_no_difference_found_is_not_said_to_be_no_difference(tmp_path):
    small = trial(sizes=[25] * 8)
    starts = allocate(small)[0].starts
    path = whole(tmp_path, small, starts, share_of_worthwhile=0.0)
    result = analyse(small, starts, read_table(path, small, starts)).results[0]
    said = " ".join(said_of(result, 0.05, randomised=True))
    assert "not the same as no difference" in said
    narrow = replace(result, main=replace(result.main, low=-0.01, high=0.02, value=0.005))
    assert "unlikely; a smaller one is possible" in " ".join(said_of(narrow, 0.05, randomised=True))


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.12, 0.2, "Every value in the interval is at least what was worthwhile"),
        (0.02, 0.2, "may be less or more than what was worthwhile"),
        (0.02, 0.06, "It is less than what was worthwhile"),
        (-0.2, -0.02, "That is worse"),
    ],
)
def test_the_interval_is_set_beside_what_would_be_worthwhile(analysed, low, high, words):
    result = analysed.results[0]
    bent = replace(result, main=replace(result.main, low=low, high=high, value=(low + high) / 2))
    assert words in " ".join(said_of(bent, 0.05, randomised=True))


def test_what_makes_a_result_shaky_is_said(analysed):
    result = analysed.results[0]
    shaky = replace(result, replaced=True, main=replace(result.main, df=2.5))
    said = " ".join(said_of(shaky, 0.05, randomised=True))
    assert "mixed model did not settle" in said
    assert "2.5 degrees of freedom" in said
    few = replace(result, permuted=replace(result.permuted, allocations=6, smallest=1 / 3))
    assert "can't be under 0.33" in " ".join(said_of(few, 0.05, randomised=True))
    apart = replace(result, permuted=replace(result.permuted, p_value=0.3))
    assert "hangs by a thread" in " ".join(said_of(apart, 0.05, randomised=True))


def test_chosen_schools_are_not_said_to_show_a_cause(tmp_path):
    made = table()
    made["allocation"] = "chosen"
    for each in made["clusters"]:
        each["starts"] = STARTS[each["id"]]
    chosen = trial(allocation="chosen", clusters=made["clusters"], outcomes=made["outcomes"][:1])
    found = analyse(chosen, chosen.chosen, read_table(whole(tmp_path), chosen, chosen.chosen))
    document = printable(found)
    said = " ".join(document["outcomes"][0]["said"])
    assert "than without it" not in said
    assert "as if schools had been drawn by lot" in said
    assert any("chosen and not drawn" in line for line in document["notes"])


def test_missing_values_are_counted_by_side_and_uneven_ones_warned_of(tmp_path):
    rows = {"found_need": read_table(whole(tmp_path, missing=0.05), ONE, STARTS)["found_need"]}
    even = analyse(ONE, STARTS, rows).results[0]
    assert 0.02 < min(even.missing) < max(even.missing) < 0.08
    with_it = [number for number, each in enumerate(ASKED.clusters) if STARTS[each.id]]
    late = (pl.col("period") == 1) & pl.col("cluster").is_in(with_it) & (pl.int_range(pl.len()) % 4 == 0)
    lost = rows["found_need"].table.with_columns(value=pl.when(late).then(None).otherwise(pl.col("value")))
    uneven = analyse(ONE, STARTS, {**rows, "found_need": replace(rows["found_need"], table=lost)}).results[0]
    assert "More is missing on one side" in " ".join(said_of(uneven, 0.05, randomised=True))


def test_results_of_one_school_in_an_arm_are_refused(rows):
    alone = [
        number for number, each in enumerate(ASKED.clusters) if STARTS[each.id] is None or each.id == CHANGE
    ]
    kept = {
        name: replace(each, table=each.table.filter(pl.col("cluster").is_in(alone)))
        for name, each in rows.items()
    }
    with pytest.raises(EviError, match="results of 1 schools that try the change and of 12 that do not"):
        analyse(ASKED, STARTS, kept)


def test_a_secondary_outcome_without_results_is_left_out_and_named(tmp_path):
    path = whole(tmp_path)
    pl.read_csv(path, infer_schema=False).filter(pl.col("outcome") != "wait").write_csv(path)
    found = analyse(ASKED, STARTS, read_table(path, ASKED, STARTS))
    assert found.left_out == {"wait": "no child has a value."}


def test_small_numbers_are_not_printed_and_groups_are_never_tested_alone(tmp_path):
    path = whole(tmp_path)
    rows = pl.read_csv(path, infer_schema=False)
    rare = pl.when(pl.int_range(pl.len()) % 700 == 0).then(pl.lit("rare")).otherwise(pl.col("language"))
    rows.with_columns(language=rare).write_csv(path)
    document = printable(analyse(ASKED, STARTS, read_table(path, ASKED, STARTS), by="language"))
    first = document["outcomes"][0]
    assert first["groups_left_out"] == 1
    assert {row["group"] for row in first["groups"]} == {"English", "other"}
    assert all("p_value" not in row for row in first["groups"])
    assert all(row["children"] % 5 == 0 for row in first["table"])
    assert "p_value" not in document["outcomes"][1]["main"]
    with pytest.raises(EviError, match="no column shoe_size"):
        analyse(ASKED, STARTS, read_table(path, ASKED, STARTS), by="shoe_size")


# --- From records -------------------------------------------------------------------------------------------

KNOWN = date(2026, 6, 1)
BEFORE, AFTER = date(2023, 7, 1), date(2024, 7, 1)
PROFILE, SUPPORT = "EDU/EYFSP/2021/COM/LA", "EDU/SEN/SUPPORT"
WAITS = [
    Fact(900, code, date(2020, month, 1))
    for month, codes in (
        (1, ("HEALTH/SALT/REFERRAL", "HEALTH/AUTISM/REFERRAL")),
        (2, ("HEALTH/SALT/CONTACT", "HEALTH/AUTISM/CONTACT", "HEALTH/AUTISM/FIRST_CONTACT")),
        (3, ("HEALTH/AUTISM/DIAGNOSIS", "EDU/SEN/EHCP", SUPPORT)),
    )
    for code in codes
]
"""A child outside the trial, by whom every code is in some record."""


def made_store(tmp_path, facts, births=None, schools=None):
    everyone = sorted({fact.child for fact in facts})
    births = births or {child: date(2018, 9, 1) for child in everyone}
    return write_store(
        tmp_path / "d", [*facts, *WAITS], births=births, schools=schools or dict.fromkeys(everyone, CHANGE)
    )


def found_need(tmp_path, facts, *, day=KNOWN, **options):
    return read_records(made_store(tmp_path, facts, **options), ASKED, STARTS, day)["found_need"]


def test_a_child_counts_from_the_first_event_in_its_school_and_period(tmp_path):
    facts = [
        Fact(1, PROFILE, BEFORE), Fact(1, SUPPORT, BEFORE + timedelta(days=299)),
        Fact(2, PROFILE, AFTER), Fact(2, SUPPORT, AFTER + timedelta(days=300)),
        Fact(3, PROFILE, AFTER), Fact(3, PROFILE, AFTER + timedelta(days=9)), Fact(3, SUPPORT, AFTER),
    ]  # fmt: skip
    births = {1: date(2018, 9, 1), 2: date(2019, 9, 1), 3: date(2019, 9, 1)}
    found = found_need(tmp_path, facts, births=births)
    place = [each.id for each in ASKED.clusters].index(CHANGE)
    assert found.table.rows() == [(place, 0, 1, 1.0), (place, 1, 2, 0.0), (place, 1, 3, 1.0)]


@pytest.mark.parametrize(
    ("facts", "options", "reason"),
    [
        ([Fact(2, PROFILE, date(2023, 5, 31))], {}, "before_periods"),
        ([Fact(2, PROFILE, date(2025, 6, 1))], {}, "between_periods"),
        ([Fact(2, PROFILE, BEFORE), Fact(2, SUPPORT, BEFORE - timedelta(days=1))], {}, "known_before"),
        ([Fact(2, PROFILE, BEFORE)], {"births": {1: date(2018, 9, 1), 2: date(2015, 9, 1)}}, "other_age"),
        ([Fact(2, PROFILE, BEFORE)], {"births": {1: date(2018, 9, 1), 2: None}}, "no_birth_month"),
        ([Fact(2, PROFILE, BEFORE)], {"births": {1: date(2018, 9, 1), 2: date(2023, 9, 1)}}, "before_birth"),
        ([Fact(2, PROFILE, BEFORE)], {"schools": {1: CHANGE}}, "no_school"),
        ([Fact(2, PROFILE, BEFORE)], {"schools": {1: CHANGE, 2: "elsewhere"}}, "other_school"),
    ],
)
def test_a_child_who_does_not_count_is_left_out_with_the_reason(tmp_path, facts, options, reason):
    found = found_need(tmp_path, [Fact(1, PROFILE, BEFORE), *facts], **options)
    assert found.table["child"].to_list() == [1]
    assert found.rejects[reason] >= 1


def test_only_what_was_known_on_the_day_counts_and_who_is_not_followed_waits(tmp_path):
    late = Fact(1, SUPPORT, BEFORE + timedelta(days=5), known=date(2025, 1, 1))
    facts = [Fact(1, PROFILE, BEFORE), late, Fact(2, PROFILE, AFTER)]
    births = {1: date(2018, 9, 1), 2: date(2019, 9, 1)}
    early = found_need(tmp_path, facts, day=date(2024, 12, 1), births=births)
    assert early.table["value"].to_list() == [0.0]
    assert early.rejects["not_followed"] == 1
    assert found_need(tmp_path, facts, births=births).table["value"].to_list() == [1.0, 0.0]


def test_who_still_waits_counts_as_the_whole_time_and_who_crosses_the_start_is_counted(tmp_path):
    edge = date(2024, 5, 1)
    facts = [
        Fact(1, PROFILE, BEFORE), Fact(1, "HEALTH/AUTISM/REFERRAL", BEFORE),
        Fact(1, "HEALTH/AUTISM/CONTACT", edge - timedelta(days=200)),
        Fact(2, "HEALTH/AUTISM/REFERRAL", edge), Fact(2, "HEALTH/AUTISM/CONTACT", BEFORE),
    ]  # fmt: skip
    births = {1: date(2018, 9, 1), 2: date(2019, 9, 1)}
    found = read_records(made_store(tmp_path, facts, births=births), ASKED, STARTS, KNOWN)["wait"]
    assert found.table["value"].to_list() == [(edge - timedelta(days=200) - BEFORE).days, 270.0]
    assert dict(found.notes) == {"crosses_start": 1, "earlier": 1}


def test_codes_that_are_in_no_record_are_refused_with_their_number(tmp_path):
    district = made_store(tmp_path, [Fact(1, PROFILE, BEFORE)])
    made = table()["outcomes"]
    made[0]["to"] = ["EDU/SEN/SUPORT", "EDU/SEN/SUPPORT"]
    made[1]["from"] = ["HEALTH/NOWHERE/*"]
    with pytest.raises(EviError, match=r"2 codes .* in no record: EDU/SEN/SUPORT, HEALTH/NOWHERE/\*"):
        read_records(district, trial(outcomes=made), STARTS, KNOWN)


def test_a_trial_of_schools_that_nobody_goes_to_is_refused(tmp_path):
    with pytest.raises(EviError, match=r"no child counts for found_need: .*not in the trial: 1"):
        found_need(tmp_path, [Fact(1, PROFILE, BEFORE)], schools={1: "elsewhere"})


# --- The command line ---------------------------------------------------------------------------------------


def run(*words: object):
    load_verbs()
    return CliRunner().invoke(app, ["evaluate", *map(str, words)], env={"COLUMNS": "200"})


def test_from_protocol_to_result_on_the_command_line(tmp_path):
    protocol, lots, data = tmp_path / "trial.yaml", tmp_path / "lots.yaml", tmp_path / "data.csv"
    assert run("example", "parallel", "--out", protocol).exit_code == 0
    assert run("example", "parallel", "--out", protocol).exit_code == 3
    made = run("power", protocol, "--trials", 200, "--json")
    assert json.loads(made.stdout)["outcomes"][0]["outcome"] == "found_need"
    assert run("allocate", protocol, "--out", lots).exit_code == 0
    assert "the same as before" in run("allocate", protocol, "--out", lots).stdout
    assert run("rehearse", protocol, "--allocation", lots, "--out", data).exit_code == 0
    assert run("rehearse", protocol, "--allocation", lots, "--out", data).exit_code == 1
    result = tmp_path / "result.json"
    done = run("analyse", protocol, data, "--allocation", lots, "--by", "language", "--out", result)
    assert done.exit_code == 0
    assert "what counts is the difference between groups" in done.stdout
    document = json.loads(result.read_text())
    assert document["notes"] == []
    text = protocol.read_text().replace("alpha: 0.05", "alpha: 0.2")
    protocol.write_text(text)
    rows = pl.read_csv(data, infer_schema=False).with_columns(language=pl.lit("[/red] [bold"))
    hostile = tmp_path / "hostile.csv"
    rows.write_csv(hostile)
    assert (
        "[/red] [bold" in run("analyse", protocol, hostile, "--allocation", lots, "--by", "language").stdout
    )
    changed = json.loads(run("analyse", protocol, data, "--allocation", lots, "--json").stdout)
    assert any("differs from what was registered" in line and "alpha" in line for line in changed["notes"])


def test_mistakes_on_the_command_line_are_explained(tmp_path):
    protocol = tmp_path / "trial.yaml"
    protocol.write_text(yaml.safe_dump(table()), encoding="utf-8")
    assert run("analyse", protocol).exit_code == 2
    assert run("analyse", protocol, tmp_path / "none.csv").exit_code == 2
    assert run("power", tmp_path / "none.yaml").exit_code == 2
    assert run("example", "crossover", "--out", tmp_path / "x.yaml").exit_code == 2
    assert run("analyse", protocol, "x.csv", "--out", tmp_path / "x.txt").exit_code == 2
    assert json.loads(run("analyse", protocol, "x.csv", "--json").stdout)["do"]


def test_a_trial_of_chosen_schools_is_registered_by_hand(tmp_path):
    protocol = tmp_path / "trial.yaml"
    made = table() | {"allocation": "chosen"}
    for each in made["clusters"]:
        each["starts"] = STARTS[each["id"]]
    protocol.write_text(yaml.safe_dump(made), encoding="utf-8")
    assert run("allocate", protocol, "--out", tmp_path / "lots.yaml").exit_code == 2
    assert json.loads(run("register", protocol, "--json").stdout)["entries"] == 1
    assert json.loads(run("register", protocol, "--json").stdout)["entries"] == 1
    protocol.write_text(yaml.safe_dump(made | {"alpha": 0.1}), encoding="utf-8")
    changed = json.loads(run("register", protocol, "--json").stdout)
    assert changed["entries"] == 2
    assert "alpha" in changed["notes"][0]


def test_a_district_is_read_on_the_command_line(tmp_path):
    facts, births, schools = [], {}, {}
    for child in range(1, 289):
        early = child % 2
        day = BEFORE if early else AFTER
        births[child] = date(2018 if early else 2019, 9, 1)
        schools[child] = f"S{child % 6:02}"
        facts.append(Fact(child, PROFILE, day))
        if child % 5 == 0 or child % 7 == 3:
            facts.append(Fact(child, SUPPORT, day + timedelta(days=30 + child % 40)))
    made = table() | {"clusters": [{"id": f"S{n:02}", "size": 24} for n in range(6)]}
    made["outcomes"] = made["outcomes"][:1]
    made["analysis"] = {"method": "did", "average_over": "schools", "groups": ["season"]}
    protocol, lots = tmp_path / "trial.yaml", tmp_path / "lots.yaml"
    protocol.write_text(yaml.safe_dump(made), encoding="utf-8")
    district = made_store(tmp_path, facts, births=births, schools=schools)
    assert run("allocate", protocol, "--out", lots).exit_code == 0
    words = (
        "analyse",
        protocol,
        "--district",
        district.root,
        "--allocation",
        lots,
        "--date",
        "2026-06-01",
        "--json",
    )
    done = run(*words, "--by", "season")
    document = json.loads(done.stdout)
    assert [each["id"] for each in document["outcomes"]] == ["found_need"]
    assert sum(row["children"] for row in document["outcomes"][0]["table"]) == 290
    assert any("Only 6 schools" in line for line in document["notes"])
    assert json.loads(run(*words, "--by", "shoe_size").stdout)["where"] == "--by"
