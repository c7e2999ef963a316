"""Adds what came from elsewhere to a child's record: never over what is there, and each part once.

Words of a passport become words "from SENDER" beside those that are here, with their author and date. Parts
of a plan are added to the open plan (or begin one). A part that began here, or came in before, adds nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from evi.care.children.models import Child
from evi.care.door.visit import Refused, Visit
from evi.care.exchange import keys
from evi.care.exchange.dossier import Action, Author, Dossier, Need, Outcome, Plan, Review, Words
from evi.care.exchange.faults import Fault
from evi.care.exchange.isp import plain
from evi.care.exchange.models import Incoming, Received
from evi.care.passports.contributions import Origin, contribute
from evi.care.support import models as support
from evi.care.support.catalogue import offers
from evi.care.support.pen import holding
from evi.care.support.planning import plan_of, write_new
from evi.care.text import clean_text
from evi.workspace import EviError

SENDER_SHOWN = 50
"""Letters of a sender's name in the name of a place of the passport."""


@dataclass
class Added:
    """What an import brought, by kind of part, and what of it was not taken."""

    counts: Counter[str] = field(default_factory=Counter)
    not_taken: list[Fault] = field(default_factory=list)


def add(visit: Visit, incoming: Incoming, dossier: Dossier) -> Added:
    """Add what is new, all of it in one transaction; what the visit may not add to is named and left.

    Raises:
        Refused: the visit may add to nothing of it.
    """
    adder = _Adder(visit, incoming, dossier)
    with transaction.atomic():
        for words in sorted(dossier.words, key=lambda each: each.written_at):
            adder.words(words)
        if dossier.plan is not None:
            adder.plan(dossier.plan)
    if adder.refused and not adder.added.counts:
        raise adder.refused[0]
    return adder.added


class _Adder:
    def __init__(self, visit: Visit, incoming: Incoming, dossier: Dossier) -> None:
        self.visit, self.incoming, self.dossier = visit, incoming, dossier
        self.child: Child = incoming.child
        self.known = {each.blind: each for each in Received.objects.filter(child=self.child)}
        self.added = Added()
        self.refused: list[Refused] = []
        self.parts: dict[str, Any] = {}

    def words(self, said: Words) -> None:
        if self._is_known(said, f"passport, {said.section}"):
            return
        begun = said.key.rpartition(".")[0] or said.key
        origin = Origin(
            source=self.dossier.sender[:SENDER_SHOWN],
            name=said.author.name,
            role=said.author.role,
            written_at=said.written_at,
            holder=hashlib.sha256(begun.encode()).hexdigest()[:16],
        )
        with self._kept(f"passport, {said.section}"):
            row = contribute(
                self.visit,
                self.child,
                said.section,
                said.voice,
                said.text,
                nature=said.nature,
                pictures=said.pictures,
                taken_down=said.taken_down,
                origin=origin,
            )
            self._note(
                "words", said, f"{row.contribution.public_id}.{row.number}", said.author, said.written_at
            )

    def plan(self, said: Plan) -> None:
        try:
            self.visit.check(self.child, "contribute", "plan")
        except Refused as refused:
            self._refuse("plan", refused)
            return
        with self._kept("plan"):
            plan = self._plan(said)
            kinds: dict[str, tuple[Need | Outcome | Action, ...]] = {
                "needs": said.needs,
                "outcomes": said.outcomes,
                "actions": said.actions,
            }
            for kind, parts in kinds.items():
                for number, part in enumerate(parts, start=1):
                    self._part(plan, part, f"plan, {kind} {number}")
            for review in said.reviews:
                self._review(plan, review)

    def _plan(self, said: Plan) -> support.Plan:
        """The plan that the parts go into: the one that came in before, the open one, or a new one."""
        before = self.known.get(keys.blind_key(said.key))
        own = keys.began_here(said.key)
        found = self.child.plans.filter(public_id=before.part if before else own).first()
        plan = found or (plan_of(self.child) if said.status == support.Plan.Status.OPEN else None)
        if plan is not None:
            plan.child = self.child
            return plan
        with self.visit.writing(self.child, "contribute", "plan", note="a plan that came from elsewhere"):
            plan = support.Plan.objects.create(
                child=self.child,
                made_by=self.visit.membership,
                made_at=said.made_at,
                review_due=said.review_due,
            )
            with holding(plan, self.visit.membership) as pen:
                if said.status != support.Plan.Status.OPEN:
                    pen.plan.status = support.Plan.Status.CLOSED
                    pen.plan.closed_by, pen.plan.closed_at = self.visit.membership, pen.at
                pen.write(pen.plan)
            self._note("plan", said, plan.public_id, said.author, said.made_at)
        return plan

    def _part(self, plan: support.Plan, said: Need | Outcome | Action, place: str) -> None:
        if self._is_known(said, place):
            return
        with self._kept(place):
            row, fields = self._row(plan, said)
            with (
                self.visit.writing(self.child, "contribute", "plan"),
                holding(plan, self.visit.membership, said.at) as pen,
            ):
                write_new(pen, row, fields)
                self._note(type(said).__name__.lower(), said, row.public_id, said.author, said.at)
            self.parts[said.key] = row

    def _row(self, plan: support.Plan, said: Need | Outcome | Action) -> tuple[Any, dict[str, Any]]:
        if isinstance(said, Need):
            names: tuple[str, ...] = ("area", "text", "strengths", "view", "status")
            return support.Need(plan=plan), {name: getattr(said, name) for name in names}
        if isinstance(said, Outcome):
            names = ("text", "measure", "baseline", "target", "by_when", "status")
            need = self._there(support.Need, said.need, "need")
            return support.Outcome(plan=plan, need=need), {name: getattr(said, name) for name in names}
        names = ("what", "how_often", "strategy", "start", "until", "status")
        fields = {name: getattr(said, name) for name in names}
        fields["offer"] = said.offer if said.offer in offers() else ""
        who = said.who or said.author
        fields["who_name"] = ", ".join(part for part in (who.name, who.role, who.organisation) if part)
        outcome = self._there(support.Outcome, said.outcome, "outcome")
        return support.Action(plan=plan, outcome=outcome), fields

    def _review(self, plan: support.Plan, said: Review) -> None:
        place = f"plan, review {said.cycle}"
        if self._is_known(said, place):
            return
        with (
            self._kept(place),
            self.visit.writing(self.child, "contribute", "plan"),
            holding(plan, self.visit.membership, said.at) as pen,
        ):
            names = ("who_came", "child_view", "family_view", "summary")
            row = support.Review(
                plan=plan,
                held_on=said.held_on,
                next_due=said.next_due,
                cycle=plan.reviews.count() + 1,
                by=self.visit.membership,
                at=said.at,
                **{name: clean_text(getattr(said, name)) for name in names},
            )
            row.save()
            for found in said.findings:
                support.Finding.objects.create(
                    review=row,
                    action=self._there(support.Action, found.action, "action"),
                    tried=clean_text(found.tried),
                    did=clean_text(found.did),
                    effect=found.effect,
                    verdict=found.verdict,
                )
            pen.write(row)
            self._note("review", said, row.public_id, said.author, said.at)

    def _there(self, model: Any, key: str, word: str) -> Any:
        """A part that another points at: just added, come in before, or begun here.

        Raises:
            EviError: it is not there.
        """
        before = self.known.get(keys.blind_key(key))
        part = before.part if before else keys.began_here(key)
        found = self.parts.get(key) or model.objects.filter(public_id=part, plan__child=self.child).first()
        if found is None:
            raise EviError(f"the {word} that it belongs to was not taken.")
        return found

    def _is_known(self, said: Any, place: str) -> bool:
        """Whether a part is here already; one that has changed there since is named and left as it is."""
        if keys.began_here(said.key):
            self.added.counts["here already"] += 1
            return True
        before = self.known.get(keys.blind_key(said.key))
        if before is None:
            return False
        self.added.counts["here already"] += 1
        if before.digest != keys.digest(said):
            self.added.not_taken.append(
                Fault(place, "it has changed there since it came in; yours was not touched.")
            )
        return True

    def _note(self, kind: str, said: Any, part: str, author: Author, at: datetime) -> None:
        more = {"who": plain(said.who)} if getattr(said, "who", None) else {}
        row = Received.objects.create(
            child=self.child,
            incoming=self.incoming,
            kind=kind,
            blind=keys.blind_key(said.key),
            key=said.key,
            digest=keys.digest(said),
            part=part,
            said={"author": plain(author), "at": at.isoformat()} | more,
        )
        self.known[row.blind] = row
        self.added.counts[kind] += 1

    @contextmanager
    def _kept(self, place: str) -> Iterator[None]:
        """Add a part; one that can't be added is named, and the rest goes on."""
        try:
            with transaction.atomic():
                yield
        except Refused as refused:
            self._refuse(place, refused)
        except ValidationError as error:
            self.added.not_taken.append(Fault(place, " ".join(error.messages)))
        except EviError as error:
            self.added.not_taken.append(Fault(place, error.what))

    def _refuse(self, place: str, refused: Refused) -> None:
        self.refused.append(refused)
        self.added.not_taken.append(Fault(place, refused.decision.sentence))
