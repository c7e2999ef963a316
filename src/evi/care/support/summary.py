"""What this room adds to a child's page and to My work."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils.translation import gettext as _

from evi.care.children.address import Address
from evi.care.circles.models import Lead
from evi.care.dated import live_on
from evi.care.pages import Card, WorkItem
from evi.care.support.models import Action, Plan
from evi.care.support.planning import plan_of

if TYPE_CHECKING:
    from evi.care.children.models import Child
    from evi.care.door.visit import Visit

SHOWN = 4
"""Actions on the card; the page shows all."""
REVIEW_AHEAD, ACTION_AHEAD = timedelta(days=21), timedelta(days=7)
"""How long before its day a review or the end of an action is on My work."""
MOST = 50
"""Lines of one kind on My work."""
LIVE = (Action.Status.PLANNED, Action.Status.UNDER_WAY)


def child_card(visit: Visit, child: Child) -> Card | None:
    """What is happening now for the child, and what is due."""
    if not visit.may(child, "view", "plan").permitted:
        return None
    plan = plan_of(child)
    actions = list(plan.actions.filter(status__in=LIVE).select_related("who__user")) if plan else []
    actions.sort(key=lambda one: (one.until, one.pk))
    context = {
        "plan": plan,
        "actions": actions[:SHOWN],
        "more": max(0, len(actions) - SHOWN),
        "review_due": plan.review_due if plan else None,
        "hide": Address.kept_from(visit, child).hide,
    }
    url = reverse("support:plan", args=[child.public_id])
    return Card(_("Support now"), "support/card.html", context, url, order=20)


def work(visit: Visit) -> list[WorkItem]:
    """Reviews that are due for whoever leads (or began the plan), and actions that end or are late."""
    return [*_reviews(visit), *_actions(visit)]


def due(visit: Visit, children: Collection[Child]) -> list[WorkItem]:
    """The next review of each child's plan, for lists: one query."""
    seen = {child.pk: child for child in children if visit.can(child, "view", "plan")}
    found = Plan.objects.filter(status=Plan.Status.OPEN, child__in=seen, review_due__isnull=False)
    title = _("Review of the support plan")
    return [
        WorkItem("due", title, reverse("support:plan", args=[seen[pk].public_id]), seen[pk], day)
        for pk, day in (found.values_list("child", "review_due") if seen else ())
    ]


def _leads(visit: Visit, child: str) -> Exists:
    leads = Lead.objects.filter(live_on(visit.day), child=OuterRef(child), membership__user=visit.user)
    return Exists(leads)


def _reviews(visit: Visit) -> list[WorkItem]:
    anybody = Exists(Lead.objects.filter(live_on(visit.day), child=OuterRef("child")))
    mine = Q(_leads(visit, "child")) | Q(made_by__user=visit.user) & ~Q(anybody)
    found = Plan.objects.filter(
        mine,
        status=Plan.Status.OPEN,
        review_due__lte=visit.day + REVIEW_AHEAD,
        child__in=visit.children("contribute", "plan"),
    ).select_related("child")
    return [
        WorkItem(
            "due",
            _("Review of the support plan"),
            reverse("support:plan", args=[plan.child.public_id]),
            plan.child,
            plan.review_due,
        )
        for plan in found.order_by("review_due")[:MOST]
    ]


def _actions(visit: Visit) -> list[WorkItem]:
    own = Q(who__user=visit.user, until__lte=visit.day + ACTION_AHEAD)
    led = Q(_leads(visit, "plan__child"), until__lt=visit.day)
    found = Action.objects.filter(
        own | led,
        status__in=LIVE,
        plan__status=Plan.Status.OPEN,
        plan__child__in=visit.children("view", "plan"),
    ).select_related("plan__child", "who__user")
    return [_action(visit, action) for action in found.order_by("until")[:MOST]]


def _action(visit: Visit, action: Action) -> WorkItem:
    child, text = action.plan.child, action.what[:120]
    if action.who is None or action.who.user_id != visit.user.pk:
        who = action.who.user.name if action.who else action.who_name
        text = _("%(who)s: %(what)s") % {"who": who, "what": text}
    return WorkItem("due", text, reverse("support:plan", args=[child.public_id]), child, action.until)
