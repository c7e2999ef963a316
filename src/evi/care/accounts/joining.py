"""Taking up an invitation."""

from __future__ import annotations

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from evi.care.accounts import inviting
from evi.care.accounts.forms import JoinForm
from evi.care.accounts.models import Invitation, User
from evi.care.accounts.people import write_down
from evi.care.door.endpoints import endpoint
from evi.care.door.visit import Visit


@endpoint(public=True, methods=("GET", "HEAD", "POST"))
@never_cache
def join(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind an invitation's link.

    A person with an account takes it up signed in as themselves; a new one gives a name and a password.
    A link that was used, withdrawn or is too old looks like one that never was.
    """
    invitation = inviting.find(token)
    if invitation is None:
        return render(request, "accounts/invitation_over.html", status=410)
    holder = User.objects.filter(email=invitation.email).first()
    if holder is not None:
        return _known(request, invitation, holder)
    if request.user.is_authenticated:
        return render(request, "accounts/invitation_other.html", {"invitation": invitation}, status=409)
    form = JoinForm(request.POST or None, email=invitation.email)
    if not form.is_valid():
        context = {"form": form, "invitation": invitation}
        return render(request, "accounts/join.html", context, status=422 if form.errors else 200)
    try:
        with transaction.atomic():
            user = User.objects.create_user(
                invitation.email, form.cleaned_data["password"], name=form.cleaned_data["name"]
            )
            joined = _joined(invitation, user)
            if not joined:
                transaction.set_rollback(True)  # no account without the role that it was for
    except IntegrityError:
        joined = False
    if not joined:
        return render(request, "accounts/invitation_over.html", status=410)
    messages.success(request, _("Your account is ready. Sign in with your email address and your password."))
    return redirect("account_login")


def _known(request: HttpRequest, invitation: Invitation, holder: User) -> HttpResponse:
    """Somebody with an account: only they can take it up."""
    if not request.user.is_authenticated:
        context = {"invitation": invitation, "back": request.path}
        return render(request, "accounts/invitation_sign_in.html", context)
    if request.user.pk != holder.pk:
        return render(request, "accounts/invitation_other.html", {"invitation": invitation}, status=409)
    if request.method != "POST":
        return render(request, "accounts/invitation_take_up.html", {"invitation": invitation})
    if not _joined(invitation, request.user):
        return render(request, "accounts/invitation_over.html", status=410)
    messages.success(request, _("You now have this role. Choose it to work in it."))
    return redirect("accounts:acting-as")


def _joined(invitation: Invitation, user: User) -> bool:
    with transaction.atomic():
        membership = inviting.take_up(invitation, user)
        if membership is None:
            return False
        write_down(
            Visit.of(membership), f"invitation {invitation.public_id} taken up, role {membership.role}"
        )
    return True
