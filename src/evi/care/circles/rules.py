"""Joining and leaving by rule: who is in a circle because of another tie of the child, worked out as a whole.

`keep_in_step` compares who should be in by rule with who is, and makes the difference good. It can be run at
any time and any number of times. Whoever was taken out by hand is not put back in by the same tie.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from evi.care.accounts.models import Membership
from evi.care.children.models import Child, Tie
from evi.care.circles.models import Lead, Place
from evi.care.circles.people import IN_CIRCLE
from evi.care.door.ledger import SYSTEM, append
from evi.care.door.rows import every_row
from evi.sharing.vocabulary import vocabulary
from evi.workspace import EviError
from evi.workspace.declared import check_against, read_yaml

SHIPPED = Path(__file__).parent / "rules.yaml"
SCHEMA = Path(__file__).parent / "rules.schema.json"
BATCH = 900
"""Children in one transaction: a database takes so many in one question."""


@dataclass(frozen=True)
class Rule:
    """Whoever has one of `roles` and is reached by a live `tie` (or named at an `event`) is in."""

    key: str
    reach: str
    roles: tuple[str, ...]
    part: str
    tie: str = ""
    event: str = ""
    lead: bool = False


@cache
def rules() -> dict[str, Rule]:
    """Every rule by its key.

    Raises:
        EviError: the file breaks the schema, or names a role or a relationship that is not there.
    """
    table = read_yaml(SHIPPED)
    check_against(table, SCHEMA, SHIPPED.name)
    made = {each["key"]: Rule(**{**each, "roles": tuple(each["roles"])}) for each in table["rules"]}
    words = vocabulary()
    for rule in made.values():
        unknown = set(rule.roles) - set(words.roles) or {rule.tie} - {"", *words.relationships}
        if unknown:
            raise EviError(f"rule {rule.key}: there is no {sorted(unknown)[0]}.", where=SHIPPED.name)
    return made


@dataclass(frozen=True)
class Seat:
    """A place that somebody has, or should have, by rule."""

    child: int
    membership: int
    rule: str
    basis: int


def keep_in_step(
    children: Iterable[Child], day: date | None = None, *, ledger: bool = True
) -> tuple[int, int]:
    """Put in whom a rule puts in, take out whose reason has ended, and name a lead where there is none.

    Args:
        children: any number of them; for each 900, five queries and one more for each kind of change.
        day: on which day the rules hold (today).
        ledger: whether each change is written to the ledger as the system's own.

    Returns:
        How many came and how many went.
    """
    day = day or timezone.localdate()
    every = list({child.pk: child for child in children}.values())
    came = went = 0
    for start in range(0, len(every), BATCH):
        come, gone = _step({child.pk: child for child in every[start : start + BATCH]}, day, ledger)
        came, went = came + come, went + gone
    return came, went


def joins_by_rule(child: Child, event: str, membership: Membership, day: date | None = None) -> Place | None:
    """Something happened (`referral-accepted`) that brings a person into the circle.

    Returns:
        The place; None if no rule follows from it for this role.
    """
    from evi.care.circles.joining import put_in  # noqa: PLC0415 - the two lean on each other

    rule = next((r for r in rules().values() if r.event == event and membership.role in r.roles), None)
    if rule is None:
        return None
    with transaction.atomic():
        place = put_in(child, membership, Place.How.RULE, part=rule.part, rule=rule.key, day=day)
        _append(child, f"joined the circle by the rule {rule.key}")
    return place


def leaves_by_rule(child: Child, event: str, membership: Membership, day: date | None = None) -> int:
    """What brought a person in by `event` has ended; gives how many places ended with it."""
    from evi.care.circles.joining import take_out  # noqa: PLC0415

    keys = [rule.key for rule in rules().values() if rule.event == event]
    day = day or timezone.localdate()
    with transaction.atomic():
        found = Place.objects.filter(child=child, membership=membership, rule__in=keys).select_related("tie")
        ending = [place for place in found if _is_live(place.tie, day)]
        for place in ending:
            take_out(place.tie, Place.End.RULE, day=day)
            _append(child, f"left the circle by the rule {place.rule}")
    return len(ending)


def _step(by_pk: dict[int, Child], day: date, ledger: bool) -> tuple[int, int]:
    """`keep_in_step` for so many children that one question can name them all."""
    with every_row(), transaction.atomic():
        places = list(
            Place.objects.filter(child__in=by_pk, how=Place.How.RULE, basis__isnull=False).select_related(
                "tie"
            )
        )
        live = {_seat(place): place for place in places if _is_live(place.tie, day)}
        shut = {_seat(place) for place in places if place.ended_how in _BY_HAND}
        wanted = _wanted(list(_basis_ties(by_pk, day)), set(live), shut, day)
        gone = [place for seat, place in live.items() if seat not in wanted]
        _take_out(gone, day)
        _end_with_basis([(place, wanted[seat][1]) for seat, place in live.items() if seat in wanted])
        come = _not_there_yet([seat for seat in wanted if seat not in live], wanted, by_pk, day)
        _put_in(come, wanted)
        _lead_where_nobody_does(by_pk, day)
        if ledger:
            _tell(by_pk, come, gone)
    return len(come), len(gone)


_BY_HAND = {Place.End.REMOVED, Place.End.LEFT}


def _basis_ties(children: Iterable[int], day: date) -> Any:
    kinds = {rule.tie for rule in rules().values() if rule.tie}
    return Tie.objects.live(day).filter(child__in=list(children), kind__in=kinds)


def _wanted(
    ties: list[Tie], live: set[Seat], shut: set[Seat], day: date
) -> dict[Seat, tuple[Rule, Tie, Membership]]:
    """Every seat that a rule gives on a day; of several for one person, the one they have, else the first."""
    people = _people_of({tie.organisation_id for tie in ties}, day)
    wanted: dict[tuple[int, int], tuple[Seat, tuple[Rule, Tie, Membership]]] = {}
    for rule in rules().values():
        for tie in ties:
            if tie.kind != rule.tie:
                continue
            for member in people[tie.organisation_id]:
                seat, whom = Seat(tie.child_id, member.pk, rule.key, tie.pk), (tie.child_id, member.user_id)
                if member.role not in rule.roles or not _reaches(rule, tie, member) or seat in shut:
                    continue
                if whom not in wanted or (seat in live and wanted[whom][0] not in live):
                    wanted[whom] = seat, (rule, tie, member)
    return dict(wanted.values())


def _people_of(organisations: set[int], day: date) -> dict[int, list[Membership]]:
    roles = {role for rule in rules().values() for role in rule.roles}
    found = Membership.objects.live(day).filter(organisation__in=organisations, role__in=roles)
    made: dict[int, list[Membership]] = defaultdict(list)
    for member in found.select_related("user").prefetch_related("teams"):
        made[member.organisation_id].append(member)
    return made


def _reaches(rule: Rule, tie: Tie, member: Membership) -> bool:
    if tie.user_id is not None:
        return tie.user_id == member.user_id
    if tie.team_id is not None:
        return rule.reach != "person" and tie.team_id in {team.pk for team in member.teams.all()}
    return rule.reach == "organisation"


def _seat(place: Place) -> Seat:
    return Seat(place.child_id, place.membership_id, place.rule, place.basis_id or 0)


def _is_live(tie: Tie, day: date) -> bool:
    return tie.since <= day and (tie.until is None or tie.until > day)


def _not_there_yet(
    come: list[Seat], wanted: dict[Seat, Any], children: dict[int, Child], day: date
) -> list[Seat]:
    """Those who are not in the circle in another way already."""
    there = set(
        Tie.objects.live(day)
        .filter(child__in=children, kind=IN_CIRCLE, user__isnull=False)
        .values_list("child_id", "user_id")
    )
    return [seat for seat in come if (seat.child, wanted[seat][2].user_id) not in there]


def _put_in(come: list[Seat], wanted: dict[Seat, tuple[Rule, Tie, Membership]]) -> None:
    made = []
    for seat in come:
        _rule, basis, member = wanted[seat]
        made.append(
            Tie(
                child_id=seat.child,
                organisation_id=member.organisation_id,
                user_id=member.user_id,
                kind=IN_CIRCLE,
                since=max(basis.since, member.since),
                until=basis.until,
            )
        )
    Tie.objects.bulk_create(made)
    Place.objects.bulk_create(
        Place(
            child_id=seat.child,
            tie=tie,
            membership_id=seat.membership,
            part=wanted[seat][0].part,
            how=Place.How.RULE,
            rule=seat.rule,
            basis_id=seat.basis,
        )
        for seat, tie in zip(come, made, strict=True)
    )


def _end_with_basis(kept: list[tuple[Place, Tie]]) -> None:
    """Let each place end on the day on which its reason is known to end."""
    moved = [(place.tie, basis.until) for place, basis in kept if place.tie.until != basis.until]
    for tie, until in moved:
        tie.until = until
    Tie.objects.bulk_update([tie for tie, _until in moved], ["until"])


def _take_out(gone: list[Place], day: date) -> None:
    Tie.objects.filter(pk__in=[place.tie_id for place in gone]).update(until=day)
    Place.objects.filter(pk__in=[place.pk for place in gone]).update(ended_how=Place.End.RULE)
    for place in gone:
        Lead.objects.filter(child=place.child_id, membership=place.membership_id, until=None).update(
            until=day
        )


def _lead_where_nobody_does(children: dict[int, Child], day: date) -> None:
    leading = [rule.key for rule in rules().values() if rule.lead]
    led = set(Lead.objects.filter(child__in=children, until=None).values_list("child_id", flat=True))
    found = Place.objects.filter(child__in=set(children) - led, rule__in=leading, ended_how="")
    first: dict[int, Place] = {}
    for place in found.select_related("tie").order_by("tie__since", "pk"):
        if _is_live(place.tie, day):
            first.setdefault(place.child_id, place)
    Lead.objects.bulk_create(
        Lead(child_id=child, membership_id=place.membership_id, since=day) for child, place in first.items()
    )


def _tell(children: dict[int, Child], come: list[Seat], gone: list[Place]) -> None:
    for seat in come:
        _append(children[seat.child], f"joined the circle by the rule {seat.rule}")
    for place in gone:
        _append(children[place.child_id], f"left the circle by the rule {place.rule}")


def _append(child: Child, note: str) -> None:
    append(actor=SYSTEM, action="invite", child=child.public_id, permitted=["circle"], note=note)
