"""A slow, obvious reading of agreements straight from what their files say, to hold the engine against.

It shares no code with the engine: it reads the YAML of the words and gateways itself, and goes through every
clause of every agreement with plain questions.
"""

from __future__ import annotations

from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

import evi.sharing
from evi.sharing.question import Request

HERE = Path(evi.sharing.__path__[0])
WORDS = {path.stem: yaml.safe_load(path.read_text()) for path in (HERE / "vocabulary").glob("*.yaml")}
GATEWAYS = {
    row["id"]: row for path in (HERE / "gateways").glob("*.yaml") for row in yaml.safe_load(path.read_text())
}
STEPS = yaml.safe_load((HERE / "steps.yaml").read_text())


def example_tables() -> list[dict[str, Any]]:
    """The shipped agreements as their files say them."""
    return [yaml.safe_load(path.read_text()) for path in sorted((HERE / "examples").glob("*.yaml"))]


def permitting(tables: list[dict[str, Any]], request: Request) -> list[str]:
    """The clauses that permit a request, as name/clause."""
    if request.item in request.withheld:
        return []
    if request.moved_out and request.action in ("contribute", "share", "invite", "release"):
        return []
    found = []
    for table in tables:
        if not holds(table, request.day):
            continue
        clauses = [clause for clause in table["clauses"] if clause_permits(table, clause, request)]
        found += [f"{table['name']}/{clause['id']}" for clause in clauses]
    return found


def holds(table: dict[str, Any], day: date) -> bool:
    """Whether everyone has signed, every step is answered, every gateway is on, and the day is right."""
    for party in table["parties"]:
        if party["kind"] == "family":
            continue
        if "signed" not in party or as_day(party["signed"]["day"]) > day:
            return False
    if any(not (table["steps"].get(step) or "").strip() for step in STEPS):
        return False
    for name in table["gateways"]:
        gateway = GATEWAYS[name]
        if not gateway["switched_on"] or not gateway["in_force_from"]:
            return False
        if as_day(gateway["in_force_from"]) > day:
            return False
        if "in_force_until" in gateway and as_day(gateway["in_force_until"]) <= day:
            return False
    return as_day(table["start"]) <= day < as_day(table["end"])


def clause_permits(table: dict[str, Any], clause: dict[str, Any], request: Request) -> bool:
    """Whether one clause of an agreement that holds permits a request."""
    actor = request.actor
    if actor.role not in clause["roles"] or actor.kind not in clause["organisations"]:
        return False
    if not joined(table, actor.kind, actor.organisation):
        return False
    if request.action not in clause["actions"]:
        return False
    if not any(fnmatchcase(request.item, pattern) for pattern in clause["items"]):
        return False
    if request.purpose not in clause.get("purposes", table["purposes"]):
        return False
    if clause["relationships"] != "none-needed" and not tied(clause["relationships"], request):
        return False
    if clause["consent"] == "needed" and not ({"all", table["name"]} & request.consents):
        return False
    if not WORDS["purposes"][request.purpose].get("own"):
        if honours(table, "objection") and ({"all", table["name"]} & request.objections):
            return False
        if honours(table, "opt-out") and "opt-out" in request.objections:
            return False
    return True


def joined(table: dict[str, Any], kind: str, organisation: str) -> bool:
    """Whether an organisation takes part (families always do, so far as clauses are about them)."""
    of_kind = [party for party in table["parties"] if party["kind"] == kind]
    if not of_kind:
        return kind == "family"
    return any("organisations" not in party or organisation in party["organisations"] for party in of_kind)


def tied(relationships: list[str], request: Request) -> bool:
    """Whether one of the relationships is there; a share covers what it names, and who the child is."""
    for relationship in relationships:
        if relationship in request.ties:
            if relationship != "shared-with":
                return True
            if request.item in request.shared or request.item == "identity":
                return True
    return False


def honours(table: dict[str, Any], wish: str) -> bool:
    """Whether an objection or the opt-out stops an agreement."""
    if wish in table.get("also_honours", []):
        return True
    says = [GATEWAYS[name]["objection" if wish == "objection" else "opt_out"] for name in table["gateways"]]
    return "honoured" in says and "overrides" not in says


def as_day(value: Any) -> date:
    """A day, whether YAML has read it as one or as text."""
    return value if isinstance(value, date) else date.fromisoformat(value)
