"""Two tables in memory: the map of columns, what comes back, and input that is as bad as it gets."""

from __future__ import annotations

import random
from collections import defaultdict

import pyarrow as pa
import pytest

from evi.encoding import Keys
from evi.linkage import LinkedTables, link_tables
from evi.workspace import EviError
from tests.linkage.small_district import FORENAMES, SURNAMES, postcode

ROLES = {
    "id": "id",
    "forename": "first",
    "surname": "last",
    "date_of_birth": "born",
    "sex": "sex",
    "postcode": "pc",
}


def people(count: int, seed: int = 5) -> pa.Table:
    draw = random.Random(seed)
    rows = [
        {
            "id": f"p{i}",
            "first": draw.choice(FORENAMES),
            "last": draw.choice(SURNAMES),
            "born": f"{draw.randint(1950, 2020)}-{draw.randint(1, 12):02d}-{draw.randint(1, 28):02d}",
            "sex": draw.choice("FM"),
            "pc": postcode(990_000_000 + 7 * draw.randrange(3000)),
        }
        for i in range(count)
    ]
    return pa.Table.from_pylist(rows)


def with_column(table: pa.Table, name: str, value: str | None) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array([value] * len(table), pa.string()))


def matched(linked: LinkedTables, at: float = 0.5) -> list[tuple[str, str]]:
    return [(p["left_id"], p["right_id"]) for p in linked.pairs.to_pylist() if p["probability"] >= at]


def test_a_table_against_a_shuffled_part_of_itself() -> None:
    left = people(800)
    order = random.Random(1).sample(range(800), 500)
    linked = link_tables(left, left.take(pa.array(order)), ROLES)
    pairs = matched(linked)
    assert len(pairs) == 500
    assert all(one == other for one, other in pairs)
    assert linked.pairs.column_names == ["left_id", "right_id", "probability"]
    assert linked.clusters.column_names == ["table", "id", "cluster", "probability"]


def test_keys_of_any_kind_give_the_same_links() -> None:
    left, right = people(300), people(300).slice(50)
    results = [link_tables(left, right, ROLES, keys=keys) for keys in (None, Keys.throw_away())]
    assert sorted(matched(results[0])) == sorted(matched(results[1]))


def test_repeats_in_one_table_are_clusters() -> None:
    table = pa.concat_tables([people(400), people(400).slice(0, 60), people(400).slice(0, 30)])
    table = table.set_column(0, "id", pa.array([f"r{i}" for i in range(len(table))]))
    clusters = link_tables(table, None, ROLES).clusters.to_pylist()
    groups = defaultdict(list)
    for row in clusters:
        groups[row["cluster"]].append(int(row["id"][1:]))
    sizes = sorted(len(group) for group in groups.values())
    assert sizes.count(3) == 30 and sizes.count(2) == 30


def test_a_role_that_is_not_one_and_a_column_that_is_not_there() -> None:
    with pytest.raises(EviError, match="no such role: nickname"):
        link_tables(people(5), None, ROLES | {"nickname": "first"})
    with pytest.raises(EviError, match="it has no column given"):
        link_tables(people(5), None, ROLES | {"forename": "given"})


@pytest.mark.parametrize(
    ("spoil", "most"),
    [
        ({"first": None, "last": None}, 400),
        ({"first": "Mohammed", "last": "Khan"}, 400),
        ({"born": "1990-01-01"}, 400),
        ({"pc": None, "born": None}, 400),
        ({"first": None, "last": None, "born": None, "sex": None, "pc": None}, 0),
    ],
    ids=["no names", "one name for all", "one birth date for all", "names alone", "nothing at all"],
)
def test_poor_columns_end_in_a_clear_outcome(spoil: dict[str, str | None], most: int) -> None:
    left, right = people(400), people(400)
    for name, value in spoil.items():
        left, right = with_column(left, name, value), with_column(right, name, value)
    linked = link_tables(left, right, ROLES)
    pairs = matched(linked, 0.9)
    assert len(pairs) <= most
    if pairs:
        assert sum(a == b for a, b in pairs) / len(pairs) > 0.95


def test_a_block_too_large_is_left_out_and_its_size_is_told() -> None:
    common = with_column(with_column(people(1500), "born", "1990-01-01"), "first", "Mohammed")
    rest = people(20, seed=6).set_column(0, "id", pa.array([f"q{i}" for i in range(20)]))
    left = pa.concat_tables([with_column(common, "last", "Khan"), rest])
    linked = link_tables(left, None, {name: column for name, column in ROLES.items() if name != "postcode"})
    dropped = [note for note in linked.resolution.blocks if note.blocks_dropped]
    assert dropped and max(note.largest_dropped for note in dropped) == 1500
    assert any("1,124,250 pairs" in sentence for sentence in linked.resolution.model.plan)
    assert linked.resolution.pairs_compared < 1500 * 1499 / 4


def test_a_block_too_large_is_split_by_what_else_is_known() -> None:
    left = with_column(with_column(people(1500), "born", "1990-01-01"), "first", "Mohammed")
    left = pa.concat_tables(
        [left, people(20, seed=6).set_column(0, "id", pa.array([f"q{i}" for i in range(20)]))]
    )
    linked = link_tables(left, None, ROLES)
    split = [note for note in linked.resolution.blocks if note.blocks_split and not note.blocks_dropped]
    assert split and max(note.largest_split for note in split) == 1500
    assert linked.resolution.pairs_compared < 1500 * 1499 / 4


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_tables_of_almost_nothing(rows: int) -> None:
    linked = link_tables(people(3).slice(0, rows), people(3).slice(0, 1), ROLES)
    assert linked.clusters.num_rows == rows + 1


def slipped(table: pa.Table, seed: int) -> pa.Table:
    """The same people under slips of the pen, so that probabilities lie between 0 and 1."""
    draw = random.Random(seed)
    rows = table.to_pylist()
    for row in rows:
        if draw.random() < 0.5:
            row["first"] = row["first"][:-1] + draw.choice("aeo")
        if draw.random() < 0.5:
            row["born"] = f"{row['born'][:-2]}{draw.randint(1, 28):02d}"
        if draw.random() < 0.5:
            row["pc"] = None
    return pa.Table.from_pylist(rows, table.schema)


def chances(linked: LinkedTables, *, turned: bool = False) -> dict[tuple[str, str], float]:
    ends = ("right_id", "left_id") if turned else ("left_id", "right_id")
    return {(p[ends[0]], p[ends[1]]): p["probability"] for p in linked.pairs.to_pylist()}


@pytest.mark.parametrize("seed", [1, 2])
def test_neither_the_order_of_rows_nor_that_of_tables_changes_a_link(seed: int) -> None:
    left, right = people(250, seed), slipped(people(250, seed).slice(60), seed)
    found = chances(link_tables(left, right, ROLES))
    assert len(found) >= 190
    order = random.Random(seed)
    mixed = [t.take(pa.array(order.sample(range(len(t)), len(t)))) for t in (left, right)]
    for other in (
        chances(link_tables(mixed[0], mixed[1], ROLES)),
        chances(link_tables(right, left, ROLES), turned=True),
    ):
        assert other == pytest.approx(found, abs=2e-5)


def test_a_table_holds_one_record_of_a_person() -> None:
    left = people(300)
    twice = pa.concat_tables(
        [left, slipped(left, 2).set_column(0, "id", pa.array([f"s{i}" for i in range(300)]))]
    )
    rows = link_tables(left, twice, ROLES).clusters.to_pylist()
    held = [(row["cluster"], row["table"]) for row in rows]
    assert len(held) == len(set(held))
