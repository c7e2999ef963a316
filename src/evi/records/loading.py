"""`load`: from encoded deliveries and the spine to the event store, anew or by what has changed."""

from __future__ import annotations

from pathlib import Path

import duckdb

from evi.feeds import load_layouts
from evi.records import changes, coverage, links, places, store
from evi.records.deliveries import current_state, read_state
from evi.records.facts import (
    VOCABULARIES,
    Payload,
    add_events,
    make_events_table,
    make_linked,
    read_vocabulary,
)
from evi.records.increments import change, is_worth_changing
from evi.records.job import Job, counts_of, describe, keep_taken
from evi.records.mapping import compile_layouts
from evi.records.metadata import Count
from evi.records.shards import SHARDS
from evi.workspace import SILENT, District, Progress, StageResult, connect, quote, replace_dir


def load(district: District, progress: Progress = SILENT, *, rebuild: bool = False) -> StageResult:
    """Load every encoded delivery into `records/`.

    What the last load already took in is not mapped again, and files that no change touches stay. The bytes
    of the result are those of a rebuild (`changes/` apart, which tells the way there).

    Args:
        rebuild: make everything anew.

    Returns:
        StageResult: rows `payload_rows`, `events`, `unlinked`, `subjects`, `coverage`, ...; notes on rows
        that no subject could be found for.

    Raises:
        EviError: nothing is encoded or linked yet, or something is by an unknown layout.
    """
    extra = [district.root / folder for folder in district.config.layouts]
    layouts = compile_layouts(load_layouts(extra).values())
    with connect(scratch=district.scratch) as con:
        last = None if rebuild else read_state(district.records)
        state = current_state(con, district, layouts, last)
        if last is not None and last == state:
            return _result(con, district.records, {})
        links.load_links(con, district)
        places.load_residence(con, district)
        places.make_moves(con)
        with replace_dir(district.records) as folder:
            job = Job(con, district, layouts, state, folder, progress, last)
            job.payloads = {
                name: Payload(district, layout, state.of(name))
                for name, layout in layouts.items()
                if state.of(name)
            }
            _prepare(job)
            moved = change(job) if is_worth_changing(job) else _rebuild(job)
            links.save_links(con, folder)
            keep_taken(job)
        return _result(con, district.records, moved)


def _prepare(job: Job) -> None:
    """Learn the words in use, and make the tables that facts are put into."""
    vocabulary: dict[str, set[str]] = {name: set() for name in VOCABULARIES}
    vocabulary["code"].add(places.MOVE)
    vocabulary["source"].add(places.SPINE)
    vocabulary["delivery"].add(places.SPINE)
    with job.progress.task("Reading deliveries", len(job.payloads)) as advance:
        for payload in job.payloads.values():
            read_vocabulary(job.con, payload, vocabulary)
            advance(1)
    job.codes = store.families(vocabulary["code"])
    make_events_table(job.con, vocabulary)
    coverage.make_pieces(job.con)


def _rebuild(job: Job) -> dict[str, int]:
    counts: list[Count] = []
    with job.progress.task("Mapping rows to events", len(job.payloads)) as advance:
        for name, payload in job.payloads.items():
            make_linked(job.con, payload)
            add_events(job.con, payload.layout)
            coverage.add_persons(job.con, payload.layout)
            counts += counts_of(job, name)
            advance(1)
    job.con.execute("INSERT INTO events FROM moves")
    with job.progress.task("Writing events", SHARDS + len(job.codes)) as advance:
        store.write_all(job.con, job.folder, job.codes, advance)
    describe(job, counts, None)
    changes.write_unknown_changes(job.folder, job.state.digest)
    return {}


def _result(con: duckdb.DuckDBPyConnection, folder: Path, moved: dict[str, int]) -> StageResult:
    """Counts and notes of the store in `folder`."""

    def count(file: str, what: str = "count(*)") -> int:
        path = quote(str(folder / file))
        return int(
            con.execute(f"SELECT coalesce({what}, 0)::BIGINT FROM read_parquet({path})").fetchall()[0][0]
        )

    deliveries = "provenance/deliveries.parquet"
    rows = {
        "deliveries": count(deliveries),
        "payload_rows": count(deliveries, "sum(rows)"),
        "repeated": count(deliveries, "sum(repeated)"),
        "withdrawn": count(deliveries, "sum(withdrawn)"),
        "unlinked": count(deliveries, "sum(unlinked)"),
        "events": count("events/*.parquet"),
        "subjects": count("subjects.parquet"),
        "coverage": count("coverage.parquet"),
        "residence": count("residence.parquet"),
        "enrolment": count("enrolment.parquet"),
        **moved,
    }
    path = quote(str(folder / deliveries))
    told = con.execute(
        f"""SELECT layout, sum(unlinked)::BIGINT AS lost, sum(unlinked + events)::BIGINT AS given
        FROM read_parquet({path}) GROUP BY layout HAVING lost > 0 ORDER BY layout"""
    ).fetchall()
    notes = [
        f"{layout}: {lost:,} of {given:,} events are about nobody in the spine and wait outside the store."
        for layout, lost, given in told
    ]
    return StageResult("load", rows, notes)
