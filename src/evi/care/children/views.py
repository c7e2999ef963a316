"""Finding children: search and lists."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, cast

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from evi.care.children import searching
from evi.care.children.forms import SearchForm
from evi.care.children.listing import page_of
from evi.care.door.endpoints import endpoint

if TYPE_CHECKING:
    from evi.care.door.visit import Visit

BUSY = 429


def visit_of(request: HttpRequest) -> Visit:
    """The visit that the middleware made."""
    return cast("Visit", request.visit)  # type: ignore[attr-defined]


def visiting(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Send whoever acts as nobody yet to choose; for pages that ask for no child."""

    @wraps(view)
    def chosen(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.visit is None:  # type: ignore[attr-defined]
            return redirect("accounts:acting-as")
        return view(request, *args, **kwargs)

    return chosen


@endpoint(signed_in=True)
@visiting
def children(request: HttpRequest) -> HttpResponse:
    """The children whom the visitor may see, a page at a time."""
    page = page_of(visit_of(request), number(request))
    return render(request, "children/list.html", {"page": page})


@endpoint(signed_in=True, methods=("GET", "HEAD", "POST"))
@visiting
def search(request: HttpRequest) -> HttpResponse:
    """The question. Its answer has an address of its own, so that going back from a child shows it again."""
    if request.method != "POST":
        return render(request, "children/search.html", {"form": SearchForm()})
    form = SearchForm(request.POST)
    if not form.is_valid():
        return render(request, "children/search.html", {"form": form}, status=422)
    try:
        record = searching.keep(visit_of(request).user, form.question)
    except searching.TooMany:
        return render(request, "children/search_busy.html", {"limit": searching.PER_MINUTE}, status=BUSY)
    return redirect("children:found", record.public_id)


@endpoint(signed_in=True)
@visiting
def found(request: HttpRequest, record: str) -> HttpResponse:
    """Who was found, for the question kept under this id; asked anew, so nobody is shown who may not be."""
    question = searching.kept(visit_of(request).user, record)
    if question is None:
        context = {"form": SearchForm(), "gone": _("This search is too old to show. Please search again.")}
        return render(request, "children/search.html", context, status=404)
    results = searching.search(visit_of(request), question)
    form = SearchForm(initial={"text": question.text[:200], "born": question.born})
    return render(request, "children/search.html", {"form": form, "results": results})


def number(request: HttpRequest) -> int:
    """Which page is asked for; 1 for anything that is no page."""
    said = request.GET.get("page", "1")
    return max(1, int(said)) if said.isascii() and said.isdigit() and len(said) < 6 else 1
