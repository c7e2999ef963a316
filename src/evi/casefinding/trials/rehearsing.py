"""Made-up results for a protocol, to rehearse its analysis before anybody has a real result."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from evi.casefinding.trials.designs import switched_on
from evi.casefinding.trials.protocol import Protocol
from evi.casefinding.trials.simulating import children_of
from evi.workspace import EviError, replace_file

LANGUAGES = ("English", "other")
SHARE_ENGLISH = 0.65
"""Of made-up children, so that an analysis by group can be rehearsed too."""


def rehearsal(
    protocol: Protocol,
    starts: Mapping[str, str | None],
    *,
    share_of_worthwhile: float = 1.0,
    missing: float = 0.0,
    seed: int | None = None,
) -> pl.DataFrame:
    """Made-up rows of every outcome, in the columns of `table_file`, from the protocol's assumptions.

    Args:
        share_of_worthwhile: true difference, as a multiple of the smallest worthwhile one; 0: none.
        missing: share of values left empty. seed: by default the protocol's.

    Raises:
        EviError: a share of missing values outside 0 to 1.
    """
    if not 0 <= missing < 1:
        raise EviError("it is a share from 0 to 1.", where="--missing", do="Write 0.05 for 5%.", exit_code=2)
    on = switched_on(protocol, starts)
    sizes = np.maximum(np.rint([each.size for each in protocol.clusters]), 1).astype(int)
    tall = np.repeat(sizes[:, None], len(protocol.periods), axis=1)
    parts = []
    for number, outcome in enumerate(protocol.outcomes):
        rng = np.random.default_rng([protocol.seed if seed is None else seed, 4, number])
        effect = share_of_worthwhile * outcome.worthwhile_effect
        cluster, period, value = children_of(outcome, on, tall, effect, rng)
        lost = rng.random(len(value)) < missing
        lengths = np.array([(each.until - each.since).days for each in protocol.periods])[period]
        days = (rng.random(len(value)) * lengths).astype(int)
        parts.append(
            pl.DataFrame(
                {
                    "cluster": [protocol.clusters[each].id for each in cluster],
                    "period": [protocol.periods[each].id for each in period],
                    "child": [f"made-up-{number}-{each}" for each in range(len(value))],
                    "outcome": [outcome.id] * len(value),
                    "value": [None if gone else f"{each:g}" for each, gone in zip(value, lost, strict=True)],
                    "date": [
                        protocol.periods[each].since + timedelta(days=int(day))
                        for each, day in zip(period, days, strict=True)
                    ],
                    "language": np.where(rng.random(len(value)) < SHARE_ENGLISH, *LANGUAGES),
                }
            )
        )
    return pl.concat(parts)


def write_rehearsal(table: pl.DataFrame, path: Path) -> None:
    """Write made-up rows.

    Raises:
        EviError: the file is there already.
    """
    if path.exists():
        raise EviError(
            "the file is there already, and may hold real results.", where=str(path), do="Give another name."
        )
    with replace_file(path) as scratch:
        table.write_csv(scratch)
