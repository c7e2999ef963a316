"""Gathers what a visit may take out of a child's record into a dossier, and says what was left out and why.

A part goes out if the visit may `export` it. Who the child is, their numbers and the circle go with it if the
visit may view them: a copy that could only be matched by name would be matched to the wrong child one day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from django.utils import timezone

from evi.care.accounts.models import Membership
from evi.care.children.address import Address
from evi.care.children.models import Child
from evi.care.circles.people import Person, people
from evi.care.door.visit import Refused, Visit
from evi.care.exchange import keys
from evi.care.exchange.dossier import (
    Action,
    Author,
    Dossier,
    Finding,
    Identity,
    LeftOut,
    Member,
    Need,
    Outcome,
    Plan,
    Review,
    Words,
)
from evi.care.exchange.isp import whole
from evi.care.exchange.models import Received
from evi.care.passports.contributions import sections, stands_in
from evi.care.passports.models import CHILD, PARENT, Revision
from evi.care.publicid import new_public_id
from evi.care.support import models as support
from evi.care.support.planning import plan_of
from evi.sharing.decisions import Decision
from evi.sharing.vocabulary import FAMILY, vocabulary

Part = TypeVar("Part", Words, Plan, Need, Outcome, Action, Review)
PASSPORT, PLAN, CIRCLE, NUMBERS, CONTACT = PARTS = ("passport", "plan", "circle", "identifiers", "contact")
"""What can be asked for; the address and telephone number only on purpose."""
USUAL = (PASSPORT, PLAN, CIRCLE, NUMBERS)


def gather(visit: Visit, child: Child, parts: Iterable[str] = USUAL) -> Dossier:
    """Everything of `parts` that the visit may take out.

    Raises:
        Refused: it may take out nothing of the passport or the plan, or not see who the child is.
    """
    wanted = set(parts)
    visit.check(child, "view", "identity")
    kept, left = _decide(visit, child, wanted)
    address = Address.kept_from(visit, child)
    received = {each.part: each for each in Received.objects.filter(child=child)}
    reader = _Gatherer(visit, child, address, received)
    chosen = [each for each in sections() if f"passport.{each}" in kept]
    dossier = Dossier(
        key=keys.key_of(new_public_id()),
        sender=address.place(visit.membership.organisation),
        made_at=timezone.now(),
        made_by=reader.member(visit.membership),
        identity=reader.identity(NUMBERS in kept, CONTACT in kept),
        words=reader.words(chosen),
        plan=reader.plan() if PLAN in kept else None,
        circle=reader.circle() if CIRCLE in kept else (),
        left_out=tuple(left),
    )
    return _hidden(dossier, address.hide) if address.kept else dossier


def _decide(visit: Visit, child: Child, wanted: set[str]) -> tuple[set[str], list[LeftOut]]:
    """The items that go out, and those that don't. What is withheld from one person is not told of."""
    words = vocabulary().items
    asked = [(f"passport.{each}", "export") for each in sections() if PASSPORT in wanted]
    asked += [(PLAN, "export")] if PLAN in wanted else []
    beside = [(each, "view") for each in (CIRCLE, NUMBERS, CONTACT) if each in wanted]
    kept: set[str] = set()
    left: list[LeftOut] = []
    refused: list[Decision] = []
    for item, action in asked + beside:
        decision = visit.may(child, action, item)
        if decision.permitted:
            kept.add(item)
        else:
            refused.append(decision)
            if decision.why != "withheld":
                left.append(LeftOut(item, words[item].title, decision.sentence))
    if not any(item in kept for item, _action in asked):
        decision = refused[0] if refused else visit.decision(child, "export", "passport.*")
        raise Refused(decision, "export", "passport.*", child)
    return kept, left


class _Gatherer:
    """Reads the rows of one child; parts that came from elsewhere keep their author, time and key."""

    def __init__(self, visit: Visit, child: Child, address: Address, received: dict[str, Received]) -> None:
        self.visit, self.child, self.address, self.received = visit, child, address, received

    def identity(self, numbers: bool, contact: bool) -> Identity:
        child = self.child
        return Identity(
            given_name=child.given_name,
            family_name=child.family_name,
            birth_date=child.birth_date,
            known_as=child.known_as,
            sex=child.sex,
            language=child.language,
            nhs_number=child.nhs_number if numbers else "",
            upn=child.upn if numbers else "",
            address=child.address if contact else "",
            postcode=child.postcode if contact else "",
            phone=child.phone if contact else "",
        )

    def member(self, membership: Membership) -> Author:
        role = membership.title or vocabulary().roles[membership.role].title
        if membership.organisation.kind == FAMILY:
            own = membership.role == "young-person"
            return Author(membership.user.name, "" if own else role, kind="child" if own else "family")
        return Author(membership.user.name, role, self.address.place(membership.organisation))

    def words(self, chosen: list[str]) -> tuple[Words, ...]:
        found = stands_in(self.child, chosen)
        return tuple(self._words(row) for name in chosen for row in found[name])

    def _words(self, row: Revision) -> Words:
        part = f"{row.contribution.public_id}.{row.number}"
        organisation = self.address.place(row.organisation) if row.organisation else ""
        role = (
            vocabulary().roles[row.author_role].title
            if row.author_role in vocabulary().roles
            else row.author_role
        )
        author = Author(row.author_name, role, organisation)
        if not row.taken_down and row.voice in (CHILD, PARENT):
            own = row.voice == CHILD
            author = Author(row.author_name, "" if own else role, kind="child" if own else "family")
        said = Words(
            key=keys.key_of(part),
            section=row.section,
            voice=row.voice,
            text=row.text,
            author=author,
            written_at=row.written_at,
            nature=row.nature,
            pictures=tuple(row.pictures),
            taken_down=row.taken_down,
            source=row.source,
        )
        return self._as_there(said, part, "written_at")

    def plan(self) -> Plan | None:
        plan = plan_of(self.child)
        if plan is None:
            return None
        needs = {each.pk: each for each in plan.needs.select_related("by__user", "by__organisation")}
        outcomes = {each.pk: each for each in plan.outcomes.select_related("by__user", "by__organisation")}
        actions = plan.actions.select_related(
            "by__user", "by__organisation", "who__user", "who__organisation"
        )
        reviews = plan.reviews.select_related("by__user", "by__organisation").prefetch_related(
            "findings__action"
        )
        made = Plan(
            key=self._key(plan.public_id),
            made_at=plan.made_at,
            author=self.member(plan.made_by),
            status=plan.status,
            review_due=plan.review_due,
            needs=tuple(self._need(each) for each in needs.values()),
            outcomes=tuple(self._outcome(each, needs[each.need_id]) for each in outcomes.values()),
            actions=tuple(self._action(each, outcomes[each.outcome_id]) for each in actions),
            reviews=tuple(self._review(each) for each in reviews),
        )
        return self._as_there(made, plan.public_id, "made_at")

    def _need(self, row: support.Need) -> Need:
        made = Need(
            key=self._key(row.public_id),
            area=row.area,
            text=row.text,
            author=self.member(row.by),
            at=row.at,
            strengths=row.strengths,
            view=row.view,
            status=row.status,
        )
        return self._as_there(made, row.public_id)

    def _outcome(self, row: support.Outcome, need: support.Need) -> Outcome:
        made = Outcome(
            key=self._key(row.public_id),
            need=self._key(need.public_id),
            text=row.text,
            measure=row.measure,
            target=row.target,
            by_when=row.by_when,
            author=self.member(row.by),
            at=row.at,
            baseline=row.baseline,
            status=row.status,
        )
        return self._as_there(made, row.public_id)

    def _action(self, row: support.Action, outcome: support.Outcome) -> Action:
        who = self.member(row.who) if row.who else Author(row.who_name) if row.who_name else None
        made = Action(
            key=self._key(row.public_id),
            outcome=self._key(outcome.public_id),
            what=row.what,
            start=row.start,
            until=row.until,
            author=self.member(row.by),
            at=row.at,
            who=who,
            how_often=row.how_often,
            offer=row.offer,
            strategy=row.strategy,
            status=row.status,
        )
        return self._as_there(made, row.public_id)

    def _review(self, row: support.Review) -> Review:
        made = Review(
            key=self._key(row.public_id),
            cycle=row.cycle,
            held_on=row.held_on,
            summary=row.summary,
            author=self.member(row.by),
            at=row.at,
            who_came=row.who_came,
            child_view=row.child_view,
            family_view=row.family_view,
            next_due=row.next_due,
            findings=tuple(
                Finding(self._key(one.action.public_id), one.tried, one.effect, one.verdict, one.did)
                for one in row.findings.all()
            ),
        )
        return self._as_there(made, row.public_id)

    def circle(self) -> tuple[Member, ...]:
        return tuple(self._member(one) for one in people(self.child, self.visit.day))

    def _member(self, one: Person) -> Member:
        person = self.member(one.membership) if one.membership else Author(one.name, "", one.organisation)
        return Member(self._key(one.place) if one.place else "", person, one.since, one.part, one.leads)

    def _key(self, part: str) -> str:
        found = self.received.get(part)
        return found.key if found else keys.key_of(part)

    def _as_there(self, made: Part, part: str, at: str = "at") -> Part:
        """A part that came in, with what it said there of its author, its time and who does it."""
        found = self.received.get(part)
        if found is None:
            return made
        said = found.said
        changes = {
            "key": found.key,
            "author": whole(Author, said["author"]),
            at: whole(type(getattr(made, at)), said["at"]),
        }
        if said.get("who"):
            changes["who"] = whole(Author, said["who"])
        return replace(made, **changes)


def _hidden(value: Any, hide: Callable[[str], str]) -> Any:
    """The same with every text hidden that tells an address that is kept from the visitor; keys stay."""
    if isinstance(value, tuple):
        return tuple(_hidden(one, hide) for one in value)
    if is_dataclass(value) and not isinstance(value, type):
        kept = {"key", "need", "outcome", "action"}
        return replace(
            value,
            **{
                one.name: _hidden(getattr(value, one.name), hide)
                for one in fields(value)
                if one.name not in kept
            },
        )
    return hide(value) if isinstance(value, str) else value
