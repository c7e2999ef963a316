"""Write the two projections: all of them, or only the files that a change touches.

A file is always made from rows in the shape of the table `events` (see `evi.records.facts`): words are
enumerations there, so that sorts compare numbers and move narrow rows. A file that is being changed is read
back into that shape, without the records that change, and joined by their new rows. Either way the same
query sorts and writes the rows, so a file's bytes don't tell how it came about.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import duckdb

from evi.records.shapes import (
    BY_CODE,
    EVENTS,
    HOLDS,
    code_id,
    family,
    family_file,
    write_sorted,
)
from evi.records.shards import SHARDS, shard_file
from evi.workspace import EviError, quote

Advance = Callable[[int], None]


def families(codes: Iterable[str]) -> dict[str, list[str]]:
    """Codes by family, both sorted.

    Raises:
        EviError: two codes would share one number (as likely as a lottery win, and said rather than borne).
    """
    grouped: dict[str, list[str]] = {}
    seen: dict[int, str] = {}
    for code in sorted(set(codes)):
        other = seen.setdefault(code_id(code), code)
        if other != code:
            raise EviError(f"the codes {code} and {other} share one number.", do="Rename one in its layout.")
        grouped.setdefault(family(code), []).append(code)
    return grouped


def write_all(
    con: duckdb.DuckDBPyConnection, folder: Path, codes: dict[str, list[str]], advance: Advance
) -> None:
    """Write every file from the table `events`, which then holds the whole store."""
    for shard in range(SHARDS):
        _write_shard(con, folder / shard_file(shard), f"FROM events WHERE shard = {shard}")
        advance(1)
    for name, words in codes.items():
        _write_family(con, folder / family_file(name), f"FROM events WHERE {_is_one_of(words)}", words)
        advance(1)


def write_touched(
    con: duckdb.DuckDBPyConnection,
    old: Path,
    folder: Path,
    codes: dict[str, list[str]],
    advance: Advance,
) -> set[str]:
    """Write the files that hold a record of the table `changed` (record_id), from `old` and `events`.

    The tables `events` and `before` hold the new and the old rows of at least those records. Other files
    are linked, not copied. Returns the families that were written.
    """
    rows = con.execute(
        """SELECT DISTINCT shard FROM (FROM events SEMI JOIN changed USING (record_id))
        UNION SELECT DISTINCT subject_id & 31 FROM (FROM before SEMI JOIN changed USING (record_id))"""
    ).fetchall()
    shards = {int(shard) for (shard,) in rows}
    for shard in range(SHARDS):
        name = shard_file(shard)
        if shard in shards:
            _write_shard(con, folder / name, f"{_kept(old / name)} UNION ALL {_added(f'shard = {shard}')}")
        else:
            keep(old / name, folder / name)
        advance(1)
    rows = con.execute(
        """SELECT DISTINCT code::VARCHAR FROM (FROM events SEMI JOIN changed USING (record_id))
        UNION SELECT DISTINCT code FROM (FROM before SEMI JOIN changed USING (record_id))"""
    ).fetchall()
    touched = {family(code) for (code,) in rows}
    for name, words in codes.items():
        path, new = old / family_file(name), folder / family_file(name)
        if path.is_file() and name not in touched:
            keep(path, new)
        else:
            kept = f"{_kept(path)} UNION ALL " if path.is_file() else ""
            _write_family(con, new, kept + _added(_is_one_of(words)), words)
        advance(1)
    return touched


def keep(old: Path, new: Path) -> None:
    """Take a file over into the new store without copying it, where the file system can."""
    if old.is_file():
        new.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(old, new)
        except OSError:
            shutil.copy2(old, new)


def _is_one_of(codes: Sequence[str]) -> str:
    return f"code IN ({', '.join(f'{quote(code)}::code_word' for code in codes)})"


def _added(where: str) -> str:
    return f"SELECT * FROM (FROM events SEMI JOIN changed USING (record_id)) WHERE {where}"


def _kept(path: Path) -> str:
    """SQL: the rows of a written file in the shape of `events`, without the records that change.

    Every word of a record that stays is in use, so a word that is not is a mistake, and the cast says so.
    """
    at_home = "place_id LIKE 'home:%'"
    by_code = path.parent.name == "by_code"
    return f"""SELECT (subject_id & {SHARDS - 1})::UTINYINT AS shard, subject_id, time,
        code::code_word AS code, numeric_value, text_value::text_word AS text, known_at, known_until,
        source::source_word AS source, record_id,
        CASE WHEN {at_home} THEN substr(place_id, 6)::BIGINT END AS home,
        CASE WHEN NOT {at_home} THEN place_id::place_word END AS place,
        end_time, link_confidence, withdrawn, {"NULL" if by_code else "delivery::delivery_word"} AS delivery
        FROM (FROM read_parquet({quote(str(path))}) ANTI JOIN changed USING (record_id))"""


def _write_shard(con: duckdb.DuckDBPyConnection, path: Path, rows: str) -> None:
    query = f"""SELECT {written_columns(EVENTS.names)}
        FROM (FROM ({rows}) ORDER BY subject_id, time, code, record_id, delivery)"""
    write_sorted(con, query, path, EVENTS)


def _write_family(con: duckdb.DuckDBPyConnection, path: Path, rows: str, words: Sequence[str]) -> None:
    """Versions of a record hold one after another, so with the day known the order is total."""
    ids = ", ".join(f"({quote(word)}::code_word, {code_id(word)})" for word in words)
    query = f"""SELECT {written_columns(BY_CODE.names)}
        FROM (FROM (FROM ({rows}) WHERE {HOLDS}) JOIN (VALUES {ids}) AS ids(code, code_id) USING (code)
              ORDER BY code, subject_id, time, record_id, known_at)"""
    write_sorted(con, query, path, BY_CODE)


def written_columns(names: Iterable[str]) -> str:
    """SQL: columns of the table `events` as they are written to files."""
    special = {
        "code": "code::VARCHAR",
        "text_value": "text::VARCHAR",
        "source": "source::VARCHAR",
        "place_id": "coalesce('home:' || home, place::VARCHAR)",
        "date_precision": "'day'",
        "delivery": "delivery::VARCHAR",
    }
    return ", ".join(f"{special[name]} AS {name}" if name in special else name for name in names)
