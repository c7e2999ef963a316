"""Read every child by a rule, as things were known on a day: four answers, never two.

`positive`: worth a professional look. `negative`: the rule sees no reason; a person may.
`not_assessable`: too little is known, and what. `excluded`: already on a pathway, with the reason and since
when; its score is still there, for those who judge the rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from evi.casefinding.assessed import WRONG_FRAMEWORK, read_assessments
from evi.casefinding.counted import read_counts
from evi.casefinding.excluding import find_excluded
from evi.casefinding.known import Known
from evi.casefinding.moved_line import make_lines
from evi.casefinding.results import COUNTED, REFUSED, set_aside
from evi.casefinding.rules import Rule, rules_named
from evi.casefinding.wording import missing_sql, reasons_sql
from evi.workspace import District, EviError, code_hash

ANSWERS = ("positive", "negative", "not_assessable", "excluded")
COLUMNS = pl.Schema(
    [
        ("subject_id", pl.Int64()),
        ("rule", pl.String()),
        ("answer", pl.String()),
        ("score", pl.Float64()),
        ("line", pl.Float64()),
        ("margin", pl.Float64()),
        ("assessed_on", pl.Date()),
        ("framework", pl.String()),
        ("problem", pl.String()),
        ("reasons", pl.List(pl.String())),
        ("missing", pl.List(pl.String())),
        ("exclusion", pl.String()),
        ("excluded_since", pl.Date()),
        ("school", pl.String()),
        ("lsoa", pl.String()),
        ("age_months", pl.Int32()),
        ("birth_month", pl.Date()),
    ]
)
"""Columns of `Findings.table`, in order; one row a child who is asked, by subject_id."""


@dataclass(frozen=True)
class Findings:
    """What a rule, or a family of rules, says of every child at its ages on a day.

    Attributes:
        table: see `COLUMNS`. `score` is there wherever it can be worked out, of excluded children
            too; `line` is the threshold for this child; `margin` is how far past it the score is: above 0 for
            a positive below a line, 0 or more for one at or above it, and less for a negative.
        rules: the rules that were read; more than one for a family.
        rejects: reason, results, children, words: results that were set aside.
        outside_age: children outside the rule's ages on the day, who are not asked.
    """

    name: str
    day: date
    rules: tuple[Rule, ...]
    table: pl.DataFrame
    rejects: pl.DataFrame
    outside_age: int

    @property
    def run(self) -> dict[str, Any]:
        """What decides these answers beside the records: rules with their hashes, the day, and the code."""
        return {
            "name": self.name,
            "day": self.day.isoformat(),
            "rules": [{"id": r.id, "version": r.version, "digest": r.digest} for r in self.rules],
            "code": code_hash(),
        }

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Children by `answer`, by reason why not assessable (`not_assessable`) and by `exclusion`."""
        return {
            "answer": {answer: self.table.filter(pl.col("answer") == answer).height for answer in ANSWERS},
            "not_assessable": _counted(self.table.filter(pl.col("answer") == "not_assessable")["problem"]),
            "exclusion": _counted(self.table.filter(pl.col("answer") == "excluded")["exclusion"]),
        }

    def of(self, answer: str) -> pl.DataFrame:
        """The children with one answer."""
        return self.table.filter(pl.col("answer") == answer)

    def rule_of(self, name: str) -> Rule:
        """One of its rules, by id."""
        return next(rule for rule in self.rules if rule.id == name)


def find(
    district: District,
    rule: Rule | str | Sequence[Rule],
    day: date,
    *,
    people: pl.DataFrame | None = None,
) -> Findings:
    """Read every child by a rule, or by a family of rules, as known on a day.

    Args:
        rule: a rule, the name of one or of a family, or a family's rules; of a family each child is read by
            the rule of its own framework, and a score never holds results of two.
        people: feed, person, subject_id of one draw of the spine (see `evi.linkage.draws.redrawn`); needs of
            the index, coverage, schools and homes stay those of the spine.

    Raises:
        EviError: nothing is loaded, no such rule, one not ready, or results of other frameworks only.
    """
    rules = (
        rules_named(rule, district) if isinstance(rule, str) else (rule,) if isinstance(rule, Rule) else rule
    )
    name = rule if isinstance(rule, str) else rules[0].id if len(rules) == 1 else rules[0].family
    for each in rules:
        each.check_ready()
    tables, rejected, outsides, refused = [], [], [], []
    with Known(district, day, [code for each in rules for code in each.codes], people) as known:
        for each in rules:
            try:
                table, rejects, outside = _read(known, each)
            except EviError as error:
                if error.exit_code != WRONG_FRAMEWORK:
                    raise
                refused.append(error)
                continue
            tables.append(table)
            rejected.append(rejects)
            outsides.append(outside)
    if not tables:
        raise refused[0]
    return Findings(name, day, tuple(rules), _together(tables), _most(rejected), min(outsides))


def _together(tables: list[pl.DataFrame]) -> pl.DataFrame:
    """One row a child: that of the rule of its own framework, else one that says why there is none."""
    if len(tables) == 1:
        return tables[0]
    every = pl.concat(tables)
    every = every.with_columns(own=(pl.col("problem").fill_null("") != "other_framework").cast(pl.Int8))
    ordered = every.sort("subject_id", "own", "rule", descending=[False, True, True])
    return ordered.unique("subject_id", keep="first", maintain_order=True).drop("own")


def _most(rejected: list[pl.DataFrame]) -> pl.DataFrame:
    """Results set aside by a family: its rules read the same results, so the larger count is the count."""
    counted = pl.concat(rejected).group_by("reason").agg(pl.col("results", "children").max())
    words = pl.DataFrame({"reason": [*REFUSED, *COUNTED], "words": [*REFUSED.values(), *COUNTED.values()]})
    return counted.join(words, on="reason", how="left").sort("reason")


def _read(known: Known, rule: Rule) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """What one rule says, the results that it set aside, and how many children are outside its ages."""
    known.children(rule.age_months)
    if rule.assessment is not None:
        read_assessments(known, rule)
        rejects = set_aside(known)
    else:
        read_counts(known, rule)
        rejects = pl.DataFrame(schema={"reason": pl.String, "results": pl.Int64, "children": pl.Int64})
    find_excluded(known, rule)
    make_lines(known, rule)
    table = known.frame(_answers(rule)).select(COLUMNS.names()).cast(COLUMNS).sort("subject_id")
    outside = known.con.execute(
        "SELECT count(*) FROM born ANTI JOIN child USING (subject_id) WHERE kind = 'child'"
    ).fetchall()[0][0]
    return table, rejects.cast({"results": pl.Int64, "children": pl.Int64}), int(outside)


def _answers(rule: Rule) -> str:
    """SQL: a row a child with its answer and everything said of it."""
    past = "line - score" if rule.threshold.direction == "below" else "score - line"
    positive = "score < line" if rule.threshold.direction == "below" else "score >= line"
    return f"""
        WITH every AS (
            SELECT child.*, scored.* EXCLUDE (subject_id, problem), line, line_missing, exclusion, since,
                school, lsoa,
                CASE WHEN scored.subject_id IS NULL THEN 'no_result' ELSE scored.problem END AS problem
            FROM child LEFT JOIN scored USING (subject_id) LEFT JOIN line USING (subject_id)
            LEFT JOIN excluded USING (subject_id) LEFT JOIN at_school USING (subject_id)
            LEFT JOIN at_home USING (subject_id)
        ), answered AS (
            SELECT *, CASE WHEN exclusion IS NOT NULL THEN 'excluded'
                WHEN score IS NULL THEN 'not_assessable'
                WHEN {positive} THEN 'positive' ELSE 'negative' END AS answer FROM every
        )
        SELECT subject_id, '{rule.id}' AS rule, answer, score, line, {past} AS margin, assessed_on,
            {"framework" if rule.assessment else "NULL AS framework"}, problem,
            CASE WHEN answer = 'positive' THEN {reasons_sql(rule)} ELSE CAST([] AS VARCHAR[]) END AS reasons,
            {missing_sql(rule)} AS missing,
            exclusion, since AS excluded_since, school, lsoa, age_months, birth_month
        FROM answered"""


def _counted(values: pl.Series) -> dict[str, int]:
    counted = values.drop_nulls().value_counts(sort=False)
    return {str(name): int(count) for name, count in sorted(counted.iter_rows())}
