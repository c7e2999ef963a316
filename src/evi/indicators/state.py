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

from evi.indicators.covering import Coverage
from evi.indicators.extraction import EXTRA, Intervals
from evi.indicators.people import People
from evi.indicators.plan import Kind, Plan
from evi.workspace import replace_file

FORMAT = 1
"""Raised whenever the meaning of the files changes; an older state is rebuilt."""

_PEOPLE, _COVERAGE, _RESIDENCE, _ABOUT = "people.arrow", "coverage.arrow", "residence.arrow", "about.json"


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
        edges = np.searchsorted(columns["feed"], np.arange(len(self.about["feeds"]) + 1))
        names = ("person", "start", "end", "known")
        return Coverage(
            {
                feed: (columns[names[0]][a:b], columns[names[1]][a:b], columns[names[2]][a:b], columns[names[3]][a:b])
                for feed, a, b in zip(self.about["feeds"], edges[:-1], edges[1:], strict=True)
            }
        )

    @property
    def residence(self) -> dict[str, np.ndarray]:
        """Who lived where at that time."""
        return _load(self.folder / _RESIDENCE)


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
    table = con.execute(
        """SELECT subject_id, home, (start - DATE '1950-01-01')::BIGINT AS start,
                  ("end" - DATE '1950-01-01')::BIGINT AS "end"
           FROM residence ORDER BY ALL"""
    ).fetchnumpy()
    return {name: np.asarray(table[name], np.int64) for name in ("subject_id", "home", "start", "end")}


def _save(path: Path, columns: dict[str, np.ndarray]) -> None:
    table = pa.table(columns)
    with replace_file(path) as scratch, pa.ipc.new_file(scratch, table.schema) as writer:
        writer.write_table(table)


def _load(path: Path) -> dict[str, np.ndarray]:
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
    return {name: _flat(table.column(name)) for name in table.column_names}


def _flat(column: pa.ChunkedArray) -> np.ndarray:
    if column.num_chunks == 1:
        return np.asarray(column.chunk(0).to_numpy(zero_copy_only=True))
    return np.asarray(column.to_numpy())

