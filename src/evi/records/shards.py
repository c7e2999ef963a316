"""Which file of `events/` holds the events of a subject."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from evi.records.standing import STATE

SHARDS = 32
"""Files in `events/`. A subject's file is the low five bits of its id, whoever else is there."""


def shard_file(shard: int) -> str:
    """Where a shard of subjects lives, relative to `records/`."""
    return f"events/part-{shard:02d}.parquet"


def shard_files(folder: Path, subjects: Iterable[int]) -> list[Path] | None:
    """The files of a store that hold all events of some subjects; none if another than eVI made the store.

    Args:
        folder: the store: a district's `records/`.
        subjects: ids of people and homes.
    """
    if not (folder / STATE).is_file():
        return None
    return [folder / shard_file(shard) for shard in sorted({subject & (SHARDS - 1) for subject in subjects})]
