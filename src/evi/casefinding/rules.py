"""Case-finding rules as data: what a rule reads, how it counts, where its line is, and whom it leaves out.

A rule is a file of `rules/`; a district adds its own, or replaces one of these, with files in a folder
`rules/` of its district folder. Rules of one `family` ask the same question of different frameworks: the
family's name stands for all of them, and each child is read by the rule of its own framework.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

import jsonschema
import yaml

from evi.casefinding.frameworks import Assessment, assessments
from evi.casefinding.rule_checks import faults_of
from evi.workspace import District, EviError

FOLDER = Path(__file__).parent / "rules"
SCHEMA = Path(__file__).parent / "rule.schema.json"

Kind = Literal["sum", "below", "share", "missed", "indicators", "places"]
Direction = Literal["below", "at_least"]


@dataclass(frozen=True)
class Threshold:
    """Where the line is.

    Attributes:
        value, direction: positive is a score `below` the value, or of `at_least` the value.
        why: in plain words. method: published, definition, statutory, derived or chosen.
        source: an address, or the command that derives it.
        derived: what it was derived from, if it was: see `evi.casefinding.deriving`.
    """

    value: float
    direction: Direction
    why: str
    method: str
    source: str
    derived: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Exclusion:
    """Why a child is left out: already on a pathway.

    Attributes:
        codes: the events that say so; a code that ends in `/*` stands for every code below it.
        text: which texts of the event count (none: any).
        days: only events of the last so many days count (none: ever).
        while_open: it holds from the event until its own end, or one of `ends` on the same day or later.
        feeds: services that would know; a child whom none of them covers is listed as not known.
        reason: what is said of the child, in plain words.
    """

    id: str
    title: str
    codes: tuple[str, ...]
    reason: str
    text: tuple[str, ...] = ()
    days: int | None = None
    while_open: bool = False
    ends: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Adjustment:
    """A line that moves with the child's age in the school year and weeks born early.

    Attributes:
        months_younger, weeks_early: odds ratios for each month younger than the oldest and each week before
            `term_weeks`; 1 where the rule doesn't look at it.
        counts: children of the reference cohort by score, from which the moved line follows.
    """

    months_younger: float
    weeks_early: float
    term_weeks: int
    counts: Mapping[float, int]
    why: str
    sources: tuple[str, ...]
    cohort: str


@dataclass(frozen=True)
class Evidence:
    """A published figure and the address where it was seen."""

    source: str
    figure: str


@dataclass(frozen=True)
class Rule:
    """One case-finding rule.

    Attributes:
        family: the name that picks, for each child, the rule of its own framework; its own id if it has none.
        question: what is worth a professional look.
        condition: the condition or need that it looks for, such as autism.
        assessment: the assessment whose items it reads, if it reads any (`eyfsp`).
        frameworks: the framework versions that it may read; a result of any other is refused.
        feeds: the services whose records it reads.
        items: full event codes of the items, and what each is about.
        items_source: where the choice of items comes from, if it isn't the whole framework.
        assessed_age_months: ages at which a result counts, `[from, to)`.
        kind: how it counts: `sum` of the items; `below`, how many items are below their cut; `share`, one
            sum over another; `missed`, how many kinds of check were never seen; `indicators`, in how many
            domains a need of the index is present; `places`, in how many services a record is missing that
            another has.
        score: the arithmetic's own settings, as the file has them.
        cuts: for `below`, the cut of each item.
        age_months: ages on the day at which a child is asked at all, `[from, to)`.
        next_step: what may follow, in order; never straight to a diagnosis.
        limits: what the rule does not know.
        digest: hash of everything that the file says.
        text: everything that the file says, as JSON: `make_rule(json.loads(text))` is the same rule.
    """

    id: str
    family: str
    version: int
    title: str
    question: str
    condition: str
    assessment: str | None
    frameworks: tuple[str, ...]
    feeds: tuple[str, ...]
    items: Mapping[str, str]
    items_source: str
    assessed_age_months: tuple[int, int] | None
    kind: Kind
    score: Mapping[str, Any]
    cuts: Mapping[str, float]
    threshold: Threshold
    adjust: Adjustment | None
    age_months: tuple[int, int]
    exclusions: tuple[Exclusion, ...]
    next_step: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    limits: tuple[str, ...]
    owner: str
    review_by: date
    status_default: str
    not_ready: str
    digest: str
    text: str = ""

    @property
    def reads(self) -> Assessment | None:
        """The assessment whose items it reads."""
        return assessments()[self.assessment] if self.assessment else None

    @property
    def codes(self) -> tuple[str, ...]:
        """Every code that it reads, those of exclusions last; the index's own are not among them."""
        found = [*self.items]
        for name in ("of", "to"):
            found += self.score.get(name, ())
        for codes in self.score.get("seen", {}).values():
            found += codes
        for place in self.score.get("places", ()):
            found += [*place["codes"], *place.get("knows", ())]
        if self.adjust is not None:
            found.append(GESTATION)
        for exclusion in self.exclusions:
            found += [*exclusion.codes, *exclusion.ends]
        return tuple(dict.fromkeys(found))

    @property
    def label(self) -> str:
        """How work lists name it: id and version."""
        return f"{self.id} v{self.version}"

    def is_positive(self, score: float, threshold: float | None = None) -> bool:
        """Whether a score is past the line (or past a child's own moved line)."""
        line = self.threshold.value if threshold is None else threshold
        return score < line if self.threshold.direction == "below" else score >= line

    def check_ready(self) -> None:
        """Refuse to run while something that the rule rests on is not filled in or not sourced.

        Raises:
            EviError: the rule is not ready.
        """
        if self.not_ready:
            raise EviError(
                self.not_ready,
                where=f"rule {self.id}",
                do=f"Copy {self.id}.yaml to the district's folder rules/, fill in reads.items and "
                "reads.items_source, and take out not_ready.",
                exit_code=2,
            )
        if self.assessment and not self.items:
            raise EviError(
                "it names no items.",
                where=f"rule {self.id}",
                do="Fill in reads.items and say in reads.items_source where they were seen.",
                exit_code=2,
            )


GESTATION = "HEALTH/BIRTH/GESTATION"


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
    try:
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise EviError("it can't be read as YAML.", where=str(path), do=str(error), exit_code=2) from error
    return make_rule(table, where=str(path))


def make_rule(table: Any, *, where: str = "rule") -> Rule:
    """A rule from what its file says.

    Raises:
        EviError: see `read_rule`.
    """
    table = json.loads(json.dumps(table, default=str))
    faults = sorted(_validator().iter_errors(table), key=lambda fault: list(map(str, fault.path)))
    if faults:
        place = "/".join(str(part) for part in faults[0].path) or "the file"
        raise EviError(f"{place}: {faults[0].message}", where=where, do="See rule.schema.json.", exit_code=2)
    for fault in faults_of(table):
        raise EviError(fault, where=where, do="Correct the file.", exit_code=2)
    return _rule(table)


@cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


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
