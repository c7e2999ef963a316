"""Questions to the spans: any day, any run of months. Nothing here reads an event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evi.indicators.columns import arrow, coded, column
from evi.indicators.covering import Group
from evi.indicators.intervals import OPEN, Keys, day_number, day_of, nothing
from evi.indicators.labelled import Labelled
from evi.indicators.people import People
from evi.indicators.rates import counts, places_on, rate_column
from evi.indicators.reference import ADULT_MONTHS
from evi.indicators.registry import Indicator, Registry
from evi.indicators.sources import Store
from evi.indicators.spans import SpanFiles, index_folder, registry_of, session
from evi.indicators.state import State
from evi.workspace import District, EviError, quote

STATES = ("not assessable", "absent", "present")
"""What 0, 1 and 2 stand for in a `States` matrix."""


@dataclass(frozen=True)
class States:
    """What every indicator says of every child on one day.

    Attributes:
        on: the day.
        subject_ids: the children: those born by then and not yet 18; ascending.
        indicators: ids, in the order of the registry's stored indicators and then its rates.
        matrix: children × indicators; 0 not assessable, 1 absent, 2 present.
    """

    on: date
    subject_ids: Keys
    indicators: tuple[str, ...]
    matrix: npt.NDArray[np.uint8]

    def wide(self) -> pa.Table:
        """A row a child; a column an indicator, with the numbers of `STATES`."""
        columns = {name: self.matrix[:, place] for place, name in enumerate(self.indicators)}
        return arrow({"subject_id": self.subject_ids, **columns})

    def tall(self) -> pa.Table:
        """A row for each child and indicator: subject_id, indicator, state (in words, dictionary-coded)."""
        children, indicators = self.matrix.shape
        names = np.tile(np.arange(indicators, dtype=np.int16), children)
        return arrow(
            {
                "subject_id": np.repeat(self.subject_ids, indicators),
                "indicator": coded(names, self.indicators),
                "state": coded(self.matrix.reshape(-1).astype(np.int8), STATES),
            }
        )

    def of(self, subject_id: int) -> dict[str, str]:
        """One child's states in words, by indicator; every one “not assessable” for a stranger."""
        row = int(np.searchsorted(self.subject_ids, subject_id))
        known = row < len(self.subject_ids) and self.subject_ids[row] == subject_id
        numbers = self.matrix[row] if known else np.zeros(len(self.indicators), np.uint8)
        return {name: STATES[int(n)] for name, n in zip(self.indicators, numbers, strict=True)}


def state_at(
    source: District | Path, on: date, *, registry: Registry | None = None, out: Path | None = None
) -> States:
    """The three-valued state of every indicator for every child on a day, rates of places included.

    Args:
        source: a district, or a folder that holds what `records/` does.
        on: the day.
        registry: the indicators that the spans were built with (by default the district's).
        out: where the spans are (by default the district's `index/`).
    """
    return SpanIndex(source, registry=registry, out=out).state_at(on)


def prevalence_by_month(
    source: District | Path,
    first: date,
    last: date,
    *,
    registry: Registry | None = None,
    out: Path | None = None,
) -> pa.Table:
    """How many children have each indicator on the first day of each month from `first` to `last`.

    Returns:
        A table indicator, month, present, assessable, by indicator and month. `present` counts among
        `assessable`. Children are counted at the ages at which the indicator applies.
    """
    return SpanIndex(source, registry=registry, out=out).prevalence_by_month(first, last)


def register_views(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Make the views `spans` and `assessable` over an `index/` folder.

    Both have the columns subject_id, indicator, true_from and true_to. What is assessable is stored once for
    each group of indicators with the same needs; the view spells it out for each of them, together with the
    days on which an indicator is present beyond what is covered.
    """
    files = SpanFiles(folder)
    _exists(files)
    con.execute(f"CREATE OR REPLACE VIEW spans AS SELECT * FROM read_parquet({quote(str(files.spans))})")
    con.execute(f"CREATE OR REPLACE VIEW assessable AS {assessable_sql(folder)}")


def assessable_sql(folder: Path) -> str:
    """SQL of the assessable days of each indicator; disjoint for each child and indicator, in no order."""
    files = SpanFiles(folder)
    return f"""SELECT subject_id, indicator, true_from, true_to
        FROM read_parquet({quote(str(files.covered))})
        JOIN read_parquet({quote(str(files.needs))}) USING (needs)
        UNION ALL BY NAME SELECT * FROM read_parquet({quote(str(files.beyond))})"""


class SpanIndex:
    """The spans of a district, opened once to answer many questions."""

    def __init__(
        self, source: District | Path, registry: Registry | None = None, out: Path | None = None
    ) -> None:
        self.source = source
        self.registry = registry or registry_of(source)
        self.files = SpanFiles(index_folder(source, out))
        state = State.open(self.files.state)
        if state is None:
            raise EviError(
                "it has not been made, or not finished.", where=str(self.files.state), do="Run `evi index`."
            )
        self.state = state

    def state_at(self, on: date) -> States:
        """The three-valued state of every indicator for every child on a day."""
        people, day = self._people, day_number(on)
        young = (people.day_at_age(0) <= day) & (day < people.day_at_age(ADULT_MONTHS))
        row = np.cumsum(young) - 1
        children = People(people.ids[young], people.months[young])
        matrix = np.zeros((len(self._stored), len(children)), np.uint8)
        covered = np.zeros((len(self._covered.names), len(children)), np.uint8)
        groups, numbers = self._covered.open_on(day)
        covered[groups[young[numbers]], row[numbers[young[numbers]]]] = 1
        matrix[:] = covered[self._group_of]
        labels, numbers = self._spans.open_on(day)
        some = young[numbers] & (self._place[labels] >= 0)
        matrix[self._place[labels[some]], row[numbers[some]]] = 2
        places = self._places(on, children) if self.registry.rates else {}
        rates = [
            rate_column(rate, matrix[self._stored.index(rate.rate.indicator)], places, children, day)
            for rate in self.registry.rates
        ]
        names = (*self._stored, *(indicator.id for indicator in self.registry.rates))
        return States(on, children.ids, names, np.concatenate((matrix, *(row[None] for row in rates))).T)

    def share_around(self, rate: Indicator, states: States, subject_id: int) -> tuple[int, int]:
        """How many children of a child's school or area have what a rate counts, and of how many."""
        row = int(np.searchsorted(states.subject_ids, subject_id))
        children = People(states.subject_ids, np.zeros(len(states.subject_ids), np.int64))
        place = self._places(states.on, children)[rate.rate.among]
        counted = states.matrix[:, states.indicators.index(rate.rate.indicator)]
        present, of = counts(place, counted)
        return int(present[place[row]]), int(of[place[row]])

    def _places(self, on: date, children: People) -> dict[str, Keys]:
        with session(self.source) as con:
            kinds = sorted({indicator.rate.among for indicator in self.registry.rates})
            return {among: places_on(con, Store.of(self.source), among, on, children) for among in kinds}

    def days(self, subject_id: int, indicator: str) -> list[tuple[date | None, date | None]]:
        """The days on which an indicator is present for one child, `[from, to)`; an open end is none."""
        [number] = self._people.numbers_of(np.array([subject_id], np.int64))
        days = self._spans.of(indicator) or nothing()
        mine = days.subjects == number
        ends = zip(days.starts[mine] & OPEN, days.ends[mine] & OPEN, strict=True)
        return [(day_of(int(first)), day_of(int(last))) for first, last in ends]

    def prevalence_by_month(self, first: date, last: date) -> pa.Table:
        """Present and assessable children for each indicator on the first day of each month."""
        months = _months(first, last)
        edges = np.array([day_number(month) for month in months], np.int64)
        slots = np.searchsorted(edges, np.arange(OPEN + 1))  # the first month on or after each day
        present = self._spans.by_slot(slots, len(months))
        beyond = self.state.days("beyond").by_slot(slots, len(months))
        covered = self._covered.by_slot(slots, len(months))[self._group_of]
        mine = [self._spans.names.index(name) for name in self._stored]
        return arrow(
            {
                "indicator": coded(np.repeat(np.arange(len(self._stored)), len(months)), self._stored),
                "month": column(
                    np.tile(np.array(months, "datetime64[D]").astype(np.int32), len(mine)), pa.date32()
                ),
                "present": present[mine].reshape(-1),
                "assessable": (covered + beyond[mine]).reshape(-1),
            }
        )

    @cached_property
    def _people(self) -> People:
        return self.state.people

    @cached_property
    def _stored(self) -> list[str]:
        return [indicator.id for indicator in self.registry.stored]

    @cached_property
    def _spans(self) -> Labelled:
        spans = self.state.days("spans")
        if not set(self._stored) <= set(spans.names):
            raise EviError(
                "the spans were made with a registry that lacks some of today's indicators.",
                where=str(self.files.spans),
                do="Run `evi index`, or `evi run`.",
            )
        return spans

    @cached_property
    def _covered(self) -> Labelled:
        return self.state.days("covered")

    @cached_property
    def _place(self) -> Keys:
        """For each label of the spans its place among the stored indicators; −1: not asked for."""
        places = {name: place for place, name in enumerate(self._stored)}
        return np.array([places.get(name, -1) for name in self._spans.names], np.int64)

    @cached_property
    def _group_of(self) -> Keys:
        """For each stored indicator the place of its group of needs."""
        places = {name: place for place, name in enumerate(self._covered.names)}
        groups = [Group.of(indicator).name for indicator in self.registry.stored]
        return np.array([places[group] for group in groups], np.int64)


def _months(first: date, last: date) -> list[date]:
    numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [date(number // 12, number % 12 + 1, 1) for number in numbers]


def _exists(files: SpanFiles) -> None:
    for path in files.all:
        if not path.is_file():
            raise EviError("it has not been made yet.", where=str(path), do="Run `evi index`, or `evi run`.")
