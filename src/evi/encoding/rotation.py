"""Keys changed without clear values: every code is transcoded from one outer key to another."""

from __future__ import annotations

import shutil
from typing import Any

import pyarrow.parquet as pq

from evi.encoding.delivery import PARTS, ROW_GROUP_ROWS, ordered
from evi.encoding.keys import Keys, write_new_key
from evi.encoding.outer import OUTER, Outer, code_columns, outer_of, transcoded
from evi.feeds import load_layouts
from evi.workspace import District, EviError, replace_dir, replace_file

# Tables of the spine that hold codes: the column, and the order of rows.
_SPINE = {
    "people": ("person", ("feed", "person")),
    "households": ("household_id", ("subject_id", "start", "household_id")),
}


def rotate(district: District) -> dict[str, int]:
    """Take every code of `encoded/` and `spine/` to a new outer key.

    Everything is made beside its place first; then spine, encoded files and key are swapped, in that order,
    and a kill between two swaps is the one moment that needs a back-up. Records and index still hold codes of
    homes and local ids, so they are to be made again (`evi run`).

    Returns:
        Rows by part.

    Raises:
        EviError: nothing is encoded yet.
    """
    if not (district.encoded / "deliveries.json").is_file():
        raise EviError("nothing is encoded yet.", where=str(district.encoded), exit_code=2)
    key = district.key_file.with_name(OUTER)
    fresh = key.with_name(f"{OUTER}.new")
    fresh.unlink(missing_ok=True)
    write_new_key(fresh)
    old, new = outer_of(district), Outer(Keys.from_file(fresh))
    layouts = load_layouts([district.root / folder for folder in district.config.layouts])
    rows = dict.fromkeys(PARTS, 0)
    with replace_dir(district.encoded) as folder:
        for path in sorted(path for path in district.encoded.rglob("*") if path.is_file()):
            name = path.relative_to(district.encoded)
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            if path.suffix != ".parquet":
                shutil.copyfile(path, folder / name)
                continue
            part, layout = name.parts[:2]
            table = transcoded(pq.read_table(path), code_columns(part, layouts[layout]), old, new)
            pq.write_table(
                ordered(table, part), folder / name, compression="zstd", row_group_size=ROW_GROUP_ROWS
            )
            rows[part] += table.num_rows
        for table_name, (column, order) in _SPINE.items():
            path = district.spine / f"{table_name}.parquet"
            if path.is_file():
                table = transcoded(pq.read_table(path), frozenset({column}), old, new)
                with replace_file(path) as scratch:
                    again: Any = table.sort_by([(each, "ascending") for each in order])
                    pq.write_table(again, scratch, compression="zstd", row_group_size=ROW_GROUP_ROWS)
    fresh.replace(key)
    return rows
