"""The pages of a child: what each reader sees of it, what is kept back, and what is written to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, ClassVar

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from evi.care import pages
from evi.care.children import chronology, portrait, summary, timeline
from evi.care.children.address import Address
from evi.care.children.models import Child, Entry, IndexRow, Tie, Wish, Withheld
from evi.care.children.ties import end_tie, end_ties, places, tie
from evi.care.children.vulnerability import keep_index
from evi.care.door.models import AccessEntry
from evi.care.door.visit import Refused
from tests.care.conftest import World

pytestmark = pytest.mark.django_db
SignIn = Callable[[str], Client]
TODAY = timezone.localdate


def entry(world: World, item: str, title: str, source: str = "hill-school", **more: Any) -> Entry:
    said = {"happened_on": TODAY() - timedelta(days=3), "nature": Entry.FACT, "text": f"Text of {title}"}
    return Entry.objects.create(
        child=world.children["amir"],
        item=item,
        title=title,
        source=world.organisations[source],
        author_name="A. Writer",
        author_role="SENCO",
        **said | more,
    )


def page(client: Client, name: str, child: Child, query: str = "") -> str:
    answer = client.get(reverse(f"children:{name}", args=[child.public_id]) + query)
    assert answer.status_code == 200, answer.content.decode()[:500]
    return answer.content.decode()


def queries(client: Client, address: str) -> list[str]:
    """The statements of a page, asked for a second time; without the marks of a transaction."""
    assert client.get(address).status_code == 200
    with CaptureQueriesContext(connection) as captured:
        client.get(address)
    return [each["sql"] for each in captured.captured_queries if "SAVEPOINT" not in each["sql"]]


class TestRecord:
    def test_who_this_child_is(self, world: World, as_role: SignIn) -> None:
        read = page(as_role("senco"), "child", world.children["amir"])
        assert "Amir Iqbal" in read
        assert "Hill Primary School, 1A" in read
        assert "9 March 2020" in read

    def test_a_stranger_and_a_child_that_is_not_there_look_alike(self, world: World, as_role: SignIn) -> None:
        client = as_role("other-senco")
        known = client.get(reverse("children:child", args=[world.children["amir"].public_id]))
        unknown = client.get(reverse("children:child", args=["bcdfghjkmnpqrs"]))
        assert known.status_code == unknown.status_code == 403
        assert "Amir" not in known.content.decode()

    def test_an_entry_stands_with_nature_author_role_source_and_date(
        self, world: World, as_role: SignIn
    ) -> None:
        entry(world, "chronology.education", "Tests sat")
        entry(world, "chronology.education", "Seems tired", nature=Entry.OPINION)
        read = page(as_role("senco"), "child", world.children["amir"])
        for words in (
            "Tests sat",
            "Seems tired",
            "A. Writer",
            "SENCO",
            "Hill Primary School",
            "Fact",
            "Opinion",
        ):
            assert words in read
        assert entry(world, "chronology.education", "x").happened_on.isoformat() in read

    def test_the_ledger_has_the_items_that_were_shown(self, world: World, as_role: SignIn) -> None:
        page(as_role("senco"), "child", world.children["amir"])
        noted = AccessEntry.objects.get(child=world.children["amir"].public_id)
        assert {"identity", "contact", "chronology.education"} <= set(noted.permitted)
        assert noted.refused == []

    def test_what_is_closed_is_told_with_a_way_to_raise_it(self, world: World, as_role: SignIn) -> None:
        entry(world, "chronology.police", "Secret thing", "police")
        child, client = world.children["amir"], as_role("senco")
        read = page(client, "child", child)
        assert "Secret thing" not in read
        sentence = world.visit("senco").decision(child, "view", "chronology.police").sentence
        assert sentence.split("(")[0].split("'")[0] in read
        refused = client.get(
            reverse("children:chronology", args=[child.public_id]) + "?kind=chronology.police"
        )
        assert refused.status_code == 403
        assert any("chronology.police" in noted.refused for noted in AccessEntry.objects.all())


class TestAddress:
    """A parent who may not know where the child lives."""

    @pytest.fixture
    def hidden(self, world: World) -> Child:
        child = world.children["amir"]
        child.address, child.postcode, child.phone = "12 Rosehip Lane, Otley", "LS21 3AB", "01943 555123"
        child.save()
        for told in (
            "Moved to 12 Rosehip Lane",
            "now at rosehip  lane",
            "phone 01943-555 123",
            "LS213AB today",
        ):
            entry(world, "chronology.education", told[:30], text=f"{told}. Reads well.")
        Withheld.objects.create(child=child, user=world.members["parent"].user, items=["contact"])
        return child

    def test_neither_the_address_nor_what_tells_it(
        self, world: World, as_role: SignIn, hidden: Child
    ) -> None:
        client = as_role("parent")
        for name in ("child", "chronology"):
            read = page(client, name, hidden)
            for word in ("Rosehip", "rosehip", "Otley", "LS21", "555", "Hill Primary"):
                assert word not in read, (name, word)
            assert "Reads well" in read
            assert "held back" not in read, "that it is kept back is not told either"

    def test_everybody_else_sees_it(self, world: World, as_role: SignIn, hidden: Child) -> None:
        read = page(as_role("senco"), "child", hidden)
        for words in ("12 Rosehip Lane", "LS21 3AB", "01943 555123"):
            assert words in read

    def test_the_other_parts_of_a_page_are_as_for_any_parent(
        self, world: World, as_role: SignIn, hidden: Child
    ) -> None:
        assert "Amir Iqbal" in page(as_role("parent"), "child", hidden)

    def test_words_that_only_contain_a_part_stay(self) -> None:
        kept = Address(True, ("Rose Lane", "Otley"))
        assert (
            kept.hide("The Otleys and Primrose Lanes; Otley!")
            == "The Otleys and Primrose Lanes; [kept back]!"
        )
        assert Address().hide("Otley") == "Otley"


@pytest.mark.both_databases
class TestChronology:
    def test_from_pregnancy_on_newest_first(self, world: World, as_role: SignIn) -> None:
        entry(world, "chronology.early-years", "Booked with midwife", happened_on=date(2019, 9, 1))
        entry(world, "chronology.early-years", "Two year review", happened_on=date(2022, 3, 20))
        read = page(as_role("health-visitor"), "chronology", world.children["amir"])
        assert read.index("Two year review") < read.index("Booked with midwife")
        assert "before birth" in read
        assert "2 years" in read

    @pytest.mark.parametrize(
        ("query", "shown"),
        [
            ("", {"Fact one", "View two", "Old three"}),
            ("?nature=opinion", {"View two"}),
            ("?first_day=1&first_month=1&first_year=2024", {"Fact one", "View two"}),
            ("?last_day=31&last_month=12&last_year=2022", {"Old three"}),
            ("?kind=chronology.education", {"Fact one", "View two", "Old three"}),
            ("?kind=nonsense&nature=%00&page=x&first_day=99", {"Fact one", "View two", "Old three"}),
            ("?page=99999999999", {"Fact one", "View two", "Old three"}),
        ],
    )
    def test_filters(self, world: World, as_role: SignIn, query: str, shown: set[str]) -> None:
        entry(world, "chronology.education", "Fact one")
        entry(world, "chronology.education", "View two", nature=Entry.OPINION)
        entry(world, "chronology.education", "Old three", happened_on=date(2022, 5, 5))
        read = page(as_role("senco"), "chronology", world.children["amir"], query)
        assert {title for title in ("Fact one", "View two", "Old three") if title in read} == shown

    def test_pages_and_a_picture_of_all(self, world: World, as_role: SignIn) -> None:
        for number in range(30):
            entry(world, "chronology.education", f"Number {number:02}", happened_on=date(2024, 1, 1 + number))
        client, child = as_role("senco"), world.children["amir"]
        first, second = (page(client, "chronology", child, f"?page={number}") for number in (1, 2))
        assert "Number 29" in first
        assert "Number 04" not in first
        assert "Number 04" in second
        for read in (first, second):
            assert "<svg" in read
            assert "30 entries, from 1 January 2024 to 30 January 2024." in read

    def test_a_limit_to_event_codes_is_kept(self, world: World) -> None:
        """Where a clause opens only some event codes, entries of other codes are not there."""
        entry(world, "chronology.health", "Open", code="HEALTH/A/1")
        entry(world, "chronology.health", "Closed", code="HEALTH/B/1")
        entry(world, "chronology.health", "No code")
        child, visit = world.children["amir"], world.visit("health-visitor")
        whole = visit.decision(child, "view", "chronology.health")
        limited = type(whole)(True, "a", "1", "g", "s", "clause", ("HEALTH/A/*",))
        refused = {kind: type(whole)(False, "", "", "", "", "no-agreement") for kind in chronology.kinds()}
        reading = chronology.Reading(child, refused | {"chronology.health": limited}, Address())
        assert [each.title for each in reading.entries()] == ["Open"]
        assert list(chronology.Reading(child, refused, Address()).entries()) == []

    def test_each_kind_is_decided_for_each_role(self, world: World) -> None:
        for kind in chronology.kinds():
            entry(world, kind, kind)
        for key in ("senco", "class-teacher", "health-visitor", "parent", "camhs-clinician", "social-worker"):
            visit, child = world.visit(key), world.children["amir"]
            seen = {each.item for each in chronology.read(visit, child).entries()}
            asked = {kind: visit.decision(child, "view", kind) for kind in chronology.kinds()}
            assert seen == {kind for kind, said in asked.items() if said.permitted and not said.codes}, key

    def test_an_objection_closes_at_once(self, world: World) -> None:
        entry(world, "chronology.early-years", "Review")
        child = world.children["amir"]
        before = chronology.read(world.visit("health-visitor"), child).open
        Wish.objects.create(child=child, kind="objection", about="all", said_by="mother")
        after = chronology.read(world.visit("health-visitor"), child).open
        assert set(after) < set(before) or after == before
        for kind in before:
            decision = world.visit("health-visitor").decision(child, "view", kind)
            assert (kind in after) == decision.permitted


class TestAdding:
    SENT: ClassVar = {
        "item": "chronology.education",
        "happened_on_day": "3",
        "happened_on_month": "2",
        "happened_on_year": "2026",
        "title": "Met with Mum",
    }

    def add(self, client: Client, child: Child, **sent: str) -> Any:
        return client.post(reverse("children:add-entry", args=[child.public_id]), self.SENT | sent)

    def test_fact_and_opinion_become_two_entries(self, world: World, as_role: SignIn) -> None:
        child = world.children["amir"]
        answer = self.add(as_role("senco"), child, fact="Mum came at nine.", opinion="She seemed worried.")
        assert answer.status_code == 302
        made = {each.nature: each for each in child.entries.all()}
        assert made["fact"].text == "Mum came at nine."
        assert made["opinion"].text == "She seemed worried."
        for each in made.values():
            assert (each.author_name, each.author_role, each.source.code) == (
                "Sana Mahmood",
                "SENCO",
                "hill-school",
            )
        noted = AccessEntry.objects.filter(action="contribute").get()
        assert "chronology.education" in noted.permitted

    def test_a_paste_from_word_of_ten_thousand_characters(self, world: World, as_role: SignIn) -> None:
        pasted = "<p>\u201cShe\u2019s better\u201d\u00a0\u2013 mum\x0b</p>" + "Ünïcode 👧 " * 1_000
        child, client = world.children["amir"], as_role("senco")
        assert self.add(client, child, fact=pasted).status_code == 302
        text = child.entries.get().text
        assert text.startswith("\u201cShe\u2019s better\u201d \u2013 mum\n\nÜnïcode 👧")
        assert text.count("👧") == 1_000
        assert "👧" in page(client, "chronology", child)

    @pytest.mark.parametrize(
        ("sent", "said"),
        [
            ({}, "Write what happened"),
            ({"fact": "x", "happened_on_year": "2099"}, "today or in the past"),
            ({"fact": "x", "happened_on_year": "1990"}, "before this child"),
            ({"fact": "x", "happened_on_day": "31"}, "Write a real date"),
            ({"fact": "x" * 20_001}, "at most"),
            ({"fact": "x", "item": "chronology.police"}, "valid choice"),
            ({"fact": "x", "title": "\u200b"}, "There is a problem"),
        ],
    )
    def test_what_is_wrong_is_said_and_nothing_is_written(
        self, world: World, as_role: SignIn, sent: dict[str, str], said: str
    ) -> None:
        child = world.children["amir"]
        answer = self.add(as_role("senco"), child, **sent)
        assert answer.status_code == 422
        assert said in answer.content.decode()
        assert not child.entries.exists()

    @pytest.mark.parametrize("key", ["parent", "police-officer", "other-senco", "data-guardian"])
    def test_who_may_not_add_is_refused(self, world: World, as_role: SignIn, key: str) -> None:
        child = world.children["amir"]
        assert self.add(as_role(key), child, fact="x").status_code == 403
        assert not child.entries.exists()

    def test_markup_is_shown_as_text(self, world: World, as_role: SignIn) -> None:
        entry(world, "chronology.education", "<img src=x onerror=alert(1)>", text="<script>alert(1)</script>")
        read = page(as_role("senco"), "chronology", world.children["amir"])
        assert "<script>alert(1)" not in read
        assert "<img src=x" not in read


class TestIndex:
    SAID: ClassVar[dict[str, Any]] = {
        "band": "Some needs",
        "n_present": 2,
        "n_assessable": 5,
        "domains": [
            {"domain": "health", "title": "Mental and physical health", "n_present": 2, "n_assessable": 4},
            {"domain": "crime", "title": "Crime", "n_present": 0, "n_assessable": 1},
        ],
        "reasons": [
            {
                "title": "Missed check",
                "domain": "health",
                "since": "2025-02-03",
                "service": "Health visiting",
            },
            {
                "title": "Other reason",
                "domain": "health",
                "since": None,
                "service": "x",
                "recipients": ["camhs"],
            },
        ],
        "not_known": [{"title": "Hearing", "domain": "health", "ask": "the GP"}],
        "run_id": "run-1",
    }

    def reader(self, world: World) -> str:
        """Somebody who may see this child's index."""
        child = world.children["amir"]
        return next(key for key in world.members if world.visit(key).can(child, "view", "index"))

    def test_reasons_with_service_and_date_and_what_is_not_known(self, world: World, as_role: SignIn) -> None:
        child = world.children["amir"]
        keep_index(child, TODAY(), **self.SAID)
        read = page(as_role(self.reader(world)), "index", child)
        for words in (
            "Missed check",
            "since 3 February 2025",
            "Health visiting",
            "Hearing",
            "Ask: the GP",
            "<svg",
        ):
            assert words in read
        assert "Other reason" not in read
        assert "1 more is known to other services" in read
        assert "%" not in read.split("</head>")[1].split("<footer")[0]

    def test_taken_back_is_shown_no_more_and_the_same_run_replaces(
        self, world: World, as_role: SignIn
    ) -> None:
        child = world.children["amir"]
        keep_index(child, TODAY(), **self.SAID)
        keep_index(child, TODAY(), **self.SAID | {"band": "Other band"})
        assert IndexRow.objects.get().band == "Other band"
        IndexRow.objects.update(retracted_on=TODAY())
        read = page(as_role(self.reader(world)), "index", child)
        assert "Missed check" not in read
        assert "Nothing has been released" in read

    def test_a_reason_that_rests_on_what_the_reader_may_not_see_is_not_told(
        self, world: World, as_role: SignIn
    ) -> None:
        child = world.children["amir"]
        reasons = [self.SAID["reasons"][0] | {"items": ["chronology.police"]}]
        keep_index(child, TODAY(), **self.SAID | {"reasons": reasons})
        assert "Missed check" not in page(as_role(self.reader(world)), "index", child)

    def test_nothing_released_is_no_clean_bill(self, world: World, as_role: SignIn) -> None:
        read = page(as_role(self.reader(world)), "index", world.children["amir"])
        assert "does not mean that nothing is needed" in read


class TestMoving:
    def test_out_and_back(self, world: World, as_role: SignIn) -> None:
        child, client = world.children["amir"], as_role("senco")
        out = reverse("children:move-out", args=[child.public_id])
        assert client.get(out).status_code == 200
        gone = {"on_day": "1", "on_month": "2", "on_year": "2026", "to": "Leeds"}
        assert client.post(out, gone).status_code == 302
        child.refresh_from_db()
        assert (child.moved_out_on, child.moved_to) == (date(2026, 2, 1), "Leeds")
        assert "left the district on 1 February 2026" in page(client, "child", child)
        visit = world.visit("senco")
        assert visit.decision(child, "contribute", "chronology.education").why == "moved-out"
        assert client.get(out).status_code == 403, "not twice"
        with pytest.raises(Refused):
            chronology.add(
                visit, child, item="chronology.education", happened_on=TODAY(), title="x", fact="y"
            )
        back = reverse("children:come-back", args=[child.public_id])
        assert as_role("parent").post(back).status_code == 403
        assert client.post(back).status_code == 302
        child.refresh_from_db()
        assert (child.moved_out_on, child.moved_to) == (None, "")
        assert world.visit("senco").can(child, "contribute", "chronology.education")
        notes = " ".join(AccessEntry.objects.values_list("note", flat=True))
        assert "has left the district" in notes
        assert "lives in the district" in notes
        assert "Leeds" not in notes

    def test_a_day_in_the_future_is_refused(self, world: World, as_role: SignIn) -> None:
        child = world.children["amir"]
        out = reverse("children:move-out", args=[child.public_id])
        sent = {"on_day": "1", "on_month": "2", "on_year": "2099"}
        assert as_role("senco").post(out, sent).status_code == 422
        child.refresh_from_db()
        assert child.moved_out_on is None


class TestTies:
    def test_the_same_tie_is_made_once_and_ends_on_a_day(self, world: World) -> None:
        child, school = world.children["bea"], world.organisations["hill-school"]
        made = tie(child, "on-roll", organisation=school, why="roll of September")
        assert tie(child, "on-roll", organisation=school) == made
        assert world.visit("senco").can(child, "view", "identity")
        end_tie(made)
        assert not world.visit("senco").can(child, "view", "identity")
        assert world.visit("senco", TODAY() - timedelta(days=1)).can(child, "view", "identity") is False
        again = tie(child, "on-roll", organisation=school)
        assert again != made
        assert end_ties(child, "on-roll", school, on=TODAY() + timedelta(days=5)) == 1
        assert world.visit("senco").can(child, "view", "identity")

    def test_a_tie_is_with_somebody(self, world: World) -> None:
        with pytest.raises(ValueError, match="with an organisation"):
            tie(world.children["bea"], "on-roll")

    def test_a_tie_through_a_membership_is_that_persons_alone(self, world: World) -> None:
        tie(world.children["bea"], "in-circle", membership=world.members["senco"])
        assert world.visit("senco").can(world.children["bea"], "view", "identity")
        assert not world.visit("class-teacher").can(world.children["bea"], "view", "identity")

    def test_the_place_is_that_of_the_newest_roll(self, world: World) -> None:
        child = world.children["amir"]
        world.tie("amir", "on-roll", "lake-school", since=date(2024, 9, 1))
        assert str(places([child])[child.pk]) == "Lake Academy"
        assert str(places([child], date(2023, 1, 1))[child.pk]) == "Hill Primary School, 1A"
        Tie.objects.filter(child=child).delete()
        assert places([child]) == {}


@pytest.mark.both_databases
class TestLists:
    def test_the_list_by_name_and_how_they_are_tied(self, world: World, as_role: SignIn) -> None:
        read = as_role("senco").get(reverse("children:list")).content.decode()
        assert read.index("Amir Iqbal") < read.index("Cy Marsh")
        assert "Bea Stone" not in read
        assert "On the roll" in read

    def test_more_than_can_be_sorted_by_name_come_newest_first_in_pages(
        self, world: World, as_role: SignIn, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from evi.care.children import listing

        monkeypatch.setattr(listing, "BY_NAME", 30)
        for number in range(40):
            made = Child.objects.create(given_name=f"Child{number:02}", family_name="Many")
            Tie.objects.create(child=made, kind="on-roll", organisation=world.organisations["hill-school"])
        client = as_role("senco")
        first, second = (client.get(f"{reverse('children:list')}?page={n}").content.decode() for n in (1, 2))
        assert "Who came last is at the top" in first
        assert "Child39" in first
        assert "Child14" in second
        assert "Amir Iqbal" in second
        seen = {n for n in range(40) for read in (first, second) if f"Child{n:02} " in read}
        assert seen == set(range(40))

    def test_an_empty_page_and_nobody(self, world: World, as_role: SignIn) -> None:
        assert (
            "nobody on this page"
            in as_role("senco").get(f"{reverse('children:list')}?page=9").content.decode()
        )
        assert "No child is tied" in as_role("police-officer").get(reverse("children:list")).content.decode()

    def test_my_work_has_new_entries_of_others_that_may_be_read(self, world: World, as_role: SignIn) -> None:
        entry(world, "chronology.education", "Of others")
        entry(world, "chronology.police", "Of the police", "police")
        entry(world, "chronology.education", "Own", author=world.members["senco"].user)
        read = as_role("senco").get(reverse("my-work")).content.decode()
        assert "1 new entry" in read
        assert "Of the police" not in read

    def test_my_work_of_somebody_new(self, world: World, as_role: SignIn) -> None:
        tie(world.children["bea"], "in-circle", membership=world.members["senco"])
        read = as_role("senco").get(reverse("my-work")).content.decode()
        assert "New to you" in read
        assert "Bea Stone" in read

    def test_a_lead_sees_the_caseload_and_others_do_not(self, world: World, as_role: SignIn) -> None:
        read = as_role("senco").get(reverse("children:team")).content.decode()
        assert "1A" in read
        assert "entries in the ledger in 30 days" in read
        assert as_role("class-teacher").get(reverse("children:team")).status_code == 403

    def test_whoever_is_not_signed_in_is_sent_to_sign_in(self, world: World) -> None:
        for name in ("my-work", "children:list", "children:search", "children:team"):
            answer = Client().get(reverse(name))
            assert answer.status_code == 302
            assert reverse("account_login") in answer["Location"]


class TestCost:
    """Statements of a page with the sign-in and the ledger. What other rooms ask for is in their tests."""

    @pytest.fixture(autouse=True)
    def much_is_written(self, world: World) -> None:
        for number in range(40):
            entry(world, "chronology.education", f"Number {number}")
        for number in range(30):
            made = Child.objects.create(
                given_name=f"Child{number}", family_name="Many", birth_date=date(2019, 1, 1)
            )
            Tie.objects.create(child=made, kind="on-roll", organisation=world.organisations["hill-school"])

    @pytest.mark.parametrize(("name", "most"), [("child", 13), ("chronology", 10), ("index", 10)])
    def test_pages_of_a_child(
        self, world: World, as_role: SignIn, name: str, most: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(portrait, "gather_cards", lambda visit, child: [])
        made = queries(as_role("senco"), reverse(f"children:{name}", args=[world.children["amir"].public_id]))
        assert len(made) <= most, made

    def test_lists(self, world: World, as_role: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
        client = as_role("senco")
        monkeypatch.setattr("evi.care.children.listing.gather_due", lambda visit, children: {})
        asked = client.post(reverse("children:search"), {"text": "Many"})
        for address in (reverse("children:list"), asked["Location"]):
            made = queries(client, address)
            assert len(made) <= 10, made

    def test_my_work_asks_as_much_for_many_children_as_for_few(
        self, world: World, as_role: SignIn, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("evi.care.children.work.gather_work", summary.work)
        made = queries(as_role("senco"), reverse("my-work"))
        assert len(made) <= 17, made


class TestTimeline:
    POINTS: ClassVar = [
        timeline.Point("a", date(2020, 1, 5), None, "fact"),
        timeline.Point("a", date(2020, 1, 6), None, "fact"),
        timeline.Point("a", date(2024, 6, 1), date(2025, 6, 1), "fact"),
        timeline.Point("b", date(2022, 1, 1), None, "opinion"),
    ]

    def test_lanes_marks_and_years(self) -> None:
        made = timeline.draw(self.POINTS, {"b": "B", "a": "A", "c": "C"}, date(2019, 9, 9))
        assert made is not None
        assert [lane.title for lane in made.lanes] == ["B", "A"]
        assert [mark.count for mark in made.lanes[1].marks] == [2, 1]
        assert [year for _, year in made.years] == list(range(2019, 2026))
        assert all(timeline.LABEL <= mark.x <= timeline.WIDTH for lane in made.lanes for mark in lane.marks)

    def test_mirrored_for_readers_from_right_to_left(self) -> None:
        plain = timeline.draw(self.POINTS, {"a": "A", "b": "B"})
        turned = timeline.draw(self.POINTS, {"a": "A", "b": "B"}, mirrored=True)
        assert plain is not None
        assert turned is not None
        for one, other in zip(plain.lanes, turned.lanes, strict=True):
            for mark, mirror in zip(one.marks, other.marks, strict=True):
                assert mark.x + mirror.x == pytest.approx(timeline.WIDTH)

    def test_nothing_to_draw(self) -> None:
        assert timeline.draw([], {"a": "A"}) is None


class TestDue:
    """What other rooms say is due stands beside the child in lists, and on the child's page."""

    def test_in_the_list_and_on_the_page(
        self, world: World, as_role: SignIn, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        amir, late = world.children["amir"], TODAY() - timedelta(days=2)

        def room(visit: Any, children: Any) -> list[pages.WorkItem]:
            return [
                pages.WorkItem("due", "Later thing", "/later", child, TODAY() + timedelta(days=9))
                for child in children
                if child.pk == amir.pk
            ] + [
                pages.WorkItem("due", "Late thing", "/late", child, late)
                for child in children
                if child == amir
            ]

        whole = pages._summaries
        monkeypatch.setattr(pages, "_summaries", lambda name: [room] if name == "due" else whole(name))
        client = as_role("senco")
        for read in (client.get(reverse("children:list")).content.decode(), page(client, "child", amir)):
            assert read.index("Late thing") < read.index("Later thing")
            assert "late, was due" in read
