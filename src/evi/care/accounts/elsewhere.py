"""Sessions of a person in other browsers end when a second step of theirs changes, or a role ends."""

from __future__ import annotations

from typing import Any

from allauth.mfa import signals as steps
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.utils import timezone

from evi.care.accounts.models import User


def end_sessions(user: User, but: str | None = None) -> int:
    """End every session of a person but one (its key); gives how many.

    Reads each live session, as whose it is stands inside it: for 5,000 people at work a moment, and rare.
    """
    live = Session.objects.filter(expire_date__gt=timezone.now()).exclude(session_key=but)
    theirs = [each.pk for each in live.iterator() if each.get_decoded().get(SESSION_KEY) == str(user.pk)]
    Session.objects.filter(pk__in=theirs).delete()
    return len(theirs)


def connect() -> None:
    """Listen from now on: a second step that comes, goes or is renewed ends all sessions but this one."""
    for signal in (steps.authenticator_added, steps.authenticator_removed, steps.authenticator_reset):
        signal.connect(_step_changed, dispatch_uid="end-other-sessions")


def _step_changed(sender: Any, request: HttpRequest, user: User, **_more: Any) -> None:
    end_sessions(user, but=request.session.session_key)
