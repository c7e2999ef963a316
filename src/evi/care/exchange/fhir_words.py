"""The addresses and the pairs of codes that our FHIR documents use, in both directions."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from evi.care.exchange.profile import rules
from evi.sharing.vocabulary import vocabulary
from evi.workspace.declared import read_yaml

PASSPORT, NEED, REVIEW = "needs-passport", "support-need", "support-review"
_FORMS = Path(__file__).parent / "questionnaires.yaml"

GENDER = {"M": "male", "F": "female", "I": "other", "": "unknown"}
"""Sex as a record has it, and FHIR's administrative gender; anything else is unknown."""

ACTION_STATUS = {
    "planned": "not-started",
    "under-way": "in-progress",
    "done": "completed",
    "stopped": "stopped",
}
GOAL_STATUS = {
    "working": ("active", "in-progress"),
    "partly": ("active", "improving"),
    "met": ("completed", "achieved"),
    "dropped": ("cancelled", "not-attainable"),
}
"""An outcome's status: FHIR's lifecycle status and achievement status."""
PLAN_STATUS = {"open": "active", "closed": "completed"}


def canonical(*parts: str) -> str:
    """An address of ours, such as `canonical("Questionnaire", "needs-passport")`."""
    return "/".join([rules()["canonical"], *parts])


def system(name: str) -> str:
    """The address of a system of identifiers or codes that is not ours."""
    return str(rules()["systems"][name])


def profile(kind: str) -> str:
    """The UK Core profile of a kind of resource; '' if it has none."""
    return str(rules()["resources"].get(kind, {}).get("profile", ""))


def urn(*parts: str) -> str:
    """The full address of an entry: the same parts always give the same."""
    return f"urn:uuid:{uuid5(NAMESPACE_URL, canonical(*parts))}"


def backwards(pairs: dict[str, Any]) -> dict[Any, str]:
    """The pairs the other way round."""
    return {value: key for key, value in pairs.items()}


@cache
def form(name: str) -> dict[str, Any]:
    """A form as it is declared, the passport's with a line for each section of the vocabulary."""
    found: dict[str, Any] = dict(read_yaml(_FORMS)[name])
    if name == PASSPORT:
        sections = [
            {"id": key.removeprefix("passport."), "text": item.title, "type": "text"}
            for key, item in vocabulary().items.items()
            if key.startswith("passport.")
        ]
        found["items"] = [*sections, *found["items"]]
    return found


def form_address(name: str) -> str:
    """The canonical address of a form with its version, as an answer quotes it."""
    return f"{canonical('Questionnaire', name)}|{form(name)['version']}"
