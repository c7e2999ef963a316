"""Unusual access: plain rules over counts of who looked, each with its threshold in `unusual.yaml`.

A finding asks somebody to look; it judges nobody. What is counted comes from the ledger, fetched by
`evi.care.door.unusual`; here it is only held against the thresholds. No name of a child or of a family is in
any of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from evi.sharing.vocabulary import vocabulary
from evi.workspace import EviError
from evi.workspace.declared import check_against, read_yaml

FILE = Path(__file__).parent / "unusual.yaml"
SCHEMA = Path(__file__).parent / "unusual.schema.json"


@dataclass(frozen=True)
class Rule:
    """One rule: what it says of what it found, and from which count on. `more`: its further thresholds."""

    key: str
    title: str
    says: str
    at_least: int
    more: Mapping[str, Any]


@dataclass(frozen=True)
class Rules:
    """All rules, over the last `days` days; `families` are roles that are left out."""

    days: int
    families: tuple[str, ...]
    rules: Mapping[str, Rule]


@dataclass(frozen=True)
class PersonCounts:
    """What one person did in the days that count, acting in one role at one organisation.

    Attributes:
        person: public id. same_surname: children looked at, by how many of all children looked at by anyone
            have that surname. out_of_hours, refusals: entries. busiest_search_day: searches on that day.
        emergencies, unjustified, overdue: emergency views.
    """

    person: str
    role: str
    organisation: str
    same_surname: tuple[tuple[str, int], ...] = ()
    out_of_hours: int = 0
    refusals: int = 0
    busiest_search_day: int = 0
    emergencies: int = 0
    unjustified: int = 0
    overdue: int = 0


@dataclass(frozen=True)
class ChildCounts:
    """How many people and organisations looked at one child (public id), and how many are tied to it."""

    child: str
    people: int
    organisations: int
    tied: int


@dataclass(frozen=True)
class Finding:
    """What a rule found. `person` or `child` is '' where it is not about one; `children`: public ids."""

    rule: str
    count: int
    sentence: str
    person: str = ""
    role: str = ""
    organisation: str = ""
    child: str = ""
    children: tuple[str, ...] = field(default=())


def unusual(people: Iterable[PersonCounts], children: Iterable[ChildCounts], rules: Rules) -> list[Finding]:
    """What the rules find, rule by rule in their order, the highest count first."""
    found = [
        each for person in people if person.role not in rules.families for each in _of_person(person, rules)
    ]
    found += [each for child in children for each in _of_child(child, rules)]
    order = list(rules.rules)
    return sorted(found, key=lambda each: (order.index(each.rule), -each.count, each.person, each.child))


def _of_person(person: PersonCounts, rules: Rules) -> Iterator[Finding]:
    own = rules.rules["own-family"]
    family = tuple(child for child, shared in person.same_surname if shared < own.more["common_from"])
    hours = rules.rules["out-of-hours"]
    late = 0 if person.role in hours.more["except"] else person.out_of_hours
    counts: dict[str, tuple[int, dict[str, Any]]] = {
        "own-family": (len(family), {}),
        "out-of-hours": (late, {"from": hours.more["from_hour"], "until": hours.more["until_hour"]}),
        "refusals": (person.refusals, {}),
        "searches": (person.busiest_search_day, {}),
        "emergencies": (person.emergencies, {"unjustified": person.unjustified, "overdue": person.overdue}),
    }
    for key, (count, facts) in counts.items():
        rule = rules.rules[key]
        if count >= rule.at_least:
            said = rule.says.format(count=count, **facts)
            about = family if key == "own-family" else ()
            yield Finding(key, count, said, person.person, person.role, person.organisation, children=about)


def _of_child(child: ChildCounts, rules: Rules) -> Iterator[Finding]:
    rule = rules.rules["many-eyes"]
    explained = max(1, child.tied) * rule.more["people_an_organisation"]
    if child.people >= rule.at_least and (child.people > explained or child.organisations > child.tied + 1):
        said = rule.says.format(count=child.people, organisations=child.organisations, tied=child.tied)
        yield Finding("many-eyes", child.people, said, child=child.child)


@cache
def unusual_rules() -> Rules:
    """The shipped rules.

    Raises:
        EviError: the file breaks its schema, or names a role that there isn't.
    """
    table = read_yaml(FILE)
    check_against(table, SCHEMA, str(FILE))
    made = {}
    for key, row in table["rules"].items():
        plain = {name: row.pop(name) for name in ("title", "says", "at_least")}
        made[key] = Rule(key, more=row, **plain)
    named = set(table["families"]) | set(made["out-of-hours"].more["except"])
    if unknown := named - set(vocabulary().roles):
        raise EviError(f"no role is called {', '.join(sorted(unknown))}.", where=str(FILE), exit_code=2)
    return Rules(table["days"], tuple(table["families"]), made)
