"""The whole registry as one plan: which streams of intervals there are, and which code feeds which.

A *stream* is one way of reading events: these codes, this look-back, these people. Leaves that read alike
share a stream ("any A&E visit in a year" and "four in a year"), and the *tall map* (code, stream, days) is
joined to the events once, however many indicators there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from evi.indicators.expressions import Count, Facts, Last, MissingBy, Ratio, Total, walk
from evi.indicators.registry import Indicator, Registry, facts_required

Kind = Literal["count", "days", "places", "last", "sum"]
KINDS: tuple[Kind, ...] = ("count", "days", "places", "last", "sum")


BATCH = 10
"""Streams of the kind `count` that are read together."""


@dataclass(frozen=True, order=True)
class Stream:
    """Intervals of one kind. `count` needs only days; the others carry a day, a place or a value too."""

    kind: Kind
    facts: Facts

    @property
    def reaches_home(self) -> bool:
        """Whether events of others at home count."""
        return self.facts.who != "child"


@dataclass(frozen=True)
class Row:
    """A row of the tall map."""

    code: str
    stream: int
    days: int | None
    after_days: int
    while_open: bool
    who: str
    text: str | None


@dataclass(frozen=True)
class Plan:
    """Every stream that the registry reads, in a fixed order; a stream's number is its place in it."""

    registry: Registry
    streams: tuple[Stream, ...]

    @classmethod
    def of(cls, registry: Registry) -> Plan:
        """Plan the indicators that have spans."""
        found = {stream for indicator in registry.stored for stream in streams_of(indicator)}
        return cls(registry, tuple(sorted(found, key=_order)))

    @cached_property
    def numbers(self) -> dict[Stream, int]:
        """The number of each stream."""
        return {stream: number for number, stream in enumerate(self.streams)}

    @cached_property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of stream that there are."""
        return tuple(kind for kind in KINDS if any(stream.kind == kind for stream in self.streams))

    @property
    def reaches_home(self) -> bool:
        """Whether any stream needs to know who lived with whom."""
        return any(stream.reaches_home for stream in self.streams)

    def batches(self, kind: Kind) -> list[tuple[Stream, ...]]:
        """The streams of one kind in runs, so that not all of their intervals are in memory at once."""
        streams = [stream for stream in self.streams if stream.kind == kind]
        size = BATCH if kind == "count" else max(len(streams), 1)
        return [tuple(streams[first : first + size]) for first in range(0, len(streams), size)]

    def tall(self, codes: Iterable[str], streams: Iterable[Stream]) -> list[Row]:
        """The tall map over the codes that a store holds, for some streams of one kind."""
        wanted = [(self.numbers[stream], stream.facts) for stream in streams]
        return [
            Row(code, number, facts.days, facts.after_days, facts.while_open, facts.who, text)
            for code in sorted(set(codes))
            for number, facts in wanted
            if facts.reads(code)
            for text in facts.texts or (None,)
        ]


def streams_of(indicator: Indicator) -> list[Stream]:
    """The streams that an indicator reads, those that make it assessable included."""
    found: list[Stream] = []
    for node in walk(indicator.expression):
        if isinstance(node, Count | Last | Total | Ratio | MissingBy):
            found.extend(streams_of_leaf(node))
    required = facts_required(indicator.needs)
    return found + ([Stream("count", required)] if required else [])


def streams_of_leaf(node: Count | Last | Total | Ratio | MissingBy) -> Sequence[Stream]:
    """The stream of a leaf; two for a ratio."""
    match node:
        case Count(facts, _, "events") | MissingBy(facts, _):
            return [Stream("count", facts)]
        case Count(facts, at_least, of):
            kind: Kind = "places" if of == "places" else "days"
            return [Stream("count" if at_least == 1 and of == "days" else kind, facts)]
        case Last(facts, _, _):
            return [Stream("last", facts)]
        case Total(facts, _):
            return [Stream("sum", facts)]
        case Ratio(facts, to, _, _):
            return [Stream("sum", facts), Stream("sum", to)]


def _order(stream: Stream) -> tuple[int, str, tuple[str, ...], tuple[str, ...], int, int, bool]:
    facts = stream.facts
    days = -1 if facts.days is None else facts.days
    return (
        KINDS.index(stream.kind),
        facts.who,
        facts.codes,
        facts.texts,
        days,
        facts.after_days,
        facts.while_open,
    )
