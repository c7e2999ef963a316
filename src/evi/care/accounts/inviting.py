"""Invitations: made by an administrator, taken up once by the person they are for."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from django.core.mail import send_mail
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from evi.care.accounts.models import Invitation, Membership, Organisation, User

DAYS = 7
"""How long a link works."""


def digest(token: str) -> str:
    """What is kept of a link's secret."""
    return hashlib.sha256(token.encode()).hexdigest()


def invite(organisation: Organisation, by: User, said: dict[str, Any]) -> tuple[Invitation, str]:
    """A new invitation and the secret of its link, kept nowhere. An older one for the same role ends."""
    token = secrets.token_urlsafe(32)
    open_now(organisation).filter(email=said["email"], role=said["role"]).update(closed_at=timezone.now())
    made = Invitation.objects.create(
        digest=digest(token),
        email=said["email"],
        organisation=organisation,
        role=said["role"],
        title=said.get("title", ""),
        leads_team=said.get("leads_team", False),
        made_by=by,
        expires_at=timezone.now() + timedelta(days=DAYS),
    )
    made.teams.set(said.get("teams", ()))
    return made, token


def open_now(organisation: Organisation | None = None) -> Any:
    """Invitations that can still be taken up."""
    found = Invitation.objects.filter(closed_at__isnull=True, expires_at__gt=timezone.now())
    return found.filter(organisation=organisation) if organisation else found


def find(token: str) -> Invitation | None:
    """The open invitation of a link, if there is one."""
    found: Invitation | None = open_now().select_related("organisation").filter(digest=digest(token)).first()
    return found


def take_up(invitation: Invitation, user: User) -> Membership | None:
    """Give the role; None if the link was used in the meantime (two presses, two devices)."""
    with transaction.atomic():
        if not open_now().filter(pk=invitation.pk).update(closed_at=timezone.now()):
            return None
        return give(
            user,
            invitation.organisation,
            role=invitation.role,
            title=invitation.title,
            leads_team=invitation.leads_team,
            teams=invitation.teams.all(),
        )


def give(user: User, organisation: Organisation, *, role: str, teams: Any = (), **more: Any) -> Membership:
    """A role from today on; one that the person holds there already is changed, not given twice."""
    held = Membership.objects.live().filter(user=user, organisation=organisation, role=role).first()
    if held is None:
        held = Membership.objects.create(user=user, organisation=organisation, role=role, **more)
    else:
        Membership.objects.filter(pk=held.pk).update(**more)
    held.teams.set(teams)
    return held


def send(invitation: Invitation, address: str) -> None:
    """The invitation as a letter. It says no more than whose it is: letters are read by others."""
    send_mail(
        _("You are invited to join %(place)s") % {"place": invitation.organisation.name},
        _(
            "An administrator of %(place)s has invited you.\n\nOpen this link to join. "
            "It works once, for seven days:\n\n%(address)s\n\n"
            "If you did not expect this, do nothing and tell them."
        )
        % {"place": invitation.organisation.name, "address": address},
        None,
        [invitation.email],
    )
