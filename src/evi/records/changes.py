"""What a load changed, so that whoever keeps something derived from the store can bring it up to date.

`changes.json` names the state before and after; `changes.parquet` holds every event row that was taken out
(`change` −1) or put in (+1), where a row whose `known_until` moved is both; `changed_subjects.parquet` names
the subjects whose coverage, residence, enrolment or own facts are different.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from evi.records.shapes import EVENTS, shape, write_sorted
from evi.workspace import District, quote, replace_file

CHANGES = shape({"change": pa.int8(), **{field.name: field.type for field in EVENTS}})
CHANGED_SUBJECTS = shape({"subject_id": pa.int64(), "what": pa.string()})
TABLES = ("coverage", "enrolment", "residence", "subjects")


@dataclass(frozen=True)
class Changes:
    """The way from one state of the store to the next.

    Attributes:
        before, after: the two states.
        events: Parquet of event rows with `change` −1 or +1, sorted by subject, time and code.
        subjects: Parquet of (subject_id, what); `what` is `coverage`, `enrolment`, `residence` or `subjects`.
    """

    before: str
    after: str
    events: Path
    subjects: Path


def changes_since(district: District, state: str) -> Changes | None:
    """How the store differs from `state`, or None if that isn't told and all must be made anew.

    `state` is what `store_state` gave when the caller last read the store.
    """
    try:
        table = json.loads((district.records / "changes.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    if table["before"] != state:
        return None
    return Changes(
        state,
        table["after"],
        district.records / "changes.parquet",
        district.records / "changed_subjects.parquet",
    )


def write_changes(
    con: duckdb.DuckDBPyConnection, old: Path, folder: Path, before: str, after: str
) -> dict[str, int]:
    """Write the changes from the tables `taken_out` and `put_in`, and from the stores `old` and `folder`."""
    query = f"""SELECT (-1)::TINYINT AS change, {", ".join(EVENTS.names)} FROM taken_out
        UNION ALL SELECT 1::TINYINT, {", ".join(EVENTS.names)} FROM put_in
        ORDER BY subject_id, time, code, record_id, delivery, change"""
    write_sorted(con, query, folder / "changes.parquet", CHANGES)
    parts = []
    for name in TABLES:
        was, now = (f"FROM read_parquet({quote(str(store / f'{name}.parquet'))})" for store in (old, folder))
        parts.append(
            f"""SELECT DISTINCT subject_id, '{name}' AS what
            FROM (({was} EXCEPT ALL {now}) UNION ALL ({now} EXCEPT ALL {was}))"""
        )
    query = f"{' UNION ALL '.join(parts)} ORDER BY subject_id, what"
    write_sorted(con, query, folder / "changed_subjects.parquet", CHANGED_SUBJECTS)
    _write_states(folder, before, after)
    return {
        "events_added": _count(con, "put_in"),
        "events_removed": _count(con, "taken_out"),
    }


def write_unknown_changes(folder: Path, after: str) -> None:
    """Say that the store was made anew, so that nothing leads to it from any earlier state."""
    _write_states(folder, None, after)


def _write_states(folder: Path, before: str | None, after: str) -> None:
    with replace_file(folder / "changes.json") as scratch:
        scratch.write_text(json.dumps({"before": before, "after": after}) + "\n", encoding="utf-8")


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])
