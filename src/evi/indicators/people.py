"""Subjects as small numbers, in order of id, with the days on which each is of an age."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import duckdb
import numpy as np
import numpy.typing as npt

from evi.indicators.columns import arrow, numbers
from evi.indicators.intervals import DAY_ZERO, OPEN, Keys
from evi.indicators.packed import MOST_PEOPLE
from evi.indicators.reference import ADULT_MONTHS, HOME_MASK
from evi.indicators.registry import Registry
from evi.indicators.sources import Store
from evi.workspace import EviError

NEVER = 1 << 30
"""A day number beyond every day: of someone who never is an adult."""

_FIRST_MONTH = (DAY_ZERO.year - 1970) * 12
_MONTHS = np.arange(_FIRST_MONTH, _FIRST_MONTH + 2400).astype("datetime64[M]")
_FIRST_DAYS = np.minimum((_MONTHS.astype("datetime64[D]") - np.datetime64(DAY_ZERO)).astype(np.int64), OPEN)
"""The day number of the first of each month from 1950 on."""
_ZERO_SQL = f"DATE '{DAY_ZERO}'"
_FOR_EVER = "DATE '9999-12-31'"


@dataclass(frozen=True)
class People:
    """Everyone whose month of birth is known; number n is `ids[n]`. Homes are not people.

    Attributes:
        ids: subject ids, ascending.
        months: month of birth, as months since 1970-01.
    """

    ids: Keys
    months: Keys
    _ages: dict[int, Keys] = field(default_factory=dict, compare=False)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def all_numbers(self) -> Keys:
        """Every number, in order."""
        return np.arange(len(self.ids), dtype=np.int64)

    def day_at_age(self, months: int) -> Keys:
        """The first day on which each is so many months old, as a day number."""
        if months not in self._ages:
            self._ages[months] = _FIRST_DAYS[
                np.clip(self.months + months - _FIRST_MONTH, 0, len(_FIRST_DAYS) - 1)
            ]
        return self._ages[months]

    def numbers_of(self, ids: Keys) -> npt.NDArray[np.int64]:
        """The number of each id; −1 for one that is not here."""
        if len(self.ids) == 0:
            return np.full(len(ids), -1, np.int64)
        found = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        return np.where(self.ids[found] == ids, found, -1)


def number_people(
    con: duckdb.DuckDBPyConnection, store: Store, registry: Registry, *, homes: bool = True
) -> People:
    """Read the people of a store, and leave in the session what an extraction joins to.

    Tables: `people` (subject_id, child, until: the day from which on no indicator applies) and, with `homes`,
    `adults` (subject_id, adult_from) and `residence` (open ends closed).

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
    _load(con, "people", subject_id=people.ids, child=people.all_numbers, until=last_days(people, registry))
    if homes:
        _load_homes(con, store)
    return people


def last_days(people: People, registry: Registry) -> Keys:
    """For each person the day from which on no indicator of the registry applies."""
    return people.day_at_age(max((indicator.age_months[1] for indicator in registry), default=0))


def _load_homes(con: duckdb.DuckDBPyConnection, store: Store) -> None:
    subjects = store.view(con, "subjects")
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


def load_together(con: duckdb.DuckDBPyConnection, *, name: str = "together", where: str = "true") -> None:
    """Make the table of who lived with which child on which days, so that an event reaches a child once.

    Its rows are (subject_id, child, until, adult_from, start, finish), days as numbers; the days of one
    subject and child are disjoint, in however many homes they met. Homes are subjects of their own here.

    Args:
        con: a session with the tables of `number_people`.
        name: of the table.
        where: SQL over `child` and `subject_id` that says which pairs are wanted.
    """
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE {name} AS
        WITH stays AS (
          SELECT subject_id, home, start - {_ZERO_SQL} AS start, "end" - {_ZERO_SQL} AS finish FROM residence
        ), child_stays AS (
          SELECT s.*, child, until FROM stays AS s JOIN people USING (subject_id) WHERE start < until
        ), met AS (
          SELECT a.subject_id, c.child, c.until, coalesce(adult_from - {_ZERO_SQL}, {NEVER}) AS adult_from,
                 greatest(a.start, c.start) AS start, least(a.finish, c.finish) AS finish
          FROM stays AS a JOIN child_stays AS c ON a.home = c.home AND a.subject_id <> c.subject_id
          LEFT JOIN adults AS g ON g.subject_id = a.subject_id
          UNION ALL
          SELECT -(home & {HOME_MASK}) - 1, child, until, {NEVER}, start, finish FROM child_stays
        ), apart AS (  -- a stay that does not touch those before it opens a new one
          SELECT *, start > max(finish) OVER (pair ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                    IS NOT FALSE AS opens
          FROM met WHERE start < finish AND {where}
          WINDOW pair AS (PARTITION BY subject_id, child ORDER BY start, finish)
        ), runs AS (
          SELECT *, count(*) FILTER (opens) OVER pair AS run FROM apart
          WINDOW pair AS (PARTITION BY subject_id, child ORDER BY start, finish)
        )
        SELECT subject_id, child, any_value(until) AS until, any_value(adult_from) AS adult_from,
               min(start) AS start, max(finish) AS finish
        FROM runs GROUP BY subject_id, child, run"""
    )


def _load(con: duckdb.DuckDBPyConnection, name: str, **columns: npt.NDArray[np.int64]) -> None:
    con.register("loading", arrow(columns))
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM loading")
    con.unregister("loading")
