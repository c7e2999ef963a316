"""The children whom a visitor may see, in pages: who they are, how tied, where taught, what is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from evi.care.children.models import Child
from evi.care.children.names import folded
from evi.care.children.telling import told
from evi.care.children.ties import places
from evi.care.pages import WorkItem, gather_due
from evi.sharing.vocabulary import vocabulary

if TYPE_CHECKING:
    from evi.care.door.visit import Visit

SIZE = 25
BY_NAME = 400
"""Up to so many children are listed by name. Names are stored encrypted, so each is read to be sorted."""


@dataclass(frozen=True)
class Line:
    """One child of a list."""

    child: Child
    ties: tuple[str, ...]
    told: str
    due: tuple[WorkItem, ...] = ()


@dataclass(frozen=True)
class Page:
    """A page of a list. `total` None: more than `BY_NAME`, listed by who came last instead of by name."""

    lines: tuple[Line, ...]
    number: int
    total: int | None
    more: bool


def page_of(visit: Visit, number: int, size: int = SIZE) -> Page:
    """A page of the children whom the visitor may see; the ledger has one entry for the list."""
    allowed = visit.children().only(
        "public_id", "given_name", "known_as", "family_name", "birth_date", "moved_out_on"
    )
    some = list(allowed.order_by("-pk")[: BY_NAME + 1])
    if len(some) <= BY_NAME:
        some.sort(
            key=lambda child: (
                folded(child.family_name),
                folded(child.known_as or child.given_name),
                child.pk,
            )
        )
        shown, total = some[(number - 1) * size : number * size], len(some)
        more = number * size < total
    else:
        start = (number - 1) * size
        ahead = some[start : start + size + 1]
        if start + size >= BY_NAME:
            ahead = list(allowed.order_by("-pk")[start : start + size + 1])
        shown, total, more = ahead[:size], None, len(ahead) > size
    visit.record("view", items=("identity",), note=f"a list of {len(shown)} children")
    return Page(lines_of(visit, shown), number, total, more)


def lines_of(visit: Visit, children: list[Child]) -> tuple[Line, ...]:
    """The lines of these children: three queries, however many they are."""
    if not children:
        return ()
    visit.learn(children)
    at, due = places(children, visit.day), gather_due(visit, children)
    titles = vocabulary().relationships
    return tuple(
        Line(
            child,
            tuple(titles[kind].title for kind in titles if kind in visit.ties(child)),
            told(child, at.get(child.pk), visit.day),
            tuple(due.get(child.pk, ())),
        )
        for child in children
    )


def next_due(lines: tuple[Line, ...]) -> date | None:
    """The first day on which something of these is due."""
    return min((item.due for line in lines for item in line.due if item.due), default=None)
