"""A person's own pages: the role that they act in, their language, how they sign in."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import check_for_language, override
from django.utils.translation import gettext as _
from django.views.i18n import set_language

from evi.care.accounts.forms import ActingAsForm
from evi.care.accounts.models import Membership, User
from evi.care.accounts.signing import second_steps
from evi.care.door.endpoints import endpoint
from evi.care.door.middleware import ACTING_AS

GET_AND_POST = ("GET", "HEAD", "POST")


@endpoint(signed_in=True)
def account(request: HttpRequest) -> HttpResponse:
    """Who I am here, my roles, and how I sign in."""
    user = cast(User, request.user)
    live = Membership.objects.live().filter(user=user).select_related("organisation")
    return render(request, "accounts/account.html", {"mine": live, "steps": second_steps(user)})


@endpoint(signed_in=True, methods=GET_AND_POST)
def acting_as(request: HttpRequest) -> HttpResponse:
    """Choose the role to act in, where a person has several."""
    live = Membership.objects.live().filter(user=cast(User, request.user)).select_related("organisation")
    form = ActingAsForm(
        request.POST or None, memberships=live, initial={"role": request.session.get(ACTING_AS)}
    )
    if form.is_valid():
        request.session.cycle_key()  # other rights, another session
        request.session[ACTING_AS] = form.cleaned_data["role"]
        return redirect(settings.LOGIN_REDIRECT_URL)
    return render(
        request, "accounts/acting_as.html", {"form": form, "mine": live}, status=422 if form.errors else 200
    )


@endpoint(public=True, methods=("POST",))
def language(request: HttpRequest) -> HttpResponse:
    """Keep the language that the reader chose: in a cookie, and with their account if they are signed in."""
    response = set_language(request)
    code = request.POST.get("language", "")
    if check_for_language(code) and code in dict(settings.LANGUAGES):
        if request.user.is_authenticated:
            User.objects.filter(pk=request.user.pk).update(language=code)
        with override(code):
            messages.success(request, _("Pages are now in the language that you chose."))
    return response


@endpoint(signed_in=True)
def second_step(request: HttpRequest) -> HttpResponse:
    """Why a second step is needed to sign in, and the ways to set one up."""
    context: dict[str, Any] = {"steps": second_steps(cast(User, request.user))}
    return render(request, "accounts/second_step.html", context)
