"""The shapes of what the interface takes and gives."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from ninja import Schema
from pydantic import AfterValidator, ConfigDict, Field

from evi.care.text import LINE_LIMIT, NOTE_LIMIT, clean_line, clean_text
from evi.sharing.vocabulary import vocabulary

Line = Annotated[str, Field(max_length=LINE_LIMIT), AfterValidator(clean_line)]
Note = Annotated[str, Field(max_length=NOTE_LIMIT), AfterValidator(clean_text)]
SaidLine = Annotated[Line, Field(min_length=1)]
SaidNote = Annotated[Note, Field(min_length=1)]


class Sent(Schema):
    """What is sent; a part that nobody knows is a mistake and not ignored."""

    model_config = ConfigDict(extra="forbid")


class LeftOutOut(Schema):
    """A part that this token may not see, and why."""

    item: str
    sentence: str


class ChildLine(Schema):
    """A child of a list."""

    id: str
    name: str
    birth_date: date | None
    ties: list[str]


class ChildrenOut(Schema):
    """A page of children."""

    children: list[ChildLine]
    more: bool


class SearchIn(Sent):
    """A name (spelt nearly right), an NHS number or a UPN; and a birth date. It is sent in the body, so that
    no identifier stands in an address."""

    text: Annotated[str, Field(max_length=200), AfterValidator(clean_line)] = ""
    born: date | None = None


class ChildOut(Schema):
    """Who a child is. What this token may not see is in `left_out`."""

    id: str
    given_name: str
    family_name: str
    known_as: str | None = None
    birth_date: date | None
    sex: str | None = None
    language: str | None = None
    nhs_number: str | None = None
    upn: str | None = None
    address: str | None = None
    postcode: str | None = None
    phone: str | None = None
    moved_out_on: date | None = None
    left_out: list[LeftOutOut] = Field(default_factory=list)


class EntryOut(Schema):
    """An entry of the chronology."""

    item: str
    nature: str
    happened_on: date
    ended_on: date | None = None
    title: str
    text: str
    code: str | None = None
    source: str
    author: str
    author_role: str
    recorded_at: datetime


class ChronologyOut(Schema):
    """A page of a chronology, newest first."""

    entries: list[EntryOut]
    more: bool
    left_out: list[LeftOutOut] = Field(default_factory=list)


class EntryIn(Sent):
    """A fact, an opinion or both; each becomes an entry."""

    happened_on: date
    title: SaidLine
    fact: Note = ""
    opinion: Note = ""


class WordsOut(Schema):
    """What one voice says in a section. `base` is sent back with a change of it."""

    voice: str
    nature: str | None = None
    text: str
    pictures: list[str]
    author: str
    author_role: str
    organisation: str | None = None
    taken_down: bool = False
    source: str | None = None
    written_at: datetime
    base: int


class PassportOut(Schema):
    """What stands in each section that this token may see."""

    sections: dict[str, list[WordsOut]]
    left_out: list[LeftOutOut] = Field(default_factory=list)


class WordsIn(Sent):
    """Words for a section, of the token's own service, or taken down for the child or a parent.

    `base`: the number that stood when you read it (0 if nothing did); if another stands by now you are told.
    """

    text: SaidNote
    voice: str = Field("practitioner", pattern="^(child|parent|practitioner)$")
    nature: str = Field("", pattern="^(fact|opinion|)$")
    taken_down: bool = False
    base: int | None = Field(None, ge=0, le=1_000_000)


class PersonOut(Schema):
    """Somebody in the circle."""

    name: str
    organisation: str
    kind: str
    part: str | None = None
    since: date
    leads: bool = False


class CircleOut(Schema):
    """Who is round the child."""

    people: list[PersonOut]


class ActionOut(Schema):
    """What somebody does."""

    id: str
    what: str
    who: str | None = None
    how_often: str | None = None
    offer: str | None = None
    strategy: str | None = None
    start: date
    until: date
    status: str


class OutcomeOut(Schema):
    """What should be different."""

    id: str
    text: str
    measure: str
    baseline: str | None = None
    target: str
    by_when: date
    status: str
    actions: list[ActionOut]


class NeedOut(Schema):
    """What makes things hard. No diagnosis is asked for."""

    id: str
    area: str
    text: str
    strengths: str | None = None
    view: str
    status: str
    outcomes: list[OutcomeOut]


class FindingOut(Schema):
    """What a review found of an action."""

    action: str
    tried: str
    did: str | None = None
    effect: str
    verdict: str


class ReviewOut(Schema):
    """A review."""

    id: str
    cycle: int
    held_on: date
    summary: str
    child_view: str | None = None
    family_view: str | None = None
    who_came: str | None = None
    next_due: date | None = None
    findings: list[FindingOut]


class PlanOut(Schema):
    """The open support plan; its ETag is sent back as If-Match with a change."""

    id: str
    revision: int
    review_due: date | None = None
    needs: list[NeedOut]
    reviews: list[ReviewOut]


class ActionIn(Sent):
    """A new action."""

    what: SaidNote
    who_name: SaidLine
    start: date
    until: date
    how_often: Line = ""
    offer: str = Field("", pattern="^[a-z0-9-]{0,80}$")


class ActionChange(Sent):
    """What changes of an action."""

    what: SaidNote | None = None
    how_often: Line | None = None
    until: date | None = None
    status: str | None = Field(None, pattern="^(planned|under-way|done|stopped)$")
    why: Note = ""


class FindingIn(Sent):
    """What was found of an action (its id)."""

    action: str = Field(pattern="^[a-z0-9]{14}$")
    tried: Note = ""
    did: Note = ""
    effect: str = Field(pattern="^(helped|a-little|no-change|worse|too-early|not-tried)$")
    verdict: str = Field(pattern="^(keep|change|stop)$")


class ReviewIn(Sent):
    """A review that was held: what each action did, and when to look again."""

    held_on: date
    summary: SaidNote
    findings: list[FindingIn] = Field([], max_length=200)
    next_due: date | None = None
    who_came: Note = ""
    child_view: Note = ""
    family_view: Note = ""


class ShareOut(Schema):
    """A share: which items, with whom, until when."""

    id: str
    items: list[str]
    organisation: str
    with_whom: str
    since: date
    last_day: date | None
    shared_by: str
    ended: bool


class SharesOut(Schema):
    """Every share of a child, newest first."""

    shares: list[ShareOut]


class RollIn(Sent):
    """One child of a roll or caseload: by UPN or NHS number and birth date, from `since`.

    `until` is the first day on which it no longer holds."""

    upn: str = Field("", max_length=20)
    nhs_number: str = Field("", max_length=20)
    birth_date: date
    since: date
    until: date | None = None


class RollsIn(Sent):
    """Changes of a roll or caseload; those that are not named stay as they are."""

    children: list[RollIn] = Field(min_length=1, max_length=500)


class RollOut(Schema):
    """What became of one line: begun, changed, ended, same, or not-known (nobody here has that number and
    birth date)."""

    line: int
    result: str
    id: str | None = None


class RollsOut(Schema):
    """What became of each line."""

    kind: str
    lines: list[RollOut]


class LookOut(Schema):
    """Somebody looked or wrote."""

    at: datetime
    role: str
    organisation: str
    action: str
    items: list[str]
    refused: list[str]
    purpose: str


class LooksOut(Schema):
    """Who looked, newest first."""

    looks: list[LookOut]
    more: bool


class BlockageIn(Sent):
    """A refusal that stops you from helping: what was refused, and how that harms."""

    action: str = Field(json_schema_extra={"enum": list(vocabulary().actions)})
    item: str = Field(json_schema_extra={"enum": list(vocabulary().items)})
    harm: SaidNote


class BlockageOut(Schema):
    """A blockage that was raised."""

    id: str
    stage: str
    sentence: str


class ImportOut(Schema):
    """What became of a file: added, or waiting for a person to say that it is about this child."""

    id: str
    status: str
    sentence: str
    added: dict[str, int]
    not_taken: list[dict[str, Any]]
