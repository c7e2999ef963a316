"""Cut-points of the bands, estimated from data when somebody asks, and never applied by themselves."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from evi.index.catalogue import NOT_ENOUGH_KNOWN, Bands
from evi.workspace import EviError

FEWEST_CHILDREN = 1_000
"""Below this many children the 99th percentile rests on fewer than ten of them; a choice of ours."""


def estimate_bands(children: pa.Table, now: Bands) -> Bands:
    """Cut-points for these children by the method of the electronic Frailty Index.

    Clegg 2016 split the range from 0 to the 99th percentile of the index into four equal parts. Here it
    is split into as many parts as there are bands now.

    Nothing is written and no index changes: whoever owns the registry reads the result, decides, and puts
    it into the registry with its date.

    Args:
        children: `index/at-<date>/children.parquet`; children of whom not enough is known are left out.
        now: the bands in force, which give the names and the minimum share.

    Raises:
        EviError: there are too few children, or their index has no spread to divide.

    Returns:
        Bands with new cut-points, marked provisional until their owner says otherwise.
    """
    band = np.asarray(children["band"].to_pylist())
    evi = np.asarray(children["evi"].to_numpy(zero_copy_only=False), dtype=float)[band != NOT_ENOUGH_KNOWN]
    if len(evi) < FEWEST_CHILDREN:
        raise EviError(
            f"there are {len(evi):,} children of whom enough is known; cut-points need {FEWEST_CHILDREN:,}.",
            where="bands",
            do="Estimate them on a larger district, or keep the published ones.",
        )
    top = float(np.quantile(evi, 0.99))
    if top <= 0:
        raise EviError(
            "almost no child here has a need on record, so the index can't be divided.",
            where="bands",
            do="Check the feeds with `evi status` first.",
        )
    parts = len(now.names)
    cuts = tuple(round(top * part / parts, 4) for part in range(1, parts))
    method = (
        f"{parts} equal parts of the range from 0 to the 99th percentile ({top:.4f}) "
        f"of the index of {len(evi):,} children."
    )
    return Bands(now.names, cuts, now.minimum_share, provisional=True, method=method)
