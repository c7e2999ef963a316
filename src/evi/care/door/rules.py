"""The agreements in force in this place, opened once and again when a file of them changes."""

from __future__ import annotations

import shutil
from pathlib import Path

from evi.care.home import home
from evi.sharing.agreements import EXAMPLES
from evi.sharing.decisions import Door

GATEWAYS = "gateways"
"""The folder of a place's own gateways, below its agreements."""

_open: tuple[object, Door] | None = None


def folder() -> Path:
    """Where the agreements of this place are."""
    return home() / "agreements"


def door() -> Door:
    """The door of this place; agreements that were changed on disk are read again.

    Raises:
        EviError: an agreement can't be read or does not keep to its schema; nothing is permitted then.
    """
    global _open  # noqa: PLW0603 - one door a process, kept while its files are the same
    files = (*folder().glob("*.yaml"), *(folder() / GATEWAYS).glob("*.yaml"))
    state = tuple((path, path.stat().st_mtime_ns) for path in sorted(files))
    if _open is None or _open[0] != state:
        _open = (state, Door.open([folder()]))
    return _open[1]


def install_examples() -> None:
    """Put the example agreements into a place that has none: for made-up districts and tests only."""
    folder().mkdir(exist_ok=True)
    if not any(folder().glob("*.yaml")):
        for path in EXAMPLES.glob("*.yaml"):
            shutil.copy(path, folder() / path.name)
