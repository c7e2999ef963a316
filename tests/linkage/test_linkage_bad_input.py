"""Input as bad as it gets, at a size where bad plans fill the memory: each ends in a clear outcome."""

from __future__ import annotations

import resource

import numpy as np
import pyarrow as pa
import pytest

from evi.linkage import link_tables
from tests.linkage.small_district import FORENAMES, SURNAMES
from tests.linkage.test_linkage_tables import ROLES, people

MANY = 200_000


def many(born: list[str]) -> pa.Table:
    """Two hundred thousand rows with few names and these birth dates."""
    draw = np.random.default_rng(3)
    names = {
        "id": [f"n{i}" for i in range(MANY)],
        "first": draw.choice(FORENAMES, MANY).tolist(),
        "last": draw.choice(SURNAMES, MANY).tolist(),
        "born": born,
        "sex": draw.choice(["F", "M"], MANY).tolist(),
        "pc": [f"BD{n // 900 % 90 + 1} {n // 100 % 9}AA" for n in draw.integers(0, 40_000, MANY)],
    }
    return pa.table(names)


def gigabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


@pytest.mark.slow
def test_two_hundred_thousand_with_one_birth_date() -> None:
    linked = link_tables(many(["1990-01-01"] * MANY), None, ROLES)
    plan = " ".join(linked.resolution.model.plan)
    assert "birth date is the same in every row that gives one" in plan
    assert linked.resolution.pairs_compared < 60_000_000
    assert gigabytes() < 6


@pytest.mark.slow
def test_nine_in_ten_of_two_hundred_thousand_with_one_birth_date() -> None:
    draw = np.random.default_rng(5)
    rest = draw.integers(0, 20_000, MANY).astype("datetime64[D]").astype(str).tolist()
    born = [date if i % 10 == 0 else "1990-01-01" for i, date in enumerate(rest)]
    linked = link_tables(many(born), None, ROLES)
    assert any(note.blocks_split for note in linked.resolution.blocks)
    assert any("records), so split by more columns" in said for said in linked.resolution.model.plan)
    assert linked.resolution.pairs_compared < 60_000_000
    assert gigabytes() < 6


def test_a_table_of_nulls_says_that_there_is_nothing_to_compare() -> None:
    table = people(200)
    empty = pa.table({name: table[name] if name == "id" else pa.nulls(200) for name in table.column_names})
    linked = link_tables(empty, table, ROLES)
    assert not linked.pairs.num_rows and linked.clusters.num_rows == 400
    assert any("nothing was linked" in warning for warning in linked.warnings)
    alone = link_tables(empty, None, ROLES)
    assert "No column holds anything to compare." in alone.resolution.model.plan


def test_one_table_given_twice_links_each_row_to_itself() -> None:
    table = people(400)
    pairs = link_tables(table, table, ROLES).pairs.to_pylist()
    links = [(pair["left_id"], pair["right_id"]) for pair in pairs if pair["probability"] >= 0.5]
    assert len(links) == 400 and all(one == other for one, other in links)
