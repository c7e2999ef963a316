"""Spans: for every child and indicator the days on which it is present. Built whole, in one plan."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evi.indicators import state
from evi.indicators.columns import arrow, coded, column, words
from evi.indicators.compiler import Evaluation, groups
from evi.indicators.covering import Group, read_coverage
from evi.indicators.extraction import Extraction
from evi.indicators.intervals import DAY_BITS, DAY_ZERO, OPEN, Days
from evi.indicators.labelled import Labelled, labelled
from evi.indicators.people import People, last_days, load_together, number_people
from evi.indicators.plan import Plan
from evi.indicators.registry import Registry, load_registry
from evi.indicators.sources import Store
from evi.records import store_state
from evi.workspace import SILENT, District, Progress, StageResult, connect, quote, replace_file

_EPOCH = (DAY_ZERO - type(DAY_ZERO)(1970, 1, 1)).days
_ROWS = 32_768
"""Rows of a row group: of each label, a question about one child reads only the group with its id."""


@dataclass(frozen=True)
class SpanFiles:
    """The files of spans in `index/`.

    Attributes:
        folder: where they are.
    """

    folder: Path

    @property
    def spans(self) -> Path:
        """subject_id, indicator, true_from, true_to (null: open): present; by indicator, subject, day."""
        return self.folder / "spans.parquet"

    @property
    def covered(self) -> Path:
        """subject_id, needs, true_from, true_to: days on which a "no" means no, for each group of needs."""
        return self.folder / "covered.parquet"

    @property
    def beyond(self) -> Path:
        """subject_id, indicator, true_from, true_to: present on days that are not covered."""
        return self.folder / "beyond.parquet"

    @property
    def needs(self) -> Path:
        """indicator, needs: the group of each indicator."""
        return self.folder / "needs.parquet"

    @property
    def all(self) -> tuple[Path, ...]:
        """Every file that answers questions."""
        return (self.spans, self.covered, self.beyond, self.needs)

    @property
    def state(self) -> Path:
        """The intervals from which spans are updated without reading the events again."""
        return self.folder / "intervals"


def registry_of(source: District | Path) -> Registry:
    """The registry of a district: the shipped one and the district's own folders."""
    extra = source.config.registry if isinstance(source, District) else ()
    return load_registry([source.root / name for name in extra] if isinstance(source, District) else [])


def session(source: District | Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB session that spills to the district's scratch folder."""
    return connect(scratch=source.scratch if isinstance(source, District) else None)


def build_spans(
    source: District | Path,
    progress: Progress = SILENT,
    *,
    registry: Registry | None = None,
    out: Path | None = None,
) -> StageResult:
    """Build all spans of a store of events from nothing.

    Args:
        source: a district, or a folder that holds what `records/` does.
        progress: where to show how it goes.
        registry: the indicators (by default those of the district).
        out: where to write (by default the district's `index/`; needed for a folder).

    Returns:
        Rows of each file written.
    """
    store, files = Store.of(source), SpanFiles(index_folder(source, out))
    plan = Plan.of(registry or registry_of(source))
    batches = [(kind, streams) for kind in plan.kinds for streams in plan.batches(kind)]
    with session(source) as con, progress.task("Spans of indicators", len(batches) + 2) as advance:
        people = number_people(con, store, plan.registry, homes=plan.reaches_home)
        evaluation = Evaluation(plan, people, read_coverage(con, store, people))
        if plan.reaches_home:
            load_together(con)
        events, until = f"read_parquet({quote(store.by_code)})", last_days(people, plan.registry)
        extraction = Extraction(con, plan, people, until, events, store.codes(con))
        saved = state.Writer(files.state, plan, people, store.hashes())
        for kind, streams in batches:
            intervals = extraction.of(kind, streams).sorted()
            saved.append(intervals)
            evaluation.take(streams, intervals)
            del intervals
            advance(1)
        saved.finish(evaluation.coverage, con)
        rows = write_all(files, evaluation, saved)
        saved.stand(state_of(source))
        advance(2)
    return StageResult("spans", rows)


def write_all(files: SpanFiles, evaluation: Evaluation, saved: state.Writer) -> dict[str, int]:
    """Write every file of spans from a full evaluation; returns their rows."""
    stored, by_group = evaluation.plan.registry.stored, groups(evaluation.plan)
    with ThreadPoolExecutor(2) as pool:
        covered = list(pool.map(evaluation.covered, by_group.values()))
        spans = list(pool.map(evaluation.spans, stored))
        beyond = list(pool.map(evaluation.beyond, stored, spans))
    ids = [indicator.id for indicator in stored]
    return write_days(
        files,
        evaluation.people,
        saved,
        spans=labelled(zip(ids, spans, strict=True)),
        covered=labelled(zip((group.name for group in by_group), covered, strict=True)),
        beyond=labelled(zip(ids, beyond, strict=True)),
    )


def write_days(files: SpanFiles, people: People, saved: state.Writer, **days: Labelled) -> dict[str, int]:
    """Write `spans`, `covered` and `beyond`, as Parquet and for questions, and the groups; returns rows."""
    paths = {"spans": files.spans, "covered": files.covered, "beyond": files.beyond}
    for name, found in days.items():
        saved.keep(name, found)
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(write, paths[name], people, found) for name, found in days.items()]
        for job in jobs:
            job.result()
    write_needs(files, saved.plan.registry)
    return {name: len(found.packed) for name, found in days.items()}


def write(path: Path, people: People, days: Labelled) -> None:
    """Write one file of spans, sorted by label, subject and day; the same days give the same bytes.

    No row group holds two labels, so a reader that wants few labels skips the rest.
    """
    label = "needs" if path.stem == "covered" else "indicator"
    types: dict[str, Any] = {"subject_id": pa.int64(), label: pa.string(), "true_from": pa.date32()}
    schema = pa.schema(types | {"true_to": pa.date32()})
    options: dict[str, Any] = {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": [label, "true_from", "true_to"],
    }
    with replace_file(path) as scratch, pq.ParquetWriter(scratch, schema, **options) as writer:
        for name in days.names:
            found = days.of(name)
            if found is not None:
                for table in _tables(schema, name, people, found):
                    writer.write_table(table)


def _tables(schema: pa.Schema, name: str, people: People, days: Days) -> Iterator[pa.Table]:
    for first in range(0, len(days), _ROWS):
        starts, ends = days.starts[first : first + _ROWS], days.ends[first : first + _ROWS]
        until = (ends & OPEN).astype(np.int32)
        columns: dict[str, Any] = {
            "subject_id": column(people.ids[starts >> DAY_BITS]),
            schema.names[1]: coded(np.zeros(len(starts), np.int8), [name]).cast(pa.string()),
            "true_from": column((starts & OPEN).astype(np.int32) + np.int32(_EPOCH), pa.date32()),
            "true_to": column(until + np.int32(_EPOCH), pa.date32(), valid=until != OPEN),
        }
        yield pa.table(columns, schema=schema)


def write_needs(files: SpanFiles, registry: Registry) -> None:
    """Write which group of needs each indicator has."""
    stored = registry.stored
    table = arrow(
        {"indicator": words([i.id for i in stored]), "needs": words([Group.of(i).name for i in stored])}
    )
    with replace_file(files.needs) as scratch:
        pq.write_table(table, scratch, compression="zstd")


def state_of(source: District | Path) -> str:
    """What the records room calls the present state of a district's store; of a bare folder: nothing."""
    return store_state(source) if isinstance(source, District) else ""


def index_folder(source: District | Path, out: Path | None) -> Path:
    """Where spans are: as told, or the district's `index/`, or `index/` in a folder of records."""
    if out is not None:
        return out
    if isinstance(source, District):
        return source.index
    return Path(source) / "index"
