"""Which group each child on a waiting list is in: sex, ethnicity, deprivation of the home area, or school.

Home and school are those of the day of referral, since that is what a wait begins from; where none is known
for that day, the first one known after it, as the store has them now. A child whose group is not known is
in a group of that name.
"""

from __future__ import annotations

from typing import Literal, get_args

import duckdb
import polars as pl

from evi.index.groups import ETHNICITY, FIFTHS, NOT_KNOWN, SEX, broad_ethnicity, case_sql
from evi.linkage.fairness import deciles_sql
from evi.records import open_records
from evi.workspace import District, EviError

By = Literal["sex", "ethnicity", "deprivation", "school"]


def group_children(district: District, referrals: pl.DataFrame, by: By) -> pl.DataFrame:
    """The group of each referral.

    Args:
        referrals: `subject_id, referred`.

    Returns:
        `subject_id, referred, group, broader`, one row a referral: `broader` is what a small group joins.

    Raises:
        EviError: there is no such grouping, or the district has no areas with a decile of deprivation.
    """
    if by not in get_args(By):
        raise EviError(
            f"“{by}” is no grouping.", where="--by", do=f"Choose {', '.join(get_args(By))}.", exit_code=2
        )
    asked = referrals.select("subject_id", "referred").unique().to_arrow()
    with open_records(district) as con:
        con.register("asked", asked)
        found = pl.DataFrame(con.sql(_query(con, district, by)).to_arrow_table())
    if by == "ethnicity":
        codes = found["group"].unique().to_list()
        broad = {code: f"{wide}, other" for code in codes if (wide := broad_ethnicity(code))}
        found = found.with_columns(
            group=pl.col("group").replace_strict(broad | ETHNICITY, default=None),
            broader=pl.col("group").replace_strict(broad, default=None, return_dtype=pl.String),
        )
    if by == "deprivation":
        found = found.with_columns(group=pl.col("group").cast(pl.Int64).replace_strict(FIFTHS, default=None))
    return found.with_columns(pl.col("group").fill_null(NOT_KNOWN), pl.col("broader").fill_null("")).sort(
        "referred", "subject_id"
    )


def _query(con: duckdb.DuckDBPyConnection, district: District, by: By) -> str:
    if by in ("sex", "ethnicity"):
        group = case_sql("sex", SEX) if by == "sex" else "ethnicity"
        return f"""SELECT a.subject_id, a.referred, {group} AS "group", NULL::VARCHAR AS broader
                   FROM asked AS a LEFT JOIN subjects USING (subject_id)"""
    table, column = ("residence", "lsoa") if by == "deprivation" else ("enrolment", "school")
    place = f"""SELECT a.subject_id, a.referred,
                       arg_min(p.{column}, (p.start > a.referred, abs(datediff('day', p.start, a.referred))))
                         AS place
                FROM asked AS a LEFT JOIN (
                    SELECT subject_id, {column}, coalesce(start, DATE '1900-01-01') AS start, "end"
                    FROM {table}) AS p
                  ON p.subject_id = a.subject_id AND (p."end" IS NULL OR p."end" > a.referred)
                GROUP BY ALL"""
    if by == "school":
        return f"SELECT subject_id, referred, place AS \"group\", 'smaller schools' AS broader FROM ({place})"
    return f"""SELECT subject_id, referred, (imd_decile + 1) // 2 AS "group", NULL::VARCHAR AS broader
               FROM ({place}) LEFT JOIN ({_deciles(con, district)}) ON lsoa = place"""


def _deciles(con: duckdb.DuckDBPyConnection, district: District) -> str:
    areas = district.geography / "areas.csv"
    found = deciles_sql(con, areas)
    if not con.execute(f"FROM ({found}) LIMIT 1").fetchall():
        raise EviError(
            "no area has a decile of deprivation.",
            where=str(areas),
            do="Give it the columns lsoa and imd_decile (1 is the most deprived).",
        )
    return found
