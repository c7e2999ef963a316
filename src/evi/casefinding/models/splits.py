"""Who is learned from and who is judged: never the same child, never two of one family, never tomorrow's.

A child's visits, and brothers and sisters, resemble each other. If some are learned from and others judged, a
model looks better than it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from evi.workspace import EviError

Ints = npt.NDArray[np.int64]
FOLDS = 5
FEWEST_EVENTS = 5
"""A part with fewer children who had the outcome says nothing about a model."""


@dataclass(frozen=True)
class Split:
    """Rows that are learned from and rows that are judged."""

    name: str
    learn: Ints
    judge: Ints


def apart(split: Split, groups: npt.ArrayLike, what: str = "child") -> Split:
    """The split, if no group has rows on both sides.

    Args:
        groups: of each row, whose it is (child or family).

    Raises:
        EviError: some have rows on both sides.
    """
    whose = np.asarray(groups)
    both = np.intersect1d(whose[split.learn], whose[split.judge])
    if len(both):
        raise EviError(
            f"{len(both):,} of {len(np.unique(whose)):,} are on both sides, so what is learned of them is "
            "judged on them.",
            where=f"{split.name} by {what}",
            do=f"Split by {what}: `by_group`.",
            exit_code=5,
        )
    return split


def by_row(n: int, *, folds: int = FOLDS, seed: int = 0) -> list[Split]:
    """Folds of rows as they come; safe only where each child has one row (see `apart`)."""
    order = np.random.default_rng(seed).permutation(n)
    parts = np.array_split(order, folds)
    return [
        Split(f"fold {number + 1}", np.setdiff1d(order, part), np.sort(part))
        for number, part in enumerate(parts)
    ]


def by_group(
    outcome: npt.NDArray[np.bool_], groups: npt.ArrayLike, *, folds: int = FOLDS, seed: int = 0
) -> list[Split]:
    """Folds that keep each child's, or each family's, rows together, with like shares of the outcome.

    Groups are dealt out like cards, there and back, those with most outcomes first. scikit-learn's class
    for this looks at families one by one, and every fit here needs such folds.

    Raises:
        EviError: there are fewer groups than folds.
    """
    names, whose = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < folds or outcome.sum() < folds:
        raise EviError(f"too few children, families or outcomes for {folds} parts.", do="Take more years.")
    events, size = np.bincount(whose, outcome, len(names)), np.bincount(whose, minlength=len(names))
    luck = np.random.default_rng(seed).random(len(names))
    dealt = np.lexsort((luck, -size, -events))  # those with most outcomes first, then the largest
    there_and_back = np.array([*range(folds), *reversed(range(folds))])
    fold = np.empty(len(names), dtype=np.int64)
    fold[dealt] = there_and_back[np.arange(len(names)) % (2 * folds)]
    return [
        Split(
            f"fold {number + 1}", np.flatnonzero(fold[whose] != number), np.flatnonzero(fold[whose] == number)
        )
        for number in range(folds)
    ]


def by_time(cohort: pl.Series, groups: npt.ArrayLike, outcome: npt.NDArray[np.bool_]) -> Split:
    """Learn from earlier cohorts and judge the last one or more that hold a fifth of children.

    Families with a child among those judged are not learned from.

    Raises:
        EviError: there is one cohort only, or too few outcomes on a side.
    """
    sizes = cohort.value_counts().sort(cohort.name, descending=True)
    days, counts = sizes[cohort.name].to_list(), sizes["count"].to_list()
    late: list[Any] = []
    held = 0
    while len(late) < len(days) - 1 and (not late or held < len(cohort) / FOLDS):
        late.append(days[len(late)])
        held += counts[len(late) - 1]
    if not late:
        raise EviError("there is one cohort only, so nothing is later.", do="Take more years.")
    after = cohort.is_in(late).to_numpy()
    whose = np.asarray(groups)
    spans = np.isin(whose, whose[after])
    split = Split(f"from {min(late)} on", np.flatnonzero(~after & ~spans), np.flatnonzero(after))
    return apart(_enough(split, outcome), whose, "family")


def by_place(
    place: pl.Series, groups: npt.ArrayLike, outcome: npt.NDArray[np.bool_], *, seed: int = 0
) -> Iterator[Split]:
    """Leave a fifth of places out, one fifth after another; families that span two are not learned from.

    Raises:
        EviError: there are fewer than five places, or too few outcomes on a side.
    """
    names = np.array(sorted(place.drop_nulls().unique().to_list()))
    if len(names) < FOLDS:
        raise EviError(
            f"there are {len(names)} places, too few to leave a fifth out.", do="Judge by another split."
        )
    whose = np.asarray(groups)
    for number, some in enumerate(np.array_split(np.random.default_rng(seed).permutation(names), FOLDS)):
        there = place.is_in(some.tolist()).fill_null(False).to_numpy()
        spans = np.isin(whose, whose[there])
        split = Split(f"places {number + 1}", np.flatnonzero(~there & ~spans), np.flatnonzero(there))
        yield apart(_enough(split, outcome), whose, "family")


def _enough(split: Split, outcome: npt.NDArray[np.bool_]) -> Split:
    for rows in (split.learn, split.judge):
        if min(outcome[rows].sum(), (~outcome[rows]).sum()) < FEWEST_EVENTS:
            raise EviError(
                f"fewer than {FEWEST_EVENTS} children with the outcome are on a side.",
                where=split.name,
                do="Judge by another split, or take more years.",
            )
    return split


def families_of(subjects: pl.Series, households: pl.DataFrame, relations: pl.DataFrame) -> Ints:
    """A family number for each child: brothers, sisters and all who ever shared a home with them are one.

    Args:
        households: subject_id, household_id. relations: subject_id, relation, other_id.
    """
    from scipy.sparse import coo_array  # noqa: PLC0415
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    mine = subjects.unique()
    at_home = households.filter(pl.col("subject_id").is_in(mine.to_list())).select(
        a="subject_id", b=pl.concat_str(pl.lit("h"), pl.col("household_id"))
    )
    kin = relations.filter(pl.col("subject_id").is_in(mine.to_list()))
    related = kin.select(a="subject_id", b=pl.concat_str(pl.lit("p"), pl.col("other_id")))
    myself = pl.DataFrame({"a": mine}).with_columns(b=pl.concat_str(pl.lit("p"), pl.col("a")))
    pairs = pl.concat([at_home, related, myself]).drop_nulls().unique(maintain_order=True)
    left = pairs["a"].to_numpy()
    _, rows = np.unique(left, return_inverse=True)
    _, columns = np.unique(pairs["b"].to_numpy().astype(str), return_inverse=True)
    n = int(rows.max()) + 1 if len(rows) else 0
    width = n + (int(columns.max()) + 1 if len(columns) else 0)
    graph = coo_array((np.ones(len(rows)), (rows, columns + n)), shape=(width, width))
    labels: Any = connected_components(graph, directed=False)[1]
    found = dict(zip(np.unique(left).tolist(), labels[:n].tolist(), strict=True))
    return np.array([found[child] for child in subjects.to_list()], dtype=np.int64)
