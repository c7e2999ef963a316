"""What is counted on the spine and on every draw of it, and how the draws are summed up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

CHILD_UNDER = 18
HEALTH = ("ae", "csds", "gp", "maternity", "mhsds")
SOCIAL_CARE = ("cin", "ssd", "ssda903")
LOW, HIGH = 0.05, 0.95


def children_of(subjects: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """feed, person of the records of children: under 18 in the newest month in which anybody was born."""
    day = subjects["birth_month"].max()
    if day is None:
        return people.select("feed", "person").clear()
    young = subjects.filter(pl.col("birth_month").dt.offset_by(f"{CHILD_UNDER}y") > day)
    return people.join(young.select("subject_id"), on="subject_id", how="semi").select("feed", "person")


def figures(people: pl.DataFrame, children: pl.DataFrame) -> dict[str, int]:
    """District counts of one spine or draw: people, children, and children in each two feeds.

    Args:
        people: feed, person, subject_id.
        children: feed, person of children's records.
    """
    young = people.join(children, on=["feed", "person"], how="semi")
    held = {str(feed): set(group["subject_id"]) for (feed,), group in young.group_by("feed")}
    health: set[int] = set().union(*(held.get(feed, set()) for feed in HEALTH))
    care: set[int] = set().union(*(held.get(feed, set()) for feed in SOCIAL_CARE))
    found = {
        "people": people["subject_id"].n_unique(),
        "children": young["subject_id"].n_unique(),
        "children in health and social care": len(health & care),
    }
    found |= {f"children in {feed}": len(held[feed]) for feed in sorted(held)}
    found |= {f"children in {a} and {b}": len(held[a] & held[b]) for a, b in combinations(sorted(held), 2)}
    return found


def summary(spine: Mapping[str, int], drawn: Sequence[Mapping[str, int]]) -> pl.DataFrame:
    """One row a figure: the spine's count, and the mean, spread and middle 90% of the draws."""
    rows = []
    for name, count in spine.items():
        rows.append({"figure": name, "spine": count} | spread_of([one.get(name, 0) for one in drawn]))
    return pl.DataFrame(rows, infer_schema_length=None)


def spread_of(values: Sequence[int]) -> dict[str, Any]:
    """mean, sd, low, high and values of one figure's draws.

    `low` and `high` hold the middle 90% of what a further draw would give: quantiles at p (n + 1), the sixth
    kind of Hyndman and Fan, "Sample quantiles in statistical packages" (1996). The usual kind, at p (n − 1),
    would hold only 81% of further draws if there are 20.

    >>> spread_of(list(range(20)))["low"], spread_of(list(range(20)))["high"]
    (0.05, 18.95)
    """
    array = np.array(values, float)
    low, high = np.quantile(array, (LOW, HIGH), method="weibull")
    return {
        "mean": round(float(array.mean()), 3),
        "sd": round(float(array.std(ddof=1)), 3),
        "low": round(float(low), 3),
        "high": round(float(high), 3),
        "values": array.astype(int).tolist(),
    }
