"""Who may do what with which part of what is known of a child: permit or refuse, with a reason.

A question holds what is known of the child as facts, and not the child: few questions differ, so each is
decided once. The decision is Cedar's; why it was refused is found by asking Cedar again, with one fact changed
at a time, so that an explanation can't say what the policies don't.

The one path from agreements to a decision is `Door`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import cedarpy

from evi.sharing import sentences
from evi.sharing.agreement import Agreement, Clause
from evi.sharing.agreements import load_agreements
from evi.sharing.compiling import ALL, OPT_OUT, cedar_schema, compile_policies, number_of
from evi.sharing.gateways import Gateway, load_gateways
from evi.sharing.residual import Condition, residual_of
from evi.sharing.vocabulary import vocabulary
from evi.workspace import EviError

NOTHING: frozenset[str] = frozenset()
REMEMBERED = 65_536
"""Decisions kept in memory: a district's people ask fewer different questions in a day."""


@dataclass(frozen=True)
class Actor:
    """Who asks: a role, in an organisation (its code) of a kind."""

    role: str
    organisation: str
    kind: str


@dataclass(frozen=True)
class Request:
    """One question, with the facts of the child that bear on it.

    Attributes:
        ties: kinds of relationship that this person has with the child on this day.
        shared: items that a live tie `shared-with` names.
        consents, objections: names of agreements, or `all`; the national opt-out is the objection `opt-out`.
        withheld: items held back from this person for this child.
        moved_out: the child has left the district.
    """

    actor: Actor
    action: str
    item: str
    purpose: str
    day: date
    ties: frozenset[str] = NOTHING
    shared: frozenset[str] = NOTHING
    consents: frozenset[str] = NOTHING
    objections: frozenset[str] = NOTHING
    withheld: frozenset[str] = NOTHING
    moved_out: bool = False


@dataclass(frozen=True)
class Decision:
    """The answer.

    Attributes:
        agreement, clause, gateway: what decided; of a refusal the agreement that would have covered it, or empty.
        sentence: for the person who asked.
        why: clause, withheld, moved-out, objection, opt-out, consent-needed, no-relationship, expired,
            not-yet, incomplete, not-joined, purpose, role or no-agreement.
        codes: patterns of event codes that it is limited to, with * for the rest; empty for no limit.
    """

    permitted: bool
    agreement: str
    clause: str
    gateway: str
    sentence: str
    why: str
    codes: tuple[str, ...] = ()

    def covers(self, code: str) -> bool:
        """Whether an entry with this event code is open (entries without a code only where nothing limits)."""
        fits = [code == each or (each.endswith("*") and code.startswith(each[:-1])) for each in self.codes]
        return self.permitted and (not self.codes or any(fits))


class Door:
    """One set of agreements and gateways, compiled."""

    def __init__(
        self, agreements: Iterable[Agreement], gateways: dict[str, Gateway], fingerprint: str
    ) -> None:
        self.agreements = tuple(agreements)
        self.gateways = gateways
        self.fingerprint = fingerprint
        self.policies = compile_policies(self.agreements)
        self._by_name = {each.name: each for each in self.agreements}
        self._order = {
            f"{agreement.name}/{clause.id}": (agreement, clause)
            for agreement in self.agreements
            for clause in agreement.clauses
        }
        self._set = cedarpy.PolicySet.from_str(self.policies)
        self._schema = cedarpy.Schema.from_str(cedar_schema())
        self._nobody = cedarpy.Entities.from_json_str("[]")
        self._parsed = residual_of(self.policies)
        self.decide = lru_cache(maxsize=REMEMBERED)(self._decide)
        self._residual = lru_cache(maxsize=REMEMBERED)(self._parsed.left)

    @classmethod
    def open(cls, folders: Iterable[Path]) -> Door:
        """The door of these folders of agreements; the gateways are the shipped ones and the folders' own.

        Raises:
            EviError: a folder, file or policy is wrong; nothing is opened then.
        """
        folders = tuple(Path(folder) for folder in folders)
        gateways = load_gateways(folders)
        agreements = load_agreements(folders, gateways)
        parts = (vocabulary().fingerprint, repr(sorted(gateways.items())), repr(agreements), cedar_schema())
        return cls(
            agreements,
            gateways,
            hashlib.sha256("\0".join(_placeless(parts, agreements)).encode()).hexdigest(),
        )

    def in_force(self, day: date) -> tuple[Agreement, ...]:
        """The agreements that permit anything on a day."""
        return tuple(each for each in self.agreements if each.live(day))

    def agreement(self, name: str) -> Agreement:
        """An agreement by name.

        Raises:
            EviError: there is none.
        """
        if name not in self._by_name:
            raise EviError(
                f"no agreement is called “{name}”.",
                do=f"There are: {', '.join(self._by_name) or 'none'}.",
                exit_code=2,
            )
        return self._by_name[name]

    def residual(self, actor: Actor, action: str, item: str, purpose: str, day: date) -> Condition:
        """What of the policies is left to ask of a child, once all else is known."""
        return self._residual(
            actor.role, actor.kind, actor.organisation, action, item, purpose, number_of(day)
        )

    def _decide(self, request: Request) -> Decision:
        ids, allowed = self._ask(request)
        if allowed:
            agreement, clause = next(self._order[each] for each in self._order if each in ids)
            limits = [self._order[each][1].event_codes for each in ids]
            codes = tuple(sorted({code for each in limits for code in each})) if all(limits) else ()
            sentence = sentences.permitted(request, agreement, clause)
            return Decision(
                True, agreement.name, clause.id, _gateway(agreement, request), sentence, "clause", codes
            )
        return self._refusal(request)

    def _ask(self, request: Request) -> tuple[set[str], bool]:
        result = cedarpy.is_authorized(_cedar(request), self._set, self._nobody, self._schema)
        if result.diagnostics.errors or result.decision == cedarpy.Decision.NoDecision:
            raise EviError(
                "a question to the door uses a word or a type that the vocabulary doesn't have.",
                where=f"{request.actor.role} at {request.actor.kind}: {request.action} {request.item} ({request.purpose})",
                do="Correct the code or the data that asked.",
            )
        named = result.diagnostics.id_annotations_by_reason
        return {str(named[each]) for each in result.diagnostics.reasons}, bool(result.allowed)

    def _permits(self, request: Request, **changes: Any) -> tuple[Agreement, Clause] | None:
        ids, allowed = self._ask(replace(request, **changes))
        return next(self._order[each] for each in self._order if each in ids) if allowed else None

    def _refusal(self, request: Request) -> Decision:
        for why, found, sentence in self._reasons(request):
            agreement, clause = found if found else (None, None)
            return Decision(
                False,
                agreement.name if agreement else "",
                clause.id if clause else "",
                _gateway(agreement, request) if agreement else "",
                sentence,
                why,
            )
        raise AssertionError("unreachable")

    def _reasons(self, request: Request) -> Iterator[tuple[str, tuple[Agreement, Clause] | None, str]]:
        """Every reason that is one, the nearest to a permission first."""
        if found := self._permits(request, withheld=NOTHING):
            yield "withheld", None, sentences.withheld(request)
        if found := self._permits(request, moved_out=False):
            yield "moved-out", found, sentences.moved_out(request)
        if found := self._permits(request, objections=request.objections - {OPT_OUT}):
            yield "opt-out", found, sentences.opted_out(request, found[0])
        if found := self._permits(request, objections=NOTHING):
            yield "objection", found, sentences.objected(request, found[0])
        if found := self._permits(request, consents=frozenset({ALL})):
            yield "consent-needed", found, sentences.consent_needed(request, found[0])
        if found := self._permits(request, consents=frozenset({ALL}), objections=NOTHING):
            yield "objection", found, sentences.objected(request, found[0])
        yield from self._reasons_of_anyone(request)

    def _reasons_of_anyone(
        self, request: Request
    ) -> Iterator[tuple[str, tuple[Agreement, Clause] | None, str]]:
        """Reasons that would be the same for every child without a tie: so they tell nothing of this one."""
        bare = replace(
            request,
            ties=NOTHING,
            shared=NOTHING,
            consents=NOTHING,
            objections=NOTHING,
            withheld=NOTHING,
            moved_out=False,
        )
        words, item = vocabulary(), frozenset({request.item})
        there = [
            tie
            for tie, each in words.relationships.items()
            if not each.kinds or request.actor.kind in each.kinds
        ]
        ways: list[dict[str, tuple[Agreement, Clause]]] = [
            {
                tie: found
                for tie in there
                if (found := self._permits(bare, ties=frozenset({tie}), shared=item, consents=consents))
            }
            for consents in (NOTHING, frozenset({ALL}))
        ]
        if ways[1]:
            first = next(iter((ways[0] or ways[1]).values()))
            later = [tie for tie in ways[1] if tie not in ways[0]]
            yield "no-relationship", first, sentences.no_relationship(request, ways[0], later, first[0])
        best = replace(bare, ties=frozenset(words.relationships), shared=item, consents=frozenset({ALL}))
        for agreement, clause in self._order.values():
            if not agreement.live(request.day) and _about(clause, request):
                why = {"expired": "expired", "not yet in force": "not-yet"}.get(
                    agreement.state(request.day), "incomplete"
                )
                yield why, (agreement, clause), sentences.not_in_force(request, agreement, request.day)
        for agreement in self.in_force(request.day):
            for code in agreement.joined.get(request.actor.kind, ())[:1]:
                if found := self._permits(best, actor=replace(request.actor, organisation=code)):
                    yield "not-joined", found, sentences.not_joined(request, agreement)
        others = {each: found for each in words.purposes if (found := self._permits(best, purpose=each))}
        usual = words.roles[request.actor.role].purpose
        others = {
            each: found
            for each, found in others.items()
            if each == usual or not (words.purposes[each].loud or words.purposes[each].own)
        }
        if others:
            found = next(iter(others.values()))
            yield "purpose", found, sentences.other_purpose(request, others, found[0])
        roles = {
            role: found
            for role, kind in words.placements()
            if kind == request.actor.kind
            and (found := self._permits(best, actor=replace(request.actor, role=role)))
        }
        if roles:
            found = next(iter(roles.values()))
            yield "role", found, sentences.other_role(request, roles, found[0])
        near = [
            each
            for each in words.items[request.item].near
            if self._permits(best, item=each, shared=frozenset())
        ]
        yield "no-agreement", None, sentences.no_agreement(request, near)


def _about(clause: Clause, request: Request) -> bool:
    return (
        request.actor.role in clause.roles
        and request.actor.kind in clause.organisations
        and request.action in clause.actions
        and request.item in clause.items
        and request.purpose in clause.purposes
    )


def _gateway(agreement: Agreement, request: Request) -> str:
    """The power or duty that serves the purpose: the first that the agreement names."""
    return next(
        (
            each.id
            for each in agreement.gateways
            if each.kind in ("power", "duty") and each.serves(request.purpose)
        ),
        agreement.gateways[0].id,
    )


def _cedar(request: Request) -> dict[str, Any]:
    return {
        "principal": _entity("Role", request.actor.role),
        "action": _entity("Action", request.action),
        "resource": _entity("Item", request.item),
        "context": {
            "kind": {"__entity": _entity("Kind", request.actor.kind)},
            "organisation": request.actor.organisation,
            "purpose": {"__entity": _entity("Purpose", request.purpose)},
            "day": number_of(request.day),
            "ties": _many("Tie", request.ties),
            "shared": _many("Item", request.shared),
            "consents": sorted(request.consents),
            "objections": sorted(request.objections),
            "withheld": _many("Item", request.withheld),
            "moved_out": request.moved_out,
        },
    }


def _entity(kind: str, key: str) -> dict[str, str]:
    return {"type": kind, "id": key}


def _many(kind: str, keys: Iterable[str]) -> list[dict[str, dict[str, str]]]:
    return [{"__entity": _entity(kind, key)} for key in sorted(keys)]


def _placeless(parts: Iterable[str], agreements: Iterable[Agreement]) -> list[str]:
    """Without the places of files: the same agreements elsewhere have the same fingerprint."""
    paths = [each.path for each in agreements]
    cleaned = []
    for part in parts:
        for path in paths:
            part = part.replace(repr(path), "''")
        cleaned.append(part)
    return cleaned
