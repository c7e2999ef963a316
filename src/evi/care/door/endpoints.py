"""What each page asks for before it runs, declared on the view, so that a test can walk every one.

A view says one of four things: it is for everyone (`public`), for whoever is signed in (`signed_in`), for
those who hold a duty that concerns no named child (`duty`), or it does something to an item of one child
(`action` and `item`). Nothing else is served: `VisitMiddleware` refuses a view that says nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, cast

from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import redirect

if TYPE_CHECKING:
    from evi.care.door.visit import Visit

View = Callable[..., HttpResponseBase]
READ = ("GET", "HEAD")


class VisitRequest(HttpRequest):
    """A request as a view gets it that declared more than being public (for `signed_in`, see `acting`)."""

    visit: Visit


@dataclass(frozen=True)
class Asks:
    """What a view asks for.

    Attributes:
        action, item: of one child; an item that ends in `.*` asks for any item of that group.
        duty: a key of the duties. signed_in, public: as they say. methods: what it answers to.
        purpose: another purpose than the visitor's own.
    """

    action: str = ""
    item: str = ""
    duty: str = ""
    signed_in: bool = False
    public: bool = False
    methods: tuple[str, ...] = READ
    purpose: str = ""


def endpoint(
    *,
    action: str = "",
    item: str = "",
    duty: str = "",
    signed_in: bool = False,
    public: bool = False,
    methods: tuple[str, ...] = READ,
    purpose: str = "",
) -> Callable[[View], View]:
    """Declare what a view asks for; a child page is called with the child, already decided.

    The address of a child page has `<slug:child>`, the child's public id.
    """
    said = [bool(action and item), bool(duty), signed_in, public]
    if sum(said) != 1:
        raise ValueError("a view says exactly one of: action and item, duty, signed_in, public")
    asks = Asks(action, item, duty, signed_in, public, methods, purpose)

    def declare(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method not in methods:
                return HttpResponseNotAllowed(methods)
            if asks.duty:
                request.visit.check_duty(asks.duty)  # type: ignore[attr-defined]
            if asks.action:
                visit = request.visit  # type: ignore[attr-defined]
                kwargs["child"] = visit.child(kwargs["child"], asks.action, asks.item, asks.purpose)
            return view(request, *args, **kwargs)

        cast(Any, guarded).asks = asks
        return guarded

    return declare


def acting(view: View) -> View:
    """Send whoever acts as nobody yet to choose; for pages that any signed-in person may ask for."""

    @wraps(view)
    def chosen(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.visit is None:  # type: ignore[attr-defined]
            return redirect("accounts:acting-as")
        return view(request, *args, **kwargs)

    return chosen


def asks_of(view: Any) -> Asks | None:
    """What a view declared, if it did."""
    return getattr(view, "asks", None)
