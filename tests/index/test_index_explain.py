"""One child explained: the same figures as in the table of all, with reasons that can be checked."""

from __future__ import annotations

import json
from datetime import date, datetime
from datetime import time as clock

import duckdb
import pytest
from index_district import BANDS, CATALOGUE, DAY, Tables, write_tables

from evi.index import at_folder, explain, index_at
from evi.index.registry import catalogue_of
from evi.indicators import load_registry
from evi.workspace import EviError

MIDNIGHT = clock()


@pytest.fixture(scope="module")
def shipped():
    """The registry that eVI ships, with bands for tests."""
    return catalogue_of(load_registry(), BANDS)


def event(subject: int, code: str, day: date, source: str, record: int, **more) -> dict:
    row = {"subject_id": subject, "time": datetime.combine(day, MIDNIGHT), "code": code, "known_at": day}
    row |= {"known_until": None, "source": source, "record_id": record, "withdrawn": False}
    return row | {"numeric_value": None, "place_id": None, "end_time": None} | more


@pytest.fixture
def family(tmp_path):
    """A girl of nine, her mother and an uncle of the same home, with a few records."""
    homes = [(n, 7, "E01000001", date(2020, 5, 1), None) for n in (1, 2, 3)]
    mother = event(2, "HEALTH/GP/PROBLEM/DEPRESSION", date(2026, 2, 1), "gp", 12)
    absent = [event(1, f"EDU/ATTENDANCE/{what}", date(2026, 7, 20), "school", record, numeric_value=value)
              for what, record, value in (("ABSENT", 14, 30.0), ("POSSIBLE", 15, 190.0))]  # fmt: skip
    tables = Tables(
        subjects=[
            (1, date(2017, 4, 1), "F", "A", "ENG", "child"),
            (2, date(1990, 1, 1), "F", "A", "ENG", "adult"),
            (3, None, "M", "A", "ENG", "adult"),
        ],
        spans=[
            (1, "free_school_meals", date(2026, 1, 20), None),
            (1, "parental_mental_ill_health", date(2026, 2, 1), None),
            (1, "persistent_absence", date(2026, 7, 20), None),
        ],
        covered=[(1, "of the school", date(2020, 1, 1), None)],
        needs=[(i, "of the school") for i in ("free_school_meals", "sen_support", "persistent_absence")],
        residence=homes,
        coverage=[(1, "school", date(2020, 1, 1), None, date(2020, 1, 1))],
        people=[("school", 11, 1, 0.97), ("gp", 12, 2, 1.0)],
        events=[event(1, "EDU/FSM", date(2026, 1, 20), "school", 13), mother, *absent],
    )  # fmt: skip
    return write_tables(tmp_path / "d", tables)


def test_it_says_what_is_present_since_when_and_from_whom(family, shipped):
    found = explain(family, 1, DAY, catalogue=shipped)
    by_id = {need.indicator: need for need in found.present}
    meals = by_id["free_school_meals"]
    assert (meals.since, meals.feeds, meals.link_probability) == (date(2026, 1, 20), ("school",), 0.97)
    assert "(school, 20 January 2026)" in meals.reason or "20 January 2026" in meals.reason
    assert "16% of 190 school sessions" in by_id["persistent_absence"].reason
    assert by_id["parental_mental_ill_health"].feeds == ("gp",)
    assert [need.indicator for need in found.absent] == ["sen_support"]
    assert "{" not in "".join(need.reason for need in found.present)


def test_it_says_what_is_not_known_and_who_would_know(family, shipped):
    found = explain(family, 1, DAY, catalogue=shipped)
    gaps = {gap.indicator: gap for gap in found.not_known}
    assert gaps["adhd"].why == "No record from gp covers this child on that day."
    assert gaps["adhd"].who_would_know == "GP"
    assert (
        gaps["suspended"].why == "The service knows this child, but has not recorded what is needed to say."
    )
    assert "asq3_motor" not in gaps, "it is not for a child of nine"
    assert found.would_complete[0] == "cin"


def test_it_knows_the_home_and_who_lives_there(family, shipped):
    home = explain(family, 1, DAY, catalogue=shipped).home
    assert (home.household_id, home.since, home.lsoa, home.is_large_address) == (
        7,
        date(2020, 5, 1),
        "E01000001",
        False,
    )
    assert [(person.subject_id, person.age_years) for person in home.people] == [(2, 36), (3, None)]


def test_the_trace_lists_the_records_and_whose_they_are(family, shipped):
    found = {need.indicator: need for need in explain(family, 1, DAY, trace=True, catalogue=shipped).present}
    [record] = found["parental_mental_ill_health"].events
    assert (record.code, record.of, record.record_id) == (
        "HEALTH/GP/PROBLEM/DEPRESSION",
        "someone in the home",
        12,
    )
    assert explain(family, 1, DAY, catalogue=shipped).present[0].events == ()


def test_its_figures_are_those_of_the_table(family, shipped):
    index_at(family, DAY, catalogue=shipped)
    found = explain(family, 1, DAY, catalogue=shipped)
    path = at_folder(family, DAY) / "children.parquet"
    [row] = duckdb.sql(f"SELECT * FROM '{path}'").to_arrow_table().to_pylist()
    for name in (
        "n_present",
        "n_assessable",
        "n_applicable",
        "evi",
        "band",
        "evi_low",
        "evi_high",
        "age_months",
    ):
        assert getattr(found, name) == row[name], name
    assert list(found.would_complete) == row["would_complete"]


def test_what_would_complete_one_child_is_what_the_table_says_of_everyone(district):
    index_at(district, DAY, catalogue=CATALOGUE)
    path = at_folder(district, DAY) / "children.parquet"
    rows = duckdb.sql(f"SELECT subject_id, would_complete FROM '{path}' ORDER BY subject_id").fetchall()
    assert len({tuple(wanted) for _subject, wanted in rows}) > 3
    for subject, wanted in rows[:40]:
        assert list(explain(district, subject, DAY, catalogue=CATALOGUE).would_complete) == wanted


def test_it_can_be_read_in_a_terminal_and_by_a_script(family, shipped):
    found = explain(family, 1, DAY, trace=True, catalogue=shipped)
    text = found.to_text()
    assert text.startswith(
        "Child 1 on 31 August 2026: 9 years old · girl\nNot enough known: 3 of 4 indicators"
    )
    assert "• Gets free school meals: since 20 January 2026, from school" in text
    assert "2026-01-20 EDU/FSM of the child (known 2026-01-20, school, record 13)" in text
    assert "Home 7 (a family's address) since 1 May 2020, area E01000001; with 2 others" in text
    assert (
        json.loads(json.dumps(found.to_json()))["present"][0]["since"] == found.present[0].since.isoformat()
    )
    assert "chance" not in text and "%" not in text.replace("16% of 190", "")


@pytest.mark.parametrize(
    ("subject", "day", "message"),
    [
        (99, DAY, "99: nobody here has this id."),
        (2, DAY, "2: this person is not under 18 on 2026-08-31."),
        (1, date(2018, 1, 1), "1: no service here knows this child on 2018-01-01."),
    ],
)
def test_it_says_why_there_is_nothing_to_explain(family, shipped, subject, day, message):
    with pytest.raises(EviError) as error:
        explain(family, subject, day, catalogue=shipped)
    assert str(error.value).startswith(message)
