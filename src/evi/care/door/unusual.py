"""Counts for the report of unusual access, taken from the ledger by a few queries.

Surnames are compared here, in memory, and leave as counts and public ids only.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from evi.care.accounts.models import Membership, User
from evi.care.children.models import Child, Tie
from evi.care.dated import live_on
from evi.care.door import workdays
from evi.care.door.ledger import SYSTEM
from evi.care.door.models import AccessEntry, BreakGlass
from evi.sharing.ledger import REFUSED
from evi.sharing.unusual import ChildCounts, Finding, PersonCounts, Rules, unusual, unusual_rules

Who = tuple[str, str, str]
"""Actor, role and organisation of entries."""


def find_unusual(organisation: str = "", now: datetime | None = None) -> list[Finding]:
    """What the rules find in the ledger's last days.

    Args:
        organisation: code; only people of this one, and no children. '': the whole district.
    """
    rules, now = unusual_rules(), now or timezone.now()
    entries = AccessEntry.objects.filter(at__gt=now - timedelta(days=rules.days), at__lte=now)
    entries = entries.exclude(actor=SYSTEM).exclude(role__in=rules.families)
    mine = entries.filter(organisation=organisation) if organisation else entries
    people = _people(mine, entries, rules, organisation, now)
    return unusual(people, [] if organisation else _children(entries), rules)


def _people(
    mine: QuerySet[AccessEntry],
    everyone: QuerySet[AccessEntry],
    rules: Rules,
    organisation: str,
    now: datetime,
) -> list[PersonCounts]:
    who = ("actor", "role", "organisation")
    refusals = _counted(mine.filter(decision=REFUSED).values_list(*who).annotate(n=Count("number")))
    by_day = mine.filter(action="search").annotate(day=TruncDate("at")).values_list(*who, "day")
    searches: dict[Who, int] = defaultdict(int)
    for actor, role, place, _day, count in by_day.annotate(n=Count("number")):
        searches[actor, role, place] = max(searches[actor, role, place], count)
    late = _out_of_hours(mine, rules)
    family = _same_surnames(mine, everyone)
    opened, unjustified, overdue = _emergencies(organisation, now, rules)
    everybody = {*refusals, *searches, *late, *family, *opened}
    return [
        PersonCounts(
            *each,
            same_surname=tuple(family.get(each, ())),
            out_of_hours=late[each],
            refusals=refusals.get(each, 0),
            busiest_search_day=searches.get(each, 0),
            emergencies=opened[each],
            unjustified=unjustified[each],
            overdue=overdue[each],
        )
        for each in sorted(everybody)
    ]


def _counted(rows: Iterable[tuple[str, str, str, int]]) -> dict[Who, int]:
    return {(actor, role, place): count for actor, role, place, count in rows}


def _out_of_hours(entries: QuerySet[AccessEntry], rules: Rules) -> Counter[Who]:
    hours = rules.rules["out-of-hours"].more
    counts: Counter[Who] = Counter()
    rows = entries.exclude(role__in=hours["except"]).values_list("actor", "role", "organisation", "at")
    for actor, role, place, at in rows.iterator(chunk_size=5000):
        local = timezone.localtime(at)
        if not (hours["from_hour"] <= local.hour < hours["until_hour"] and workdays.is_working(local.date())):
            counts[actor, role, place] += 1
    return counts


def _same_surnames(
    mine: QuerySet[AccessEntry], everyone: QuerySet[AccessEntry]
) -> dict[Who, list[tuple[str, int]]]:
    """Children looked at by someone of their own surname, with how many looked-at children share it."""
    looked = everyone.exclude(child="").exclude(decision=REFUSED)
    seen = set(looked.values_list("child", flat=True).distinct())
    children = {
        child.public_id: child
        for child in Child.objects.filter(public_id__in=seen).only("public_id", "family_name")
    }
    surnames = {key: _last_name(child.family_name) for key, child in children.items()}
    common = Counter(surnames.values())
    theirs = mine.exclude(child="").exclude(decision=REFUSED)
    pairs = list(theirs.values_list("actor", "role", "organisation", "child").distinct())
    people = {
        user.public_id: user for user in User.objects.filter(public_id__in={actor for actor, *_ in pairs})
    }
    own = [
        (actor, role, place, child)
        for actor, role, place, child in pairs
        if actor in people and child in surnames and surnames[child] == _last_name(people[actor].name)
    ]
    tied = _tied_in_person({(people[actor].pk, children[child].pk) for actor, _, _, child in own})
    found: dict[Who, list[tuple[str, int]]] = defaultdict(list)
    for actor, role, place, child in sorted(own):
        if surnames[child] and (people[actor].pk, children[child].pk) not in tied:
            found[actor, role, place].append((child, common[surnames[child]]))
    return found


def _last_name(name: str) -> str:
    return name.rsplit(maxsplit=1)[-1].casefold() if name.split() else ""


def _tied_in_person(pairs: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Pairs of a user and a child between whom there is a tie of the person's own, or of a team of theirs."""
    ties = Tie.objects.filter(live_on(timezone.localdate()), child_id__in={child for _, child in pairs})
    named = set(ties.filter(user_id__isnull=False).values_list("user_id", "child_id"))
    through_team = ties.filter(user=None, team__membership__in=Membership.objects.live())
    return pairs & (named | set(through_team.values_list("team__membership__user_id", "child_id")))


def _children(entries: QuerySet[AccessEntry]) -> list[ChildCounts]:
    looked = entries.exclude(child="").exclude(decision=REFUSED)
    counts = looked.values_list("child").annotate(
        people=Count("actor", distinct=True), places=Count("organisation", distinct=True)
    )
    many = [row for row in counts if row[1] >= unusual_rules().rules["many-eyes"].at_least]
    ties = Tie.objects.filter(live_on(timezone.localdate()), child__public_id__in=[row[0] for row in many])
    tied = dict(ties.values_list("child__public_id").annotate(n=Count("organisation", distinct=True)))
    return [ChildCounts(child, people, places, tied.get(child, 0)) for child, people, places in many]


def _emergencies(
    organisation: str, now: datetime, rules: Rules
) -> tuple[Counter[Who], Counter[Who], Counter[Who]]:
    views = BreakGlass.objects.filter(opened_at__gt=now - timedelta(days=rules.days))
    if organisation:
        views = views.filter(membership__organisation__code=organisation)
    who = ("membership__user__public_id", "membership__role", "membership__organisation__code")

    def count(condition: Q) -> Counter[Who]:
        return Counter(_counted(views.filter(condition).values_list(*who).annotate(n=Count("pk"))))

    overdue = Q(reviewed_at=None, review_due__lt=timezone.localdate(now))
    return count(Q()), count(Q(justified=False)), count(overdue)
