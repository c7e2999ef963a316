"""A line for a framework that has no published one, from the district's own children: equal share.

The 2012 profile sums to 17 to 51 and has a published line at 25; the 2021 profile sums to 17 to 34, has
other goals, and no published line was found. Equal share (equipercentile linking, with nothing smoothed)
takes the line of the new framework that flags the share of its children nearest to the share that the old
line flags of children assessed by the old one. It makes the workload alike and says nothing about which
children are found: other children met other goals. Make it again on local children; judge it before use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import polars as pl

from evi.casefinding.finding import find
from evi.casefinding.moved_line import share_past
from evi.casefinding.rules import Rule, rules_named
from evi.workspace import District, EviError

SMALLEST_COHORT = 200
"""A cohort below this gives no line: one child would move the share by half a point or more."""


@dataclass(frozen=True)
class Derived:
    """A derived line and what it rests on.

    Attributes:
        rule, from_rule: the rule that gets the line, and the one whose share is matched.
        line: the line; shipped: the line in the rule's file.
        share_before, share_after: share past the old line and past the new one.
        children_before, children_after: children in each cohort.
        candidates: each possible line with its share.
        counts: children by score, by rule.
    """

    rule: str
    from_rule: str
    day: date
    line: float
    shipped: float
    share_before: float
    share_after: float
    children_before: int
    children_after: int
    candidates: tuple[tuple[float, float], ...]
    counts: Mapping[str, Mapping[float, int]]

    def to_json(self) -> dict[str, Any]:
        """For `--json`, and for `threshold.derived` of a district's own rule."""
        return {
            "rule": self.rule,
            "from": self.from_rule,
            "day": self.day.isoformat(),
            "how": "equal_share",
            "line": self.line,
            "line_in_the_rule": self.shipped,
            "share_before": round(self.share_before, 4),
            "share_after": round(self.share_after, 4),
            "children_before": self.children_before,
            "children_after": self.children_after,
            "candidates": [{"line": line, "share": round(share, 4)} for line, share in self.candidates],
            "counts": {
                name: {f"{score:g}": count for score, count in counts.items()}
                for name, counts in self.counts.items()
            },
        }


def derive(district: District, family: str, day: date) -> Derived:
    """Derive the line of a family's newest rule from the district's own children.

    Raises:
        EviError: the family has no rule whose line is derived, or too few children have a score.
    """
    rules = {rule.id: rule for rule in rules_named(family, district)}
    derived = [rule for rule in rules.values() if rule.threshold.derived is not None]
    if not derived or str((derived[0].threshold.derived or {})["from"]) not in rules:
        raise EviError(
            "no line of this family is derived from another.",
            where=f"family {family}",
            do="Name a family such as autism-eyfsp.",
            exit_code=2,
        )
    rule = derived[0]
    before = rules[str((rule.threshold.derived or {})["from"])]
    counts = {each.id: counts_by_score(district, each, day) for each in (before, rule)}
    for name, found in counts.items():
        if sum(found.values()) < SMALLEST_COHORT:
            raise EviError(
                f"only {sum(found.values())} children have a score by it; {SMALLEST_COHORT} are needed.",
                where=f"rule {name}",
                do="Load the years of both frameworks.",
            )
    line = equal_share(before, counts[before.id], rule, counts[rule.id])
    below = rule.threshold.direction == "below"
    was_below = before.threshold.direction == "below"
    return Derived(
        rule.id,
        before.id,
        day,
        line,
        rule.threshold.value,
        share_past(counts[before.id], before.threshold.value, below=was_below),
        share_past(counts[rule.id], line, below=below),
        sum(counts[before.id].values()),
        sum(counts[rule.id].values()),
        tuple((each, share_past(counts[rule.id], each, below=below)) for each in _lines(counts[rule.id])),
        counts,
    )


def counts_by_score(district: District, rule: Rule, day: date) -> dict[float, int]:
    """Children of all ages by score, those on a pathway too: every child whom the framework assessed."""
    table = find(district, replace(rule, age_months=(0, 216)), day).table
    scored = table.filter(pl.col("score").is_not_null())["score"].value_counts().sort("score")
    return {float(score): int(count) for score, count in scored.iter_rows()}


def equal_share(
    before: Rule, counts_before: Mapping[float, int], rule: Rule, counts: Mapping[float, int]
) -> float:
    """The line of `rule` whose share is nearest to that of `before`; of two, the one that sees more."""
    below = rule.threshold.direction == "below"
    share = share_past(counts_before, before.threshold.value, below=before.threshold.direction == "below")
    return min(
        _lines(counts),
        key=lambda line: (
            round(abs(share_past(counts, line, below=below) - share), 12),
            -share_past(counts, line, below=below),
            line,
        ),
    )


def _lines(counts: Mapping[float, int]) -> list[float]:
    """Every line worth looking at: each whole number from the lowest score to one past the highest."""
    return [float(line) for line in range(int(min(counts)), int(max(counts)) + 2)]
