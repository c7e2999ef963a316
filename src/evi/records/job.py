"""One load at work: what it reads, where it writes, and the steps that a rebuild and a change share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from evi.records import coverage, metadata, places, store
from evi.records.deliveries import Delivery, State, payload_file
from evi.records.facts import Payload, count_rows
from evi.records.mapping import LayoutSql
from evi.records.metadata import Count
from evi.workspace import District, Progress


@dataclass
class Job:
    """One load at work. `old` is the store that is there, if it can be built upon."""

    con: duckdb.DuckDBPyConnection
    district: District
    layouts: dict[str, LayoutSql]
    state: State
    folder: Path
    progress: Progress
    last: State | None = None
    payloads: dict[str, Payload] = field(default_factory=dict)
    codes: dict[str, list[str]] = field(default_factory=dict)

    @property
    def old(self) -> Path:
        """The store as it was before this load."""
        return self.district.records


def describe(job: Job, counts: list[Count], families: set[str] | None) -> None:
    """Write all that is made from events, spine and deliveries; `families`: those whose files changed."""
    con, folder = job.con, job.folder
    with job.progress.task("Writing coverage, places and counts", 5) as advance:
        for payload in job.payloads.values():
            coverage.add_population(con, job.district, payload.layout, payload.deliveries)
        coverage.write_coverage(con, folder)
        advance(1)
        places.write_residence(con, folder)
        places.write_enrolment(con, folder)
        advance(1)
        today = metadata.newest_day(con, folder, job.state)
        metadata.write_subjects(con, job.district, folder, today)
        advance(1)
        metadata.write_codes(
            con,
            folder,
            job.codes,
            job.layouts.values(),
            old=None if families is None else job.old,
            touched=families,
        )
        advance(1)
        metadata.write_provenance(con, folder, job.state, job.layouts, counts)
        metadata.write_dataset(folder, job.district, job.state, today)
        advance(1)


def counts_of(job: Job, name: str) -> list[Count]:
    """What became of the rows of `linked`, which holds the layout `name`."""
    layout = job.layouts[name]
    return [
        (name, line[0], line[1], layout.events[line[1]].template if line[1] >= 0 else "", *line[2:])
        for line in count_rows(job.con, layout)
    ]


def taken_file(delivery: Delivery) -> str:
    """Where a payload is kept as it was taken in, relative to `records/`."""
    return f"provenance/taken/{delivery.layout}/{delivery.name}.parquet"


def keep_taken(job: Job) -> None:
    """Keep every payload as it was taken in, for the day on which it is replaced or withdrawn.

    A link costs nothing; the file stays when a newer one takes its name.
    """
    for delivery in job.state.deliveries.values():
        payload = payload_file(job.district, delivery.layout, delivery.name)
        store.keep(payload, job.folder / taken_file(delivery))
