"""One row per person of a feed, condensed from everything that the feed ever said about them.

Input is a table `observations` (rec, feed, seen, times and codes), and `near_forms`, the codes of the forms
of each name with a letter left out, held once for each name; output is `variants`, the rows with what follows
from them, and `people`, one row per record with the columns that are compared.
"""

from __future__ import annotations

import duckdb

from evi.linkage.comparisons import HOMES
from evi.linkage.queries import columns_that_hold_something

# Tokens that are chosen together, by the first of each bundle: the value seen most often, then latest.
BUNDLES: dict[str, tuple[str, ...]] = {
    "fn": ("fn_t", "fn_ph", "fn_pre", "fn_x", "fn2"),
    "sn": ("sn_t", "sn_ph", "sn_pre", "sn_a", "sn_b"),
    "birth_key": ("dob", "dob_x", "ym", "md", "yd", "birth_year"),
    "sex": (),
    "nhs": (),
    "upn": (),
    "ref": (),
    "addr": (),
    "email": ("email_user",),
    "phone": (),
    "town": (),
}
NEAR = (
    "fn",
    "sn",
    "ref",
    "town",
)  # codes that have near forms, in the column `<name>_del` of what is encoded
_NEAR_GROUP = 400  # names sharing one shortened form: beyond this the form says nothing
CODES = (
    *("nhs", "upn", "ref", "fn", "fn_t", "fn_ph", "fn_pre", "fn_x", "fn2"),
    *("sn", "sn_t", "sn_ph", "sn_pre", "sn_a", "sn_b"),
    *("dob", "dob_x", "ym", "md", "yd", "birth_year", "sex", "pc", "pc_sector", "addr", "home"),
    *("sn_pc", "fn_dob", "full_name_year", "email", "email_user", "phone", "town"),
)


def add_forms(con: duckdb.DuckDBPyConnection, encoded: str) -> None:
    """Add to `near_forms` (name, value, forms) the values of table `encoded` that it does not hold yet."""
    con.execute("CREATE TABLE IF NOT EXISTS near_forms (name VARCHAR, value BIGINT, forms BIGINT[])")
    for name in NEAR:
        con.execute(
            f"""INSERT INTO near_forms
            SELECT '{name}', {name}, any_value({name}_del) FROM {encoded}
            WHERE {name} IS NOT NULL AND {name} NOT IN (SELECT value FROM near_forms WHERE name = '{name}')
            GROUP BY {name}"""
        )


def condense(con: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Make `variants` and `people` from `observations`; returns the comparison columns that hold anything.

    `variants` is a view, so that what is said of everybody is held once.

    `observations` has `rec` (INTEGER, one per feed and person), `feed` (TINYINT), `seen` (DATE),
    `times` (BIGINT) and the columns of `CODES`.
    """
    # A dated birth and a birth with a part missing are different values of one bundle.
    con.execute(
        """CREATE OR REPLACE VIEW variants AS
        SELECT *, coalesce(dob, ym, md, yd, birth_year) AS birth_key,
               coalesce(home, CASE WHEN pc IS NOT NULL AND addr IS NOT NULL
                                   THEN (hash(addr, pc) >> 1)::BIGINT END) AS place
        FROM observations"""
    )
    filled = columns_that_hold_something(con, "variants")
    near = [name for name in NEAR if name in filled]
    _near_values(con, near)
    con.execute(
        """CREATE OR REPLACE TEMP TABLE told_once AS
        SELECT rec, any_value(feed) AS feed, count(*) = 1 AS once FROM variants GROUP BY rec"""
    )
    keys = [key for key in BUNDLES if key in filled]
    lists = {column: prefix for column, prefix in (("pc", "p"), ("place", "h")) if column in filled}
    steps = [_bundle_sql(key, BUNDLES[key]) for key in keys]
    steps += [_list_sql(column, prefix) for column, prefix in lists.items()]
    for number, sql in enumerate(steps):
        con.execute(f"CREATE OR REPLACE TEMP TABLE step_{number} AS {sql}")
    joins = " ".join(f"LEFT JOIN step_{number} USING (rec)" for number in range(len(steps)))
    nears = " ".join(f"LEFT JOIN near_{name} ON near_{name}.value = {name}" for name in near)
    con.execute(
        f"""CREATE OR REPLACE TABLE people AS
        SELECT p.*{"".join(f", near_{name}.near AS {name}_near" for name in near)}
        FROM (FROM ({_once_sql(keys, lists)}) UNION ALL BY NAME
              SELECT * EXCLUDE (once) FROM told_once {joins} WHERE NOT once) p {nears}"""
    )
    for table in ("told_once", *(f"step_{number}" for number in range(len(steps)))):
        con.execute(f"DROP TABLE {table}")
    return columns_that_hold_something(con, "people") - {"rec", "feed"}


def _chosen(key: str, rest: tuple[str, ...]) -> list[str]:
    """The tokens that a bundle gives a record."""
    return [key, *rest] if key != "birth_key" else list(rest)


def _once_sql(keys: list[str], lists: dict[str, str]) -> str:
    """Records that were told of in one way only, as most are: there is nothing to choose."""
    columns = ["rec", "v.feed"]
    for key in keys:
        columns += [
            name if name == key else f"CASE WHEN {key} IS NOT NULL THEN {name} END AS {name}"
            for name in _chosen(key, BUNDLES[key])
        ]
        columns += [f"CAST(NULL AS BIGINT) AS {key}_2"] if key == "sn" else []
    for column, prefix in lists.items():
        columns.append(f"{column} AS {prefix}1")
        columns += [f"CAST(NULL AS BIGINT) AS {prefix}{i}" for i in range(2, HOMES + 1)]
    return f"SELECT {', '.join(columns)} FROM variants v JOIN told_once USING (rec) WHERE once"


def _bundle_sql(key: str, rest: tuple[str, ...]) -> str:
    """The bundle's value seen most often in a record, the latest of equals; and the runner-up surname."""
    names = _chosen(key, rest)
    chosen = ", ".join(f"best.{name} AS {name}" for name in names)
    packed = ", ".join(f"{name} := {name}" for name in names)
    second = f", top[2].{key} AS {key}_2" if key == "sn" else ""
    return f"""
        WITH counted AS (
            SELECT rec, {key} AS value, sum(times) AS times, max(seen) AS seen,
                   max(struct_pack({packed})) AS best
            FROM variants JOIN told_once USING (rec)
            WHERE NOT once AND {key} IS NOT NULL GROUP BY rec, {key}),
        ranked AS (
            SELECT rec, max_by(best, (times, seen, value)) AS best,
                   {"max_by(best, (times, seen, value), 2)" if second else "NULL"} AS top
            FROM counted GROUP BY rec)
        SELECT rec, {chosen}{second} FROM ranked"""


def _list_sql(column: str, prefix: str) -> str:
    """The latest few distinct places of a record, as columns `prefix`1, `prefix`2 …"""
    picks = ", ".join(f"latest[{i}] AS {prefix}{i}" for i in range(1, HOMES + 1))
    return f"""
        WITH counted AS (
            SELECT rec, {column} AS value, max(seen) AS seen, sum(times) AS times
            FROM variants JOIN told_once USING (rec)
            WHERE NOT once AND {column} IS NOT NULL GROUP BY rec, {column}),
        ranked AS (
            SELECT rec, max_by(value, (seen, times, value), {HOMES}) AS latest FROM counted GROUP BY rec)
        SELECT rec, {picks} FROM ranked"""


def _near_values(con: duckdb.DuckDBPyConnection, names: list[str]) -> None:
    """Tables `near_<name>`: for each code, the codes of the values that are one slip away."""
    for name in names:
        con.execute(
            f"""CREATE OR REPLACE TEMP TABLE near_{name} AS
            WITH forms AS (
                SELECT DISTINCT value, unnest(forms) AS form FROM near_forms WHERE name = '{name}'),
            kept AS (SELECT * FROM forms QUALIFY count(*) OVER (PARTITION BY form) <= {_NEAR_GROUP})
            SELECT l.value, list(DISTINCT r.value ORDER BY r.value) AS near
            FROM kept l JOIN kept r USING (form) WHERE l.value <> r.value GROUP BY l.value"""
        )
