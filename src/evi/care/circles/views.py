"""Pages of the circle: who is in it, inviting and asking, leaving, and who leads."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from evi.care.accounts.models import Membership
from evi.care.children.models import Child
from evi.care.circles import joining
from evi.care.circles.forms import AskForm, InviteForm, ReasonForm
from evi.care.circles.models import Joining, Lead, Place
from evi.care.circles.people import members, past_places, people
from evi.care.circles.picture import picture
from evi.care.dated import live_on
from evi.care.door.endpoints import endpoint
from evi.care.door.rows import every_row
from evi.care.door.visit import Visit

BOTH = ("GET", "HEAD", "POST")
WRONG = 422


@endpoint(action="view", item="circle")
def circle(request: HttpRequest, child: Child) -> HttpResponse:
    """Who is round this child."""
    visit: Visit = request.visit  # type: ignore[attr-defined]
    leads = list(Lead.objects.filter(child=child).select_related("membership__user"))
    here = people(child, visit.day, leads)
    mine = next((one for one in here if one.membership and one.membership.pk == visit.membership.pk), None)
    waiting = Joining.objects.filter(child=child, status=Joining.Status.WAITING)
    context = {
        "child": child,
        "people": here,
        "picture": picture(child.name, here),
        "mine": mine,
        "leads": leads,
        "past": past_places(child, visit.day),
        "waiting": waiting.select_related("membership__user", "membership__organisation", "made_by__user"),
        "may_invite": visit.can(child, "invite", "circle"),
        "may_messages": visit.can(child, "view", "messages"),
        "may_tasks": visit.can(child, "view", "tasks"),
        "leading": [one for one in here if one.membership and not one.family],
    }
    return render(request, "circles/circle.html", context)


@endpoint(action="invite", item="circle", methods=BOTH)
def invite(request: HttpRequest, child: Child) -> HttpResponse:
    """Invite somebody."""
    visit: Visit = request.visit  # type: ignore[attr-defined]
    form = InviteForm(request.POST or None, visit=visit, child=child, family=_family(visit, child))
    if request.method == "POST" and form.is_valid() and form.membership is not None:
        given = form.cleaned_data
        try:
            joining.invite(visit, child, form.membership, part=given["part"], why=given["why"])
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("The invitation is sent. They will find it in My work."))
            return redirect("circles:circle", child=child.public_id)
    return _page(request, "circles/invite.html", child, form)


@endpoint(signed_in=True, methods=BOTH)
def invitation(request: HttpRequest, child: str, joining_id: str) -> HttpResponse:
    """The invited person reads why, and answers. Until then they are told nothing of the child."""
    visit: Visit | None = request.visit  # type: ignore[attr-defined]
    if visit is None:
        raise Http404
    with every_row():  # only their own invitation, whose child the database hides from them
        asked = get_object_or_404(
            Joining.objects.select_related("child", "membership", "made_by__user", "made_by__organisation"),
            public_id=joining_id,
            child__public_id=child,
            kind=Joining.Kind.INVITATION,
            membership=visit.membership,
        )
    error = ""
    if request.method == "POST":
        accept = request.POST.get("answer") == "accept"
        try:
            joining.answer(visit, asked, accept=accept)
        except ValidationError as found:
            error = found.messages[0]
        else:
            if accept:
                messages.success(request, _("You are in the circle now."))
                return redirect("children:child", child=child)
            messages.success(request, _("You have declined. The circle can see that."))
            return redirect("my-work")
    known = visit.can(asked.child, "view", "identity")
    context = {"asked": asked, "known": known, "error": error}
    return render(request, "circles/invitation.html", context, status=WRONG if error else 200)


@endpoint(action="invite", item="circle", methods=("POST",))
def withdraw(request: HttpRequest, child: Child, joining_id: str) -> HttpResponse:
    """Take back an invitation."""
    asked = _waiting(child, joining_id, Joining.Kind.INVITATION)
    return _done(request, child, _("The invitation is taken back."), joining.withdraw, asked)


@endpoint(action="view", item="identity", methods=BOTH)
def ask(request: HttpRequest, child: Child) -> HttpResponse:
    """Ask to join."""
    form = AskForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            joining.ask(request.visit, child, **form.cleaned_data)  # type: ignore[attr-defined]
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("You have asked to join. The answer will be in My work."))
            return redirect("children:child", child=child.public_id)
    return _page(request, "circles/ask.html", child, form)


@endpoint(action="invite", item="circle", methods=BOTH)
def decide(request: HttpRequest, child: Child, joining_id: str) -> HttpResponse:
    """Answer a request to join."""
    asked = _waiting(child, joining_id, Joining.Kind.REQUEST)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        accept = request.POST.get("answer") == "accept"
        try:
            joining.decide(
                request.visit,  # type: ignore[attr-defined]
                asked,
                accept=accept,
                reason=form.cleaned_data["reason"],
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            said = _("They are in the circle now.") if accept else _("The request is declined.")
            messages.success(request, said)
            return redirect("circles:circle", child=child.public_id)
    return _page(request, "circles/decide.html", child, form, asked=asked)


@endpoint(action="invite", item="circle", methods=BOTH)
def remove(request: HttpRequest, child: Child, place_id: str) -> HttpResponse:
    """Take somebody out, after asking once."""
    place = _place(request, child, public_id=place_id)
    if request.method == "POST":
        said = _("They are not in the circle any more, and can't see what it opened to them.")
        return _done(request, child, said, joining.remove, child, place)
    return render(request, "circles/remove.html", {"child": child, "place": place, "leaving": False})


@endpoint(action="view", item="circle", methods=BOTH)
def leave(request: HttpRequest, child: Child) -> HttpResponse:
    """Leave the circle, after being asked once."""
    place = _place(request, child, membership=request.visit.membership)  # type: ignore[attr-defined]
    if request.method == "POST":
        joining.leave(request.visit, child, place)  # type: ignore[attr-defined]
        messages.success(request, _("You have left the circle."))
        return redirect("my-work")
    return render(request, "circles/remove.html", {"child": child, "place": place, "leaving": True})


@endpoint(action="invite", item="circle", methods=("POST",))
def lead(request: HttpRequest, child: Child) -> HttpResponse:
    """Name the lead practitioner."""
    day = request.visit.day  # type: ignore[attr-defined]
    chosen = {str(each.pk): each for each in members(child, day)}.get(request.POST.get("lead", ""))
    if chosen is None:
        messages.error(request, _("The lead must be somebody in the circle."))
        return redirect("circles:circle", child=child.public_id)
    return _done(request, child, _("The lead is named."), joining.set_lead, child, chosen)


def _done(request: HttpRequest, child: Child, said: str, act: Any, *arguments: Any) -> HttpResponse:
    """Do something to a circle and go back to its page, with what happened."""
    try:
        act(request.visit, *arguments)  # type: ignore[attr-defined]
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, said)
    return redirect("circles:circle", child=child.public_id)


def _page(request: HttpRequest, template: str, child: Child, form: Any, **more: Any) -> HttpResponse:
    context = {"child": child, "form": form, **more}
    return render(request, template, context, status=WRONG if form.errors else 200)


def _family(visit: Visit, child: Child) -> list[Membership]:
    """Parents, carers and the young person, as far as they sign in and are not in the circle yet."""
    users = child.ties.filter(live_on(visit.day), kind__in=("parent-of", "self"), user__isnull=False)
    found = Membership.objects.live(visit.day).filter(
        user__in=users.values("user"), role__in=("parent", "young-person")
    )
    there = {each.pk for each in members(child, visit.day)}
    return [each for each in found.select_related("user", "organisation") if each.pk not in there]


def _waiting(child: Child, joining_id: str, kind: str) -> Joining:
    waiting = Joining.objects.select_related("child", "membership__user", "membership__organisation")
    return get_object_or_404(
        waiting, public_id=joining_id, child=child, kind=kind, status=Joining.Status.WAITING
    )


def _place(request: HttpRequest, child: Child, **which: Any) -> Place:
    day = request.visit.day  # type: ignore[attr-defined]
    live = Place.objects.filter(live_on(day, "tie__"), child=child, **which)
    return get_object_or_404(live.select_related("tie", "membership__user", "membership__organisation"))
