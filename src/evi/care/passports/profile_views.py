"""The strengths profile: three views side by side, and the questions."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from evi.care.children.models import Child
from evi.care.door.endpoints import endpoint
from evi.care.door.visit import Visit
from evi.care.passports import charts
from evi.care.passports import profiling as profiles
from evi.care.passports.contributions import voice_of
from evi.care.passports.forms import ProfileForm
from evi.care.passports.instruments import instrument_for
from evi.care.passports.models import CHILD, PARENT
from evi.care.passports.rendering import missing, page, sentence
from evi.workspace import EviError


@endpoint(action="view", item="profile")
def profile(request: HttpRequest, child: Child) -> HttpResponse:
    """What each view says, where they differ, and what to try."""
    visit: Visit = request.visit  # type: ignore[attr-defined]
    found = profiles.profile_of(child, child.age(visit.day))
    own = profiles.VIEW_OF[voice_of(visit)]
    can_answer = visit.can(child, "contribute", "profile")
    return page(
        request,
        "profile",
        child,
        {
            "profile": found,
            "names": view_names(child),
            "legends": {view: charts.legend(view) for view in charts.SHAPES},
            "chart": charts.chart(found, view_names(child)) if found and found.views else "",
            "answerable": [view for view in found.instrument.views if view in (own, CHILD, PARENT)]
            if found and can_answer
            else [],
            "own": own,
        },
    )


@endpoint(action="contribute", item="profile", methods=("GET", "HEAD", "POST"))
def answer(request: HttpRequest, child: Child, view: str) -> HttpResponse:
    """Answer the profile's questions in one view."""
    visit: Visit = request.visit  # type: ignore[attr-defined]
    own = profiles.VIEW_OF[voice_of(visit)]
    instrument = instrument_for(child.age(visit.day))
    if instrument is None or view not in instrument.views or (view == profiles.TEACHER and own != view):
        return missing(request)
    said = (
        ""
        if view == own
        else _("I wrote these down for %(who)s: they are their answers") % {"who": view_names(child)[view]}
    )
    form = ProfileForm(request.POST or None, instrument=instrument, view=view, said=said)
    context: dict[str, Any] = {
        "form": form,
        "instrument": instrument,
        "view": view,
        "names": view_names(child),
    }
    if request.method != "POST":
        return page(request, "answer", child, context)
    if form.is_valid():
        try:
            profiles.answer(
                visit,
                child,
                view,
                form.answers(),
                instrument=instrument.key,
                note=form.cleaned_data["note"],
                taken_down=bool(said),
            )
        except EviError as error:
            form.add_error(None, sentence(error))
        else:
            messages.success(request, _("The answers are in the profile."))
            return redirect("passports:profile", child.public_id)
    return page(request, "answer", child, context, status=422)


def view_names(child: Child) -> dict[str, str]:
    """What each view is called."""
    return {
        profiles.TEACHER: _("School or service"),
        PARENT: _("Parent or carer"),
        CHILD: child.known_as or child.given_name,
    }
