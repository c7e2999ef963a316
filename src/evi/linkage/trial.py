"""How far links in doubt can be trusted, tried out on records whose numbers are hidden.

Records of two feeds that share an NHS number or a UPN are one person; if they hold different ones they are
two. So the numbers of a third of the records that hold any are hidden, everybody is linked again by the same
engine, and what it then says of the hidden records is held against their numbers: how often a link of
probability p is right (`judged`), and how many records it does not find at all (`found`). Police and housing
hold no numbers, and the records of other feeds that lack one may differ from those that have one: what was
learned is taken to hold for them too, with more doubt (see `evi.linkage.beliefs`).

Two records that one feed made of one person are looked for as well. Of pairs inside a feed that agree alike
in names, birth date and home, those that both hold a number say how often such pairs are one person.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import duckdb
import polars as pl

from evi.encoding import read_deliveries, retired
from evi.linkage.deterministic import MOST_IN_A_GROUP, WORTH, agreements
from evi.linkage.doubts import find_doubts
from evi.linkage.people import condense
from evi.linkage.queries import one_number, table_of
from evi.linkage.resolve import Options, resolve
from evi.linkage.spine import THRESHOLD, load_observations
from evi.workspace import SILENT, District, Progress, connect, quote

HIDDEN_IN_A_HUNDRED = 33
MOST_RECORDS = 150_000  # a sample of people with about so many records is tried; the rest would add little
_MOST_ALIKE = 20  # records of one feed that agree in a block: beyond this the block says nothing
_JUDGED = pl.Schema({"how": pl.String, "feed": pl.String, "p": pl.Float64, "same": pl.Boolean})
SEVERAL = "several"  # in place of the feed of a piece with records of more than one
_FOUND = pl.Schema(
    {"feed": pl.String, "hidden": pl.Int64, "surely": pl.Int64}
    | {"in_doubt": pl.Int64, "not_found": pl.Int64, "wrong": pl.Int64}
)
_TWICE = pl.Schema(
    {"feed": pl.String, "person": pl.Int64, "other": pl.Int64, "pattern": pl.String, "sure": pl.Float64}
)


@dataclass(frozen=True)
class Trial:
    """What hidden numbers and pairs inside feeds have shown; empty tables where there is nothing to try.

    Attributes:
        judged: how (`scored`, `birth date`, or `several` for a piece of several feeds), feed, p, same: what
            the links in doubt of a piece promise together, and whether the numbers say that one of them is
            right.
        found: feed, hidden (records with a name that have a partner with a name elsewhere), surely, in_doubt,
            not_found (how they were linked to it), wrong (surely linked to another number only).
        unnumbered: feed, records: those with a name, and no number that a named record of another feed has.
        alike: pattern, same, different: pairs inside a feed that both hold a number.
        twice: feed, person, other, pattern, sure: pairs inside a feed that may be one person; `sure` is the
            chance of pairs that share a number, null where the pattern is all there is.
    """

    judged: pl.DataFrame
    found: pl.DataFrame
    unnumbered: pl.DataFrame
    alike: pl.DataFrame
    twice: pl.DataFrame

    @classmethod
    def nothing(cls) -> Trial:
        """No trial: codes were deleted, or nobody holds a number."""
        return cls(
            pl.DataFrame(schema=_JUDGED),
            pl.DataFrame(schema=_FOUND),
            pl.DataFrame(schema={"feed": pl.String, "records": pl.Int64}),
            pl.DataFrame(schema={"pattern": pl.String, "same": pl.Int64, "different": pl.Int64}),
            pl.DataFrame(schema=_TWICE),
        )


def hold_trial(district: District, progress: Progress = SILENT) -> Trial:
    """Try the links of a district that has a spine. Without its codes there is nothing to try."""
    deliveries = read_deliveries(district)
    if not deliveries or retired(district):
        return Trial.nothing()
    with connect(scratch=district.scratch) as con:
        load_observations(con, district, deliveries)
        spine = quote(str(district.spine / "people.parquet"))
        con.execute(
            f"""CREATE TABLE spine_people AS
            SELECT rec, feed, person, subject_id FROM records JOIN {spine} USING (feed, person)"""
        )
        columns = condense(con)
        alike, twice = _inside_feeds(con, columns)
        _numbers(con, columns)
        seen = replace(Trial.nothing(), unnumbered=_unnumbered(con), alike=alike, twice=twice)
        _sample(con)
        if not one_number(con, "SELECT count(*) FROM hidden"):
            return seen
        resolution = resolve(con, Options(threshold=THRESHOLD), progress)
        find_doubts(con, resolution.model)
        return replace(seen, judged=_judged(con), found=_found(con))


def _numbers(con: duckdb.DuckDBPyConnection, columns: frozenset[str]) -> None:
    """Tables `numbers` (rec, kind, number) and `named` (rec): numbers that nothing but a sibling could share.

    A record whose forename and birth date contradict those of all others with its number is left out.
    """
    con.execute("CREATE TABLE numbers (rec INTEGER, kind VARCHAR, number BIGINT)")
    forename, birth = agreements(set(columns))
    for kind in sorted({"nhs", "upn"} & columns):
        con.execute(
            f"""INSERT INTO numbers
            WITH shared AS (
                SELECT rec, {kind} AS number FROM people WHERE {kind} IS NOT NULL
                QUALIFY count(*) OVER (PARTITION BY {kind}) <= {MOST_IN_A_GROUP}),
            odd AS (
                SELECT m.rec FROM shared a JOIN shared b USING (number)
                JOIN people c ON c.rec = a.rec JOIN people m ON m.rec = b.rec
                WHERE a.rec <> b.rec GROUP BY m.rec HAVING bool_and({forename} = 2 AND {birth} = 2))
            SELECT rec, '{kind}', number FROM shared WHERE rec NOT IN (FROM odd)"""
        )
    names = [f"{name} IS NOT NULL" for name in ("fn", "sn") if name in columns]
    con.execute(f"CREATE TABLE named AS SELECT rec FROM people WHERE {' OR '.join(names) or 'false'}")


def _unnumbered(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    found = table_of(
        con,
        """WITH numbered AS (
            SELECT kind, number FROM numbers JOIN named USING (rec) JOIN records USING (rec)
            GROUP BY ALL HAVING count(DISTINCT feed) > 1)
        SELECT feed, count(*) AS records FROM records JOIN named USING (rec)
        WHERE rec NOT IN (SELECT rec FROM numbers SEMI JOIN numbered USING (kind, number))
        GROUP BY feed ORDER BY feed""",
    )
    return pl.DataFrame(found)


def _sample(con: duckdb.DuckDBPyConnection) -> None:
    """Cut everything to a sample of people, number its records anew, and hide numbers: table `hidden`."""
    step = 1 + one_number(con, "SELECT count(*) FROM records") // MOST_RECORDS
    con.execute(
        f"""CREATE TABLE kept AS
        SELECT rec, (row_number() OVER (ORDER BY rec) - 1)::INTEGER AS now FROM spine_people
        WHERE hash(subject_id) % {step} = 0"""
    )
    for table in ("records", "observations", "numbers", "named"):
        con.execute(
            f"""CREATE OR REPLACE TABLE {table} AS
            SELECT now AS rec, t.* EXCLUDE (rec) FROM {table} t JOIN kept USING (rec) ORDER BY now"""
        )
    con.execute(
        f"""CREATE TABLE hidden AS
        SELECT DISTINCT rec FROM numbers JOIN records USING (rec)
        WHERE hash('hidden', feed, person) % 100 < {HIDDEN_IN_A_HUNDRED}"""
    )
    con.execute("UPDATE observations SET nhs = NULL, upn = NULL WHERE rec IN (FROM hidden)")


def _judged(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """What the links in doubt of a piece promise together, and whether one of them is right.

    A link is of the smaller of its pieces, as in a draw. Only pieces all of whose links can be judged: both
    ends hold a number of one kind, not both of them in sight. Likely owners promise nothing by themselves.
    """
    con.execute(
        """CREATE OR REPLACE TABLE holding AS
        SELECT piece, kind, number, bool_or(rec NOT IN (FROM hidden)) AS in_sight
        FROM pieces JOIN numbers USING (rec) GROUP BY ALL"""
    )
    found = table_of(
        con,
        f"""WITH sizes AS (
            SELECT piece, count(*) AS n,
                   CASE WHEN min(feed) = max(feed) THEN min(feed) ELSE '{SEVERAL}' END AS feed
            FROM pieces JOIN records USING (rec) GROUP BY piece),
        judged AS (
            SELECT d.piece, d.other, bool_or(a.number = b.number) AS same,
                   bool_or(a.in_sight AND b.in_sight) AS in_sight
            FROM doubts d JOIN holding a ON a.piece = d.piece
            JOIN holding b ON b.piece = d.other AND b.kind = a.kind GROUP BY d.piece, d.other),
        links AS (
            SELECT CASE WHEN x.n <= y.n THEN d.piece ELSE d.other END AS piece, how, p, same,
                   same IS NOT NULL AND NOT in_sight AS known
            FROM doubts d JOIN sizes x ON x.piece = d.piece JOIN sizes y ON y.piece = d.other
            LEFT JOIN judged j ON j.piece = d.piece AND j.other = d.other WHERE how <> 'likely owner')
        SELECT CASE WHEN any_value(feed) = '{SEVERAL}' THEN '{SEVERAL}' ELSE min(how) END AS how,
               any_value(feed) AS feed, round(least(sum(p), 1), 6) AS p, bool_or(same) AS same
        FROM links JOIN sizes USING (piece) GROUP BY piece HAVING bool_and(known) ORDER BY ALL""",
    )
    return pl.DataFrame(found).cast(_JUDGED)


def _found(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """How the named hidden records of each feed were linked to named ones elsewhere with their number."""
    found = table_of(
        con,
        """WITH own AS (
            SELECT h.rec, r.feed, p.piece, q.piece AS partner
            FROM hidden h SEMI JOIN named USING (rec)
            JOIN records r USING (rec) JOIN pieces p USING (rec) JOIN numbers n USING (rec)
            JOIN numbers m ON m.kind = n.kind AND m.number = n.number AND m.rec <> h.rec
            JOIN named ON named.rec = m.rec JOIN records s ON s.rec = m.rec AND s.feed <> r.feed
            JOIN pieces q ON q.rec = m.rec),
        linked AS (SELECT piece, other FROM doubts UNION ALL SELECT other, piece FROM doubts),
        other_numbers AS (
            SELECT h.rec FROM hidden h JOIN pieces p USING (rec) JOIN numbers n USING (rec)
            JOIN holding o ON o.piece = p.piece AND o.kind = n.kind
            GROUP BY h.rec HAVING bool_or(o.number <> n.number)),
        judged AS (
            SELECT own.rec, any_value(feed) AS feed, bool_or(own.piece = partner) AS surely,
                   bool_or(l.other IS NOT NULL) AS doubted
            FROM own LEFT JOIN linked l ON l.piece = own.piece AND l.other = partner GROUP BY own.rec)
        SELECT feed, count(*) AS hidden, count(*) FILTER (surely) AS surely,
               count(*) FILTER (NOT surely AND doubted) AS in_doubt,
               count(*) FILTER (NOT surely AND NOT doubted) AS not_found,
               count(*) FILTER (NOT surely AND rec IN (FROM other_numbers)) AS wrong
        FROM judged GROUP BY feed ORDER BY feed""",
    )
    return pl.DataFrame(found).cast(_FOUND)


def _inside_feeds(
    con: duckdb.DuckDBPyConnection, columns: frozenset[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The tables `alike` and `twice` of a trial, from `people` with all their numbers."""
    if not {"fn_t", "dob"} <= columns:
        return Trial.nothing().alike, Trial.nothing().twice
    homes = [f"h{i}" for i in range(1, 5) if f"h{i}" in columns]
    kinds = sorted({"nhs", "upn"} & columns)
    blocks = [_block("fn_t, dob"), *(_block(f"{kind}") for kind in kinds)]
    blocks += [_block(f"fn_t, sn_t, {part}") for part in ("ym", "md", "yd") if {"sn_t", part} <= columns]
    if homes:
        spots = f"(SELECT rec, feed, fn_t, unnest([{', '.join(homes)}]) AS spot FROM people)"
        blocks.append(_block("fn_t, spot", spots))
    same = " OR ".join(f"l.{kind} = r.{kind}" for kind in kinds) or "NULL::BOOLEAN"
    known = " OR ".join(f"(l.{kind} IS NOT NULL AND r.{kind} IS NOT NULL)" for kind in kinds) or "false"
    worth = " ".join(f"WHEN l.{kind} = r.{kind} THEN {WORTH[kind]}" for kind in kinds)
    forename, birth = agreements(set(columns))
    odd = f"{forename} = 2 AND {birth} = 2".replace("c.", "l.").replace("m.", "r.")
    con.execute(
        f"""CREATE TABLE inside AS
        SELECT l.rec AS rec_l, r.rec AS rec_r, {_pattern(columns, homes)} AS pattern,
               ({odd}) AS odd, coalesce({same}, false) AS same, {known} AS known,
               {f"CASE {worth} END" if worth else "NULL"}::DOUBLE AS sure,
               coalesce(l.fn_t = r.fn_t, false) AS by_name
        FROM (SELECT DISTINCT a, b FROM ({" UNION ALL ".join(blocks)}))
        JOIN people l ON l.rec = a JOIN people r ON r.rec = b"""
    )
    alike = table_of(
        con,
        """SELECT pattern, count(*) FILTER (same) AS same, count(*) FILTER (NOT same) AS different
        FROM inside WHERE known AND by_name AND NOT odd GROUP BY pattern ORDER BY pattern""",
    )
    twice = table_of(
        con,
        """SELECT l.feed, l.person, r.person AS other, pattern, sure
        FROM inside JOIN spine_people l ON l.rec = rec_l JOIN spine_people r ON r.rec = rec_r
        WHERE l.subject_id <> r.subject_id AND NOT odd AND (sure IS NOT NULL OR (by_name AND NOT known))
        ORDER BY ALL""",
    )
    con.execute("DROP TABLE inside")
    return pl.DataFrame(alike), pl.DataFrame(twice).cast(_TWICE)


def _block(keys: str, table: str = "people") -> str:
    """SQL of the pairs a < b of records of one feed that share the keys."""
    known = " AND ".join(f"{key} IS NOT NULL" for key in keys.split(", "))
    return f"""SELECT x.rec AS a, y.rec AS b FROM (
            SELECT DISTINCT rec, feed, {keys} FROM {table} WHERE {known}
            QUALIFY count(*) OVER (PARTITION BY feed, {keys}) BETWEEN 2 AND {_MOST_ALIKE}) x
        JOIN {table} y USING (feed, {keys}) WHERE x.rec < y.rec"""


def _pattern(columns: frozenset[str], homes: list[str]) -> str:
    """SQL of how names, birth date and homes of l and r agree."""
    surname = "'unknown'"
    if "sn" in columns:
        surname = """CASE WHEN l.sn IS NULL OR r.sn IS NULL THEN 'unknown' WHEN l.sn = r.sn THEN 'same'
            WHEN l.sn_t = r.sn_t OR l.sn_ph = r.sn_ph THEN 'near' ELSE 'other' END"""
    home = "'unknown'"
    if homes:
        one, other = (f"[{', '.join(f'{side}.{home}' for home in homes)}]" for side in "lr")
        home = f"""CASE WHEN l.{homes[0]} IS NULL OR r.{homes[0]} IS NULL THEN 'unknown'
            WHEN list_has_any({one}, {other}) THEN 'shared' ELSE 'other' END"""
    return f"""concat('forename ', CASE WHEN l.fn = r.fn THEN 'same' WHEN l.fn_t = r.fn_t THEN 'near'
            ELSE 'other' END, ', surname ', {surname}, ', birth date ',
        CASE WHEN l.dob IS NULL OR r.dob IS NULL THEN 'unknown' WHEN l.dob = r.dob THEN 'same'
            WHEN l.dob = r.dob_x OR l.ym = r.ym OR l.md = r.md OR l.yd = r.yd THEN 'near' ELSE 'other' END,
        ', home ', {home})"""
