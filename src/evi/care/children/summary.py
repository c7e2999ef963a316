"""What this room adds to My work: children who have come, and entries that others have written."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from evi.care.children.models import Child, Entry, children_of
from evi.care.children.ties import own_ties
from evi.care.pages import WorkItem

if TYPE_CHECKING:
    from evi.care.door.visit import Visit

NEW = timedelta(days=7)
SHOWN = 8
"""Lines of each kind; a person who has been away reads the rest on the children's pages."""

LOOKED_AT = 300
"""New entries that are looked at, newest first."""


def work(visit: Visit) -> list[WorkItem]:
    """Children newly tied to this person, and entries that others wrote in the last week.

    Both are sought among those tied, and then decided on one by one: there are few, and a question about all
    whom the visitor may see would cost more than the rest of the page.
    """
    own = own_ties(visit).filter(kind__in=_OF_WORK)
    came = own.filter(since__gt=visit.day - NEW).order_by("-since", "-pk").values_list("child", flat=True)
    new = list(dict.fromkeys(came[: 4 * SHOWN]))
    written = list(
        Entry.objects.filter(child__in=own.values("child"), recorded_at__gt=timezone.now() - NEW)
        .exclude(author=visit.user)
        .order_by("-recorded_at")
        .values_list("child", "item", "code")[:LOOKED_AT]
    )
    found = children_of({*new, *(child for child, *_rest in written)}).in_bulk()
    visit.learn(found.values())
    seen = {pk: child for pk, child in found.items() if visit.can(child, "view", "identity")}
    return [*_children([seen[pk] for pk in new if pk in seen]), *_entries(visit, seen, written)]


def _children(new: list[Child]) -> list[WorkItem]:
    if len(new) > SHOWN:
        return [WorkItem("new", _("Several children are new to you"), reverse("children:list"))]
    return [WorkItem("new", _("New to you"), _page(child), child) for child in new]


def _entries(visit: Visit, seen: dict[int, Child], written: list[tuple[int, str, str]]) -> list[WorkItem]:
    """One line for each child: how many entries that this visit may read were written by others."""
    counts = Counter(
        pk for pk, item, code in written if pk in seen and visit.decision(seen[pk], "view", item).covers(code)
    )
    return [
        WorkItem(
            "new",
            ngettext("%(count)s new entry", "%(count)s new entries", count) % {"count": count},
            reverse("children:chronology", args=[seen[pk].public_id]),
            seen[pk],
        )
        for pk, count in list(counts.items())[:SHOWN]
    ]


def _page(child: Child) -> str:
    return reverse("children:child", args=[child.public_id])


_OF_WORK = ("on-roll", "teaches", "on-caseload", "in-circle", "duty-desk", "shared-with", "parent-of", "self")
