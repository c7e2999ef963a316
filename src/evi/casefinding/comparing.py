"""Two rules side by side: who is found by both, who by one alone, and what the other says of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from evi.casefinding.finding import ANSWERS, Findings

NOT_ASKED = "not_asked"
"""Outside the ages of one of the two rules."""


@dataclass(frozen=True)
class Comparison:
    """What two rules, or families, say of the same children on one day.

    Attributes:
        table: subject_id, school, answer_a, answer_b, moves (`on`: positive by B and not by A; `off`: the
            other way round; `stays`: positive by both), why (reasons by a rule that finds the child).
        crossed: answer_a, answer_b, children.
    """

    first: Findings
    second: Findings
    table: pl.DataFrame
    crossed: pl.DataFrame

    def of(self, moves: str) -> pl.DataFrame:
        """The children who move on, off, or stay."""
        return self.table.filter(pl.col("moves") == moves)

    def to_json(self) -> dict[str, Any]:
        """For `--json`: counts, and every child whom one of the rules finds."""
        return {
            "a": self.first.run,
            "b": self.second.run,
            "moves": {moves: self.of(moves).height for moves in ("on", "off", "stays")},
            "crossed": self.crossed.to_dicts(),
            "children": self.table.to_dicts(),
        }


def compare(first: Findings, second: Findings) -> Comparison:
    """Compare what two rules say; every child whom either asks is in `crossed`, once."""
    columns = ["subject_id", "answer", "school", "reasons", "missing", "exclusion"]
    both = first.table.select(columns).join(
        second.table.select(columns), on="subject_id", how="full", suffix="_b", coalesce=True
    )
    both = both.with_columns(
        answer_a=pl.col("answer").fill_null(NOT_ASKED),
        answer_b=pl.col("answer_b").fill_null(NOT_ASKED),
        school=pl.coalesce("school", "school_b"),
    )
    on, off = pl.col("answer_b") == "positive", pl.col("answer_a") == "positive"
    found = both.filter(on | off).with_columns(
        moves=pl.when(on & off).then(pl.lit("stays")).when(on).then(pl.lit("on")).otherwise(pl.lit("off")),
        why=pl.when(on).then(pl.col("reasons_b")).otherwise(pl.col("reasons")),
    )
    order = {answer: place for place, answer in enumerate((*ANSWERS, NOT_ASKED))}
    crossed = (
        both.group_by("answer_a", "answer_b")
        .agg(pl.len().cast(pl.Int64).alias("children"))
        .sort(pl.col("answer_a").replace_strict(order), pl.col("answer_b").replace_strict(order))
    )
    table = found.select("subject_id", "school", "answer_a", "answer_b", "moves", "why")
    return Comparison(first, second, table.sort("moves", "school", "subject_id"), crossed)
