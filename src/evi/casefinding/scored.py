"""A rule's answers beside the truth, child by child, in one layer; and how much of the need it can reach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from evi.casefinding.finding import Findings
from evi.casefinding.group_rates import bands
from evi.casefinding.performance import Counts, Performance, count, judge_counts
from evi.casefinding.truth import Layer, outcome_of

NOT_YET: tuple[Layer, ...] = ("recorded_within", "unrecognised")
"""Layers of what nobody knows yet: children who are excluded are not asked about."""


def scored(findings: Findings, truth: pl.DataFrame, layer: Layer) -> pl.DataFrame:
    """Children whom the rule could assess and of whom the layer says something.

    In the layers of what is already recorded, or true whoever knows it, excluded children count by their
    score, since the exclusion is itself the answer that is looked for.

    Returns:
        subject_id, rule, flagged (bool), outcome (bool), score, margin, sorted by subject_id.
    """
    rows = findings.table.filter(pl.col("score").is_not_null())
    if layer in NOT_YET:
        rows = rows.filter(pl.col("answer").is_in(["positive", "negative"]))
    upward = [rule.id for rule in findings.rules if rule.threshold.direction == "at_least"]
    past = pl.when(pl.col("rule").is_in(upward)).then(pl.col("margin") >= 0).otherwise(pl.col("margin") > 0)
    asked = rows.select("subject_id", "rule", past.alias("flagged"), "score", "margin")
    return asked.join(outcome_of(truth, layer), on="subject_id").sort("subject_id")


def measured(rows: pl.DataFrame) -> Performance:
    """The figures of `scored` rows."""
    return judge_counts(counted(rows))


def counted(rows: pl.DataFrame) -> Counts:
    """The four counts of `scored` rows."""
    return count(rows["flagged"].to_numpy(), rows["outcome"].to_numpy())


def alike(rows: pl.DataFrame) -> npt.NDArray[np.int64]:
    """Which children of `scored` rows score alike: bands of margin within each rule, numbered throughout."""
    made = np.zeros(rows.height, np.int64)
    following = 0
    for rule in sorted(rows["rule"].unique().to_list()):
        mine = (rows["rule"] == rule).to_numpy()
        numbers = bands(rows["margin"].to_numpy()[mine].astype(float))
        made[mine] = numbers + following
        following += int(numbers.max()) + 1
    return made


@dataclass(frozen=True)
class Reach:
    """What became of the people of the rule's ages who have a need that nobody knows of, by person and not by
    record: a child in two pieces counts once.

    Attributes:
        people: how many have it.
        flagged, not_flagged: assessed, and on the list or not.
        excluded: left out, though nobody knows of it.
        not_assessable: too little is known of them to say.
        unjoined: of those, how many have a result that is in the district and joined to another subject.
    """

    people: int
    flagged: int
    not_flagged: int
    excluded: int
    not_assessable: int
    unjoined: int


def reach(findings: Findings, truth: pl.DataFrame, with_record: pl.Series) -> Reach:
    """Count the people with an unrecognised need by what the rule says of any of their subjects.

    Args:
        with_record: true persons of whom some feed that the rule reads has a record (`people_in_feeds`).
    """
    needy = truth.filter(pl.col("unrecognised")).select("subject_id", "true_person")
    said = findings.table.select("subject_id", "answer").join(needy, on="subject_id")
    best = said.group_by("true_person").agg(
        *((pl.col("answer") == answer).any().alias(answer) for answer in ("positive", "negative", "excluded"))
    )
    flagged = best.filter("positive").height
    unflagged = best.filter(~pl.col("positive") & pl.col("negative")).height
    excluded = best.filter(~pl.col("positive") & ~pl.col("negative") & pl.col("excluded")).height
    lost = best.filter(~pl.col("positive") & ~pl.col("negative") & ~pl.col("excluded"))
    unjoined = lost.filter(pl.col("true_person").is_in(with_record.to_list())).height
    return Reach(best.height, flagged, unflagged, excluded, lost.height, unjoined)


def not_assessable(findings: Findings, truth: pl.DataFrame, with_record: pl.Series) -> pl.DataFrame:
    """subject_id, lost (not assessable), unjoined (lost, though the feed has a record of the true person;
    false where there is no truth) of every child who is asked."""
    lost = pl.col("answer") == "not_assessable"
    return (
        findings.table.select("subject_id", lost=lost)
        .join(truth.select("subject_id", "true_person"), on="subject_id", how="left")
        .select(
            "subject_id",
            "lost",
            unjoined=pl.col("lost") & pl.col("true_person").is_in(with_record.to_list()).fill_null(False),
        )
    )
