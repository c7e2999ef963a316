"""What of the policies is left to ask of a child, once it is known who asks, for what, and on which day.

Lists can't ask the engine about each child in turn. So the same Cedar policies that decide are read once
more: everything that is known is folded in, and what is left is a small tree over the child's facts, which
`evi.care.door.querying` turns into one database query. A test holds the two against each other on random
worlds. Only the few operators that `compiling` writes are understood; any other stops the door from opening.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NoReturn

import cedarpy

from evi.sharing.conditions import (
    NO,
    YES,
    Condition,
    Consented,
    HasTie,
    IsWithheld,
    Known,
    MovedOut,
    Objected,
    Shared,
    all_of,
    any_of,
    negated,
)
from evi.workspace import EviError

LIST = "list of words"
WHO = frozenset({"principal", "kind", "organisation"})
"""What is known of the person who asks, before it is known for what."""


@dataclass(frozen=True)
class Clause:
    """A condition of a policy: `when` (or else `unless`), its body in Cedar's JSON, the names it reads."""

    when: bool
    body: Any
    reads: frozenset[str]


@dataclass(frozen=True)
class Policy:
    """A policy as parsed: permit or forbid, its actions (None for all), and its conditions."""

    id: str
    permits: bool
    actions: frozenset[str] | None
    conditions: tuple[Clause, ...]


class Parsed:
    """All policies, ready to be folded."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        self.policies = tuple(policies)
        self._bearing_on = cache(self._find)

    def left(
        self, role: str, kind: str, organisation: str, action: str, item: str, purpose: str, day: int
    ) -> Condition:
        """Permitted by one, and forbidden by none."""
        who = {"principal": role, "kind": kind, "organisation": organisation}
        known = {**who, "resource": item, "purpose": purpose, "day": day}
        permits: list[Condition] = []
        forbids: list[Condition] = []
        for policy in self._bearing_on(action, **who):
            (permits if policy.permits else forbids).append(_applies(policy, known))
        return all_of([any_of(permits), *(negated(each) for each in forbids)])

    def _find(self, action: str, **who: str) -> list[Policy]:
        """Policies that can bear on an action of somebody: the others' conditions on who asks are false."""
        return [
            policy
            for policy in self.policies
            if (policy.actions is None or action in policy.actions)
            and all(_holds(each, who) != NO for each in policy.conditions if each.reads and each.reads <= WHO)
        ]


def residual_of(policies: str) -> Parsed:
    """Read Cedar text.

    Raises:
        EviError: it holds an operator or a scope that can't be folded.
    """
    table = json.loads(cedarpy.policies_to_json_str(policies))["staticPolicies"]
    parsed = Parsed(_policy(row) for row in table.values())
    anything = dict.fromkeys((*WHO, "resource", "purpose"), "") | {"day": 0}
    for policy in parsed.policies:
        for condition in policy.conditions:
            _every_branch(condition.body, anything)
    return parsed


def _policy(row: Mapping[str, Any]) -> Policy:
    name = row.get("annotations", {}).get("id", "a policy")
    if row["principal"] != {"op": "All"} or row["resource"] != {"op": "All"}:
        raise EviError("a policy names its principal or resource in its head.", where=name)
    scope = row["action"]
    listed = None if scope["op"] == "All" else scope.get("entities") or [scope["entity"]]
    return Policy(
        id=name,
        permits=row["effect"] == "permit",
        actions=None if listed is None else frozenset(each["id"] for each in listed),
        conditions=tuple(
            Clause(each["kind"] == "when", _listed(each["body"]), frozenset(_read(each["body"])))
            for each in row["conditions"]
        ),
    )


def _listed(node: Any) -> Any:
    """The same tree, its sets of plain words made ready: they are most of a policy."""
    if isinstance(node, list):
        return [_listed(each) for each in node]
    if not isinstance(node, dict):
        return node
    if all("Value" in each for each in node.get("Set", [{}])):
        return {LIST: frozenset(_value(each, {}) for each in node["Set"])}
    return {key: _listed(value) for key, value in node.items()}


def _read(node: Any) -> Iterator[str]:
    """The names that a condition reads: variables, and attributes of the context."""
    if isinstance(node, list):
        yield from (name for each in node for name in _read(each))
    elif isinstance(node, dict):
        yield from ([node["attr"]] if "attr" in node else [])
        yield from ([node["Var"]] if node.get("Var", "context") != "context" else [])
        yield from (name for each in node.values() for name in _read(each))


def _holds(condition: Clause, known: Mapping[str, Any]) -> Condition:
    part = _fold(condition.body, known)
    return part if condition.when else negated(part)


def _applies(policy: Policy, known: Mapping[str, Any]) -> Condition:
    parts = []
    for condition in policy.conditions:
        part = _holds(condition, known)
        if part == NO:
            return NO
        parts.append(part)
    return all_of(parts)


def _fold(node: Any, known: Mapping[str, Any]) -> Condition:
    operator, body = next(iter(node.items()))
    if operator == "&&":
        left = _fold(body["left"], known)
        return NO if left == NO else all_of([left, _fold(body["right"], known)])
    if operator == "||":
        left = _fold(body["left"], known)
        return YES if left == YES else any_of([left, _fold(body["right"], known)])
    if operator == "!":
        return negated(_fold(body["arg"], known))
    if operator in COMPARES:
        return Known(COMPARES[operator](_value(body["left"], known), _value(body["right"], known)))
    if operator == ".":
        return FACTS[_fact(node)](frozenset()) if _fact(node) else _not_understood(operator)
    if operator in ("contains", "containsAny"):
        fact = _fact(body["left"])
        wanted = _value(body["right"], known)
        if fact:
            return FACTS[fact](wanted if isinstance(wanted, frozenset) else frozenset({wanted}))
        if operator == "contains":
            return Known(wanted in _value(body["left"], known))
    return _not_understood(operator)


def _fact(node: Mapping[str, Any]) -> str:
    """The name of the child's fact that a node reads; empty if it reads none."""
    name = str(node.get(".", {}).get("attr", ""))
    return name if name in FACTS else ""


def _not_understood(operator: str) -> NoReturn:
    raise EviError(
        f"a policy uses “{operator}” in a way that lists can't be filtered by.",
        where="the compiled agreements",
        do="Write it with what evi.sharing.residual understands, or teach that to understand it.",
    )


def _value(node: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    operator, body = next(iter(node.items()))
    if operator == LIST:
        return body
    if operator == "Var" and body in known:
        return known[body]
    if operator == "." and body["left"] == {"Var": "context"} and body["attr"] in known:
        return known[body["attr"]]
    if operator == "Set":
        return frozenset(_value(each, known) for each in body)
    if operator == "Value":
        return body["__entity"]["id"] if isinstance(body, dict) else body
    return _not_understood(operator)


def _every_branch(node: Any, known: Mapping[str, Any]) -> None:
    """Fold each branch on its own, so that none hides behind one that is false."""
    operator, body = next(iter(node.items()))
    if operator in ("&&", "||"):
        _every_branch(body["left"], known)
        _every_branch(body["right"], known)
    else:
        _fold(node, known)


COMPARES: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": lambda left, right: bool(left == right),
    "<": lambda left, right: bool(left < right),
    ">=": lambda left, right: bool(left >= right),
}
FACTS: Mapping[str, Callable[[frozenset[str]], Condition]] = {
    "ties": HasTie,
    "shared": lambda items: any_of(Shared(item) for item in items),
    "consents": Consented,
    "objections": Objected,
    "withheld": lambda items: any_of(IsWithheld(item) for item in items),
    "moved_out": lambda _: MovedOut(),
}
