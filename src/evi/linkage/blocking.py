"""Which pairs are worth comparing: tight keyed blocks, bounded in size.

Each rule gives a record zero or more block keys; two records that share a key are a candidate pair. A block
that is too large is dropped, with a note of its size: the same pairs are nearly always found by another rule.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import duckdb

from evi.linkage.queries import one_number, one_row
from evi.workspace import SILENT, Progress

MAX_PAIRS_A_BLOCK = 200_000  # a block of about 630 records


@dataclass(frozen=True)
class Rule:
    """A blocking rule: lists of columns whose codes, hashed together, are a block key; each list is one key.

    Several lists in one rule share one space of keys, so that a swapped date or name meets its counterpart.
    """

    name: str
    keys: tuple[tuple[str, ...], ...]


RULES: tuple[Rule, ...] = (
    Rule("NHS number", (("nhs",),)),
    Rule("UPN", (("upn",),)),
    Rule("other identifier", (("ref",),)),
    Rule("birth date and forename's start", (("dob", "fn_pre"), ("dob_x", "fn_pre"))),
    Rule("birth date and surname's sound", (("dob", "sn_ph"), ("dob_x", "sn_ph"))),
    Rule(
        "birth date and a part of either name",
        (("dob", "sn"), ("dob", "fn_x"), ("dob", "sn_a"), ("dob", "sn_b")),
    ),
    Rule("birth date and postcode", (("dob", "pc"),)),
    Rule("birth date and home", (("dob", "place"),)),
    Rule("forename's sound and birth date", (("fn_dob",),)),
    Rule("both names' sounds and birth year", (("full_name_year",),)),
    Rule("month and day, both names' sounds", (("md", "fn_ph", "sn_ph"),)),
    Rule("month and day, forename, surname's start", (("md", "fn_t", "sn_pre"),)),
    Rule("year and month, both names' starts", (("ym", "fn_pre", "sn_pre"),)),
    Rule("year and day, both names' starts", (("yd", "fn_pre", "sn_pre"),)),
    Rule("home and forename's start", (("place", "fn_pre"),)),
    Rule("home and forename's sound", (("place", "fn_ph"),)),
    Rule("home and surname's sound", (("place", "sn_ph"),)),
    Rule("home and year and month", (("place", "ym"),)),
    Rule("home and month and day", (("place", "md"),)),
    Rule("home and year and day", (("place", "yd"),)),
    Rule("postcode and forename's sound", (("pc", "fn_ph"),)),
    Rule("postcode and year and month", (("pc", "ym"),)),
    Rule("postcode and month and day", (("pc", "md"),)),
    Rule("postcode and year and day", (("pc", "yd"),)),
    Rule("address line and forename's sound", (("addr", "fn_ph"),)),
    Rule("address line and month and day", (("addr", "md"),)),
    Rule("address line and year and month", (("addr", "ym"),)),
    Rule("address line and year and day", (("addr", "yd"),)),
    Rule("postcode sector and both names' sounds", (("pc_sector", "fn_ph", "sn_ph"),)),
    Rule("surname's sound with the postcode, forename's start", (("sn_pc", "fn_pre"),)),
    Rule("both names", (("fn", "sn"),)),
    Rule("e-mail", (("email",),)),
    Rule("part before the @", (("email_user",),)),
    Rule("telephone", (("phone",),)),
    Rule("town and both names' starts", (("town", "fn_pre", "sn_pre"),)),
    Rule("town and year and month", (("town", "ym"),)),
    Rule("town and forename's sound, birth year", (("town", "fn_ph", "birth_year"),)),
)


@dataclass(frozen=True)
class BlockNote:
    """What a rule gave: pairs found, and blocks dropped as too large, with the size of the largest."""

    rule: str
    pairs: int
    blocks_dropped: int
    largest_dropped: int


def rules_for(filled: Collection[str]) -> tuple[Rule, ...]:
    """The rules that these columns can feed (a rule keeps the keys whose columns all hold something)."""
    kept = []
    for rule in RULES:
        keys = tuple(key for key in rule.keys if all(column in filled for column in key))
        if keys:
            kept.append(Rule(rule.name, keys))
    return tuple(kept)


@dataclass(frozen=True)
class Wanted:
    """A table of pairs to be found.

    Attributes:
        table: its name; it will hold `l`, `r` (l < r) and `rules`, how many rules found the pair.
        condition: SQL over `l` and `r` (rows of `nodes`: rec, feed, comp, mask) that a pair must satisfy.
        left: SQL over `l` alone that cuts the left side, for samples.
    """

    table: str
    condition: str
    left: str = "true"


def find_pairs(
    con: duckdb.DuckDBPyConnection,
    filled: Collection[str],
    wanted: Sequence[Wanted],
    *,
    cap: int = MAX_PAIRS_A_BLOCK,
    progress: Progress = SILENT,
) -> list[BlockNote]:
    """Write the distinct candidate pairs of `variants`, for every table wanted in one pass over the rules.

    Args:
        filled: columns of `variants` that hold something.
        wanted: the tables; notes count the pairs of the last.
        cap: most pairs that one block may yield.
    """
    for each in wanted:
        con.execute(f"CREATE OR REPLACE TABLE {each.table}_found (l INTEGER, r INTEGER)")
    notes: list[BlockNote] = []
    rules = rules_for(filled)
    with progress.task("Finding pairs to compare", len(rules)) as advance:
        for rule in rules:
            notes.append(_block(con, rule, wanted, cap))
            advance(1)
    for each in wanted:
        con.execute(
            f"""CREATE OR REPLACE TABLE {each.table} AS
            SELECT l, r, count(*)::INTEGER AS rules FROM {each.table}_found GROUP BY l, r"""
        )
        con.execute(f"DROP TABLE {each.table}_found")
    return notes


def _block(con: duckdb.DuckDBPyConnection, rule: Rule, wanted: Sequence[Wanted], cap: int) -> BlockNote:
    selects = " UNION ALL ".join(
        f"SELECT {_key_sql(key)} AS key, rec FROM variants WHERE "
        + " AND ".join(f"{column} IS NOT NULL" for column in key)
        for key in rule.keys
    )
    con.execute(f"CREATE OR REPLACE TEMP TABLE keyed AS SELECT DISTINCT key, rec FROM ({selects})")
    con.execute(
        """CREATE OR REPLACE TEMP TABLE blocks AS
        SELECT key, count(*) AS size FROM keyed GROUP BY key HAVING count(*) > 1"""
    )
    dropped, largest = one_row(
        con, f"SELECT count(*), coalesce(max(size), 0) FROM blocks WHERE size * (size - 1) / 2 > {cap}"
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE kept AS
        SELECT key, n.rec, n.feed, n.comp, n.mask FROM keyed JOIN nodes n USING (rec)
        WHERE key IN (SELECT key FROM blocks WHERE size * (size - 1) / 2 <= {cap})"""
    )
    pairs = 0
    for each in wanted:
        pairs = one_number(
            con,
            f"""INSERT INTO {each.table}_found
            SELECT DISTINCT l.rec, r.rec FROM kept l JOIN kept r ON l.key = r.key
            WHERE l.rec < r.rec AND {each.left} AND {each.condition}""",
        )
    con.execute("DROP TABLE keyed; DROP TABLE blocks; DROP TABLE kept")
    return BlockNote(rule.name, pairs, dropped, largest)


def _key_sql(columns: tuple[str, ...]) -> str:
    """One code as it is (in the columns' own key space by order), several hashed together."""
    return f"hash({', '.join(columns)})" if len(columns) > 1 else f"hash({columns[0]})"
