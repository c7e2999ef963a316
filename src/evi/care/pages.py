"""What the rooms of the application show on a shared page: cards on a child's page, lines of My work.

A room offers them in its own `summary.py`; this module gathers them, so that no room knows of another.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evi.care.children.models import Child
    from evi.care.door.visit import Visit

ROOMS = ("children", "passports", "support", "circles", "findings", "door", "exchange", "tour")


@dataclass(frozen=True)
class Card:
    """A part of a child's page: a title, the template that draws it, and where to read on."""

    title: str
    template: str
    context: Mapping[str, Any] = field(default_factory=dict)
    url: str = ""
    order: int = 50


@dataclass(frozen=True)
class WorkItem:
    """A line of My work. `kind`: new, due, waiting, request or acknowledge."""

    kind: str
    text: str
    url: str
    child: Child | None = None
    due: date | None = None


def gather_cards(visit: Visit, child: Child) -> list[Card]:
    """The cards of every room that has one for this visit, in their order."""
    cards = [card for room in _summaries("child_card") if (card := room(visit, child)) is not None]
    return sorted(cards, key=lambda card: card.order)


def gather_work(visit: Visit) -> list[WorkItem]:
    """Everything that waits for this person, what is due first on top."""
    lines = [line for room in _summaries("work") for line in room(visit)]
    return sorted(lines, key=lambda line: (line.due is None, line.due or date.max, line.text))


def gather_due(visit: Visit, children: Collection[Child]) -> dict[int, list[WorkItem]]:
    """What is due for each of these children, by the child's key; from rooms with `due(visit, children)`.

    For lists: a room answers for all of them in one query, and only of what this visit may see.
    """
    lines = [line for room in _summaries("due") for line in room(visit, children)]
    found: dict[int, list[WorkItem]] = {}
    for line in sorted(lines, key=lambda line: line.due or date.max):
        if line.child is not None:
            found.setdefault(line.child.pk, []).append(line)
    return found


@cache
def _summaries(name: str) -> list[Any]:
    found = []
    for room in ROOMS:
        module = f"evi.care.{room}.summary"
        if find_spec(module) is not None and hasattr(import_module(module), name):
            found.append(getattr(import_module(module), name))
    return found
