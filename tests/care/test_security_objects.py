"""An object of one child under the address of another, and of one organisation for another: it is not there.

Generated from the addresses: each that names a child and something of the child's, and each that names a
thing of an organisation. Whoever asks may see both children, so that only the pair is wrong.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from evi.care.accounts.models import Membership, User
from evi.care.api import tokens
from evi.care.children.models import Tie, Wish
from evi.care.circles.joining import put_in
from evi.care.circles.models import Joining, Place
from evi.care.door.middleware import ACTING_AS
from tests.care import everything
from tests.care.conftest import World
from tests.care.endpoints import Endpoint, arguments_of, endpoints
from tests.care.test_api import Program

WORDS = {"section", "voice", "nature", "kind", "view"}
"""Arguments that are words of ours and name nothing of a child's (a view of `door` is an emergency view)."""
GONE = {403, 404, 410}
OPENED = {200, 302, 422}
ACTION = {"what": "x", "who_name": "x", "start": "2026-11-01", "until": "2027-02-01"}
ROLES = ("senco", "class-teacher", "camhs-clinician", "other-senco", "parent", "data-guardian")
PAGES = [each for each in endpoints() if not each.asks.public]
"""The programming interface and links with a secret are public here, and have tests of their own below."""
KEPT = {"door.accessentry", "door.ledgerhead", "sessions.session"}


def things(each: Endpoint) -> set[str]:
    """The names in an address that stand for a thing, and not for a word of ours."""
    words = WORDS - {"view"} if each.name.startswith("door:") else WORDS
    return set(re.findall(r"<\w+:(\w+)>", each.route)) - words


def ask(client: Client, each: Endpoint, given: dict[str, Any]) -> int:
    """The status of an answer to an address, asked as a page and then sent as an empty form."""
    return client.generic(each.method, reverse(each.name, kwargs=given)).status_code


def state() -> dict[str, str]:
    """A digest of every table's rows, but for the ledger."""
    return {
        model._meta.label: hashlib.sha256(
            repr(list(model._base_manager.order_by("pk").values_list())).encode()
        ).hexdigest()
        for model in apps.get_models()
        if model._meta.label_lower not in KEPT and model.__module__.startswith("evi.care.")
    }


def said_no(status: int, before: dict[str, str]) -> bool:
    """Whether a form led back with a message (302) and nothing changed."""
    return status == 302 and state() == before


def test_an_object_of_another_child_is_not_there(world: World, as_role: Callable[[str], Client]) -> None:
    samples = everything.make(world)
    amir, cy = world.children["amir"], world.children["cy"]
    for tie in Tie.objects.filter(child=amir):
        tie.pk, tie.child = None, cy
        tie.save()
    for key in ("senco", "class-teacher"):
        put_in(cy, world.members[key], Place.How.INVITED)
    midwife = world.members["midwife"]
    asked = Joining.objects.create(child=amir, kind="request", membership=midwife, made_by=midwife)
    samples["wish"] = Wish.objects.create(
        child=amir, kind="objection", about="camhs-pathway", said_by="A parent", since="2026-01-01"
    ).pk
    of_a_child = [each for each in PAGES if "child" in things(each) and len(things(each)) > 1]
    clients = {key: as_role(key) for key in ROLES}
    before, opened, wrong = state(), set(), []
    for key, client in clients.items():
        for each in of_a_child:
            given = arguments_of(each, samples)
            if each.name == "circles:decide":
                given["joining_id"] = asked.public_id
            with transaction.atomic():
                own = ask(client, each, given)
                transaction.set_rollback(True)
            other = ask(client, each, {**given, "child": cy.public_id})
            if own in OPENED:
                opened.add((each.name, each.method))
            if other not in GONE and not said_no(other, before):
                wrong.append(f"{key}: {each.method} {each.name} answered {other} for another child's")
    assert not wrong, "\n".join(wrong)
    assert state() == before
    never = {(each.name, each.method) for each in of_a_child} - opened
    assert len(of_a_child) > 25 and not never, f"nobody could open these at all: {never}"


def test_a_thing_of_another_organisation_is_not_there(world: World, as_role: Callable[[str], Client]) -> None:
    samples = everything.make(world)
    found = [each for each in PAGES if things(each) and "child" not in things(each)]
    own, wrong = set(), []
    for key in ("administrator", "senco", "data-guardian", "camhs-clinician", "partnership-manager"):
        client = as_role(key)
        for each in found:
            with transaction.atomic():
                if ask(client, each, arguments_of(each, samples)) in OPENED:
                    own.add((each.name, each.method))
                transaction.set_rollback(True)
    for role, organisation in (
        ("administrator", "lake-school"),
        ("senco", "lake-school"),
        ("head-teacher", "lake-school"),
        ("camhs-clinician", "camhs"),
    ):
        user = User.objects.create(email=f"stranger-{role}@example.org", name="Stranger")
        member = Membership.objects.create(
            user=user, role=role, organisation=world.organisations[organisation], since="2020-01-01"
        )
        client = Client()
        client.force_login(user, backend="evi.care.accounts.backend.Backend")
        session = client.session
        session[ACTING_AS] = member.pk
        session.save()
        start = state()
        for each in found:
            status = ask(client, each, arguments_of(each, samples))
            if status not in GONE and not said_no(status, start):
                wrong.append(f"{role} of {organisation}: {each.method} {each.name} answered {status}")
        assert state() == start
    assert not wrong, "\n".join(wrong)
    never = {(each.name, each.method) for each in found} - own
    assert len(found) >= 8 and not never, f"nobody could open these at all: {never}"


@pytest.mark.parametrize("name", ["accounts:people", "api:tokens"])
def test_lists_of_an_organisation_are_its_own(
    world: World, name: str, as_role: Callable[[str], Client]
) -> None:
    everything.make(world)
    lake = world.members["other-senco"]
    Membership.objects.filter(pk=lake.pk).update(role="administrator")
    page = as_role("other-senco").get(reverse(name)).content.decode()
    assert "Olive Grant" in page
    assert "Sana Mahmood" not in page and "new@example.org" not in page and "Register" not in page


def test_a_program_gets_no_object_of_another_child(world: World) -> None:
    samples = everything.make(world)
    last = timezone.localdate() + timedelta(days=30)
    _token, secret = tokens.make_token(world.visit("administrator"), "A program", "senco", last, 1000)
    program, before = Program(secret), state()
    for method, rest, body in (
        ("POST", f"/plan/outcomes/{samples['outcome_id']}/actions", ACTION),
        ("PATCH", f"/plan/actions/{samples['action_id']}", {"status": "done"}),
        ("DELETE", f"/shares/{samples['share']}", None),
    ):
        headers = {"Idempotency_Key": f"foreign-{method}", "If_Match": "*"}
        path = f"/children/{world.children['cy'].public_id}{rest}"
        answer = program.call(method, path, body, **headers)
        assert answer.status_code == 404, (path, answer.content)
    changed = {name for name, said in state().items() if said != before[name]}
    assert changed <= {"exchange.Answer", "exchange.Token"}, "only its own answers and count"
