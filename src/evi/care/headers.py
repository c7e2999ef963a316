"""Headers that every answer carries beside the framework's own."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.cache import add_never_cache_headers

PERMISSIONS = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()"
"""What pages here never ask a browser for. Passkeys stay allowed."""


class HeadersMiddleware:
    """Pages are kept by nobody: the next person at this browser must not find a child's record."""

    def __init__(self, answer: Callable[[HttpRequest], HttpResponse]) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request. What says itself how long it may be kept (a style sheet) stays so."""
        response = self.answer(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        if request.method == "POST" and request.path == reverse("account_logout"):
            response.headers["Clear-Site-Data"] = '"cache", "storage"'
        if "Cache-Control" not in response.headers:
            add_never_cache_headers(response)
        return response
