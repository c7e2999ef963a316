"""What this room adds to a child's page and to My work: findings for the visitor's own organisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from evi.care.findings.models import Finding
from evi.care.pages import Card, WorkItem

if TYPE_CHECKING:
    from evi.care.children.models import Child
    from evi.care.door.visit import Visit

ITEM = "finding"
SHOWN = 8
"""Lines in My work; the rest is on the room's own list."""


@dataclass(frozen=True)
class Told:
    """A finding as this visit may read it: sentences, and how many more there are that it may not."""

    finding: Finding
    reasons: tuple[str, ...]
    kept: int


def findings(visit: Visit) -> QuerySet[Finding]:
    """Findings that were released to the visitor's organisation, of children whose findings they may see."""
    return Finding.objects.filter(
        release__organisation=visit.membership.organisation,
        release__retracted_at=None,
        child__in=visit.children("view", ITEM).values("pk"),
    ).select_related("release", "child")


def of_child(visit: Visit, child: Child) -> list[Finding]:
    """The findings about one child that this visit may see; the question goes into the ledger."""
    shown = Finding.objects.filter(
        child=child, release__organisation=visit.membership.organisation, release__retracted_at=None
    ).select_related("release")
    return list(shown) if visit.may(child, "view", ITEM).permitted else []


def told(visit: Visit, child: Child, finding: Finding) -> Told:
    """The reasons that this reader may have: those that rest on what the reader may see of this child."""
    mine = [
        row["text"]
        for row in finding.reasons
        if all(visit.decision(child, "view", item).permitted for item in row["items"])
    ]
    return Told(finding, tuple(mine), len(finding.reasons) - len(mine) + finding.withheld)


def child_card(visit: Visit, child: Child) -> Card | None:
    """“Worth a professional look, because …”, if there is a finding to look at or one that was."""
    if not visit.can(child, "view", ITEM):
        return None
    found = of_child(visit, child)
    if not found:
        return None
    context: dict[str, Any] = {
        "told": [told(visit, child, each) for each in found],
        "child": child,
        "may_answer": visit.can(child, "contribute", ITEM),
    }
    return Card(_("Worth a professional look"), "findings/card.html", context, order=15)


def work(visit: Visit) -> list[WorkItem]:
    """A line for each finding that nobody has looked at; one line for many."""
    waiting = findings(visit).filter(outcome="")
    first = list(waiting[: SHOWN + 1])
    if len(first) > SHOWN:
        count = waiting.count()
        text = ngettext(
            "%(count)s child is worth a professional look",
            "%(count)s children are worth a professional look",
            count,
        )
        return [WorkItem("new", text % {"count": count}, reverse("findings:list"))]
    return [
        WorkItem(
            "new",
            _("Worth a professional look: please say what you see"),
            reverse("findings:finding", args=[each.child.public_id, each.public_id]),
            each.child,
        )
        for each in first
    ]


def counted(visit: Visit) -> dict[str, int]:
    """How many findings wait and how many were looked at, for the head of the list."""
    return findings(visit).order_by().aggregate(all=Count("pk"), waiting=Count("pk", filter=Q(outcome="")))
