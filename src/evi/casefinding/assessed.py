"""Results of an assessment, item by item: which can be used, which can't and why, and what they add up to.

Four things are never done: a result of another framework is not read, a missing item is not counted as zero,
two results that disagree are not averaged, and nothing is set aside without being counted.
"""

from __future__ import annotations

import polars as pl

from evi.casefinding.known import Known
from evi.casefinding.rules import Rule
from evi.workspace import EviError, quote

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
    "disagree": "items with two results that disagree; the child is not assessable",
    "older": "results of an older assessment, left for the newest one",
}
"""What else is said of results."""


def read_assessments(known: Known, rule: Rule) -> pl.DataFrame:
    """Make the table `scored` of a rule that reads items; returns how many results were set aside, and why.

    `scored`: subject_id, score, problem, assessed_on, framework, missing (words of items without a result),
    low (words of items below their cut), n_low, n_items; one row a child with any result.

    Returns:
        reason, results, children.

    Raises:
        EviError: the records hold results of other frameworks only.
    """
    assessment = rule.reads
    if assessment is None:
        raise EviError("it reads no assessment.", where=f"rule {rule.id}")
    allowed = [
        (code, words, each.id, each.low, each.high, not each.values)
        for each in assessment.frameworks.values()
        for code, words in each.items.items()
    ]
    known.values(
        "item",
        {
            "code": "VARCHAR",
            "words": "VARCHAR",
            "framework": "VARCHAR",
            "low": "DOUBLE",
            "high": "DOUBLE",
            "any_value": "BOOLEAN",
        },
        allowed,
    )
    known.values(
        "wanted",
        {"code": "VARCHAR", "cut": "DOUBLE", "place": "INTEGER"},
        [(code, rule.cuts.get(code), place) for place, code in enumerate(rule.items)],
    )
    _check_results(known, rule, assessment.prefix)
    _refuse_other_frameworks(known, rule)
    _pick_newest(known, one_per_child=assessment.one_per_child, rule=rule)
    _add_up(known, rule)
    return _set_aside(known)


def _check_results(known: Known, rule: Rule, prefix: str) -> None:
    """Make the table `result`: every result with what is wrong with it, if anything is."""
    ages = rule.assessed_age_months or (0, 1200)
    months = "date_diff('month', born.birth_month, e.on_day)"
    known.table(
        "result",
        f"""SELECT e.subject_id, e.on_day, e.code, item.framework, e.value,
            CASE WHEN item.code IS NULL THEN 'unknown_code'
                 WHEN e.value IS NULL OR e.value < item.low OR e.value > item.high
                      OR (NOT item.any_value AND e.value <> floor(e.value)) THEN 'unknown_value'
                 WHEN born.subject_id IS NULL THEN 'no_birth_month'
                 WHEN e.on_day > DATE '{known.day}' THEN 'in_the_future'
                 WHEN e.on_day < born.birth_month THEN 'before_birth'
                 WHEN {months} < {ages[0]} OR {months} >= {ages[1]} THEN 'wrong_age' END AS fault
        FROM {known.events((), prefix=prefix)} e
        LEFT JOIN item USING (code) LEFT JOIN born ON born.subject_id = e.subject_id""",
    )
    known.table(
        "clean",
        """SELECT subject_id, framework, on_day, code, min(value) AS low, max(value) AS high, count(*) AS n
        FROM result WHERE fault IS NULL GROUP BY ALL""",
    )


def _refuse_other_frameworks(known: Known, rule: Rule) -> None:
    found = [
        str(name)
        for (name,) in known.con.execute(
            "SELECT DISTINCT framework FROM clean SEMI JOIN child USING (subject_id) ORDER BY 1"
        ).fetchall()
    ]
    if found and not set(found) & set(rule.frameworks):
        raise EviError(
            f"it reads the framework {' or '.join(rule.frameworks)} only, and every result of "
            f"children of its ages is of {' or '.join(found)}. Results of two frameworks are not comparable.",
            where=f"rule {rule.id}",
            do=f"Use the rule of the family {rule.family} that reads the framework {found[0]}.",
            exit_code=3,
        )


def _pick_newest(known: Known, *, one_per_child: bool, rule: Rule) -> None:
    """Make the tables `newest` (subject_id, on_day, framework, problem) and `chosen` (one row an item)."""
    listed = ", ".join(quote(each) for each in rule.frameworks)
    both = "frameworks > 1" if one_per_child else "false"
    known.table(
        "newest",
        f"""SELECT subject_id, on_day, framework,
            CASE WHEN {both} THEN 'both_frameworks'
                 WHEN framework NOT IN ({listed}) THEN 'other_framework' END AS problem
        FROM (SELECT subject_id, max(on_day) AS on_day, count(DISTINCT framework) AS frameworks,
                     arg_max(framework, (on_day, framework)) AS framework FROM clean GROUP BY subject_id)""",
    )
    known.table(
        "chosen",
        f"""SELECT subject_id, framework, code, min(low) AS value, sum(n) AS n,
            min(low) <> max(high) AS disagree
        FROM clean JOIN newest USING (subject_id, framework)
        WHERE clean.on_day > newest.on_day - {ONE_ASSESSMENT_DAYS}
        GROUP BY subject_id, framework, code""",
    )


def _add_up(known: Known, rule: Rule) -> None:
    """Make the table `scored`. A child whose assessment lacks an item of the rule gets no score at all."""
    below = "chosen.value < wanted.cut"
    n_items = f"""CASE framework {
        " ".join(f"WHEN {quote(name)} THEN {len(_of(rule, name))}" for name in rule.frameworks)
    } END"""
    score = "total" if rule.kind == "sum" else "n_low"
    known.table(
        "added",
        f"""SELECT subject_id, sum(value) AS total, count(*) AS n, bool_or(disagree) AS disagree,
            count(*) FILTER ({below}) AS n_low, list(item.words ORDER BY place) FILTER ({below}) AS low,
            list(chosen.code) AS found
        FROM chosen JOIN wanted USING (code) JOIN item USING (code) GROUP BY subject_id""",
    )
    known.table(
        "scored",
        f"""SELECT subject_id, CASE WHEN problem IS NULL THEN CAST({score} AS DOUBLE) END AS score, problem,
            on_day AS assessed_on,
            CASE WHEN problem = 'both_frameworks' THEN NULL ELSE framework END AS framework,
            CASE WHEN problem = 'items_missing' THEN (SELECT list(item.words ORDER BY place)
                FROM wanted JOIN item USING (code)
                WHERE item.framework = whole.framework
                  AND NOT list_contains(coalesce(found, []), code)) END AS missing,
            coalesce(low, []) AS low, n_low, n_items
        FROM (SELECT newest.subject_id, on_day, newest.framework, total, n_low, low, found,
                {n_items} AS n_items,
                CASE WHEN newest.problem IS NOT NULL THEN newest.problem
                     WHEN disagree THEN 'disagree'
                     WHEN coalesce(n, 0) < {n_items} THEN 'items_missing' END AS problem
              FROM newest LEFT JOIN added USING (subject_id)) AS whole
        UNION ALL BY NAME
        SELECT subject_id, min(fault) AS problem FROM result
        WHERE fault IS NOT NULL AND fault <> 'unknown_code'
          AND subject_id NOT IN (SELECT subject_id FROM newest) GROUP BY subject_id""",
    )


def _of(rule: Rule, framework: str) -> list[str]:
    reads = rule.reads
    return [code for code in rule.items if reads and code in reads.frameworks[framework].items]


def _set_aside(known: Known) -> pl.DataFrame:
    return known.frame(
        """SELECT fault AS reason, count(*) AS results, count(DISTINCT subject_id) AS children
        FROM result WHERE fault IS NOT NULL GROUP BY fault
        UNION ALL SELECT 'written_twice', CAST(sum(n - 1) AS BIGINT), count(DISTINCT subject_id)
        FROM chosen WHERE n > 1 AND NOT disagree HAVING count(*) > 0
        UNION ALL SELECT 'disagree', count(*), count(DISTINCT subject_id)
        FROM chosen WHERE disagree HAVING count(*) > 0
        UNION ALL SELECT 'older', CAST(sum(clean.n) AS BIGINT), count(DISTINCT subject_id)
        FROM clean JOIN newest USING (subject_id)
        WHERE clean.framework = newest.framework AND clean.on_day <= newest.on_day - """
        + f"""{ONE_ASSESSMENT_DAYS} HAVING count(*) > 0
        ORDER BY reason"""
    )
