"""How often one person may ask for what is costly or tells much: a search, an export, the API.

Counted in the cache of the process, a minute at a time: a server with several processes lets through as many
times the number. It stops a script that walks through the alphabet, and nobody at work.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render

log = logging.getLogger("evi.security")
View = Callable[..., HttpResponseBase]
MINUTE_SECONDS = 60
COPIES = 30
"""Copies of a record (files, papers, files brought in) that one person may ask for in a minute."""


def limited(name: str, per_minute: int) -> Callable[[View], View]:
    """A view that answers one person at most so often; after that with a page that says to wait (429).

    Goes under `@endpoint`, so that what was declared is seen from outside.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def counted(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if too_often(name, str(getattr(request.user, "public_id", "")), per_minute):
                log.warning("asked too often: %s by %s", name, getattr(request.user, "public_id", ""))
                answer = render(request, "429.html", status=429)
                answer["Retry-After"] = str(MINUTE_SECONDS)
                return answer
            return view(request, *args, **kwargs)

        return counted

    return decorate


def too_often(name: str, who: str, per_minute: int) -> bool:
    """Count one more in this minute; whether it is more than `per_minute`."""
    key = f"limit:{name}:{who}:{int(time.time()) // MINUTE_SECONDS}"
    if cache.add(key, 1, MINUTE_SECONDS * 2):
        return per_minute < 1
    try:
        return bool(cache.incr(key) > per_minute)
    except ValueError:  # the cache threw it out between the two
        return False
