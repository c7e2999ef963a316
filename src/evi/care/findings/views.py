"""What the hub released to the visitor's organisation, and what was seen when somebody looked."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from evi.care.children.models import Child
from evi.care.children.views import number, visiting
from evi.care.door.endpoints import endpoint
from evi.care.door.visit import Visit
from evi.care.findings.forms import LookedForm, SameForm
from evi.care.findings.models import Finding, PerhapsSame
from evi.care.findings.summary import ITEM, counted, findings, told

A_PAGE = 25


@endpoint(signed_in=True)
@visiting
def findings_list(request: HttpRequest) -> HttpResponse:
    """Every finding for the visitor's organisation, those that nobody has looked at first."""
    page = number(request)
    start = (page - 1) * A_PAGE
    rows = list(
        findings(_visit(request)).order_by("outcome", "waiting_since", "pk")[start : start + A_PAGE + 1]
    )
    _visit(request).record("view", items=(ITEM,), note=f"list of findings, page {page}")
    context = {
        "rows": rows[:A_PAGE],
        "counts": counted(_visit(request)),
        "number": page,
        "more": len(rows) > A_PAGE,
    }
    return render(request, "findings/list.html", context)


@endpoint(action="view", item=ITEM)
def finding(request: HttpRequest, child: Child, finding: str) -> HttpResponse:
    """One finding with its reasons, its limits and what was answered; one taken back says only that."""
    found = _own(request, child, finding)
    return render(request, "findings/finding.html", _context(request, child, found, LookedForm()))


@endpoint(action="contribute", item=ITEM, methods=("POST",))
def looked(request: HttpRequest, child: Child, finding: str) -> HttpResponse:
    """Write down what came of looking; a later answer takes the place of an earlier one."""
    found = _own(request, child, finding)
    if found.release.retracted_at is not None:
        messages.info(request, _("This was taken back, so there is nothing to answer any more."))
        return redirect("children:child", child.public_id)
    form = LookedForm(request.POST)
    if not form.is_valid():
        return render(request, "findings/finding.html", _context(request, child, found, form), status=422)
    visit = _visit(request)
    with visit.writing(child, "contribute", ITEM, note=f"looked at: {form.cleaned_data['outcome']}"):
        found.outcome, found.outcome_note = form.cleaned_data["outcome"], form.cleaned_data["note"]
        found.looked_by, found.looked_at = visit.user, timezone.now()
        found.looked_role = visit.membership.role
        found.save()
    messages.success(request, _("Thank you. What you found is written down."))
    return redirect("children:child", child.public_id)


@endpoint(signed_in=True)
@visiting
def perhaps_same(request: HttpRequest) -> HttpResponse:
    """Records that may be of one child, where the visitor may see both: only a person can tell."""
    pairs = list(_pairs(request)[:A_PAGE])
    for pair in pairs:
        for each in (pair.child, pair.other):
            _visit(request).may(each, "view", "identity")
    return render(request, "findings/perhaps_same.html", {"pairs": pairs, "form": SameForm()})


@endpoint(signed_in=True, methods=("POST",))
@visiting
def answer_same(request: HttpRequest, pair: str) -> HttpResponse:
    """Keep what a person says of two records; nothing is put together by it."""
    found = get_object_or_404(_pairs(request), public_id=pair)
    form = SameForm(request.POST)
    if form.is_valid():
        found.answer = form.cleaned_data["answer"]
        found.answered_by, found.answered_at = _visit(request).user, timezone.now()
        found.save()
        for each in (found.child, found.other):
            _visit(request).record(
                "contribute", each, ["identity"], f"perhaps the same child: {found.answer}"
            )
        messages.success(request, _("Thank you. Your answer goes to those who look after the links."))
    return redirect("findings:perhaps-same")


def _visit(request: HttpRequest) -> Visit:
    visit: Visit = request.visit  # type: ignore[attr-defined]
    return visit


def _pairs(request: HttpRequest) -> QuerySet[PerhapsSame]:
    mine = _visit(request).children("view", "identity").values("pk")
    return PerhapsSame.objects.filter(answer="", child__in=mine, other__in=mine).select_related(
        "child", "other"
    )


def _own(request: HttpRequest, child: Child, public_id: str) -> Finding:
    """A finding about the child that was released to the visitor's own organisation."""
    organisation = _visit(request).membership.organisation
    found = (
        Finding.objects.filter(public_id=public_id, child=child, release__organisation=organisation)
        .select_related("release", "looked_by")
        .first()
    )
    if found is None:
        raise Http404
    return found


def _context(request: HttpRequest, child: Child, found: Finding, form: LookedForm) -> dict[str, object]:
    return {
        "child": child,
        "finding": found,
        "told": told(_visit(request), child, found),
        "form": form,
        "may_answer": _visit(request).can(child, "contribute", ITEM),
    }
