"""Work lists: nobody vanishes, concerns stand beside rules, and places are shared out fairly."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from datetime import date
from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from evi.casefinding.concerns import COLUMNS, Concerns, check_concerns, read_concerns
from evi.casefinding.finding import find
from evi.casefinding.known import births_of
from evi.casefinding.places_offered import NO_SCHOOL, Offered, read_offered, share_out
from evi.casefinding.rules import load_rules
from evi.casefinding.worklist import BOTH, CONCERN, NEXT_TERM, ON_PATHWAY, RULE, THIS_TERM, make_worklist
from evi.casefinding.writing import write_worklist
from evi.cli.app import app, load_verbs
from evi.workspace import EviError
from tests.casefinding.stores import BORN, DAY, Fact, low_profile, profile, write_store

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
KNOWN = {rule.condition for rule in load_rules().values()}
DIAGNOSED = Fact(5, "HEALTH/AUTISM/DIAGNOSIS", date(2024, 1, 5))


def concern(child: int, by: str = "teacher", on: str = "2024-05-01", about: str = "autism") -> dict[str, str]:
    return {"subject_id": str(child), "raised_by": by, "raised_on": on, "about": about}


def checked(*rows: dict[str, str], births: dict[int, date] | None = None) -> Concerns:
    known = births or {child: BORN for child in range(1, 100)}
    return check_concerns(rows, about="autism", known=KNOWN, births=known, day=DAY)


@pytest.fixture
def district(tmp_path):
    """Children 1 to 4 below the line, 5 below it and diagnosed, 6 to 9 above it, 10 without a result."""
    facts = [fact for child in range(1, 6) for fact in low_profile(child, "2021", 7 + 2 * child)]
    facts += [fact for child in range(6, 10) for fact in profile(child, "2021")]
    schools = {child: "100001" if child % 2 else "100002" for child in range(1, 10)}
    births = {**dict.fromkeys(range(1, 11), BORN), 11: date(2022, 3, 1)}
    return write_store(tmp_path, [*facts, DIAGNOSED], births=births, schools=schools)


# --- Concerns -----------------------------------------------------------------------------------------------


def test_a_concern_stands_beside_a_rule_and_is_marked_by_its_route(district):
    found = find(district, "autism-eyfsp", DAY)
    made = make_worklist(district, found, checked(concern(6), concern(1, "parent"), concern(10), concern(11)))
    routes = dict(made.table.select("subject_id", "route").iter_rows())
    assert routes == {1: BOTH, 2: RULE, 3: RULE, 4: RULE, 6: CONCERN, 10: CONCERN, 11: CONCERN}
    sixth = made.table.row(by_predicate=pl.col("subject_id") == 6, named=True)
    assert sixth["reasons"] == ["A teacher raised a concern about autism on 1 May 2024"]
    assert sixth["rule"] is None
    assert made.of(THIS_TERM).height == 7
    assert made.table.row(by_predicate=pl.col("subject_id") == 10, named=True)["school"] == NO_SCHOOL


def test_a_concern_about_a_child_on_a_pathway_is_answered_and_not_lost(district):
    made = make_worklist(district, find(district, "autism-eyfsp", DAY), checked(concern(5)))
    child = made.of(ON_PATHWAY).row(0, named=True)
    assert child["subject_id"] == 5
    assert (
        child["reasons"][-1] == "Already on a pathway: a service has recorded autism (since 5 January 2024)"
    )
    assert made.summary()["on_the_list"] == {THIS_TERM: 4, NEXT_TERM: 0, ON_PATHWAY: 1}


BAD = [
    (concern(77), "no_such_child"),
    (concern(1) | {"subject_id": "Jane Example"}, "no_such_child"),
    (concern(1, by="neighbour"), "raised_by"),
    (concern(1, on="last week"), "no_date"),
    (concern(1, on=""), "no_date"),
    (concern(1, on="2024-09-01"), "in_the_future"),
    (concern(1, on="2018-02-01"), "before_birth"),
    (concern(1, about="dragons"), "about_unknown"),
    (concern(1, about="sen"), "about_another"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD)
def test_a_concern_that_cannot_be_used_is_counted_with_its_reason(bad, reason):
    kept = checked(bad, concern(2), births={1: BORN, 2: BORN})
    assert kept.rejects == {reason: 1}
    assert [each.subject_id for each in kept.concerns] == [2]


def test_a_concern_raised_again_counts_from_the_first(district):
    kept = checked(concern(2, on="2024-05-01"), concern(2, on="2024-02-01"), concern(2, "parent"))
    assert kept.rejects == {"again": 1}
    assert [(each.raised_by, each.raised_on) for each in kept.concerns] == [
        ("teacher", date(2024, 2, 1)),
        ("parent", date(2024, 5, 1)),
    ]


@pytest.mark.parametrize("suffix", [".csv", ".yaml"])
def test_a_list_of_concerns_is_read_and_may_hold_nothing_else(tmp_path, suffix):
    def write(rows: list[dict[str, str]]) -> None:
        lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
        (tmp_path / f"list{suffix}").write_text("\n".join(lines) if suffix == ".csv" else json.dumps(rows))

    def read() -> Concerns:
        asked = {"about": "autism", "known": KNOWN, "births": {1: BORN}, "day": DAY}
        return read_concerns(tmp_path / f"list{suffix}", **asked)

    write([concern(1)])
    assert len(read()) == 1
    write([concern(1) | {"child_name": "Jane Example"}])
    with pytest.raises(EviError, match="child_name") as caught:
        read()
    assert "Jane" not in str(caught.value)
    write([{name: value for name, value in concern(1).items() if name != "raised_by"}])
    with pytest.raises(EviError, match="lacks raised_by"):
        read()
    for text in ("Jane Example\n", "7,parent,2024-05-01,Jane Example\n", "- Jane Example\n"):
        (tmp_path / f"list{suffix}").write_text(text)
        with pytest.raises(EviError) as caught:
            read()
        assert "Jane" not in f"{caught.value} {caught.value.do}"
    (tmp_path / f"list{suffix}").write_bytes(b"\xff\xfe\x00broken: [")
    with pytest.raises(EviError, match="can't be read"):
        read()
    assert COLUMNS == ("subject_id", "raised_by", "raised_on", "about")


# --- Places -------------------------------------------------------------------------------------------------

SCHOOLS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 40), min_size=1)


@QUICK
@given(children=SCHOOLS, places=st.integers(0, 200))
def test_places_are_shared_in_proportion_to_within_one_and_none_is_wasted(children, places):
    given_ = share_out(children, Offered(places))
    total = sum(children.values())
    assert sum(given_.values()) == min(places, total)
    for school, count in children.items():
        assert 0 <= given_[school] <= count
        exact = Fraction(min(places, total) * count, total)
        assert exact - 1 < given_[school] < exact + 1


@QUICK
@given(
    children=SCHOOLS,
    places=st.integers(0, 200),
    most=st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 10)),
)
def test_no_school_gets_more_than_it_said_and_places_go_to_the_others(children, places, most):
    given_ = share_out(children, Offered(places, most))
    limits = {school: min(count, most.get(school, count)) for school, count in children.items()}
    assert all(given_[school] <= limit for school, limit in limits.items())
    assert sum(given_.values()) == min(places, sum(limits.values()))
    assert share_out(dict(reversed(children.items())), Offered(places, most)) == given_


def test_places_are_read_by_school_and_term(tmp_path):
    path = tmp_path / "places.csv"
    path.write_text("term,school,places\nautumn,*,12\nautumn,100001,3\nspring,*,20\n")
    assert read_offered(path, "autumn") == Offered(12, {"100001": 3}, "autumn")
    assert read_offered(path, "spring") == Offered(20, {}, "spring")
    for text, said in (
        ("term,school,places\nautumn,*,12\nspring,*,20\n", "which term"),
        ("school,places\n*,many\n", "whole number"),
        ("school,places\n*,-3\n", "whole number"),
        ("school,places\na,1\na,2\n", "twice"),
        ("school,seats\na,1\n", "lacks school or places"),
        ("", "lacks school or places"),
    ):
        path.write_text(text)
        with pytest.raises(EviError, match=said):
            read_offered(path)


# --- The list -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """Sixty children in three schools, a third of them below the line by far, a third near it."""
    root = tmp_path_factory.mktemp("crowd")
    facts = [fact for child in range(1, 61) for fact in low_profile(child, "2021", (0, 9, 15)[child % 3])]
    district = write_store(root, facts, schools={child: "abc"[child % 7 % 3] for child in range(1, 61)})
    return district, find(district, "autism-eyfsp", DAY)


@QUICK
@given(
    places=st.none() | st.integers(0, 70),
    raised=st.lists(
        st.tuples(st.integers(1, 60), st.sampled_from(["teacher", "parent", "practitioner"])), max_size=25
    ),
)
def test_nobody_vanishes_and_nobody_is_there_twice(crowd, places, raised):
    district, found = crowd
    concerns = checked(*(concern(child, by) for child, by in raised))
    made = make_worklist(district, found, concerns, Offered(places))
    wanted = set(found.of("positive")["subject_id"]) | {child for child, _ in raised}
    assert sorted(made.table["subject_id"]) == sorted(wanted)
    assert made.of(THIS_TERM).height == min(len(wanted), len(wanted) if places is None else places)
    assert made.of(THIS_TERM).height + made.of(NEXT_TERM).height == len(wanted)
    for school in made.table["school"].unique():
        here = made.table.filter(pl.col("school") == school)
        assert here["place"].to_list() == list(range(1, here.height + 1))
        assert here["state"].to_list() == sorted(here["state"], key=[THIS_TERM, NEXT_TERM].index)


@QUICK
@given(raised=st.sets(st.integers(0, 19).map(lambda n: 3 * n + 3), max_size=20))
def test_neither_route_goes_first(crowd, raised):
    """In any part of a school's list, from its start, both routes have their share, to within one child."""
    district, found = crowd
    made = make_worklist(district, found, checked(*(concern(child) for child in sorted(raised))))
    for school in made.table["school"].unique():
        routes = made.table.filter(pl.col("school") == school)["route"].to_list()
        total = Counter(routes)
        for end in range(1, len(routes) + 1):
            seen = Counter(routes[:end])
            for route, count in total.items():
                assert abs(seen[route] - Fraction(end * count, len(routes))) <= 1


def test_far_past_the_line_comes_first_then_the_longest_wait_then_the_lot(crowd):
    district, found = crowd
    made = make_worklist(district, found)
    low = dict(found.table.select("subject_id", "score").iter_rows())
    for school in made.table["school"].unique():
        scores = [low[child] for child in made.table.filter(pl.col("school") == school)["subject_id"]]
        assert scores == sorted(scores)
    assert made.table.equals(make_worklist(district, found).table)


def test_a_work_list_shows_no_chance_of_anything(crowd):
    district, found = crowd
    made = make_worklist(district, found, checked(concern(3)))
    assert "score" not in made.table.columns
    for row in made.rows():
        text = " ".join(str(value) for value in row.values())
        assert not re.search(r"%|percent|probab|likel|chance|risk", text)


def test_a_work_list_is_written_with_its_manifest_and_can_be_made_again(district, tmp_path):
    found = find(district, "autism-eyfsp", DAY)
    made = make_worklist(district, found, checked(concern(6)), Offered(2))
    folder, manifest = write_worklist(district, made, tmp_path / "one")
    other, again = write_worklist(district, made, tmp_path / "two")
    for name in ("worklist.parquet", "worklist.csv", "summary.json"):
        assert (folder / name).read_bytes() == (other / name).read_bytes()
    assert manifest.fingerprint == again.fingerprint
    assert {rule["id"] for rule in manifest.params["rules"]} == {"autism-eyfsp-2012", "autism-eyfsp-2021"}
    assert all(len(rule["digest"]) == 32 for rule in manifest.params["rules"])
    assert "records/by_code/EDU-EYFSP.parquet" in manifest.inputs
    assert manifest.rows == {"positive": 4, "negative": 4, "not_assessable": 1, "excluded": 1, "this_term": 2,
                             "next_term": 3, "concerns_on_a_pathway": 0}  # fmt: skip
    with (folder / "worklist.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["state"] for row in rows].count("next term") == 3
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["excluded"] == [
        {"id": "diagnosis", "title": "Autism diagnosed or recorded", "children": 1, "earliest": "2024-01-05"}
    ]
    assert summary["code"] == manifest.code


def test_births_of_children_alone_are_asked_for(district):
    assert births_of(district, DAY)[11] == date(2022, 3, 1)
    assert 1 not in births_of(district, date(2017, 1, 1))


# --- The command line ---------------------------------------------------------------------------------------


def run(*arguments: object) -> tuple[int, str]:
    load_verbs("casefind", "compare")
    done = CliRunner().invoke(app, [str(each) for each in arguments])
    return done.exit_code, done.stdout


def test_the_command_makes_a_list_and_says_where(district, tmp_path):
    rows = "6,parent,2024-05-01,autism\n99,parent,2024-05-01,autism\n"
    (tmp_path / "concerns.csv").write_text("subject_id,raised_by,raised_on,about\n" + rows)
    (tmp_path / "places.csv").write_text("school,places\n*,3\n100001,1\n")
    files = ("--concerns", tmp_path / "concerns.csv", "--capacity", tmp_path / "places.csv")
    code, said = run("casefind", "autism-eyfsp", "-d", district.root, "--date", DAY, "--json", *files)
    document = json.loads(said)
    assert code == 0
    assert document["on_the_list"] == {"this term": 3, "next term": 2, "on a pathway already": 0}
    assert document["concerns"]["no_such_child"] == 1
    assert [row["this term"] for row in document["schools"]] == [1, 2]
    assert (Path(document["written"]) / "worklist.csv").is_file()
    assert document["run"].split("-")[1] == "casefind"


def test_the_command_refuses_in_plain_words(district):
    code, said = run("casefind", "no-such-rule", "-d", district.root, "--json")
    assert (code, json.loads(said)["error"]) == (2, "there is no rule named “no-such-rule”.")
    code, said = run("casefind", "autism-eyfsp-2012", "-d", district.root, "--date", DAY, "--json")
    assert code == 3
    assert "not comparable" in json.loads(said)["error"]
    code, said = run("casefind", "autism-eyfsp-five-2012", "-d", district.root, "--json")
    assert code == 2


def test_the_other_commands_answer(district):
    code, said = run("compare", "gld", "gld-age", "-d", district.root, "--date", DAY, "--json")
    assert code == 0
    assert sum(row["children"] for row in json.loads(said)["crossed"]) == 10
    code, said = run("compare", "gld", "gld-age", "-d", district.root, "--date", DAY)
    assert "found by both" in said
    code, said = run("casefind", "rules", "--json")
    assert len(json.loads(said)) == len(load_rules())
    code, said = run("casefind", "concordance", "-d", district.root, "--date", DAY, "--json")
    assert json.loads(said)[0]["first_only"] == 1
    code, said = run("casefind", "autism-eyfsp", "-d", district.root, "--date", DAY, "--only-print")
    assert code == 0
    assert "Talk with the parents" in said
    assert not (district.outputs / "casefind").exists()
