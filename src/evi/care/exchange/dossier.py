"""What is exchanged about one child, in our own words: the form between the database and every file format.

Empty text stands for "not said" or "left out". A `key` names a part for good, wherever it travels: the
installation that it began in and its public id there, so that what came home again is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True)
class Author:
    """Who wrote something. `kind`: practitioner, family or child."""

    name: str
    role: str = ""
    organisation: str = ""
    kind: str = "practitioner"


@dataclass(frozen=True)
class Identity:
    """Who the child is; what the visitor may not take out is empty."""

    given_name: str
    family_name: str
    birth_date: date | None
    known_as: str = ""
    sex: str = ""
    language: str = ""
    nhs_number: str = ""
    upn: str = ""
    address: str = ""
    postcode: str = ""
    phone: str = ""


@dataclass(frozen=True)
class Words:
    """What one voice says in one section of the passport.

    `voice` is child, parent or practitioner; `nature` fact, opinion or ''. `taken_down`: the author wrote
    down what the child or parent said. `source`: where it was first written, if not where it is sent from.
    """

    key: str
    section: str
    voice: str
    text: str
    author: Author
    written_at: datetime
    nature: str = ""
    pictures: tuple[str, ...] = ()
    taken_down: bool = False
    source: str = ""


@dataclass(frozen=True)
class Need:
    """A need of the plan; `view` says whose: child, family or practitioner; `status` open or met."""

    key: str
    area: str
    text: str
    author: Author
    at: datetime
    strengths: str = ""
    view: str = "practitioner"
    status: str = "open"


@dataclass(frozen=True)
class Outcome:
    """What should be different, for a need (its key); `status`: working, partly, met or dropped."""

    key: str
    need: str
    text: str
    measure: str
    target: str
    by_when: date
    author: Author
    at: datetime
    baseline: str = ""
    status: str = "working"


@dataclass(frozen=True)
class Action:
    """What somebody does for an outcome (its key); `status`: planned, under-way, done or stopped."""

    key: str
    outcome: str
    what: str
    start: date
    until: date
    author: Author
    at: datetime
    who: Author | None = None
    how_often: str = ""
    offer: str = ""
    strategy: str = ""
    status: str = "planned"


@dataclass(frozen=True)
class Finding:
    """What a review found of an action (its key)."""

    action: str
    tried: str
    effect: str
    verdict: str
    did: str = ""


@dataclass(frozen=True)
class Review:
    """A review of the plan."""

    key: str
    cycle: int
    held_on: date
    summary: str
    author: Author
    at: datetime
    who_came: str = ""
    child_view: str = ""
    family_view: str = ""
    next_due: date | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The support plan; `status` open or closed."""

    key: str
    made_at: datetime
    author: Author
    status: str = "open"
    review_due: date | None = None
    needs: tuple[Need, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    actions: tuple[Action, ...] = ()
    reviews: tuple[Review, ...] = ()


@dataclass(frozen=True)
class Member:
    """Somebody in the circle; `part` is what they do there."""

    key: str
    person: Author
    since: date
    part: str = ""
    leads: bool = False


@dataclass(frozen=True)
class LeftOut:
    """A part that the person who made the file may not take out, with the decision's sentence."""

    item: str
    title: str
    sentence: str


@dataclass(frozen=True)
class Dossier:
    """Everything that one file says. `sender` is the organisation, `made_by` the person who made the file."""

    key: str
    sender: str
    made_at: datetime
    made_by: Author
    identity: Identity
    words: tuple[Words, ...] = ()
    plan: Plan | None = None
    circle: tuple[Member, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
