"""The intervals kept beside the spans, so that a month's update never reads the whole store of events.

One Arrow file for each kind of stream, sorted, uncompressed and memory-mapped: finding the intervals of some
children in some streams is a binary search that touches only the pages they are on. The files are derived:
deleting them costs a rebuild and nothing else.
"""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.ipc

from evi.indicators.covering import Coverage, by_feed
from evi.indicators.packed import EXTRA, Intervals
from evi.indicators.people import People
from evi.indicators.plan import Kind, Plan
from evi.indicators.sources import flat, numbers
from evi.workspace import replace_file

FORMAT = 1
"""Raised whenever the meaning of the files changes; an older state is rebuilt."""

_PEOPLE, _COVERAGE, _ABOUT = "people.arrow", "coverage.arrow", "about.json"
_RESIDENCE, _ADULTS = "residence.arrow", "adults.arrow"


class Writer:
    """Writes the state of one build or update, kind by kind."""

    def __init__(self, folder: Path, plan: Plan, people: People) -> None:
        self.folder, self.plan, self.people = folder, plan, people
        (folder / _ABOUT).unlink(missing_ok=True)

    def write(self, intervals: Intervals) -> None:
        """Write the sorted intervals of one kind."""
        _save(self.folder / f"{intervals.kind}.arrow", {"packed": intervals.packed} | intervals.extra)

    def close(self, coverage: Coverage, con: duckdb.DuckDBPyConnection) -> None:
        """Write what the intervals were made with; only then does the state stand."""
        _save(self.folder / _PEOPLE, {"ids": self.people.ids, "months": self.people.months})
        _save(self.folder / _COVERAGE, coverage_columns(coverage))
        _save(self.folder / _RESIDENCE, residence_columns(con))
        _save(self.folder / _ADULTS, adult_columns(con))
        about = {"format": FORMAT, "registry": self.plan.registry.digest, "feeds": sorted(coverage.rows)}
        with replace_file(self.folder / _ABOUT) as scratch:
            scratch.write_text(json.dumps(about))


class State:
    """What the last build or update left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.about = json.loads((folder / _ABOUT).read_text())

    @classmethod
    def open(cls, folder: Path, plan: Plan) -> State | None:
        """The state in a folder; none if there is none, or it is of another registry or format."""
        try:
            state = cls(folder)
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        fits = state.about.get("format") == FORMAT and state.about.get("registry") == plan.registry.digest
        return state if fits else None

    def intervals(self, kind: Kind) -> Intervals:
        """The sorted intervals of one kind, memory-mapped."""
        columns = _load(self.folder / f"{kind}.arrow")
        return Intervals(kind, columns["packed"], {name: columns[name] for name in EXTRA[kind]})

    @property
    def people(self) -> People:
        """The people at that time."""
        columns = _load(self.folder / _PEOPLE)
        return People(columns["ids"], columns["months"])

    @property
    def coverage(self) -> Coverage:
        """What feeds covered at that time."""
        columns = _load(self.folder / _COVERAGE)
        return by_feed(
            self.about["feeds"], *(columns[n] for n in ("feed", "person", "start", "end", "known"))
        )

    @property
    def residence(self) -> dict[str, np.ndarray]:
        """Who lived where at that time."""
        return _load(self.folder / _RESIDENCE)

    @property
    def adults(self) -> dict[str, np.ndarray]:
        """Who was an adult from when at that time."""
        return _load(self.folder / _ADULTS)


def coverage_columns(coverage: Coverage) -> dict[str, np.ndarray]:
    """Coverage as flat columns, feeds as numbers in order of name."""
    parts = [
        [np.full(len(rows[0]), number, np.int64), *rows]
        for number, (_, rows) in enumerate(sorted(coverage.rows.items()))
    ]
    names = ("feed", "person", "start", "end", "known")
    return {
        name: np.concatenate([part[place] for part in parts]) if parts else np.empty(0, np.int64)
        for place, name in enumerate(names)
    }


def residence_columns(con: duckdb.DuckDBPyConnection) -> dict[str, np.ndarray]:
    """The session's `residence` as numbers, in order."""
    return numbers(
        con.sql(
            """SELECT subject_id, home, (start - DATE '1950-01-01')::BIGINT AS start,
                      ("end" - DATE '1950-01-01')::BIGINT AS "end"
               FROM residence ORDER BY ALL"""
        )
    )


def adult_columns(con: duckdb.DuckDBPyConnection) -> dict[str, np.ndarray]:
    """The session's `adults` as numbers, in order; never an adult: −1."""
    return numbers(
        con.sql(
            """SELECT subject_id, coalesce(adult_from - DATE '0001-01-01', -1)::BIGINT AS adult_from
               FROM adults ORDER BY ALL"""
        )
    )


def _save(path: Path, columns: dict[str, np.ndarray]) -> None:
    table = pa.table(columns)
    with replace_file(path) as scratch, pa.ipc.new_file(scratch, table.schema) as writer:
        writer.write_table(table)


def _load(path: Path) -> dict[str, np.ndarray]:
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
    return {name: flat(table.column(name)) for name in table.column_names}
