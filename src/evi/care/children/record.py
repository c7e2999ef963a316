"""The pages of one child: the record, the chronology, the index, and leaving the district."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _

from evi.care.children import chronology, moving, timeline, vulnerability
from evi.care.children.forms import EntryForm, FilterForm, MoveForm
from evi.care.children.models import Child
from evi.care.children.portrait import portrait
from evi.care.children.telling import leaves
from evi.care.children.views import number, visit_of
from evi.care.door.endpoints import endpoint
from evi.care.door.visit import Refused
from evi.sharing.vocabulary import vocabulary

WRITE = ("GET", "HEAD", "POST")
UNFIT = 422


@endpoint(action="view", item="identity")
def child(request: HttpRequest, child: Child) -> HttpResponse:
    """Who this child is, what helps, what happens now, what is due, who is round them, what is not known."""
    context = _about(request, child, "children:child") | {"portrait": portrait(request, child)}
    return render(request, "children/child.html", context)


@endpoint(action="view", item="chronology.*")
def chronology_page(request: HttpRequest, child: Child) -> HttpResponse:
    """What happened, from pregnancy on, as far as it may be read. `?kind=` of a closed kind is refused."""
    visit = visit_of(request)
    asked = request.GET.get("kind", "")
    if asked in chronology.kinds():
        visit.check(child, "view", asked)
    reading = chronology.read(visit, child)
    form = FilterForm(request.GET or None, kinds=reading.open)
    page = number(request)
    points, entries = chronology.page_of(reading, form.filters if form.is_bound else None, page)
    picture = timeline.draw(
        points,
        {kind: vocabulary().items[kind].title for kind in reading.open},
        child.birth_date,
        mirrored=translation.get_language_bidi(),
    )
    context = _about(request, child, "children:chronology") | {
        "reading": reading,
        "form": form,
        "entries": entries,
        "picture": picture,
        "total": len(points),
        "number": page,
        "pages": max(1, -(-len(points) // chronology.PAGE)),
        "query": _query(request),
        "own": chronology.own_kinds(visit, child),
    }
    return render(request, "children/chronology.html", context)


@endpoint(action="contribute", item="chronology.*", methods=WRITE)
def add_entry(request: HttpRequest, child: Child) -> HttpResponseBase:
    """Add an entry, with fact and opinion apart, to a kind that the visitor's own service holds."""
    visit = visit_of(request)
    kinds = chronology.own_kinds(visit, child)
    if not kinds:
        raise Refused(
            visit.decision(child, "contribute", "chronology.*"), "contribute", "chronology.*", child
        )
    form = EntryForm(request.POST or None, kinds=kinds, born=child.birth_date)
    if request.method == "POST" and form.is_valid():
        chronology.add(visit, child, **form.cleaned_data)
        messages.success(request, _("The entry is in the chronology."))
        return redirect("children:chronology", child.public_id)
    visit.record("contribute", child, note="the form was opened, nothing was written")
    context = {"child": child, "form": form}
    return render(request, "children/add_entry.html", context, status=UNFIT if form.errors else 200)


@endpoint(action="view", item="index")
def index(request: HttpRequest, child: Child) -> HttpResponse:
    """The index as reasons by domain, with what is not known: never a lone number."""
    context = _about(request, child, "children:index") | {
        "index": vulnerability.latest(visit_of(request), child)
    }
    return render(request, "children/index.html", context)


@endpoint(action="contribute", item="contact", methods=WRITE)
def move_out(request: HttpRequest, child: Child) -> HttpResponseBase:
    """Note that the child has left the district."""
    form = MoveForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        moving.move_out(visit_of(request), child, form.cleaned_data["on"], form.cleaned_data["to"])
        messages.success(request, _("It is noted that this child has left the district."))
        return redirect("children:child", child.public_id)
    context = {"child": child, "form": form}
    return render(request, "children/move_out.html", context, status=UNFIT if form.errors else 200)


@endpoint(action="view", item="contact", methods=("POST",))
def come_back(request: HttpRequest, child: Child) -> HttpResponseBase:
    """Note that the child lives in the district again; for whoever could have noted that they left."""
    if child.moved_out_on is None:
        return redirect("children:child", child.public_id)
    if not moving.may_come_back(visit_of(request), child):
        decision = visit_of(request).may(child, "contribute", "contact")
        raise Refused(decision, "contribute", "contact", child)
    moving.come_back(visit_of(request), child)
    messages.success(request, _("It is noted that this child lives in the district."))
    return redirect("children:child", child.public_id)


def _about(request: HttpRequest, child: Child, here: str) -> dict[str, Any]:
    """What the head of each page of a child shows."""
    return {"child": child, "leaves": leaves(visit_of(request), child, here), "items": vocabulary().items}


def _query(request: HttpRequest) -> str:
    """The filters of this address without the page, to go before `page=`."""
    kept = request.GET.copy()
    kept.pop("page", None)
    return f"{kept.urlencode()}&" if kept else ""
