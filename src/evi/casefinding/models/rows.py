"""What a model learns from: children when each year's assessments were in, and who was recorded later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from evi.casefinding.assessed import WRONG_FRAMEWORK
from evi.casefinding.conditions import condition_named
from evi.casefinding.finding import find
from evi.casefinding.known import Known
from evi.casefinding.models.features import Feature, features_for, read_features
from evi.casefinding.models.leaks import refuse_declared, refuse_later
from evi.casefinding.models.splits import families_of
from evi.casefinding.rules import Rule
from evi.casefinding.truth import coded_links, has_truth, truth_table
from evi.records import reference_day
from evi.workspace import SILENT, District, EviError, Progress

YEARS = 3
OLDEST = 12
"""Cohorts further back than so many years are not read."""


@dataclass(frozen=True)
class Rows:
    """Children to learn from or to judge on, one row each.

    Attributes:
        table: subject_id, family, school, cohort (the day as of which each child is seen), a column a
            feature, flagged (by the rule), margin, outcome (recorded within `years`, and not by the day),
            unrecognised (null where nobody can say).
        features: what the columns are.
        years: how long after the day the outcome is looked for.
        left_out: children of these assessments who are not here, by reason.
    """

    table: pl.DataFrame
    features: tuple[Feature, ...]
    years: int
    left_out: dict[str, int]

    def __len__(self) -> int:
        return self.table.height

    @property
    def outcome(self) -> npt.NDArray[np.bool_]:
        """Of each row, whether the condition was recorded in the years after."""
        return self.table["outcome"].to_numpy()

    @property
    def family(self) -> npt.NDArray[np.int64]:
        """Of each row, its family."""
        return self.table["family"].to_numpy()

    @property
    def events(self) -> int:
        """Rows with the outcome."""
        return int(self.outcome.sum())

    def take(self, places: npt.NDArray[np.int64]) -> Rows:
        """Some rows, by place."""
        return Rows(self.table[places], self.features, self.years, self.left_out)


def make_rows(
    district: District,
    rule: Rule,
    day: date,
    *,
    years: int = YEARS,
    without: Sequence[str] = (),
    progress: Progress = SILENT,
) -> Rows:
    """Children assessed in each school year that ended at least `years` before the day.

    Each is seen as on the last day of that year, with what was known by then; those already recorded or on a
    pathway are left out, as the rule leaves them out; those who left before the years were over are too,
    since nobody can say what became of them, unless they were recorded first.

    Args:
        without: names of features to leave out.

    Raises:
        EviError: no such condition, a leak by declaration or time, nobody to learn from, or no spine.
    """
    sought = condition_named(rule.condition)
    features = features_for(rule, without)
    refuse_declared(features, sought.recorded)
    newest = min(day, reference_day(district))
    links = coded_links(district) if has_truth(district) and district.config.synthetic else None
    parts: list[pl.DataFrame] = []
    left_out: dict[str, int] = {}
    cohorts = [
        date(newest.year - back, newest.month, min(newest.day, 28) if newest.month == 2 else newest.day)
        for back in range(years, OLDEST + years)
    ]
    with progress.task(f"Reading cohorts for {rule.id}", len(cohorts)) as advance:
        for cohort in cohorts:
            part = _cohort(district, rule, features, cohort, years, links, left_out)
            if part is not None:
                parts.append(part)
            advance(1)
    if not parts:
        raise EviError(
            f"no child was assessed by it at least {years} years before {newest}.",
            where=f"rule {rule.id}",
            do="Take fewer years to the outcome, or load older assessments.",
            exit_code=4,
        )
    table = (
        pl.concat(parts).sort("subject_id", "cohort").unique("subject_id", keep="first", maintain_order=True)
    )
    family = families_of(table["subject_id"], *_homes_and_kin(district, newest))
    return Rows(table.with_columns(family=pl.Series(family)), features, years, left_out)


def _homes_and_kin(district: District, day: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    files = [district.spine / name for name in ("households.parquet", "relations.parquet")]
    for path in files:
        if not path.is_file():
            raise EviError(
                "nobody can say who is whose brother or sister, so families can't be kept apart.",
                where=str(path),
                do="Run `evi link` first.",
                exit_code=2,
            )
    homes, kin = (pl.read_parquet(path) for path in files)
    return homes.filter(held_on(day)), kin


def rows_on(district: District, rule: Rule, day: date, features: Sequence[Feature]) -> pl.DataFrame:
    """Children whom the rule asks about on a day and can score, with their features: who is put in order.

    Returns:
        subject_id, a column a feature, margin, flagged.
    """
    asked = _asked(district, rule, day)
    with Known(district, day, [code for each in features for code in each.codes]) as known:
        table, days = read_features(known, features, asked)
    refuse_later(days, pl.Series([day] * table.height, dtype=pl.Date))
    return table.join(asked, on="subject_id", how="left", maintain_order="left")


def _asked(district: District, rule: Rule, day: date, left_out: dict[str, int] | None = None) -> pl.DataFrame:
    found = find(district, rule, day).table
    if left_out is not None:
        new = found.filter(pl.col("assessed_on") > date(day.year - 1, day.month, min(day.day, 28)))
        lost = (pl.col("answer") == "not_assessable") & (pl.col("problem") != "other_framework")
        excluded = new.filter(pl.col("answer") == "excluded").height
        _count(left_out, "on a pathway, or recorded, by the day", excluded)
        _count(left_out, "too little known to score", new.filter(lost).height)
    past = pl.col("margin") >= 0 if rule.threshold.direction == "at_least" else pl.col("margin") > 0
    rows = found.filter(pl.col("answer").is_in(["positive", "negative"]))
    return rows.select("subject_id", "school", "assessed_on", "birth_month", "margin", flagged=past)


def _cohort(
    district: District,
    rule: Rule,
    features: Sequence[Feature],
    day: date,
    years: int,
    links: pl.DataFrame | None,
    left_out: dict[str, int],
) -> pl.DataFrame | None:
    """One year's children on its last day, or None if the rule's framework was not in use."""
    try:
        asked = _asked(district, rule, day, left_out)
    except EviError as error:
        if error.exit_code == WRONG_FRAMEWORK:
            return None
        raise
    asked = asked.filter(pl.col("assessed_on") > date(day.year - 1, day.month, min(day.day, 28)))
    if asked.is_empty():
        return None
    with Known(district, day, [code for each in features for code in each.codes]) as known:
        table, days = read_features(known, features, asked)
    refuse_later(days, pl.Series([day] * table.height, dtype=pl.Date))
    told = links is not None
    truth = truth_table(district, rule.condition, day, years=years, links=links, told=told)
    truth = truth.with_columns(
        unrecognised=pl.when(~pl.col("diagnosed") & ~pl.col("waiting") & ~pl.col("recorded")).then(
            "unrecognised"
        )
    )
    wanted = ["subject_id", "recorded", "recorded_within", "unrecognised"]
    joined = (
        table.join(asked, on="subject_id", how="left", maintain_order="left")
        .join(truth.select(wanted), on="subject_id", how="left", maintain_order="left")
        .with_columns(cohort=pl.lit(day, pl.Date))
    )  # fmt: skip
    end = date(day.year + years, day.month, min(day.day, 28))
    stays = _covered(district, end)
    keep = ~pl.col("recorded") & (pl.col("recorded_within") | pl.col("subject_id").is_in(stays))
    _count(left_out, "recorded by a service that the rule does not ask", joined.filter("recorded").height)
    kept = joined.filter(keep)
    _count(
        left_out, "left before the years were over", joined.filter(~pl.col("recorded")).height - kept.height
    )
    return kept.rename({"recorded_within": "outcome"}).drop("recorded", "assessed_on", "birth_month")


def _covered(district: District, day: date) -> list[int]:
    """Children of whom some service still spoke on a day."""
    covered = pl.scan_parquet(district.records / "coverage.parquet").filter(held_on(day))
    return covered.select(pl.col("subject_id").unique()).collect()["subject_id"].to_list()


def held_on(day: date) -> pl.Expr:
    """Whether a stretch (start, end) of homes or coverage holds on a day."""
    started = pl.col("start").is_null() | (pl.col("start") <= day)
    return started & (pl.col("end").is_null() | (pl.col("end") > day))


def _count(left_out: dict[str, int], reason: str, children: int) -> None:
    if children:
        left_out[reason] = left_out.get(reason, 0) + children


def matrix_for_leaks(rows: Rows) -> tuple[npt.NDArray[Any], list[str]]:
    """Every feature as numbers, levels as one column each, missing as NaN; and whose each column is."""
    columns, names = [], []
    for feature in rows.features:
        values = rows.table[feature.name]
        if feature.kind == "number":
            columns.append(values.to_numpy().astype(float))
            names.append(feature.name)
            continue
        for level in sorted(values.unique().to_list())[1:]:
            columns.append((values == level).to_numpy().astype(float))
            names.append(feature.name)
    return np.column_stack(columns), names
