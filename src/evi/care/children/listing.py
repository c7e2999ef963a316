"""The children whom a visitor may see, in pages: who they are, how tied, where taught, what is due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evi.care.children.models import Child, children_of
from evi.care.children.names import folded
from evi.care.children.telling import told
from evi.care.children.ties import around, own_ties
from evi.care.pages import WorkItem, gather_due
from evi.sharing.vocabulary import vocabulary

if TYPE_CHECKING:
    from evi.care.door.visit import Visit

SIZE = 25
BY_NAME = 1_000
"""Up to so many children are listed by name. Names are stored encrypted, so each is read to be sorted."""
REMEMBERED = 200_000
"""Names that a process keeps in the order's form, so that it reads each once."""
SHOWN = ("public_id", "given_name", "known_as", "family_name", "birth_date", "moved_out_on")
"""What a line of a list reads of a child."""
_order: dict[tuple[int, str], str] = {}


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
    keys = list(visit.children().order_by("-pk").values_list("pk", "same_blind")[: BY_NAME + 1])
    start = (number - 1) * size
    if len(keys) <= BY_NAME:
        total, shown = len(keys), _by_name(keys)[start : start + size]
        more = start + size < total
    else:
        ahead = [pk for pk, _ in keys[start : start + size + 1]]
        if start + size >= BY_NAME:
            ahead = list(
                visit.children().order_by("-pk").values_list("pk", flat=True)[start : start + size + 1]
            )
        total, shown, more = None, ahead[:size], len(ahead) > size
    found = children_of(shown).only(*SHOWN).in_bulk()
    visit.record("view", items=("identity",), note=f"a list of {len(shown)} children")
    return Page(lines_of(visit, [found[pk] for pk in shown]), number, total, more)


def first_few(visit: Visit, many: int) -> tuple[Line, ...]:
    """The children whose ties are newest and who may be seen, for a short list; noted as any list."""
    newest = own_ties(visit).order_by("-since", "-pk").values_list("child", flat=True)
    keys = list(dict.fromkeys(newest[: 5 * many]))
    found = children_of(keys).only(*SHOWN).in_bulk()
    visit.learn(found.values())
    few = [found[pk] for pk in keys if visit.can(found[pk], "view", "identity")][:many]
    visit.record("view", items=("identity",), note=f"a list of {len(few)} children")
    return lines_of(visit, few)


def _by_name(keys: list[tuple[int, str]]) -> list[int]:
    """Primary keys by family name, then given name; `same_blind` changes with either."""
    if len(_order) > REMEMBERED:
        _order.clear()
    unread = [pk for pk, same in keys if not same or (pk, same) not in _order]
    for child in children_of(unread).only("given_name", "family_name", "same_blind"):
        _order[child.pk, child.same_blind] = folded(child.family_name, child.given_name)
    return [pk for pk, same in sorted(keys, key=lambda key: (_order.get(key, ""), key[0]))]


def lines_of(visit: Visit, children: list[Child]) -> tuple[Line, ...]:
    """The lines of these children: one query for their ties, and what each room asks for what is due."""
    if not children:
        return ()
    visit.learn(children)
    found = around(visit, children)
    due = gather_due(visit, children)
    titles = vocabulary().relationships
    return tuple(
        Line(
            child,
            tuple(titles[kind].title for kind in titles if kind in found.kinds[child.pk]),
            told(child, found.places.get(child.pk), visit.day),
            tuple(due.get(child.pk, ())),
        )
        for child in children
    )
