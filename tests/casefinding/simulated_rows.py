"""Children made up in memory, in the shape that models learn from, with a known way to the outcome."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from evi.casefinding.models.features import Feature
from evi.casefinding.models.rows import Rows

FEATURES = (
    Feature("total", "total", "number", bend=True, codes=("EDU/EYFSP/2012/COM/LA",)),
    Feature("weeks_early", "weeks early", "number", codes=("HEALTH/BIRTH/GESTATION",)),
    Feature("sex", "sex", "level"),
    Feature("speech", "speech therapy asked for", "level", codes=("HEALTH/SALT/REFERRAL",)),
)


def made_rows(
    n: int,
    seed: int = 0,
    *,
    slope: float = -0.25,
    sex: float = 0.0,
    speech: float = 0.0,
    level: float = -3.0,
    gap_adds: float = 0.0,
    noise: int = 0,
) -> Rows:
    """Rows whose true log odds are `level` + `slope` * (total - 34) and what sex, speech and a gap add.

    Args:
        gap_adds: what not knowing the weeks adds: a gap that tells something of the outcome.
        noise: features that tell nothing.
    """
    rng = np.random.default_rng(seed)
    total = np.clip(np.round(rng.normal(34, 7, n)), 17, 51)
    weeks = np.clip(np.round(rng.gamma(1.2, 1.2, n)), 0, 16)
    gap = rng.random(n) < 0.2
    boys, referred = rng.random(n) < 0.5, rng.random(n) < 0.1
    log_odds = level + slope * (total - 34) + sex * boys + speech * referred + gap_adds * gap
    outcome = rng.random(n) < 1 / (1 + np.exp(-log_odds))
    extra = tuple(Feature(f"noise_{k}", "noise", "number") for k in range(noise))
    table = pl.DataFrame(
        {
            "subject_id": np.arange(n),
            "family": np.arange(n) // 2,
            "school": [f"s{k}" for k in rng.integers(0, 20, n)],
            "cohort": [date(2014 + k, 8, 31) for k in rng.integers(0, 6, n)],
            "total": total,
            "weeks_early": pl.Series(
                [None if g else w for g, w in zip(gap, weeks, strict=True)], dtype=pl.Float64
            ),
            "sex": np.where(boys, "M", "F"),
            "speech": np.where(referred, "yes", "no"),
            "margin": 25 - total,
            "flagged": total < 25,
            "outcome": outcome,
            "unrecognised": pl.Series([None] * n, dtype=pl.Boolean),
            "log_odds": log_odds,
            **{each.name: rng.normal(size=n) for each in extra},
        }
    )
    return Rows(table, (*FEATURES, *extra), 3, {})
