"""What is left to ask of a child: a small frozen tree over the facts that a decision rests on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from evi.sharing.question import Request


@dataclass(frozen=True)
class Known:
    """True or false for every child."""

    value: bool


@dataclass(frozen=True)
class HasTie:
    """The person has a live relationship of one of these kinds with the child."""

    kinds: frozenset[str]


@dataclass(frozen=True)
class Shared:
    """A live tie names the item."""

    item: str


@dataclass(frozen=True)
class Consented:
    """A live consent is about one of these."""

    names: frozenset[str]


@dataclass(frozen=True)
class Objected:
    """A live objection is about one of these, or the opt-out stands and is among them."""

    names: frozenset[str]


@dataclass(frozen=True)
class IsWithheld:
    """The item is held back from the person for this child."""

    item: str


@dataclass(frozen=True)
class MovedOut:
    """The child has left the district."""


@dataclass(frozen=True)
class Not:
    """The part does not hold."""

    part: Condition


@dataclass(frozen=True)
class And:
    """All parts hold."""

    parts: frozenset[Condition]


@dataclass(frozen=True)
class Or:
    """At least one part holds."""

    parts: frozenset[Condition]


Condition = Known | HasTie | Shared | Consented | Objected | IsWithheld | MovedOut | Not | And | Or
YES, NO = Known(True), Known(False)


def all_of(parts: Iterable[Condition]) -> Condition:
    """Their conjunction, simplified."""
    return _joined(parts, And, NO, YES)


def any_of(parts: Iterable[Condition]) -> Condition:
    """Their disjunction, simplified."""
    return _joined(parts, Or, YES, NO)


def negated(part: Condition) -> Condition:
    """Its negation, simplified."""
    if isinstance(part, Known):
        return Known(not part.value)
    return part.part if isinstance(part, Not) else Not(part)


def _joined(parts: Iterable[Condition], kind: type[And] | type[Or], ends: Known, drops: Known) -> Condition:
    kept: set[Condition] = set()
    for part in parts:
        if part == ends:
            return ends
        if part != drops:
            kept |= part.parts if isinstance(part, kind) else {part}
    if not kept:
        return drops
    return next(iter(kept)) if len(kept) == 1 else kind(frozenset(kept))


def holds(condition: Condition, request: Request) -> bool:
    """Whether a condition holds of the facts in a request."""
    match condition:
        case Known(value):
            return value
        case HasTie(kinds):
            return bool(kinds & request.ties)
        case Shared(item):
            return item in request.shared
        case Consented(names):
            return bool(names & request.consents)
        case Objected(names):
            return bool(names & request.objections)
        case IsWithheld(item):
            return item in request.withheld
        case MovedOut():
            return request.moved_out
        case Not(part):
            return not holds(part, request)
        case And(parts):
            return all(holds(part, request) for part in parts)
        case Or(parts):
            return any(holds(part, request) for part in parts)
