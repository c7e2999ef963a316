"""Case-finding rules as data: what a rule reads, how it counts, where its line is, and whom it leaves out.

A rule is a file of `rules/`; a district adds its own, or replaces one of these, with files in a folder
`rules/` of its district folder. Rules of one `family` ask the same question of different frameworks: the
family's name stands for all of them, and each child is read by the rule of its own framework.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from evi.casefinding.frameworks import assessments
from evi.casefinding.rule import GESTATION, Adjustment, Evidence, Exclusion, Rule, Threshold
from evi.casefinding.rule_checks import faults_of
from evi.workspace import District, EviError
from evi.workspace.declared import check_against, read_yaml

__all__ = [
    "FOLDER",
    "GESTATION",
    "Adjustment",
    "Evidence",
    "Exclusion",
    "Rule",
    "Threshold",
    "load_rules",
    "make_rule",
    "read_rule",
    "rules_named",
]

FOLDER = Path(__file__).parent / "rules"
SCHEMA = Path(__file__).parent / "rule.schema.json"


def load_rules(district: District | None = None) -> dict[str, Rule]:
    """The rules that eVI ships and those in the district's own folder `rules/`, by id.

    A file of the district replaces the rule whose id it repeats.

    Raises:
        EviError: a file can't be read, breaks the schema or a check, or two files of one folder have one id.
    """
    found: dict[str, Rule] = {}
    for folder in (FOLDER, *([district.root / "rules"] if district is not None else [])):
        here: dict[str, Rule] = {}
        for path in sorted(folder.glob("*.yaml")):
            rule = read_rule(path)
            if rule.id in here:
                raise EviError(f"the rule {rule.id} is there twice.", where=str(folder), do="Keep one.")
            here[rule.id] = rule
        found |= here
    return dict(sorted(found.items()))


def rules_named(name: str, district: District | None = None) -> tuple[Rule, ...]:
    """The rules that a name stands for: one rule, or every rule of a family.

    Raises:
        EviError: there is none of that name, or two rules of the family read one framework.
    """
    rules = load_rules(district)
    if name in rules:
        return (rules[name],)
    family = tuple(rule for rule in rules.values() if rule.family == name)
    if not family:
        names = sorted({rule.family for rule in rules.values()} | set(rules))
        raise EviError(
            f"there is no rule named “{name}”.",
            where="RULE",
            do=f"Choose one of {', '.join(names)}, or add a file to the district's folder rules/.",
            exit_code=2,
        )
    read = [framework for rule in family for framework in rule.frameworks]
    if len(set(read)) < len(read):
        raise EviError(
            "two of its rules read the same framework.", where=f"family {name}", do="Keep one for each."
        )
    return family


def read_rule(path: Path) -> Rule:
    """One rule from its file.

    Raises:
        EviError: it can't be read as YAML, breaks the schema, or says something that can't hold.
    """
    table = read_yaml(path)
    return make_rule(table, where=str(path))


def make_rule(table: Any, *, where: str = "rule") -> Rule:
    """A rule from what its file says.

    Raises:
        EviError: see `read_rule`.
    """
    table = json.loads(json.dumps(table, default=str))
    check_against(table, SCHEMA, where)
    for fault in faults_of(table):
        raise EviError(fault, where=where, do="Correct the file.", exit_code=2)
    return _rule(table)


def _rule(table: Mapping[str, Any]) -> Rule:
    reads, score = table["reads"], table["score"]
    frameworks = tuple(reads.get("frameworks", ()))
    items = _items(reads, frameworks)
    assessed = reads.get("assessed_age_months")
    text = json.dumps(table, sort_keys=True)
    return Rule(
        id=table["id"],
        family=table.get("family", table["id"]),
        version=table["version"],
        title=table["title"],
        question=table["question"],
        condition=table["condition"],
        assessment=reads.get("assessment"),
        frameworks=frameworks,
        feeds=tuple(reads["feeds"]),
        items=items,
        items_source=reads.get("items_source", ""),
        assessed_age_months=(assessed[0], assessed[1]) if assessed else None,
        kind=score["kind"],
        score=score,
        cuts=_cuts(reads, score, items),
        threshold=Threshold(**table["threshold"]),
        adjust=_adjustment(table.get("adjust")),
        age_months=(table["age_months"][0], table["age_months"][1]),
        exclusions=tuple(_exclusion(row) for row in table["exclusions"]),
        next_step=tuple(table["next_step"]),
        evidence=tuple(Evidence(**row) for row in table["evidence"]),
        limits=tuple(table.get("limits", ())),
        owner=table["owner"],
        review_by=date.fromisoformat(table["review_by"]),
        status_default=table.get("status_default", "proposed"),
        not_ready=table.get("not_ready", ""),
        digest=hashlib.blake2b(text.encode(), digest_size=16).hexdigest(),
        text=text,
    )


def _items(reads: Mapping[str, Any], frameworks: tuple[str, ...]) -> dict[str, str]:
    if "assessment" not in reads:
        return {}
    assessment = assessments()[reads["assessment"]]
    known = {code: words for each in frameworks for code, words in assessment.frameworks[each].items.items()}
    chosen = reads.get("items", "all")
    return known if chosen == "all" else {code: known[code] for code in chosen}


def _cuts(reads: Mapping[str, Any], score: Mapping[str, Any], items: Mapping[str, str]) -> dict[str, float]:
    if score["kind"] not in ("below", "sum") or "assessment" not in reads:
        return {}
    given = score.get("cuts", {})
    frameworks = assessments()[reads["assessment"]].frameworks
    usual = {
        code: each.expected
        for each in frameworks.values()
        for code in each.items
        if each.expected is not None
    }
    return {code: float(given.get(code, usual.get(code, 0.0))) for code in items}


def _exclusion(row: Mapping[str, Any]) -> Exclusion:
    return Exclusion(
        id=row["id"],
        title=row["title"],
        codes=tuple(row["codes"]),
        reason=row["reason"],
        text=tuple(row.get("text", ())),
        days=row.get("days"),
        while_open="while_open" in row,
        ends=tuple(row.get("while_open", {}).get("ends", ())),
        feeds=tuple(row.get("feeds", ())),
    )


def _adjustment(row: Mapping[str, Any] | None) -> Adjustment | None:
    if row is None:
        return None
    odds = {name: row.get(name) for name in ("months_younger", "weeks_early")}
    return Adjustment(
        months_younger=float(odds["months_younger"]["odds_ratio"]) if odds["months_younger"] else 1.0,
        weeks_early=float(odds["weeks_early"]["odds_ratio"]) if odds["weeks_early"] else 1.0,
        term_weeks=int(row.get("term_weeks", 40)),
        counts={float(score): int(count) for score, count in row["counts"].items()},
        why=row["why"],
        sources=tuple(each["source"] for each in odds.values() if each),
        cohort=row["cohort"],
    )
