"""A list's condition that was compiled once gives what the condition itself gives, for whoever asks."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.utils import timezone

from evi.care.children.models import Child, Wish, Withheld
from evi.care.door import querying, scopes
from evi.care.door.rules import door
from evi.sharing.residual import YES
from tests.care.conftest import World

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


ROLES = ("senco", "health-visitor", "camhs-clinician", "social-worker", "parent", "data-guardian")
ITEMS = ("identity", "contact", "plan", "voice", "chronology.health", "index")


@pytest.mark.parametrize("day", [timezone.localdate(), date(2019, 1, 1)])
def test_roles_actions_and_items(world: World, day: date) -> None:
    child = world.children["amir"]
    today = timezone.localdate()
    world.tie("bea", "in-circle", "hill-school", user=world.members["senco"].user, until=today)
    world.tie("cy", "shared-with", "camhs", items=["plan", "voice"], since=today - timedelta(days=30))
    Wish.objects.create(child=child, kind="objection", about="school-health", said_by="mother")
    Withheld.objects.create(child=child, user=world.members["parent"].user, items=["contact", "plan"])
    world.children["bea"].moved_out_on = today - timedelta(days=3)
    world.children["bea"].save()
    asked = 0
    for key in ROLES:
        member, visit = world.members[key], world.visit(key, day)
        for action in ("view", "contribute", "search"):
            for item in ITEMS:
                left = door().residual(visit.actor, action, item, visit.purpose, day)
                slow = Child.objects.filter(querying.to_q(left, member, day, item))
                quick = scopes.children(left, member, day, item)
                assert set(quick.values_list("pk", flat=True)) == set(slow.values_list("pk", flat=True)), (
                    key,
                    action,
                    item,
                )
                asked += quick.exists()
    assert asked > 10 or day < date(2020, 1, 1)


def test_it_can_be_narrowed_ordered_and_used_inside_another_question(world: World) -> None:
    visit = world.visit("senco")
    left = door().residual(visit.actor, "view", "identity", visit.purpose, visit.day)
    quick = scopes.children(left, visit.membership, visit.day, "identity")
    assert quick.filter(pk=world.children["amir"].pk).exists()
    assert not quick.filter(pk=world.children["bea"].pk).exists()
    assert quick.order_by("-pk").first() == world.children["cy"]
    assert Child.objects.filter(ties__child__in=quick.values("pk")).distinct().count() == 2
    assert quick.count() == 2


def test_a_condition_that_always_holds_gives_everybody(world: World) -> None:
    visit = world.visit("senco")
    assert scopes.children(YES, visit.membership, visit.day, "identity").count() == 3
