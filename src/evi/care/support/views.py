"""Pages of the support plan: reading it, its history, the offers, and what was tried."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from evi.care.children.address import Address
from evi.care.children.models import Child
from evi.care.door.endpoints import endpoint
from evi.care.door.visit import Visit
from evi.care.passports.instruments import strategies
from evi.care.support.catalogue import areas, offers
from evi.care.support.evidence import evidence
from evi.care.support.history import history
from evi.care.support.models import Action, Finding, Need, Outcome, Plan, Review
from evi.care.support.planning import plan_of
from evi.care.support.timeline import timeline


@dataclass(frozen=True)
class Whole:
    """A plan with all its parts, read at once."""

    plan: Plan
    needs: list[Need]
    outcomes: dict[int, list[Outcome]]
    actions: dict[int, list[Action]]
    reviews: list[Review]
    to_change: set[int]

    @property
    def every_action(self) -> list[Action]:
        """All actions of it."""
        return [action for each in self.actions.values() for action in each]

    @property
    def stage(self) -> str:
        """Where it is in the cycle: assess, plan, do or review."""
        if not self.needs:
            return "assess"
        if not self.every_action:
            return "plan"
        return "do"


def whole(plan: Plan) -> Whole:
    """Read a plan in five queries."""
    written = ("by__user", "by__organisation")
    outcomes, actions = defaultdict(list), defaultdict(list)
    for outcome in plan.outcomes.select_related(*written):
        outcomes[outcome.need_id].append(outcome)
    for action in plan.actions.select_related("who__user", "who__organisation"):
        actions[action.outcome_id].append(action)
    reviews = list(plan.reviews.select_related(*written).order_by("-held_on", "-pk"))
    latest = list(reviews[0].findings.all()) if reviews else []
    wanted = {found.action_id for found in latest if found.verdict == Finding.Verdict.CHANGE}
    changed = set()
    if wanted:
        after = plan.versions.filter(kind="action", at__gt=reviews[0].at)
        parts = set(after.values_list("part", flat=True))
        changed = {action.pk for each in actions.values() for action in each if action.public_id in parts}
    needs = list(plan.needs.select_related(*written))
    return Whole(plan, needs, dict(outcomes), dict(actions), reviews, wanted - changed)


@endpoint(action="view", item="plan")
def plan(request: HttpRequest, child: Child) -> HttpResponse:
    """The open plan, or an invitation to begin one."""
    visit: Visit = request.visit  # type: ignore[attr-defined]
    found = plan_of(child)
    context: dict[str, Any] = {
        **_about(visit, child),
        "plan": found,
        "may_write": visit.can(child, "contribute", "plan"),
        "may_export": visit.can(child, "export", "plan"),
        "areas": areas(),
        "offers": offers(),
        "strategies": {each.key: each for each in strategies()},
        "earlier": found is None and child.plans.filter(status=Plan.Status.CLOSED).exists(),
    }
    if found is not None:
        read = whole(found)
        due = found.review_due
        context |= {
            "whole": read,
            "stage": "review" if due and due <= visit.day and read.stage == "do" else read.stage,
            "line": timeline(read.every_action, read.reviews, due, visit.day),
            "late": bool(due and due < visit.day),
        }
    return render(request, "support/plan.html", context)


@endpoint(action="view", item="plan")
def review(request: HttpRequest, child: Child, review_id: str) -> HttpResponse:
    """One review."""
    held = get_object_or_404(
        Review.objects.select_related("by__user", "by__organisation", "plan"),
        public_id=review_id,
        plan__child=child,
    )
    findings = held.findings.select_related("action__who__user", "action__who__organisation")
    return render(
        request,
        "support/review.html",
        {**_about(request.visit, child), "review": held, "findings": list(findings)},  # type: ignore[attr-defined]
    )


@endpoint(action="view", item="plan")
def past(request: HttpRequest, child: Child) -> HttpResponse:
    """Every change of every plan, who made it and when."""
    plans = list(child.plans.select_related("closed_by__user"))
    context = {**_about(request.visit, child), "plans": [(each, history(each)) for each in plans]}  # type: ignore[attr-defined]
    return render(request, "support/history.html", context)


@endpoint(action="view", item="plan")
def offered(request: HttpRequest, child: Child) -> HttpResponse:
    """Offers that fit this child's age, by area; no need to wait for anything."""
    visit: Visit = request.visit  # type: ignore[attr-defined]
    area = request.GET.get("area", "")
    area = area if area in areas() else ""
    age = None if request.GET.get("ages") == "all" else child.age(visit.day)
    context = {
        "child": child,
        "strategies": [each for each in strategies() if age is None or each.ages[0] <= age <= each.ages[1]],
        "areas": areas(),
        "area": area,
        "age": age,
        "offers": [offer for offer in offers().values() if offer.fits(area, age)],
        "may_write": visit.can(child, "contribute", "plan"),
    }
    return render(request, "support/offers.html", context)


@endpoint(action="export", item="plan")
def tried(request: HttpRequest, child: Child) -> HttpResponse:
    """What we tried and what it did, to print or to send with a referral."""
    visit: Visit = request.visit  # type: ignore[attr-defined]
    context = {**_about(visit, child), "evidence": evidence(child, visit.day), "areas": areas()}
    return render(request, "support/tried.html", context)


def _about(visit: Visit, child: Child) -> dict[str, Any]:
    """The child, and what keeps an address back from whoever may not know it."""
    address = Address.kept_from(visit, child)
    return {"child": child, "hide": address.hide, "place": address.place}
