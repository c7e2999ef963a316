"""Certain links first: verified identifiers that nothing contradicts, and identities that agree in full.

Each pass groups records by a key (NHS number; pupil number; both names, birth date and home or postcode),
takes the record that most of the group agrees with as its centre, and links to it every record of the group
whose forename and birth date do not contradict the centre's. Before any of them, a person whom one feed wrote
down twice is made one record. An identifier that agrees while forename and
birth date both contradict is a mis-keyed sibling until shown otherwise: it is counted and left to the model.
"""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from evi.linkage.clusters import Floats, Ints, cluster
from evi.linkage.queries import one_number, one_row

# What a link of each pass is taken to be worth; below every one of them a person should look.
WORTH = {"nhs": 0.9995, "upn": 0.9995, "identity": 0.999}
MOST_IN_A_GROUP = 200  # more records than this sharing one identifier: a default value, not a person


def anchor(con: duckdb.DuckDBPyConnection, *, one_per_feed: bool) -> dict[str, int]:
    """Make `nodes` (rec, feed, mask, comp, probability) from `people`; returns counts by pass."""
    columns = {str(row[0]) for row in con.execute("DESCRIBE people").fetchall()}
    con.execute("CREATE OR REPLACE TEMP TABLE anchors (l INTEGER, r INTEGER, p DOUBLE, how VARCHAR)")
    counts: dict[str, int] = {}
    for name in ("nhs", "upn"):
        if name in columns and one_per_feed:
            counts |= _identifier_pass(con, name, columns)
    if one_per_feed and {"fn", "sn", "dob"} <= columns:
        counts["identity"] = _identity_pass(con, columns)
    people = con.execute("SELECT rec, feed FROM people ORDER BY rec").fetchnumpy()
    feeds = np.asarray(people["feed"], np.int64)
    once = _doubles(con, columns, len(feeds)) if one_per_feed else np.arange(len(feeds))
    counts["double registrations"] = int((once != np.arange(len(feeds))).sum())
    links = con.execute("SELECT l, r, p FROM anchors ORDER BY p DESC, how, l, r").fetchnumpy()
    left, right = (once[np.asarray(links[side], np.int64)] for side in ("l", "r"))
    found = cluster((1 << feeds).tolist(), (left, right, np.asarray(links["p"], float)))
    counts["refused, two records of one feed"] = found.refused
    _write_nodes(con, np.asarray(people["rec"], np.int64), feeds, found.root[once], found.probability[once])
    con.execute("DROP TABLE anchors")
    return counts


def _write_nodes(
    con: duckdb.DuckDBPyConnection, recs: Ints, feeds: Ints, comps: Ints, chances: Floats
) -> None:
    table = pa.table(
        [
            pa.array(recs, pa.int32()),
            pa.array(feeds, pa.int8()),
            pa.array(comps, pa.int64()),
            pa.array(chances),
        ],
        ["rec", "feed", "comp", "probability"],
    )
    con.register("anchored", table)
    con.execute(
        """CREATE OR REPLACE TABLE nodes AS
        SELECT rec, feed, comp, probability, bit_or(1::BIGINT << feed) OVER (PARTITION BY comp) AS mask
        FROM anchored ORDER BY rec"""
    )
    con.unregister("anchored")


def _doubles(con: duckdb.DuckDBPyConnection, columns: set[str], count: int) -> Ints:
    """For each record, the first of its feed that is the same registration made twice (itself, as a rule).

    Two records of one feed are otherwise two people. They are one only if a verified identifier, the birth
    date and the forename's group agree, or both names, the birth date and a home do.
    """
    keys = [f"{name}, dob, fn_t" for name in ("nhs", "upn") if {name, "dob", "fn_t"} <= columns]
    selects = [_centres_sql("people", f"feed, {key}") for key in keys]
    if {"h1", "fn", "sn", "dob"} <= columns:
        spots = "SELECT rec, feed, fn, sn, dob, unnest([h1, h2, h3, h4]) AS spot FROM people"
        selects.append(_centres_sql(f"({spots})", "feed, fn, sn, dob, spot"))
    if not selects:
        return np.arange(count)
    rows = con.execute(
        f"SELECT DISTINCT centre, rec FROM ({' UNION ALL '.join(selects)}) WHERE centre <> rec ORDER BY ALL"
    ).fetchnumpy()
    left, right = (np.asarray(rows[name], np.int64) for name in ("centre", "rec"))
    return cluster([0] * count, (left, right, np.ones(len(left)))).root


def _centres_sql(table: str, key: str) -> str:
    """SQL of `rec` and `centre`, the first record with the same key, where records share one."""
    known = " AND ".join(f"{part} IS NOT NULL" for part in key.split(", "))
    return f"""SELECT rec, centre FROM {table} JOIN (
            SELECT {key}, min(rec) AS centre FROM {table} WHERE {known} GROUP BY {key} HAVING count(*) > 1)
        USING ({key})"""


def agreements(columns: set[str]) -> tuple[str, str]:
    """SQL of how far forename and birth date contradict: 0 agree, 1 unknown or near, 2 contradict."""
    forename = birth = "1"
    if "fn" in columns:
        forename = """CASE WHEN c.fn IS NULL OR m.fn IS NULL THEN 1
            WHEN c.fn_t = m.fn_t OR c.fn_ph = m.fn_ph OR c.fn_pre = m.fn_pre OR c.fn = m.fn2 OR c.fn2 = m.fn
                OR list_contains(c.fn_near, m.fn) OR (c.fn_x = m.sn AND m.fn_x = c.sn) THEN 0 ELSE 2 END"""
    if "dob" in columns:
        birth = """CASE WHEN c.dob IS NULL OR m.dob IS NULL THEN 1 WHEN c.dob = m.dob THEN 0
            WHEN c.dob = m.dob_x OR c.ym = m.ym OR c.md = m.md OR c.yd = m.yd THEN 1 ELSE 2 END"""
    return forename, birth


def _identifier_pass(con: duckdb.DuckDBPyConnection, name: str, columns: set[str]) -> dict[str, int]:
    forename, birth = agreements(columns)
    known = [column for column in ("dob", "fn_t") if column in columns]
    standing = " + ".join(
        f"count(*) OVER (PARTITION BY {name}, {column}) * ({column} IS NOT NULL)::INTEGER" for column in known
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE grouped AS
        SELECT rec, feed, {name},
               row_number() OVER (PARTITION BY {name} ORDER BY standing DESC, rec) AS place,
               count(*) OVER (PARTITION BY {name}) AS size
        FROM (SELECT rec, feed, {name}, {standing or "1"} AS standing FROM people WHERE {name} IS NOT NULL)
        QUALIFY size BETWEEN 2 AND {MOST_IN_A_GROUP}"""
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE judged AS
        SELECT c.rec AS l, m.rec AS r, {forename} AS forename, {birth} AS birth
        FROM grouped x JOIN grouped y ON x.{name} = y.{name}
        JOIN people c ON c.rec = x.rec JOIN people m ON m.rec = y.rec
        WHERE x.place = 1 AND y.place > 1 AND x.feed <> y.feed"""
    )
    # Two agreements are certain; one agreement and one unknown or near is; any contradiction is not.
    con.execute(
        f"""INSERT INTO anchors SELECT l, r, {WORTH[name]} - 0.0001 * (forename + birth), '{name}'
        FROM judged WHERE forename < 2 AND birth < 2 AND (forename = 0 OR birth = 0)"""
    )
    row = one_row(
        con,
        """SELECT count(*) FILTER (WHERE forename < 2 AND birth < 2 AND (forename = 0 OR birth = 0)),
                  count(*) FILTER (WHERE forename = 2 AND birth = 2) FROM judged""",
    )
    con.execute("DROP TABLE grouped; DROP TABLE judged")
    return {name: int(row[0]), f"{name} agrees, forename and birth date contradict": int(row[1])}


def _identity_pass(con: duckdb.DuckDBPyConnection, columns: set[str]) -> int:
    """Both names, birth date and a home or postcode in full, and no identifier that differs."""
    places = ", ".join(f"{prefix}{i}" for prefix in "hp" for i in range(1, 5) if f"{prefix}{i}" in columns)
    if not places:
        return 0
    rivals = [name for name in ("nhs", "upn") if name in columns]
    clash = " OR ".join(f"c.{name} <> m.{name}" for name in rivals) or "false"
    # One hash is quicker to group by than four codes; what it brings together is then compared in full.
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE spots AS
        SELECT rec, hash(fn, sn, dob, spot) AS whole
        FROM (SELECT rec, fn, sn, dob, unnest([{places}]) AS spot FROM people
              WHERE fn IS NOT NULL AND sn IS NOT NULL AND dob IS NOT NULL)
        WHERE spot IS NOT NULL"""
    )
    total = one_number(
        con,
        f"""INSERT INTO anchors
        SELECT DISTINCT c.rec, m.rec, {WORTH["identity"]}, 'identity'
        FROM ({_centres_sql("spots", "whole")}) g
        JOIN people c ON c.rec = g.centre JOIN people m ON m.rec = g.rec
        WHERE m.rec <> c.rec AND m.fn = c.fn AND m.sn = c.sn AND m.dob = c.dob
          AND NOT coalesce({clash}, false)""",
    )
    con.execute("DROP TABLE spots")
    return total
