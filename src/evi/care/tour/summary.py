"""What this room adds to My work in a demonstration: the way back to the tour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from evi.care.pages import WorkItem
from evi.care.tour.models import Story

if TYPE_CHECKING:
    from evi.care.door.visit import Visit


def work(visit: Visit) -> list[WorkItem]:
    """A line that leads to the tour, for everyone, in a demonstration alone."""
    if not settings.EVI_DEMO or not Story.objects.exists():
        return []
    return [WorkItem("new", _("The guided tour: one child's story"), reverse("tour:tour"))]
