"""Which group each child on a waiting list is in: sex, ethnicity, deprivation of the home area, or school.

Home and school are those of the day of referral, since that is what a wait begins from; where none is known
for that day, the first one known after it, as the store has them now. A child whose group is not known is
in a group of that name.
"""

from __future__ import annotations

from typing import Literal, get_args

import duckdb
import polars as pl

from evi.records import open_records
from evi.workspace import District, EviError, quote

By = Literal["sex", "ethnicity", "deprivation", "school"]
NOT_KNOWN = "not known"

ETHNICITY: dict[str, tuple[str, str]] = {
    "WBRI": ("White British", "White"),
    "WIRI": ("White Irish", "White"),
    "WIRT": ("Traveller of Irish heritage", "White"),
    "WROM": ("Gypsy or Roma", "White"),
    "WOTH": ("Any other White background", "White"),
    "MWBC": ("White and Black Caribbean", "Mixed"),
    "MWBA": ("White and Black African", "Mixed"),
    "MWAS": ("White and Asian", "Mixed"),
    "MOTH": ("Any other mixed background", "Mixed"),
    "AIND": ("Indian", "Asian"),
    "APKN": ("Pakistani", "Asian"),
    "ABAN": ("Bangladeshi", "Asian"),
    "AOTH": ("Any other Asian background", "Asian"),
    "BCRB": ("Black Caribbean", "Black"),
    "BAFR": ("Black African", "Black"),
    "BOTH": ("Any other Black background", "Black"),
    "CHNE": ("Chinese", "Any other ethnic group"),
    "OOTH": ("Any other ethnic group", "Any other ethnic group"),
}
"""Codes of the common ethnicity list: what each is called, and the broad group that a small one joins."""

_SEX = "CASE sex WHEN 'F' THEN 'girls' WHEN 'M' THEN 'boys' END"
_QUINTILE = {1: "1 (most deprived fifth)", 2: "2", 3: "3", 4: "4", 5: "5 (least deprived fifth)"}


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
        names = {code: name for code, (name, _) in ETHNICITY.items()}
        broad = {code: f"{wide}, other" for code, (_, wide) in ETHNICITY.items()}
        found = found.with_columns(
            group=pl.col("group").replace_strict(names, default=None),
            broader=pl.col("group").replace_strict(broad, default=None),
        )
    if by == "deprivation":
        found = found.with_columns(
            group=pl.col("group").cast(pl.Int64).replace_strict(_QUINTILE, default=None)
        )
    return found.with_columns(pl.col("group").fill_null(NOT_KNOWN), pl.col("broader").fill_null("")).sort(
        "referred", "subject_id"
    )


def _query(con: duckdb.DuckDBPyConnection, district: District, by: By) -> str:
    if by in ("sex", "ethnicity"):
        group = _SEX if by == "sex" else "ethnicity"
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
    file = quote(str(areas))
    names = {row[0] for row in con.execute(f"DESCRIBE FROM {file}").fetchall()} if areas.is_file() else set()
    if not {"lsoa", "imd_decile"} <= names:
        raise EviError(
            "no area has a decile of deprivation.",
            where=str(areas),
            do="Give it the columns lsoa and imd_decile (1 is the most deprived).",
        )
    return f"SELECT lsoa, any_value(imd_decile)::INTEGER AS imd_decile FROM {file} GROUP BY lsoa"
