"""How the interface says that something is wrong: problem details (RFC 9457), in a plain sentence."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any, cast

from django.core.exceptions import ValidationError as FieldError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError

from evi.care.children.searching import TooMany
from evi.care.door.visit import Refused
from evi.care.exchange.faults import BadFileError
from evi.care.passports.writing import Conflict
from evi.care.support.pen import Overtaken
from evi.workspace import EviError

KIND = "application/problem+json"
log = logging.getLogger("evi.care.api")


class Problem(Exception):  # noqa: N818 - the word of the standard
    """An answer that is no success. `detail` says what is wrong and what to do; it repeats nothing sent."""

    def __init__(
        self, status: int, title: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self.status, self.title, self.detail, self.headers = status, title, detail, dict(headers or {})
        super().__init__(detail)


class ProblemOut(Schema):
    """What went wrong. `why`, `agreement` and `clause` are of a refusal."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    why: str | None = None
    agreement: str | None = None
    clause: str | None = None
    errors: list[dict[str, Any]] | None = None


def answer(
    status: int, title: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any
) -> HttpResponse:
    """The answer of a problem."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail} | more
    return JsonResponse(body, status=status, content_type=KIND, headers=dict(headers or {}))


def add_handlers(api: NinjaAPI) -> None:
    """Answer every error as a problem; what nobody foresaw is logged, and told without detail."""

    def handle(kind: type[Exception], make: Any) -> None:
        api.add_exception_handler(kind, lambda request, error: make(error))

    handle(Problem, lambda e: answer(e.status, e.title, e.detail, e.headers))
    handle(Refused, _refused)
    handle(ValidationError, _invalid)
    handle(FieldError, _field)
    handle(BadFileError, _bad_file)
    handle(EviError, lambda e: answer(422, "Not acceptable", str(e)))
    handle(
        Overtaken,
        lambda e: answer(412, "Changed meanwhile", "Somebody else changed this part. Read it again."),
    )
    handle(Conflict, _conflict)
    handle(TooMany, lambda e: answer(429, "Too many searches", "Wait a minute.", {"Retry-After": "60"}))
    handle(Http404, lambda e: answer(404, "Not found", "There is nothing at this address."))
    handle(HttpError, lambda e: answer(e.status_code, "Not acceptable", str(e)))
    handle(
        AuthenticationError,
        lambda e: answer(
            401,
            "No valid token",
            "Send a live token as “Authorization: Bearer …”.",
            {"WWW-Authenticate": "Bearer"},
        ),
    )
    api.add_exception_handler(Exception, cast(Any, _unforeseen))


def too_many_calls(wait: float) -> Problem:
    """A token that calls too often."""
    seconds = str(math.ceil(wait))
    return Problem(
        429, "Too many calls", "This token has made its calls of this minute.", {"Retry-After": seconds}
    )


def _refused(error: Refused) -> HttpResponse:
    said = error.decision
    more: dict[str, Any] = {"why": said.why, "agreement": said.agreement, "clause": said.clause}
    return answer(403, "Refused", said.sentence, **more)


def _invalid(error: ValidationError) -> HttpResponse:
    """The places that are wrong and how, without what was sent."""
    errors = [{"at": [str(part) for part in one["loc"]], "problem": one["type"]} for one in error.errors]
    return answer(422, "Not acceptable", "What was sent is not as the document says.", errors=errors)


def _field(error: FieldError) -> HttpResponse:
    if hasattr(error, "error_dict"):
        errors = [{"at": [name], "problem": " ".join(said)} for name, said in error.message_dict.items()]
        return answer(422, "Not acceptable", "Some of what was sent does not make sense.", errors=errors)
    return answer(422, "Not acceptable", " ".join(error.messages))


def _bad_file(error: BadFileError) -> HttpResponse:
    errors = [{"at": [fault.place], "problem": fault.what} for fault in error.faults[:50]]
    more: dict[str, Any] = {"errors": errors} if errors else {}
    return answer(422, "File refused", str(error), **more)


def _conflict(error: Conflict) -> HttpResponse:
    stands = error.stands
    return answer(
        409,
        "Changed meanwhile",
        "Somebody else has changed this since you began. Read it, then send yours again with the new base.",
        stands={"base": stands.number, "text": stands.text, "author": stands.author_name} if stands else None,
    )


def _unforeseen(request: HttpRequest, error: Exception) -> HttpResponse:
    match = request.resolver_match
    log.error(
        "the interface failed at %s (%s)", match.route if match else "?", type(error).__name__, exc_info=error
    )
    return answer(
        500, "Our mistake", "Something went wrong here. It was written down, without what you sent."
    )
