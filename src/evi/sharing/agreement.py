"""One information-sharing agreement as its file says it, and the days on which it permits anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from evi.sharing.gateways import Gateway

NONE_NEEDED = "none-needed"
NEVER = date.max


@dataclass(frozen=True)
class Signature:
    """Who signed for a party, as what, and on which day."""

    by: str
    role: str
    day: date


@dataclass(frozen=True)
class Party:
    """A kind of organisation that takes part; `organisations`: codes of those that joined (empty: all)."""

    kind: str
    name: str
    organisations: tuple[str, ...] = ()
    signed: Signature | None = None


@dataclass(frozen=True)
class Clause:
    """Who may do what with which items, tied how to the child.

    `relationships` is empty where none is needed; `items` are spelled out, without patterns.
    """

    id: str
    sentence: str
    organisations: tuple[str, ...]
    roles: tuple[str, ...]
    actions: tuple[str, ...]
    items: tuple[str, ...]
    relationships: tuple[str, ...]
    purposes: tuple[str, ...]
    consent_needed: bool
    event_codes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Agreement:
    """An agreement with its gateways.

    `faults` are sentences about what is missing or can't be: an agreement with any permits nothing. `end` is
    the first day on which it no longer holds.
    """

    name: str
    number: int
    version: int
    title: str
    summary: str
    purposes: tuple[str, ...]
    parties: tuple[Party, ...]
    gateways: tuple[Gateway, ...]
    also_honours: tuple[str, ...]
    clauses: tuple[Clause, ...]
    retention: str
    start: date
    review: date
    end: date
    steps: Mapping[str, str] = field(hash=False)
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    path: str = field(default="", repr=False, compare=False)

    @property
    def spoken(self) -> str:
        """How a sentence names it."""
        return f"agreement {self.number} ({self.title})"

    @property
    def joined(self) -> dict[str, tuple[str, ...]]:
        """The codes of the organisations of each kind that joined; none for a kind of which all did."""
        found: dict[str, tuple[str, ...]] = {}
        for kind in {party.kind for party in self.parties}:
            lists = [party.organisations for party in self.parties if party.kind == kind]
            found[kind] = tuple(sorted({code for codes in lists for code in codes})) if all(lists) else ()
        return found

    @cached_property
    def window(self) -> tuple[date, date] | None:
        """The days on which it permits, the last one excluded; None if there are none.

        From the last of its start, its signatures and its gateways' first days, to the first of its end and
        of the days on which a gateway ends.
        """
        if self.faults:
            return None
        signed = [party.signed.day for party in self.parties if party.signed]
        first = max(self.start, *signed, *(each.in_force_from or NEVER for each in self.gateways))
        last = min(self.end, *(each.in_force_until or NEVER for each in self.gateways))
        return (first, last) if first < last else None

    def live(self, day: date) -> bool:
        """Whether it permits anything on a day."""
        return self.window is not None and self.window[0] <= day < self.window[1]

    def state(self, day: date) -> str:
        """in force, incomplete, not yet in force, or expired."""
        if self.window is None:
            return "incomplete"
        if day < self.window[0]:
            return "not yet in force"
        return "in force" if day < self.window[1] else "expired"

    def honours(self, wish: str) -> bool:
        """Whether an `objection` or the `opt-out` stops it.

        It does if the parties promise it, or if a gateway says so and no gateway overrides it.
        """
        if wish in self.also_honours:
            return True
        say = {each.objection if wish == "objection" else each.opt_out for each in self.gateways}
        return "honoured" in say and "overrides" not in say
