"""A child in a line, so that two of one name can be told apart; and the pages that there are of a child."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from django.urls import NoReverseMatch, reverse
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from evi.care.children.models import Child
from evi.care.children.ties import Place, school_year

if TYPE_CHECKING:
    from evi.care.door.visit import Visit

PAGES = (
    ("children:child", gettext_lazy("Record"), "view", "identity"),
    ("passports:passport", gettext_lazy("Passport"), "view", "passport.*"),
    ("support:plan", gettext_lazy("Support plan"), "view", "plan"),
    ("circles:circle", gettext_lazy("Circle"), "view", "circle"),
    ("children:chronology", gettext_lazy("Chronology"), "view", "chronology.*"),
    ("children:index", gettext_lazy("Index"), "view", "index"),
    ("door:access-list", gettext_lazy("Who looked"), "view", "access-list"),
    ("exchange:exchange", gettext_lazy("Copies"), "export", "passport.*"),
)
"""The pages of a child: name of the address, title, and the item that opens it."""


YEARS = ("Year ", "Reception", "Nursery")
"""How the name of a class begins that tells the school year by itself."""


def told(child: Child, place: Place | None = None, day: date | None = None) -> str:
    """`Born 9 March 2020 (6 years old). Hill School, 1A. Year 1.`, as far as it is known."""
    parts = [_("Birth date not known")]
    if child.birth_date:
        years = child.age(day) or 0
        age = ngettext("%(years)s year old", "%(years)s years old", years) % {"years": years}
        born = formats.date_format(child.birth_date, "j F Y")
        parts = [_("Born %(born)s (%(age)s)") % {"born": born, "age": age}]
    if place:
        parts.append(str(place))
        if not (place.team and place.team.name.startswith(YEARS)):
            parts.append(school_year(child.birth_date, day))
    return "".join(f"{part}. " for part in parts if part).strip()


@dataclass(frozen=True)
class Leaf:
    """One of the pages of a child that the visitor may open."""

    title: str
    url: str
    here: bool


def leaves(visit: Visit, child: Child, here: str = "") -> list[Leaf]:
    """The pages of a child that this visit may open, in order. `here`: the name of the one that is shown."""
    found = []
    for name, title, action, item in PAGES:
        if not visit.can(child, action, item):
            continue
        try:
            found.append(Leaf(str(title), reverse(name, args=[child.public_id]), name == here))
        except NoReverseMatch:
            continue
    return found
