"""A question to the door: who asks for what and why, with the facts of the child that bear on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Actor:
    """Who asks: a role, in an organisation (its code) of a kind."""

    role: str
    organisation: str
    kind: str


@dataclass(frozen=True)
class Request:
    """One question, with the facts of the child that bear on it.

    Attributes:
        ties: kinds of relationship that this person has with the child on this day.
        shared: items that a live tie `shared-with` names.
        consents, objections: names of agreements, or `all`; the national opt-out is the objection `opt-out`.
        withheld: items held back from this person for this child.
        moved_out: the child has left the district.
    """

    actor: Actor
    action: str
    item: str
    purpose: str
    day: date
    ties: frozenset[str] = NOTHING
    shared: frozenset[str] = NOTHING
    consents: frozenset[str] = NOTHING
    objections: frozenset[str] = NOTHING
    withheld: frozenset[str] = NOTHING
    moved_out: bool = False
