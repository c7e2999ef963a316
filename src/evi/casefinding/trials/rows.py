"""Outcomes of children as an analysis reads them, and why others are not among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from evi.casefinding.trials.designs import Bools, Floats, Ints

REJECTS = {
    "unknown_outcome": "rows of an outcome that the protocol does not have",
    "unknown_cluster": "rows of a school that is not in the trial",
    "unknown_period": "rows of a period that the protocol does not have",
    "no_child": "rows without a child",
    "not_a_number": "values that are no number",
    "too_large": "values over a million, too large to be true",
    "negative": "values under zero: something that came before it could",
    "not_a_share": "shares other than 0 and 1",
    "not_whole": "counts that are no whole number",
    "no_date": "dates that can't be read",
    "outside_period": "rows dated before their period starts, or after it ends",
    "two_arms": "rows of a school that say another arm than the one it was given",
    "two_clusters": "rows of a child who is in two schools in one period",
    "disagree": "rows of one child, period and outcome with values that differ",
    "written_twice": "rows written twice with the same value, read once",
    "before_periods": "children whose first event came before the trial's first period",
    "between_periods": "children whose first event fell between periods or after the last",
    "known_before": "children to whom it had happened before, so that they do not count",
    "other_age": "children outside the ages of the trial",
    "no_birth_month": "children whose month of birth is not known",
    "before_birth": "children with an event dated before their birth",
    "no_school": "children of no known school on that day",
    "other_school": "children of schools that are not in the trial",
    "not_followed": "children who are not followed long enough yet",
}
"""Why a row or a child is not counted."""
NOTED = {
    "capped": "values longer than children are followed, read as that long",
    "earlier": "children to whom it had happened before too, who count only for what came after",
    "crosses_start": "children whose school started the change while they were followed",
}
"""What else is said, of rows that do count."""


@dataclass(frozen=True)
class Rows:
    """The children of one outcome.

    Attributes:
        table: cluster and period (numbers, as in the protocol), child, value (null: missing), and groups.
        rejects: how many rows (or children) were left out, by the keys of `REJECTS`.
        notes: how many of those counted, by the keys of `NOTED`.
    """

    outcome: str
    table: pl.DataFrame
    rejects: Mapping[str, int]
    notes: Mapping[str, int]

    @property
    def known(self) -> pl.DataFrame:
        """The rows with a value."""
        return self.table.filter(pl.col("value").is_not_null())

    def reject_lines(self) -> list[str]:
        """What was left out, and what is said of the rest, each with its count."""
        return [f"{words}: {count:,}" for of, all_words in ((self.rejects, REJECTS), (self.notes, NOTED))
                for key, words in all_words.items() if (count := of.get(key, 0))]  # fmt: skip


@dataclass(frozen=True)
class Cells:
    """Schools by periods (and groups) with their children's mean, in arrays of one length; no cell is empty.

    Attributes:
        n, mean, squares: children, their mean, and the sum of squares around it.
    """

    cluster: Ints
    period: Ints
    group: Ints
    n: Floats
    mean: Floats
    squares: Floats
    names: tuple[str, ...] = ()

    def on(self, design: Bools) -> Bools:
        """With the change or not, from a table of schools by periods."""
        found: Bools = design[self.cluster, self.period]
        return found


def cells_of(table: pl.DataFrame, by: str | None = None) -> Cells:
    """Cells of a table of rows with values; with `by`, apart for each group, in order of name."""
    named = table.with_columns(group=pl.lit("") if by is None else pl.col(by).cast(pl.String))
    names = tuple(named["group"].unique().sort().to_list())
    counted = (
        named.group_by("cluster", "period", "group")
        .agg(
            n=pl.len().cast(pl.Float64),
            mean=pl.col("value").mean(),
            squares=((pl.col("value") - pl.col("value").mean()) ** 2).sum(),
        )
        .sort("cluster", "period", "group")
    )
    number = np.searchsorted(np.array(names), counted["group"].to_numpy().astype(str))
    cluster, period = (counted[name].to_numpy().astype(int) for name in ("cluster", "period"))
    n, mean, squares = (counted[name].to_numpy().astype(float) for name in ("n", "mean", "squares"))
    return Cells(cluster, period, number.astype(int), n, mean, squares, names)
