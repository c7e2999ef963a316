"""The family's own list of who looked; what a family says about sharing; and what is unusual."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from evi.care.children.models import Wish
from evi.care.door import ledger
from evi.care.door.looked import who_looked
from evi.care.door.models import BreakGlass
from evi.care.door.unusual import find_unusual
from evi.sharing.unusual import ChildCounts, PersonCounts, unusual, unusual_rules

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def look(world, key, child, items=("plan",), refused=(), action="view", purpose="direct-support"):
    visit = world.visit(key)
    return ledger.append_for(
        visit,
        action,
        world.children[child],
        permitted=items,
        refused=refused,
        purpose=purpose,
        agreement="school-health",
        rules="r",
    )


def test_the_family_reads_who_looked_when_and_why(world, as_role):
    amir = world.children["amir"]
    for _ in range(3):
        look(world, "senco", "amir")
    look(
        world,
        "health-visitor",
        "amir",
        items=["voice"],
        refused=["chronology.police"],
        purpose="safeguarding",
    )
    look(world, "social-worker", "bea")
    page = as_role("parent").get(reverse("door:access-list", args=[amir.public_id])).content.decode()
    for said in (
        "Sana Mahmood",
        "SENCO",
        "Hill Primary School",
        "looked at: Support plan",
        "to help your child",
        "agreement 3, school and health",
        "3 times",
        "to keep your child safe",
        "another part of the record",
    ):
        assert said in page, said
    assert "Police" not in page  # even that there are such entries the parent may not see
    assert "Sol Wright" not in page  # looked at another child
    [day] = who_looked(amir).days
    assert [look.refused for look in day.looks if look.refused] == [
        ["Police entries"]
    ]  # named to the guardian
    assert as_role("other-parent").get(reverse("door:access-list", args=[amir.public_id])).status_code == 403
    assert as_role("data-guardian").get(reverse("door:access-list", args=[amir.public_id])).status_code == 200


def test_the_list_goes_on_page_by_page_and_a_look_at_the_list_is_on_it(world, as_role, monkeypatch):
    monkeypatch.setattr("evi.care.door.looked.PAGE", 4)
    amir = world.children["amir"]
    for turn in range(6):
        look(world, "senco" if turn % 2 else "class-teacher", "amir")
    first = who_looked(amir)
    second = who_looked(amir, first.before)
    assert sum(look.times for page in (first, second) for day in page.days for look in day.looks) == 6
    assert second.before is None
    client = as_role("parent")
    client.get(reverse("door:access-list", args=[amir.public_id]))
    assert "Parveen Iqbal" in client.get(reverse("door:access-list", args=[amir.public_id])).content.decode()
    assert client.get(reverse("door:access-list", args=[amir.public_id]) + "?before=x'").status_code == 200


def test_the_list_takes_few_queries_however_long(world, as_role, django_assert_max_num_queries):
    for _ in range(30):
        for key in ("senco", "class-teacher", "health-visitor"):
            look(world, key, "amir")
    client = as_role("parent")
    where = reverse("door:access-list", args=[world.children["amir"].public_id])
    client.get(where)
    savepoint, second_lock = 2, 2 if connection.vendor == "postgresql" else 0
    with django_assert_max_num_queries(12 + savepoint + second_lock):
        assert client.get(where).status_code == 200


def test_what_a_family_says_holds_at_once_and_can_be_taken_back(world, as_role):
    amir = world.children["amir"]
    assert world.visit("health-visitor").can(amir, "view", "plan")
    parent = as_role("parent")
    where = reverse("door:wishes", args=[amir.public_id])
    said = {"kind": "objection", "about": "all", "said_by": "Parveen Iqbal", "note": "Not the school nurse"}
    assert parent.post(where, said | {"kind": "never"}).status_code == 422
    assert parent.post(where, said).status_code == 302
    assert not world.visit("health-visitor").can(amir, "view", "plan")
    assert "Not the school nurse" in parent.get(where).content.decode()
    assert "Not the school nurse" not in " ".join(entry.note for entry in ledger.entries())
    child_page = as_role("parent").get(reverse("children:child", args=[amir.public_id])).content.decode()
    assert "The family said no" in child_page
    wish = Wish.objects.get()
    other = as_role("other-parent").post(reverse("door:wish-end", args=[amir.public_id, wish.pk]))
    assert other.status_code == 403
    assert parent.post(reverse("door:wish-end", args=[amir.public_id, wish.pk])).status_code == 302
    assert world.visit("health-visitor").can(amir, "view", "plan")
    assert parent.post(reverse("door:wish-end", args=[amir.public_id, wish.pk])).status_code == 404


def test_the_report_finds_what_is_unusual_and_names_no_family(world, as_role):
    noon = datetime(2026, 11, 25, 12, tzinfo=ZoneInfo("Europe/London"))
    user = world.members["other-senco"].user
    user.name = "Ola Iqbal"
    user.save()
    look(world, "other-senco", "amir")  # the surname of the child, and no tie of their own
    look(world, "parent", "amir", purpose="family-access")  # their own child: never a finding
    for _ in range(10):
        look(world, "police-officer", "bea", items=(), refused=["plan"])
    BreakGlass.objects.create(
        child=world.children["bea"],
        membership=world.members["class-teacher"],
        reason="x",
        ends_at=noon,
        review_due=timezone.localdate() - timedelta(days=1),
    )
    found = {each.rule: each for each in find_unusual()}
    assert found["own-family"].person == user.public_id
    assert found["own-family"].children == (world.children["amir"].public_id,)
    assert found["refusals"].count == 10
    assert "waiting too long for review: 1" in found["emergencies"].sentence
    assert {each.person for each in find_unusual("lake-school")} == {user.public_id}
    page = as_role("data-guardian").get(reverse("door:report")).content.decode()
    assert "Ola Iqbal" in page
    assert "Amir" not in page
    assert as_role("senco").get(reverse("door:report")).status_code == 403


def test_each_rule_speaks_from_its_threshold_on():
    rules = unusual_rules()

    def says(**counts):
        return [each.rule for each in unusual([PersonCounts("p", "senco", "s", **counts)], [], rules)]

    assert says() == []
    assert says(same_surname=(("c", 5),)) == ["own-family"]
    assert says(same_surname=(("c", 6),)) == []  # a common name says nothing
    assert (says(out_of_hours=4), says(out_of_hours=5)) == ([], ["out-of-hours"])
    assert (says(refusals=9), says(refusals=10)) == ([], ["refusals"])
    assert (says(busiest_search_day=59), says(busiest_search_day=60)) == ([], ["searches"])
    assert says(emergencies=1) == ["emergencies"]
    shifts = unusual([PersonCounts("p", "police-officer", "s", out_of_hours=99)], [], rules)
    family = unusual([PersonCounts("p", "parent", "s", refusals=99)], [], rules)
    assert shifts == family == []
    counted = [
        ChildCounts("a", 11, 2, 2),
        ChildCounts("b", 6, 3, 1),
        ChildCounts("c", 5, 5, 1),
        ChildCounts("d", 9, 2, 2),
    ]
    assert [each.child for each in unusual([], counted, rules)] == ["a", "b"]
