"""What every template can use: translated text, addresses, dates in the reader's language, form controls."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import resolve, reverse
from django.utils import formats, timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from jinja2 import ChainableUndefined, ChoiceLoader, Environment, PackageLoader
from jinja2.utils import missing
from markupsafe import Markup

from evi.care import controls
from evi.care.door.endpoints import asks_of
from evi.sharing.vocabulary import vocabulary


class Missing(ChainableUndefined):
    """What a template asks for and is not there.

    The design system's macros ask their parameters for much that nobody gave, and must get an empty text.
    Anywhere else it is a mistake of ours, and a page that silently leaves something out of a child's record
    is worse than one that stops: so it stops.
    """

    def _stop_unless_parameter(self) -> None:
        if self._undefined_obj is missing or not isinstance(self._undefined_obj, Mapping | str | Missing):
            self._fail_with_undefined_error()

    def __str__(self) -> str:
        self._stop_unless_parameter()
        return ""

    def __html__(self) -> str:
        return str(self)


def environment(**options: Any) -> Environment:
    """Jinja for our templates and the design system's macros."""
    loader = ChoiceLoader([options.pop("loader"), PackageLoader("nhsuk_frontend_jinja")])
    made = Environment(  # noqa: S701 - Django's backend passes autoescape, and a test holds it
        **{
            **options,
            "loader": loader,
            "undefined": Missing,
            "trim_blocks": True,
            "lstrip_blocks": True,
            "extensions": ["jinja2.ext.i18n", "jinja2.ext.do"],
        }
    )
    made.install_gettext_callables(  # type: ignore[attr-defined]
        translation.gettext,
        translation.ngettext,
        newstyle=True,
        pgettext=translation.pgettext,
        npgettext=translation.npgettext,
    )
    made.globals.update(
        static=static,
        url=url,
        language=translation.get_language,
        direction=direction,
        product=settings.EVI_PRODUCT,
        demo=settings.EVI_DEMO,
        role_name=role_name,
        outside_services=outside_services,
        control=controls.control,
        error_list=controls.error_list,
        today=timezone.localdate,
    )
    made.filters.update(
        day=day, moment=moment, paragraphs=paragraphs, combined=lambda one, other: {**one, **other}
    )
    return made


def direction() -> str:
    """`rtl` where the reader's language is written from right to left, else `ltr`."""
    return "rtl" if translation.get_language_bidi() else "ltr"


def url(name: str, *args: Any, **kwargs: Any) -> str:
    """The address of a page: `url("children:child", child.public_id)`."""
    return reverse(name, args=args, kwargs=kwargs)


def role_name(role: str) -> str:
    """The title of a role, in the reader's language."""
    known = vocabulary().roles.get(role)
    return _(known.title) if known else role


def outside_services() -> list[tuple[str, str]]:
    """Name and title of each other service with which people can sign in."""
    apps = settings.SOCIALACCOUNT_PROVIDERS.get("openid_connect", {}).get("APPS", [])
    return [(app["provider_id"], app["name"]) for app in apps]


def day(value: date | datetime | None, short: bool = False) -> str:
    """`3 February 2026`, in the reader's language; `3 Feb 2026` if short; nothing for no date."""
    if value is None:
        return ""
    if isinstance(value, datetime) and timezone.is_aware(value):
        value = timezone.localtime(value)
    return formats.date_format(value, "j M Y" if short else "j F Y")


def moment(value: datetime | None) -> str:
    """`3 February 2026, 14:05`, by the clock of this country; nothing for no time."""
    if value is None:
        return ""
    local = timezone.localtime(value)
    return f"{day(local)}, {formats.date_format(local, 'H:i')}"


def paragraphs(text: str | None) -> Markup:
    """What a person wrote, with its paragraphs and line breaks kept and everything else escaped.

    Each paragraph finds its own direction, so that Urdu in an English page (and the other way) reads well.
    """
    parts = [part.strip() for part in (text or "").replace("\r\n", "\n").split("\n\n")]
    made = [Markup("<br>").join(part.split("\n")) for part in parts if part]
    return Markup("\n").join(Markup('<p class="evi-written" dir="auto">{}</p>').format(part) for part in made)


def every_page(request: HttpRequest) -> dict[str, Any]:
    """What the shell of a page needs: who visits, as what, where they can go, in which languages."""
    visit = getattr(request, "visit", None)
    signed_in = request.user.is_authenticated if hasattr(request, "user") else False
    return {
        "visit": visit,
        "signed_in": signed_in,
        "memberships": getattr(request, "memberships", ()),
        "navigation": _navigation(request, visit) if signed_in else [],
        "languages": settings.LANGUAGES,
        "nonce": getattr(request, "csp_nonce", ""),
    }


def _navigation(request: HttpRequest, visit: Any) -> list[dict[str, Any]]:
    """The main places that this visit may open."""
    found = []
    for text, name in _PLACES:
        address, duty = _place(name)
        if not duty or (visit is not None and visit.has_duty(duty)):
            found.append({"text": _(text), "href": address, "current": request.path == address})
    return found


_PLACES = (
    (gettext_noop("My work"), "my-work"),
    (gettext_noop("Children"), "children:list"),
    (gettext_noop("Search"), "children:search"),
    (gettext_noop("Access"), "door:report"),
    (gettext_noop("Blockages"), "door:blockages"),
    (gettext_noop("Emergency views"), "door:emergency-reviews"),
    (gettext_noop("People"), "accounts:people"),
)


@cache
def _place(name: str) -> tuple[str, str]:
    """The address of a page, and the duty that it asks for."""
    address = reverse(name)
    asks = asks_of(resolve(address).func)
    return address, asks.duty if asks else ""
