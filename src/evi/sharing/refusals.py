"""Why a question was refused, and what would open the door.

The engine is asked again with facts changed: what is in the way is what, once taken away, lets it permit. So
an explanation can't say what the policies don't. Whoever has no tie with a child is told what they would be
told of any child, whatever is known of this one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

from evi.sharing import sentences
from evi.sharing.agreement import Agreement, Clause
from evi.sharing.compiling import ALL, OPT_OUT
from evi.sharing.question import NOTHING, Request
from evi.sharing.vocabulary import vocabulary

Covering = tuple[Agreement, Clause]
Reason = tuple[str, Covering | None, str]
EVERYONE = frozenset({ALL})
STATES = {"expired": "expired", "not yet in force": "not-yet", "incomplete": "incomplete"}


class Engine(Protocol):
    """What answers the questions: `evi.sharing.decisions.Door`."""

    @property
    def agreements(self) -> tuple[Agreement, ...]:
        """All agreements, in their order."""

    @property
    def clauses(self) -> Mapping[str, Covering]:
        """Every clause with its agreement, by the id of its policy."""

    def permitting(self, request: Request) -> list[Covering]:
        """The clauses that permit it."""


def reasons(engine: Engine, request: Request) -> Iterator[Reason]:
    """Every reason that holds, the nearest to a permission first: a code, what would cover it, a sentence."""
    yield from _of_this_child(engine, request)
    bare = Request(request.actor, request.action, request.item, request.purpose, request.day)
    own = replace(bare, ties=request.ties, shared=request.shared, consents=EVERYONE)
    yield from _not_in_force(engine, own)
    yield from _not_joined(engine, own)
    yield from _no_relationship(engine, bare)
    best = replace(
        bare,
        ties=frozenset(vocabulary().relationships),
        shared=frozenset({request.item}),
        consents=EVERYONE,
    )
    yield from _not_in_force(engine, best)
    yield from _not_joined(engine, best)
    yield from _other_purpose(engine, best)
    yield from _other_role(engine, best)
    near = vocabulary().items[request.item].near
    exceptions = [each for each in near if _covering(engine, best, item=each, shared=NOTHING)]
    yield "no-agreement", None, sentences.no_agreement(request, exceptions)


def _of_this_child(engine: Engine, request: Request) -> Iterator[Reason]:
    """What is in the way, taken away one after the other; the last one taken is the reason."""
    opted = request.objections - {OPT_OUT}
    steps: tuple[tuple[str, dict[str, Any]], ...] = (
        ("withheld", {"withheld": NOTHING}),
        ("moved-out", {"moved_out": False}),
        ("opt-out", {"objections": opted}),
        ("objection", {"objections": NOTHING}),
        ("consent-needed", {"consents": EVERYONE}),
    )
    for why, change in steps:
        before, request = request, replace(request, **change)
        if request != before and (found := _covering(engine, request)):
            yield why, None if why == "withheld" else found, SAID[why](request, found[0])


def _no_relationship(engine: Engine, bare: Request) -> Iterator[Reason]:
    kind, item = bare.actor.kind, frozenset({bare.item})
    anybody = frozenset(vocabulary().relationships)
    if not _covering(engine, bare, ties=anybody, shared=item, consents=EVERYONE):
        return
    ties = [tie for tie, each in vocabulary().relationships.items() if not each.kinds or kind in each.kinds]
    ways = [
        {
            tie: found
            for tie in ties
            if (found := _covering(engine, bare, ties={tie}, shared=item, consents=said))
        }
        for said in (NOTHING, EVERYONE)
    ]
    if ways[1]:
        first = next(iter((ways[0] or ways[1]).values()))
        later = [tie for tie in ways[1] if tie not in ways[0]]
        yield "no-relationship", first, sentences.no_relationship(bare, ways[0], later, first[0])


def _not_in_force(engine: Engine, asked: Request) -> Iterator[Reason]:
    for agreement, clause in engine.clauses.values():
        state = agreement.state(asked.day)
        tied = not clause.relationships or asked.ties.intersection(clause.relationships)
        if state in STATES and tied and _about(clause, asked):
            yield STATES[state], (agreement, clause), sentences.not_in_force(asked, agreement, asked.day)


def _not_joined(engine: Engine, asked: Request) -> Iterator[Reason]:
    for agreement in engine.agreements:
        for code in agreement.joined.get(asked.actor.kind, ())[:1]:
            if found := _covering(engine, asked, actor=replace(asked.actor, organisation=code)):
                yield "not-joined", found, sentences.not_joined(asked, found[0])


def _likely_purposes(role: str) -> list[str]:
    """Purposes that a person of a role may have: not an emergency, and not a family's own."""
    words = vocabulary()
    usual = words.roles[role].purpose
    return [key for key, each in words.purposes.items() if key == usual or not (each.loud or each.own)]


def _other_purpose(engine: Engine, best: Request) -> Iterator[Reason]:
    likely = _likely_purposes(best.actor.role)
    others = {each: found for each in likely if (found := _covering(engine, best, purpose=each))}
    if others:
        first = next(iter(others.values()))
        yield "purpose", first, sentences.other_purpose(best, others, first[0])


def _other_role(engine: Engine, best: Request) -> Iterator[Reason]:
    """Other roles of the same kind of organisation, for the same purpose or else for one of their own."""
    actor = best.actor
    likely = [role for role, where in vocabulary().placements() if where == actor.kind]
    for purpose in dict.fromkeys([best.purpose, *_likely_purposes(actor.role)]):
        others = {
            role: found
            for role in likely
            if (found := _covering(engine, best, actor=replace(actor, role=role), purpose=purpose))
        }
        if others:
            first = next(iter(others.values()))
            yield "role", first, sentences.other_role(best, others, purpose, first[0])


def _covering(engine: Engine, request: Request, **changes: Any) -> Covering | None:
    """The first clause that would permit the changed question."""
    if "ties" in changes:
        changes["ties"] = frozenset(changes["ties"])
    return next(iter(engine.permitting(replace(request, **changes))), None)


def _about(clause: Clause, request: Request) -> bool:
    return (
        request.actor.role in clause.roles
        and request.actor.kind in clause.organisations
        and request.action in clause.actions
        and request.item in clause.items
        and request.purpose in clause.purposes
    )


SAID = {
    "withheld": lambda request, _: sentences.withheld(request),
    "moved-out": lambda request, _: sentences.moved_out(request),
    "opt-out": sentences.opted_out,
    "objection": sentences.objected,
    "consent-needed": sentences.consent_needed,
}
