"""Results of an assessment, item by item: which can be used, which can't and why, and which of them speak.

Three things are never done: a result of one framework is not taken for another's, two results that disagree
are not averaged, and nothing is set aside without being counted.
"""

from __future__ import annotations

import polars as pl

from evi.casefinding.frameworks import Assessment
from evi.casefinding.known import Known

ONE_ASSESSMENT_DAYS = 60
"""Results of one framework within so many days of the newest are one assessment."""

REFUSED = {
    "unknown_code": "results under a code that no framework of the assessment has",
    "unknown_value": "results with a value that the item can't take under its framework",
    "no_birth_month": "results of people whose month of birth is not known",
    "before_birth": "results dated before the child was born",
    "in_the_future": "results dated after the day",
    "wrong_age": "results dated when the child was outside the age at which the assessment is made",
}
"""Why a result is set aside; whoever has no other is not assessable."""

COUNTED = {
    "written_twice": "results written twice with the same value, read once",
    "disagree": "results beside another of the same item that disagrees; the child is not assessable",
    "older": "results of an older assessment, left for the newest one",
    "both_frameworks": "results of children who have two frameworks; neither is read",
}
"""What else is said of results."""

ITEM = {
    "code": "VARCHAR",
    "number": "UTINYINT",
    "words": "VARCHAR",
    "framework": "VARCHAR",
    "frame": "UTINYINT",
    "low": "DOUBLE",
    "high": "DOUBLE",
    "any_value": "BOOLEAN",
}


def read_results(known: Known, assessment: Assessment, ages: tuple[int, int]) -> None:
    """Make the tables `item`, `result`, `newest` and `chosen`, unless they are made already.

    `item`: the items of every framework, numbered. `result`: every result with what is wrong with it, if
    anything is (`fault`). `newest`: subject_id, on_day, frame, framework, n (usable results), mixed (two
    frameworks where there may be one only). `chosen`: the results that speak, one row a child and item:
    subject_id, number, value, n, disagree.

    Args:
        ages: the ages in months at which a result counts, `[from, to)`.
    """
    if known.once("results", (assessment.id, ages)):
        return
    rows = [
        (code, words, each, frame)
        for frame, each in enumerate(assessment.frameworks.values())
        for code, words in each.items.items()
    ]
    known.values(
        "item",
        ITEM,
        [
            (code, number, words, each.id, frame, each.low, each.high, not each.values)
            for number, (code, words, each, frame) in enumerate(rows)
        ],
    )
    months = "date_diff('month', born.birth_month, e.on_day)"
    known.table(
        "result",
        f"""SELECT e.subject_id, e.on_day, item.number, item.frame, e.value,
            CASE WHEN item.code IS NULL THEN 'unknown_code'
                 WHEN e.value IS NULL OR e.value < item.low OR e.value > item.high
                      OR (NOT item.any_value AND e.value <> floor(e.value)) THEN 'unknown_value'
                 WHEN born.subject_id IS NULL THEN 'no_birth_month'
                 WHEN e.on_day > DATE '{known.day}' THEN 'in_the_future'
                 WHEN e.on_day < born.birth_month THEN 'before_birth'
                 WHEN {months} < {ages[0]} OR {months} >= {ages[1]} THEN 'wrong_age' END AS fault
        FROM {known.events((), prefix=assessment.prefix)} e
        LEFT JOIN item USING (code) LEFT JOIN born ON born.subject_id = e.subject_id""",
    )
    known.table(
        "newest",
        f"""SELECT newest.*, framework FROM (
            SELECT subject_id, max(on_day) AS on_day, arg_max(frame, (on_day, frame)) AS frame, count(*) AS n,
                {"min(frame) < max(frame)" if assessment.one_per_child else "false"} AS mixed
            FROM result WHERE fault IS NULL GROUP BY subject_id) AS newest
        JOIN (SELECT DISTINCT frame, framework FROM item) USING (frame)""",
    )
    known.table(
        "chosen",
        f"""SELECT subject_id, number, min(value) AS value, count(*) AS n,
            min(value) < max(value) AS disagree
        FROM result JOIN newest USING (subject_id, frame)
        WHERE fault IS NULL AND result.on_day > newest.on_day - {ONE_ASSESSMENT_DAYS}
        GROUP BY subject_id, number""",
    )


def set_aside(known: Known) -> pl.DataFrame:
    """What became of results that were not read: reason, results, children. Every result is read or here."""
    return known.frame(
        """WITH left_over AS (
            SELECT n - read AS n, mixed, subject_id FROM newest
            JOIN (SELECT subject_id, sum(n) AS read FROM chosen GROUP BY subject_id) USING (subject_id)
        )
        SELECT fault AS reason, count(*) AS results, count(DISTINCT subject_id) AS children
        FROM result WHERE fault IS NOT NULL GROUP BY fault
        UNION ALL SELECT CASE WHEN disagree THEN 'disagree' ELSE 'written_twice' END, sum(chosen.n - 1),
            count(DISTINCT subject_id)
        FROM chosen JOIN newest USING (subject_id) WHERE chosen.n > 1 AND NOT mixed GROUP BY disagree
        UNION ALL SELECT 'older', sum(n), count(*) FROM left_over
        WHERE n > 0 AND NOT mixed HAVING count(*) > 0
        UNION ALL SELECT 'both_frameworks', sum(n), count(*) FROM newest WHERE mixed HAVING count(*) > 0
        ORDER BY reason"""
    )
