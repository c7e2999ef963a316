"""The slow, obvious engine: one child at a time, one result at a time, in plain Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from evi.casefinding.frameworks import assessments
from evi.casefinding.rules import Exclusion, Rule
from tests.casefinding.stores import Fact


def known_on(facts: Iterable[Fact], day: date) -> list[Fact]:
    return [
        fact
        for fact in facts
        if not fact.withdrawn and (fact.known or fact.day) <= day and (fact.until is None or fact.until > day)
    ]


def months(born: date, when: date) -> int:
    return (when.year - born.year) * 12 + when.month - born.month


def answer(rule: Rule, facts: Iterable[Fact], born: date, day: date) -> tuple[str, float | None]:
    """The answer and score of one child by a rule of kind sum or below over the early years profile."""
    known = known_on(facts, day)
    score = _score(rule, known, born, day)
    if any(_excluded(each, known, day) for each in rule.exclusions):
        return "excluded", score
    if score is None:
        return "not_assessable", None
    return ("positive" if rule.is_positive(score) else "negative"), score


def _score(rule: Rule, known: list[Fact], born: date, day: date) -> float | None:
    frameworks = assessments()[rule.assessment].frameworks
    low, high = rule.assessed_age_months
    by_framework: dict[str, list[Fact]] = {}
    for fact in known:
        for name, framework in frameworks.items():
            usable = (
                fact.code in framework.items
                and fact.value in framework.values
                and fact.day <= day
                and born <= fact.day
                and low <= months(born, fact.day) < high
            )
            if usable:
                by_framework.setdefault(name, []).append(fact)
    if len(by_framework) != 1 or rule.frameworks[0] not in by_framework:
        return None
    results = by_framework[rule.frameworks[0]]
    newest = max(fact.day for fact in results)
    results = [fact for fact in results if fact.day > newest - timedelta(days=60)]
    values: Mapping[str, set[float]] = {
        code: {fact.value for fact in results if fact.code == code} for code in rule.items
    }
    if any(len(found) != 1 for found in values.values()):
        return None
    only = {code: next(iter(found)) for code, found in values.items()}
    if rule.kind == "sum":
        return sum(only.values())
    return float(sum(value < rule.cuts[code] for code, value in only.items()))


def _excluded(exclusion: Exclusion, known: list[Fact], day: date) -> bool:
    days = [
        fact.day
        for fact in known
        if fact.code in exclusion.codes
        and fact.day <= day
        and (exclusion.days is None or fact.day > day - timedelta(days=exclusion.days))
        and (not exclusion.while_open or fact.end is None or fact.end > day)
    ]
    ends = [fact.day for fact in known if fact.code in exclusion.ends and fact.day <= day]
    return bool(days) and (not ends or max(ends) < max(days))
