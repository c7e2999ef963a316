"""Earlier versions of the passport: the list, what changed, and putting one back."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from evi.care.children.models import Child
from evi.care.door.endpoints import endpoint
from evi.care.door.visit import Visit
from evi.care.passports.contributions import history
from evi.care.passports.models import Passport
from evi.care.passports.parts import parts
from evi.care.passports.rendering import missing, page, tell
from evi.care.passports.versions import compare, restore
from evi.workspace import EviError

FEW = 50
"""Versions on the first page of the list; the rest is one link away."""


@endpoint(action="view", item="passport.*")
def versions(request: HttpRequest, child: Child) -> HttpResponse:
    """Every version that changed something that may be seen, newest first."""
    rows = history(request.visit, child)  # type: ignore[attr-defined]
    return page(
        request,
        "versions",
        child,
        {
            "versions": rows if "all" in request.GET else rows[:FEW],
            "more": 0 if "all" in request.GET else len(rows[FEW:]),
            "parts": parts().sections,
        },
    )


@endpoint(action="view", item="passport.*")
def changes(request: HttpRequest, child: Child) -> HttpResponse:
    """What differs between two versions, side by side; `from` and `to` in the address."""
    visit: Visit = request.visit  # type: ignore[attr-defined]
    try:
        later = int(request.GET.get("to", ""))
        earlier = int(request.GET.get("from", "") or later - 1)
        changed = compare(visit, child, min(earlier, later), max(earlier, later))
    except (ValueError, EviError):
        return missing(request)
    newest = Passport.objects.filter(child=child).values_list("version", flat=True).first()
    return page(
        request,
        "changes",
        child,
        {
            "changed": changed,
            "earlier": min(earlier, later),
            "later": max(earlier, later),
            "newest": newest,
            "can_restore": visit.can(child, "contribute", "passport.*") and min(earlier, later) > 0,
            "known": parts(),
        },
    )


@endpoint(action="contribute", item="passport.*", methods=("POST",))
def put_back(request: HttpRequest, child: Child) -> HttpResponse:
    """Make an earlier version's words of this person stand again."""
    visit: Visit = request.visit  # type: ignore[attr-defined]
    try:
        done = restore(visit, child, int(request.POST["version"]), base=int(request.POST["base"]))
    except (KeyError, ValueError):
        return render(request, "400.html", status=400)
    except EviError as error:
        tell(request, error)
        return redirect("passports:versions", child.public_id)
    messages.success(request, _("An earlier version stands again. What you replaced is still in the list."))
    if done.kept:
        count = len(done.kept)
        messages.info(
            request,
            ngettext(
                "%(count)d place was left as it is: those are other people's words.",
                "%(count)d places were left as they are: those are other people's words.",
                count,
            )
            % {"count": count},
        )
    return redirect("passports:passport", child.public_id)
