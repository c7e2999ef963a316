"""What stands on a child's page: every room's part, what happens now, what is due, what is not known."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.template import engines
from django.template.backends.utils import csrf_input_lazy
from markupsafe import Markup

from evi.care.children import chronology, vulnerability
from evi.care.children.address import Address
from evi.care.children.models import Child
from evi.care.children.telling import told
from evi.care.children.ties import places
from evi.care.children.views import visit_of
from evi.care.pages import Card, WorkItem, gather_cards, gather_due

if TYPE_CHECKING:
    from evi.care.door.visit import Visit

LATELY = timedelta(days=183)
"""How far back `what is happening now` looks."""
FEW = 5


@dataclass(frozen=True)
class Portrait:
    """A child's page.

    Attributes:
        told: birth date, age, and where the child is taught unless that is kept from this reader.
        address_lines: where the child lives, if contact may be shown.
        namesake: another child has the same name and birth date.
        contact: whether address and telephone may be shown.
        lately: the newest entries that may be read. due: what is due. index: reasons released, if permitted.
        cards: the other rooms' parts, drawn, each with its title and address.
        reading: what of the chronology is open, and sentences on what is not, where that may be told.
    """

    told: str
    address_lines: tuple[str, ...]
    namesake: bool
    contact: bool
    lately: tuple[chronology.Line, ...]
    due: tuple[WorkItem, ...]
    index: vulnerability.Index | None
    cards: tuple[tuple[Card, Markup], ...]
    reading: chronology.Reading
    may_add: bool
    may_move: bool
    may_come_back: bool


def portrait(request: HttpRequest, child: Child) -> Portrait:
    """Gather the page; what is shown goes into the ledger item by item."""
    visit = visit_of(request)
    address = Address.kept_from(visit, child)
    place = None if address.kept else places([child], visit.day).get(child.pk)
    contact = visit.can(child, "view", "contact") and visit.may(child, "view", "contact").permitted
    may_index = visit.can(child, "view", "index")
    move = visit.decision(child, "contribute", "contact")
    reading = chronology.read(visit, child)
    return Portrait(
        told=told(child, place, visit.day),
        address_lines=_address(child) if contact else (),
        namesake=child.has_namesake(),
        contact=contact,
        lately=tuple(_lately(visit, reading)),
        due=tuple(gather_due(visit, [child]).get(child.pk, ())),
        index=_index(visit, child) if may_index else None,
        cards=tuple((card, _drawn(request, child, card)) for card in gather_cards(visit, child)),
        reading=reading,
        may_add=bool(chronology.own_kinds(visit, child)),
        may_move=move.permitted and child.moved_out_on is None,
        may_come_back=child.moved_out_on is not None and move.why in ("clause", "moved-out") and contact,
    )


def _address(child: Child) -> tuple[str, ...]:
    lines = [*re.split(r"[\n,]", child.address), child.postcode]
    return tuple(line.strip() for line in lines if line.strip())


def _lately(visit: Visit, reading: chronology.Reading) -> list[chronology.Line]:
    if not reading.open:
        return []
    newest = reading.entries(chronology.Filters(first=visit.day - LATELY, last=visit.day))
    return chronology.as_lines(reading, newest.select_related("source")[:FEW])


def _index(visit: Visit, child: Child) -> vulnerability.Index | None:
    visit.may(child, "view", "index")
    return vulnerability.latest(visit, child)


def _drawn(request: HttpRequest, child: Child, card: Card) -> Markup:
    """A room's part, drawn by its own template from its own context, the child, the card and the visit."""
    engine: Any = engines["jinja2"]
    template = engine.env.get_template(card.template)
    context = {**card.context, "card": card, "child": child, "visit": visit_of(request), "request": request}
    context["csrf_input"] = csrf_input_lazy(request)
    return Markup(template.render(context))  # noqa: S704 - a template of ours, which escapes what it is given
