"""The support plan for programs: as it stands, and the parts of it that they can write."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _

from evi.care.api import shapes
from evi.care.api.operations import Made, PublicId, hold_match, operation
from evi.care.children.address import Address
from evi.care.children.models import Child
from evi.care.door.visit import Visit
from evi.care.support import planning
from evi.care.support.models import Action, Plan, Review
from evi.workspace import EviError


def plan_out(visit: Visit, child: Child) -> shapes.PlanOut:
    """The open plan as it stands.

    Raises:
        Http404: there is none.
    """
    plan = _open_plan(child)
    hide = Address.kept_from(visit, child).hide
    actions: dict[int, list[shapes.ActionOut]] = defaultdict(list)
    for action in plan.actions.select_related("who__user"):
        actions[action.outcome_id].append(_action(action, hide))
    outcomes: dict[int, list[shapes.OutcomeOut]] = defaultdict(list)
    for outcome in plan.outcomes.all():
        outcomes[outcome.need_id].append(
            shapes.OutcomeOut(
                id=outcome.public_id,
                text=hide(outcome.text),
                measure=hide(outcome.measure),
                baseline=hide(outcome.baseline) or None,
                target=hide(outcome.target),
                by_when=outcome.by_when,
                status=outcome.status,
                actions=actions[outcome.pk],
            )
        )
    needs = [
        shapes.NeedOut(
            id=need.public_id,
            area=need.area,
            text=hide(need.text),
            strengths=hide(need.strengths) or None,
            view=need.view,
            status=need.status,
            outcomes=outcomes[need.pk],
        )
        for need in plan.needs.all()
    ]
    reviews = plan.reviews.prefetch_related("findings__action")
    return shapes.PlanOut(
        id=plan.public_id,
        revision=plan.revision,
        review_due=plan.review_due,
        needs=needs,
        reviews=[_review(review, hide) for review in reviews],
    )


@operation(
    "POST",
    "/children/{child}/plan/outcomes/{outcome}/actions",
    shapes.ActionOut,
    action="contribute",
    item="plan",
    once=True,
    status=201,
)
def add_action(visit: Visit, child: Child, outcome: PublicId, sent: shapes.ActionIn) -> Made:
    """Add an action towards an outcome of the open plan."""
    found = _open_plan(child).outcomes.select_related("plan__child").filter(public_id=outcome).first()
    if found is None:
        raise Http404
    made = planning.add_action(visit, found, **sent.model_dump())
    return Made(_action(made, str))


@operation(
    "PATCH",
    "/children/{child}/plan/actions/{action}",
    shapes.ActionOut,
    action="contribute",
    item="plan",
    match=True,
)
def change_action(
    visit: Visit, child: Child, action: PublicId, sent: shapes.ActionChange, match: str
) -> shapes.ActionOut:
    """Change an action. If-Match holds the plan's ETag as you read it."""
    visit.check(child, "view", "plan")
    plan = _open_plan(child)
    hold_match(match, plan_out(visit, child))
    found = plan.actions.select_related("plan__child", "who__user").filter(public_id=action).first()
    if found is None:
        raise Http404
    fields = sent.model_dump(exclude_none=True)
    why = fields.pop("why")
    if not fields:
        raise EviError(_("nothing is changed."), exit_code=2)
    return _action(planning.change(visit, found, plan.revision, why, **fields), str)


@operation(
    "POST",
    "/children/{child}/plan/reviews",
    shapes.ReviewOut,
    action="contribute",
    item="plan",
    once=True,
    status=201,
)
def add_review(visit: Visit, child: Child, sent: shapes.ReviewIn) -> Made:
    """Hold a review of the open plan: what each action did, and when to look again."""
    plan = _open_plan(child)
    actions = {each.public_id: each for each in plan.actions.all()}
    findings = []
    for one in sent.findings:
        if one.action not in actions:
            raise Http404
        findings.append(
            planning.Found(actions[one.action], one.effect, one.verdict, tried=one.tried, did=one.did)
        )
    more: dict[str, Any] = sent.model_dump(exclude={"findings"})
    return Made(_review(planning.hold_review(visit, plan, findings=findings, **more), str))


def _open_plan(child: Child) -> Plan:
    plan = planning.plan_of(child)
    if plan is None:
        raise Http404
    return plan


def _action(action: Action, hide: Any) -> shapes.ActionOut:
    return shapes.ActionOut(
        id=action.public_id,
        what=hide(action.what),
        who=action.who.user.name if action.who else hide(action.who_name) or None,
        how_often=hide(action.how_often) or None,
        offer=action.offer or None,
        strategy=action.strategy or None,
        start=action.start,
        until=action.until,
        status=action.status,
    )


def _review(review: Review, hide: Any) -> shapes.ReviewOut:
    return shapes.ReviewOut(
        id=review.public_id,
        cycle=review.cycle,
        held_on=review.held_on,
        summary=hide(review.summary),
        child_view=hide(review.child_view) or None,
        family_view=hide(review.family_view) or None,
        who_came=hide(review.who_came) or None,
        next_due=review.next_due,
        findings=[
            shapes.FindingOut(
                action=found.action.public_id,
                tried=hide(found.tried),
                did=hide(found.did) or None,
                effect=found.effect,
                verdict=found.verdict,
            )
            for found in review.findings.all()
        ],
    )
