"""What agreements permit, spelled out; and what a change of them newly permits or refuses.

A change of policy is reviewed by what it does, not by its text: every permission of the old and of the new
agreements is worked out from the compiled policies, and the two are laid side by side.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from evi.sharing.agreement import Agreement
from evi.sharing.compiling import ALL, OPT_OUT
from evi.sharing.conditions import NO, Condition, holds
from evi.sharing.decisions import Door
from evi.sharing.question import Actor, Request
from evi.sharing.vocabulary import vocabulary

ANYONE = "any other"
"""Stands for an organisation that no agreement names."""
NO_TIE = "no tie needed"


@dataclass(frozen=True, order=True)
class Permission:
    """One thing that somebody may do: who, what, why, and tied how.

    `organisation` is the code of one that an agreement names, or `any other`. `limits` say what it depends
    on: “if the family agreed”, “not after an objection”, “not after an opt-out”.
    """

    kind: str
    role: str
    organisation: str
    purpose: str
    action: str
    item: str
    tie: str
    limits: str


@dataclass(frozen=True, order=True)
class Change:
    """Permissions that came (or went) alike: each of `who`, for each purpose, with each tie."""

    permitted: bool
    limits: str
    who: tuple[str, ...]
    purposes: tuple[str, ...]
    ties: tuple[str, ...]
    actions: tuple[str, ...]
    items: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """It in one line."""
        sign = "+" if self.permitted else "-"
        limits = f", {self.limits}" if self.limits else ""
        what = f"{', '.join(self.actions)}: {', '.join(shortened(self.items))}"
        tied = f"{' or '.join(self.ties)}; {', '.join(self.purposes)}{limits}"
        return f"{sign} {', '.join(self.who)} ({tied}) {what}"


def permissions(door: Door, day: date, others: Iterable[Door] = ()) -> set[Permission]:
    """Everything that a door permits on a day.

    Args:
        others: doors with which it will be compared; what their clauses are about is asked of this one too.
    """
    found = set()
    for request in sorted(_questions([door, *others], day), key=repr):
        asked = (request.action, request.item, request.purpose, day)
        left = door.residual(request.actor, *asked)
        if left == NO:
            continue
        actor = request.actor
        for tie, limits in _ways(left, request):
            found.add(
                Permission(
                    actor.kind,
                    actor.role,
                    actor.organisation or ANYONE,
                    request.purpose,
                    request.action,
                    request.item,
                    tie,
                    limits,
                )
            )
    return found


def changes(old: Door, new: Door, day: date) -> list[Change]:
    """What the new agreements permit that the old did not, and the other way round, in groups."""
    before, after = permissions(old, day, [new]), permissions(new, day, [old])
    found = {_alone(each, permitted=True) for each in after - before}
    found |= {_alone(each, permitted=False) for each in before - after}
    for name in ("items", "actions", "purposes", "ties", "who"):
        found = _merged(found, name)
    return sorted(found, key=lambda each: (not each.permitted, each))


def unversioned(old: Iterable[Agreement], new: Iterable[Agreement]) -> list[str]:
    """Agreements whose text changed while their version did not go up."""
    before = {each.name: each for each in old}
    return [
        each.name
        for each in new
        if each.name in before
        and replace(each, path="") != replace(before[each.name], path="")
        and each.version <= before[each.name].version
    ]


def shortened(items: Iterable[str]) -> tuple[str, ...]:
    """Items in the order of the vocabulary, a whole family of them as `passport.*`."""
    left, out = set(items), []
    families: dict[str, list[str]] = defaultdict(list)
    for item in vocabulary().items:
        families[item.split(".")[0]].append(item)
    for name, members in families.items():
        if len(members) > 1 and left.issuperset(members):
            out.append(f"{name}.*")
        else:
            out += [item for item in members if item in left]
    return tuple(out)


def _alone(each: Permission, *, permitted: bool) -> Change:
    who = f"{vocabulary().roles[each.role].title} at {each.kind}"
    if each.organisation != ANYONE:
        who += f" {each.organisation}"
    return Change(permitted, each.limits, (who,), (each.purpose,), (each.tie,), (each.action,), (each.item,))


def _merged(found: Iterable[Change], name: str) -> set[Change]:
    """Changes that differ in one list only, as one."""
    groups: dict[Change, set[str]] = defaultdict(set)
    for each in found:
        nothing: dict[str, Any] = {name: ()}
        groups[replace(each, **nothing)] |= set(getattr(each, name))
    merged: list[tuple[Change, dict[str, Any]]] = [
        (each, {name: tuple(sorted(values))}) for each, values in groups.items()
    ]
    return {replace(each, **values) for each, values in merged}


def _questions(doors: Iterable[Door], day: date) -> set[Request]:
    """Every question that a clause of the doors is about: no other can be permitted."""
    doors = list(doors)
    named = {
        (kind, code)
        for door in doors
        for agreement in door.agreements
        for kind, codes in agreement.joined.items()
        for code in codes
    }
    placements = vocabulary().placements()
    return {
        Request(Actor(role, code, kind), action, item, purpose, day)
        for door in doors
        for _, clause in door.clauses.values()
        for role, kind in placements
        if role in clause.roles and kind in clause.organisations
        for code in ("", *sorted(code for where, code in named if where == kind))
        for action in clause.actions
        for item in clause.items
        for purpose in clause.purposes
    }


def _ways(left: Condition, request: Request) -> Iterator[tuple[str, str]]:
    """The ties with which a condition holds, each with what it depends on; the least that is needed."""
    if any(True for _ in _limits(left, request)):
        yield NO_TIE, next(_limits(left, request))
        return
    for tie in vocabulary().relationships:
        tied = replace(request, ties=frozenset({tie}), shared=frozenset({request.item}))
        yield from ((tie, limits) for limits in _limits(left, tied))


def _limits(left: Condition, request: Request) -> Iterator[str]:
    """How a permission depends on what the family said; nothing if there is none."""
    agreed = replace(request, consents=frozenset({ALL}))
    if not holds(left, agreed):
        return
    parts = []
    if not holds(left, request):
        parts.append("if the family agreed")
    if not holds(left, replace(agreed, objections=frozenset({ALL}))):
        parts.append("not after an objection")
    if not holds(left, replace(agreed, objections=frozenset({OPT_OUT}))):
        parts.append("not after an opt-out")
    yield ", ".join(parts)
