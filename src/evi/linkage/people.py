"""One row per person of a feed, condensed from everything that the feed ever said about them.

Input is a table `observations` (rec, feed, seen, times and token columns); output is `variants`, its distinct
rows, and `people`, one row per record with the columns that are compared.
"""

from __future__ import annotations

import duckdb

from evi.linkage.comparisons import HOMES
from evi.linkage.queries import columns_that_hold_something

# Tokens that are chosen together, by the first of each bundle: the value seen most often, then latest.
BUNDLES: dict[str, tuple[str, ...]] = {
    "fn": ("fn_t", "fn_ph", "fn_pre", "fn_x", "fn2", "fn_del"),
    "sn": ("sn_t", "sn_ph", "sn_pre", "sn_a", "sn_b", "sn_del"),
    "birth_key": ("dob", "dob_x", "ym", "md", "yd", "birth_year"),
    "sex": (),
    "nhs": (),
    "upn": (),
    "ref": ("ref_del",),
    "addr": (),
    "email": ("email_user",),
    "phone": (),
    "town": ("town_del",),
}
_NEAR = ("fn", "sn", "ref", "town")
_NEAR_GROUP = 400  # names sharing one shortened form: beyond this the form says nothing
TOKEN_COLUMNS = (
    *("nhs", "upn", "ref", "ref_del", "fn", "fn_t", "fn_ph", "fn_pre", "fn_del", "fn_x", "fn2"),
    *(
        "sn",
        "sn_t",
        "sn_ph",
        "sn_pre",
        "sn_del",
        "sn_a",
        "sn_b",
        "dob",
        "dob_x",
        "ym",
        "md",
        "yd",
        "birth_year",
    ),
    *("sex", "pc", "pc_sector", "addr", "home", "sn_pc", "fn_dob", "full_name_year", "email", "email_user"),
    *("phone", "town", "town_del"),
)


def condense(con: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Make `variants` and `people` from `observations`; returns the comparison columns that hold anything.

    `observations` has `rec` (INTEGER, one per feed and person), `feed` (TINYINT), `seen` (DATE),
    `times` (BIGINT) and the columns of `TOKEN_COLUMNS`.
    """
    # A dated birth and a birth with a part missing are different values of one bundle.
    con.execute(
        """CREATE OR REPLACE TABLE variants AS
        SELECT *, coalesce(dob, ym, md, yd, birth_year) AS birth_key,
               coalesce(home, CASE WHEN pc IS NOT NULL AND addr IS NOT NULL
                                   THEN (hash(addr, pc) >> 1)::BIGINT END) AS place
        FROM observations"""
    )
    filled = columns_that_hold_something(con, "variants")
    _near_values(con, filled)
    con.execute(
        "CREATE OR REPLACE TABLE people AS SELECT rec, any_value(feed) AS feed FROM variants GROUP BY rec"
    )
    steps = [_bundle_sql(key, rest) for key, rest in BUNDLES.items() if key in filled]
    steps += [_list_sql("pc", "p")] if "pc" in filled else []
    steps += [_list_sql("place", "h")] if "place" in filled else []
    for number, sql in enumerate(steps):
        con.execute(f"CREATE OR REPLACE TEMP TABLE step_{number} AS {sql}")
    joins = " ".join(f"LEFT JOIN step_{number} USING (rec)" for number in range(len(steps)))
    con.execute(f"CREATE OR REPLACE TABLE people AS SELECT * FROM people {joins} ORDER BY rec")
    for number in range(len(steps)):
        con.execute(f"DROP TABLE step_{number}")
    return columns_that_hold_something(con, "people") - {"rec", "feed"}


def _bundle_sql(key: str, rest: tuple[str, ...]) -> str:
    """The bundle's value seen most often in a record, the latest of equals; and the runner-up surname."""
    tokens = [key, *rest] if key != "birth_key" else list(rest)
    chosen = ", ".join(f"best.{name} AS {name}" for name in tokens if not name.endswith("_del"))
    packed = ", ".join(f"{name} := {name}" for name in tokens if not name.endswith("_del"))
    second = f", top[2].{key} AS {key}_2" if key == "sn" else ""
    near = ""
    if key in _NEAR:
        near = f", near_{key}.near AS {key}_near"
    return f"""
        WITH counted AS (
            SELECT rec, {key} AS value, sum(times) AS times, max(seen) AS seen,
                   max(struct_pack({packed})) AS best
            FROM variants WHERE {key} IS NOT NULL GROUP BY rec, {key}),
        ranked AS (
            SELECT rec, max_by(best, (times, seen, value)) AS best,
                   {"max_by(best, (times, seen, value), 2)" if second else "NULL"} AS top
            FROM counted GROUP BY rec)
        SELECT rec, {chosen}{second}{near}
        FROM ranked {f"LEFT JOIN near_{key} ON near_{key}.value = best.{key}" if near else ""}"""


def _list_sql(column: str, prefix: str) -> str:
    """The latest few distinct places of a record, as columns `prefix`1, `prefix`2 …"""
    picks = ", ".join(f"latest[{i}] AS {prefix}{i}" for i in range(1, HOMES + 1))
    return f"""
        WITH counted AS (
            SELECT rec, {column} AS value, max(seen) AS seen, sum(times) AS times
            FROM variants WHERE {column} IS NOT NULL GROUP BY rec, {column}),
        ranked AS (
            SELECT rec, max_by(value, (seen, times, value), {HOMES}) AS latest FROM counted GROUP BY rec)
        SELECT rec, {picks} FROM ranked"""


def _near_values(con: duckdb.DuckDBPyConnection, filled: frozenset[str]) -> None:
    """Tables `near_<name>`: for each code, the codes of the values that are one slip away."""
    for name in _NEAR:
        if name not in filled:
            continue
        con.execute(
            f"""CREATE OR REPLACE TEMP TABLE near_{name} AS
            WITH forms AS (
                SELECT DISTINCT value, unnest(forms) AS form
                FROM (SELECT {name} AS value, any_value({name}_del) AS forms FROM variants
                      WHERE {name} IS NOT NULL GROUP BY {name})),
            kept AS (SELECT * FROM forms QUALIFY count(*) OVER (PARTITION BY form) <= {_NEAR_GROUP})
            SELECT l.value, list(DISTINCT r.value ORDER BY r.value) AS near
            FROM kept l JOIN kept r USING (form) WHERE l.value <> r.value GROUP BY l.value"""
        )
