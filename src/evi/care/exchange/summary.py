"""What this room adds to My work: files that came in and wait for somebody to say whom they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext as _

from evi.care.exchange.models import Incoming
from evi.care.pages import WorkItem

if TYPE_CHECKING:
    from evi.care.door.visit import Visit

MOST = 20


def work(visit: Visit) -> list[WorkItem]:
    """Files that the visitor's organisation received and that wait."""
    waiting = Incoming.objects.filter(
        status=Incoming.Status.WAITING,
        received_by__organisation=visit.membership.organisation,
        child__in=visit.children("contribute", "passport.about-me"),
    ).select_related("child")
    return [
        WorkItem(
            "waiting",
            _("A file from another system waits: is it about this child?"),
            reverse("exchange:incoming", args=[one.child.public_id, one.public_id]),
            one.child,
        )
        for one in waiting.defer("content")[:MOST]
    ]
