"""The line for one child: the rule's own, or one that moves with age in the school year and weeks born early.

A child born in August is asked to do in reception what a classmate born in September, eleven months older,
does. Published odds ratios say how much likelier the younger child is to be below a line for that reason
alone. The moved line takes that back: with `x` the log odds that are due to age and early birth, it is the
strictest line at which the log odds of a child of the reference cohort being past it are still at least those
at the rule's own line less `x` (equal odds; where none matches, the line that has more children looked at).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from evi.casefinding.known import Known
from evi.casefinding.rules import GESTATION, Adjustment, Rule

FIRST_MONTH = 9
"""The school year's oldest children are born in September."""


def make_lines(known: Known, rule: Rule) -> None:
    """Make the table `line`: subject_id, line, line_missing (what would have moved it and is not known)."""
    if rule.adjust is None:
        known.table(
            "line",
            f"""SELECT subject_id, CAST({rule.threshold.value} AS DOUBLE) AS line,
                CAST(NULL AS VARCHAR) AS line_missing FROM child""",
        )
        return
    steps = lines_by_odds(rule)
    known.values(
        "step",
        {"low": "DOUBLE", "high": "DOUBLE", "line": "DOUBLE"},
        [
            (low, steps[place + 1][0] if place + 1 < len(steps) else math.inf, line)
            for place, (low, line) in enumerate(steps)
        ],
    )
    by_month, by_week = math.log(rule.adjust.months_younger), math.log(rule.adjust.weeks_early)
    weeks = f"CASE WHEN weeks IS NULL THEN 0 ELSE greatest(0, {rule.adjust.term_weeks} - weeks) END"
    missing = "CASE WHEN weeks IS NULL THEN 'how early the child was born' END" if by_week else "NULL"
    known.table(
        "line",
        f"""SELECT subject_id, step.line, line_missing FROM (
            SELECT child.subject_id, CAST({missing} AS VARCHAR) AS line_missing,
                (month(birth_month) + 12 - {FIRST_MONTH}) % 12 * {by_month} + {weeks} * {by_week} AS x
            FROM child LEFT JOIN (SELECT subject_id, max(value) AS weeks FROM {known.events((GESTATION,))}
                WHERE value BETWEEN 20 AND 45 GROUP BY subject_id HAVING min(value) = max(value))
            USING (subject_id))
        JOIN step ON x >= low AND x < high""",
    )


def months_younger(month: int) -> int:
    """How many months a child born in a month is younger than the oldest of its school year.

    >>> months_younger(9), months_younger(1), months_younger(8)
    (0, 4, 11)
    """
    return (month + 12 - FIRST_MONTH) % 12


def lines_by_odds(rule: Rule) -> list[tuple[float, float]]:
    """The lines of a rule that moves its own: (log odds from which it holds, line), the first from 0 on.

    Every child keeps a line that some score is past: the last step holds for all larger odds.
    """
    adjust = rule.adjust
    if adjust is None:
        return [(0.0, rule.threshold.value)]
    below = rule.threshold.direction == "below"
    own = _log_odds(adjust, rule.threshold.value, below=below)
    scores = sorted(adjust.counts)
    lines = [
        score for score in scores if (score < rule.threshold.value) == below and score != rule.threshold.value
    ]
    ordered = sorted(lines, reverse=below)
    steps = [(0.0, rule.threshold.value)]
    for line in ordered:
        odds = _log_odds(adjust, line, below=below)
        if math.isinf(odds):
            continue
        steps.append((max(own - odds, steps[-1][0]), line))
    return steps


def _log_odds(adjust: Adjustment, line: float, *, below: bool) -> float:
    """Log odds of the reference cohort being past a line."""
    past = share_past(adjust.counts, line, below=below)
    return -math.inf if past <= 0 else math.inf if past >= 1 else math.log(past / (1 - past))


def share_past(counts: Mapping[float, int], line: float, *, below: bool) -> float:
    """The share of children whose score is past a line: below it, or at it or above."""
    total = sum(counts.values())
    past = sum(count for score, count in counts.items() if (score < line if below else score >= line))
    return past / total if total else 0.0
