"""Which pairs are worth comparing: tight keyed blocks, bounded in size.

Each rule gives a record zero or more block keys; two records that share a key are a candidate pair. A block
that is too large is split by another column (surname, forename, birth month, postcode). What is still too
large is left out, with a note of its size. So the pairs of a rule are bounded, and with them memory.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import duckdb

from evi.linkage.queries import one_number, one_row
from evi.workspace import SILENT, Progress

MAX_PAIRS_A_BLOCK = 200_000  # a block of about 630 records
PAIRS_A_RECORD = 10  # most pairs that one rule may yield for each record, all its blocks together
MIN_PAIRS_A_RULE = 2_000_000  # but at least so many

# What a block too large is split by, one kind of fact after the other, where its own keys do not hold it.
SPLITTERS = {"surname": "sn_pre", "forename": "fn_pre", "birth": "ym", "place": "pc"}
_KINDS = {column: kind for kind, columns in {
    "surname": ("sn", "sn_t", "sn_ph", "sn_pre", "sn_a", "sn_b", "fn_x"),
    "forename": ("fn", "fn_t", "fn_ph", "fn_pre", "fn2"),
    "birth": ("dob", "dob_x", "ym", "md", "yd", "birth_year"),
    "place": ("pc", "pc_sector", "addr", "home", "place", "town"),
}.items() for column in columns}  # fmt: skip
_COMPOUNDS = {
    "sn_pc": ("surname", "place"),
    "fn_dob": ("forename", "birth"),
    "full_name_year": ("forename", "surname", "birth"),
}


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


EVERY_PAIR = Rule("every pair", ((),))
FEW_PAIRS = 1_000_000  # so few can all be compared


@dataclass(frozen=True)
class BlockNote:
    """What a rule gave.

    Attributes:
        rule: its name.
        pairs: pairs found (of the last table wanted).
        blocks_split: blocks that were too large and were split by more columns; `largest_split` had so many
            records.
        blocks_dropped: what was still too large when there was nothing left to split by, and was left out;
            `largest_dropped` had so many records.
    """

    rule: str
    pairs: int
    blocks_split: int
    largest_split: int
    blocks_dropped: int
    largest_dropped: int

    def explain(self) -> list[str]:
        """Sentences on blocks that were split or left out; none if there were none."""
        said = []
        if self.blocks_split:
            said.append(
                f"Blocks of {self.rule}: {self.blocks_split:,} too large (the largest had "
                f"{self.largest_split:,} records), so split by more columns."
            )
        if self.blocks_dropped:
            said.append(
                f"Blocks of {self.rule}: {self.blocks_dropped:,} left out, since nothing was left to split "
                f"them by (the largest had {self.largest_dropped:,} records, "
                f"{self.largest_dropped * (self.largest_dropped - 1) // 2:,} pairs)."
            )
        return said


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
        left: SQL over `l.rec` alone that cuts the left side, for samples.
        some: SQL over `l.rec` that one record of a block must satisfy, or the block is passed over; `left` if
            nothing is given.
        members: SQL over `n` (a row of `nodes`) that both records must satisfy: those who can't have a
            partner need not be put into blocks.
        across: whether `condition` never holds within a feed, so that a block of one feed is passed over.
    """

    table: str
    condition: str
    left: str = "true"
    members: str = "true"
    some: str = ""
    across: bool = False


def find_pairs(
    con: duckdb.DuckDBPyConnection,
    rules: Sequence[Rule],
    wanted: Sequence[Wanted],
    *,
    filled: Collection[str],
    cap: int = MAX_PAIRS_A_BLOCK,
    progress: Progress = SILENT,
) -> list[BlockNote]:
    """Write the distinct candidate pairs of `variants`, for every table wanted in one pass over the rules.

    Args:
        rules: from `rules_for`.
        wanted: the tables; notes count the pairs of the last.
        filled: columns of `variants` that hold something: blocks too large are split by them.
        cap: most pairs that one block may yield.
    """
    sources = [_source(con, each, rules) for each in wanted]
    for each in wanted:
        con.execute(f"CREATE OR REPLACE TABLE {each.table}_found (l INTEGER, r INTEGER)")
    notes: list[BlockNote] = []
    rows, records = one_row(con, "SELECT count(*), (SELECT count(*) FROM nodes) FROM variants")
    most = max(MIN_PAIRS_A_RULE, PAIRS_A_RECORD * records)
    with progress.task("Finding pairs to compare", len(rules)) as advance:
        for rule in rules:
            limits = (cap, most) if rule != EVERY_PAIR else (FEW_PAIRS * 4, FEW_PAIRS * 4)
            for each, source in zip(wanted, sources, strict=True):
                keyed = _keyed_sql(rule, each, source, once=rows == records)
                distinct = "" if rows == records and len(rule.keys) == 1 else "DISTINCT"
                note = _block(con, rule, each, keyed, _splitters(rule, filled), limits, distinct)
            notes.append(note)
            advance(1)
    for each in wanted:
        con.execute(
            f"""CREATE OR REPLACE TABLE {each.table} AS
            SELECT l, r, count(*)::INTEGER AS rules FROM {each.table}_found GROUP BY l, r"""
        )
        con.execute(f"DROP TABLE {each.table}_found")
        con.execute(f"DROP TABLE IF EXISTS {each.table}_members")
    return notes


def _source(con: duckdb.DuckDBPyConnection, wanted: Wanted, rules: Sequence[Rule]) -> str:
    """The table whose records are put into blocks: `variants`, or the part of it that can have partners."""
    if wanted.members == "true":
        return "variants"
    columns = sorted({column for rule in rules for key in rule.keys for column in key})
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE {wanted.table}_members AS
        SELECT {", ".join(["rec", "feed", *columns])} FROM variants
        SEMI JOIN (SELECT rec FROM nodes n WHERE {wanted.members}) USING (rec)"""
    )
    return f"{wanted.table}_members"


def _block(
    con: duckdb.DuckDBPyConnection,
    rule: Rule,
    wanted: Wanted,
    keyed: str,
    splitters: Sequence[str],
    limits: tuple[int, int],
    distinct: str,
) -> BlockNote:
    """Add the pairs of one rule, whose keys `keyed` gives, to one table."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE keyed AS {keyed}")
    split = _too_large(con, limits, across=wanted.across)
    left = split
    for column in splitters:
        if not left[0]:
            break
        _split(con, column)
        left = _too_large(con, limits, across=wanted.across)
    con.execute(
        """CREATE OR REPLACE TEMP TABLE kept AS
        SELECT key, n.rec, n.feed, n.comp, n.mask
        FROM (SELECT key, rec FROM keyed SEMI JOIN (FROM blocks ANTI JOIN large USING (key)) USING (key))
        JOIN nodes n USING (rec)"""
    )
    pairs = one_number(
        con,
        f"""INSERT INTO {wanted.table}_found
        SELECT {distinct} l.rec, r.rec FROM kept l JOIN kept r ON l.key = r.key
        WHERE l.rec < r.rec AND {wanted.left} AND {wanted.condition}""",
    )
    con.execute("DROP TABLE keyed; DROP TABLE blocks; DROP TABLE large; DROP TABLE kept")
    return BlockNote(rule.name, pairs, *split, *left)


def _keyed_sql(rule: Rule, wanted: Wanted, source: str, *, once: bool) -> str:
    """Every key of every record that the pairs wanted can need, each once.

    Args:
        once: a record has one row, so that a key can come twice only from two of the rule's own.
    """
    selects = []
    for number, key in enumerate(rule.keys):
        known = [f"{column} IS NOT NULL" for column in key]
        if once:
            known += [
                f"{_key_sql(key)} IS DISTINCT FROM {_key_or_null(other)}" for other in rule.keys[:number]
            ]
        selects.append(
            f"SELECT {_key_sql(key)} AS key, rec, feed FROM {source} WHERE {' AND '.join(known) or 'true'}"
        )
    every = " UNION ALL ".join(selects)
    distinct = "" if once else "DISTINCT"
    some = wanted.some or wanted.left
    if some == "true":
        return f"SELECT {distinct} key, rec, feed FROM ({every})"
    return f"""SELECT {distinct} key, rec, feed FROM ({every})
        SEMI JOIN (SELECT key FROM ({every}) l WHERE {some}) USING (key)"""


def _key_or_null(key: tuple[str, ...]) -> str:
    known = " AND ".join(f"{column} IS NOT NULL" for column in key)
    return f"CASE WHEN {known} THEN {_key_sql(key)} END"


def _splitters(rule: Rule, filled: Collection[str]) -> list[str]:
    """Columns that split a block of this rule: of the kinds of fact that its keys do not hold."""
    held = {kind for key in rule.keys for column in key for kind in _kinds(column)}
    return [column for kind, column in SPLITTERS.items() if kind not in held and column in filled]


def _kinds(column: str) -> tuple[str, ...]:
    """Which kinds of fact a column is a code of."""
    return _COMPOUNDS.get(column) or (_KINDS.get(column, column),)


def _too_large(con: duckdb.DuckDBPyConnection, limits: tuple[int, int], *, across: bool) -> tuple[int, int]:
    """Make `blocks` and `large` from `keyed`; returns how many are too large, and the largest's records.

    A block is too large if its pairs are more than `limits[0]`, or if the pairs of all blocks up to its size
    are more than `limits[1]`.

    Args:
        across: blocks of one feed are passed over.
    """
    two = " AND min(feed) <> max(feed)" if across else ""
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE blocks AS
        SELECT key, count(*) AS size FROM keyed GROUP BY key HAVING count(*) > 1{two}"""
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE large AS
        WITH sizes AS (SELECT size, count(*) * (size * (size - 1) // 2) AS pairs FROM blocks GROUP BY size),
        so_far AS (SELECT size, sum(pairs) OVER (ORDER BY size) AS pairs FROM sizes)
        SELECT key, size FROM blocks
        WHERE size IN (SELECT size FROM so_far
                       WHERE size * (size - 1) // 2 > {limits[0]} OR pairs > {limits[1]})"""
    )
    count, largest = one_row(con, "SELECT count(*), coalesce(max(size), 0) FROM large")
    return int(count), int(largest)


def _split(con: duckdb.DuckDBPyConnection, column: str) -> None:
    """Put the records of large blocks into smaller ones, by `column`; those that lack it leave the block."""
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE keyed AS
        SELECT key, rec, feed FROM keyed ANTI JOIN large USING (key)
        UNION ALL
        SELECT DISTINCT hash(k.key, v.{column}), k.rec, k.feed FROM keyed k SEMI JOIN large USING (key)
        JOIN variants v ON v.rec = k.rec WHERE v.{column} IS NOT NULL"""
    )


def _key_sql(columns: tuple[str, ...]) -> str:
    """Codes hashed together; no codes at all are one key for everyone."""
    return f"hash({', '.join(columns) or '0'})"
