"""Sessions that end: half an hour after the last page, eight hours after signing in. And the language."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import translation
from django.utils.translation import gettext as _

from evi.care.accounts.signing import BEGAN, needs_second_step

SEEN = "seen"
CHECKED = "second-step"
WRITE_EVERY_SECONDS = 60
"""How often the time of the last page is written: not at each one, so that reading stays reading."""


def now() -> int:
    """The clock of sessions."""
    return int(time.time())


class SessionMiddleware:
    """Ends a session that is idle or old; turns pages into the person's own language."""

    def __init__(self, answer: Callable[[HttpRequest], HttpResponse]) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request."""
        if "_auth_user_id" in request.session:
            if self._ended(request):
                logout(request)
                messages.info(request, _("You were signed out because nothing was done for a while."))
                return redirect_to_login(request.get_full_path() if request.method == "GET" else "/")
            self._speak(request)
        return self.answer(request)

    def _ended(self, request: HttpRequest) -> bool:
        moment, session = now(), request.session
        seen, began = session.get(SEEN), session.get(BEGAN)
        if began is None:
            began = session[BEGAN] = moment
        if seen is None:
            seen = session[SEEN] = moment
        if moment - seen > settings.EVI_IDLE_SECONDS or moment - began > settings.SESSION_COOKIE_AGE:
            return True
        if moment - seen >= WRITE_EVERY_SECONDS:
            session[SEEN] = moment
        return False

    def _speak(self, request: HttpRequest) -> None:
        """A person's own choice goes before the browser's; a choice made on this device before both."""
        if settings.LANGUAGE_COOKIE_NAME in request.COOKIES or not request.user.is_authenticated:
            return
        translation.activate(request.user.language)
        request.LANGUAGE_CODE = translation.get_language()


class SecondStepMiddleware:
    """Sends practitioners without a second step to set one up, where the setting asks for it."""

    def __init__(self, answer: Callable[[HttpRequest], HttpResponse]) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request."""
        return self.answer(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Before any page of a visit, but those of the account itself."""
        visit = getattr(request, "visit", None)
        match = request.resolver_match
        if visit is None or not settings.EVI_SECOND_STEP or request.session.get(CHECKED):
            return None
        if (
            match
            and match.app_name == "accounts"
            and match.url_name in ("account", "second-step", "acting-as")
        ):
            return None
        if needs_second_step(request, visit.membership.role):
            return redirect("accounts:second-step")
        request.session[CHECKED] = True
        return None
