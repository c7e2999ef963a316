"""Every operation of the interface as every role of a program: permitted or refused as decided."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from evi.care.api import tokens
from evi.care.api.operations import Operation, operations
from evi.care.door.models import AccessEntry
from evi.care.door.visit import Visit
from evi.care.exchange.models import Token
from tests.care.conftest import PEOPLE, World

FAMILY = ("parent", "young-person")
ROLES = tuple(key for key, (_name, role, _organisation) in PEOPLE.items() if role not in FAMILY)
DAY = timezone.localdate()
BODIES: dict[str, Any] = {
    "add_action": {"what": "x", "who_name": "x", "start": str(DAY), "until": str(DAY)},
    "add_entry": {"happened_on": str(DAY), "title": "x", "fact": "x"},
    "add_review": {"held_on": str(DAY), "summary": "x"},
    "add_words": {"text": "x"},
    "blockage": {"action": "view", "item": "chronology.housing", "harm": "x"},
    "change_action": {"status": "done"},
    "import_by_number": {"file": {}},
    "import_file": {"file": {}},
    "put_roll": {"children": [{"birth_date": "2020-03-09", "since": str(DAY)}]},
    "search": {"born": "2020-03-09"},
}
BOTH, TWICE = ("amir", "bea"), ("child", "add_words", "plan")
"""The children asked about: the second, whom others know, only in some operations."""
ON_BOTH_DATABASES = ("senco", "health-visitor", "administrator")
PARTS = {"section": "works", "kind": "education", "outcome": "2" * 14, "action": "2" * 14, "share": "2" * 14}


def call(client: Client, secret: str, operation: Operation, child: str, number: int) -> Any:
    headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": f"matrix-{number:06}", "If-Match": "*"}
    body = json.dumps(BODIES[operation.name]).encode() if operation.name in BODIES else b""
    path = operation.path.format(child=child, **PARTS)
    return client.generic(operation.method, f"/api/v1{path}", body, "application/json", headers=headers)


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(key, marks=[pytest.mark.both_databases] if key in ON_BOTH_DATABASES else [])
        for key in ROLES
    ],
)
def test_each_role_gets_what_the_agreements_say(world: World, key: str) -> None:
    member = world.members[key]
    maker = world.visit("administrator")
    maker.membership.organisation = member.organisation
    token, secret = tokens.make_token(maker, "Matrix", member.role, DAY + timedelta(days=9), 10_000)
    client, number, permitted = Client(), 0, 0
    for operation in operations():
        for child in (world.children[key] for key in (BOTH if operation.name in TWICE else BOTH[:1])):
            number += 1
            visit = Visit.of(Token.objects.select_related("membership__user").get(pk=token.pk).membership)
            if operation.duty:
                expected = visit.has_duty(operation.duty)
            elif operation.action:
                item = operation.item.format(**PARTS)
                expected = visit.can(child, operation.action, item)
            else:
                expected = True
            before = AccessEntry.objects.count()
            answer = call(client, secret, operation, child.public_id, number)
            shown = (
                f"{key}: {operation.method} {operation.path}: {answer.status_code} {answer.content[:200]!r}"
            )
            assert answer.status_code < 500, shown
            assert (answer.status_code != 403) == expected, shown
            permitted += expected
            if not expected:
                assert answer.json()["detail"]
                assert AccessEntry.objects.count() > before
        if operation.free and operation.name in ("children", "search"):
            listed = {
                one["id"] for one in call(client, secret, operation, "", number + 5_000).json()["children"]
            }
            action = "view" if operation.name == "children" else "search"
            assert listed == set(visit.children(action).values_list("public_id", flat=True))
    assert 0 < permitted < len(operations()) + len(TWICE)


def test_every_operation_that_takes_a_body_is_walked_with_one() -> None:
    sent = {each.name for each in operations() if each.method in ("POST", "PUT", "PATCH")}
    assert sent == set(BODIES)
