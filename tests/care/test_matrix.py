"""Every page, as every role: permitted where the agreements' own text says so, and refused everywhere else.

What ought to happen comes from `tests.sharing.oracle`, a plain reading of the agreements' files that shares
no code with the engine. No page is left out: an address that declares nothing, or whose made-up values are
missing from `tests.care.everything`, fails.
"""

from __future__ import annotations

from datetime import date
from fnmatch import fnmatchcase
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Max
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from evi.care.children.models import Tie
from evi.care.door.ledger import entries
from evi.care.door.models import AccessEntry
from evi.sharing.decisions import Actor, Request
from tests.care import everything
from tests.care.conftest import PEOPLE, World
from tests.care.endpoints import Endpoint, arguments_of, endpoints, undeclared
from tests.sharing.oracle import WORDS, example_tables, permitting

pytestmark = pytest.mark.both_databases

FOR_TOKENS = ("api:v1:", "api:nothing")
"""The programming interface has no page for a signed-in person: `test_api` walks its operations."""

SIGN_IN = 0
"""What stands for being sent to the sign-in page."""


@pytest.fixture
def full(world: World) -> tuple[World, dict[str, Any]]:
    """The world with one of everything about Amir."""
    return world, everything.make(world)


def test_no_address_is_left_out():
    assert undeclared() == []
    assert len(endpoints()) > 100


def test_every_page_as_every_role(full: tuple[World, dict[str, Any]], as_role: Any):
    world, samples = full
    tables = example_tables()
    wrong = []
    for key in PEOPLE:
        client = as_role(key)
        for each in endpoints():
            if each.name.startswith(FOR_TOKENS):
                continue
            said = ask(client, each, samples)
            fault = judge(world, tables, key, each, said)
            if fault:
                wrong.append(f"{key}: {each.method} {each.name} {fault}")
    assert not wrong, "\n".join(wrong)


def test_nobody_signed_in_gets_only_what_is_public(full: tuple[World, dict[str, Any]]):
    _world, samples = full
    wrong = []
    for each in endpoints():
        if each.name.startswith(FOR_TOKENS):
            continue
        status, _entries = ask(Client(), each, samples)
        if (status == SIGN_IN) == each.asks.public:
            wrong.append(f"{each.method} {each.name} answered {status}")
    assert not wrong, "\n".join(wrong)


def ask(client: Client, endpoint: Endpoint, samples: dict[str, Any]) -> tuple[int, list[Any]]:
    """Call a page with nothing filled in, undo what it did, and give its status and its ledger entries."""
    client.raise_request_exception = False
    address = reverse(endpoint.name, kwargs=arguments_of(endpoint, samples))
    last = AccessEntry.objects.aggregate(last=Max("number"))["last"] or 0
    with transaction.atomic():
        answer = client.generic(endpoint.method, address)
        written = list(entries(number__gt=last))
        transaction.set_rollback(True)
    to_sign_in = answer.status_code == 302 and answer["Location"].startswith(reverse("account_login"))
    return SIGN_IN if to_sign_in else answer.status_code, written


def judge(
    world: World, tables: list[dict[str, Any]], key: str, endpoint: Endpoint, said: tuple[int, list[Any]]
) -> str:
    """What is wrong with an answer, or nothing."""
    status, written = said
    asks = endpoint.asks
    if status >= 500:
        return f"failed with {status}"
    if asks.public or asks.signed_in:
        return ""
    if asks.duty:
        may = PEOPLE[key][1] in WORDS["duties"][asks.duty]["roles"]
    else:
        may = any(allowed(world, tables, key, asks.action, kind) for kind in items(asks.item))
    if not may:
        noted = any(asks.item in entry.refused or f"duty:{asks.duty}" in entry.refused for entry in written)
        return "" if status == 403 and noted else f"is not permitted, and answered {status}"
    if status != 403:
        return ""
    finer = [
        (entry.action, item)
        for entry in written
        for refused in entry.refused
        for item in items(refused)
        if not allowed(world, tables, key, entry.action, item)
    ]
    return "" if finer or asks.duty or not written else f"is permitted, and answered {status}"


def allowed(world: World, tables: list[dict[str, Any]], key: str, action: str, item: str) -> bool:
    """What the agreements' files say of Amir, asked with the ties as they stand in the database."""
    member = world.members[key]
    day = timezone.localdate()
    ties, shared = set(), set()
    for tie in Tie.objects.filter(child=world.children["amir"], organisation=member.organisation_id):
        mine = tie.user_id in (None, member.user_id)
        team = tie.team_id is None or tie.user_id or tie.team_id in member.teams.values_list("pk", flat=True)
        if mine and team and tie.since <= day and (tie.until is None or tie.until > day):
            ties.add(tie.kind)
            shared |= set(tie.items)
    actor = Actor(member.role, member.organisation.code, member.organisation.kind)
    purpose = WORDS["roles"][member.role]["purpose"]
    request = Request(actor, action, item, purpose, day, ties=frozenset(ties), shared=frozenset(shared))
    return bool(permitting(tables, request))


def items(pattern: str) -> list[str]:
    """The items that a pattern names."""
    return [item for item in WORDS["items"] if fnmatchcase(item, pattern)]


def test_the_oracle_can_refuse_and_permit(full: tuple[World, dict[str, Any]]):
    world, _samples = full
    tables = example_tables()
    assert allowed(world, tables, "senco", "view", "plan")
    assert not allowed(world, tables, "police-officer", "view", "plan")
    assert not allowed(world, tables, "other-senco", "view", "chronology.health")
    assert date(2026, 1, 1) < timezone.localdate()
