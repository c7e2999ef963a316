"""Release: what may go from the Insight zone to which service, decided by an agreement and written down.

Nothing here reads a district: callers bring the cases (`evi.casefinding.releasable`), and get a plan that
says exactly what each recipient would be told. Only a plan that is written is a release.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import TypeAlias

from evi.sharing.agreement import Agreement
from evi.sharing.decisions import Actor, Decision, Door, Request
from evi.sharing.vocabulary import vocabulary
from evi.workspace import EviError

FINDING, INDEX, IDENTITY = "finding", "index", "identity"
PURPOSE = "direct-support"
"""What a released finding is for."""
RELEASER = Actor("partnership-manager", "partnership", "partnership")
"""Whose act a release is."""


@dataclass(frozen=True)
class Reason:
    """A sentence, and the items that it rests on: whoever may not see all of them is not told."""

    text: str
    items: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """One child of a cohort.

    Attributes:
        held: from a recipient's code to the feed and code of the records that it holds of the child.
        not_known: what could not be looked at, with the items that saying so would tell of.
    """

    reasons: tuple[Reason, ...]
    held: Mapping[str, tuple[tuple[str, str], ...]]
    not_known: tuple[Reason, ...] = ()
    next_step: str = ""
    waiting_since: date | None = None


@dataclass(frozen=True)
class Cohort:
    """Where the cases come from: a rule's list, from a run, as known on a day.

    Attributes:
        rules: ids with versions. run_id: of the run that made the list.
        why_not: why the list may not go out, in plain words; empty if it may.
    """

    name: str
    question: str
    rules: tuple[str, ...]
    run_id: str
    day: date
    limits: tuple[str, ...] = ()
    why_not: str = ""


@dataclass(frozen=True)
class Recipient:
    """An organisation that may be told."""

    code: str
    kind: str
    name: str


@dataclass(frozen=True)
class Card:
    """What one recipient is told of one child, by the recipient's own encoded record."""

    feed: str
    code: str
    reasons: tuple[Reason, ...]
    withheld: int
    not_known: tuple[str, ...]
    next_step: str
    waiting_since: date | None


@dataclass(frozen=True)
class Package:
    """What one recipient gets.

    Attributes:
        roles: who of the recipient will see it. clause: of the agreement, by which they do.
        n_nothing: children whom it holds and of whom nothing may be told: they are not sent.
    """

    recipient: Recipient
    cards: tuple[Card, ...]
    roles: tuple[str, ...]
    clause: str
    n_nothing: int = 0

    @property
    def n_withheld(self) -> int:
        """Reasons that are held back, over all children who are sent."""
        return sum(card.withheld for card in self.cards)


@dataclass(frozen=True)
class ReleasePlan:
    """Everything that a release would do.

    Attributes:
        clause, gateway: by which it is released. not_recipients: by code, why one that was asked for gets
            nothing. n_cases: children of the cohort. n_nobody: those whom no recipient holds.
    """

    agreement: Agreement
    clause: str
    gateway: str
    cohort: Cohort
    packages: tuple[Package, ...]
    not_recipients: Mapping[str, str]
    n_cases: int
    n_nobody: int


def plan_release(
    door: Door,
    agreement: str,
    cohort: Cohort,
    cases: Sequence[Case],
    recipients: Iterable[Recipient],
    day: date,
) -> ReleasePlan:
    """Work out what each recipient would be told; nothing is written.

    Args:
        agreement: its name. recipients: those asked for; one that may not be told is named in the plan.
        day: on which the agreement must be in force.

    Raises:
        EviError: the list may not go out, or the agreement is not in force or does not let it be released.
    """
    if cohort.why_not:
        raise EviError(
            f"this list may not go out: {cohort.why_not}.",
            where=cohort.name,
            do="See `evi casefind life`: only a live rule's lists are released.",
            exit_code=2,
        )
    given = check_release(door, agreement, FINDING, day)
    found = door.agreement(agreement)
    packages, refused = [], {}
    for recipient in recipients:
        viewers = _viewers(door, found, recipient, day)
        if not viewers:
            refused[recipient.code] = _why_no_recipient(found, recipient)
            continue
        packages.append(_package(door, recipient, viewers, cases, day))
    told = {package.recipient.code for package in packages}
    return ReleasePlan(
        agreement=found,
        clause=given.clause,
        gateway=given.gateway,
        cohort=cohort,
        packages=tuple(packages),
        not_recipients=refused,
        n_cases=len(cases),
        n_nobody=sum(not told & set(case.held) for case in cases),
    )


def check_release(door: Door, agreement: str, item: str, day: date) -> Decision:
    """The decision by which `item` is released under an agreement.

    Raises:
        EviError: the agreement is not in force, or has no clause that releases it.
    """
    found = door.agreement(agreement)
    if not found.live(day):
        why = " ".join(found.faults) or f"it holds from {found.start} until {found.end}"
        raise EviError(
            f"the agreement {found.name} is {found.state(day)} on {day}: {why}",
            where=found.path,
            do="Nothing is released under it until that is put right.",
            exit_code=2,
        )
    request = Request(RELEASER, "release", item, "governance", day)
    decision = door.decide(request)
    if not decision.permitted or decision.agreement != agreement:
        raise EviError(
            f"the agreement {found.name} has no clause that lets the partnership release "
            f"{vocabulary().items[item].title.lower()}.",
            where=found.path,
            do="Name the agreement that has one, or agree one.",
            exit_code=2,
        )
    return decision


@dataclass(frozen=True)
class _Viewer:
    """A role of a recipient that will see the finding, and the tie by which it does."""

    actor: Actor
    tie: str
    clause: str


Viewers: TypeAlias = tuple[_Viewer, ...]


def _viewers(
    door: Door, agreement: Agreement, recipient: Recipient, day: date, item: str = FINDING
) -> Viewers:
    """Who at a recipient may see `item` under this agreement, and by which tie."""
    pairs = {
        (role, tie): None
        for clause in agreement.clauses
        if PURPOSE in clause.purposes and "view" in clause.actions and item in clause.items
        if recipient.kind in clause.organisations
        for role in clause.roles
        if (role, recipient.kind) in _placements()
        for tie in clause.relationships
    }
    found = []
    for role, tie in pairs:
        actor = Actor(role, recipient.code, recipient.kind)
        decision = door.decide(_asks(actor, item, tie, day))
        if decision.permitted and decision.agreement == agreement.name:
            found.append(_Viewer(actor, tie, decision.clause))
    return tuple(found)


@cache
def _placements() -> frozenset[tuple[str, str]]:
    return frozenset(vocabulary().placements())


def tells(door: Door, viewers: Viewers, items: Sequence[str], day: date) -> bool:
    """Whether somebody who will see what is released may see all of `items`; never if there are none."""
    return bool(items) and any(
        all(door.decide(_asks(v.actor, item, v.tie, day)).permitted for item in items) for v in viewers
    )


def recipients_of_index(
    door: Door, agreement: str, recipients: Iterable[Recipient], day: date
) -> Callable[[tuple[str, ...]], list[str]]:
    """A function from items to the codes of those recipients who may see the index and all of the items.

    Raises:
        EviError: see `check_release`.
    """
    check_release(door, agreement, INDEX, day)
    found = door.agreement(agreement)
    seeing = {each.code: _viewers(door, found, each, day, INDEX) for each in recipients}

    @cache
    def told(items: tuple[str, ...]) -> list[str]:
        return [code for code, viewers in seeing.items() if tells(door, viewers, items, day)]

    return told


def _asks(actor: Actor, item: str, tie: str, day: date) -> Request:
    return Request(actor, "view", item, PURPOSE, day, ties=frozenset({tie}))


def _why_no_recipient(agreement: Agreement, recipient: Recipient) -> str:
    if recipient.kind not in {party.kind for party in agreement.parties}:
        return f"{recipient.name} is no party of {agreement.spoken}."
    joined = agreement.joined.get(recipient.kind, ())
    if joined and recipient.code not in joined:
        return f"{recipient.name} has not joined {agreement.spoken}."
    return f"No clause of {agreement.spoken} lets anyone at {recipient.name} see a finding."


def _package(door: Door, recipient: Recipient, viewers: Viewers, cases: Sequence[Case], day: date) -> Package:
    @cache
    def may_tell(items: tuple[str, ...]) -> bool:
        return tells(door, viewers, items, day)

    cards, nothing = [], 0
    for case in cases:
        records = case.held.get(recipient.code, ())
        if not records:
            continue
        told = tuple(reason for reason in case.reasons if may_tell(reason.items))
        if not told:
            nothing += 1
            continue
        feed, code = records[0]
        not_known = tuple(each.text for each in case.not_known if may_tell(each.items))
        withheld = len(case.reasons) - len(told)
        cards.append(Card(feed, code, told, withheld, not_known, case.next_step, case.waiting_since))
    roles = tuple(dict.fromkeys(viewer.actor.role for viewer in viewers))
    return Package(recipient, tuple(cards), roles, viewers[0].clause, nothing)
