"""Assessments and their frameworks: which items each has, and which values an item may take.

A total of one framework says nothing beside a total of another (the 2012 profile sums to 17 to 51, the 2021
profile to 17 to 34), so a result is known by its framework everywhere in this room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

FILE = Path(__file__).parent / "frameworks.yaml"


@dataclass(frozen=True)
class Framework:
    """One version of an assessment.

    Attributes:
        id: as codes name it, such as `2021`.
        items: full event code of each item, and what it is about in plain words.
        values: the values that an item may take; empty where any from `low` to `high` may be.
        expected: the value that is reached by a child who does as is expected, if the framework has one.
    """

    id: str
    title: str
    items: Mapping[str, str]
    values: tuple[float, ...]
    low: float
    high: float
    expected: float | None
    source: str


@dataclass(frozen=True)
class Assessment:
    """An assessment with all of its frameworks.

    Attributes:
        prefix: what the codes of all its items start with.
        feed: the feed that brings it.
        one_per_child: whether results of two frameworks for one child are a mistake.
    """

    id: str
    title: str
    feed: str
    prefix: str
    one_per_child: bool
    frameworks: Mapping[str, Framework]

    @property
    def items(self) -> dict[str, str]:
        """Every item of every framework: its code and its words."""
        return {code: words for each in self.frameworks.values() for code, words in each.items.items()}


@cache
def assessments() -> Mapping[str, Assessment]:
    """The assessments that eVI knows, by id (`eyfsp`, `asq3`)."""
    table = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    found = {}
    for name, row in table.items():
        frameworks = {}
        for version, each in row["frameworks"].items():
            values = tuple(float(value) for value in each.get("values", ()))
            low, high = each["range"] if "range" in each else (min(values), max(values))
            frameworks[str(version)] = Framework(
                id=str(version),
                title=each["title"],
                items={f"{row['prefix']}{version}/{item}": words for item, words in each["items"].items()},
                values=values,
                low=float(low),
                high=float(high),
                expected=float(each["expected"]) if "expected" in each else None,
                source=each["source"],
            )
        found[name] = Assessment(
            name, row["title"], row["feed"], row["prefix"], bool(row["one_per_child"]), frameworks
        )
    return found
