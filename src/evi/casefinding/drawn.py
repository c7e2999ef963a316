"""How many draws of the spine there are to judge by."""

from __future__ import annotations

import polars as pl

from evi.linkage.draws import FOLDER
from evi.workspace import District, EviError

AGAIN = "Run `evi link --draws 20`."


def draws_made(district: District) -> int:
    """How many draws of the spine there are.

    Raises:
        EviError: there are none, or they are older than the spine.
    """
    path = district.root / FOLDER / "figures.parquet"
    if not path.is_file():
        raise EviError("there are no draws of the spine.", where=str(path), do=AGAIN, exit_code=2)
    if path.stat().st_mtime < (district.spine / "people.parquet").stat().st_mtime:
        raise EviError("the draws are of an older spine.", where=str(path), do=AGAIN, exit_code=2)
    return len(pl.read_parquet(path, columns=["values"], n_rows=1)["values"][0])
