"""The pages on which a copy of a child's record is taken out, and a file from elsewhere is brought in."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from evi.care.children.models import Child
from evi.care.door.endpoints import endpoint
from evi.care.door.visit import Visit
from evi.care.exchange import isp, paper, receiving
from evi.care.exchange.dossier import Dossier
from evi.care.exchange.faults import BadFileError
from evi.care.exchange.fhir_out import to_bundle
from evi.care.exchange.files import FHIR, read_file
from evi.care.exchange.forms import BringInForm, DecideForm, TakeOutForm
from evi.care.exchange.gather import gather
from evi.care.exchange.models import Incoming
from evi.care.limits import COPIES, limited
from evi.sharing.vocabulary import vocabulary
from evi.workspace import EviError

UNFIT = 422
WRITE = ("GET", "HEAD", "POST")
SHOWN_FAULTS = 20


def _visit(request: HttpRequest) -> Visit:
    visit: Visit = request.visit  # type: ignore[attr-defined]
    return visit


@endpoint(action="export", item="passport.*", methods=WRITE)
@limited("copies", COPIES)
def exchange(request: HttpRequest, child: Child) -> HttpResponse:
    """Take a copy out: choose its form and its parts, and see what would be left out and why."""
    visit = _visit(request)
    form = TakeOutForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        dossier = gather(visit, child, data["parts"])
        if data["form"] == FHIR:
            return _file(
                to_bundle(dossier), "application/fhir+json", f"needs-passport-{dossier.made_at:%Y-%m-%d}.json"
            )
        body = isp.to_isp(dossier, data["layer"])
        return _file(body, "application/json", f"support-plan-{dossier.made_at:%Y-%m-%d}.json")
    asked = [*(item for item in vocabulary().items if item.startswith("passport.")), "plan"]
    closed = [(vocabulary().items[item].title, visit.decision(child, "export", item)) for item in asked]
    context = {
        "child": child,
        "form": form,
        "closed": [(title, said) for title, said in closed if not said.permitted and said.why != "withheld"],
        "may_bring_in": visit.can(child, "contribute", "passport.*"),
    }
    return render(request, "exchange/exchange.html", context, status=UNFIT if form.errors else 200)


@endpoint(action="export", item="passport.*")
def support_plan(request: HttpRequest, child: Child) -> HttpResponse:
    """The Individual Support Plan to read and to print."""
    context = paper.contents(gather(_visit(request), child), _layer(request))
    return render(request, "exchange/isp.html", {"child": child, **context})


@endpoint(action="export", item="passport.*")
@limited("copies", COPIES)
def support_plan_pdf(request: HttpRequest, child: Child) -> HttpResponse:
    """The same as PDF."""
    try:
        made = paper.as_pdf(
            {"child": child, **paper.contents(gather(_visit(request), child), _layer(request))}
        )
    except EviError as error:
        messages.error(request, f"{error.what} {error.do}")
        return redirect("exchange:support-plan", child.public_id)
    return HttpResponse(made, content_type="application/pdf", headers=_headers("support-plan.pdf"))


@endpoint(action="contribute", item="passport.*", methods=WRITE)
@limited("copies", COPIES)
def bring_in(request: HttpRequest, child: Child) -> HttpResponse:
    """Bring a file in for this child; earlier ones are listed."""
    visit = _visit(request)
    form = BringInForm(request.POST or None, request.FILES or None)
    faults: list[Any] = []
    if request.method == "POST" and form.is_valid():
        try:
            incoming = receiving.receive(visit, child, read_file(form.cleaned_data["file"]))
        except BadFileError as error:
            form.add_error("file", capfirst(error.what))
            faults = list(error.faults)
        else:
            return redirect("exchange:incoming", child.public_id, incoming.public_id)
    rows = Incoming.objects.filter(child=child).select_related(
        "received_by__user", "received_by__organisation"
    )
    context = {
        "child": child,
        "form": form,
        "faults": faults[:SHOWN_FAULTS],
        "more": max(0, len(faults) - SHOWN_FAULTS),
        "incoming": list(rows),
        "may_take_out": visit.can(child, "export", "passport.*"),
    }
    return render(request, "exchange/bring_in.html", context, status=UNFIT if form.errors else 200)


@endpoint(action="contribute", item="passport.*", methods=WRITE)
def incoming(request: HttpRequest, child: Child, incoming: str) -> HttpResponse:
    """One file that came in: what it brought, or who it says that it is about, for a person to decide."""
    visit = _visit(request)
    found = (
        Incoming.objects.filter(child=child, public_id=incoming)
        .select_related("child", "received_by__user", "decided_by__user")
        .first()
    )
    if found is None:
        raise Http404
    waits = found.status == Incoming.Status.WAITING
    form = DecideForm(request.POST or None) if waits else None
    if form is not None and request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        receiving.decide(visit, found, data["same"] == "yes", data["why"])
        messages.success(request, _("Your decision was kept."))
        return redirect("exchange:incoming", child.public_id, incoming)
    numbers = visit.can(child, "view", "identifiers")
    context = {
        "child": child,
        "incoming": found,
        "form": form,
        "said": isp.whole(Dossier, found.content) if found.content else None,
        "numbers": numbers and visit.may(child, "view", "identifiers").permitted,
    }
    return render(request, "exchange/incoming.html", context, status=UNFIT if form and form.errors else 200)


def _layer(request: HttpRequest) -> str:
    asked = request.GET.get("layer", "")
    return asked if asked in isp.LAYERS else ""


def _file(body: dict[str, Any], kind: str, name: str) -> HttpResponse:
    text = json.dumps(body, ensure_ascii=False, indent=1)
    return HttpResponse(text, content_type=kind, headers=_headers(name))


def _headers(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
