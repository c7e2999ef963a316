"""Instruments of the strengths profile and the catalogue of strategies, as their files have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from evi.workspace import EviError
from evi.workspace.declared import check_against, read_yaml

HERE = Path(__file__).parent
PROFILES = HERE / "profiles"
STRATEGIES = HERE / "strategies.yaml"


@dataclass(frozen=True)
class Level:
    """How well something goes, in an adult's and in a child's words; `value` counts up with ease."""

    value: int
    key: str
    adult: str
    child: str
    picture: str


@dataclass(frozen=True)
class Band:
    """What a domain's mean says, from `start` up."""

    start: float
    key: str
    title: str
    text: str


@dataclass(frozen=True)
class Domain:
    """A side of a child's life: its descriptors by key, each with the words for an adult and for a child."""

    key: str
    title: str
    picture: str
    descriptors: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Instrument:
    """A set of questions, and the rule by which they are summed up.

    Attributes:
        ages: the first and the last year of age that it is for. views: who is asked.
        bands: from the highest mark down. least_answered: descriptors of a domain that must be answered.
        apart: difference of two views' means that is pointed out.
    """

    key: str
    title: str
    version: str
    ages: tuple[int, int]
    source: str
    intro: str
    views: tuple[str, ...]
    levels: tuple[Level, ...]
    bands: tuple[Band, ...]
    least_answered: int
    apart: float
    domains: Mapping[str, Domain]

    @property
    def top(self) -> int:
        """The highest value of a level."""
        return max(level.value for level in self.levels)

    def words(self, view: str, domain: str, descriptor: str) -> str:
        """A descriptor in the words of a view."""
        said = self.domains[domain].descriptors[descriptor]
        return said["child"] if view == "child" else said["adult"]


@dataclass(frozen=True)
class Source:
    """A public guidance; `checked` False: the citation is still to be checked against it."""

    title: str
    publisher: str
    year: int
    checked: bool


@dataclass(frozen=True)
class Strategy:
    """Something to try: for which domains, bands and ages (in years), and which guidance it follows."""

    key: str
    text: str
    domains: tuple[str, ...]
    bands: tuple[str, ...]
    ages: tuple[int, int]
    source: Source
    part: str


@cache
def instruments(folder: Path = PROFILES) -> Mapping[str, Instrument]:
    """The instruments of a folder, by key.

    Raises:
        EviError: a file breaks the schema, or contradicts itself.
    """
    found = {}
    for path in sorted(folder.glob("*.yaml")):
        table = read_yaml(path)
        check_against(table, PROFILES / "profile.schema.json", path.name)
        made = _instrument(table)
        _check(made, path.name)
        found[made.key] = made
    return found


def instrument_for(age: int | None) -> Instrument | None:
    """The instrument for a child of this age; the last of those that fit, None if none does."""
    fitting = [
        each for each in instruments().values() if age is not None and each.ages[0] <= age <= each.ages[1]
    ]
    return max(fitting, key=lambda each: each.ages[0], default=None)


@cache
def strategies() -> tuple[Strategy, ...]:
    """The catalogue.

    Raises:
        EviError: the file breaks its schema, or refers to a source, domain or band that there isn't.
    """
    table = read_yaml(STRATEGIES)
    check_against(table, HERE / "strategies.schema.json", STRATEGIES.name)
    domains = {key for each in instruments().values() for key in each.domains}
    bands = {band.key for each in instruments().values() for band in each.bands}
    made = []
    for key, row in table["strategies"].items():
        wrong = (
            {*row["domains"]} - domains | {*row["bands"]} - bands | {row["source"]} - set(table["sources"])
        )
        if wrong:
            raise EviError(f"“{key}” refers to {sorted(wrong)}, which there isn't.", where=STRATEGIES.name)
        source = Source(**table["sources"][row["source"]])
        made.append(
            Strategy(
                key,
                row["text"],
                tuple(row["domains"]),
                tuple(row["bands"]),
                tuple(row["ages"]),
                source,
                row["part"],
            )
        )
    return tuple(made)


def suggested(domain: str, band: str, age: int | None) -> list[Strategy]:
    """What to try for a domain in a band at an age in years; the more particular first."""
    fitting = [
        each
        for each in strategies()
        if domain in each.domains
        and band in each.bands
        and (age is None or each.ages[0] <= age <= each.ages[1])
    ]
    return sorted(fitting, key=lambda each: len(each.domains))


def _instrument(table: Mapping[str, Any]) -> Instrument:
    scoring = table["scoring"]
    bands = [Band(row["from"], row["key"], row["title"], row["text"]) for row in scoring["bands"]]
    return Instrument(
        key=table["key"],
        title=table["title"],
        version=table["version"],
        ages=(table["ages"][0], table["ages"][1]),
        source=table["source"],
        intro=table["intro"],
        views=tuple(table["views"]),
        levels=tuple(Level(**row) for row in table["levels"]),
        bands=tuple(sorted(bands, key=lambda band: -band.start)),
        least_answered=scoring["least_answered"],
        apart=scoring["apart"],
        domains={key: Domain(key, **row) for key, row in table["domains"].items()},
    )


def _check(made: Instrument, where: str) -> None:
    faults = []
    if len({level.value for level in made.levels}) != len(made.levels):
        faults.append("two levels have one value")
    if made.bands[-1].start != min(level.value for level in made.levels):
        faults.append("the lowest band does not begin at the lowest level")
    if made.bands[0].start > made.top:
        faults.append("the highest band can't be reached")
    for domain in made.domains.values():
        if len(domain.descriptors) < made.least_answered:
            faults.append(f"{domain.key} has fewer descriptors than must be answered")
        if "child" in made.views and any("child" not in row for row in domain.descriptors.values()):
            faults.append(f"{domain.key} has a descriptor without words for a child")
    if faults:
        raise EviError(f"{faults[0]}.", where=where, exit_code=2)
