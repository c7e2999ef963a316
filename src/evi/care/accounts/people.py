"""The people of an organisation, kept by its administrator: who has which role, in which teams."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from evi.care.accounts import inviting
from evi.care.accounts.elsewhere import end_sessions
from evi.care.accounts.forms import InvitationForm, RoleForm, TeamForm
from evi.care.accounts.models import Membership, Organisation, Team
from evi.care.door.endpoints import endpoint
from evi.care.door.visit import Visit

DUTY = "manage-organisation"
GET_AND_POST = ("GET", "HEAD", "POST")


def write_down(visit: Visit, note: str) -> None:
    """One entry of the ledger about an account, in the transaction of the change itself."""
    visit.record("manage", note=note)
    visit.write_ledger()


@endpoint(duty=DUTY)
def people(request: HttpRequest) -> HttpResponse:
    """Who works here, and who is invited."""
    organisation = _organisation(request)
    live = (
        Membership.objects.live()
        .filter(organisation=organisation)
        .select_related("user")
        .prefetch_related("teams")
        .order_by("user__name", "pk")
    )
    context = {
        "organisation": organisation,
        "members": live,
        "invitations": inviting.open_now(organisation).select_related("made_by"),
        "teams": Team.objects.filter(organisation=organisation).order_by("name"),
        "team_form": TeamForm(),
    }
    return render(request, "accounts/people.html", context)


@endpoint(duty=DUTY, methods=GET_AND_POST)
def invite(request: HttpRequest) -> HttpResponse:
    """Invite somebody to a role here."""
    visit, organisation = _visit(request), _organisation(request)
    form = InvitationForm(request.POST or None, organisation=organisation)
    if not form.is_valid():
        return render(request, "accounts/invite.html", {"form": form}, status=422 if form.errors else 200)
    with transaction.atomic():
        made, token = inviting.invite(organisation, visit.user, form.cleaned_data)
        write_down(visit, f"invitation {made.public_id} made, role {made.role}")
    address = request.build_absolute_uri(reverse("accounts:join", args=[token]))
    if settings.EVI_MAIL:
        inviting.send(made, address)
        messages.success(request, _("The invitation is on its way."))
        return redirect("accounts:people")
    return render(request, "accounts/invited.html", {"invitation": made, "address": address})


@endpoint(duty=DUTY, methods=("POST",))
def withdraw(request: HttpRequest, invitation: str) -> HttpResponse:
    """Take an invitation back."""
    with transaction.atomic():
        found = get_object_or_404(inviting.open_now(_organisation(request)), public_id=invitation)
        found.closed_at = timezone.now()
        found.save(update_fields=["closed_at"])
        write_down(_visit(request), f"invitation {found.public_id} withdrawn")
    messages.success(request, _("The invitation no longer works."))
    return redirect("accounts:people")


@endpoint(duty=DUTY, methods=("POST",))
def teams(request: HttpRequest) -> HttpResponse:
    """Add a team."""
    form = TeamForm(request.POST, instance=Team(organisation=_organisation(request)))
    if form.is_valid():
        with transaction.atomic():
            made = form.save()
            write_down(_visit(request), f"team {made.pk} made")
        messages.success(request, _("The team is added."))
    else:
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
    return redirect("accounts:people")


@endpoint(duty=DUTY, methods=GET_AND_POST)
def person(request: HttpRequest, person: str) -> HttpResponse:
    """One person's roles here: change, give another, end."""
    visit, organisation = _visit(request), _organisation(request)
    held = list(
        Membership.objects.live()
        .filter(organisation=organisation, user__public_id=person)
        .select_related("user")
        .prefetch_related("teams")
    )
    if not held:
        raise Http404
    form = RoleForm(
        request.POST if "save" in request.POST else None, organisation=organisation, initial=_first(held)
    )
    if request.method == "POST" and "end" in request.POST:
        return _end(request, visit, held)
    if form.is_valid():
        said = form.cleaned_data
        with transaction.atomic():
            given = inviting.give(
                held[0].user,
                organisation,
                role=said["role"],
                title=said["title"],
                leads_team=said.get("leads_team", False),
                teams=said.get("teams", ()),
            )
            write_down(visit, f"role {given.role} of {person} given or changed")
        messages.success(request, _("The role is saved."))
        return redirect("accounts:person", person)
    context = {"form": form, "held": held, "them": held[0].user}
    return render(request, "accounts/person.html", context, status=422 if form.errors else 200)


def _end(request: HttpRequest, visit: Visit, held: list[Membership]) -> HttpResponse:
    """End one role from today on. The last administrator stays: nobody could let anybody in any more."""
    chosen = next((each for each in held if str(each.pk) == request.POST["end"]), None)
    if chosen is None:
        raise Http404
    organisation = chosen.organisation
    with transaction.atomic():
        # Two administrators who end each other at once would otherwise both succeed.
        Organisation.objects.select_for_update().get(pk=organisation.pk)
        others = Membership.objects.live().filter(organisation=organisation, role="administrator")
        if chosen.role == "administrator" and not others.exclude(pk=chosen.pk).exists():
            messages.error(request, _("This is the last administrator. Make somebody else one first."))
            return redirect("accounts:person", chosen.user.public_id)
        Membership.objects.filter(pk=chosen.pk).update(until=timezone.localdate())
        end_sessions(chosen.user, but=request.session.session_key)
        write_down(visit, f"role {chosen.role} of {chosen.user.public_id} ended")
    messages.success(request, _("The role has ended."))
    return redirect("accounts:people")


def _first(held: list[Membership]) -> dict[str, Any]:
    first = held[0]
    return {
        "role": first.role,
        "title": first.title,
        "leads_team": first.leads_team,
        "teams": [team.pk for team in first.teams.all()],
    }


def _visit(request: HttpRequest) -> Visit:
    visit: Visit = request.visit  # type: ignore[attr-defined]
    return visit


def _organisation(request: HttpRequest) -> Organisation:
    return _visit(request).membership.organisation
