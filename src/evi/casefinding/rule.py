"""What one case-finding rule says: its parts, as its file has them (see `evi.casefinding.rules`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from evi.casefinding.frameworks import Assessment, assessments
from evi.workspace import EviError

Kind = Literal["sum", "below", "share", "missed", "indicators", "places"]
Direction = Literal["below", "at_least"]
GESTATION = "HEALTH/BIRTH/GESTATION"
"""The event that gives a child's weeks of gestation."""


@dataclass(frozen=True)
class Threshold:
    """Where the line is.

    Attributes:
        value, direction: positive is a score `below` the value, or of `at_least` the value.
        why: in plain words. method: published, definition, statutory, derived or chosen.
        source: an address, or the command that derives it.
        derived: what it was derived from, if it was: see `evi.casefinding.deriving`.
    """

    value: float
    direction: Direction
    why: str
    method: str
    source: str
    derived: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Exclusion:
    """Why a child is left out: already on a pathway.

    Attributes:
        codes: the events that say so; a code that ends in `/*` stands for every code below it.
        text: which texts of the event count (none: any).
        days: only events of the last so many days count (none: ever).
        while_open: it holds from the event until its own end, or one of `ends` on the same day or later.
        feeds: services that would know; a child whom none of them covers is listed as not known.
        reason: what is said of the child, in plain words.
    """

    id: str
    title: str
    codes: tuple[str, ...]
    reason: str
    text: tuple[str, ...] = ()
    days: int | None = None
    while_open: bool = False
    ends: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Adjustment:
    """A line that moves with the child's age in the school year and weeks born early.

    Attributes:
        months_younger, weeks_early: odds ratios for each month younger than the oldest and each week before
            `term_weeks`; 1 where the rule doesn't look at it.
        counts: children of the reference cohort by score, from which the moved line follows.
    """

    months_younger: float
    weeks_early: float
    term_weeks: int
    counts: Mapping[float, int]
    why: str
    sources: tuple[str, ...]
    cohort: str


@dataclass(frozen=True)
class Evidence:
    """A published figure and the address where it was seen."""

    source: str
    figure: str


@dataclass(frozen=True)
class Rule:
    """One case-finding rule.

    Attributes:
        family: the name that picks, for each child, the rule of its own framework; its own id if it has none.
        question: what is worth a professional look.
        condition: the condition or need that it looks for, such as autism.
        assessment: the assessment whose items it reads, if it reads any (`eyfsp`).
        frameworks: the framework versions that it may read; a result of any other is refused.
        feeds: the services whose records it reads.
        items: full event codes of the items, and what each is about.
        items_source: where the choice of items comes from, if it isn't the whole framework.
        assessed_age_months: ages at which a result counts, `[from, to)`.
        kind: how it counts: `sum` of the items; `below`, how many items are below their cut; `share`, one
            sum over another; `missed`, how many kinds of check were never seen; `indicators`, in how many
            domains a need of the index is present; `places`, in how many services a record is missing that
            another has.
        score: the arithmetic's own settings, as the file has them.
        cuts: for `below`, the cut of each item.
        age_months: ages on the day at which a child is asked at all, `[from, to)`.
        next_step: what may follow, in order; never straight to a diagnosis.
        limits: what the rule does not know.
        digest: hash of everything that the file says.
        text: everything that the file says, as JSON: `make_rule(json.loads(text))` is the same rule.
    """

    id: str
    family: str
    version: int
    title: str
    question: str
    condition: str
    assessment: str | None
    frameworks: tuple[str, ...]
    feeds: tuple[str, ...]
    items: Mapping[str, str]
    items_source: str
    assessed_age_months: tuple[int, int] | None
    kind: Kind
    score: Mapping[str, Any]
    cuts: Mapping[str, float]
    threshold: Threshold
    adjust: Adjustment | None
    age_months: tuple[int, int]
    exclusions: tuple[Exclusion, ...]
    next_step: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    limits: tuple[str, ...]
    owner: str
    review_by: date
    status_default: str
    not_ready: str
    digest: str
    text: str = ""

    @property
    def reads(self) -> Assessment | None:
        """The assessment whose items it reads."""
        return assessments()[self.assessment] if self.assessment else None

    @property
    def codes(self) -> tuple[str, ...]:
        """Every code that it reads, those of exclusions last; the index's own are not among them."""
        found = [*self.items]
        for name in ("of", "to"):
            found += self.score.get(name, ())
        for codes in self.score.get("seen", {}).values():
            found += codes
        for place in self.score.get("places", ()):
            found += [*place["codes"], *place.get("knows", ())]
        if self.adjust is not None:
            found.append(GESTATION)
        for exclusion in self.exclusions:
            found += [*exclusion.codes, *exclusion.ends]
        return tuple(dict.fromkeys(found))

    @property
    def label(self) -> str:
        """How work lists name it: id and version."""
        return f"{self.id} v{self.version}"

    def is_positive(self, score: float, threshold: float | None = None) -> bool:
        """Whether a score is past the line (or past a child's own moved line)."""
        line = self.threshold.value if threshold is None else threshold
        return score < line if self.threshold.direction == "below" else score >= line

    def check_ready(self) -> None:
        """Refuse to run while something that the rule rests on is not filled in or not sourced.

        Raises:
            EviError: the rule is not ready.
        """
        if self.not_ready:
            raise EviError(
                self.not_ready,
                where=f"rule {self.id}",
                do=f"Copy {self.id}.yaml to the district's folder rules/, fill in reads.items and "
                "reads.items_source, and take out not_ready.",
                exit_code=2,
            )
        if self.assessment and not self.items:
            raise EviError(
                "it names no items.",
                where=f"rule {self.id}",
                do="Fill in reads.items and say in reads.items_source where they were seen.",
                exit_code=2,
            )
