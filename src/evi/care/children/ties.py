"""Ties that begin and end by rule (a roll, a caseload, a circle), and what a page says of them.

Nothing is deleted: a tie that ends keeps its days, so that it can be answered later who could see what when.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Case, Q, QuerySet, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _

from evi.care.accounts.models import Membership, Organisation, Team, User
from evi.care.children.models import Child, Tie
from evi.care.dated import live_on
from evi.care.door.querying import held_by

if TYPE_CHECKING:
    from evi.care.door.visit import Visit


def tie(
    child: Child,
    kind: str,
    *,
    organisation: Organisation | None = None,
    team: Team | None = None,
    membership: Membership | None = None,
    user: User | None = None,
    since: date | None = None,
    until: date | None = None,
    items: Iterable[str] = (),
    why: str = "",
) -> Tie:
    """Tie a child to a person (`membership`, or `user` of an `organisation`), a team or an organisation.

    A tie that is the same and holds on `since` (today) is given back instead of a second one.

    Raises:
        ValueError: it is not said with whom.
    """
    holder = membership or team
    organisation = organisation or (holder.organisation if holder else None)
    if organisation is None:
        raise ValueError("a tie is with an organisation, a team or a membership")
    user = user or (membership.user if membership else None)
    since = since or timezone.localdate()
    said = {"child": child, "kind": kind, "organisation": organisation, "team": team, "user": user}
    wanted = sorted(items)
    with transaction.atomic():
        Child.objects.select_for_update().only("pk").get(pk=child.pk)
        for same in Tie.objects.live(since).filter(**said):
            if sorted(same.items) == wanted:
                return same
        return Tie.objects.create(**said, items=wanted, since=since, until=until, why=why)


def end_tie(ended: Tie, on: date | None = None) -> Tie:
    """End a tie: `on` (today) is the first day on which it no longer holds. An earlier end stays."""
    on = on or timezone.localdate()
    if ended.until is None or ended.until > on:
        ended.until = max(on, ended.since)
        ended.save(update_fields=["until"])
    return ended


def end_ties(
    child: Child, kind: str, organisation: Organisation | None = None, *, on: date | None = None
) -> int:
    """End every live tie of a kind (a child leaves a roll); gives how many."""
    on = on or timezone.localdate()
    live = Tie.objects.filter(live_on(on), child=child, kind=kind)
    if organisation is not None:
        live = live.filter(organisation=organisation)
    return live.update(until=on)


@dataclass(frozen=True)
class Place:
    """Where a child is taught: school or nursery, and class if that is known."""

    organisation: Organisation
    team: Team | None = None

    def __str__(self) -> str:
        return f"{self.organisation.name}, {self.team.name}" if self.team else self.organisation.name


def own_ties(visit: Visit) -> QuerySet[Tie]:
    """The ties that the visitor holds on this day: who is among them is still to be decided on."""
    return Tie.objects.filter(live_on(visit.day), held_by(visit.membership))


TAUGHT = Q(kind="on-roll") | Q(kind="teaches", team__isnull=False)


def places(children: Iterable[Child], day: date | None = None) -> dict[int, Place]:
    """School or nursery of each child on a day, by the child's key, in one query; some are on no roll."""
    return _places(_live(children, day or timezone.localdate()).filter(TAUGHT))


@dataclass(frozen=True)
class Around:
    """Of several children, by key: the kinds of tie that the visitor has, and where each is taught."""

    kinds: dict[int, set[str]]
    places: dict[int, Place]


def around(visit: Visit, children: Iterable[Child]) -> Around:
    """The ties that a list shows, in one query."""
    own = held_by(visit.membership)
    rows = list(
        _live(children, visit.day)
        .filter(own | TAUGHT)
        .annotate(own=Case(When(own, then=Value(True)), default=Value(False)))
    )
    kinds: dict[int, set[str]] = defaultdict(set)
    for row in rows:
        if row.own:
            kinds[row.child_id].add(row.kind)
    return Around(kinds, _places(row for row in rows if row.kind in ("on-roll", "teaches")))


def _live(children: Iterable[Child], day: date) -> QuerySet[Tie]:
    found = Tie.objects.filter(live_on(day), child__in=[child.pk for child in children])
    return found.select_related("organisation", "team").order_by("since", "pk")


def _places(rows: Iterable[Tie]) -> dict[int, Place]:
    found: dict[int, Place] = {}
    teams: dict[tuple[int, int], Team] = {}
    for row in rows:
        if row.kind == "on-roll":
            found[row.child_id] = Place(row.organisation)
        elif row.team is not None:
            teams[row.child_id, row.organisation_id] = row.team
    return {
        child: Place(place.organisation, teams.get((child, place.organisation.pk)))
        for child, place in found.items()
    }


def school_year(born: date | None, day: date | None = None) -> str:
    """`Year 3`, `Reception`, or nothing before and after school: by the age on the last 31 August (England).

    A child who is 4 on 31 August starts Reception on the next day; Year 13 begins at 17.
    """
    if born is None:
        return ""
    day = day or timezone.localdate()
    autumn = day.year if day.month >= 9 else day.year - 1
    age = autumn - born.year - (born.month > 8)
    if age == 4:
        return _("Reception")
    return _("Year %(number)s") % {"number": age - 4} if 5 <= age <= 17 else ""
