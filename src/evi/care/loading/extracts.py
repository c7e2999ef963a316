"""Read each service's own extracts, in clear, through the layouts: who, on which roll, and what happened.

This is the agency's side: it holds the district's key, so that a record here has the same code as at the hub.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeAlias

import duckdb
import numpy as np
import polars as pl

from evi.care.loading.wording import Wording
from evi.encoding import Coder, Keys
from evi.encoding.outer import Outer, outer_of
from evi.feeds import (
    EventMap,
    Layout,
    PersonMap,
    common_sql,
    detect,
    extract_files,
    load_layouts,
    read_extract,
)
from evi.sharing.holders import Holder, holders
from evi.workspace import SILENT, District, EviError, Progress, RefusedError, connect

IDENTITY = (
    "forename", "surname", "date_of_birth", "sex", "language", "address", "postcode", "nhs_number", "upn",
)  # fmt: skip
"""What Care keeps of who a child is, by the names that layouts give it."""

PEOPLE = pl.Schema(
    {"feed": pl.String, "local": pl.String, "seen": pl.Date} | dict.fromkeys(IDENTITY, pl.String)
)
ROLLS = pl.Schema(
    {"feed": pl.String, "local": pl.String, "place": pl.String, "year": pl.String, "since": pl.Date}
    | {"until": pl.Date, "known_at": pl.Date}
)
EVENTS = pl.Schema(
    {"feed": pl.String, "local": pl.String, "code": pl.String, "day": pl.Date, "ended": pl.Date}
    | {"value": pl.Float64, "said": pl.String, "place": pl.String, "known_at": pl.Date}
)
Part: TypeAlias = tuple[list[pl.DataFrame], list[pl.DataFrame], list[pl.DataFrame]]
"""People, rolls and events of one file."""


@dataclass(frozen=True)
class Extracts:
    """What the services sent, with local ids still in clear.

    Attributes:
        people: see `PEOPLE`; one row for each identity that a delivery gives. rolls: see `ROLLS`.
        events: see `EVENTS`; withdrawn rows are left out, and so are codes that no chronology shows.
        notes: files that were refused, and why.
    """

    people: pl.DataFrame
    rolls: pl.DataFrame
    events: pl.DataFrame
    notes: tuple[str, ...]


def read_extracts(district: District, wording: Wording, progress: Progress = SILENT) -> Extracts:
    """Read every extract of a feed that is loaded.

    Raises:
        EviError: there are no extracts.
    """
    layouts = load_layouts([district.root / folder for folder in district.config.layouts])
    held = {feed: each for feed, each in holders(district.root).items() if each.loaded}
    jobs, notes = _jobs(district, layouts, held, wording)
    if not jobs:
        raise EviError(
            "no extract of any service is here.",
            where=str(district.extracts),
            do="Put there what the services delivered; see docs/feeds.md.",
            exit_code=2,
        )
    sessions = threading.local()
    opened: list[duckdb.DuckDBPyConnection] = []
    parts: list[Part] = []

    def work(job: tuple[Path, Layout]) -> Part:
        if not hasattr(sessions, "con"):
            sessions.con = connect(scratch=district.scratch / f"care-{threading.get_ident()}", threads=1)
            opened.append(sessions.con)
        return _read(sessions.con, *job, held[job[1].feed], wording)

    workers = int(os.environ.get("EVI_THREADS", "0")) or os.cpu_count() or 1
    try:
        with (
            ThreadPoolExecutor(workers) as pool,
            progress.task("Reading the services' own records", len(jobs)) as advance,
        ):
            for task in [pool.submit(work, job) for job in jobs]:
                try:
                    parts.append(task.result())
                except RefusedError as error:
                    notes.append(f"Refused: {error}")
                advance(1)
    finally:
        for con in opened:
            con.close()
    together = (
        _stacked(schema, (part[n] for part in parts)) for n, schema in enumerate((PEOPLE, ROLLS, EVENTS))
    )
    people, rolls, events = together
    return Extracts(people, rolls, events, tuple(notes))


def codes_of(district: District, records: pl.DataFrame) -> pl.DataFrame:
    """The frame with `code` for each `feed` and `local`: the record's encoded local id, as the hub has it."""
    coder, outer = Coder(Keys.from_environment(district)), outer_of(district)
    parts = [
        part.with_columns(code=_codes(coder, outer, part["feed"][0], part["local"]))
        for part in records.select("feed", "local").unique().partition_by("feed")
    ]
    named = (
        pl.concat(parts)
        if parts
        else pl.DataFrame(schema={"feed": pl.String, "local": pl.String, "code": pl.Int64})
    )
    return records.join(named, on=["feed", "local"], how="left")


def _codes(coder: Coder, outer: Outer | None, feed: str, local: pl.Series) -> pl.Series:
    inner = coder.opaque(f"person/{feed}", local.to_arrow())
    if outer is None:
        return pl.Series("code", inner, dtype=pl.Int64)
    return pl.Series("code", outer.wrap(np.asarray(inner, np.int64)), dtype=pl.Int64)


def _stacked(schema: pl.Schema, parts: Iterable[list[pl.DataFrame]]) -> pl.DataFrame:
    frames = [frame.cast(dict(schema)) for part in parts for frame in part]  # type: ignore[arg-type]
    return pl.concat([pl.DataFrame(schema=schema), *frames])


def _jobs(
    district: District, layouts: Mapping[str, Layout], held: Mapping[str, Holder], wording: Wording
) -> tuple[list[tuple[Path, Layout]], list[str]]:
    """The files to read and the layouts to read them by; a later file of one delivery is taken last."""
    jobs, notes = [], []
    for file in extract_files([district.extracts]) if district.extracts.is_dir() else []:
        try:
            found = [layouts[each.name] for each in detect(file, layouts)]
        except RefusedError as error:
            notes.append(f"Refused: {error}")
            continue
        jobs += [(file, each) for each in found if each.feed in held and _tells(each, held, wording)]
    return jobs, notes


def _tells(layout: Layout, held: Mapping[str, Holder], wording: Wording) -> bool:
    """Whether a layout says who somebody is, or yields an event that is shown or that opens a case."""
    named = any({"surname", "date_of_birth"} & set(person.identifies) for person in layout.persons)
    opens = held[layout.feed].caseload.opens
    return named or any(wording.may_show(event.code) or event.code in opens for event in layout.events)


def _read(
    con: duckdb.DuckDBPyConnection, path: Path, layout: Layout, holder: Holder, wording: Wording
) -> Part:
    """People, rolls and events of one file."""
    local = {person.role: _named(person.local_id) for person in layout.persons}
    names, opens = {each.name for each in layout.fields}, holder.caseload.opens
    with read_extract(path, layout, con=con) as reading:
        people = [con.sql(_people_sql(layout, person, reading.table)).pl() for person in layout.persons]
        rolls = []
        if holder.place and {holder.place, holder.since} <= names:
            rolls = [con.sql(_roll_sql(holder, names, local, reading.table)).pl()]
        events = [
            con.sql(_event_sql(layout, event, local[event.person], holder, reading.table)).pl()
            for event in layout.events
            if event.person and (wording.may_show(event.code) or event.code in opens)
        ]
    return people, rolls, events


def _people_sql(layout: Layout, person: PersonMap, table: str) -> str:
    known = {role: name for role, name in person.identifies.items() if role in IDENTITY}
    texts = {role: common_sql(layout.field(name), _named(name)) for role, name in known.items()}
    columns = ", ".join(f'CAST({texts.get(role, "NULL")} AS VARCHAR) AS "{role}"' for role in IDENTITY)
    local = _named(person.local_id)
    return f"""SELECT '{layout.feed}' AS feed, trim({local}) AS local,
        max(CAST({person.observed or "period_end"} AS DATE)) AS seen, {columns}
        FROM {table} WHERE NOT withdrawn AND trim({local}) <> '' GROUP BY ALL"""


def _event_sql(layout: Layout, event: EventMap, local: str, holder: Holder, table: str) -> str:
    placed = holder.place in {each.name for each in layout.fields}
    place = _named(holder.place) if placed else "CAST(NULL AS VARCHAR)"
    return f"""SELECT '{layout.feed}' AS feed, trim({local}) AS local, {event.code_sql} AS code,
        CAST({event.time} AS DATE) AS day, CAST({event.end_time} AS DATE) AS ended,
        CAST({event.value} AS DOUBLE) AS value, CAST({event.text} AS VARCHAR) AS said, {place} AS place,
        CAST({event.known_at} AS DATE) AS known_at
        FROM {table}
        WHERE NOT withdrawn AND {event.when} AND {event.time} IS NOT NULL AND trim({local}) <> ''"""


def _roll_sql(holder: Holder, names: set[str], local: Mapping[str, str], table: str) -> str:
    one = next(iter(local.values()))
    year = _named(holder.year) if holder.year in names else "CAST(NULL AS VARCHAR)"
    until = _named(holder.until) if holder.until in names else "CAST(NULL AS DATE)"
    return f"""SELECT '{holder.feed}' AS feed, trim({one}) AS local, {_named(holder.place)} AS place,
        {year} AS year, CAST({_named(holder.since)} AS DATE) AS since, CAST({until} AS DATE) AS until,
        known_at
        FROM {table} WHERE NOT withdrawn AND trim({one}) <> ''"""


def _named(name: str) -> str:
    return f'"{name}"'


def born_after(day: date, years: int) -> date:
    """The first birth date of those who are younger than so many years on a day."""
    return date(day.year - years, day.month, min(day.day, 28))
