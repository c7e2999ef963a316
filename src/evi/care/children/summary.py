"""What this room adds to My work: children who have come, and entries that others have written."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from evi.care.children.models import Child, Entry, Tie, children_of
from evi.care.dated import live_on
from evi.care.door.querying import held_by
from evi.care.pages import WorkItem

if TYPE_CHECKING:
    from evi.care.door.visit import Visit

NEW = timedelta(days=7)
SHOWN = 8
"""Lines of each kind; a person who has been away reads the rest on the children's pages."""

LOOKED_AT = 300
"""New entries that are looked at, newest first."""


def work(visit: Visit) -> list[WorkItem]:
    """Children newly tied to this person, and entries that others wrote in the last week."""
    allowed = visit.children()
    return [*_children(visit, allowed), *_entries(visit, allowed)]


def _children(visit: Visit, allowed: QuerySet[Child]) -> list[WorkItem]:
    newest = Tie.objects.filter(
        live_on(visit.day), held_by(visit.membership), since__gt=visit.day - NEW, kind__in=_OF_WORK
    )
    children = allowed.filter(pk__in=newest.values("child"))[: SHOWN + 1]
    if len(children) > SHOWN:
        return [WorkItem("new", _("Several children are new to you"), reverse("children:list"))]
    return [WorkItem("new", _("New to you"), _page(child), child) for child in children]


def _entries(visit: Visit, allowed: QuerySet[Child]) -> list[WorkItem]:
    """One line for each child: how many entries that this visit may read were written by others."""
    written = (
        Entry.objects.filter(child__in=allowed.values("pk"), recorded_at__gt=timezone.now() - NEW)
        .exclude(author=visit.user)
        .order_by("-recorded_at")
        .values_list("child", "item", "code")[:LOOKED_AT]
    )
    rows = list(written)
    children = children_of({child for child, *_rest in rows}).in_bulk()
    visit.learn(children.values())
    counts = Counter(pk for pk, item, code in rows if visit.decision(children[pk], "view", item).covers(code))
    return [
        WorkItem(
            "new",
            ngettext("%(count)s new entry", "%(count)s new entries", count) % {"count": count},
            reverse("children:chronology", args=[children[pk].public_id]),
            children[pk],
        )
        for pk, count in list(counts.items())[:SHOWN]
    ]


def _page(child: Child) -> str:
    return reverse("children:child", args=[child.public_id])


_OF_WORK = ("on-roll", "teaches", "on-caseload", "in-circle", "duty-desk", "shared-with")
