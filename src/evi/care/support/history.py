"""The history of a plan as a person reads it: who changed what from what to what, newest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evi.care.accounts.models import Membership
from evi.care.support.catalogue import areas, offers
from evi.care.support.models import Action, Finding, Need, Outcome, Plan, Version

WORDS = {
    "area": gettext_lazy("Area"),
    "text": gettext_lazy("What"),
    "strengths": gettext_lazy("Strengths and what helps already"),
    "view": gettext_lazy("Whose view"),
    "status": gettext_lazy("How it stands"),
    "measure": gettext_lazy("How we will know"),
    "baseline": gettext_lazy("Where it is now"),
    "target": gettext_lazy("Where we want to get to"),
    "by_when": gettext_lazy("By when"),
    "what": gettext_lazy("What will be done"),
    "who": gettext_lazy("Who"),
    "who_name": gettext_lazy("Who"),
    "how_often": gettext_lazy("How often"),
    "offer": gettext_lazy("Offer"),
    "start": gettext_lazy("First day"),
    "until": gettext_lazy("Last day"),
    "review_due": gettext_lazy("Next review"),
    "closed_why": gettext_lazy("Why it was closed"),
    "held_on": gettext_lazy("Held on"),
    "summary": gettext_lazy("What was agreed"),
    "who_came": gettext_lazy("Who came"),
    "child_view": gettext_lazy("What the child said"),
    "family_view": gettext_lazy("What the family said"),
    "next_due": gettext_lazy("Next review"),
    "findings": gettext_lazy("What was tried"),
}
"""What each field is called; a field that is not here is not for a reader."""
KINDS = {
    "plan": gettext_lazy("Plan"),
    "need": gettext_lazy("Need"),
    "outcome": gettext_lazy("Goal"),
    "action": gettext_lazy("Action"),
    "review": gettext_lazy("Review"),
}
_CHOICES: dict[tuple[str, str], Any] = {
    ("need", "view"): Need.View,
    ("need", "status"): Need.Status,
    ("outcome", "status"): Outcome.Status,
    ("action", "status"): Action.Status,
    ("plan", "status"): Plan.Status,
}
_DAYS = {"by_when", "start", "until", "review_due", "held_on", "next_due"}


@dataclass(frozen=True)
class Difference:
    """One field, before and after; `before` is empty where there was nothing."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Step:
    """What one revision did to one part."""

    version: Version
    kind: str
    new: bool
    title: str
    differences: tuple[Difference, ...] = field(default=())


def history(plan: Plan) -> list[Step]:
    """Every step of a plan, newest first, in two queries."""
    versions = list(plan.versions.select_related("by__user", "by__organisation").order_by("revision", "pk"))
    names = _names(versions)
    before: dict[str, dict[str, Any]] = {}
    steps = []
    for version in versions:
        old = before.get(version.part)
        steps.append(_step(version, old, names))
        before[version.part] = version.state
    return steps[::-1]


def since(versions: Iterable[Version]) -> list[Step]:
    """What versions of one part say, each against the one before: for whoever was overtaken."""
    found = list(versions)
    names = _names(found)
    steps = []
    for version in found:
        earlier = Version.objects.filter(
            plan=version.plan_id, part=version.part, revision__lt=version.revision
        )
        last = earlier.order_by("-revision").first()
        steps.append(_step(version, last.state if last else None, names))
    return steps


def state_at(plan: Plan, revision: int) -> dict[str, dict[str, Any]]:
    """Every part of a plan as it stood after a revision, by public id."""
    return {
        version.part: {"kind": version.kind, **version.state}
        for version in plan.versions.filter(revision__lte=revision).order_by("revision", "pk")
    }


def _step(version: Version, old: Mapping[str, Any] | None, names: Mapping[int, str]) -> Step:
    differences = []
    for name, label in WORDS.items():
        if name not in version.state or (old is not None and old.get(name) == version.state[name]):
            continue
        before = _said(version.kind, name, old.get(name) if old else None, names)
        after = _said(version.kind, name, version.state[name], names)
        if before or after:
            differences.append(Difference(str(label), before, after))
    title = next((version.state[name] for name in ("what", "text") if version.state.get(name)), "")
    return Step(version, str(KINDS[version.kind]), old is None, title, tuple(differences))


def _said(kind: str, name: str, value: Any, names: Mapping[int, str]) -> str:
    if value in (None, "", []):
        return ""
    if name == "who":
        return names.get(value, _("Somebody who is not known here any more"))
    if name == "findings":
        return "\n".join(_finding(each) for each in value)
    if name == "area":
        return areas()[value].title if value in areas() else str(value)
    if name == "offer":
        return offers()[value].title if value in offers() else str(value)
    if name in _DAYS:
        return formats.date_format(date.fromisoformat(value), "j F Y")
    choices = _CHOICES.get((kind, name))
    return str(choices(value).label) if choices is not None and value in choices else str(value)


def _finding(found: Mapping[str, str]) -> str:
    effect = Finding.Effect(found["effect"]).label if found["effect"] in Finding.Effect else found["effect"]
    verdict = Finding.Verdict(found["verdict"]).label if found["verdict"] in Finding.Verdict else ""
    return f"{found['tried']}: {effect}. {found['did']} ({verdict})"


def _names(versions: Iterable[Version]) -> dict[int, str]:
    wanted = {version.state["who"] for version in versions if version.state.get("who")}
    found = Membership.objects.filter(pk__in=wanted).select_related("user", "organisation")
    return {each.pk: f"{each.user.name}, {each.organisation.name}" for each in found}
