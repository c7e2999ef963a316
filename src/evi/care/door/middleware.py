"""Every request of a signed-in person is a visit; what it asked is in the ledger before the answer leaves."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from evi.care.accounts.models import Membership
from evi.care.door import emergencies, rows
from evi.care.door.emergencies import EMERGENCY_ON
from evi.care.door.endpoints import asks_of
from evi.care.door.visit import Refused, Visit

ACTING_AS = "membership"
"""The session's key for the membership that the person acts as."""

FREE = ("account_", "mfa_", "openid_connect", "socialaccount_", "javascript-catalog")
"""Names of the sign-in library's own views, which are for everyone or check for themselves."""


class VisitMiddleware:
    """Makes `request.visit`, refuses views that declare nothing, explains refusals, writes the ledger."""

    def __init__(self, answer: Callable[[HttpRequest], HttpResponse]) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request."""
        request.visit = None  # type: ignore[attr-defined]
        try:
            response = self.answer(request)
        finally:
            rows.unlock()
        visit = request.visit  # type: ignore[attr-defined]
        if visit is not None:
            visit.write_ledger()
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Let a view run if it declared what it asks for and the person can ask."""
        asks = asks_of(view)
        match = request.resolver_match
        if asks is None:
            if match and (match.url_name or "").startswith(FREE):
                return None
            raise ImproperlyConfigured(f"{view} does not declare what it asks for (evi.care.door.endpoints)")
        if asks.public:
            return None
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if request.visit is None:  # type: ignore[attr-defined]
            request.visit = self.visit_of(request)  # type: ignore[attr-defined]
            if request.visit is not None:  # type: ignore[attr-defined]
                self.prepare(request, request.visit)  # type: ignore[attr-defined]
        if request.visit is None and not asks.signed_in:  # type: ignore[attr-defined]
            return redirect("accounts:acting-as")
        return None

    def visit_of(self, request: HttpRequest) -> Visit | None:
        """The visit, acting as the membership chosen, or the only one; None if there is none to act as."""
        held = getattr(request.user, "roles_held", None)
        live: list[Membership] = held if held is not None else self._held(request)
        request.memberships = live  # type: ignore[attr-defined]
        chosen = request.session.get(ACTING_AS)
        membership = next((each for each in live if each.pk == chosen), live[0] if len(live) == 1 else None)
        return Visit.of(membership) if membership else None

    def _held(self, request: HttpRequest) -> list[Membership]:
        """Roles that hold today, for a user who was not found by our backend (a program, a fresh sign-in)."""
        mine = Membership.objects.live().filter(user_id=cast(int, request.user.pk))
        return list(mine.select_related("organisation", "user"))

    def prepare(self, request: HttpRequest, visit: Visit) -> None:
        """Lock the database to what the visit may see; bring in the emergency views that are on."""
        rows.lock(visit)
        if time.time() < request.session.get(EMERGENCY_ON, 0):
            visit.emergencies = emergencies.live(visit.membership)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Explain a refusal."""
        if not isinstance(error, Refused):
            return None
        match = request.resolver_match
        asked_for = match.kwargs.get("child", "") if match else ""
        return render(request, "door/refused.html", {"refused": error, "asked_for": asked_for}, status=403)
