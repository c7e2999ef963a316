"""Clocks as data: what starts, pauses, stops and ends a wait, and how long it may be.

One mechanism serves every pathway; each is a file of `clocks/`. A district adds its own, or replaces one of
these, with files in a folder `clocks/` of its district folder. See `journeys` for how a clock runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from evi.feeds import Layout, load_layouts
from evi.workspace import District, EviError
from evi.workspace.declared import check_against, read_yaml

FOLDER = Path(__file__).parent / "clocks"
SCHEMA = Path(__file__).parent / "clocks.schema.json"

Counting = Literal["days", "working_days"]


@dataclass(frozen=True)
class Fact:
    """An event that matters to a clock: its code and, where given, which texts count or don't."""

    code: str
    text: tuple[str, ...] = ()
    text_not: tuple[str, ...] = ()


@dataclass(frozen=True)
class Removal:
    """An event that ends a wait without a start.

    Attributes:
        fact: the event.
        at_end: the wait ends when the event's own period does, such as the end of a time in care.
        reason: why; empty where the event's text says why.
    """

    fact: Fact
    at_end: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Pause:
    """Codes between which the clock stands still."""

    start: str
    until: str


@dataclass(frozen=True)
class Limit:
    """How long it may take: `within` so many of `unit`, for a child younger than `under_months` if given."""

    within: int
    unit: Literal["days", "weeks", "months", "working_days"]
    source: str
    status: Literal["verified", "seed"]
    under_months: int | None = None

    def __str__(self) -> str:
        unit = self.unit.replace("_", " ").removesuffix("s")
        words = f"{self.within} {unit}{'' if self.within == 1 else 's'}"
        return words if self.under_months is None else f"{words} under {self.under_months // 12} years"


@dataclass(frozen=True)
class Milestone:
    """A step that should be reached in time; the first limit that fits the child's age holds."""

    id: str
    title: str
    stops: tuple[Fact, ...]
    limits: tuple[Limit, ...]

    @property
    def limit_words(self) -> str:
        """Its limits, as people say them.

        >>> read_clock(FOLDER / "autism.yaml").last.limit_words
        '13 weeks'
        """
        return ", otherwise ".join(str(limit) for limit in self.limits)

    @property
    def limit_weeks(self) -> int | None:
        """Its first limit that is in weeks, or None.

        >>> read_clock(FOLDER / "autism.yaml").last.limit_weeks
        13
        """
        return next((int(limit.within) for limit in self.limits if limit.unit == "weeks"), None)


@dataclass(frozen=True)
class Clock:
    """The clock of one pathway; `milestones` are in order of time, and the last one stops it."""

    id: str
    title: str
    counts: Counting
    starts: tuple[Fact, ...]
    milestones: tuple[Milestone, ...]
    removes: tuple[Removal, ...] = ()
    missed: tuple[Fact, ...] = ()
    pauses: tuple[Pause, ...] = ()
    about: str = ""
    comes_from: str = ""

    @property
    def last(self) -> Milestone:
        """The milestone that stops the clock."""
        return self.milestones[-1]

    @property
    def unit(self) -> str:
        """What its waits are given in: weeks, or working days."""
        return "weeks" if self.counts == "days" else "working days"

    @property
    def days_in_unit(self) -> int:
        """How many counted days make one `unit`."""
        return 7 if self.counts == "days" else 1

    @property
    def codes(self) -> tuple[str, ...]:
        """Every code that it reads, once each."""
        every = [fact.code for fact in self._facts()]
        every += [code for pause in self.pauses for code in (pause.start, pause.until)]
        return tuple(dict.fromkeys(every))

    @property
    def needed(self) -> Mapping[str, tuple[str, ...]]:
        """What it can't run without, in words, and the codes of which at least one must be there."""
        return {
            "starts the clock": tuple(fact.code for fact in self.starts),
            **{f"is the {step.title}": tuple(fact.code for fact in step.stops) for step in self.milestones},
        }

    def _facts(self) -> Iterator[Fact]:
        yield from self.starts
        for step in self.milestones:
            yield from step.stops
        yield from (removal.fact for removal in self.removes)
        yield from self.missed


def load_clocks(district: District | None = None) -> dict[str, Clock]:
    """The clocks that eVI ships, and those in the district's own folder `clocks/`, by pathway.

    A file of the district replaces the clock whose name it repeats.

    Raises:
        EviError: a file can't be read, breaks the schema, or two files of one folder name the same clock.
    """
    found: dict[str, Clock] = {}
    for folder in (FOLDER, *([district.root / "clocks"] if district is not None else [])):
        here: dict[str, Clock] = {}
        for path in sorted(folder.glob("*.yaml")):
            clock = read_clock(path)
            if clock.id in here:
                raise EviError(f"the clock {clock.id} is there twice.", where=str(folder), do="Keep one.")
            here[clock.id] = clock
        found |= here
    return dict(sorted(found.items()))


def clock_of(pathway: str, district: District | None = None) -> Clock:
    """The clock of one pathway.

    Raises:
        EviError: there is none of that name; or see `load_clocks`.
    """
    clocks = load_clocks(district)
    if pathway not in clocks:
        raise EviError(
            f"there is no clock named “{pathway}”.",
            where="pathway",
            do=f"Choose one of {', '.join(clocks)}, or add a file to the district's folder clocks/.",
            exit_code=2,
        )
    return clocks[pathway]


def read_clock(path: Path) -> Clock:
    """One clock from its file.

    Raises:
        EviError: it can't be read as YAML, or breaks the schema or a rule that a schema can't say.
    """
    table = read_yaml(path)
    check_against(table, SCHEMA, str(path))
    clock = _clock(table)
    for fault in _faults(clock):
        raise EviError(fault, where=str(path), do="Correct the file.", exit_code=2)
    return clock


def _clock(table: Mapping[str, Any]) -> Clock:
    return Clock(
        id=table["clock"],
        title=table["title"],
        counts=table["counts"],
        starts=_facts(table["starts"]),
        milestones=tuple(
            Milestone(
                step["id"],
                step["title"],
                _facts(step["stops"]),
                tuple(Limit(**each) for each in step["limits"]),
            )
            for step in table["milestones"]
        ),
        removes=tuple(
            Removal(_fact(each), each.get("at") == "end", each.get("reason", ""))
            for each in table.get("removes", ())
        ),
        missed=_facts(table.get("missed", ())),
        pauses=tuple(Pause(each["from"], each["until"]) for each in table.get("pauses", ())),
        about=table.get("about", ""),
        comes_from=table["comes_from"],
    )


def _facts(rows: Any) -> tuple[Fact, ...]:
    return tuple(_fact(row) for row in rows)


def _fact(row: Mapping[str, Any]) -> Fact:
    return Fact(row["code"], tuple(row.get("text", ())), tuple(row.get("text_not", ())))


def _faults(clock: Clock) -> Iterator[str]:
    ids = [step.id for step in clock.milestones]
    if len(set(ids)) < len(ids):
        yield "two milestones have the same id."
    for step in clock.milestones:
        units = {limit.unit for limit in step.limits}
        if (clock.counts == "working_days") != (units == {"working_days"}):
            yield f"{step.id}: a clock that counts {clock.counts} can't have a limit in {', '.join(units)}."
        if any(limit.under_months is None for limit in step.limits[:-1]):
            yield f"{step.id}: only its last limit may be for every age."


def missing_codes(clock: Clock, district: District | None = None) -> dict[str, tuple[str, ...]]:
    """What the clock can't run without and no layout of a feed gives, with the codes that would say it."""
    extra = [district.root / folder for folder in district.config.layouts] if district is not None else []
    patterns = [pattern for layout in load_layouts(extra).values() for pattern in _yields(layout)]
    return {
        what: codes
        for what, codes in clock.needed.items()
        if not any(pattern.fullmatch(code) for code in codes for pattern in patterns)
    }


def check_feeds(clock: Clock, district: District) -> list[str]:
    """What the clock lacks, one sentence a milestone that nothing can reach.

    Raises:
        EviError: no layout of a feed gives an event that starts the clock, or none that stops it.
    """
    missing, needed = missing_codes(clock, district), list(clock.needed)
    for what in (needed[0], needed[-1]):
        if what in missing:
            raise EviError(
                f"no feed gives the event that {what} ({' or '.join(missing[what])}).",
                where=clock.title,
                do=f"It needs {clock.comes_from}: add a layout of such a list that yields it.",
            )
    return [f"No feed gives the event that {what} ({' or '.join(codes)})." for what, codes in missing.items()]


def _yields(layout: Layout) -> Iterator[re.Pattern[str]]:
    """The codes that a layout's events can have; a field in a code stands for any of its code list."""
    fields = {field.name: field for field in layout.fields}
    for event in layout.events:
        text = ""
        for part in re.split(r"(\{\w+\})", event.code):
            codes = fields[part[1:-1]].codes if part.startswith("{") else {}
            any_of = "|".join(re.escape(code.upper()) for code in codes) or r"[^/]+"
            text += f"(?:{any_of})" if part.startswith("{") else re.escape(part)
        yield re.compile(text)
