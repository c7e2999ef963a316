"""Data that somebody writes by hand: YAML held against a JSON schema, with mistakes told by their place."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from evi.workspace.errors import EviError

if TYPE_CHECKING:
    import jsonschema

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe loader in C where it is built in: ten times as fast."""


def read_yaml(path: Path) -> Any:
    """What a YAML file says.

    Raises:
        EviError: it can't be read, or is not YAML.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)  # noqa: S506 - a safe loader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise EviError("it can't be read as YAML.", where=str(path), do=str(error), exit_code=2) from error


def check_against(table: Any, schema: Path, where: str) -> None:
    """Hold what a file says against a schema.

    Args:
        schema: the file of the JSON schema (draft 2020-12), which the message names.
        where: the file that is checked.

    Raises:
        EviError: the first mistake in the order of the file's keys, with its place.
    """
    faults = sorted(_validator(schema).iter_errors(table), key=lambda fault: list(map(str, fault.path)))
    if faults:
        place = "/".join(str(part) for part in faults[0].path) or "the file"
        raise EviError(f"{place}: {faults[0].message}", where=where, do=f"See {schema.name}.", exit_code=2)


@cache
def _validator(schema: Path) -> jsonschema.Draft202012Validator:
    import jsonschema  # noqa: PLC0415 - a fifth of a second that commands without such files don't wait for

    return jsonschema.Draft202012Validator(json.loads(schema.read_text(encoding="utf-8")))
