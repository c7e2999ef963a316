"""What we tried and what it did: every action of a child's plans with its dates, its reviews and its effect.

This is the evidence that a referral needs: it shows what was in place, for how long, and how far it helped.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from evi.care.children.models import Child
from evi.care.support.catalogue import Offer, offers
from evi.care.support.models import Action, Finding, Need, Outcome, Plan, Review


@dataclass(frozen=True)
class Tried:
    """One action and everything that reviews found of it, oldest first.

    `weeks`: whole weeks from its first day to its last, or to `day` if it goes on. `offer`: if it is one.
    """

    action: Action
    findings: tuple[Finding, ...]
    weeks: int
    offer: Offer | None = None

    @property
    def last(self) -> Finding | None:
        """What the newest review found."""
        return self.findings[-1] if self.findings else None


@dataclass(frozen=True)
class Goal:
    """An outcome with its need and all that was tried for it."""

    outcome: Outcome
    need: Need
    tried: tuple[Tried, ...]


@dataclass(frozen=True)
class Evidence:
    """All of it, for one child on one day."""

    day: date
    goals: tuple[Goal, ...]
    reviews: tuple[Review, ...]
    since: date | None

    @property
    def actions(self) -> int:
        """How many actions were tried."""
        return sum(len(goal.tried) for goal in self.goals)

    @property
    def reviewed(self) -> int:
        """How many of them at least one review looked at."""
        return sum(1 for goal in self.goals for each in goal.tried if each.findings)


def evidence(child: Child, day: date) -> Evidence:
    """Gather it over every plan that the child has had, closed ones too, in five queries.

    Decide first whether the visitor may see or take out the child's plan.
    """
    plans = list(Plan.objects.filter(child=child).values_list("pk", flat=True))
    reviews = {
        each.pk: each
        for each in Review.objects.filter(plan__in=plans)
        .select_related("by__user", "by__organisation")
        .order_by("held_on", "pk")
    }
    found: dict[int, list[Finding]] = {}
    for finding in Finding.objects.filter(review__in=reviews):
        finding.review = reviews[finding.review_id]
        found.setdefault(finding.action_id, []).append(finding)
    tried: dict[int, list[Tried]] = {}
    actions = Action.objects.filter(plan__in=plans, start__lte=day)
    for action in actions.select_related("who__user", "who__organisation").order_by("start", "pk"):
        of_it = sorted(found.get(action.pk, []), key=lambda one: (one.review.held_on, one.pk))
        tried.setdefault(action.outcome_id, []).append(_tried(action, of_it, day))
    outcomes = Outcome.objects.filter(plan__in=plans).select_related("need")
    goals = tuple(
        Goal(outcome, outcome.need, tuple(tried[outcome.pk])) for outcome in outcomes if outcome.pk in tried
    )
    starts = [each.action.start for goal in goals for each in goal.tried]
    return Evidence(day, goals, tuple(reviews.values()), min(starts, default=None))


def _tried(action: Action, findings: list[Finding], day: date) -> Tried:
    end = min(action.until, day)
    if action.status == Action.Status.STOPPED and findings:
        end = min(end, findings[-1].review.held_on)
    weeks = max(0, (end - action.start).days // 7)
    return Tried(action, tuple(findings), weeks, offers().get(action.offer))
