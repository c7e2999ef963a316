"""A refusal that harms: raised, moved on by time, decided by those who may, and counted for the board."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import yaml
from django.urls import reverse

from evi.care.door import blocking, ledger
from evi.care.door.jobs import run_due
from evi.care.door.models import Blockage
from evi.care.door.rules import folder
from evi.care.door.summary import work
from evi.care.home import home
from evi.sharing.blockages import Case, figures, stages
from evi.workspace import EviError

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
POLICE = "chronology.police"
LONDON = ZoneInfo("Europe/London")


@pytest.fixture
def own_agreements(tmp_path, monkeypatch):
    """A care folder whose agreements a test may change."""
    keys = (home() / "fields.keys").read_text() if (home() / "fields.keys").exists() else None
    monkeypatch.setenv("EVI_CARE_HOME", str(tmp_path))
    if keys:
        (tmp_path / "fields.keys").write_text(keys)


def raised(client, world, harm="I can't keep this child safe at school", item=POLICE):
    answer = client.post(
        reverse("door:raise"),
        {"child": world.children["amir"].public_id, "action": "view", "item": item, "harm": harm},
    )
    assert answer.status_code == 302, answer.content[:2000]
    return Blockage.objects.get()


def test_a_refused_page_explains_itself_and_offers_to_raise_it(world, as_role):
    client = as_role("other-senco")
    answer = client.get(reverse("door:access-list", args=[world.children["amir"].public_id]))
    page = answer.content.decode()
    assert answer.status_code == 403
    assert 'name="harm"' in page
    assert world.children["amir"].public_id in page
    assert "Amir" not in page


def test_it_is_raised_once_and_shown_to_those_who_decide(world, as_role):
    client = as_role("senco")
    row = raised(client, world)
    assert (row.item, row.stage, row.holder) == (POLICE, "raised", "police")
    raised(client, world, harm="It is still so")
    assert [event.text for event in row.events.all()][-1] == "It is still so"
    page = client.get(reverse("door:blockage", args=[row.public_id])).content.decode()
    assert "I can&#39;t keep this child safe at school" in page
    assert 'name="how"' not in page  # nobody decides on what they raised
    assert [line.kind for line in work(world.visit("senco"))] == ["waiting"]
    guardian = as_role("data-guardian")
    assert "Police entries" in guardian.get(reverse("door:blockages")).content.decode()
    assert 'name="how"' in guardian.get(reverse("door:blockage", args=[row.public_id])).content.decode()
    assert "request" in [line.kind for line in work(world.visit("data-guardian"))]
    assert as_role("other-senco").get(reverse("door:blockage", args=[row.public_id])).status_code == 403


def test_a_child_who_is_not_there_looks_like_one_that_may_not_be_seen(world, as_role):
    client = as_role("other-senco")
    said = {"action": "view", "item": "plan", "harm": "I need to know"}
    pages = []
    for child in (world.children["amir"].public_id, "zzzzzzzzzzzzzz"):
        answer = client.post(reverse("door:raise"), said | {"child": child}, follow=True)
        page = answer.content.decode()
        pages.append(page[page.index("<h1") : page.index("What has happened")])
    assert pages[0] == pages[1]


def test_it_moves_on_by_working_days_once_for_each_stage(world, as_role):
    row = raised(as_role("senco"), world)
    Blockage.objects.filter(pk=row.pk).update(
        opened_at=datetime(2026, 12, 23, 10, tzinfo=LONDON), stage_due=date(2026, 12, 29)
    )
    seen = []
    for day in (24, 28, 29, 29, 30, 31):  # 25 and 28 December 2026 are bank holidays, 26 and 27 a weekend
        run_due(datetime(2026, 12, day, 9, tzinfo=LONDON))
        seen.append(Blockage.objects.get().stage)
    assert seen == ["raised", "raised", "guardian", "guardian", "guardian", "guardian"]
    assert run_due(datetime(2027, 1, 20, 9, tzinfo=LONDON)).escalated == 1
    assert Blockage.objects.get().stage == "partnership"
    assert run_due(datetime(2027, 3, 1, 9, tzinfo=LONDON)).escalated == 0
    assert [event.what for event in row.events.all()] == ["raised", "escalated", "escalated"]
    assert sum("moved on" in entry.note for entry in ledger.entries(action="blockage")) == 2


def test_it_is_closed_by_a_no_with_a_reason_or_by_an_agreement_that_permits_now(
    own_agreements, world, as_role
):
    row = raised(as_role("senco"), world)
    guardian = as_role("data-guardian")
    where = reverse("door:blockage", args=[row.public_id])
    same = guardian.post(where, {"how": "agreement", "reason": "It is permitted"})
    assert same.status_code == 422
    assert "The agreements are the same" in same.content.decode()
    assert guardian.post(where, {"how": "no", "reason": " "}).status_code == 422

    change_agreement("identity")  # another change, which permits nothing new
    with pytest.raises(EviError, match="still refuse"):
        blocking.close_by_agreement(world.visit("data-guardian"), row, "Changed")
    change_agreement(POLICE)
    assert guardian.post(where, {"how": "agreement", "reason": "The board agreed"}).status_code == 302
    row.refresh_from_db()
    assert (row.closed_how, row.closing_agreement) == ("agreement", "social-care-safeguarding")
    assert row.closing_rules != row.rules
    assert "You can see it now" in work(world.visit("senco"))[0].text
    with pytest.raises(EviError, match="closed it before"):
        blocking.close_with_no(world.visit("data-guardian"), row, "Too late")
    page = guardian.get(reverse("door:blockages")).content.decode()
    assert "Agreement changed" in page


def change_agreement(item):
    """Let a SENCO see one more item of children on the roll: a new version of an agreement."""
    path = next(folder().glob("*social-care-safeguarding.yaml"))
    table = yaml.safe_load(path.read_text())
    table["version"] += 1
    table["clauses"].append(
        {
            "id": f"9.{table['version']}",
            "sentence": "A SENCO sees one thing more.",
            "organisations": ["school"],
            "roles": ["senco"],
            "actions": ["view"],
            "items": [item],
            "relationships": ["on-roll"],
            "purposes": ["direct-support"],
            "consent": "not-needed",
        }
    )
    path.write_text(yaml.safe_dump(table, sort_keys=False))


def test_the_boards_figures():
    day = date(2026, 5, 1)
    cases = [
        Case("plan", "raised", day),
        Case("plan", "leads", day - timedelta(days=20)),
        Case("index", "raised", day - timedelta(days=9), day, "no"),
        Case("plan", "guardian", day - timedelta(days=3), day, "agreement"),
    ]
    found = figures(cases, day)
    assert (found.raised, found.open, found.median_days, found.oldest_open_days) == (4, 2, 6.0, 20)
    assert found.by_stage == {"raised": 1, "guardian": 0, "leads": 1, "partnership": 0}
    assert found.by_item == {"plan": 3, "index": 1}
    assert found.closed_how == {"agreement": 1, "no": 1}
    assert figures([], day).median_days is None
    assert [stages().at(days).key for days in (0, 1, 2, 4, 5, 9, 10, 99)] == (
        ["raised"] * 2 + ["guardian"] * 2 + ["leads"] * 2 + ["partnership"] * 2
    )
