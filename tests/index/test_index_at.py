"""The tables of one day: equal to the oracle, the same bytes each time, and honest where little is known."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from index_district import BANDS, CATALOGUE, DAY, Tables, random_tables, write_tables
from index_oracle import index_of

from evi.index import NOT_ENOUGH_KNOWN, at_folder, index_at
from evi.index.intervals import wilson
from evi.workspace import District, DistrictConfig, EviError


def rows(district: District, table: str, day: date = DAY) -> list[dict]:
    path = at_folder(district, day) / f"{table}.parquet"
    return duckdb.sql(f"SELECT * FROM '{path}'").to_arrow_table().to_pylist()


def small(**tables: list[tuple]) -> Tables:
    """A district of a few rows; every indicator has a group of needs of its own."""
    needs = [(entry.id, f"needs of {entry.id}") for entry in CATALOGUE.own]
    return Tables(**({"subjects": [], "spans": [], "covered": [], "needs": needs} | tables))


def covers(subject: int, *indicators: str) -> list[tuple]:
    return [(subject, f"needs of {indicator}", date(2020, 1, 1), None) for indicator in indicators]


def assert_like_the_oracle(district: District, tables: Tables, day: date) -> None:
    index_at(district, day, catalogue=CATALOGUE)
    expected, found = index_of(tables, CATALOGUE, day), rows(district, "children", day)
    assert [row["subject_id"] for row in found] == sorted(expected)
    for row in found:
        want = dict(expected[row["subject_id"]])
        domains = want.pop("domains")
        assert row["would_complete"] == want.pop("would_complete")
        assert {d: (row[f"{d}_present"], row[f"{d}_assessable"]) for d in domains} == domains
        assert {name: row[name] for name in want} == pytest.approx(want)


@pytest.mark.parametrize("day", [DAY, date(2025, 3, 1), date(2024, 1, 31), date(1999, 1, 1)])
def test_every_child_is_as_the_oracle_says(district, tables, day):
    assert_like_the_oracle(district, tables, day)


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), day=st.dates(date(2023, 9, 1), date(2026, 12, 31)))
def test_any_district_on_any_day_is_as_the_oracle_says(tmp_path, seed, day):
    tables = random_tables(25, seed)
    assert_like_the_oracle(write_tables(tmp_path / f"{seed}", tables), tables, day)


def test_the_same_district_gives_the_same_bytes(district):
    index_at(district, DAY, catalogue=CATALOGUE)
    before = {path.name: path.read_bytes() for path in at_folder(district, DAY).iterdir()}
    index_at(district, DAY, catalogue=CATALOGUE)
    assert {path.name: path.read_bytes() for path in at_folder(district, DAY).iterdir()} == before
    assert not (district.runs / "kept").exists()


def test_an_index_that_says_something_else_is_kept(district, tables):
    index_at(district, DAY, catalogue=CATALOGUE)
    before = (at_folder(district, DAY) / "states.parquet").read_bytes()
    write_tables(district.root, Tables(**(vars(tables) | {"spans": tables.spans[:-50]})))
    index_at(district, DAY, catalogue=CATALOGUE)
    [kept] = (district.runs / "kept").iterdir()
    assert (kept / "states.parquet").read_bytes() == before


def test_too_little_known_has_no_band(tmp_path):
    tables = small(
        subjects=[(1, date(2016, 1, 1), "F", "A", "ENG", "child")],
        spans=[(1, "sen", date(2026, 1, 1), None)],
        covered=covers(1, "sen", "fsm"),
    )
    result = index_at(write_tables(tmp_path / "d", tables), DAY, catalogue=CATALOGUE)
    [child] = rows(District.open(tmp_path / "d"), "children")
    assert child["n_present"] == 1 and child["band"] == NOT_ENOUGH_KNOWN
    assert child["would_complete"] == ["gp", "school", "cin", "housing", "mhsds", "police"]
    assert "For 1 of 1 children not enough is known." in result.notes


def test_a_child_nobody_here_knows_is_not_in_the_index(tmp_path):
    gone = [(1, 7, "E01000001", date(2020, 1, 1), date(2024, 1, 1))]
    tables = small(subjects=[(1, date(2016, 1, 1), "F", "A", "ENG", "child")], residence=gone)
    result = index_at(write_tables(tmp_path / "d", tables), DAY, catalogue=CATALOGUE)
    assert result.rows["children"] == 0
    assert "No child is known to the district on this day: check the date." in result.notes


def test_a_doubtful_link_widens_the_index(tmp_path):
    """Two of four answers are from one feed, whose link to the child is at 0.8; one of them is present."""
    tables = small(
        subjects=[(1, date(2016, 1, 1), "F", "A", "ENG", "child")],
        spans=[(1, "absent", date(2026, 1, 1), None), (1, "da", date(2026, 1, 1), None)],
        covered=covers(1, "absent", "fsm", "da", "cin"),
        people=[("school", 11, 1, 0.8), ("police", 12, 1, 1.0), ("cin", 13, 1, 1.0)],
    )
    index_at(write_tables(tmp_path / "d", tables), DAY, catalogue=CATALOGUE)
    [child] = rows(District.open(tmp_path / "d"), "children")
    assert (child["evi_low"], child["evi"], child["evi_high"]) == (0.5, 0.5, 0.5)
    assert (child["link_probability"], child["n_doubtful"]) == (0.8, 1)
    tables.spans.append((1, "fsm", date(2026, 1, 1), None))
    index_at(write_tables(tmp_path / "d", tables), DAY, catalogue=CATALOGUE)
    [child] = rows(District.open(tmp_path / "d"), "children")
    assert (child["evi_low"], child["evi"], child["evi_high"], child["n_doubtful"]) == (0.5, 0.75, 0.75, 2)


def family(children: int, adults: int, needs: list[str]) -> Tables:
    people = [(n, date(2016, 1, 1), "F", "A", "ENG", "child") for n in range(1, children + 1)]
    people += [(100 + n, date(1985, 1, 1), "F", "A", "ENG", "adult") for n in range(adults)]
    return small(
        subjects=people,
        spans=[(1, need, date(2026, 1, 1), None) for need in needs],
        covered=covers(1, *(entry.id for entry in CATALOGUE.own)),
        residence=[(row[0], 7, "E01000001", date(2020, 1, 1), None) for row in people],
    )


@pytest.mark.parametrize(
    ("needs", "outcomes", "threshold"),
    [
        (["sen", "absent", "da"], 2, False),
        (["sen", "da", "damp"], 3, True),
        ([], 0, False),
    ],
)
def test_three_outcomes_make_the_supporting_families_threshold(tmp_path, needs, outcomes, threshold):
    index_at(write_tables(tmp_path / "d", family(2, 2, needs)), DAY, catalogue=CATALOGUE)
    [home] = rows(District.open(tmp_path / "d"), "families")
    assert (home["n_children"], home["n_adults"], home["address_kind"]) == (2, 2, "family")
    assert (home["n_outcomes"], home["supporting_families"]) == (outcomes, threshold)
    assert home["domestic_abuse_need"] is ("da" in needs)


def test_an_address_of_many_people_is_not_taken_for_a_family(tmp_path):
    index_at(write_tables(tmp_path / "d", family(3, 10, ["sen", "da", "damp"])), DAY, catalogue=CATALOGUE)
    [home] = rows(District.open(tmp_path / "d"), "families")
    assert (home["address_kind"], home["supporting_families"], home["n_outcomes"]) == (
        "large address",
        None,
        3,
    )


def test_places_count_their_children_and_give_intervals(district):
    index_at(district, DAY, catalogue=CATALOGUE)
    children = rows(district, "children")
    for table, key in (("schools", "school"), ("lsoas", "lsoa")):
        for place in rows(district, table):
            inside = [child for child in children if child[key] == place[key]]
            known = [child["evi"] for child in inside if child["band"] != NOT_ENOUGH_KNOWN]
            assert place["n_children"] == len(inside)
            assert place["n_not_enough_known"] == len(inside) - len(known)
            assert place["evi_mean"] == (pytest.approx(sum(known) / len(known)) if known else None)
            assert sum(place[f"n_{band}"] for band in BANDS.names) == len(known)
            share, low, high = wilson(place["housing_n"], place["housing_of"])
            assert (place["housing_rate"], place["housing_low"], place["housing_high"]) == pytest.approx(
                (float(share), float(low), float(high))
            )


def test_shares_count_only_children_whom_a_feed_covers(tmp_path):
    """A need known in spite of no coverage would stand among children who were all found for having it."""
    people = [(n, date(2016, 1, 1), "F", "A", "ENG", "child") for n in (1, 2, 3)]
    tables = small(
        subjects=people,
        spans=[(1, "da", date(2026, 1, 1), None), (3, "da", date(2026, 1, 1), None)],
        covered=covers(1, "da") + covers(2, "da"),
    )
    index_at(write_tables(tmp_path / "d", tables), DAY, catalogue=CATALOGUE)
    [rate] = [row for row in rows(District.open(tmp_path / "d"), "rates") if row["indicator"] == "da"]
    assert (rate["n_present"], rate["n_assessable"], rate["n_beyond"], rate["rate"]) == (1, 2, 1, 0.5)
    assert [child["n_present"] for child in rows(District.open(tmp_path / "d"), "children")] == [1, 0, 1]


@pytest.mark.parametrize(("n", "told", "high"), [(9, [], []), (10, ["school_absent"], ["school_absent"])])
def test_a_school_indicator_needs_enough_children(tmp_path, n, told, high):
    people = [(k, date(2016, 1, 1), "F", "A", "ENG", "child") for k in range(n)]
    tables = small(
        subjects=people,
        spans=[(k, "absent", date(2026, 1, 1), None) for k in (0, 1)],
        covered=[row for k in range(n) for row in covers(k, "absent")],
        enrolment=[(k, "100001", date(2020, 1, 1), None) for k in range(n)],
    )
    index_at(write_tables(tmp_path / "d", tables), DAY, catalogue=CATALOGUE)
    [school] = rows(District.open(tmp_path / "d"), "schools")
    assert (school["place_assessable"], school["place_present"]) == (told, high)


def test_without_spans_it_says_what_to_run(tmp_path):
    district = District.create(tmp_path / "d", DistrictConfig("Nowhere"))
    with pytest.raises(EviError, match="Run `evi load`, or `evi run`"):
        index_at(district, DAY, catalogue=CATALOGUE)
