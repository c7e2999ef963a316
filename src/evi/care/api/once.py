"""A call that writes is done once: the same key and body again gets the same answer and writes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from evi.care.api.problems import Problem
from evi.care.exchange.models import Answer, Token

KEPT = timedelta(days=7)


def once(request: HttpRequest, token: Token, key: str, act: Callable[[], HttpResponse]) -> HttpResponse:
    """Do it, or give the answer that it got before.

    The key and what is written are kept in one transaction: a call that fails keeps neither.

    Raises:
        Problem: the key was used for something else (409).
    """
    call = hashlib.sha256(
        b"\0".join([str(request.method).encode(), request.path.encode(), request.body])
    ).hexdigest()
    with transaction.atomic():
        Answer.objects.filter(token=token, made_at__lt=timezone.now() - KEPT).delete()
        kept, first = Answer.objects.get_or_create(token=token, key=key, defaults={"call": call})
        if not first:
            return _again(kept, call)
        response = act()
        kept.status, kept.body = response.status_code, response.content.decode()
        kept.save(update_fields=["status", "body"])
        return response


def _again(kept: Answer, call: str) -> HttpResponse:
    if kept.call != call:
        raise Problem(
            409, "Key used before", "This Idempotency-Key was used for another call. Send a fresh one."
        )
    return HttpResponse(
        kept.body,
        status=kept.status,
        content_type="application/json",
        headers={"Idempotency-Replayed": "true"},
    )
