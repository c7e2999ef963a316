"""Cedar asked one question: which policies permit it.

Each question is put to the policies that can bear on its role, kind of organisation and action; the others'
conditions are false whatever else holds. A test holds this against a reading of every clause.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import cedarpy

from evi.sharing.agreement import Agreement
from evi.sharing.compiling import cedar_schema, number_of, written
from evi.sharing.question import Request
from evi.workspace import EviError

NOBODY: frozenset[str] = frozenset()


class Engine:
    """The policies of some agreements, parsed as they are needed and kept."""

    def __init__(self, agreements: tuple[Agreement, ...]) -> None:
        self._agreements = agreements
        self._parsed: dict[tuple[str, str, str], cedarpy.PolicySet] = {}
        self._schema = cedarpy.Schema.from_str(cedar_schema())
        self._entities = cedarpy.Entities.from_json_str("[]")

    def permitting(self, request: Request) -> frozenset[str]:
        """The ids of the policies that permit it; none if it is refused.

        Raises:
            EviError: the request holds a word that the vocabulary doesn't, or a policy fails.
        """
        who = request.actor
        policies = self._bearing_on((who.kind, who.role, request.action))
        result = cedarpy.is_authorized(_cedar(request), policies, self._entities, self._schema)
        if result.diagnostics.errors or result.decision == cedarpy.Decision.NoDecision:
            raise EviError(
                "a question to the door uses a word or a type that the vocabulary doesn't have.",
                where=f"{who.role} at {who.kind}: {request.action} {request.item} ({request.purpose})",
                do="Correct the code or the data that asked.",
            )
        if not result.allowed:
            return NOBODY
        named = result.diagnostics.id_annotations_by_reason
        return frozenset(str(named[each]) for each in result.diagnostics.reasons)

    def _bearing_on(self, about: tuple[str, str, str]) -> cedarpy.PolicySet:
        if about not in self._parsed:
            self._parsed[about] = cedarpy.PolicySet.from_str(written(self._agreements, *about))
        return self._parsed[about]


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
