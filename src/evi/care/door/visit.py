"""One visit: who asks, acting as what, why, on which day; every question about a child goes through it."""

from __future__ import annotations

import fnmatch
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from evi.care.accounts.models import Membership
from evi.care.children.models import Child
from evi.care.door import querying, scopes
from evi.care.door.rules import door
from evi.sharing.decisions import Actor, Decision, Door, Request
from evi.sharing.vocabulary import vocabulary

if TYPE_CHECKING:
    from evi.care.accounts.models import User
    from evi.care.door.models import BreakGlass

EMERGENCY = "emergency"
NO_QUESTION = Decision(True, "", "", "", "", "")
"""What stands for an item that was used without a question of its own."""
NO_EMERGENCY = Decision(False, "", "", "", "", "")


class Refused(Exception):  # noqa: N818 - the word of the field
    """A decision that says no, on its way to the page that explains it.

    `child` is None where the visitor must not learn whether there is such a child.
    """

    def __init__(self, decision: Decision, action: str, item: str, child: Child | None = None) -> None:
        self.decision, self.action, self.item, self.child = decision, action, item, child
        super().__init__(decision.sentence)


@dataclass
class Asked:
    """What was asked about one child (or none) in one request: it becomes one entry of the ledger.

    `child`: its public id.
    """

    child: str = ""
    permitted: dict[str, Decision] = field(default_factory=dict)
    refused: dict[str, Decision] = field(default_factory=dict)
    purpose: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass
class Visit:
    """A signed-in person's request, acting as one membership.

    Attributes:
        user: who. membership: acting as. purpose: why. day: on which day decisions hold.
        asked: what goes into the ledger, by action and child; `VisitMiddleware` writes it.
        rules: the agreements in force when the visit began, which decide all of it.
        emergencies: emergency views that are on, by child; what they open is decided for that purpose.
    """

    user: User
    membership: Membership
    purpose: str
    day: date = field(default_factory=timezone.localdate)
    asked: dict[tuple[str, int | None], Asked] = field(default_factory=lambda: defaultdict(Asked))
    emergencies: dict[int, BreakGlass] = field(default_factory=dict)
    rules: Door = field(default_factory=door)
    _facts: dict[int, querying.Facts] = field(default_factory=dict)

    @classmethod
    def of(cls, membership: Membership, day: date | None = None) -> Visit:
        """A visit for the role's own purpose."""
        purpose = vocabulary().roles[membership.role].purpose
        return cls(membership.user, membership, purpose, day or timezone.localdate())

    @property
    def actor(self) -> Actor:
        """Who asks, as the policies know them."""
        organisation = self.membership.organisation
        return Actor(self.membership.role, organisation.code, organisation.kind)

    # Lists.

    def children(self, action: str = "view", item: str = "identity") -> QuerySet[Child]:
        """The children of whom this visit is permitted `action` on `item`: the only way to list children."""
        condition = self.rules.residual(self.actor, action, item, self.purpose, self.day)
        return scopes.children(condition, self.membership, self.day, item)

    # One child.

    def child(self, public_id: str, action: str = "view", item: str = "identity", purpose: str = "") -> Child:
        """The child, if the visit is permitted that.

        Raises:
            Refused: it isn't, or there is no such child; both look alike to whoever may not know.
        """
        child = Child.objects.filter(public_id=public_id).first()
        if child is None:
            nobody = self.decision_of_nobody(action, item, purpose)
            self.asked[action, None].refused[item] = nobody
            raise Refused(nobody, action, item)
        decision = self.may(child, action, item, purpose)
        if not decision.permitted:
            known = self.may(child, "view", "identity", purpose).permitted
            raise Refused(decision, action, item, child if known else None)
        return child

    def may(self, child: Child, action: str, item: str, purpose: str = "") -> Decision:
        """The decision, which goes into the request's ledger entry; `passport.*` asks for any of a group."""
        decision = self._decide(child, action, item, purpose)
        if not purpose and not decision.permitted and self._in_emergency(child, action, item).permitted:
            decision, purpose = self._in_emergency(child, action, item), EMERGENCY
        asked = self._asked(action, child)
        (asked.permitted if decision.permitted else asked.refused)[item] = decision
        if purpose:
            asked.purpose = purpose
        return decision

    def can(self, child: Child, action: str, item: str) -> bool:
        """Whether it would be permitted; for buttons. Nothing is read, so nothing goes into the ledger."""
        return self.decision(child, action, item).permitted

    def decision(self, child: Child, action: str, item: str, purpose: str = "") -> Decision:
        """What would be decided, with its reason; like `can`, it is not in the ledger."""
        decision = self._decide(child, action, item, purpose)
        rescue = decision if decision.permitted or purpose else self._in_emergency(child, action, item)
        return rescue if rescue.permitted else decision

    def decision_of_nobody(self, action: str, item: str, purpose: str = "") -> Decision:
        """What would be decided about a child to whom the visitor has no tie: as of one that is not there."""
        return self.rules.decide(self._request(action, item, querying.NO_FACTS, purpose))

    def check_of_nobody(self, action: str, item: str, purpose: str = "") -> Decision:
        """That decision, if it permits; it goes into the request's ledger entry.

        Raises:
            Refused: it does not.
        """
        decision = self.decision_of_nobody(action, item, purpose)
        asked = self.asked[action, None]
        (asked.permitted if decision.permitted else asked.refused)[item] = decision
        asked.purpose = purpose
        if not decision.permitted:
            raise Refused(decision, action, item)
        return decision

    def ties(self, child: Child) -> frozenset[str]:
        """The kinds of relationship that the visitor has with the child on this day."""
        if child.pk not in self._facts:
            self.learn([child])
        return self._facts[child.pk].ties

    def wishes(self, child: Child) -> tuple[frozenset[str], frozenset[str]]:
        """What the family's yes and no are about on this day: names of agreements, `all` or `opt-out`."""
        self.ties(child)
        return self._facts[child.pk].consents, self._facts[child.pk].objections

    def forget(self, child: Child) -> None:
        """Ask again for the facts of a child: what was just written changed them."""
        self._facts.pop(child.pk, None)

    def items(self, child: Child, action: str, kinds: Iterable[str]) -> dict[str, Decision]:
        """The decision on each of several items."""
        return {kind: self.may(child, action, kind) for kind in kinds}

    def check(self, child: Child, action: str, item: str) -> Decision:
        """The decision, if it permits.

        Raises:
            Refused: it does not.
        """
        decision = self.may(child, action, item)
        if not decision.permitted:
            raise Refused(decision, action, item, child)
        return decision

    @contextmanager
    def writing(self, child: Child, action: str, item: str, note: str = "") -> Iterator[Decision]:
        """Check, then write inside this: the data and the ledger's entry are kept together or not at all.

        Raises:
            Refused: it is not permitted; nothing is written.
        """
        decision = self.check(child, action, item)
        asked = self.asked[action, child.pk]
        if note:
            asked.notes.append(note)
        try:
            with transaction.atomic():
                yield decision
                self._append(action, asked)
        except BaseException:
            asked.notes.append("not saved")
            raise
        del self.asked[action, child.pk]

    # What concerns no child.

    def has_duty(self, duty: str) -> bool:
        """Whether the role of this visit holds the duty."""
        return self.membership.role in vocabulary().duties[duty].roles

    def check_duty(self, duty: str) -> None:
        """Refuse whoever does not hold the duty.

        Raises:
            Refused: the role doesn't.
        """
        if not self.has_duty(duty):
            said = vocabulary().duties[duty]
            sentence = f"You can't open this page: {said.title.lower()} is for other roles."
            decision = Decision(False, "", "", "", sentence, "duty")
            self.asked["view", None].refused[f"duty:{duty}"] = decision
            raise Refused(decision, "view", f"duty:{duty}")

    # The ledger.

    def record(
        self, action: str, child: Child | None = None, items: Iterable[str] = (), note: str = ""
    ) -> None:
        """Add to what the ledger will say of this request. `note` never holds an identifier."""
        asked = self._asked(action, child)
        for item in items:
            asked.permitted.setdefault(item, NO_QUESTION)
        if note:
            asked.notes.append(note)

    def write_ledger(self) -> None:
        """Write what was asked, one entry for each action and child, and forget it."""
        if not self.asked:
            return
        waiting, self.asked = self.asked, defaultdict(Asked)
        with transaction.atomic():
            for (action, _), asked in waiting.items():
                self._append(action, asked)

    def _asked(self, action: str, child: Child | None) -> Asked:
        asked = self.asked[action, child.pk if child else None]
        asked.child = child.public_id if child else ""
        return asked

    def _append(self, action: str, asked: Asked) -> None:
        from evi.care.door.ledger import append  # noqa: PLC0415 - models of the same app

        decided = next(iter([*asked.permitted.values(), *asked.refused.values()]), None)
        append(
            actor=self.user.public_id,
            role=self.membership.role,
            organisation=self.membership.organisation.code,
            action=action,
            child=asked.child,
            permitted=sorted(asked.permitted),
            refused=sorted(asked.refused),
            purpose=asked.purpose or self.purpose,
            agreement=decided.agreement if decided else "",
            clause=decided.clause if decided else "",
            note="; ".join(asked.notes),
        )

    def _in_emergency(self, child: Child, action: str, item: str) -> Decision:
        """The decision for the purpose of an emergency, if a view of the child is on that has the item."""
        on = self.emergencies.get(child.pk)
        if on is None or action != "view" or not any(kind in on.items for kind in _kinds(item)):
            return NO_EMERGENCY
        return self._decide(child, action, item, EMERGENCY)

    def _decide(self, child: Child, action: str, item: str, purpose: str = "") -> Decision:
        if child.pk not in self._facts:
            self.learn([child])
        facts = self._facts[child.pk]
        decision: Decision | None = None
        for kind in _kinds(item):
            decision = self.rules.decide(self._request(action, kind, facts, purpose))
            if decision.permitted:
                break
        if decision is None:
            raise ValueError(f"no item of the vocabulary is called {item}")
        return decision

    def learn(self, children: Iterable[Child]) -> None:
        """Fetch at once the facts that are not known yet, for pages that decide about many children."""
        new = [child for child in children if child.pk not in self._facts]
        self._facts.update(querying.facts(self.membership, new, self.day))

    def _request(self, action: str, item: str, facts: querying.Facts, purpose: str = "") -> Request:
        kind = _kinds(item)[0]
        return Request(
            self.actor,
            action,
            kind,
            purpose or self.purpose,
            self.day,
            ties=facts.ties,
            shared=facts.shared,
            consents=facts.consents,
            objections=facts.objections,
            withheld=facts.withheld,
            moved_out=facts.moved_out,
        )

    def on(self, day: date) -> Visit:
        """The same visit on another day."""
        return replace(self, day=day, asked=defaultdict(Asked), _facts={})


@cache
def _kinds(item: str) -> tuple[str, ...]:
    return tuple(sorted(fnmatch.filter(vocabulary().items, item)))
