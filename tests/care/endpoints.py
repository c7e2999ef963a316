"""Every address of the application, with what it asks for, and made-up values to call it with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from evi.care.door.endpoints import Asks, asks_of
from evi.care.door.middleware import FREE


@dataclass(frozen=True)
class Endpoint:
    """One address and one method of it. `name` as in `reverse`; `arguments`: the names in the address."""

    name: str
    method: str
    asks: Asks
    arguments: tuple[str, ...]
    route: str


@dataclass(frozen=True)
class Served:
    """A pattern of the resolver, with the names and routes in front of it."""

    pattern: URLPattern
    name: str
    route: str


def served(resolver: URLResolver | None = None, names: str = "", route: str = "") -> Iterator[Served]:
    """Every pattern, however deep."""
    for each in (resolver or get_resolver()).url_patterns:
        here = route + str(each.pattern)
        if isinstance(each, URLResolver):
            inside = f"{names}{each.namespace}:" if each.namespace else names
            yield from served(each, inside, here)
        else:
            yield Served(each, f"{names}{each.name or ''}", here)


def undeclared() -> list[str]:
    """Addresses whose view declares nothing and is not the sign-in library's own."""
    return [
        each.route
        for each in served()
        if asks_of(each.pattern.callback) is None and not (each.pattern.name or "").startswith(FREE)
    ]


def endpoints() -> list[Endpoint]:
    """Every declared address, once for each method."""
    found = []
    for each in served():
        asks = asks_of(each.pattern.callback)
        if asks is None:
            continue
        arguments = tuple(each.pattern.pattern.regex.groupindex) or _converters(each)
        methods = (method for method in asks.methods if method != "HEAD")
        found.extend(Endpoint(each.name, method, asks, arguments, each.route) for method in methods)
    return found


def _converters(each: Served) -> tuple[str, ...]:
    import re

    return tuple(re.findall(r"<(?:\w+:)?(\w+)>", each.route))


def arguments_of(endpoint: Endpoint, samples: dict[str, Any]) -> dict[str, Any]:
    """A value for each name in the address.

    Raises:
        KeyError: `samples` has none; add it where the fixture `samples` makes its world.
    """
    names = _converters(Served(None, "", endpoint.route))  # type: ignore[arg-type]
    room = endpoint.name.split(":")[0]
    return {name: samples.get(f"{room}:{name}", samples.get(name)) or samples[name] for name in names}
