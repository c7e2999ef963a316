"""Pages about emergency views: open one, end it, review those of others."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from evi.care.children.models import Child
from evi.care.door import emergencies, rows
from evi.care.door.emergencies import EMERGENCY_ON
from evi.care.door.endpoints import VisitRequest, acting, endpoint
from evi.care.door.forms import EmergencyForm, ReasonForm, ReviewForm
from evi.care.door.models import BreakGlass
from evi.care.door.visit import Visit
from evi.sharing.emergency import PURPOSE, emergency_rules

BOTH_WAYS = ("GET", "HEAD", "POST")
SHOWN = 100


@endpoint(signed_in=True, methods=BOTH_WAYS)
@acting
@rows.every_row()
def emergency(request: VisitRequest) -> HttpResponse:
    """Find one child by exact identifiers and open an emergency view. Every try is in the ledger."""
    visit = request.visit
    if request.method == "POST" or not visit.decision_of_nobody("search", "identity", PURPOSE).permitted:
        visit.check_of_nobody("search", "identity", PURPOSE)
    form = EmergencyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        number = "".join(said["number"].split())
        names = (said["given_name"], said["family_name"])
        is_nhs = number.isdigit()
        child = emergencies.find(number if is_nhs else "", "" if is_nhs else number, said["born"], names)
        if child is not None:
            return _open(request, visit, child, said["reason"])
        form.add_error(
            "number", _("No one child has exactly these. Check them, or call the service you know.")
        )
    context = {"form": form, "minutes": emergency_rules().minutes}
    return render(request, "door/emergency.html", context, status=422 if form.errors else 200)


@endpoint(action="view", item="identity", methods=BOTH_WAYS)
def emergency_child(request: VisitRequest, child: Child) -> HttpResponse:
    """Open an emergency view of a child whom the visitor knows."""
    visit = request.visit
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _open(request, visit, child, form.cleaned_data["reason"])
    context = {"form": form, "child": child, "minutes": emergency_rules().minutes}
    return render(request, "door/emergency.html", context, status=422 if form.errors else 200)


def _open(request: VisitRequest, visit: Visit, child: Child, reason: str) -> HttpResponse:
    view = emergencies.open_view(visit, child, reason)
    request.session[EMERGENCY_ON] = view.ends_at.timestamp()
    messages.warning(request, _("The emergency view is on. The data guardian has been told."))
    return redirect("children:child", child.public_id)


@endpoint(signed_in=True, methods=("POST",))
@acting
def emergency_end(request: VisitRequest, view: str) -> HttpResponse:
    """End an emergency view early."""
    visit = request.visit
    row = (
        BreakGlass.objects.select_related("child").filter(public_id=view, membership=visit.membership).first()
    )
    if row is None:
        return render(request, "404.html", status=404)
    emergencies.end(visit, row)
    messages.success(request, _("The emergency view has ended."))
    return redirect("my-work")


@endpoint(duty="review-break-glass")
@rows.every_row()
def reviews(request: VisitRequest) -> HttpResponse:
    """Emergency views, those that wait for review first."""
    visit = request.visit
    visit.record("view", items=["duty:review-break-glass"])
    views = emergencies.to_review(visit.membership)
    context = {
        "waiting": views.filter(reviewed_at=None).order_by("review_due")[:SHOWN],
        "reviewed": views.exclude(reviewed_at=None)[:SHOWN],
    }
    return render(request, "door/emergencies.html", context)


@endpoint(duty="review-break-glass", methods=BOTH_WAYS)
@rows.every_row()
def review(request: VisitRequest, view: str) -> HttpResponse:
    """One emergency view: why it was opened, what it showed, and whether it was justified."""
    visit = request.visit
    row = emergencies.to_review(visit.membership).filter(public_id=view).first()
    if row is None:
        return render(request, "404.html", status=404)
    mine = row.membership.user_id == visit.user.pk
    form = None if row.reviewed_at or mine else ReviewForm(request.POST or None)
    if form is not None and request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        if emergencies.review(visit, row, said["justified"] == "yes", said["note"]):
            messages.success(request, _("Your review was recorded."))
        else:
            messages.info(request, _("Somebody reviewed it before you."))
        return redirect("door:emergency-reviews")
    visit.record("view", items=["duty:review-break-glass"], note=f"emergency view {row.public_id}")
    context = {"row": row, "form": form, "named": visit.can(row.child, "view", "identity")}
    return render(request, "door/emergency_review.html", context, status=422 if form and form.errors else 200)
