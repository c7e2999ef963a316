"""People who can't be one: twins, two births, two entries of one roll; no chain of links joins them."""

from __future__ import annotations

import pyarrow as pa

from evi.encoding import Coder, Keys
from evi.linkage import link_tables
from evi.linkage.resolve import Options, resolve
from evi.linkage.tables import _observations, add_observations
from evi.workspace import connect
from tests.linkage.test_linkage_tables import ROLES, people

MAP = ROLES | {"address": "line"}


def with_homes(table: pa.Table) -> pa.Table:
    return table.append_column("line", pa.array([f"{i} Mill Lane" for i in range(len(table))]))


def row(key: str, first: str | None, like: dict[str, object]) -> dict[str, object]:
    return like | {"id": key, "first": first}


def test_twins_of_two_feeds_are_not_joined_through_a_third_that_gives_no_forename() -> None:
    base = with_homes(people(300))
    child = base.slice(7, 1).to_pylist()[0] | {"born": "2015-05-17", "sex": None}
    feeds = [
        pa.concat_tables([base, pa.Table.from_pylist([row("adam", "Adam", child)], base.schema)]),
        pa.concat_tables([base, pa.Table.from_pylist([row("noor", "Noor", child)], base.schema)]),
        pa.concat_tables([base, pa.Table.from_pylist([row("nameless", None, child)], base.schema)]),
        pa.Table.from_pylist([row("a", "Adam", child), row("n", "Noor", child)], base.schema),
    ]
    coder, con, ids, start = Coder(Keys.throw_away()), connect(), [], 0
    for number, table in enumerate(feeds):
        add_observations(con, _observations("feed", table, MAP, coder, start, number))
        ids += [f"{number}:{name}" for name in table["id"].to_pylist()]
        start += len(table)
    found = resolve(con, Options())
    clusters = dict(con.execute("SELECT rec, cluster FROM resolved").fetchall())
    by_name = {name: clusters[rec] for rec, name in enumerate(ids)}
    assert by_name["0:adam"] != by_name["1:noor"]
    assert found.twins >= 1
    feed_of = [int(name[0]) for name in ids]
    held = {(clusters[rec], feed_of[rec]) for rec in range(len(ids))}
    assert len(held) == len(ids)  # never two records of one feed in a cluster


def test_twins_in_both_tables_keep_to_themselves() -> None:
    base = with_homes(people(300))
    child = base.slice(7, 1).to_pylist()[0] | {"born": "2015-05-17"}
    both = pa.Table.from_pylist([row("adam", "Adam", child), row("noor", "Noor", child)], base.schema)
    table = pa.concat_tables([base, both])
    linked = link_tables(table, table.take(pa.array(range(len(table) - 1, -1, -1))), MAP)
    links = {(p["left_id"], p["right_id"]) for p in linked.pairs.to_pylist() if p["probability"] >= 0.5}
    assert {("adam", "adam"), ("noor", "noor")} <= links
    assert not {("adam", "noor"), ("noor", "adam")} & links
