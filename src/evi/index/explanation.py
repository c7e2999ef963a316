"""What `evi child` says of one child, as plain values, as JSON and as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from evi.index.catalogue import NOT_ENOUGH_KNOWN


@dataclass(frozen=True)
class TracedEvent:
    """One record behind an answer, as the event store has it."""

    code: str
    time: date
    known_at: date
    source: str
    record_id: int
    value: float | None = None
    end_time: date | None = None
    of: str = "the child"


@dataclass(frozen=True)
class PresentNeed:
    """One indicator that is present.

    Attributes:
        since: the first day of this spell.
        feeds: the feeds whose records are behind it.
        reason: why, in a sentence.
        link_probability: the weakest link among those feeds; None where no link is needed.
        who_would_know: who can say more.
    """

    indicator: str
    title: str
    domain: str
    since: date
    feeds: tuple[str, ...]
    reason: str
    who_would_know: str
    link_probability: float | None = None
    events: tuple[TracedEvent, ...] = ()


@dataclass(frozen=True)
class NotKnown:
    """One indicator for the child's age that can't be answered, and who would know."""

    indicator: str
    title: str
    domain: str
    feeds: tuple[str, ...]
    why: str
    who_would_know: str


@dataclass(frozen=True)
class AbsentNeed:
    """One indicator that could be answered, and is not present."""

    indicator: str
    title: str
    domain: str


@dataclass(frozen=True)
class Housemate:
    """Someone who lives at the same address on the day."""

    subject_id: int
    age_years: int | None
    relation: str | None = None


@dataclass(frozen=True)
class Home:
    """The child's home on the day."""

    household_id: int
    since: date
    lsoa: str | None
    people: tuple[Housemate, ...]
    is_large_address: bool


@dataclass(frozen=True)
class Context:
    """An indicator of the child's school or area: about the place, never counted as the child's."""

    title: str
    place_kind: str
    n_present: int
    n_assessable: int
    is_high: bool | None


@dataclass(frozen=True)
class Explanation:
    """One child on one day. `evi_low` and `evi_high`: the index if doubtful links are wrong."""

    subject_id: int
    date: date
    age_months: int
    sex: str | None
    ethnicity: str | None
    school: str | None
    n_present: int
    n_assessable: int
    n_applicable: int
    band: str
    bands_provisional: bool
    evi: float | None
    evi_low: float | None
    evi_high: float | None
    present: tuple[PresentNeed, ...]
    absent: tuple[AbsentNeed, ...]
    not_known: tuple[NotKnown, ...]
    would_complete: tuple[str, ...]
    links: dict[str, float]
    home: Home | None = None
    context: tuple[Context, ...] = ()
    domain_titles: dict[str, str] = field(default_factory=dict)

    @property
    def age_years(self) -> int:
        """Whole years of age."""
        return self.age_months // 12

    @property
    def is_enough_known(self) -> bool:
        """Whether the index may be shown."""
        return self.band != NOT_ENOUGH_KNOWN

    def to_json(self) -> dict[str, Any]:
        """Plain values: dates as ISO text."""

        def plain(value: Any) -> Any:
            if isinstance(value, dict):
                return {key: plain(inner) for key, inner in value.items()}
            if isinstance(value, list | tuple):
                return [plain(inner) for inner in value]
            return value.isoformat() if isinstance(value, date) else value

        return dict(plain(asdict(self)))

    def to_text(self) -> str:
        """The explanation as lines for a terminal."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        who = " · ".join(part for part in (age_text(self.age_months), SEXES.get(self.sex or "", "")) if part)
        yield f"Child {self.subject_id} on {day_text(self.date)}: {who}"
        yield self.summary
        yield ""
        yield f"Present ({len(self.present)})"
        for need in self.present:
            yield f"  • {need.title}: since {day_text(need.since)}, from {join(need.feeds)}"
            yield f"    {need.reason}"
            for event in need.events:
                value = "" if event.value is None else f" = {event.value:g}"
                yield (
                    f"      {event.time} {event.code}{value} of {event.of} "
                    f"(known {event.known_at}, {event.source}, record {event.record_id})"
                )
        yield ""
        yield f"Known, and not present ({len(self.absent)})"
        by_domain = Counter(self.domain_titles.get(need.domain, need.domain) for need in self.absent)
        yield from (f"  • {title}: {n}" for title, n in by_domain.items())
        yield ""
        yield f"Not known ({len(self.not_known)})"
        for why, gaps in self._gaps().items():
            yield f"  {why}"
            for gap in gaps:
                yield f"  • {gap.title}. Ask: {gap.who_would_know}"
        yield ""
        yield from self._around()

    def _gaps(self) -> dict[str, list[NotKnown]]:
        grouped: dict[str, list[NotKnown]] = {}
        for gap in self.not_known:
            grouped.setdefault(gap.why, []).append(gap)
        return grouped

    def _around(self) -> Iterator[str]:
        if self.home is None:
            yield "Home: not known"
        else:
            kind = "an address of many people" if self.home.is_large_address else "a family's address"
            yield (
                f"Home {self.home.household_id} ({kind}) since {day_text(self.home.since)}, "
                f"area {self.home.lsoa or 'not known'}; with {len(self.home.people)} others"
            )
            for person in self.home.people if not self.home.is_large_address else ():
                age = "age not known" if person.age_years is None else f"aged {person.age_years}"
                yield f"  • {person.subject_id}, {age}{f', {person.relation}' if person.relation else ''}"
        for item in (item for item in self.context if item.is_high):
            yield (
                f"{item.place_kind.capitalize()}: {item.title} "
                f"({item.n_present} of {item.n_assessable} children)"
            )
        if self.links:
            yield "Linked records: " + ", ".join(
                f"{feed} {chance:.3f}" for feed, chance in self.links.items()
            )

    @property
    def summary(self) -> str:
        """The index and its band in a sentence or two."""
        count = f"{self.n_present} of {self.n_assessable} indicators that can be answered are present"
        of = f"({self.n_assessable} of {self.n_applicable} for this age can be answered)"
        if not self.is_enough_known:
            ask = f" To know more, ask: {join(self.would_complete)}." if self.would_complete else ""
            return f"Not enough known: {count} {of}.{ask}"
        mark = ", provisional" if self.bands_provisional else ""
        text = f"Index {self.evi or 0:.3f}, band “{self.band}”{mark}: {count} {of}."
        if self.evi_low is not None and self.evi_high is not None and self.evi_low < self.evi_high:
            text += f" If doubtful links are wrong it is between {self.evi_low:.3f} and {self.evi_high:.3f}."
        return text


SEXES = {"F": "girl", "M": "boy"}
"""Words for the codes of sex; other codes have none."""


def age_text(months: int) -> str:
    """An age in words.

    >>> age_text(8), age_text(12), age_text(131)
    ('8 months old', '1 year old', '10 years old')
    """
    if months < 12:
        return f"{months} month{'' if months == 1 else 's'} old"
    years = months // 12
    return f"{years} year{'' if years == 1 else 's'} old"


def day_text(day: date) -> str:
    """A date in words.

    >>> day_text(date(2026, 8, 31))
    '31 August 2026'
    """
    return f"{day.day} {day:%B %Y}"


def join(names: tuple[str, ...] | list[str]) -> str:
    """Names in a sentence.

    >>> join(["gp", "school", "police"])
    'gp, school and police'
    """
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
