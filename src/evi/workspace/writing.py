"""Write whole or not at all: a killed command leaves the old output or the new one, never half."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Yield a scratch path beside `path`; on success it replaces `path` in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(path.name + PARTIAL)
    scratch.unlink(missing_ok=True)
    try:
        yield scratch
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


@contextmanager
def replace_dir(path: Path) -> Iterator[Path]:
    """Yield an empty scratch folder beside `path`; on success it takes the place of `path`.

    The swap is two renames, so a kill between them leaves `<name>.old`, which the next call clears;
    the missing folder then reads as "not made yet" and is made again.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch, old = path.with_name(path.name + PARTIAL), path.with_name(path.name + ".old")
    for leftover in (scratch, old):
        shutil.rmtree(leftover, ignore_errors=True)
    scratch.mkdir()
    try:
        yield scratch
        if path.exists():
            path.replace(old)
        scratch.replace(path)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
