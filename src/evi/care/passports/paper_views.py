"""The passport on paper: the print view, the easy-read version, and both as PDF."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from evi.care.children.models import Child
from evi.care.door.endpoints import endpoint
from evi.care.door.visit import Visit
from evi.care.limits import COPIES, limited
from evi.care.passports import paper as papers
from evi.care.passports.contributions import PREFIX
from evi.care.passports.reading import read
from evi.care.passports.rendering import drawn, page
from evi.workspace import EviError


@endpoint(action="export", item="passport.*")
def paper(request: HttpRequest, child: Child) -> HttpResponse:
    """The passport on two pages, to print from the browser."""
    return page(request, "print", child, _context(request, child) | {"easy": False})


@endpoint(action="export", item="passport.*")
def easy(request: HttpRequest, child: Child) -> HttpResponse:
    """The easy-read version: large, short lines, pictures."""
    return page(request, "print", child, _context(request, child) | {"easy": True})


@endpoint(action="export", item="passport.*")
@limited("copies", COPIES)
def pdf(request: HttpRequest, child: Child) -> HttpResponse:
    """The passport as PDF."""
    return _pdf(request, child, easy=False)


@endpoint(action="export", item="passport.*")
@limited("copies", COPIES)
def easy_pdf(request: HttpRequest, child: Child) -> HttpResponse:
    """The easy-read version as PDF."""
    return _pdf(request, child, easy=True)


def _context(request: HttpRequest, child: Child) -> dict[str, object]:
    """What goes on paper: sections that may be seen and taken out, each noted as taken out."""
    visit: Visit = request.visit  # type: ignore[attr-defined]
    found = read(visit, child)
    taken = [each for each in found.shown if visit.may(child, "export", PREFIX + each.part.key).permitted]
    return drawn() | papers.contents(visit, child, found, taken)


def _pdf(request: HttpRequest, child: Child, *, easy: bool) -> HttpResponse:
    try:
        made = papers.as_pdf(_context(request, child) | {"easy": easy})
    except EviError as error:
        messages.error(request, _("%(what)s Print this page instead.") % {"what": error.what})
        return redirect("passports:easy-read" if easy else "passports:print", child.public_id)
    response = HttpResponse(made, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="passport-{child.public_id}.pdf"'
    response["Cache-Control"] = "no-store"
    return response
