"""My work: what is new, due and waiting for one person; and for those who lead, their team's children."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from evi.care.children.listing import first_few, page_of
from evi.care.children.models import Tie
from evi.care.children.views import number, visit_of, visiting
from evi.care.dated import live_on
from evi.care.door.endpoints import endpoint
from evi.care.door.models import AccessEntry, Blockage
from evi.care.pages import gather_work
from evi.sharing.vocabulary import vocabulary

if TYPE_CHECKING:
    from evi.care.door.visit import Visit

FIRST_FEW = 6
LATELY = timedelta(days=30)
KINDS = {
    "due": _("Due"),
    "waiting": _("Waiting for you"),
    "request": _("Requests to join a circle"),
    "acknowledge": _("To acknowledge"),
    "new": _("New"),
}
"""The headings of My work, in the order of its page."""


@endpoint(signed_in=True)
@visiting
def my_work(request: HttpRequest) -> HttpResponse:
    """What is new, due and waiting; the first few children; what a lead looks after."""
    visit = visit_of(request)
    lines = gather_work(visit)
    groups = [(kind, title, [line for line in lines if line.kind == kind]) for kind, title in KINDS.items()]
    context = {
        "groups": [group for group in groups if group[2]],
        "children": first_few(visit, FIRST_FEW),
        "late": sum(1 for line in lines if line.due and line.due < visit.day),
        "leads": visit.has_duty("team-caseload"),
    }
    return render(request, "children/my_work.html", context)


@dataclass(frozen=True)
class TeamLine:
    """Children who are tied to one team (or to the organisation itself) in one way."""

    team: str
    kind: str
    children: int
    lately: int


@endpoint(duty="team-caseload")
def team(request: HttpRequest) -> HttpResponse:
    """The caseload of the lead's own organisation by team, its children, and where to read of access."""
    visit = visit_of(request)
    context = {
        "lines": caseload(visit),
        "page": page_of(visit, number(request)),
        "statistics": statistics(visit),
    }
    return render(request, "children/team.html", context)


@dataclass(frozen=True)
class Figure:
    """A figure of the lead's own organisation: what it is about, in a sentence, and where to read on."""

    title: str
    text: str
    url: str = ""


def statistics(visit: Visit) -> list[Figure]:
    """Blockages that the organisation's people raised and that are open, and looks at records in 30 days."""
    own = visit.membership.organisation
    waiting = Blockage.objects.filter(raised_by__organisation=own, closed_at__isnull=True)
    blocked = waiting.aggregate(all=Count("pk"), late=Count("pk", filter=Q(stage_due__lt=visit.day)))
    looks = AccessEntry.objects.filter(organisation=own.code, at__gte=timezone.now() - LATELY).aggregate(
        all=Count("pk"), refused=Count("pk", filter=Q(decision="refused"))
    )
    return [
        Figure(
            gettext("Blockages"),
            gettext("%(all)s open, %(late)s of them past their day.") % blocked,
            _address_of("door:blockages"),
        ),
        Figure(
            gettext("Access"),
            gettext("%(all)s entries in the ledger in 30 days, %(refused)s of them refused.") % looks,
            _address_of("door:report") if visit.has_duty("access-report") else "",
        ),
    ]


def _address_of(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def caseload(visit: Visit) -> list[TeamLine]:
    """How many children each team of the visitor's organisation has, of those that may be seen, by tie.

    `lately`: those who came in the last 30 days.
    """
    recent = Q(since__gte=visit.day - LATELY)
    rows = (
        Tie.objects.filter(live_on(visit.day), organisation=visit.membership.organisation)
        .filter(
            kind__in=("on-roll", "teaches", "on-caseload", "duty-desk"),
            child__in=visit.children().values("pk"),
        )
        .values("team__name", "kind")
        .annotate(children=Count("child", distinct=True), lately=Count("child", distinct=True, filter=recent))
        .order_by("team__name", "kind")
    )
    titles = vocabulary().relationships
    return [
        TeamLine(row["team__name"] or "", titles[row["kind"]].title, row["children"], row["lately"])
        for row in rows
    ]
