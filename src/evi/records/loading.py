"""`load`: from encoded deliveries and the spine to the event store, anew or by what has changed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from evi.feeds import load_layouts
from evi.records import changes, coverage, links, metadata, places, store
from evi.records.deliveries import Delivery, State, current_state, payload_file, read_state
from evi.records.facts import (
    VOCABULARIES,
    Payload,
    add_events,
    count_rows,
    make_events_table,
    make_linked,
    read_vocabulary,
)
from evi.records.mapping import LayoutSql, compile_layouts
from evi.records.metadata import Count
from evi.records.shapes import EVENTS, SHARDS, code_id, family_file
from evi.workspace import SILENT, District, Progress, StageResult, connect, file_hash, quote, replace_dir

WORTH_CHANGING = 0.3
"""Share of the rows above which making all anew is quicker than changing what is there."""


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
            moved = _change(job) if _is_worth_changing(job) else _rebuild(job)
            links.save_links(con, folder)
            _keep_taken(job)
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


def _is_worth_changing(job: Job) -> bool:
    if job.last is None or job.last.engine != job.state.engine or not _can_be_undone(job):
        return False
    relinked = links.find_relinked(job.con, job.old)
    people = int(job.con.execute("SELECT count(*) FROM links").fetchall()[0][0])
    rows = sum(delivery.rows for delivery in job.state.deliveries.values())
    moved = sum(delivery.rows for delivery in _changed(job))
    return moved <= WORTH_CHANGING * max(rows, 1) and relinked <= WORTH_CHANGING * max(people, 1)


def _can_be_undone(job: Job) -> bool:
    """Whether the payloads that changed are still there as they were taken in."""
    was = {} if job.last is None else job.last.deliveries
    gone = (was.get(delivery.key) for delivery in _changed(job))
    kept = ((old, job.old / _taken(old)) for old in gone if old is not None)
    return all(path.is_file() and file_hash(path) == old.content for old, path in kept)


def _rebuild(job: Job) -> dict[str, int]:
    counts: list[Count] = []
    with job.progress.task("Mapping rows to events", len(job.payloads)) as advance:
        for name, payload in job.payloads.items():
            make_linked(job.con, payload)
            add_events(job.con, payload.layout)
            coverage.add_persons(job.con, payload.layout)
            counts += _counts(job, name)
            advance(1)
    job.con.execute("INSERT INTO events FROM moves")
    with job.progress.task("Writing events", SHARDS + len(job.codes)) as advance:
        store.write_all(job.con, job.folder, job.codes, advance)
    _describe(job, counts, None)
    changes.write_unknown_changes(job.folder, job.state.digest)
    return {}


def _change(job: Job) -> dict[str, int]:
    changed = _changed(job)
    counts = _find_touched(job, changed)
    with job.progress.task("Mapping what changed", len(job.payloads)) as advance:
        for name, payload in job.payloads.items():
            job.con.execute(
                f"CREATE OR REPLACE TABLE touched AS SELECT record FROM touched_all WHERE layout = '{name}'"
            )
            if _any(job.con, "touched"):
                make_linked(job.con, payload, touched=True)
                add_events(job.con, payload.layout)
            if payload.layout.coverage is not None and payload.layout.coverage.role is not None:
                make_linked(job.con, payload)
                coverage.add_persons(job.con, payload.layout)
            advance(1)
    _compare(job)
    with job.progress.task("Writing events", SHARDS + len(job.codes)) as advance:
        families = store.write_touched(job.con, job.old, job.folder, job.codes, advance)
    _describe(job, counts, families)
    before = "" if job.last is None else job.last.digest
    words = {row[0] for row in job.con.execute("SELECT DISTINCT code FROM taken_out").fetchall()}
    ids = {code: code_id(code) for code in words.union(*job.codes.values())}
    return changes.write_changes(job.con, job.folder, ids, before, job.state.digest)


def _changed(job: Job) -> list[Delivery]:
    """Deliveries that are new, gone or different, as they are now or, if gone, as they were."""
    was = {} if job.last is None else job.last.deliveries
    now = job.state.deliveries
    keys = sorted(key for key in {**was, **now} if was.get(key) != now.get(key))
    return [now[key] if key in now else was[key] for key in keys]


def _find_touched(job: Job, changed: list[Delivery]) -> list[Count]:
    """Make `touched_all` (layout, record): those of changed deliveries, then and now, and relinked people.

    Returns the counts of all deliveries: new for those touched, the last load's for the others.
    """
    con = job.con
    con.execute("CREATE TABLE touched_all (layout VARCHAR, record BIGINT)")
    stale: dict[str, set[str]] = defaultdict(set)
    relinked = _any(con, "relinked")
    for delivery in changed:
        stale[delivery.layout].add(delivery.name)
        taken = job.old / _taken(delivery)
        if taken.is_file():
            con.execute(
                f"INSERT INTO touched_all SELECT '{delivery.layout}', record "
                f"FROM read_parquet({quote(str(taken))})"
            )
    for name, payload in job.payloads.items():
        fresh = {d.name for d in payload.deliveries} & stale[name]
        if fresh:
            con.execute(
                f"INSERT INTO touched_all SELECT '{name}', record FROM ({payload.source(con, fresh)})"
            )
        for role in payload.layout.roles if relinked else ():
            found = f"""FROM ({payload.source(con)}) AS row
                SEMI JOIN (SELECT person FROM relinked WHERE feed = {quote(payload.layout.feed)}) AS relinked
                ON row.person_{role} = relinked.person"""
            con.execute(f"CREATE OR REPLACE TABLE found AS SELECT evi_delivery, record {found}")
            con.execute(f"INSERT INTO touched_all SELECT '{name}', record FROM found")
            stale[name].update(
                row[0] for row in con.execute("SELECT DISTINCT evi_delivery FROM found").fetchall()
            )
    con.execute("CREATE OR REPLACE TABLE touched_all AS SELECT DISTINCT * FROM touched_all")
    counts = [line for line in metadata.read_counts(con, job.old) if line[1] not in stale[line[0]]]
    for name, payload in job.payloads.items():
        again = {d.name for d in payload.deliveries} & stale[name]
        if again:
            make_linked(con, payload, only=again)
            counts += _counts(job, name)
    return counts


def _compare(job: Job) -> None:
    """Make `before`, `taken_out`, `put_in` and `changed`: how the touched records' events differ now."""
    con = job.con
    moves = job.old / family_file("PLACE-MOVE")
    slots = [
        f"SELECT {event.record_id} AS record_id FROM touched_all WHERE layout = '{name}'"
        for name, layout in job.layouts.items()
        for event in layout.events
    ]
    con.execute("CREATE TABLE slots (record_id BIGINT)")
    if moves.is_file():
        was = f"SELECT record_id FROM read_parquet({quote(str(moves))})"
        con.execute(
            f"""INSERT INTO slots ({was} EXCEPT SELECT record_id FROM moves)
            UNION ALL (SELECT record_id FROM moves EXCEPT {was})"""
        )
    else:
        con.execute("INSERT INTO slots SELECT record_id FROM moves")
    con.execute("INSERT INTO events FROM moves SEMI JOIN slots USING (record_id)")
    for slot in slots:
        con.execute(f"INSERT INTO slots {slot}")
    names = ", ".join(EVENTS.names)
    con.execute(
        f"""CREATE TABLE before AS SELECT {names}
        FROM read_parquet({quote(str(job.old / "events" / "*.parquet"))}) SEMI JOIN slots USING (record_id)"""
    )
    con.execute(f"CREATE VIEW after AS SELECT {store.written_columns(EVENTS.names)} FROM events")
    con.execute("CREATE TABLE taken_out AS FROM before EXCEPT ALL FROM after")
    con.execute("CREATE TABLE put_in AS FROM after EXCEPT ALL FROM before")
    con.execute("CREATE TABLE changed AS SELECT record_id FROM taken_out UNION SELECT record_id FROM put_in")


def _describe(job: Job, counts: list[Count], families: set[str] | None) -> None:
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


def _any(con: duckdb.DuckDBPyConnection, table: str) -> bool:
    return bool(con.execute(f"SELECT count(*) > 0 FROM {table}").fetchall()[0][0])


def _counts(job: Job, name: str) -> list[Count]:
    layout = job.layouts[name]
    return [
        (name, line[0], line[1], layout.events[line[1]].template if line[1] >= 0 else "", *line[2:])
        for line in count_rows(job.con, layout)
    ]


def _taken(delivery: Delivery) -> str:
    return f"provenance/taken/{delivery.layout}/{delivery.name}.parquet"


def _keep_taken(job: Job) -> None:
    """Keep every payload as it was taken in, for the day on which it is replaced or withdrawn.

    A link costs nothing; the file stays when a newer one takes its name.
    """
    for delivery in job.state.deliveries.values():
        payload = payload_file(job.district, delivery.layout, delivery.name)
        store.keep(payload, job.folder / _taken(delivery))


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
