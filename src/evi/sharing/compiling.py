"""Agreements into Cedar: one policy a clause, under a schema in which every word is of the vocabulary.

Cedar refuses silently where a policy meets a word or a type that it doesn't expect, so nothing is compiled
without being validated strictly, and every request is checked against the same schema.

The facts of a child stand in the request's context (`ties`, `shared`, `consents`, `objections`, `withheld`,
`moved_out`): the policies need no entity, and a decision holds no child.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date

import cedarpy

from evi.sharing.agreement import Agreement, Clause
from evi.sharing.vocabulary import Vocabulary, vocabulary
from evi.workspace import EviError

ALWAYS = "always"
WITHHELD, MOVED_OUT = f"{ALWAYS}/withheld", f"{ALWAYS}/moved-out"
ALL, OPT_OUT = "all", "opt-out"


def number_of(day: date) -> int:
    """A day as policies compare it: 20260901 is the first of September 2026."""
    return day.year * 10_000 + day.month * 100 + day.day


def cedar_schema() -> str:
    """The schema: what there is to name, and what a request must tell."""
    words = vocabulary()
    enums = {
        "Role": words.roles,
        "Kind": words.organisations,
        "Item": words.items,
        "Purpose": words.purposes,
        "Tie": words.relationships,
    }
    lines = [f"entity {name} enum {_strings(keys)};" for name, keys in enums.items()]
    return "\n".join(
        [
            *lines,
            "type Asked = { kind: Kind, organisation: String, purpose: Purpose, day: Long, ties: Set<Tie>, "
            "shared: Set<Item>, consents: Set<String>, objections: Set<String>, withheld: Set<Item>, "
            "moved_out: Bool };",
            f"action {', '.join(json.dumps(key) for key in words.actions)} "
            "appliesTo { principal: Role, resource: Item, context: Asked };",
        ]
    )


def compile_policies(agreements: Iterable[Agreement]) -> str:
    """The Cedar text of all agreements that can permit anything, with what is always forbidden.

    Raises:
        EviError: the text breaks the schema (which a checked agreement can't make it do).
    """
    text = written(agreements)
    validate(text)
    return text


def written(agreements: Iterable[Agreement], kind: str = "", role: str = "", action: str = "") -> str:
    """The text without validation: all, or what can bear on one kind of organisation, role and action."""
    policies = [
        policy
        for agreement in agreements
        for clause, policy in compile_agreement(agreement)
        if (not kind or kind in clause.organisations)
        and (not role or role in clause.roles)
        and (not action or action in clause.actions)
    ]
    return "\n\n".join([*_always(), *policies])


def validate(policies: str) -> None:
    """Hold Cedar text against the schema, strictly.

    Raises:
        EviError: the first mistake.
    """
    result = cedarpy.validate_policies(policies, cedar_schema())
    if not result.validation_passed:
        raise EviError(
            f"a policy breaks the schema: {result.errors[0].error}.",
            where="the compiled agreements",
            do="Nothing is decided until it is put right.",
        )


def compile_agreement(agreement: Agreement) -> list[tuple[Clause, str]]:
    """Each clause with its policy; none if the agreement can't permit anything on any day."""
    if agreement.window is None:
        return []
    days = "context.day >= {} && context.day < {}".format(*map(number_of, agreement.window))
    return [(clause, _clause(agreement, clause, days)) for clause in agreement.clauses]


def _clause(agreement: Agreement, clause: Clause, days: str) -> str:
    words = vocabulary()
    whens = [
        f"{_entities('Role', clause.roles)}.contains(principal)",
        _organisations(agreement, clause),
        f"{_entities('Item', clause.items)}.contains(resource)",
        f"{_entities('Purpose', clause.purposes)}.contains(context.purpose)",
        days,
    ]
    if clause.relationships:
        whens.append(_ties(words, clause.relationships))
    if clause.consent_needed:
        whens.append(f"context.consents.containsAny({_strings((ALL, agreement.name))})")
    stops = [ALL, agreement.name] if agreement.honours("objection") else []
    stops += [OPT_OUT] if agreement.honours("opt-out") else []
    others = [purpose for purpose in clause.purposes if not words.purposes[purpose].own]
    unless = ""
    if stops and others:
        stopped = f"context.objections.containsAny({_strings(stops)})"
        unless = f"\nunless {{ {_entities('Purpose', others)}.contains(context.purpose) && {stopped} }}"
    name = json.dumps(f"{agreement.name}/{clause.id}")
    head = f"@id({name})\npermit (principal, {_actions(clause.actions)}, resource)"
    return head + "".join(f"\nwhen {{ {when} }}" for when in whens) + unless + ";"


def _always() -> list[str]:
    words = vocabulary()
    ended = [key for key, action in words.actions.items() if not action.after_move]
    return [
        f'@id("{WITHHELD}")\nforbid (principal, action, resource)\n'
        "when { context.withheld.contains(resource) };",
        f'@id("{MOVED_OUT}")\nforbid (principal, {_actions(ended)}, resource)\nwhen {{ context.moved_out }};',
    ]


def _ties(words: Vocabulary, relationships: Iterable[str]) -> str:
    named = [each for each in relationships if words.relationships[each].only_named_items]
    plain = [each for each in relationships if each not in named]
    anyway = _entities("Item", [key for key, item in words.items.items() if item.with_every_share])
    parts = [f"context.ties.containsAny({_entities('Tie', plain)})"] if plain else []
    parts += [
        f"(context.ties.contains(Tie::{json.dumps(each)}) && "
        f"(context.shared.contains(resource) || {anyway}.contains(resource)))"
        for each in named
    ]
    return " || ".join(parts)


def _organisations(agreement: Agreement, clause: Clause) -> str:
    joined = agreement.joined
    every = [kind for kind in clause.organisations if not joined.get(kind)]
    parts = [f"{_entities('Kind', every)}.contains(context.kind)"] if every else []
    parts += [
        f"(context.kind == Kind::{json.dumps(kind)} && "
        f"{_strings(joined[kind])}.contains(context.organisation))"
        for kind in clause.organisations
        if joined.get(kind)
    ]
    return " || ".join(parts)


def _actions(actions: Iterable[str]) -> str:
    return f"action in {_entities('Action', actions)}"


def _entities(kind: str, keys: Iterable[str]) -> str:
    return "[" + ", ".join(f"{kind}::{json.dumps(key)}" for key in keys) + "]"


def _strings(keys: Iterable[str]) -> str:
    return "[" + ", ".join(json.dumps(key) for key in keys) + "]"
