"""Pages of the interface: its document, the page of it that people read, and an organisation's tokens."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evi.care.api import tokens
from evi.care.api.interface import api
from evi.care.api.operations import asks_of_paths
from evi.care.controls import DayField
from evi.care.door.endpoints import endpoint
from evi.care.door.visit import Visit
from evi.care.exchange.models import Token
from evi.care.text import LineField
from evi.sharing.vocabulary import vocabulary
from evi.workspace import EviError

UNFIT = 422


class TokenForm(forms.Form):
    """A new token: for what, as which role, until when, how many calls a minute."""

    name = LineField(
        label=gettext_lazy("What is it for?"),
        help_text=gettext_lazy("For example, our school's record system"),
    )
    role = forms.ChoiceField(
        label=gettext_lazy("It acts as"),
        help_text=gettext_lazy("It may do what this role may, and nothing else"),
        widget=forms.Select,
    )
    expires_on = DayField(
        label=gettext_lazy("Last day"), help_text=gettext_lazy("A year from now at the most")
    )
    per_minute = forms.IntegerField(
        label=gettext_lazy("Calls in a minute"), min_value=1, max_value=6_000, initial=120
    )

    def __init__(self, *args: Any, roles: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast(forms.ChoiceField, self.fields["role"])
        field.choices = [("", _("Choose a role")), *roles]


@endpoint(public=True)
def document(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document."""
    return JsonResponse(openapi())


@endpoint(signed_in=True)
def page(request: HttpRequest) -> HttpResponse:
    """The same for people: every operation, what it asks of the agreements, what it takes and gives."""
    return render(request, "exchange/api.html", {"paths": _readable(), "about": openapi()["info"]})


@endpoint(duty="manage-organisation", methods=("GET", "HEAD", "POST"))
def token_list(request: HttpRequest) -> HttpResponse:
    """The organisation's tokens, and a form for another. A new secret is shown once, in the answer itself."""
    visit: Visit = request.visit  # type: ignore[attr-defined]
    organisation = visit.membership.organisation
    roles = tokens.roles_for(organisation)
    initial = {"expires_on": timezone.localdate() + timedelta(days=90)}
    form = TokenForm(request.POST if request.method == "POST" else None, roles=roles, initial=initial)
    secret = ""
    if form.is_bound and form.is_valid():
        data = form.cleaned_data
        last = data["expires_on"] + timedelta(days=1)
        try:
            _token, secret = tokens.make_token(visit, data["name"], data["role"], last, data["per_minute"])
        except EviError as error:
            form.add_error("expires_on", capfirst(error.what))
        else:
            form = TokenForm(roles=roles, initial=initial)
    rows = Token.objects.filter(organisation=organisation).select_related("made_by__user", "membership")
    context = {
        "form": form,
        "tokens": rows,
        "secret": secret,
        "roles": {key: role.title for key, role in vocabulary().roles.items()},
    }
    response = render(request, "exchange/tokens.html", context, status=UNFIT if form.errors else 200)
    response["Cache-Control"] = "no-store"
    return response


@endpoint(duty="manage-organisation", methods=("POST",))
def token_end(request: HttpRequest, token: str) -> HttpResponse:
    """End a token now."""
    try:
        tokens.end_token(request.visit, token)  # type: ignore[attr-defined]
    except EviError as error:
        messages.error(request, capfirst(error.what))
    else:
        messages.success(request, _("The token has ended."))
    return redirect("api:tokens")


@cache
def openapi() -> dict[str, Any]:
    """The document: ninja's, with the media type of problems and what each operation asks for."""
    found: dict[str, Any] = dict(api.get_openapi_schema(path_prefix="/api/v1/"))
    asked = {
        (each.method.lower(), f"/api/v1{path}"): each
        for path, all_ in asks_of_paths().items()
        for each in all_
    }
    for path, methods in found["paths"].items():
        for method, said in methods.items():
            for code, response in said.get("responses", {}).items():
                content = response.get("content", {})
                if int(code) >= 400 and "application/json" in content:
                    response["content"] = {"application/problem+json": content["application/json"]}
            if one := asked.get((method, path)):
                said["x-asks"] = {"action": one.action, "item": one.item, "duty": one.duty}
    return found


def _readable() -> list[dict[str, Any]]:
    """Every operation in the order in which they were declared, with the names of what it takes."""
    document = openapi()
    lines = []
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            body = (
                said.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            )
            lines.append(
                {
                    "method": method.upper(),
                    "path": path,
                    "summary": said.get("summary", ""),
                    "asks": said.get("x-asks", {}),
                    "parameters": said.get("parameters", []),
                    "fields": _fields(document, body),
                }
            )
    return lines


def _fields(document: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    name = str(schema.get("$ref", "")).rsplit("/", 1)[-1]
    found = document["components"]["schemas"].get(name, {})
    needed = found.get("required", [])
    return [
        {"name": field, "kind": _kind(said), "needed": field in needed}
        for field, said in found.get("properties", {}).items()
    ]


def _kind(said: dict[str, Any]) -> str:
    options = said.get("anyOf", [said])
    kinds = [
        one.get("format") or one.get("type") or str(one.get("$ref", "")).rsplit("/", 1)[-1] for one in options
    ]
    return " / ".join(kind for kind in kinds if kind != "null")
