"""For whom linkage errs: missed and false matches by group, with intervals, with no truth needed.

Three looks, each with its own blind spot:

- **The model's own doubt.** The chance that a pair which was refused is one person is a missed match in
  waiting; the chance that a pair which was joined is two people is a false one. It knows nothing of pairs
  that were never compared, and is only as right as the model's probabilities.
- **Verified numbers, held out.** Records of two feeds with one NHS number or UPN are one person. How many of
  them would names, birth date and place alone have joined (`held_out`), and how often do they write forename
  or birth date differently (`unlike`)? This hears an agency's slips, group by group, before matches are lost.
- **Nothing to find it by.** Records with no name and no verified number: alone, and nobody can say whose.

Everything is counted in pairs of records, half to each record, so that a pair between two groups counts half
for each; the figures add up, and mean what `evi score-truth` means by recall and precision. Pairs of one
person err together, so intervals reckon with people, not pairs: Wilson's (1927) with the effective number of
pairs in place of the number seen (Korn and Graubard 1998; Franco et al. 2019), and differences by Newcombe's
(1998) method 10.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from evi.linkage.comparisons import Comparison
from evi.linkage.queries import columns_that_hold_something, one_number
from evi.linkage.scoring import score_pairs, settings_for
from evi.linkage.training import Model
from evi.workspace import quote

DIMENSIONS = ("ethnicity", "deprivation", "language", "age", "sex", "care", "movement", "feed")
CELLS = ("ethnicity", "deprivation", "language")
"""Dimensions that are also looked at within each feed: one agency may err for one community alone."""

MEASURES = ("missed", "wrong", "held_out", "unlike", "nothing_to_find_by")
CARE_FEED = "ssda903"  # the return on children who are looked after
NOT_TOLD = "not told"
SMALLEST_CELL = 50  # records; smaller cells of feed and group are left out of the file
Z95 = 1.959963984540054
MICRO = 1_000_000  # counts are summed as whole millionths, so that no order of adding changes a bit
_HELD_OUT_PAIRS = 200_000
_MOST_SHARING = 200  # records that share one number: beyond this it is a default value, not a person


@dataclass(frozen=True)
class Rate:
    """A share of pairs, with its interval.

    Attributes:
        count, total: pairs that went wrong, of pairs that there were (expected numbers need not be whole).
        effective: how many independent pairs would say as much.
    """

    count: float
    total: float
    effective: float

    @property
    def value(self) -> float:
        """The share; 0 where there is nothing to count."""
        return self.count / self.total if self.total > 0 else 0.0

    def interval(self, z: float = Z95) -> tuple[float, float]:
        """Wilson's interval for the effective number of pairs; (0, 1) where there is nothing to count.

        >>> tuple(round(bound, 4) for bound in Rate(10, 100, 100).interval())
        (0.0552, 0.1744)
        """
        n, p = self.effective, self.value
        if n <= 0:
            return 0.0, 1.0
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return max(0.0, centre - half), min(1.0, centre + half)

    def as_dict(self) -> dict[str, float]:
        """For `fairness.json`."""
        low, high = self.interval()
        return {
            "rate": round(self.value, 6),
            "low": round(low, 6),
            "high": round(high, 6),
            "count": round(self.count, 3),
            "of": round(self.total, 3),
            "effective": round(self.effective, 3),
        }


@dataclass(frozen=True)
class Sums:
    """Sums over the people of a group, from which its rate and those of its complement follow.

    Attributes:
        people: people with anything to count; y, x: what went wrong, and what there was; yy, xy, xx: sums of
            squares and products by person.
    """

    people: int = 0
    y: float = 0.0
    x: float = 0.0
    yy: float = 0.0
    xy: float = 0.0
    xx: float = 0.0

    def __sub__(self, other: Sums) -> Sums:
        """The rest: this without the other's people."""
        pairs = zip(self._numbers(), other._numbers(), strict=True)
        return Sums(self.people - other.people, *(max(0.0, mine - theirs) for mine, theirs in pairs))

    def _numbers(self) -> tuple[float, ...]:
        return self.y, self.x, self.yy, self.xy, self.xx

    @property
    def rate(self) -> Rate:
        """The rate; its effective number, at most one a person, is from the spread between people (a
        linearised ratio)."""
        if self.x <= 0 or self.people <= 0:
            return Rate(self.y, self.x, 0.0)
        share = self.y / self.x
        spread = self.yy - 2 * share * self.xy + share * share * self.xx
        people = float(self.people)
        variance = spread / (self.x * self.x) * (people / max(1.0, people - 1))
        if variance <= 0 or not 0 < share < 1:
            return Rate(self.y, self.x, people)
        return Rate(self.y, self.x, min(people, max(1.0, share * (1 - share) / variance)))


def difference(one: Rate, other: Rate, z: float = Z95) -> tuple[float, float, float]:
    """One rate less another, with Newcombe's (1998) interval by method 10.

    >>> [round(x, 3) for x in difference(Rate(56, 70, 70), Rate(48, 80, 80))]
    [0.2, 0.052, 0.334]
    """
    (low1, high1), (low2, high2) = one.interval(z), other.interval(z)
    gap = one.value - other.value
    below = math.hypot(one.value - low1, high2 - other.value)
    above = math.hypot(high1 - one.value, other.value - low2)
    return gap, max(-1.0, gap - below), min(1.0, gap + above)


def ratio_explained(one: Mapping[str, Rate], other: Mapping[str, Rate]) -> tuple[float, float]:
    """How far linkage alone could set the seen share of two groups apart whose true shares are equal.

    A fact that is told of a child counts where its record is joined to the child's others. If a share s of
    both groups has a need, at least s(1 − missed) and at most s(1 − missed) + false × (what falsely joined
    records bring, at most a fact each) of a group is seen to have it. Returned are the least and the most
    that the first group's seen share, divided by the other's, could then be, from the ends of the 95%
    intervals. A ratio outside is not explained by what linkage knows of its own errors.
    """

    def seen(group: Mapping[str, Rate]) -> tuple[float, float]:
        missed, false = group["missed"].interval(), group["wrong"].interval()
        return max(0.0, 1 - missed[1]), min(2.0, 1 - missed[0] + false[1])

    (low1, high1), (low2, high2) = seen(one), seen(other)
    return (low1 / high2 if high2 else 0.0), (high1 / low2 if low2 else math.inf)


def fairness_report(
    con: duckdb.DuckDBPyConnection, model: Model, threshold: float, areas: Path | None
) -> dict[str, Any]:
    """The content of `fairness.json`, from the tables of a finished run.

    Args:
        con: the session of `evi link`, with the tables `subjects_now` and `households_now` as well.
        threshold: the probability from which records were joined.
        areas: `geography/areas.csv`, if there is one: it gives small areas their deprivation decile.
    """
    traits_of_records(con, areas)
    tallies_from_model(con)
    tallies_from_numbers(con, model, threshold)
    _tallies_of_the_unfindable(con)
    found = rates(con)
    return {
        "about": "Pairs of records by group, half a pair to each record. See docs/linkage-fairness.md.",
        "dimensions": list(DIMENSIONS),
        "numbers_set_aside": one_number(con, "SELECT count(*) FROM set_aside"),
        **found,
    }


def deciles_sql(con: duckdb.DuckDBPyConnection, areas: Path | None) -> str:
    """SQL of lsoa and imd_decile (1 most deprived): the published decile, or by rank of the score here."""
    nothing = "SELECT NULL::VARCHAR AS lsoa, NULL::INTEGER AS imd_decile WHERE false"
    if areas is None or not areas.is_file():
        return nothing
    file = quote(str(areas))
    names = {name for name, *_ in con.execute(f"DESCRIBE FROM {file}").fetchall()}
    if {"lsoa", "imd_decile"} <= names:
        return f"SELECT lsoa, any_value(imd_decile)::INTEGER AS imd_decile FROM {file} GROUP BY lsoa"
    if {"lsoa", "imd_score"} <= names:
        return f"""SELECT lsoa, ntile(10) OVER (ORDER BY imd_score DESC, lsoa)::INTEGER AS imd_decile
            FROM (SELECT lsoa, any_value(imd_score) AS imd_score FROM {file} GROUP BY lsoa)"""
    return nothing


def traits_of_records(con: duckdb.DuckDBPyConnection, areas: Path | None) -> None:
    """Table `traits`: rec, who (its subject) and the group of each record in every dimension.

    Groups are what the spine says of the subject. A child whose records were not joined has fewer homes and
    fewer feeds to say anything, so moves are undercounted among those for whom linkage failed.
    """
    con.execute(
        f"""CREATE OR REPLACE TABLE traits AS
        WITH today AS (SELECT max(seen) AS day FROM addresses),
        lived AS (
            SELECT subject_id, count(DISTINCT household_id) AS homes, max_by(lsoa, (start, lsoa)) AS lsoa
            FROM households_now GROUP BY subject_id),
        deciles AS ({deciles_sql(con, areas)}),
        care AS (
            SELECT DISTINCT s.subject_id FROM spine_people s WHERE s.feed = {quote(CARE_FEED)})
        SELECT r.rec, p.subject_id AS who, r.feed,
               {trait_columns("s.birth_month", "today.day", "coalesce(lived.homes, 0)", "care.subject_id")}
        FROM records r JOIN spine_people p USING (feed, person)
        LEFT JOIN subjects_now s ON s.subject_id = p.subject_id
        LEFT JOIN lived ON lived.subject_id = p.subject_id
        LEFT JOIN deciles ON deciles.lsoa = lived.lsoa
        LEFT JOIN care ON care.subject_id = p.subject_id, today"""
    )


def trait_columns(born: str, today: str, homes: str, care: str) -> str:
    """SQL of the groups that clear-text traits give; `s` has sex, ethnicity and language, `deciles` a decile.

    Args:
        born, today, homes, care: SQL of the birth date, the day, the number of homes, and something that is
            null for those who were never in care.
    """
    age = f"date_diff('month', {born}, {today}) / 12.0"
    return f"""
        coalesce(s.ethnicity, '{NOT_TOLD}') AS ethnicity,
        coalesce('decile ' || lpad(deciles.imd_decile::VARCHAR, 2, '0'), '{NOT_TOLD}') AS deprivation,
        coalesce(s.language, '{NOT_TOLD}') AS language,
        CASE WHEN {born} IS NULL THEN '{NOT_TOLD}' WHEN {age} < 5 THEN '0 to 4' WHEN {age} < 12 THEN '5 to 11'
             WHEN {age} < 18 THEN '12 to 17' ELSE 'adult' END AS age,
        coalesce(s.sex, '{NOT_TOLD}') AS sex,
        CASE WHEN {homes} = 0 THEN '{NOT_TOLD}' WHEN {homes} = 1 THEN '1 home' WHEN {homes} = 2 THEN '2 homes'
             WHEN {homes} < 5 THEN '3 or 4 homes' ELSE '5 homes or more' END AS movement,
        CASE WHEN {care} IS NULL THEN 'not in care' ELSE 'has been in care' END AS care"""


def tallies_from_model(con: duckdb.DuckDBPyConnection) -> None:
    """Table `tallies` (measure, rec, y, x, in millionths) of expected missed and false pairs.

    Two clusters are one person with the chance of the strongest link between them; all their pairs are then
    missed together. Two records of one cluster are two people with the chance that the weaker of the links
    which hold them is wrong.
    """
    con.execute(
        f"""CREATE OR REPLACE TABLE tallies AS
        WITH sized AS (
            SELECT rec, cluster, probability, count(*) OVER (PARTITION BY cluster) AS size,
                   row_number() OVER (PARTITION BY cluster ORDER BY probability, rec) AS place,
                   sum(1 - probability) OVER (
                     PARTITION BY cluster ORDER BY probability, rec
                     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS weaker
            FROM resolved),
        apart AS (
            SELECT l.cluster AS a, r.cluster AS b, max(p) AS p FROM links
            JOIN resolved l ON l.rec = rec_l JOIN resolved r ON r.rec = rec_r
            WHERE l.cluster <> r.cluster GROUP BY ALL),
        both_ways AS (
            SELECT least(a, b) AS a, greatest(a, b) AS b, max(p) AS p FROM apart GROUP BY 1, 2),
        sizes AS (SELECT cluster, count(*) AS n FROM resolved GROUP BY cluster),
        elsewhere AS (
            SELECT a AS cluster, sum(p::DECIMAL(18, 6) * n) AS missed
            FROM (SELECT a, b, p FROM both_ways UNION ALL SELECT b, a, p FROM both_ways)
            JOIN sizes ON sizes.cluster = b GROUP BY a),
        counted AS (
            SELECT rec, (size - 1) / 2 AS joined, coalesce(missed, 0) / 2 AS missed,
                   (coalesce(weaker, 0) + (1 - probability) * (size - place)) / 2 AS wrong
            FROM sized LEFT JOIN elsewhere USING (cluster))
        SELECT 'missed' AS measure, rec, {_micro("missed")} AS y, {_micro("joined - wrong + missed")} AS x
        FROM counted
        UNION ALL SELECT 'wrong', rec, {_micro("wrong")}, {_micro("joined")} FROM counted"""
    )


def _micro(sql: str) -> str:
    return f"round({MICRO} * ({sql})::DOUBLE)::BIGINT"


def tallies_from_numbers(con: duckdb.DuckDBPyConnection, model: Model, threshold: float) -> None:
    """Add to `tallies` the pairs of records that share a verified number, and which the rest would not join.

    Pairs are of two feeds, at most `_HELD_OUT_PAIRS`, drawn by number. Where forename and birth date both
    contradict, the number may be a sibling's: such pairs are set aside and counted in `set_aside`.
    """
    columns = columns_that_hold_something(con, "people")
    con.execute("CREATE OR REPLACE TABLE held_out (l INTEGER, r INTEGER, tag VARCHAR)")
    for name in ("nhs", "upn"):
        if name in columns:
            _pairs_sharing(con, name)
    odd = "false"
    if {"fn", "dob"} <= columns:
        odd = """l.fn_t <> r.fn_t AND l.fn_ph <> r.fn_ph AND l.fn_pre <> r.fn_pre AND l.dob <> r.dob
            AND l.ym <> r.ym AND l.md <> r.md AND l.yd <> r.yd"""
    con.execute(
        f"""CREATE OR REPLACE TABLE set_aside AS
        SELECT h.l, h.r FROM held_out h JOIN people l ON l.rec = h.l JOIN people r ON r.rec = h.r
        WHERE {odd}"""
    )
    con.execute(
        """CREATE OR REPLACE TABLE held_out AS
        SELECT DISTINCT l, r, 'held out' AS tag FROM held_out ANTI JOIN set_aside USING (l, r)
        ORDER BY l, r"""
    )
    settings = settings_for(_without_numbers(model.comparisons), model.weights, model.prior)
    score_pairs(con, "held_out", settings, out="held_out_scored")
    least = math.log2(threshold / (1 - threshold))
    con.execute(
        f"""INSERT INTO tallies
        WITH judged AS (
            SELECT l, r, coalesce(match_weight, -1e9) < {least} AS missed
            FROM held_out LEFT JOIN held_out_scored ON rec_l = l AND rec_r = r),
        halves AS (SELECT l AS rec, missed FROM judged UNION ALL SELECT r, missed FROM judged)
        SELECT 'held_out', rec, (count(*) FILTER (missed)) * {MICRO} // 2, count(*) * {MICRO} // 2
        FROM halves GROUP BY rec"""
    )
    if {"fn", "dob"} <= columns:
        _tallies_of_the_unlike(con)


def _tallies_of_the_unlike(con: duckdb.DuckDBPyConnection) -> None:
    """Add to `tallies` the pairs that share a number and write forename or birth date differently."""
    con.execute(
        f"""INSERT INTO tallies
        WITH told AS (
            SELECT h.l, h.r, l.fn <> r.fn OR l.dob <> r.dob AS unlike
            FROM (SELECT l, r FROM held_out UNION ALL FROM set_aside) h
            JOIN people l ON l.rec = h.l JOIN people r ON r.rec = h.r
            WHERE l.fn IS NOT NULL AND r.fn IS NOT NULL AND l.dob IS NOT NULL AND r.dob IS NOT NULL),
        halves AS (SELECT l AS rec, unlike FROM told UNION ALL SELECT r, unlike FROM told)
        SELECT 'unlike', rec, (count(*) FILTER (unlike)) * {MICRO} // 2, count(*) * {MICRO} // 2
        FROM halves GROUP BY rec"""
    )


def _without_numbers(comparisons: Iterable[Comparison]) -> tuple[Comparison, ...]:
    return tuple(each for each in comparisons if each.name not in ("nhs", "upn"))


def _pairs_sharing(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Add to `held_out` the pairs of records of two feeds that share the number `name`."""
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE sharing AS
        SELECT {name} AS number, rec, feed FROM people WHERE {name} IS NOT NULL
        QUALIFY count(*) OVER (PARTITION BY {name}) BETWEEN 2 AND {_MOST_SHARING}"""
    )
    pairs = one_number(
        con,
        "SELECT coalesce(sum(n * (n - 1) // 2), 0) FROM (SELECT count(*) AS n FROM sharing GROUP BY number)",
    )
    step = 1 + pairs // _HELD_OUT_PAIRS
    con.execute(
        f"""INSERT INTO held_out
        SELECT l.rec, r.rec, '{name}' FROM sharing l JOIN sharing r USING (number)
        WHERE l.rec < r.rec AND l.feed <> r.feed AND hash(number) % {step} = 0"""
    )
    con.execute("DROP TABLE sharing")


def _tallies_of_the_unfindable(con: duckdb.DuckDBPyConnection) -> None:
    """Add to `tallies` the records with no name and no number that stand alone, of all records."""
    columns = columns_that_hold_something(con, "people")
    blank = " AND ".join(f"p.{name} IS NULL" for name in ("fn", "sn", "nhs", "upn") if name in columns)
    con.execute(
        f"""INSERT INTO tallies
        SELECT 'nothing_to_find_by', r.rec,
               (({blank or "true"}) AND count(*) OVER (PARTITION BY cluster) = 1)::BIGINT * {MICRO}, {MICRO}
        FROM resolved r JOIN people p USING (rec)"""
    )


def rates(
    con: duckdb.DuckDBPyConnection, dimensions: Sequence[str] = DIMENSIONS, cells: Sequence[str] = CELLS
) -> dict[str, Any]:
    """Rates of the whole, of every group, and of every group within each feed, from `traits` and `tallies`.

    Returns:
        whole: measure to rate; groups: dimension, group, records, people, a rate for each measure, each with
        `difference` from the rest of the district, and `need_ratio`; cells: the same by feed, the rest being
        the rest of that feed.
    """
    measures = [m for m in MEASURES if one_number(con, f"SELECT count(*) FROM tallies WHERE measure = '{m}'")]
    whole = _sums(con, "'all'", "'all'", measures)["all", "all"]
    feeds = _sums(con, "feed", "'all'", measures)
    groups: list[dict[str, Any]] = []
    for dimension in dimensions:
        for (_, group), sums in sorted(_sums(con, "'all'", dimension, measures).items()):
            groups.append({"dimension": dimension, "group": group} | _group(sums, whole))
    small: list[dict[str, Any]] = []
    for dimension in cells:
        for (feed, group), sums in sorted(_sums(con, "feed", dimension, measures).items()):
            if sums["records"].x >= SMALLEST_CELL:
                named = {"feed": feed, "dimension": dimension, "group": group}
                small.append(named | _group(sums, feeds[feed, "all"]))
    return {
        "whole": {name: whole[name].rate.as_dict() for name in measures},
        "groups": groups,
        "cells": small,
    }


def _group(sums: Mapping[str, Sums], whole: Mapping[str, Sums]) -> dict[str, Any]:
    """One group's rates, and how far it is from the rest."""
    counted = {"records": int(sums["records"].x), "people": sums["records"].people}
    made: dict[str, Any] = {}
    mine, rest = {}, {}
    for name in (each for each in MEASURES if each in sums):
        mine[name], rest[name] = sums[name].rate, (whole[name] - sums[name]).rate
        entry: dict[str, Any] = mine[name].as_dict()
        if rest[name].total > 0:
            gap, low, high = difference(mine[name], rest[name])
            entry["difference"] = {"value": round(gap, 6), "low": round(low, 6), "high": round(high, 6)}
            entry["rest"] = rest[name].as_dict()
        made[name] = entry
    if {"missed", "wrong"} <= mine.keys() and rest["missed"].total > 0:
        least, most = ratio_explained(mine, rest)
        made["need_ratio"] = {"least": round(least, 4), "most": round(min(most, 999.0), 4)}
    return counted | made


def _sums(
    con: duckdb.DuckDBPyConnection, feed: str, group: str, measures: Sequence[str]
) -> dict[tuple[str, str], dict[str, Sums]]:
    """Sums by (feed, group): for each measure, and for `records` the number of records and people."""
    rows = con.execute(
        f"""WITH people_of AS (
            SELECT {feed} AS feed, {group} AS grp, measure, who, sum(y)::HUGEINT AS y, sum(x)::HUGEINT AS x
            FROM tallies JOIN traits USING (rec) GROUP BY ALL)
        SELECT feed, grp, measure, count(*) FILTER (x > 0), sum(y), sum(x), sum(y * y), sum(x * y), sum(x * x)
        FROM people_of GROUP BY ALL
        UNION ALL
        SELECT {feed}, {group}, 'records', count(DISTINCT who), count(*), count(*), 0, 0, 0
        FROM traits GROUP BY ALL"""
    ).fetchall()
    found: dict[tuple[str, str], dict[str, Sums]] = {}
    for where, named, measure, people, *numbers in rows:
        if measure == "records":
            sums = Sums(people, *(float(number) for number in numbers))
        else:
            scale = (MICRO, MICRO, MICRO**2, MICRO**2, MICRO**2)
            sums = Sums(people, *(int(n) / s for n, s in zip(numbers, scale, strict=True)))
        found.setdefault((str(where), str(named)), {})[measure] = sums
    return {key: value for key, value in found.items() if "records" in value}
