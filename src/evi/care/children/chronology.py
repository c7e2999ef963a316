"""A child's chronology as this visit may read it, and what a service adds to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from evi.care.children.address import Address
from evi.care.children.models import Child, Entry
from evi.care.children.timeline import Point
from evi.sharing.decisions import Decision
from evi.sharing.vocabulary import vocabulary

if TYPE_CHECKING:
    from evi.care.door.visit import Visit

PAGE = 25
WHOLE = 200
"""Entries that are read at once; longer chronologies are read page by page."""


@cache
def kinds() -> tuple[str, ...]:
    """The kinds of entries, in the vocabulary's order."""
    return tuple(item for item in vocabulary().items if item.startswith("chronology."))


def own_kinds(visit: Visit, child: Child) -> tuple[str, ...]:
    """The kinds that the visitor's own service holds and that the visitor may add to."""
    kind = visit.membership.organisation.kind
    return tuple(
        item
        for item in kinds()
        if kind in vocabulary().items[item].held_by and visit.can(child, "contribute", item)
    )


@dataclass(frozen=True)
class Filters:
    """What the reader wants to see of it; everything is optional."""

    kind: str = ""
    nature: str = ""
    first: date | None = None
    last: date | None = None

    def to_q(self) -> Q:
        """The condition on entries."""
        made = Q()
        if self.kind:
            made &= Q(item=self.kind)
        if self.nature:
            made &= Q(nature=self.nature)
        if self.first:
            made &= Q(happened_on__gte=self.first) | Q(ended_on__gte=self.first)
        if self.last:
            made &= Q(happened_on__lte=self.last)
        return made


@dataclass(frozen=True)
class Reading:
    """Which kinds of entries this visit may read of a child.

    `address`: what tells where the child lives and has to be kept from this reader, if anything.
    """

    child: Child
    decisions: Mapping[str, Decision]
    address: Address

    @property
    def open(self) -> tuple[str, ...]:
        """The kinds that may be read, or of which some entries may be."""
        return tuple(kind for kind in kinds() if self.decisions[kind].permitted)

    @property
    def closed(self) -> tuple[tuple[str, Decision], ...]:
        """The kinds that may not be read and of which that may be told.

        What is held back from one person is not told of: that it is would tell something.
        """
        return tuple(
            (kind, decision)
            for kind, decision in self.decisions.items()
            if not decision.permitted and decision.why != "withheld"
        )

    def entries(self, filters: Filters | None = None) -> QuerySet[Entry]:
        """The entries that may be read, newest first: one query for all kinds."""
        condition = Q(pk__in=[])
        for kind in self.open:
            condition |= Q(item=kind) & _codes(self.decisions[kind].codes)
        found = self.child.entries.filter(condition)
        return found.filter(filters.to_q()) if filters else found


def read(visit: Visit, child: Child) -> Reading:
    """Decide on every kind of entry.

    Those that may be read go into the ledger; those that may not were not asked for. To ask for one, a reader
    opens the page of that kind, which is refused and written down.
    """
    decisions = {kind: visit.decision(child, "view", kind) for kind in kinds()}
    visit.items(child, "view", [kind for kind, decision in decisions.items() if decision.permitted])
    return Reading(child, decisions, Address.kept_from(visit, child))


def _codes(patterns: tuple[str, ...]) -> Q:
    """The condition of a decision that is limited to some event codes; none for no limit."""
    made = Q()
    for pattern in patterns:
        made |= Q(code__startswith=pattern[:-1]) if pattern.endswith("*") else Q(code=pattern)
    return made


def age_at(born: date | None, day: date) -> str:
    """How old the child was on a day, in words: `before birth`, `5 months`, `3 years`."""
    if born is None:
        return ""
    if day < born:
        return _("before birth")
    months = (day.year - born.year) * 12 + day.month - born.month - (day.day < born.day)
    if months < 24:
        return _("1 month") if months == 1 else _("%(count)s months") % {"count": months}
    return _("%(count)s years") % {"count": months // 12}


@dataclass(frozen=True)
class Line:
    """One entry as this reader sees it."""

    entry: Entry
    title: str
    text: str
    source: str
    age: str

    @property
    def year(self) -> int:
        """The year under whose heading it stands."""
        return self.entry.happened_on.year


def page_of(reading: Reading, filters: Filters | None, number: int) -> tuple[list[Point], list[Line]]:
    """Every entry that fits, as a point of the picture, and the lines of one page."""
    fitting = reading.entries(filters)
    start = (number - 1) * PAGE
    whole = list(fitting.select_related("source")[: WHOLE + 1])
    if len(whole) <= WHOLE:
        points = [Point(each.item, each.happened_on, each.ended_on, each.nature) for each in whole]
        return points, as_lines(reading, whole[start : start + PAGE])
    every = list(fitting.values_list("item", "happened_on", "ended_on", "nature"))
    return [Point(*each) for each in every], as_lines(
        reading, fitting.select_related("source")[start : start + PAGE]
    )


def as_lines(reading: Reading, entries: Iterable[Entry]) -> list[Line]:
    """Entries as the reader sees them: whatever would tell a hidden address is taken out."""
    hide, born = reading.address.hide, reading.child.birth_date
    return [
        Line(
            entry,
            hide(entry.title),
            hide(entry.text),
            reading.address.place(entry.source),
            age_at(born, entry.happened_on),
        )
        for entry in entries
    ]


def add(
    visit: Visit,
    child: Child,
    *,
    item: str,
    happened_on: date,
    title: str,
    fact: str = "",
    opinion: str = "",
) -> list[Entry]:
    """Add an entry: one for the fact and one for the opinion, each if there is one, with the ledger's entry.

    Raises:
        Refused: the visit may not add to this kind.
    """
    role = visit.membership.title or vocabulary().roles[visit.membership.role].title
    with visit.writing(child, "contribute", item):
        return [
            Entry.objects.create(
                child=child,
                item=item,
                nature=nature,
                happened_on=happened_on,
                title=title,
                text=text,
                source=visit.membership.organisation,
                author=visit.user,
                author_name=visit.user.name,
                author_role=role,
            )
            for nature, text in ((Entry.FACT, fact), (Entry.OPINION, opinion))
            if text
        ]
