"""Which groups each child is in, as the hub knows them on a day, and carried to a draw of the spine."""

from __future__ import annotations

from datetime import date
from typing import Literal, get_args

import duckdb
import polars as pl

from evi.casefinding.known import Known
from evi.casefinding.rules import GESTATION
from evi.index.groups import FIFTHS, NOT_KNOWN, SEX, broad_ethnicity_sql, case_sql
from evi.linkage.fairness import deciles_sql
from evi.workspace import District, quote

By = Literal["sex", "ethnicity", "language", "deprivation", "season", "preterm", "school"]
DIMENSIONS: tuple[By, ...] = get_args(By)
ENGLISH = ("ENG", "ENB")
"""English, and believed to be English (common basic data set)."""
NO_LANGUAGE = ("ZZZ", "NOT")
TERM_WEEKS = 37


def groups(
    district: District, subjects: pl.Series, day: date, *, people: pl.DataFrame | None = None
) -> pl.DataFrame:
    """The groups of some children.

    Deprivation and school are those of the day, or the last known before it. Season of birth is of the school
    year: autumn (September to December), spring (January to April) or summer (May to August).

    Args:
        people: feed, person, subject_id of one draw of the spine, whose subjects are meant. What is known of
            one is then what is known of the spine's subject that most of its records belong to.

    Returns:
        subject_id, sex, ethnicity, language, deprivation, season, preterm, school: one row for each of
        `subjects`, in their order; every group that isn't known is "not known".
    """
    asked = pl.DataFrame({"subject_id": subjects.cast(pl.Int64)}).unique(maintain_order=True)
    source = asked.with_columns(spine_subject="subject_id")
    if people is not None:
        source = asked.join(_spine_subjects(district, people), on="subject_id", how="left")
    with Known(district, day, [GESTATION]) as known:
        known.con.register("asked", source.select(subject_id="spine_subject").unique().to_arrow())
        found = known.frame(_query(known.con, district, known, day))
    found = found.rename({"subject_id": "spine_subject"})
    return (
        source.join(found, on="spine_subject", how="left", maintain_order="left")
        .with_columns(pl.col(name).fill_null(NOT_KNOWN) for name in DIMENSIONS)
        .select("subject_id", *DIMENSIONS)
    )


def _spine_subjects(district: District, people: pl.DataFrame) -> pl.DataFrame:
    spine = pl.read_parquet(district.spine / "people.parquet").select(
        "feed", "person", spine_subject="subject_id"
    )
    counted = people.select("feed", "person", "subject_id").join(spine, on=["feed", "person"])
    counted = counted.group_by("subject_id", "spine_subject").len()
    counted = counted.sort("len", "subject_id", "spine_subject", descending=[True, False, False])
    return counted.unique("subject_id", keep="first", maintain_order=True).drop("len")


def _query(con: duckdb.DuckDBPyConnection, district: District, known: Known, day: date) -> str:
    english = ", ".join(quote(code) for code in ENGLISH)
    silent = ", ".join(quote(code) for code in NO_LANGUAGE)
    month = "month(s.birth_month)"
    return f"""
    WITH born AS (SELECT subject_id, arg_max(value, (on_day, record_id)) AS weeks
                  FROM {known.events([GESTATION])} GROUP BY subject_id),
         home AS ({_last(known, "residence", "lsoa", day)}),
         place AS ({_last(known, "enrolment", "school", day)}),
         decile AS ({deciles_sql(con, district.geography / "areas.csv")})
    SELECT a.subject_id,
        {case_sql("s.sex", SEX)} AS sex,
        {broad_ethnicity_sql("s.ethnicity")} AS ethnicity,
        CASE WHEN s.language IS NULL OR s.language IN ({silent}) THEN NULL
             WHEN s.language IN ({english}) THEN 'English' ELSE 'other' END AS language,
        {case_sql("(d.imd_decile + 1) // 2", FIFTHS)} AS deprivation,
        CASE WHEN {month} >= 9 THEN 'autumn' WHEN {month} <= 4 THEN 'spring'
             WHEN {month} <= 8 THEN 'summer' END AS season,
        CASE WHEN b.weeks < {TERM_WEEKS} THEN 'yes' WHEN b.weeks IS NOT NULL THEN 'no' END AS preterm,
        p.school
    FROM asked a LEFT JOIN {known.file("subjects.parquet")} s USING (subject_id)
    LEFT JOIN born b USING (subject_id) LEFT JOIN home h USING (subject_id)
    LEFT JOIN decile d ON d.lsoa = h.lsoa LEFT JOIN place p USING (subject_id)"""


def _last(known: Known, file: str, column: str, day: date) -> str:
    return f"""SELECT subject_id,
            arg_max({column}, (coalesce(start, DATE '1900-01-01'), {column})) AS {column}
        FROM {known.file(f"{file}.parquet")}
        WHERE coalesce(start, DATE '1900-01-01') <= DATE '{day}' AND {column} IS NOT NULL
        GROUP BY subject_id"""
