"""Who is round a child on a day: the live ties `in-circle`, and what is known of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Q
from django.utils import timezone

from evi.care.accounts.models import Membership
from evi.care.children.models import Child, Tie
from evi.care.circles.models import Lead, Place
from evi.care.dated import live_on
from evi.sharing.vocabulary import FAMILY

IN_CIRCLE = "in-circle"


@dataclass(frozen=True)
class Person:
    """Somebody in the circle (or a whole team or organisation, if the tie names no person).

    `part` is what they are in it; `how` one of `Place.How`; `place` its public id, empty for a tie that came
    in another way.
    """

    tie: Tie
    name: str
    organisation: str
    kind: str
    part: str
    since: date
    membership: Membership | None = None
    how: str = ""
    rule: str = ""
    place: str = ""
    leads: bool = False

    @property
    def family(self) -> bool:
        """Whether they are of the child's family."""
        return self.kind == FAMILY


def people(child: Child, day: date | None = None, leads: Sequence[Lead] | None = None) -> list[Person]:
    """Everyone in the circle: the lead first, then the family, then by name.

    Three queries at most; one less if the caller has read all `leads` of the child already.
    """
    day = day or timezone.localdate()
    ties = list(
        Tie.objects.live(day)
        .filter(child=child, kind=IN_CIRCLE)
        .select_related("user", "team", "organisation", "place__membership")
    )
    lead = lead_of(child, day) if leads is None else next((one for one in leads if one.holds(day)), None)
    known = _members(ties, day)
    found = [_person(tie, known, lead) for tie in ties]
    return sorted(found, key=lambda one: (not one.leads, not one.family, one.name.casefold(), one.tie.pk))


def members(child: Child, day: date | None = None) -> list[Membership]:
    """The memberships of those in the circle, by name: whom a message, a task or an action can be for."""
    return [one.membership for one in people(child, day) if one.membership is not None]


def in_circle(child: Child, membership: Membership, day: date | None = None) -> bool:
    """Whether this person, or the team or organisation that they act for, is in the circle on a day."""
    day = day or timezone.localdate()
    whole = Q(user=None, team=None) | Q(user=None, team__in=membership.teams.all())
    mine = Q(organisation=membership.organisation_id) & (Q(user=membership.user_id) | whole)
    return Tie.objects.filter(live_on(day), mine, child=child, kind=IN_CIRCLE).exists()


def lead_of(child: Child, day: date | None = None) -> Lead | None:
    """Who leads the circle."""
    live = Lead.objects.live(day or timezone.localdate()).filter(child=child)
    return live.select_related("membership__user", "membership__organisation").first()


def past_places(child: Child, day: date | None = None) -> list[Place]:
    """Places that have ended, newest first: the circle's history."""
    ended = Place.objects.filter(child=child, tie__until__lte=day or timezone.localdate())
    joined = ended.select_related("tie", "membership__user", "membership__organisation", "ended_by__user")
    return list(joined.order_by("-tie__until", "-pk"))


def _members(ties: list[Tie], day: date) -> dict[tuple[int, int], Membership]:
    """The membership behind ties that have no place, by user and organisation."""
    bare = [tie for tie in ties if tie.user_id and not hasattr(tie, "place")]
    if not bare:
        return {}
    found = Membership.objects.live(day).filter(
        user__in={tie.user_id for tie in bare}, organisation__in={tie.organisation_id for tie in bare}
    )
    return {(each.user_id, each.organisation_id): each for each in found}


def _person(tie: Tie, known: dict[tuple[int, int], Membership], lead: Lead | None) -> Person:
    place: Place | None = getattr(tie, "place", None)
    membership = place.membership if place else known.get((tie.user_id or 0, tie.organisation_id))
    if membership is not None and tie.user is not None:
        membership.user, membership.organisation = tie.user, tie.organisation
    name = tie.user.name if tie.user else (tie.team.name if tie.team else tie.organisation.name)
    return Person(
        tie=tie,
        name=name,
        organisation=tie.organisation.name,
        kind=tie.organisation.kind,
        part=place.part if place else tie.why,
        since=tie.since,
        membership=membership if tie.user else None,
        how=place.how if place else "",
        rule=place.rule if place else "",
        place=place.public_id if place else "",
        leads=lead is not None and membership is not None and lead.membership_id == membership.pk,
    )
