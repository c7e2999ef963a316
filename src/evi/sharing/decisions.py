"""Who may do what with which part of what is known of a child: permit or refuse, with a reason.

A question holds what is known of the child as facts, and not the child: few questions differ, so each is
decided once. The decision is Cedar's; so is the explanation of a refusal (`evi.sharing.refusals`).

The one path from agreements to a decision is `Door`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path

from evi.sharing import sentences
from evi.sharing.agreement import Agreement
from evi.sharing.agreements import load_agreements
from evi.sharing.compiling import cedar_schema, compile_policies, number_of
from evi.sharing.conditions import Condition
from evi.sharing.engine import Engine
from evi.sharing.gateways import Gateway, load_gateways
from evi.sharing.question import Actor, Request
from evi.sharing.refusals import Covering, reasons
from evi.sharing.residual import residual_of
from evi.sharing.vocabulary import vocabulary
from evi.workspace import EviError

__all__ = ["Actor", "Decision", "Door", "Request"]

REMEMBERED = 65_536
"""Decisions kept in memory: a district's people ask fewer different questions in a day."""


@dataclass(frozen=True)
class Decision:
    """The answer.

    Attributes:
        agreement, clause, gateway: what decided; of a refusal what would have covered it, or empty.
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
        """Whether an entry with this event code is open; one without a code only where nothing limits."""
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
        self.clauses = {
            f"{agreement.name}/{clause.id}": (agreement, clause)
            for agreement in self.agreements
            for clause in agreement.clauses
        }
        """Every clause with its agreement, by the id of its policy."""
        self._engine = Engine(self.agreements)
        self._named = {code for each in self.agreements for codes in each.joined.values() for code in codes}
        self._decided = lru_cache(maxsize=REMEMBERED)(self._decide)
        self._left = lru_cache(maxsize=REMEMBERED)(residual_of(self.policies).left)

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
        return cls(agreements, gateways, hashlib.sha256("\0".join(parts).encode()).hexdigest())

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
        code = actor.organisation if actor.organisation in self._named else ""
        return self._left(actor.role, actor.kind, code, action, item, purpose, number_of(day))

    def decide(self, request: Request) -> Decision:
        """The decision. Organisations that no agreement names share one, so that few are worked out.

        Raises:
            EviError: the request holds a word that the vocabulary doesn't.
        """
        actor = request.actor
        if actor.organisation and actor.organisation not in self._named:
            request = replace(request, actor=Actor(actor.role, "", actor.kind))
        return self._decided(request)

    def _decide(self, request: Request) -> Decision:
        found = self.permitting(request)
        if not found:
            why, covering, sentence = next(reasons(self, request))
            if covering is None:
                return Decision(False, "", "", "", sentence, why)
            agreement, clause = covering
            return Decision(False, agreement.name, clause.id, _gateway(agreement, request), sentence, why)
        agreement, clause = found[0]
        limits = [clause.event_codes for _, clause in found]
        codes = tuple(sorted({code for each in limits for code in each})) if all(limits) else ()
        sentence = sentences.permitted(request, agreement, clause)
        gateway = _gateway(agreement, request)
        return Decision(True, agreement.name, clause.id, gateway, sentence, "clause", codes)

    def permitting(self, request: Request) -> list[Covering]:
        """The clauses that permit it, in the order of agreements; none if it is refused.

        Raises:
            EviError: the request holds a word that the vocabulary doesn't.
        """
        ids = self._engine.permitting(request)
        return [found for each, found in self.clauses.items() if each in ids]


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
