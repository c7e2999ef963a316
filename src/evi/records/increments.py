"""Change the store by what is new, gone, different or linked otherwise, and by nothing else.

The unit of change is the record: every record that a changed delivery speaks of, then or now, and every
record of a person who is linked otherwise, is mapped again with all its versions. What differs from the rows
that the store holds decides which files are written.
"""

from __future__ import annotations

from collections import defaultdict

import duckdb

from evi.records import changes, coverage, links, metadata, store
from evi.records.deliveries import Delivery
from evi.records.facts import add_events, make_linked
from evi.records.job import Job, counts_of, describe, taken_file
from evi.records.metadata import Count
from evi.records.shapes import EVENTS, code_id, family_file
from evi.records.shards import SHARDS
from evi.workspace import file_hash, quote

WORTH_CHANGING = 0.3
"""Share of the rows above which making all anew is quicker than changing what is there."""


def is_worth_changing(job: Job) -> bool:
    """Whether the store can be changed, and that is less work than making it anew."""
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
    kept = ((old, job.old / taken_file(old)) for old in gone if old is not None)
    return all(path.is_file() and file_hash(path) == old.content for old, path in kept)


def change(job: Job) -> dict[str, int]:
    """Write the new store from the old one; returns how many rows of `by_code/` came and went."""
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
    describe(job, counts, families)
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
        taken = job.old / taken_file(delivery)
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
            counts += counts_of(job, name)
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


def _any(con: duckdb.DuckDBPyConnection, table: str) -> bool:
    return bool(con.execute(f"SELECT count(*) > 0 FROM {table}").fetchall()[0][0])
