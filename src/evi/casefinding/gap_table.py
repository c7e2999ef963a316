"""The children of a recognition-gap audit, with their profile, groups and family."""

from __future__ import annotations

import polars as pl

from evi.casefinding.finding import Findings
from evi.casefinding.recognition import MOTHERS_EDUCATION, NOT_KNOWN, Gap, recognition_gap
from evi.workspace import District, EviError

BY = ("ethnicity", "language", "deprivation", "sex")
BANDS = 5
"""Bands of score within each framework: fifths of children."""
EVERYONE = "all children with a score"
IN_NEED = "children who have the need, by the truth of this made-up district"


def audit(
    district: District, findings: Findings, truth: pl.DataFrame, groups: pl.DataFrame
) -> tuple[tuple[Gap, ...], str, tuple[str, ...]]:
    """Audit who is recognised at an equal profile.

    Where the truth is known, among children who have the need, and by mother's education too; elsewhere among
    all with a score. Recognised means that some service has recorded the condition.

    Returns:
        The gaps, among whom they are, and notes on what couldn't be looked at.
    """
    rows = gap_rows(district, findings, truth, groups)
    knows = rows["need"].null_count() < rows.height
    by, notes, among = list(BY), [], EVERYONE
    if knows:
        rows, among = rows.filter("need"), IN_NEED
        by.append("mother_a_level")
    else:
        notes.append(MOTHERS_EDUCATION)
    try:
        return recognition_gap(rows, by, cluster="family"), among, tuple(notes)
    except EviError as error:
        return (), among, (*notes, f"No recognition-gap audit: {error.what}")


def gap_rows(
    district: District, findings: Findings, truth: pl.DataFrame, groups: pl.DataFrame
) -> pl.DataFrame:
    """One row a child with a score: subject_id, recognised, need, score_band, age_years, year, family, and
    the groups of `BY` with mother_a_level ("A levels or more", "less", "not known")."""
    place = pl.col("margin").rank("average").over("rule") / pl.len().over("rule")
    band = ((place * BANDS).ceil().clip(1, BANDS)).cast(pl.Int64).cast(pl.String)
    asked = findings.table.filter(pl.col("score").is_not_null()).select(
        "subject_id",
        score_band=band,
        age_years=pl.col("age_months") / 12,
        year=pl.col("assessed_on").dt.year().fill_null(findings.day.year),
    )
    school = pl.col("mother_a_level")
    told = truth.select(
        "subject_id",
        "need",
        recognised="recorded",
        mother_a_level=pl.when(school)
        .then(pl.lit("A levels or more"))
        .when(~school)
        .then(pl.lit("less"))
        .otherwise(pl.lit(NOT_KNOWN)),
    )
    return (
        asked.join(told, on="subject_id")
        .join(groups.select("subject_id", *BY), on="subject_id", how="left")
        .join(families(district), on="subject_id", how="left")
        .with_columns(family=pl.coalesce("family", "subject_id"))
        .sort("subject_id")
    )


def families(district: District) -> pl.DataFrame:
    """subject_id and family: the subject of the mother, as the spine has it."""
    path = district.spine / "relations.parquet"
    if not path.is_file():
        return pl.DataFrame(schema={"subject_id": pl.Int64, "family": pl.Int64})
    mothers = pl.read_parquet(path).filter(pl.col("relation") == "mother")
    return mothers.group_by("subject_id").agg(family=pl.col("other_id").min())
