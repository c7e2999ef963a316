"""The addresses of the programming interface, and what each view of it declares."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path

from evi.care.api import views
from evi.care.api.interface import api
from evi.care.api.operations import ByToken, asks_of_paths
from evi.care.api.problems import answer
from evi.care.door.endpoints import endpoint


@endpoint(public=True, methods=("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"))
def nothing_here(request: HttpRequest) -> HttpResponse:
    """An address of the interface at which there is nothing."""
    return answer(404, "Not found", "There is nothing at this address.")


nothing_here.csrf_exempt = True  # type: ignore[attr-defined]


def _declared() -> list[Any]:
    """Ninja's addresses without its own root page, each view with what it asks for."""
    asked = asks_of_paths()
    patterns: list[Any] = []
    found: list[Any] = list(api.urls[0])
    for pattern in found:
        if pattern.name == "api-root":
            continue
        operations = asked["/" + str(pattern.pattern).replace("<", "{").replace(">", "}")]
        methods = tuple(each.method for each in operations)
        pattern.callback.asks = ByToken(public=True, methods=methods, operations=operations)
        patterns.append(pattern)
    return patterns


app_name = "api"
urlpatterns = [
    path("", views.page, name="page"),
    path("openapi.json", views.document, name="document"),
    path("tokens/", views.token_list, name="tokens"),
    path("tokens/<slug:token>/end/", views.token_end, name="token-end"),
    path("v1/", include((_declared(), "v1"))),
    re_path("^v1/.*$", nothing_here, name="nothing"),
]
