"""The schools and localities of the children on a district's own list, as shares of who will be assessed."""

from __future__ import annotations

from datetime import date

import polars as pl

from evi.queues.measuring.groups import group_children
from evi.queues.measuring.journeys import journeys
from evi.queues.sizing.allocation import Places, places_of_children
from evi.records import open_records
from evi.workspace import District, EviError, quote


def places_of_list(district: District, pathway: str, day: date) -> Places:
    """Shares by school of the children who wait for a pathway, each with the ward of home as locality.

    A school's locality is the ward that most of its waiting children live in.

    Raises:
        EviError: the pathway has no clock or no events, or nobody waits.
    """
    waiting = journeys(district, pathway, day).table.filter(pl.col("state") == "waiting")
    if waiting.is_empty():
        raise EviError(
            "nobody waits on this pathway.", where=pathway, do="Choose another day, or give --places."
        )
    schools = group_children(district, waiting, "school").select("subject_id", school="group")
    wards = _wards(district, waiting)
    both = waiting.select("subject_id").unique().join(schools, on="subject_id", how="left")
    both = both.unique("subject_id").join(wards, on="subject_id", how="left").sort("subject_id")
    return places_of_children(
        both["school"].to_list(),
        both["ward"].to_list(),
        f"schools of the {both.height:,} children who wait for {pathway} on {day}",
    )


def _wards(district: District, waiting: pl.DataFrame) -> pl.DataFrame:
    """`subject_id, ward`: the ward of each child's newest home; null where it isn't known."""
    areas = district.geography / "areas.csv"
    if not areas.is_file():
        raise EviError(
            "the district has no table of areas, so localities aren't known.",
            where=str(areas),
            do="Give it the columns lsoa and ward_name, or give --places.",
        )
    with open_records(district) as con:
        con.register("asked", waiting.select("subject_id").unique().to_arrow())
        found = con.sql(
            f"""SELECT subject_id, any_value(ward_name) AS ward FROM (
                    SELECT a.subject_id, arg_max(r.lsoa, coalesce(r.start, DATE '1900-01-01')) AS lsoa
                    FROM asked AS a JOIN residence AS r USING (subject_id) GROUP BY a.subject_id)
                LEFT JOIN (SELECT lsoa, any_value(ward_name) AS ward_name FROM {quote(str(areas))}
                           GROUP BY lsoa) USING (lsoa)
                GROUP BY subject_id"""
        )
        return pl.DataFrame(found.to_arrow_table())
