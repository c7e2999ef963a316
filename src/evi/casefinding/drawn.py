"""Draws of the spine as people to count by: who is who, if the links in doubt had fallen otherwise."""

from __future__ import annotations

import polars as pl

from evi.linkage.draws import FOLDER, redrawn
from evi.workspace import District, EviError


def draws_made(district: District) -> int:
    """How many draws of the spine there are.

    Raises:
        EviError: there are none, or they are older than the spine.
    """
    path = district.root / FOLDER / "people.parquet"
    if not path.is_file():
        raise EviError(
            "there are no draws of the spine.", where=str(path), do="Run `evi link --draws 20`.", exit_code=2
        )
    if path.stat().st_mtime < (district.spine / "people.parquet").stat().st_mtime:
        raise EviError(
            "the draws are of an older spine.", where=str(path), do="Run `evi link --draws 20`.", exit_code=2
        )
    newest = pl.scan_parquet(path).select(pl.col("draw").max()).collect().item()
    return 0 if newest is None else int(newest) + 1


def people_on_draw(district: District, number: int) -> pl.DataFrame:
    """feed, person, subject_id of every record in one draw."""
    moved = pl.read_parquet(district.root / FOLDER / "people.parquet").filter(pl.col("draw") == number)
    people = pl.read_parquet(district.spine / "people.parquet")
    return redrawn(people, moved.select("feed", "person", "subject_id"))
