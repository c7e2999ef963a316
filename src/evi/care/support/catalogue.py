"""Areas of need, and offers of support that can start now: `offers.yaml`, added to by a district."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from evi.care.home import home
from evi.sharing.vocabulary import vocabulary
from evi.workspace import EviError
from evi.workspace.declared import check_against, read_yaml

SHIPPED = Path(__file__).parent / "offers.yaml"
SCHEMA = Path(__file__).parent / "offers.schema.json"
FOLDER = "offers"
"""The folder in the care home with a district's own offers."""


@dataclass(frozen=True)
class Area:
    """A part of life in which a child can need help."""

    key: str
    title: str
    hint: str


@dataclass(frozen=True)
class Offer:
    """Support that can start now. `ages`: first and last whole year; `provider`: a kind of organisation."""

    key: str
    title: str
    what: str
    setting: str
    provider: str
    areas: tuple[str, ...]
    ages: tuple[int, int]
    begin: str
    source: str
    url: str

    def fits(self, area: str = "", age: int | None = None) -> bool:
        """Whether it is for this area and age; what is not known rules nothing out."""
        right_age = age is None or self.ages[0] <= age <= self.ages[1]
        return right_age and (not area or area in self.areas)


@dataclass(frozen=True)
class Catalogue:
    """Every area and offer, by key, in the order of the files."""

    areas: Mapping[str, Area]
    offers: Mapping[str, Offer]

    @classmethod
    def read(cls, paths: list[Path]) -> Catalogue:
        """Read files; a later offer takes the place of an earlier one with its key.

        Raises:
            EviError: a file is not as the schema says, or names an area or a provider that is not there.
        """
        areas: dict[str, Area] = {}
        offers: dict[str, Offer] = {}
        for path in paths:
            table = read_yaml(path)
            check_against(table, SCHEMA, str(path))
            areas |= {each["key"]: Area(**each) for each in table.get("areas", [])}
            for each in table["offers"]:
                offer = _offer(each)
                _hold(offer, areas, str(path))
                offers[offer.key] = offer
        return cls(areas, offers)


def _offer(each: Mapping[str, Any]) -> Offer:
    source = each["source"]
    fields = {name: value for name, value in each.items() if name != "source"}
    fields |= {"areas": tuple(each["areas"]), "ages": tuple(each["ages"])}
    return Offer(**fields, source=source["name"], url=source["url"])


def _hold(offer: Offer, areas: Mapping[str, Area], where: str) -> None:
    problem = ""
    if unknown := set(offer.areas) - set(areas):
        problem = f"offer {offer.key}: there is no area called {sorted(unknown)[0]}."
    elif offer.provider not in vocabulary().organisations:
        problem = f"offer {offer.key}: there is no kind of organisation called {offer.provider}."
    elif offer.ages[0] > offer.ages[1]:
        problem = f"offer {offer.key}: its first age is above its last."
    if problem:
        raise EviError(problem, where=where, do="Correct the offer.", exit_code=2)


@cache
def catalogue() -> Catalogue:
    """The shipped catalogue with the district's own files over it; read once."""
    return Catalogue.read([SHIPPED, *sorted((home() / FOLDER).glob("*.yaml"))])


def areas() -> Mapping[str, Area]:
    """Areas by key."""
    return catalogue().areas


def offers() -> Mapping[str, Offer]:
    """Offers by key."""
    return catalogue().offers
