"""Linkage of people that nobody here made, with the figures that docs/linkage.md quotes."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from evi.linkage import LinkedTables, link_tables

pytestmark = pytest.mark.opendata
ADULT_BEFORE = 1993  # the census of these fictional people is of 2011


def read_text(path: Path) -> pa.Table:
    """A CSV with every column as text, names and values trimmed."""
    table = pyarrow.csv.read_csv(path, convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True))
    return pa.table(
        {
            name.strip(): [None if v is None else str(v).strip() or None for v in table[name].to_pylist()]
            for name in table.column_names
        }
    )


def groups_of(linked: LinkedTables) -> list[list[str]]:
    groups = defaultdict(list)
    for row in linked.clusters.to_pylist():
        groups[row["cluster"]].append(row["id"])
    return list(groups.values())


def pairs_of(groups: list[list[str]]) -> set[tuple[str, str]]:
    return {pair for group in groups for pair in combinations(sorted(group), 2)}


def f1(found: set[tuple[str, str]], true: set[tuple[str, str]]) -> float:
    return 2 * len(found & true) / (len(found) + len(true))


def calibration_error(linked: LinkedTables, true: set[tuple[str, str]]) -> float:
    """Expected calibration error over the pairs given (p of .01 and more), in ten bins of equal width."""
    bins: dict[int, float] = defaultdict(float)
    for pair in linked.pairs.to_pylist():
        ids, chance = (pair["left_id"], pair["right_id"]), pair["probability"]
        bins[min(9, int(10 * chance))] += chance - (ids in true or ids[::-1] in true)
    return sum(abs(gap) for gap in bins.values()) / linked.pairs.num_rows


def test_febrl3(opendata: Path) -> None:
    table = read_text(opendata / "linkage" / "febrl3.csv")
    roles = {
        "id": "rec_id", "forename": "given_name", "surname": "surname", "date_of_birth": "date_of_birth",
        "postcode": "postcode", "address": ["street_number", "address_1"], "town": "suburb",
        "reference": "soc_sec_id",
    }  # fmt: skip
    truth = defaultdict(list)
    for record in table["rec_id"].to_pylist():
        truth[record.split("-")[1]].append(record)
    linked = link_tables(table, None, roles)
    assert f1(pairs_of(groups_of(linked)), pairs_of(list(truth.values()))) >= 0.998
    assert calibration_error(linked, pairs_of(list(truth.values()))) <= 0.01


def test_census_and_patient_register(opendata: Path) -> None:
    census = pq.read_table(opendata / "linkage" / "ons_census.parquet")
    register = pq.read_table(opendata / "linkage" / "ons_cis.parquet")
    roles = {
        "forename": "pername1", "surname": "pername2", "birth_year": "dob_year", "birth_month": "dob_mon",
        "birth_day": "dob_day", "sex": "sex", "postcode": "enumpc", "address": "enumcap",
    }  # fmt: skip
    linked = link_tables(
        census, register, roles | {"id": "census_id"}, right_columns=roles | {"id": "cis_id"}
    )
    shared = set(census["person_id"].to_pylist()) & set(register["person_id"].to_pylist())
    true = {(f"CENS{person}", f"CIS{person}") for person in shared}
    found = {tuple(sorted(group)) for group in groups_of(linked) if len(group) > 1}
    assert f1(found, true) >= 0.996
    assert calibration_error(linked, true) <= 0.01
    born = dict(zip(census["census_id"].to_pylist(), census["dob_year"].to_pylist(), strict=True))
    children = [
        (pair["left_id"], pair["right_id"])
        for pair in linked.pairs.to_pylist()
        if pair["probability"] >= 0.95
        and born[pair["left_id"]]
        and int(born[pair["left_id"]]) >= ADULT_BEFORE
    ]
    assert len(children) > 4000
    assert sum(pair not in true for pair in children) / len(children) <= 0.001
    possible = min(len(census), len(register))
    assert linked.resolution.model.expected_matches <= possible


def test_fake_1000(opendata: Path) -> None:
    table = read_text(opendata / "linkage" / "fake_1000.csv")
    roles = {"id": "unique_id", "forename": "first_name", "surname": "surname", "date_of_birth": "dob"}
    linked = link_tables(table, None, roles | {"town": "city", "email": "email"})
    truth = defaultdict(list)
    for record, group in zip(table["unique_id"].to_pylist(), table["cluster"].to_pylist(), strict=True):
        truth[group].append(record)
    found, true = pairs_of(groups_of(linked)), pairs_of(list(truth.values()))
    assert len(found & true) / len(found) >= 0.97
    assert f1(found, true) >= 0.94
    assert calibration_error(linked, true) <= 0.01
