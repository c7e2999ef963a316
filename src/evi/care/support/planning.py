"""What can be done with a support plan. Each function asks the door, checks, writes, and keeps the history.

`Refused` is raised where no agreement permits it, `ValidationError` (by field) where something does not make
sense, `Overtaken` where somebody else was faster. Then nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from evi.care.children.models import Child
from evi.care.door.visit import Visit
from evi.care.fields import EncryptedTextField
from evi.care.support import checks
from evi.care.support.models import Action, Finding, Need, Outcome, Plan, Review
from evi.care.support.pen import Overtaken, Pen, holding
from evi.care.text import clean_text

__all__ = [
    "Found",
    "Overtaken",
    "add_action",
    "add_need",
    "add_outcome",
    "change",
    "close_plan",
    "hold_review",
    "plan_of",
    "set_review_date",
    "start_plan",
]

AnyPart = TypeVar("AnyPart", Need, Outcome, Action)
CHANGEABLE = {
    Need: {"area", "text", "strengths", "view", "status"},
    Outcome: {"text", "measure", "baseline", "target", "by_when", "status"},
    Action: {"what", "who", "who_name", "how_often", "offer", "strategy", "start", "until", "status"},
}
"""The fields of a part that `change` can change."""


@dataclass(frozen=True)
class Found:
    """What a review says of one action: what we tried, what it did, the effect, and the verdict (keys)."""

    action: Action
    effect: str
    verdict: str
    tried: str = ""
    did: str = ""


def plan_of(child: Child) -> Plan | None:
    """The child's open plan, if there is one. Decide first whether the visitor may see it (item `plan`)."""
    plan = child.plans.filter(status=Plan.Status.OPEN).select_related("made_by__user").first()
    if plan is not None:
        plan.child = child
    return plan


def start_plan(visit: Visit, child: Child, review_due: date | None = None) -> Plan:
    """Begin a plan.

    Raises:
        Refused: no agreement permits it.
        ValidationError: the child has an open plan already, or the review's day has passed.
    """
    with visit.writing(child, "contribute", "plan", note="a plan begun"):
        if plan_of(child) is not None:
            raise ValidationError(_("This child already has an open plan. Add to that one."))
        plan = Plan.objects.create(child=child, made_by=visit.membership)
        with holding(plan, visit.membership) as pen:
            checks.review_date(review_due, pen.day)
            pen.plan.review_due = review_due
            pen.write(pen.plan)
    return plan


def close_plan(visit: Visit, plan: Plan, why: str) -> None:
    """Close a plan, saying why; it stays readable, and another can begin."""
    if not clean_text(why):
        raise ValidationError({"why": _("Say why the plan is closed.")})
    with _writing(visit, plan, why) as pen:
        pen.plan.status = Plan.Status.CLOSED
        pen.plan.closed_by, pen.plan.closed_at = visit.membership, pen.at
        pen.plan.closed_why = clean_text(why)
        pen.write(pen.plan)


def set_review_date(visit: Visit, plan: Plan, review_due: date) -> None:
    """Say when the next review is due."""
    with _writing(visit, plan) as pen:
        checks.review_date(review_due, pen.day)
        pen.plan.review_due = review_due
        pen.write(pen.plan)


def add_need(visit: Visit, plan: Plan, **fields: Any) -> Need:
    """Add a need: `area`, `text`, and if known `strengths` and whose `view` it is."""
    with _writing(visit, plan) as pen:
        return write_new(pen, Need(plan=plan), fields)


def add_outcome(visit: Visit, need: Need, **fields: Any) -> Outcome:
    """Add an outcome of a need: `text`, `measure`, `target`, `by_when`, and if known `baseline`."""
    with _writing(visit, need.plan) as pen:
        return write_new(pen, Outcome(plan=need.plan, need=need), fields)


def add_action(visit: Visit, outcome: Outcome, **fields: Any) -> Action:
    """Add an action towards an outcome.

    Fields: `what`, `who` (the membership of somebody in the circle) or `who_name`, `start`, `until`; if known
    `how_often`, `offer`, `strategy`, `status`.
    """
    with _writing(visit, outcome.plan) as pen:
        return write_new(pen, Action(plan=outcome.plan, outcome=outcome), fields)


def change(visit: Visit, part: AnyPart, revision: int, why: str = "", **fields: Any) -> AnyPart:
    """Change a part that was read at `revision` of its plan.

    Raises:
        Overtaken: somebody wrote this part after that; other parts may have changed freely.
    """
    unknown = set(fields) - CHANGEABLE[type(part)]
    if unknown:
        raise ValueError(f"not a field that can be changed: {', '.join(sorted(unknown))}")
    with _writing(visit, part.plan, why) as pen:
        pen.unchanged_since(part, revision)
        fresh = type(part).objects.select_related("plan").get(pk=part.pk)
        before = {name: getattr(fresh, name) for name in fields}
        fill(fresh, fields)
        checks.part(fresh, pen.plan, pen.day, before)
        pen.write(fresh)
    return fresh


def hold_review(
    visit: Visit,
    plan: Plan,
    *,
    held_on: date,
    summary: str,
    findings: Sequence[Found] = (),
    outcomes: Mapping[Outcome, str] | None = None,
    next_due: date | None = None,
    who_came: str = "",
    child_view: str = "",
    family_view: str = "",
    revision: int | None = None,
) -> Review:
    """Hold a review: what each action did, how far each outcome has come (by status), when to look again.

    An action that is kept goes on until the next review, if it would have ended earlier; one to stop, stops.

    Raises:
        Overtaken: with `revision`, if another review was held after that revision of the plan.
    """
    with _writing(visit, plan) as pen:
        if revision is not None:
            pen.no_new("review", revision)
        findings, reached = fresh(plan, findings, outcomes or {})
        said = {"who_came": who_came, "child_view": child_view, "family_view": family_view}
        review = Review(plan=plan, held_on=held_on, next_due=next_due, cycle=plan.reviews.count() + 1)
        fill(review, {**said, "summary": summary})
        checks.review(review, findings, reached, pen.plan, pen.day)
        return write_review(pen, review, findings, reached)


def fresh(
    plan: Plan, findings: Sequence[Found], outcomes: Mapping[Outcome, str]
) -> tuple[list[Found], dict[Outcome, str]]:
    """The same, about actions and outcomes as they are now that the plan is locked."""
    actions = {each.pk: each for each in plan.actions.all()}
    goals = {each.pk: each for each in plan.outcomes.all()}
    return (
        [replace(found, action=actions.get(found.action.pk, found.action)) for found in findings],
        {goals.get(outcome.pk, outcome): status for outcome, status in outcomes.items()},
    )


def write_new(pen: Pen, part: AnyPart, fields: Mapping[str, Any]) -> AnyPart:
    """Check a new part and write it."""
    part.by, part.at = pen.by, pen.at
    fill(part, fields)
    checks.part(part, pen.plan, pen.day)
    pen.write(part)
    return part


def write_review(
    pen: Pen, review: Review, findings: Sequence[Found], outcomes: Mapping[Outcome, str]
) -> Review:
    """Write a checked review and what follows from it."""
    review.by, review.at = pen.by, pen.at
    review.save()
    for found in findings:
        tried = clean_text(found.tried) or found.action.what
        Finding.objects.create(
            review=review,
            action=found.action,
            tried=tried,
            did=clean_text(found.did),
            effect=found.effect,
            verdict=found.verdict,
        )
        _follow(pen, found, review)
    for outcome, status in outcomes.items():
        if outcome.status != status:
            outcome.status = status
            pen.write(outcome)
    pen.write(review)
    pen.plan.review_due = review.next_due
    pen.write(pen.plan)
    return review


def _follow(pen: Pen, found: Found, review: Review) -> None:
    """Let an action go on or stop, as the review says."""
    action = found.action
    if found.verdict == Finding.Verdict.STOP:
        action.status = Action.Status.STOPPED
    else:
        action.status = Action.Status.UNDER_WAY
        if review.next_due and action.until < review.next_due:
            action.until = review.next_due
    pen.write(action)


def fill(part: Any, fields: Mapping[str, Any]) -> None:
    """Set fields of a part, text cleaned."""
    for name, value in fields.items():
        written = isinstance(part._meta.get_field(name), EncryptedTextField)
        setattr(part, name, clean_text(value) if written else value)


@contextmanager
def _writing(visit: Visit, plan: Plan, why: str = "") -> Iterator[Pen]:
    """Ask the door, then hold the pen: the data, the history and the ledger are written together."""
    with (
        visit.writing(plan.child, "contribute", "plan"),
        holding(plan, visit.membership, timezone.now(), why) as pen,
    ):
        if pen.plan.status != Plan.Status.OPEN:
            raise ValidationError(_("This plan is closed. Begin a new one."))
        yield pen
