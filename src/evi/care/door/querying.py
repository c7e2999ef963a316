"""The facts of children that decisions rest on: as one query for a list, or fetched for a few children.

`to_q` turns what is left of the policies (`evi.sharing.conditions`) into one condition on `Child`. Every fact
is one subquery that holds all that must be true of one row: who holds the tie, its kind and its days
together. Conditions on ties are never chained, which would let one person's ended tie pass with the days of
another's.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import and_, or_
from typing import TypeVar

from django.db.models import Exists, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast

from evi.care.accounts.models import Membership
from evi.care.children.models import Child, Tie, Wish, Withheld
from evi.sharing.compiling import OPT_OUT
from evi.sharing.conditions import (
    And,
    Condition,
    Consented,
    HasTie,
    IsWithheld,
    Known,
    MovedOut,
    Not,
    Objected,
    Or,
    Shared,
)
from evi.sharing.vocabulary import vocabulary

SHARED_WITH = "shared-with"
CONSENT, OBJECTION, WITHHELD, TIE = "consent", "objection", "withheld", "tie"
NOTHING: frozenset[str] = frozenset()
Rows = TypeVar("Rows", QuerySet[Tie], QuerySet[Withheld])


@dataclass(frozen=True)
class Facts:
    """What a question to the door says of one child, for one membership on one day."""

    ties: frozenset[str] = NOTHING
    shared: frozenset[str] = NOTHING
    consents: frozenset[str] = NOTHING
    objections: frozenset[str] = NOTHING
    withheld: frozenset[str] = NOTHING
    moved_out: bool = False


NO_FACTS = Facts()


def held_by(membership: Membership) -> Q:
    """Ties that a membership holds: its person's own, its teams', or its whole organisation's.

    All of them are with the membership's organisation: a person who changes school leaves ties behind.
    """
    whom = Q(user=membership.user_id)
    whom |= Q(user__isnull=True, team__in=membership.teams.values("pk"))
    whom |= Q(user__isnull=True, team__isnull=True)
    return Q(organisation=membership.organisation_id) & whom


def facts(membership: Membership, children: Iterable[Child], day: date) -> dict[int, Facts]:
    """The facts of several children by primary key, in one query for any number of them."""
    children = list(children)
    if not children:
        return {}
    words = vocabulary()
    found: dict[int, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for child, what, said, items in _facts_rows(membership, [child.pk for child in children], day):
        named = set(json.loads(items)) if items else set()
        if what == TIE and said in words.relationships:
            found[child]["ties"].add(said)
            found[child]["shared"] |= words.items.keys() & named if said == SHARED_WITH else set()
        elif what == CONSENT:
            found[child]["consents"].add(said)
        elif what in (OBJECTION, OPT_OUT):
            found[child]["objections"].add(said if what == OBJECTION else OPT_OUT)
        elif what == WITHHELD:
            found[child]["withheld"] |= named
    return {
        child.pk: Facts(
            **{name: frozenset(values) for name, values in found[child.pk].items()},
            moved_out=child.moved_out_on is not None and child.moved_out_on <= day,
        )
        for child in children
    }


def _facts_rows(membership: Membership, keys: list[int], day: date) -> Iterable[tuple[int, str, str, str]]:
    """Child, what is said (a tie, a kind of wish, something withheld), its kind or agreement, and items."""
    none, items = Value("", TextField()), Cast("items", TextField())
    ties = Tie.objects.live(day).filter(held_by(membership), child__in=keys)
    wishes = Wish.objects.live(day).filter(child__in=keys)
    kept = Withheld.objects.live(day).filter(child__in=keys, user=membership.user_id)
    rows = [
        ties.values_list("child_id", Value(TIE, TextField()), Cast("kind", TextField()), items),
        wishes.values_list("child_id", Cast("kind", TextField()), Cast("about", TextField()), none),
        kept.values_list("child_id", Value(WITHHELD, TextField()), none, items),
    ]
    return rows[0].union(*rows[1:], all=True)


def to_q(condition: Condition, membership: Membership, day: date, item: str) -> Q:
    """The children for whom a condition holds, for one membership on one day.

    Args:
        item: what is asked for; the condition's own items are the ones used, this is for its reader.

    A condition that can't hold without a tie also says so as one plain subquery, so that a database begins
    with the few children who are tied and not with all.
    """
    asked = _Asked(membership, day)
    needed = ties_needed(condition)
    if needed is None:
        return asked.q(condition)
    return Q(pk__in=asked.ties(needed).values("child")) & asked.q(condition)


def ties_needed(condition: Condition) -> frozenset[str] | None:
    """Kinds of tie of which one must be there for the condition to hold; None if it can hold without any."""
    if isinstance(condition, HasTie):
        return condition.kinds
    if isinstance(condition, Shared):
        return frozenset({SHARED_WITH})
    if isinstance(condition, And):
        needs = [needed for part in condition.parts if (needed := ties_needed(part)) is not None]
        return min(needs, key=lambda kinds: (len(kinds), sorted(kinds)), default=None)
    if isinstance(condition, Or):
        each = [ties_needed(part) for part in condition.parts]
        known = [needed for needed in each if needed is not None]
        return frozenset().union(*known) if len(known) == len(each) else None
    return None


@dataclass(frozen=True)
class _Asked:
    """Builds one query: for whom, on which day."""

    membership: Membership
    day: date

    def ties(self, kinds: Iterable[str]) -> QuerySet[Tie]:
        return Tie.objects.live(self.day).filter(held_by(self.membership), kind__in=sorted(kinds))

    def q(self, condition: Condition) -> Q:
        match condition:
            case Known(value):
                return Q() if value else Q(pk__in=[])
            case Not(part):
                return ~self.q(part)
            case And(parts):
                return reduce(and_, (self.q(part) for part in _in_order(parts)))
            case Or(parts):
                return reduce(or_, (self.q(part) for part in _in_order(parts)))
            case MovedOut():
                return Q(moved_out_on__isnull=False, moved_out_on__lte=self.day)
            case _:
                return Q(Exists(self._rows(condition).filter(child=OuterRef("pk"))))

    def _rows(self, leaf: Condition) -> QuerySet[Tie] | QuerySet[Wish] | QuerySet[Withheld]:
        """The rows of one fact, whole."""
        match leaf:
            case HasTie(kinds):
                return self.ties(kinds)
            case Shared(item):
                return _naming(self.ties([SHARED_WITH]), item)
            case IsWithheld(item):
                kept = Withheld.objects.live(self.day).filter(user=self.membership.user_id)
                return _naming(kept, item)
            case Consented(names):
                return Wish.objects.live(self.day).filter(kind=CONSENT, about__in=sorted(names))
            case Objected(names):
                said = Q(kind=OBJECTION, about__in=sorted(names))
                said |= Q(kind=OPT_OUT) if OPT_OUT in names else Q()
                return Wish.objects.live(self.day).filter(said)
        raise TypeError(f"no query for {type(leaf).__name__}")


def _naming(rows: Rows, item: str) -> Rows:
    """Rows whose list of items names one; as text, which both databases can search."""
    named = rows.annotate(named=Cast("items", TextField()))
    return named.filter(named__contains=f'"{item}"')


def _in_order(parts: Iterable[Condition]) -> list[Condition]:
    """In one order, so that a question has one query."""
    return sorted(parts, key=repr)
