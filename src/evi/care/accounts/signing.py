"""How people sign in: the rules that are ours on top of the sign-in library's."""

from __future__ import annotations

import base64
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from evi.care import fields
from evi.care.accounts.models import User
from evi.sharing.vocabulary import vocabulary

BEGAN = "began"
"""The session's key for when the person signed in."""

SECRETS = "mfa_authenticator.data"
"""The place to which the secrets of second steps are bound."""


class Adapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody makes an account for themselves: an administrator invites."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never."""
        return False


class OutsideAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Sign-in through another service opens an account that is already here, and never makes one."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Never."""
        return False

    def can_authenticate_by_email(self, login: SocialLogin, email: str) -> bool:
        """Where the other service vouches for the address (it is one that the district trusts)."""
        return bool(settings.SOCIALACCOUNT_EMAIL_AUTHENTICATION)


class SecondStepAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Keeps the secrets of second steps encrypted, as identifiers are (`evi.care.fields`)."""

    def encrypt(self, text: str) -> str:
        """A secret as it is stored."""
        return base64.b64encode(fields.encrypt(text, SECRETS)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """The secret."""
        return fields.decrypt(base64.b64decode(encrypted_text), SECRETS)


def lowered_email(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """The name under which failed attempts are counted: capitals make no other account."""
    given = (credentials or {}).get("email") or (request.POST.get("login", "") if request else "")
    return str(given).strip().lower()


def client_address(request: HttpRequest) -> str:
    """The address that asks: the last that our own proxies wrote down, or the connection's own."""
    count = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    chain = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    if count and len(chain) >= count:
        return str(chain[-count])
    return str(request.META.get("REMOTE_ADDR", ""))


def second_steps(user: User) -> set[str]:
    """The kinds of second step that a person has set up (`totp`, `webauthn`, `recovery_codes`)."""
    return set(Authenticator.objects.filter(user=user).values_list("type", flat=True))


def needs_second_step(request: HttpRequest, role: str) -> bool:
    """Whether a person in this role must set up a second step before they go on.

    Practitioners must, where the setting asks; families may. Whoever came through another service has done
    its own second step there.
    """
    if not settings.EVI_SECOND_STEP or vocabulary().roles[role].purpose == "family-access":
        return False
    user = request.user
    if any(record.get("method") == "socialaccount" for record in get_authentication_records(request, user)):
        return False
    return not second_steps(user) & {"totp", "webauthn"}  # type: ignore[arg-type]


@receiver(user_logged_in)
def note_the_time(sender: Any, request: HttpRequest, user: User, **_more: Any) -> None:
    """Remember when this session began, and in which language the person reads."""
    from evi.care.accounts.sessions import now  # noqa: PLC0415 - loaded with the middleware

    request.session[BEGAN] = now()
