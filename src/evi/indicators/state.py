"""The intervals kept beside the spans, so that a month's update never reads the whole store of events.

Plain columns of 64-bit little-endian integers, one file each, memory-mapped: finding the intervals of some
children in some streams is a binary search that touches only the pages they are on. The files are derived:
deleting them costs a rebuild and nothing else. `about.json` is written last and taken away first, so that a
command killed half-way leaves no state that could be believed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from evi.indicators.columns import numbers
from evi.indicators.covering import Coverage, by_feed
from evi.indicators.labelled import Labelled
from evi.indicators.packed import EXTRA, Intervals
from evi.indicators.people import People
from evi.indicators.plan import Kind, Plan
from evi.workspace import replace_file

FORMAT = 2
"""Raised whenever the meaning of the files changes; an older state is rebuilt."""

_COVERAGE = ("feed", "person", "start", "end", "known")
_RESIDENCE = ("subject_id", "home", "start", "end")
_ADULTS = ("subject_id", "adult_from")
_ABOUT = "about.json"


class Writer:
    """Writes the state of one build, or of an update of the state `then`."""

    def __init__(
        self, folder: Path, plan: Plan, people: People, sources: Mapping[str, str], then: State | None = None
    ) -> None:
        self.folder, self.plan, self.people, self.sources = folder, plan, people, dict(sources)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _ABOUT).unlink(missing_ok=True)
        for leftover in folder.glob("*.partial") if then else folder.iterdir():
            leftover.unlink()
        self.then = then
        self._open: dict[str, Any] = {}
        self._about: dict[str, Any] = {}

    def append(self, intervals: Intervals) -> None:
        """Write the next sorted intervals of a kind."""
        for name, column in ({"packed": intervals.packed} | intervals.extra).items():
            path = f"{intervals.kind}.{name}"
            if path not in self._open:
                self._open[path] = (self.folder / f"{path}.partial").open("wb")
            np.ascontiguousarray(column).tofile(self._open[path])

    def finish(self, coverage: Coverage, con: duckdb.DuckDBPyConnection) -> None:
        """Put the intervals in their places, with what they were made with; what still stands is left."""
        then = self.then
        for path, stream in self._open.items():
            stream.close()
            (self.folder / f"{path}.partial").replace(self.folder / f"{path}.bin")
        same_people = then is not None and then.has_same(self.sources, "subjects")
        if not same_people:
            self._save("people", {"ids": self.people.ids, "months": self.people.months})
        if not (same_people and then is not None and then.has_same(self.sources, "coverage")):
            self._save("coverage", coverage_columns(coverage))
        same_homes = same_people and then is not None and then.has_same(self.sources, "residence")
        if self.plan.reaches_home and not same_homes:
            self._save("residence", residence_columns(con))
            self._save("adults", adult_columns(con))
        self._about |= {
            "format": FORMAT,
            "registry": self.plan.registry.digest,
            "feeds": sorted(coverage.rows),
            "sources": self.sources,
        }

    def keep(self, name: str, days: Labelled) -> None:
        """Write the days that answer questions: `spans`, `covered` or `beyond`."""
        self._save(name, {"days": days.packed})
        self._about[name] = {"labels": list(days.names), "rows": list(days.rows)}

    def stand(self, store_state: str = "") -> None:
        """Say that the state stands, after everything that rests on it was written."""
        about = self._about | {"store": store_state}
        with replace_file(self.folder / _ABOUT) as scratch:
            scratch.write_text(json.dumps(about, sort_keys=True))

    def _save(self, name: str, columns: Mapping[str, np.ndarray]) -> None:
        for column, values in columns.items():
            with replace_file(self.folder / f"{name}.{column}.bin") as scratch:
                np.ascontiguousarray(values).tofile(scratch)


class State:
    """What the last build or update left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.about: dict[str, Any] = json.loads((folder / _ABOUT).read_text())

    @classmethod
    def open(cls, folder: Path, plan: Plan | None = None) -> State | None:
        """The state in a folder; none if there is none, or it is of another format (or another plan)."""
        try:
            state = cls(folder)
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        fits = plan is None or state.about.get("registry") == plan.registry.digest
        return state if fits and state.about.get("format") == FORMAT else None

    def has_same(self, sources: Mapping[str, str], name: str) -> bool:
        """Whether a table of the store is, to the byte, what it was."""
        return bool(name in sources and self.about["sources"].get(name) == sources[name])

    def days(self, name: str) -> Labelled:
        """The days that answer questions, memory-mapped: `spans`, `covered` or `beyond`."""
        about = self.about[name]
        packed = self._load(name, "days").view(np.uint64)
        return Labelled(tuple(about["labels"]), tuple(about["rows"]), packed)

    @property
    def store(self) -> str:
        """The state of the store of events that the spans were made from, if that was told."""
        return str(self.about.get("store", ""))

    def intervals(self, kind: Kind) -> Intervals:
        """The sorted intervals of one kind, memory-mapped."""
        packed = self._load(kind, "packed").view(np.uint64)
        return Intervals(kind, packed, {name: self._load(kind, name) for name in EXTRA[kind]})

    @property
    def people(self) -> People:
        """The people at that time."""
        return People(self._load("people", "ids"), self._load("people", "months"))

    @property
    def coverage(self) -> Coverage:
        """What feeds covered at that time."""
        feed, person, start, end, known = (self._load("coverage", name) for name in _COVERAGE)
        return by_feed(self.about["feeds"], feed, person, start, end, known)

    @property
    def residence(self) -> dict[str, np.ndarray]:
        """Who lived where at that time."""
        return {name: self._load("residence", name) for name in _RESIDENCE}

    @property
    def adults(self) -> dict[str, np.ndarray]:
        """Who was an adult from when at that time."""
        return {name: self._load("adults", name) for name in _ADULTS}

    def _load(self, name: str, column: str) -> np.ndarray:
        path = self.folder / f"{name}.{column}.bin"
        return np.fromfile(path, np.int64) if path.is_file() else np.empty(0, np.int64)


def coverage_columns(coverage: Coverage) -> dict[str, np.ndarray]:
    """Coverage as flat columns, feeds as numbers in order of name."""
    parts = [
        [np.full(len(rows[0]), number, np.int64), *rows]
        for number, (_, rows) in enumerate(sorted(coverage.rows.items()))
    ]
    return {
        name: np.concatenate([part[place] for part in parts]) if parts else np.empty(0, np.int64)
        for place, name in enumerate(_COVERAGE)
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
