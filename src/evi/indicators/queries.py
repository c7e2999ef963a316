"""Questions to the spans: any day, any run of months. Nothing here reads an event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from evi.indicators.intervals import DAY_ZERO, OPEN, Keys, day_number
from evi.indicators.people import People
from evi.indicators.rates import counts, places_on, rate_column
from evi.indicators.reference import ADULT_MONTHS
from evi.indicators.registry import Indicator, Registry
from evi.indicators.sources import Store, arrow, coded
from evi.indicators.spans import SpanFiles, index_folder, registry_of, session
from evi.workspace import District, EviError, quote

STATES = ("not assessable", "absent", "present")
"""What 0, 1 and 2 stand for in a `States` matrix."""

_EPOCH = (DAY_ZERO - date(1970, 1, 1)).days


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
        _exists(self.files)

    @cached_property
    def people(self) -> People:
        """Everyone whose month of birth is known."""
        path = Store.of(self.source).folder / "subjects.parquet"
        table = pq.read_table(path, columns=["subject_id", "birth_month", "kind"])
        ids, kinds = table["subject_id"].to_numpy(), table["kind"].combine_chunks().dictionary_encode()
        born = table["birth_month"].cast(pa.int32()).to_numpy()
        homes = kinds.dictionary.to_pylist()
        home = kinds.indices.to_numpy() == (homes.index("home") if "home" in homes else -1)
        known = np.isfinite(born.astype(np.float64)) & ~home
        days = born[known].astype(np.int64).astype("datetime64[D]")
        months = days.astype("datetime64[M]").astype(np.int64)
        order = np.argsort(ids[known], kind="stable")
        return People(ids[known][order], months[order])

    def state_at(self, on: date) -> States:
        """The three-valued state of every indicator for every child on a day."""
        people, day = self.people, day_number(on)
        young = (people.day_at_age(0) <= day) & (day < people.day_at_age(ADULT_MONTHS))
        children = People(people.ids[young], people.months[young])
        stored = [indicator.id for indicator in self.registry.stored]
        place = {name: number for number, name in enumerate(stored)}
        matrix = np.zeros((len(stored), len(children)), np.uint8)
        for group, rows in self._open_on(self.files.covered, day, children):
            for name in self._groups.get(group, ()):
                matrix[place[name], rows] = 1
        for name, rows in self._open_on(self.files.spans, day, children):
            if name in place:
                matrix[place[name], rows] = 2
        places = self._places(on, children) if self.registry.rates else {}
        rates = [
            rate_column(rate, matrix[place[rate.rate.indicator]], places, children, day)
            for rate in self.registry.rates
        ]
        names = (*stored, *(indicator.id for indicator in self.registry.rates))
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

    def days(self, subject_id: int, indicator: str) -> list[tuple[date, date | None]]:
        """The days on which an indicator is present for one child, `[from, to)`; an open end is none."""
        spans = ds.dataset(self.files.spans).to_table(
            filter=(ds.field("subject_id") == subject_id) & (ds.field("indicator") == indicator)
        )
        rows: list[dict[str, Any]] = spans.to_pylist()
        return [(row["true_from"], row["true_to"]) for row in rows]

    def prevalence_by_month(self, first: date, last: date) -> pa.Table:
        """Present and assessable children for each indicator on the first day of each month."""
        months = _months(first, last)
        edges = np.array([day_number(month) for month in months], np.int64)
        slot = np.searchsorted(edges, np.arange(OPEN + 1)).astype(
            np.int32
        )  # the first month on or after a day
        stored = [indicator.id for indicator in self.registry.stored]
        present = self._series(self.files.spans, stored, slot, len(months))
        beyond = self._series(self.files.beyond, stored, slot, len(months))
        names = list(self._groups)
        covered = dict(zip(names, self._series(self.files.covered, names, slot, len(months)), strict=True))
        by_indicator = {name: covered[group] for group, members in self._groups.items() for name in members}
        known = [by_indicator[name] + beyond[place] for place, name in enumerate(stored)]
        return arrow(
            {
                "indicator": pa.array(np.repeat(stored, len(months)), pa.string()),
                "month": pa.array(months * len(stored), pa.date32()),
                "present": np.asarray(present, np.int64).reshape(-1),
                "assessable": np.asarray(known, np.int64).reshape(-1),
            }
        )

    @cached_property
    def _groups(self) -> dict[str, list[str]]:
        table = pq.read_table(self.files.needs).to_pydict()
        asked = {indicator.id for indicator in self.registry.stored}
        if not asked <= set(table["indicator"]):
            raise EviError(
                "the spans were made with a registry that lacks some of today's indicators.",
                where=str(self.files.spans),
                do="Run `evi index`, or `evi run`.",
            )
        groups: dict[str, list[str]] = {}
        for name, group in zip(table["indicator"], table["needs"], strict=True):
            groups.setdefault(group, [])
            if name in asked:
                groups[group].append(name)
        return groups

    def _open_on(self, path: Path, day: int, children: People) -> Iterator[tuple[str, npt.NDArray[np.int64]]]:
        """For each label of a file, the children with an interval that is open on the day."""
        for label, ids, starts, ends in _labelled(path):
            rows = children.numbers_of(ids[(starts <= day) & (ends > day)])
            yield label, rows[rows >= 0]

    def _series(
        self, path: Path, labels: Sequence[str], slot: npt.NDArray[np.integer], months: int
    ) -> list[npt.NDArray[np.int64]]:
        place = {name: number for number, name in enumerate(labels)}
        change = np.zeros((len(labels), months + 1), np.int64)
        for label, _, starts, ends in _labelled(path, ids=False):
            if label not in place:
                continue
            change[place[label]] += np.bincount(slot[starts], minlength=months + 1)
            change[place[label]] -= np.bincount(slot[ends], minlength=months + 1)
        return list(np.cumsum(change, axis=1)[:, :months])


def read_labelled(path: Path) -> dict[str, tuple[Keys, Keys, Keys]]:
    """A whole file of spans by its labels: subject ids and days as numbers."""
    found: dict[str, list[tuple[Keys, Keys, Keys]]] = {}
    for label, *columns in _labelled(path):
        found.setdefault(label, []).append((columns[0], columns[1], columns[2]))
    return {
        label: parts[0]
        if len(parts) == 1
        else tuple(np.concatenate(column) for column in zip(*parts, strict=True))  # type: ignore[misc]
        for label, parts in found.items()
    }


def _labelled(path: Path, *, ids: bool = True) -> Iterator[tuple[str, Keys, Keys, Keys]]:
    """Each row group of a spans file: its one label, the subjects, and the days as numbers."""
    with pq.ParquetFile(path) as file:
        columns = (["subject_id"] if ids else []) + ["true_from", "true_to"]
        table = file.read(columns=columns)
        first = 0
        for number in range(file.num_row_groups):
            group: Any = file.metadata.row_group(number)
            rows = table.slice(first, group.num_rows)
            first += group.num_rows
            label = str(group.column(1).statistics.min)
            yield (
                label,
                np.asarray(rows["subject_id"].to_numpy()) if ids else np.empty(0, np.int64),
                _day_numbers(rows["true_from"]),
                _day_numbers(rows["true_to"]),
            )


def _day_numbers(column: pa.ChunkedArray[Any]) -> Keys:
    open_ended: Any = OPEN + _EPOCH
    numbers: Any = column.cast(pa.int32()).fill_null(open_ended).to_numpy()
    return np.asarray(numbers - np.int32(_EPOCH))


def _months(first: date, last: date) -> list[date]:
    numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [date(number // 12, number % 12 + 1, 1) for number in numbers]


def _exists(files: SpanFiles) -> None:
    for path in files.all:
        if not path.is_file():
            raise EviError("it has not been made yet.", where=str(path), do="Run `evi index`, or `evi run`.")
