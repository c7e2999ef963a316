"""Files of people and the map of their columns, read with errors that a person can act on."""

from __future__ import annotations

import csv
import difflib
import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import yaml

from evi.encoding.columns import compute as pc
from evi.linkage.tables import ROLES, LinkedTables, link_tables
from evi.workspace import SILENT, EviError, Progress, file_hash

Roles = Mapping[str, str | list[str]]

_SEPARATORS = ",;\t|"
_PARQUET = frozenset({".parquet", ".pq"})
_UNREADABLE = 2  # exit code


def map_schema() -> dict[str, Any]:
    """The JSON Schema of a map of columns."""
    text = files("evi.linkage").joinpath("columns.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def read_map(path: Path) -> tuple[Roles, Roles]:
    """The map of columns in a YAML file, for the left and for the right table.

    Raises:
        EviError: it can't be read, is not YAML, names a role that is none, or is not as the schema asks.
    """
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, "a YAML file in UTF-8") from error
    except yaml.YAMLError as error:
        raise EviError("this is not YAML.", where=str(path), do=f"Mend it: {error}") from error
    if not isinstance(found, dict):
        raise EviError(
            "there is no map of columns in it.",
            where=str(path),
            do="Write one line a role, such as `forename: first_name`.",
        )
    sides = {side: found.get(side) or {} for side in ("left", "right")}
    for name, part in {"the top": found, **sides}.items():
        if isinstance(part, dict):
            _known_roles(part, f"{path}, {name}", {"left", "right"} if part is found else set())
    problem = jsonschema.exceptions.best_match(
        jsonschema.Draft202012Validator(map_schema()).iter_errors(found)
    )
    if problem is not None:
        place = "/".join(str(part) for part in problem.absolute_path) or "the top"
        raise EviError(f"{problem.message}.", where=f"{path}, {place}", do="See docs/linkage.md for roles.")
    both = {role: columns for role, columns in found.items() if role not in ("left", "right")}
    return both | sides["left"], both | sides["right"]


def _known_roles(part: Mapping[Any, Any], where: str, also: set[str]) -> None:
    for role in part:
        if role in ROLES or role in also:
            continue
        near = difflib.get_close_matches(str(role), sorted(ROLES), 1)
        raise EviError(
            f"no such role: {role}.",
            where=where,
            do=(f"Did you mean {near[0]}? " if near else "") + f"Roles are {', '.join(sorted(ROLES))}.",
        )


def read_people(path: Path) -> pa.Table:
    """A table of people from CSV (any of four separators, UTF-8 or Windows-1252) or Parquet.

    Text is trimmed, and empty text is null; the columns of a CSV are all text.

    Raises:
        EviError: it is not there, can't be read as a table, is empty, or two columns share a name.
    """
    try:
        table = pq.read_table(path) if path.suffix.lower() in _PARQUET else _read_csv(path)
    except (OSError, pa.ArrowException, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(path, "a table in CSV or Parquet") from error
    repeated = sorted({name for name in table.column_names if table.column_names.count(name) > 1})
    if repeated:
        raise EviError(
            f"more than one column is named {', '.join(repeated)}.", where=str(path), do="Rename all but one."
        )
    if not len(table):
        raise EviError("there are no rows in it.", where=str(path), do="Give a table of people.")
    return pa.table({name: _tidy(table[name]) for name in table.column_names})


def _unreadable(path: Path, kind: str) -> EviError:
    wrong = "it can't be read." if path.is_file() else "there is no such file."
    return EviError(wrong, where=str(path), do=f"Give {kind}.", exit_code=_UNREADABLE)


def _read_csv(path: Path) -> pa.Table:
    encoding = "utf-8"
    try:
        head = _first_line(path, "utf-8-sig")
        path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        encoding = "cp1252"
        head = _first_line(path, encoding)
    separator = max(_SEPARATORS, key=head.count)
    names = next(csv.reader([head], delimiter=separator), [])
    options = pyarrow.csv.ConvertOptions(
        column_types={str(number): pa.string() for number in range(len(names))}, strings_can_be_null=True
    )
    table = pyarrow.csv.read_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(
            encoding=encoding, column_names=[str(number) for number in range(len(names))], skip_rows=1
        ),
        parse_options=pyarrow.csv.ParseOptions(delimiter=separator, newlines_in_values=True),
        convert_options=options,
    )
    return table.rename_columns([name.strip() for name in names])


def _first_line(path: Path, encoding: str) -> str:
    with path.open(encoding=encoding, newline="") as text:
        return text.readline().rstrip("\r\n")


def _tidy(values: Any) -> Any:
    kind = values.type
    if pa.types.is_dictionary(kind):
        values, kind = values.cast(kind.value_type), kind.value_type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return values
    trimmed = pc.utf8_trim_whitespace(values.cast(pa.string()))
    return pc.if_else(pc.equal(trimmed, ""), None, trimmed)


def link_files(
    left: Path,
    right: Path | None,
    columns: Path,
    *,
    threshold: float | None = None,
    progress: Progress = SILENT,
) -> LinkedTables:
    """Link two files of people, or find repeats in one, under keys that nobody keeps.

    Args:
        left, right: CSV or Parquet; `right` None to find repeats in `left`.
        columns: the YAML map of roles to columns.
        threshold: the probability from which records are one person (the planner's choice by default).

    Raises:
        EviError: a file can't be read, has no rows or has ids twice; the map names a role or column that is
            not there; or both files are the same.
    """
    left_map, right_map = read_map(columns)
    if right is not None and right.is_file() and left.is_file() and file_hash(left) == file_hash(right):
        raise EviError(
            "both files are the same, so every row would be its own match.",
            where=f"{left} and {right}",
            do="Name it once to find repeats in it, or name the other file.",
        )
    tables = [read_people(path) for path in (left, right) if path is not None]
    return link_tables(
        tables[0],
        tables[1] if right is not None else None,
        left_map,
        right_columns=right_map,
        threshold=threshold,
        names=(str(left), str(right)),
        progress=progress,
    )
