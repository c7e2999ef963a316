"""Subjects as small numbers, in order of id, with the days on which each is of an age."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import duckdb
import numpy as np
import numpy.typing as npt

from evi.indicators.intervals import DAY_ZERO, OPEN, Keys
from evi.indicators.packed import MOST_PEOPLE
from evi.indicators.reference import ADULT_MONTHS
from evi.indicators.registry import Registry
from evi.indicators.sources import Store, arrow, numbers
from evi.workspace import EviError

_ZERO = np.datetime64(DAY_ZERO)
_FOR_EVER = "DATE '9999-12-31'"


@dataclass(frozen=True)
class People:
    """Everyone whose month of birth is known; number n is `ids[n]`. Homes are not people.

    Attributes:
        ids: subject ids, ascending.
        months: month of birth, as months since 1970-01.
    """

    ids: Keys
    months: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def all_numbers(self) -> Keys:
        """Every number, in order."""
        return np.arange(len(self.ids), dtype=np.int64)

    def day_at_age(self, months: int) -> npt.NDArray[np.int64]:
        """The first day on which each is so many months old, as a day number."""
        days = (self.months + months).astype("datetime64[M]").astype("datetime64[D]") - _ZERO
        return np.clip(days.astype(np.int64), 0, OPEN)

    def numbers_of(self, ids: Keys) -> npt.NDArray[np.int64]:
        """The number of each id; −1 for one that is not here."""
        if len(self.ids) == 0:
            return np.full(len(ids), -1, np.int64)
        found = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        return np.where(self.ids[found] == ids, found, -1)


def number_people(con: duckdb.DuckDBPyConnection, store: Store, registry: Registry) -> People:
    """Read the people of a store, and leave in the session what an extraction joins to.

    Tables: `people` (subject_id, child, until: the day after which no indicator applies), `home_people` (the
    same), `adults` (subject_id, adult_from), `residence` (open ends closed) and `child_homes` (of `people`).

    Raises:
        EviError: there are more people than eVI can number (16.7 million).
    """
    subjects = store.view(con, "subjects")
    table = numbers(
        con.sql(
            f"""SELECT subject_id, datediff('month', DATE '1970-01-01', birth_month)::BIGINT AS months
                FROM {subjects} WHERE birth_month IS NOT NULL AND kind <> 'home' ORDER BY subject_id"""
        )
    )
    people = People(table["subject_id"], table["months"])
    if len(people) >= MOST_PEOPLE:
        raise EviError(
            "it holds more people than one store can.", where=str(store.folder), do="Split the district."
        )
    last_age = max((indicator.age_months[1] for indicator in registry), default=0)
    _load(con, "people", subject_id=people.ids, child=people.all_numbers, until=people.day_at_age(last_age))
    con.execute("CREATE OR REPLACE TEMP VIEW home_people AS SELECT * FROM people")
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE adults AS
            SELECT subject_id, CASE WHEN birth_month IS NOT NULL
                     THEN (birth_month + INTERVAL {ADULT_MONTHS} MONTH)::DATE
                     WHEN kind <> 'child' THEN DATE '0001-01-01' END AS adult_from
            FROM {subjects} WHERE kind <> 'home'"""
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE residence AS
            SELECT subject_id, home, start, coalesce("end", {_FOR_EVER}) AS "end"
            FROM {store.view(con, "residence")} WHERE home IS NOT NULL"""
    )
    con.execute(
        """CREATE OR REPLACE TEMP TABLE child_homes AS
           SELECT r.*, p.child, p.until FROM residence AS r JOIN people AS p USING (subject_id)
           WHERE r.start - DATE '1950-01-01' < p.until"""
    )
    return people


def _load(con: duckdb.DuckDBPyConnection, name: str, **columns: npt.NDArray[np.int64]) -> None:
    con.register("loading", arrow(columns))
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM loading")
    con.unregister("loading")
