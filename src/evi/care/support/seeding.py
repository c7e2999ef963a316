"""Plans of a made-up district: written on past days, with every check, version and rule, but past the door.

Only what loads a made-up district calls this. It writes nothing into the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from evi.care.accounts.models import Membership
from evi.care.children.models import Child
from evi.care.support import checks
from evi.care.support.models import Action, Need, Outcome, Plan, Review
from evi.care.support.pen import holding
from evi.care.support.planning import AnyPart, Found, fill, fresh, write_new, write_review


def seed_plan(child: Child, by: Membership, at: datetime, review_due: date | None = None) -> Plan:
    """A plan begun at a moment; reviews seeded later move `review_due` on."""
    plan = Plan.objects.create(child=child, made_by=by, made_at=at)
    with holding(plan, by, at) as pen:
        pen.plan.review_due = review_due
        pen.write(pen.plan)
    return plan


def seed_need(plan: Plan, by: Membership, at: datetime, **fields: Any) -> Need:
    """As `planning.add_need`."""
    return _new(plan, Need(plan=plan), by, at, fields)


def seed_outcome(need: Need, by: Membership, at: datetime, **fields: Any) -> Outcome:
    """As `planning.add_outcome`."""
    return _new(need.plan, Outcome(plan=need.plan, need=need), by, at, fields)


def seed_action(outcome: Outcome, by: Membership, at: datetime, **fields: Any) -> Action:
    """As `planning.add_action`; whoever does it must have been in the circle on that day."""
    return _new(outcome.plan, Action(plan=outcome.plan, outcome=outcome), by, at, fields)


def seed_change(part: AnyPart, by: Membership, at: datetime, why: str = "", **fields: Any) -> AnyPart:
    """As `planning.change`."""
    with holding(part.plan, by, at, why) as pen:
        now = type(part).objects.select_related("plan__child").get(pk=part.pk)
        before = {name: getattr(now, name) for name in fields}
        fill(now, fields)
        checks.part(now, pen.plan, pen.day, before)
        pen.write(now)
    return now


def seed_review(
    plan: Plan,
    by: Membership,
    at: datetime,
    *,
    summary: str,
    findings: Sequence[Found] = (),
    outcomes: Mapping[Outcome, str] | None = None,
    next_due: date | None = None,
    **said: str,
) -> Review:
    """As `planning.hold_review`, held on the day of `at`; `said`: who_came, child_view, family_view."""
    with holding(plan, by, at) as pen:
        findings, reached = fresh(plan, findings, outcomes or {})
        review = Review(plan=plan, held_on=pen.day, next_due=next_due, cycle=plan.reviews.count() + 1)
        fill(review, {**said, "summary": summary})
        checks.review(review, findings, reached, pen.plan, pen.day)
        return write_review(pen, review, findings, reached)


def _new(plan: Plan, part: AnyPart, by: Membership, at: datetime, fields: Mapping[str, Any]) -> AnyPart:
    with holding(plan, by, at) as pen:
        return write_new(pen, part, fields)
