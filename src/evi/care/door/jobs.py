"""What runs in the background: notices of emergency views, and blockages that move on by time.

A notice is asked for as a task when a view is opened. `run_due` is called now and then (by `evi serve`), does
whatever is due and was not done, and can be repeated or run twice at once without doing anything twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django_tasks import task

from evi.care.door import blocking, emergencies
from evi.care.door.models import BreakGlass


@dataclass(frozen=True)
class Done:
    """What one round did."""

    notices: int
    escalated: int


@task
def notify(view_id: int) -> None:
    """Send the notice of an emergency view, if nobody did."""
    emergencies.send_notice(view_id)


def run_due(now: datetime | None = None) -> Done:
    """Send the notices that were not sent, and move on the blockages that have waited long enough."""
    waiting = BreakGlass.objects.filter(noticed_at=None).values_list("pk", flat=True)
    sent = sum(emergencies.send_notice(pk) for pk in list(waiting))
    return Done(sent, blocking.escalate(now or timezone.now()))
