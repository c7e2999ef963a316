"""Journeys of children on a list whose rates are known, for tests of what is fitted to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import polars as pl

FIRST = date(2020, 1, 6)


@dataclass(frozen=True)
class Truth:
    """Rates a week, as the network's contract has them."""

    referrals: float = 30.0
    slots: int = 27
    missed: float = 0.1
    removal: dict[int, float] = field(default_factory=lambda: {0: 0.004, 26: 0.012})
    longest: float = 0.5
    weeks: int = 200


def journeys_of(truth: Truth, seed: int) -> tuple[pl.DataFrame, date, list[date]]:
    """Work a list week by week: referrals join, some leave, slots go to the longest wait or to anyone."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, object]] = []
    line: list[int] = []
    misses: list[date] = []
    for week in range(truth.weeks):
        monday = FIRST + timedelta(weeks=week)
        for _ in range(rng.poisson(truth.referrals)):
            referred = monday + timedelta(days=int(rng.integers(0, 5)))
            rows.append({"week": week, "referred": referred, "offered": 0, "missed": 0})
            line.append(len(rows) - 1)
        ages = np.array([week - int(rows[k]["week"]) for k in line])  # type: ignore[call-overload]
        chance = np.zeros(len(line))
        for start, p in truth.removal.items():
            chance[ages >= start] = p
        leave = rng.random(len(line)) < chance
        for k in np.array(line, int)[leave]:
            rows[k]["removed"] = monday + timedelta(days=4)
        line = [k for k, gone in zip(line, leave, strict=True) if not gone]
        offered: list[int] = []
        for _ in range(truth.slots):
            if not line:
                break
            k = line.pop(0 if rng.random() < truth.longest else int(rng.integers(len(line))))
            rows[k]["offered"] += 1  # type: ignore[operator]
            if rng.random() < truth.missed:
                rows[k]["missed"] += 1  # type: ignore[operator]
                misses.append(monday)
                offered.append(k)
            else:
                rows[k]["started"] = monday + timedelta(days=4)
        line = sorted([*line, *offered])
    schema: dict[str, type[pl.DataType]] = {name: pl.Date for name in ("referred", "started", "removed")}
    schema |= {name: pl.Int32 for name in ("offered", "missed")}
    table = pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)
    return table, FIRST + timedelta(weeks=truth.weeks), misses
