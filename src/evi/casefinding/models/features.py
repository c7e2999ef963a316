"""What a model may read of a child: declared as data, with its source and what it may decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import polars as pl
import yaml

from evi.casefinding.known import Known
from evi.casefinding.rules import GESTATION, Rule
from evi.workspace import EviError

FILE = Path(__file__).parent / "features.yaml"
NOT_KNOWN = "not known"
TERM_WEEKS = 40
ONE_ASSESSMENT_DAYS = 60
"""Results so many days before a child's newest one are of the same assessment."""


@dataclass(frozen=True)
class Feature:
    """One feature.

    Attributes:
        kind: `number` (missing is null and stays so) or `level` (missing is the level "not known").
        bend: whether a number gets a spline, or a straight line.
        codes: the events that it reads; none for a fact of the person.
        determines: how it could decide the outcome by itself; empty if it can't.
        why: why a model may read it.
    """

    name: str
    title: str
    kind: Literal["number", "level"]
    bend: bool = False
    codes: tuple[str, ...] = ()
    determines: str = ""
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        """For a saved model."""
        return {
            "name": self.name, "title": self.title, "kind": self.kind, "bend": self.bend,
            "codes": list(self.codes), "determines": self.determines, "why": self.why,
        }  # fmt: skip


@cache
def declared() -> tuple[dict[str, Any], ...]:
    """The rows of `features.yaml`."""
    return tuple(yaml.safe_load(FILE.read_text(encoding="utf-8")))


def features_for(rule: Rule, without: Sequence[str] = ()) -> tuple[Feature, ...]:
    """The features that a model beside a rule may read.

    Args:
        without: names of features to leave out.

    Raises:
        EviError: the rule reads no assessment, or several frameworks: their results can't be put together;
            or there is no feature of a name to leave out.
    """
    if rule.reads is None:
        raise EviError(
            "it reads no assessment, so there is nothing for a model to read.",
            where=f"rule {rule.id}",
            do="Use the rule.",
            exit_code=2,
        )
    if len(rule.frameworks) != 1:
        raise EviError(
            f"it reads the frameworks {', '.join(rule.frameworks)}; a model reads one.",
            where=f"rule {rule.id}",
            do="Copy the rule for one framework.",
            exit_code=2,
        )
    found = []
    for row in declared():
        base = {k: row[k] for k in ("title", "kind", "bend", "determines", "why") if k in row}
        codes = tuple(row.get("codes", ()))
        if row["from"] == "area":
            for area in _areas(rule, row["areas"]):
                items = tuple(code for code in rule.items if _area(code) == area)
                found.append(
                    Feature(name=f"{row['name']}_{area}", **base | {"title": f"area {area}"}, codes=items)
                )
        else:
            codes = tuple(rule.items) if row["from"] in ("total", "age_assessed") else codes
            found.append(Feature(name=row["name"], **base, codes=codes))
    unknown = sorted(set(without) - {each.name for each in found})
    if unknown:
        raise EviError(
            f"there is no feature “{unknown[0]}”.",
            where="--without",
            do=f"Choose from {', '.join(each.name for each in found)}.",
            exit_code=2,
        )
    return tuple(each for each in found if each.name not in without)


def read_features(
    known: Known, features: Sequence[Feature], children: pl.DataFrame
) -> tuple[pl.DataFrame, dict[str, pl.Series]]:
    """The features of some children, from what was known on the session's day.

    Args:
        children: subject_id, assessed_on, birth_month of children whom the rule has scored, so that each of
            its items has one value in their newest assessment.

    Returns:
        subject_id and a column a feature, in the order of `children`; and, by feature, the day of the newest
        event that it read, of each child (null where it read none).
    """
    known.con.register("asked", children.select("subject_id", "assessed_on", "birth_month").to_arrow())
    table, days = children.select("subject_id"), {}
    for feature in features:
        row = next(
            each
            for each in declared()
            if feature.name == each["name"] or feature.name.startswith(f"{each['name']}_")
        )
        found = known.frame(_query(known, row, feature))
        joined = table.join(found, on="subject_id", how="left", maintain_order="left")
        value = joined["value"]
        table = table.with_columns(
            value.cast(pl.String).fill_null(NOT_KNOWN).alias(feature.name)
            if feature.kind == "level"
            else value.cast(pl.Float64).alias(feature.name)
        )
        days[feature.name] = joined["on_day"].cast(pl.Date)
    return table, days


def _query(known: Known, row: dict[str, Any], feature: Feature) -> str:
    """SQL: subject_id, value, on_day of one feature.

    Coverage is taken as it is known today: who looked after a child then is no news of what came after.
    """
    no_day = "CAST(NULL AS DATE) AS on_day"
    match row["from"]:
        case "total" | "area":
            return f"""SELECT subject_id, sum(value) AS value, max(on_day) AS on_day
                FROM (SELECT asked.subject_id, code, min(value) AS value, max(on_day) AS on_day
                      FROM asked JOIN {known.events(feature.codes)} AS e ON e.subject_id = asked.subject_id
                      AND on_day BETWEEN assessed_on - {ONE_ASSESSMENT_DAYS} AND assessed_on
                      GROUP BY asked.subject_id, code)
                GROUP BY subject_id HAVING count(*) = {len(feature.codes)}"""
        case "age_assessed":
            return """SELECT subject_id, date_diff('month', birth_month, assessed_on) AS value,
                assessed_on AS on_day FROM asked"""
        case "weeks_early":
            return f"""SELECT subject_id, {TERM_WEEKS} - arg_max(value, (on_day, record_id)) AS value,
                max(on_day) AS on_day FROM {known.events([GESTATION])}
                WHERE value BETWEEN 22 AND 44 AND on_day <= DATE '{known.day}' GROUP BY subject_id"""
        case "sex" | "language":
            return (
                f"SELECT subject_id, {row['from']} AS value, {no_day} FROM {known.file('subjects.parquet')}"
            )
        case "had":
            feeds = ", ".join(f"'{feed}'" for feed in row["feeds"])
            return f"""WITH had AS (SELECT subject_id, max(on_day) AS on_day
                    FROM {known.events(feature.codes)}
                    WHERE on_day <= DATE '{known.day}' GROUP BY subject_id),
                seen AS (SELECT DISTINCT subject_id FROM {known.file("coverage.parquet")}
                    WHERE feed IN ({feeds}) AND start <= DATE '{known.day}'
                      AND ("end" IS NULL OR "end" > DATE '{known.day}'))
                SELECT asked.subject_id, had.on_day,
                    CASE WHEN had.subject_id IS NOT NULL THEN 'yes'
                        WHEN seen.subject_id IS NOT NULL THEN 'no' END AS value
                FROM asked LEFT JOIN had USING (subject_id) LEFT JOIN seen USING (subject_id)"""
    raise EviError(f"a feature can't be read from “{row['from']}”.", where=FILE.name, do="Correct the file.")


def _area(code: str) -> str:
    return code.split("/")[3]


def _areas(rule: Rule, wanted: Sequence[str]) -> list[str]:
    """Areas of a profile that are wanted; of an assessment without those, none."""
    there = {_area(code) for code in rule.items}
    return [area for area in wanted if area in there]
