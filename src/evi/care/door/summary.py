"""What the door puts on My work: decisions and reviews that wait, and what became of one's own requests."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from evi.care.door import blocking, emergencies, rows
from evi.care.door.models import Blockage
from evi.care.pages import Card, WorkItem
from evi.sharing.blockages import CHANGED, stages
from evi.sharing.vocabulary import vocabulary

if TYPE_CHECKING:
    from evi.care.children.models import Child
    from evi.care.door.visit import Visit

SHOWN_DAYS = 14
"""How long a closed blockage stays on the page of the person who raised it."""


def child_card(visit: Visit, child: Child) -> Card | None:
    """What the family has said about sharing, for those who may record it; no query of its own."""
    if not visit.can(child, "contribute", "voice"):
        return None
    context = {"wishes": visit.wishes(child)}
    address = reverse("door:wishes", args=[child.public_id])
    return Card(_("What the family says about sharing"), "door/wishes_card.html", context, address, order=90)


def work(visit: Visit) -> list[WorkItem]:
    """Lines of My work."""
    lines = _mine(visit)
    if visit.has_duty("blockages-board") or visit.has_duty("review-break-glass"):
        with rows.every_row():
            lines += _to_decide(visit) + _to_review(visit)
    return lines


def _mine(visit: Visit) -> list[WorkItem]:
    lines = []
    since = timezone.now() - timedelta(days=SHOWN_DAYS)
    for each in Blockage.objects.filter(raised_by=visit.membership).exclude(closed_at__lt=since):
        item = _(vocabulary().items[each.item].title)
        if each.closed_at is None:
            said = {"item": item, "stage": _(stages().stages[each.stage].title)}
            text = _("You asked for more: %(item)s. %(stage)s now.") % said
        elif each.closed_how == CHANGED:
            text = _("You asked for more: %(item)s. You can see it now.") % {"item": item}
        else:
            text = _("You asked for more: %(item)s. The answer is no; read why.") % {"item": item}
        kind = "waiting" if each.closed_at is None else "new"
        lines.append(WorkItem(kind, text, reverse("door:blockage", args=[each.public_id])))
    return lines


def _to_decide(visit: Visit) -> list[WorkItem]:
    return [
        WorkItem(
            "request",
            _("Decide what stops somebody from helping a child: %(item)s")
            % {"item": _(vocabulary().items[each.item].title)},
            reverse("door:blockage", args=[each.public_id]),
            due=each.stage_due if stages().after(each.stage) else None,
        )
        for each in blocking.to_decide(visit.membership)
    ]


def _to_review(visit: Visit) -> list[WorkItem]:
    if not visit.has_duty("review-break-glass"):
        return []
    return [
        WorkItem(
            "due",
            _("Review an emergency view opened by %(name)s") % {"name": each.membership.user.name},
            reverse("door:emergency-review", args=[each.public_id]),
            due=each.review_due,
        )
        for each in emergencies.to_review(visit.membership).filter(reviewed_at=None)
    ]
