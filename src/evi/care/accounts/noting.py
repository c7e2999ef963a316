"""The log of signing in: who came in, who did not, who went, and changes of how somebody signs in.

Each is one line of the logger `evi.security`, with a person's public id. A name that was tried and let nobody
in is written as a keyed digest: the same name gives the same digest, and none can be read back.
"""

from __future__ import annotations

import logging
from typing import Any

from allauth.account import signals as passwords
from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa import signals as steps
from axes.signals import user_locked_out
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest

from evi.care import fields
from evi.care.accounts.signing import client_address, lowered_email

log = logging.getLogger("evi.security")


def connect() -> None:
    """Listen from now on."""
    user_logged_in.connect(_came, dispatch_uid="note-came")
    user_logged_out.connect(_went, dispatch_uid="note-went")
    user_login_failed.connect(_refused, dispatch_uid="note-refused")
    user_locked_out.connect(_locked, dispatch_uid="note-locked")
    for name, signal in (
        ("password changed", passwords.password_changed),
        ("password set", passwords.password_set),
        ("password reset", passwords.password_reset),
        ("second step added", steps.authenticator_added),
        ("second step removed", steps.authenticator_removed),
        ("second step renewed", steps.authenticator_reset),
    ):
        signal.connect(_changed(name), weak=False, dispatch_uid=f"note-{name}")


def _came(sender: Any, request: HttpRequest, user: Any, **_more: Any) -> None:
    ways = [str(each.get("method")) for each in get_authentication_records(request, user)]
    log.info("signed in: %s by %s from %s", user.public_id, "+".join(ways), client_address(request))


def _went(sender: Any, request: HttpRequest, user: Any, **_more: Any) -> None:
    if user is not None:
        log.info("signed out: %s", user.public_id)


def _refused(sender: Any, credentials: Any, request: HttpRequest | None = None, **_more: Any) -> None:
    if request is not None:
        tried = fields.blind(lowered_email(request, credentials), "log")
        log.warning("not let in: name %s from %s", tried, client_address(request))


def _locked(sender: Any, request: HttpRequest, username: str = "", **_more: Any) -> None:
    tried = fields.blind((username or "").strip().lower(), "log")
    log.warning("locked out: name %s from %s", tried, client_address(request))


def _changed(what: str) -> Any:
    def note(sender: Any, request: HttpRequest, user: Any, **_more: Any) -> None:
        log.info("%s: %s", what, user.public_id)

    return note
