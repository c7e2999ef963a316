"""Tables for one recipient, under pseudonyms of that release alone.

Two releases share no code, and their rows stand in orders of their own, so that neither codes nor positions
join them. What rows *say* still can: two tables that give the same rare facts of a child can be matched on
those, whatever the child is called. Only what is left out prevents that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evi.encoding.columns import Column
from evi.encoding.columns import compute as pc
from evi.encoding.keys import Keys, write_new_key
from evi.encoding.tokens import TOKENS, Coder
from evi.workspace import District, EviError, RefusedError, replace_dir

# Columns that hold an id of eVI's own, and what it is an id of.
ID_COLUMNS = {
    "subject_id": "subject",
    "other_id": "subject",
    "household_id": "home",
    "home": "home",
    "record_id": "record",
}
PLACE_COLUMN = "place_id"  # "home:<code>", or the number of a school, which is public
_HOME = re.compile(r"home:(-?\d+)")
_NEVER = frozenset(TOKENS) - {"home"} | {"person"}
_LARGEST_COUNT = 2**40  # a larger whole number is no count and no code of a list
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def release_keys(district: District) -> Keys:
    """The hub's release key, made on first use beside the district key and never sent to anyone.

    It is not the district key: whoever makes releases must not be able to code a name.
    """
    path = district.key_file.with_name("release.key")
    if not path.is_file():
        write_new_key(path)
    return Keys.from_file(path)


class Release:
    """Pseudonyms of one release.

    Args:
        keys: the release key; HKDF makes of it a key for each release and kind of id.
        name: the release's name (small letters, digits and hyphens). The same name gives the same pseudonyms.

    Raises:
        EviError: the name has other characters.
    """

    def __init__(self, keys: Keys, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise EviError(
                "a release's name has small letters, digits and hyphens only.", where=name, exit_code=2
            )
        self.name = name
        self._coder = Coder(keys)

    def pseudonyms(self, kind: str, ids: Column) -> Column:
        """One pseudonym (64 bits) for each id of a column, null where there is none."""
        plain = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
        made = self._coder.opaque(kind, plain.cast(pa.string()), purpose=f"release/{self.name}")
        if pc.count_distinct(made).as_py() != pc.count_distinct(plain).as_py():
            raise EviError(
                "two ids would have one pseudonym.", where=self.name, do="Give the release another name."
            )
        return made

    def table(self, table: pa.Table) -> pa.Table:
        """The table with every id replaced, in the order of its pseudonyms.

        Raises:
            RefusedError: it has a column of linkage codes, or one that looks like codes and is no id.
        """
        columns: dict[str, Any] = {}
        for name in table.column_names:
            column = table[name]
            if name in _NEVER:
                raise RefusedError("a code of the linkage must not be released.", where=name)
            if name in ID_COLUMNS:
                columns[name] = self.pseudonyms(ID_COLUMNS[name], column)
            elif name == PLACE_COLUMN:
                columns[name] = self._places(column)
            else:
                _refuse_codes(name, column)
                columns[name] = column
        made: Any = pa.table(columns)
        keys = [name for name in columns if name in ID_COLUMNS]
        rest = [
            name for name in columns if name not in ID_COLUMNS and _sortable(made.schema.field(name).type)
        ]
        ordered: pa.Table = made.sort_by([(name, "ascending") for name in (*keys, *rest)])
        return ordered

    def _places(self, places: Column) -> Column:
        plain = places.combine_chunks() if isinstance(places, pa.ChunkedArray) else places
        coded = plain.cast(pa.string()).dictionary_encode()
        words = [str(word) for word in coded.dictionary.to_pylist()]
        homes = [found.group(1) if (found := _HOME.fullmatch(word)) else None for word in words]
        codes = self.pseudonyms("home", pa.array(homes, pa.string())).to_pylist()
        named = [word if code is None else f"home:{code}" for word, code in zip(words, codes, strict=True)]
        return pa.array(named, pa.string()).take(coded.indices)


def write_release(district: District, name: str, tables: Iterable[Path], out: Path) -> dict[str, int]:
    """Write tables of the district under the pseudonyms of release `name`.

    Args:
        tables: Parquet files of the district (spine, records, index).
        out: the folder that is written, whole or not at all.

    Returns:
        Rows by file name.

    Raises:
        EviError: a table is not there; two have one name.
        RefusedError: a table holds linkage codes.
    """
    release = Release(release_keys(district), name)
    rows: dict[str, int] = {}
    with replace_dir(out) as folder:
        for path in tables:
            if not path.is_file() or path.suffix != ".parquet":
                raise EviError("this is not a table of the district.", where=str(path), exit_code=2)
            if path.name in rows:
                raise EviError("two tables have this name.", where=path.name, exit_code=2)
            try:
                made = release.table(pq.read_table(path))
            except RefusedError as error:
                raise RefusedError(error.what, where=f"{path}: {error.where}", do=error.do) from error
            pq.write_table(made, folder / path.name, compression="zstd")
            rows[path.name] = made.num_rows
    return rows


def _sortable(kind: pa.DataType) -> bool:
    return not pa.types.is_nested(kind) and not pa.types.is_dictionary(kind)


def _refuse_codes(name: str, column: Column) -> None:
    """Refuse whole numbers too large for a count: an id under a name that nobody has thought of."""
    kind = column.type
    while pa.types.is_list(kind):
        column, kind = pc.list_flatten(column), kind.value_type
    if pa.types.is_integer(kind) and len(column.drop_null()):
        values = np.abs(np.asarray(column.drop_null()).astype(float))
        if values.max() > _LARGEST_COUNT:
            raise RefusedError(
                "this column looks like codes that would join it to other tables.",
                where=name,
                do="Leave the column out.",
            )
