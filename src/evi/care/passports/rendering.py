"""How this room's pages are drawn: each can use the pictures and their words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from evi.care.children.models import Child
from evi.care.children.telling import leaves
from evi.care.passports.parts import parts, picture
from evi.workspace import EviError


def drawn() -> dict[str, Any]:
    """What the templates need to draw pictures with their words in the reader's language."""
    return {"drawing": picture, "picture_words": {key: _(words) for key, words in parts().pictures.items()}}


def page(
    request: HttpRequest, template: str, child: Child, context: Mapping[str, Any], status: int = 200
) -> HttpResponse:
    """A page of the passport of a child."""
    return render(
        request, f"passports/{template}.html", {"child": child, **drawn(), **context}, status=status
    )


def head(request: HttpRequest, child: Child) -> dict[str, Any]:
    """The ways to the child's other pages."""
    return {"leaves": leaves(request.visit, child, "passports:passport")}  # type: ignore[attr-defined]


def missing(request: HttpRequest) -> HttpResponse:
    """There is no such page."""
    return render(request, "404.html", status=404)


def tell(request: HttpRequest, error: EviError) -> None:
    """Show a mistake on the next page, as a sentence."""
    messages.error(request, sentence(error))


def sentence(error: EviError) -> str:
    """What is wrong and what to do, without the place."""
    return f"{error.what[:1].upper()}{error.what[1:]} {error.do}".strip()
