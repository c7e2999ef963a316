"""Pages about blockages: raise one, the board, one of them, decide."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from evi.care.children.models import Child
from evi.care.door import blocking, rows
from evi.care.door.endpoints import VisitRequest, acting, endpoint
from evi.care.door.forms import DecideForm, RaiseForm
from evi.care.door.models import Blockage
from evi.care.door.visit import Visit
from evi.sharing.blockages import CHANGED, stages
from evi.sharing.vocabulary import vocabulary
from evi.workspace import EviError

BOTH_WAYS = ("GET", "HEAD", "POST")
SHOWN = 100


@endpoint(signed_in=True, methods=("POST",))
@acting
@rows.every_row()
def raise_(request: VisitRequest) -> HttpResponse:
    """Keep a refusal as a blockage. The door is asked again: what the form says of it is not believed."""
    visit = request.visit
    form = RaiseForm(request.POST)
    if not form.is_valid():
        return render(request, "door/raise.html", {"form": form}, status=422)
    said = form.cleaned_data
    child = Child.objects.filter(public_id=said["child"]).first()
    if child is None:
        decision = visit.decision_of_nobody(said["action"], said["item"])
    else:
        decision = visit.decision(child, said["action"], said["item"])
        if decision.permitted:
            messages.info(request, _("You can see this already: nothing stops you."))
            return redirect("children:child", child.public_id)
    made = blocking.raise_blockage(visit, child, said["action"], said["item"], decision, said["harm"])
    messages.success(request, _("Your request was sent. You can follow it on My work."))
    return redirect("door:blockage", made.public_id)


@endpoint(duty="blockages-board")
@rows.every_row()
def board(request: VisitRequest) -> HttpResponse:
    """Every blockage that this membership sees, with the board's figures."""
    visit = request.visit
    visit.record("view", items=["duty:blockages-board"])
    seen = blocking.seen_by(visit.membership)
    context = {
        "figures": blocking.board_figures(visit.membership),
        "open": seen.filter(closed_at=None)[:SHOWN],
        "closed": seen.exclude(closed_at=None).order_by("-closed_at")[:SHOWN],
        "stages": stages().stages,
        "items": vocabulary().items,
    }
    return render(request, "door/blockages.html", context)


@endpoint(signed_in=True, methods=BOTH_WAYS)
@acting
@rows.every_row()
def blockage(request: VisitRequest, blockage: str) -> HttpResponse:
    """One blockage: for whoever raised it, and for those on whose board it is."""
    visit = request.visit
    mine = Blockage.objects.filter(public_id=blockage, raised_by__user=visit.user).exists()
    if not mine:
        visit.check_duty("blockages-board")
    shown = Blockage.objects.all() if mine else blocking.seen_by(visit.membership)
    row = (
        shown.select_related("child", "raised_by__user", "raised_by__organisation", "closed_by__user")
        .filter(public_id=blockage)
        .first()
    )
    if row is None:
        return render(request, "404.html", status=404)
    decides = not mine and blocking.may_decide(visit.membership, row)
    form = DecideForm(request.POST or None) if decides else None
    if (
        form is not None
        and request.method == "POST"
        and form.is_valid()
        and _decide(request, visit, row, form)
    ):
        return redirect("door:blockage", row.public_id)
    visit.record("view", items=[], note=f"blockage {row.public_id}")
    named = row.child is not None and visit.can(row.child, "view", "identity")
    context = {
        "row": row,
        "form": form,
        "named": named,
        "item": vocabulary().items[row.item],
        "stage": stages().stages[row.stage],
        "stages": stages().stages,
        "events": row.events.select_related("by__user", "by__organisation"),
    }
    return render(request, "door/blockage.html", context, status=422 if form and form.errors else 200)


def _decide(request: VisitRequest, visit: Visit, row: Blockage, form: DecideForm) -> bool:
    close = blocking.close_by_agreement if form.cleaned_data["how"] == CHANGED else blocking.close_with_no
    try:
        close(visit, row, form.cleaned_data["reason"])
    except EviError as error:
        form.add_error("how", error.what)
        return False
    messages.success(request, _("Your decision was recorded, and the person who asked will see it."))
    return True
