"""Declares the operations of the interface. Each says what it asks the door, before it runs, as pages do."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import Header, NinjaAPI, Path, Schema
from ninja.security import HttpBearer

from evi.care.api import tokens
from evi.care.api.once import once as done_once
from evi.care.api.problems import Problem, ProblemOut, add_handlers, too_many_calls
from evi.care.door import rows
from evi.care.door.endpoints import Asks
from evi.care.door.visit import Visit
from evi.care.exchange.models import Token
from evi.care.publicid import ALPHABET, LENGTH
from evi.sharing.vocabulary import vocabulary

PublicId = Annotated[str, Path(pattern=f"^[{ALPHABET}]{{{LENGTH}}}$", description="A public id.")]
Word = Annotated[str, Path(pattern="^[a-z][a-z-]{0,40}$", description="A key of the vocabulary.")]
_KEY: Any = Header(  # type: ignore[type-arg]
    alias="Idempotency-Key",
    pattern="^[A-Za-z0-9._:-]{8,80}$",
    description="Your own fresh key for this call. The same call with the same key is done once.",
)
_MATCH: Any = Header(  # type: ignore[type-arg]
    alias="If-Match", description="The ETag of the plan as you read it.", max_length=80
)
_PROBLEMS = frozenset({400, 401, 403, 404, 409, 412, 422, 429})


@dataclass(frozen=True)
class Operation:
    """One operation: its method and path, and what it asks of the door (`{…}` in an item is of the path)."""

    method: str
    path: str
    name: str
    action: str = ""
    item: str = ""
    duty: str = ""

    @property
    def free(self) -> bool:
        """Whether it is for every token: it asks for each child by itself, as lists do."""
        return not (self.action or self.duty)


@dataclass(frozen=True)
class ByToken(Asks):
    """What the views of the interface declare: the middleware lets them through, the token lets them in."""

    operations: tuple[Operation, ...] = ()


class _OrganisationToken(HttpBearer):
    """A live token makes the visit: as its membership, locked and counted like a person's."""

    openapi_name = "organisation token"

    def authenticate(self, request: HttpRequest, token: str) -> Token | None:
        """The token, if it is live; the request is its visit from here on."""
        found = tokens.token_of(token)
        if found is None:
            return None
        wait = tokens.count_call(found)
        if wait:
            raise too_many_calls(wait)
        visit = Visit.of(found.membership)
        rows.lock(visit)
        request.visit = visit  # type: ignore[attr-defined]
        return found


api = NinjaAPI(
    title="eVI",
    version="1",
    description=(
        "The people round the child, for the programs of organisations. Every call is decided by the sharing "
        "agreements and written to the access ledger, like a person's visit. A refusal says why."
    ),
    auth=_OrganisationToken(),
    docs_url=None,
    openapi_url=None,
    urls_namespace="api",
)
add_handlers(api)
OPERATIONS: list[Operation] = []


def operations() -> tuple[Operation, ...]:
    """Every operation of the interface, for tests that walk all of them."""
    from evi.care.api import interface  # noqa: F401, PLC0415 - importing it declares them

    return tuple(OPERATIONS)


@dataclass(frozen=True)
class Made:
    """An answer with a status of its own."""

    body: Schema
    status: int = 201


def operation(
    method: str,
    path: str,
    returns: Any,
    *,
    action: str = "",
    item: str = "",
    duty: str = "",
    once: bool = False,
    match: bool = False,
    status: int = 200,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare an operation of the interface.

    A function with a parameter `child` is called with the child, already decided: `action` on `item`, in
    which `{section}` stands for that part of the path. `once`: it writes, and needs an idempotency key.
    `match`: it changes what was read, and needs its ETag (parameter `match`).
    """

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        asked = Operation(method, path, function.__name__, action, item, duty)
        OPERATIONS.append(asked)

        def run(request: HttpRequest, **given: Any) -> HttpResponse:
            visit: Visit = request.visit  # type: ignore[attr-defined]
            key = given.pop("idempotency_key", "")
            if duty:
                visit.check_duty(duty)
            if action:
                given["child"] = visit.child(given["child"], action, _item(item, given))

            def act() -> HttpResponse:
                return _response(request, function(visit, **given), status)

            token: Token = request.auth  # type: ignore[attr-defined]
            return done_once(request, token, key, act) if once else act()

        run.__name__, run.__doc__ = function.__name__, function.__doc__
        run.__signature__ = _signature(function, once, match)  # type: ignore[attr-defined]
        codes = {status: returns, _PROBLEMS: ProblemOut}
        api.api_operation(
            [method], path, response=codes, summary=_summary(function), tags=[_tag(path)], exclude_none=True
        )(run)
        return function

    return declare


def asks_of_paths() -> dict[str, tuple[Operation, ...]]:
    """The operations of each path."""
    found: dict[str, tuple[Operation, ...]] = {}
    for each in OPERATIONS:
        found[each.path] = (*found.get(each.path, ()), each)
    return found


def etag(body: Any) -> str:
    """The tag of an answer: what it says, digested."""
    text = json.dumps(body, sort_keys=True, ensure_ascii=False, default=str)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def hold_match(sent: str, body: Schema) -> None:
    """Hold that the sender read what stands now.

    Raises:
        Problem: they did not (412).
    """
    if sent != "*" and sent != etag(_plain(body)):
        raise Problem(412, "Changed meanwhile", "It has changed since you read it. Read it again.")


def _item(item: str, given: dict[str, Any]) -> str:
    found = item.format(**{name: value for name, value in given.items() if isinstance(value, str)})
    if not found.endswith("*") and found not in vocabulary().items:
        raise Http404
    return found


def _response(request: HttpRequest, result: Any, status: int) -> HttpResponse:
    if isinstance(result, HttpResponse):
        return result
    if isinstance(result, Made):
        result, status = result.body, result.status
    body = _plain(result)
    tag = etag(body)
    if request.method == "GET" and request.headers.get("If-None-Match") == tag:
        return HttpResponse(status=304, headers={"ETag": tag})
    text = json.dumps(body, ensure_ascii=False)
    return HttpResponse(
        text,
        status=status,
        content_type="application/json",
        headers={"ETag": tag, "Cache-Control": "no-store"},
    )


def _plain(result: Schema) -> Any:
    return result.model_dump(mode="json", exclude_none=True)


def _signature(function: Callable[..., Any], once: bool, match: bool) -> inspect.Signature:
    said = inspect.signature(function, eval_str=True)
    made = [inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    for name, parameter in list(said.parameters.items())[1:]:
        kind = PublicId if name == "child" else parameter.annotation
        made.append(parameter.replace(annotation=kind, kind=inspect.Parameter.KEYWORD_ONLY))
    if once:
        made.append(
            inspect.Parameter(
                "idempotency_key", inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[str, _KEY]
            )
        )
    if match:
        made = [one for one in made if one.name != "match"]
        made.append(
            inspect.Parameter("match", inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[str, _MATCH])
        )
    return inspect.Signature(made)


def _summary(function: Callable[..., Any]) -> str:
    return (function.__doc__ or "").strip().split("\n")[0].rstrip(".")


def _tag(path: str) -> str:
    parts = path.strip("/").split("/")
    return parts[2] if len(parts) > 2 else parts[0]
