"""The passport's page, and its beginning."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from evi.care.children.models import Child
from evi.care.door.endpoints import endpoint
from evi.care.door.visit import Visit
from evi.care.passports.contributions import PREFIX, begin, voice_of
from evi.care.passports.parts import parts
from evi.care.passports.reading import look, read
from evi.care.passports.rendering import head, missing, page


@endpoint(action="view", item="passport.*")
def passport(request: HttpRequest, child: Child) -> HttpResponse:
    """The whole passport: the sections that may be seen, and why the rest may not."""
    visit: Visit = request.visit  # type: ignore[attr-defined]
    found = read(visit, child)
    look(found, visit)
    return page(
        request,
        "passport",
        child,
        {
            **head(request, child),
            "reading": found,
            "voice": voice_of(visit),
            "can_begin": found.passport is None and visit.can(child, "contribute", "passport.*"),
            "can_export": visit.can(child, "export", "passport.*"),
            "can_share": visit.can(child, "share", "passport.*"),
            "can_profile": visit.can(child, "view", "profile"),
            "can_packs": visit.can(child, "view", "packs"),
        },
    )


@endpoint(action="view", item="passport.*")
def section(request: HttpRequest, child: Child, section: str) -> HttpResponse:
    """One section; one that is closed explains itself, and there the refusal can be raised as a blockage."""
    visit: Visit = request.visit  # type: ignore[attr-defined]
    if section not in parts().sections:
        return missing(request)
    visit.check(child, "view", PREFIX + section)
    return redirect(reverse("passports:passport", args=[child.public_id]) + f"#section-{section}")


@endpoint(action="contribute", item="passport.*", methods=("POST",))
def begin_passport(request: HttpRequest, child: Child) -> HttpResponse:
    """Begin the passport of a child who has none."""
    begin(child, request.visit)  # type: ignore[attr-defined]
    messages.success(request, _("The passport has begun. Add the first words."))
    return redirect("passports:passport", child.public_id)
