"""Layouts as SQL: which events and which coverage each row of a payload gives.

Everything that this room needs to know of a layout is compiled here once, to plain strings, so that no other
module looks inside a layout.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from evi.feeds import EventMap, Layout
from evi.records.shapes import home_subject

FIELD_TYPES = {
    "code": "VARCHAR",
    "pattern": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "reference": "BIGINT",
}
"""What each type of field is in a payload; types that are not here never reach the hub."""

WRITTEN = "1.0::FLOAT"
"""SQL: the confidence of a fact about an address, which is written in the row and not linked."""


@dataclass(frozen=True)
class EventSql:
    """One event that a row may give, as SQL over a linked row (see `evi.records.facts`).

    Attributes:
        index: its place in the layout's list.
        template: the code as the layout writes it, with fields in braces.
        code, when, time, end_time, value, text: what `EventMap` calls so.
        place: SQL for a place other than the row's home, or None.
        at_home: whether the place is the row's home.
        known_at: SQL for the day it could first be known, or None for the row's own.
        role: the person whom it is about, or None for the home itself.
        salt: turns the key of the row's record into this event's `record_id`.
    """

    index: int
    template: str
    code: str
    when: str
    time: str
    end_time: str
    value: str
    text: str
    place: str | None
    at_home: bool
    known_at: str | None
    role: str | None
    salt: int

    @property
    def parts(self) -> tuple[str, ...]:
        """Every expression that reads the row."""
        stated = (self.code, self.when, self.time, self.end_time, self.value, self.text)
        return (*stated, self.place or "", self.known_at or "")

    @property
    def record_id(self) -> str:
        """SQL: the record's key and the event's salt, mixed by exclusive or.

        The key is already a uniform 64-bit hash, so this keeps it uniform, and one record's events apart.
        """
        return f"xor(record, ({self.salt})::BIGINT)"

    @property
    def gives(self) -> str:
        """SQL: whether the row gives this event, linked or not."""
        return f"(coalesce(({self.when}), false) AND ({self.time}) IS NOT NULL AND ({self.code}) IS NOT NULL)"

    @property
    def known(self) -> str:
        """SQL: when this row's word on the event could first be known.

        A row that takes the event back (withdrawn, or its condition no longer true) speaks from its own day.
        """
        if self.known_at is None:
            return "known_at"
        stands = f"{self.gives} AND NOT withdrawn"
        return f"CASE WHEN {stands} THEN coalesce(({self.known_at}), known_at) ELSE known_at END"

    @property
    def until(self) -> str:
        """Column of the linked row: when later versions first spoke on this event."""
        return "evi_until" if self.known_at is None else f"evi_until_{self.index}"

    @property
    def subject(self) -> str:
        """SQL: whom it is about. A person's row without any id speaks of its address, if it is about one."""
        home = f"CASE WHEN home IS NOT NULL THEN {home_subject()} END"
        if self.role is None:
            return home
        person = f"evi_subject_{self.role}"
        return (
            f"CASE WHEN person_{self.role} IS NULL THEN {home} ELSE {person} END" if self.at_home else person
        )

    @property
    def confidence(self) -> str:
        """SQL: how sure the link to the subject is, from 0 to 1."""
        if self.role is None:
            return WRITTEN
        linked = f"evi_confidence_{self.role}"
        return (
            f"CASE WHEN person_{self.role} IS NULL THEN {WRITTEN} ELSE {linked} END"
            if self.at_home
            else linked
        )


@dataclass(frozen=True)
class CoverageSql:
    """Whom a layout covers: the person of each row (`role`), or everybody of some ages."""

    role: str | None
    start: str
    end: str
    refresh_days: int
    ages: tuple[int, int] | None


@dataclass(frozen=True)
class LayoutSql:
    """A layout compiled for records. `columns` are the payload's fields that its SQL reads."""

    name: str
    feed: str
    title: str
    events: tuple[EventSql, ...]
    coverage: CoverageSql | None
    columns: tuple[tuple[str, str], ...]
    meanings: tuple[tuple[str, str], ...]

    @property
    def roles(self) -> tuple[str, ...]:
        """The persons whom events or coverage are about."""
        named = {event.role for event in self.events} | {self.coverage.role if self.coverage else None}
        return tuple(sorted(role for role in named if role is not None))

    @property
    def digest(self) -> str:
        """A hash of everything that decides what the layout's rows become."""
        return hashlib.blake2b(repr(self).encode(), digest_size=16).hexdigest()


def compile_layouts(layouts: Iterable[Layout]) -> dict[str, LayoutSql]:
    """Compile layouts, by name, in order of name."""
    return {layout.name: compile_layout(layout) for layout in sorted(layouts, key=lambda each: each.name)}


def compile_layout(layout: Layout) -> LayoutSql:
    """Compile one layout."""
    events = tuple(_event(layout, index, event) for index, event in enumerate(layout.events))
    stated, coverage = layout.coverage, None
    if stated is not None:
        role = stated.person if stated.kind == "person" else None
        coverage = CoverageSql(role or None, stated.start, stated.end, stated.refresh_days, stated.ages)
    read = [part for event in events for part in event.parts]
    read += [coverage.start, coverage.end] if coverage else []
    words = {word.lower() for part in read for word in re.findall(r"\w+", part)}
    columns = tuple(
        (field.name, FIELD_TYPES[field.type])
        for field in layout.fields
        if field.type in FIELD_TYPES and field.name.lower() in words
    )
    meanings = tuple(
        (f"{field.name}/{code.upper()}", meaning)
        for field in layout.fields
        if any(field.name in event.code_fields for event in layout.events)
        for code, meaning in sorted(field.codes.items())
    )
    return LayoutSql(layout.name, layout.feed, layout.title, events, coverage, columns, meanings)


def _event(layout: Layout, index: int, event: EventMap) -> EventSql:
    at_home = event.place.strip() == "home" or not event.person
    return EventSql(
        index=index,
        template=event.code,
        code=event.code_sql,
        when=event.when,
        time=event.time,
        end_time=event.end_time,
        value=event.value,
        text=event.text,
        place=None if at_home or event.place == "NULL" else event.place_sql,
        at_home=at_home,
        known_at=None if event.known_at.strip() == "known_at" else event.known_at,
        role=event.person or None,
        salt=_salt(f"{layout.name}/{index}"),
    )


def _salt(name: str) -> int:
    digest = hashlib.blake2b(name.encode(), digest_size=8, person=b"evi-event-record").digest()
    return int.from_bytes(digest, signed=True)
