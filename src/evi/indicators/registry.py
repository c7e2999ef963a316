"""The registry: every indicator as data, validated against its published schema."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from evi.indicators.expressions import Expression, Facts, Rate, all_facts, parse, rests_on_silence, walk
from evi.workspace import EviError
from evi.workspace.declared import LOADER

FOLDER = Path(__file__).parent / "registry"
SCHEMA = FOLDER / "registry.schema.json"

Scope = Literal["child", "household", "school", "area"]

DOMAINS = {
    "good_education": "Good education",
    "early_years": "Early years development",
    "health": "Mental and physical health",
    "substance_use": "Substance use",
    "family_relationships": "Family relationships",
    "safe_from_harm": "Safe from abuse and exploitation",
    "crime": "Crime",
    "domestic_abuse": "Domestic abuse",
    "secure_housing": "Secure housing",
    "financial_stability": "Financial stability",
}
"""The ten outcomes of the Supporting Families programme guidance 2022 to 2025, chapter 5."""


@dataclass(frozen=True)
class Needs:
    """What must be known for a "no" to mean no.

    Attributes:
        feeds: the feeds that can answer; none for rates.
        every: true if all of them are needed, false if any one is enough.
        requires: codes of which at least one event must be there, such as a result under one framework.
        watched_at_months: ages at which a feed must have covered the child, for gaps such as a missed review.
    """

    feeds: tuple[str, ...] = ()
    every: bool = False
    requires: tuple[str, ...] = ()
    watched_at_months: tuple[int, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """Why the indicator is here: a source that can be opened, and the figure seen there."""

    source: str
    figure: str


@dataclass(frozen=True)
class Indicator:
    """One vulnerability. `age_months` is `[from, to)` counted from the month of birth."""

    id: str
    title: str
    domain: str
    scope: Scope
    age_months: tuple[int, int]
    expression: Expression
    needs: Needs
    who_would_know: str
    reason: str
    evidence: Evidence
    owner: str
    version: int
    sensitive: bool = False
    digest: str = ""

    @property
    def is_rate(self) -> bool:
        """Whether it is derived for a school or an area when asked, not stored as spans."""
        return isinstance(self.expression, Rate)

    @property
    def rate(self) -> Rate:
        """The rate that a school or area indicator is.

        Raises:
            TypeError: it is not one.
        """
        if not isinstance(self.expression, Rate):
            raise TypeError(f"{self.id} is not a rate")
        return self.expression

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes, and beginnings of codes that end in `*`, of all the events that it reads."""
        read = (code for facts in all_facts(self.expression) for code in facts.codes)
        return tuple(sorted({*read, *self.needs.requires}))

    @property
    def look_back_days(self) -> int | None:
        """The longest look-back of its facts; none if any of them counts for good."""
        days = [facts.days for facts in all_facts(self.expression)]
        return None if not days or None in days else max(d for d in days if d is not None)

    @property
    def decay(self) -> str:
        """In words, how a need that was present stops being so."""
        if self.is_rate:
            return "as the share changes"
        if rests_on_silence(self.expression):
            return "when it is recorded"
        if any(facts.while_open for facts in all_facts(self.expression)):
            return "when it is closed"
        return (
            "never, but for age"
            if self.look_back_days is None
            else f"{self.look_back_days} days after the event"
        )


@dataclass(frozen=True)
class Registry:
    """All indicators, in order of domain and then of file. `digest` changes with any definition."""

    indicators: tuple[Indicator, ...]
    digest: str

    def __iter__(self) -> Iterator[Indicator]:
        return iter(self.indicators)

    def __len__(self) -> int:
        return len(self.indicators)

    def __getitem__(self, indicator_id: str) -> Indicator:
        for indicator in self.indicators:
            if indicator.id == indicator_id:
                return indicator
        raise KeyError(indicator_id)

    @property
    def stored(self) -> tuple[Indicator, ...]:
        """The indicators that have spans, in the order of the spans file: by id."""
        return tuple(sorted((i for i in self.indicators if not i.is_rate), key=lambda i: i.id))

    @property
    def rates(self) -> tuple[Indicator, ...]:
        """The indicators of schools and areas, by id."""
        return tuple(sorted((i for i in self.indicators if i.is_rate), key=lambda i: i.id))


@cache
def schema() -> dict[str, Any]:
    """The published JSON Schema of a registry file."""
    return dict(json.loads(SCHEMA.read_text(encoding="utf-8")))


def load_registry(extra: Sequence[Path] = ()) -> Registry:
    """Read the shipped registry, and folders of a district's own indicator files.

    A file of a district replaces the indicators whose ids it repeats.

    Raises:
        EviError: a file does not fit the schema, an expression makes no sense, or a rate has no indicator.
    """
    found: dict[str, Indicator] = {}
    for folder in (FOLDER, *extra):
        if not folder.is_dir():
            raise EviError(
                "there is no such folder of indicators.", where=str(folder), do="Correct district.toml."
            )
        files = sorted(p for p in folder.glob("*.yaml") if p.name != "bands.yaml")
        shipped = folder == FOLDER  # the tests check those
        here = [indicator for path in files for indicator in read_file(path, check=not shipped)]
        ids = [indicator.id for indicator in here]
        if len(set(ids)) < len(ids):
            twice = sorted({i for i in ids if ids.count(i) > 1})
            raise EviError(f"defined twice: {', '.join(twice)}.", where=str(folder), do="Keep one of each.")
        found |= {indicator.id: indicator for indicator in here}
    order = {domain: place for place, domain in enumerate(DOMAINS)}
    return make_registry(sorted(found.values(), key=lambda indicator: order[indicator.domain]))


def make_registry(indicators: Sequence[Indicator]) -> Registry:
    """A registry of these indicators; checks that each rate is of a stored indicator that is in it."""
    by_id = {indicator.id: indicator for indicator in indicators}
    for indicator in indicators:
        parts = [node for node in walk(indicator.expression) if isinstance(node, Rate)]
        if parts and (not indicator.is_rate or indicator.scope not in ("school", "area")):
            raise EviError(
                "a rate must be the whole expression of a school or area indicator.", where=indicator.id
            )
        if indicator.scope in ("school", "area") and not parts:
            raise EviError("a school or area indicator must be a rate.", where=indicator.id)
        for part in parts:
            if part.indicator not in by_id or by_id[part.indicator].is_rate:
                raise EviError(
                    "its rate is of no stored indicator.",
                    where=indicator.id,
                    do="Name a child or household one.",
                )
    text = json.dumps(sorted((i.id, i.digest) for i in indicators))
    return Registry(tuple(indicators), hashlib.blake2b(text.encode(), digest_size=16).hexdigest())


def read_file(path: Path, *, check: bool = True) -> list[Indicator]:
    """The indicators of one registry file.

    Args:
        path: the file.
        check: whether to compare it with the schema; not needed of a file that is known to fit.

    Raises:
        EviError: it does not fit the schema, naming the indicator and the field.
    """
    try:
        table = yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        raise EviError("it is not YAML.", where=str(path), do=str(error).splitlines()[-1]) from error
    if check:
        _check(table, path)
    return [_indicator(entry, table["domain"], path) for entry in table["indicators"]]


def _check(table: object, path: Path) -> None:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - most districts have no files of their own
    from jsonschema.exceptions import best_match  # noqa: PLC0415

    mistake = best_match(Draft202012Validator(schema()).iter_errors(table))
    if mistake is not None:
        place = "/".join(str(part) for part in mistake.absolute_path)
        raise EviError(
            f"{place or 'file'}: {mistake.message}.", where=path.name, do="See registry.schema.json."
        )


def _indicator(entry: Mapping[str, Any], domain: str, path: Path) -> Indicator:
    scope: Scope = entry["scope"]
    needs = entry["needs"]
    try:
        expression = parse(entry["expression"], who="anyone" if scope == "household" else "child")
    except EviError as error:
        raise EviError(error.what, where=f"{path.name}: {entry['id']}", do=error.do) from error
    text = json.dumps([domain, entry], sort_keys=True)
    return Indicator(
        id=entry["id"],
        title=entry["title"],
        domain=domain,
        scope=scope,
        age_months=(entry["age_months"][0], entry["age_months"][1]),
        expression=expression,
        needs=Needs(
            feeds=tuple(needs.get("all_of") or needs.get("any_of") or ()),
            every="all_of" in needs,
            requires=tuple(needs.get("requires", ())),
            watched_at_months=tuple(needs.get("watched_at_months", ())),
        ),
        who_would_know=entry["who_would_know"],
        reason=entry["reason"],
        evidence=Evidence(entry["evidence"]["source"], entry["evidence"]["figure"]),
        owner=entry["owner"],
        version=int(entry["version"]),
        sensitive=bool(entry.get("sensitive", False)),
        digest=hashlib.blake2b(text.encode(), digest_size=16).hexdigest(),
    )


def facts_required(needs: Needs) -> Facts | None:
    """The facts of which one must be there for the indicator to be assessable."""
    return Facts(tuple(sorted(needs.requires))) if needs.requires else None
