"""Indicators of schools and areas: the share of children there for whom another indicator is present.

They are derived when asked, from the states of one day, and never stored. Each child of the place is given
the place's answer; nothing is said of a place with too few children to tell (its share could point at one).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evi.indicators.columns import flat
from evi.indicators.expressions import THOUSAND
from evi.indicators.intervals import Keys
from evi.indicators.people import People
from evi.indicators.registry import Indicator
from evi.indicators.sources import Store

_TABLES = {"school": ("enrolment", "school"), "lsoa": ("residence", "lsoa")}


def places_on(
    con: duckdb.DuckDBPyConnection,
    store: Store,
    among: Literal["school", "lsoa"] | str,
    on: date,
    children: People,
) -> Keys:
    """The school or area of each child on a day, as a number; −1: none known. The latest start wins."""
    table, column = _TABLES[among]
    rows = con.sql(
        f"""SELECT subject_id, {column} AS place FROM {store.view(con, table)}
            WHERE start <= $on AND ("end" IS NULL OR "end" > $on) AND {column} IS NOT NULL
            ORDER BY start, place""",
        params={"on": on},
    ).to_arrow_table()
    numbers = rows["place"].combine_chunks().dictionary_encode()
    child = children.numbers_of(flat(rows["subject_id"]))
    places = np.full(len(children), -1, np.int64)
    found = flat(pa.chunked_array([numbers.indices]))
    places[child[child >= 0]] = found[child >= 0]  # of repeated children the last row stays
    return places


def counts(place: Keys, states: npt.NDArray[np.uint8]) -> tuple[Keys, Keys]:
    """For each place how many children have the counted indicator, and of how many it is known."""
    known = (place >= 0) & (states > 0)
    size = int(place.max(initial=-1)) + 1
    return np.bincount(place[known & (states == 2)], minlength=size), np.bincount(
        place[known], minlength=size
    )


def rate_column(
    indicator: Indicator,
    states: npt.NDArray[np.uint8],
    places: Mapping[str, Keys],
    children: People,
    day: int,
) -> npt.NDArray[np.uint8]:
    """The states of one rate for every child, from the states of the indicator that it counts.

    Args:
        indicator: a school or area indicator.
        states: for each child 0, 1 or 2 of the counted indicator.
        places: `places_on` for each kind of place.
        children, day: who, and when (for the ages at which the rate applies).
    """
    rate = indicator.rate
    place = places[rate.among]
    present, of = counts(place, states)
    answer = np.where(
        of >= rate.minimum_children, np.where(present * THOUSAND >= rate.at_least * of, 2, 1), 0
    )
    answer = np.append(answer, 0).astype(np.uint8)[place]  # −1 picks the last: not assessable
    first, last = (children.day_at_age(months) for months in indicator.age_months)
    return np.where((first <= day) & (day < last), answer, np.uint8(0)).astype(np.uint8)
