"""What a load changed, so that whoever keeps something derived from the store can bring it up to date.

`changes/added.parquet` and `changes/removed.parquet` hold the rows that `by_code/` gained and lost, with its
columns and in its order: a version that has been superseded leaves with its old `known_until` and comes back
with its new one. `changes/states.json` names the states of the store before and after.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import duckdb

from evi.records.shapes import BY_CODE, HOLDS, write_sorted
from evi.workspace import District, quote, replace_file

FOLDER = "changes"


@dataclass(frozen=True)
class Changes:
    """The way from one state of the store to the next.

    Attributes:
        before, after: names of the two states, as `store_state` gives them.
        added, removed: Parquet of the rows that `by_code/` gained and lost.
    """

    before: str
    after: str
    added: Path
    removed: Path


def changes_since(district: District, state: str) -> Changes | None:
    """How the store differs from `state`, or None if that isn't told and all must be made anew.

    `state` is what `store_state` gave when the caller last read the store.
    """
    folder = district.records / FOLDER
    try:
        table = json.loads((folder / "states.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    if table["before"] != state:
        return None
    return Changes(state, table["after"], folder / "added.parquet", folder / "removed.parquet")


def write_changes(
    con: duckdb.DuckDBPyConnection, folder: Path, ids: dict[str, int], before: str, after: str
) -> dict[str, int]:
    """Write the changes from the tables `put_in` and `taken_out`, which have the columns of `events/`.

    Args:
        ids: the number of every code in them.

    Returns:
        How many rows were added and removed.
    """
    listed = ", ".join(f"({quote(code)}, {number})" for code, number in sorted(ids.items()))
    counts = {}
    for name, table in (("added", "put_in"), ("removed", "taken_out")):
        query = f"""SELECT {", ".join(BY_CODE.names)}
            FROM {table} JOIN (VALUES {listed}) AS ids(code, code_id) USING (code) WHERE {HOLDS}
            ORDER BY code, subject_id, time, record_id, known_at"""
        path = folder / FOLDER / f"{name}.parquet"
        write_sorted(con, query, path, BY_CODE)
        found = con.execute(f"SELECT count(*) FROM read_parquet({quote(str(path))})").fetchall()
        counts[f"events_{name}"] = int(found[0][0])
    _write_states(folder, before, after)
    return counts


def write_unknown_changes(folder: Path, after: str) -> None:
    """Say that the store was made anew, so that nothing leads to it from any earlier state."""
    _write_states(folder, None, after)


def _write_states(folder: Path, before: str | None, after: str) -> None:
    with replace_file(folder / FOLDER / "states.json") as scratch:
        scratch.write_text(json.dumps({"before": before, "after": after}) + "\n", encoding="utf-8")
