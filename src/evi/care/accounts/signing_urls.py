"""The addresses of the sign-in library that are used here. What it offers beyond that is not served."""

from __future__ import annotations

from allauth.account.urls import urlpatterns as account
from allauth.mfa.urls import urlpatterns as second_step
from allauth.socialaccount.urls import urlpatterns as outside
from allauth.urls import build_provider_urlpatterns
from django.urls import URLPattern, include, path
from django.views.generic import RedirectView

NAMES = {
    "account_login",
    "account_logout",
    "account_inactive",
    "account_signup",  # says that it is closed
    "account_reauthenticate",
    "account_change_password",
    "account_set_password",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    "socialaccount_login_cancelled",
    "socialaccount_login_error",
}


def _kept(patterns: list[URLPattern]) -> list[URLPattern]:
    return [pattern for pattern in patterns if pattern.name in NAMES]


urlpatterns = [
    *_kept(account),
    path("email/", RedirectView.as_view(pattern_name="accounts:account"), name="account_email"),
    path("2fa/", include(second_step)),
    path("outside/", include([*_kept(outside), *build_provider_urlpatterns()])),
]
