"""Slots by week from a CSV file: another plan for the same network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from evi.queues.simulation.network import Network
from evi.workspace import EviError


def read_slots(path: Path, network: Network, weeks: int) -> npt.NDArray[np.float64]:
    """Slots by week and pool, [weeks, pools]: those of the file where it has a column for the pool.

    A column `week` is passed over: rows are weeks in order, and the last row goes on to the end.

    Raises:
        EviError: the file can't be read, has a column that is no pool, or a value that is no number of slots.
    """
    try:
        table = pl.read_csv(path, infer_schema_length=None)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise EviError(
            "the table of slots can't be read.", where=str(path), do="Give a CSV in UTF-8."
        ) from error
    columns = [name for name in table.columns if name != "week"]
    for name in columns:
        if name not in network.pool_ids:
            raise EviError(
                f"there is no pool {name!r}.", where=str(path), do=f"Pools: {', '.join(network.pool_ids)}."
            )
    if not columns or table.is_empty():
        raise EviError(
            "the table has no slots.", where=str(path), do="Give a column a pool and a row a week."
        )
    slots = network.slots(weeks)
    rows = np.minimum(np.arange(weeks), table.height - 1)
    for name in columns:
        given = table[name].cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
        if not np.all(np.isfinite(given)) or np.any(given < 0):
            row = int(np.argmin(np.isfinite(given) & (given >= 0))) + 2
            raise EviError(
                "that is no number of slots.",
                where=f"{path}, line {row}, {name}",
                do="Give 0 or more in each.",
            )
        slots[:, network.pool_ids.index(name)] = given[rows]
    return slots
