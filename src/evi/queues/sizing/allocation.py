"""Demand by locality and school: which school each assessed child is likely to be at.

The shares are a table: a district's own, or made from the schools of the children on its list. Each draw
gives every child one school and keeps it for all services, so that a school's intervals hold the chance of
who is seen as well as the doubt about what follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from evi.queues.sizing.knockon import KnockOn, luck
from evi.workspace import EviError

PLACE = 5
"""What the number of luck is for that gives a child its school."""
CLOSE = 0.01


@dataclass(frozen=True)
class Places:
    """Schools, the locality of each, and the share of assessed children who are at it (they sum to 1).

    Attributes:
        schools, localities: ids, one a school.
        shares: of all children, one a school.
        source: where the shares are from.
    """

    schools: tuple[str, ...]
    localities: tuple[str, ...]
    shares: npt.NDArray[np.float64]
    source: str


def read_places(path: Path) -> Places:
    """Read shares from a CSV file with the columns `school`, `locality` and `share` (or `children`).

    Raises:
        EviError: the file can't be read, a column is missing, a school is there twice, a share is negative
            or not a number, or the shares don't sum to 1.
    """
    try:
        table = pl.read_csv(path, schema_overrides={"school": pl.String, "locality": pl.String})
    except (OSError, pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise EviError(
            f"the table of schools can't be read ({type(error).__name__}).",
            where=str(path),
            do="Give a CSV file in UTF-8 with the columns school, locality and share.",
        ) from error
    column = "share" if "share" in table.columns else "children"
    missing = [name for name in ("school", "locality", column) if name not in table.columns]
    if missing:
        raise EviError(
            f"the table has no column {missing[0] if missing[0] != 'children' else 'share or children'}.",
            where=str(path),
            do="It needs school, locality, and share (which sum to 1) or children (counts).",
        )
    if not table[column].dtype.is_numeric() or table.null_count().row(0) != (0,) * table.width:
        raise EviError(
            f"{column} isn't a number in every row, or a cell is empty.",
            where=str(path),
            do="Mend the table.",
        )
    if table["school"].n_unique() < table.height:
        raise EviError("a school is in the table twice.", where=str(path), do="Leave one row a school.")
    return _places(
        table["school"].to_list(), table["locality"].to_list(), table[column].to_numpy(), column, str(path)
    )


def places_of_children(
    schools: Sequence[str | None], localities: Sequence[str | None], source: str
) -> Places:
    """Shares from the children on a list: one school and locality each; None where it isn't known.

    Raises:
        EviError: there is no child.
    """
    pairs = pl.DataFrame(
        {"school": schools, "locality": localities}, schema={"school": pl.String, "locality": pl.String}
    )
    counted = (
        pairs.with_columns(pl.all().fill_null("not known"))
        .group_by("school", maintain_order=True)
        .agg(pl.col("locality").mode().sort().first(), pl.len().alias("children"))
        .sort("school")
    )
    return _places(
        counted["school"].to_list(),
        counted["locality"].to_list(),
        counted["children"].to_numpy(),
        "children",
        source,
    )


def by_place(
    knock_on: KnockOn, places: Places, level: float = 0.8, by: str = "school", period: str = "year"
) -> pl.DataFrame:
    """Demand by place, service and period: mean, and the interval that holds `level` of the draws.

    Args:
        knock_on: what follows the plan.
        places: the shares.
        level: of the interval.
        by: `school` or `locality`.
        period: `year` (of the plan, from its start: 1, 2, …) or `all`.

    Returns:
        Columns locality, school (if by school), service, title, year, mean, low, high.
    """
    keys = places.schools if by == "school" else tuple(sorted(set(places.localities)))
    at = np.arange(len(places.schools)) if by == "school" else np.searchsorted(keys, places.localities)
    years = -(-knock_on.weeks // 52) if period == "year" else 1
    edges = np.cumsum(places.shares)[:-1]
    most = max((int(v.child.max()) + 1 for v in knock_on.visits.values() if len(v.child)), default=1)
    school_of = np.searchsorted(edges, luck(knock_on.seed, PLACE, most, knock_on.draws), side="right")
    tail = (1 - level) / 2
    frames = []
    for name, title in knock_on.titles.items():
        visits = knock_on.visits[name]
        within = visits.week < knock_on.weeks
        draw, child, week = visits.draw[within], visits.child[within], visits.week[within]
        place = at[school_of[child * knock_on.draws + draw]]
        year = week // 52 if period == "year" else np.zeros_like(week)
        cell = (draw * len(keys) + place) * years + year
        counts = np.bincount(cell, minlength=knock_on.draws * len(keys) * years)
        counts = counts.reshape(knock_on.draws, len(keys) * years)
        low, high = np.quantile(counts, [tail, 1 - tail], axis=0)
        frames.append(
            pl.DataFrame(
                {
                    by: np.repeat(np.array(keys, object), years).astype(str),
                    "service": name,
                    "title": title,
                    "year": np.tile(np.arange(years) + 1, len(keys)),
                    "mean": counts.mean(axis=0),
                    "low": low,
                    "high": high,
                }
            )
        )
    table = pl.concat(frames)
    if by == "school":
        where = pl.DataFrame({"school": places.schools, "locality": places.localities})
        table = table.join(where, on="school", maintain_order="left")
    return table


def _places(
    schools: list[str],
    localities: list[str],
    weights: npt.NDArray[np.float64] | npt.NDArray[np.int64],
    kind: str,
    source: str,
) -> Places:
    shares = np.asarray(weights, float)
    total = float(shares.sum()) if len(shares) else 0.0
    if not np.isfinite(total) or (len(shares) and shares.min() < 0) or total <= 0:
        raise EviError(f"the {kind} are negative, or nobody is there.", where=source, do="Check the table.")
    if kind == "share" and abs(total - 1) > CLOSE:
        raise EviError(
            f"the shares sum to {total:g}, not to 1.", where=source, do="Give every school its share of 1."
        )
    return Places(tuple(schools), tuple(localities), shares / total, source)
