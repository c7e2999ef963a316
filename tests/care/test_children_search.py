"""Search: typing mistakes, exact numbers, only those who may be found, and never the words in the ledger."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from evi.care.children import searching
from evi.care.children.models import Child, NameKey, SearchRecord, index_children
from evi.care.children.names import asked_keys, folded, likeness, stored_keys, words
from evi.care.children.searching import Question, search
from evi.care.children.ties import school_year
from evi.care.door.models import AccessEntry
from tests.care.conftest import World

LETTERS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=4, max_size=12)


def found(world: World, text: str = "", born: date | None = None, by: str = "senco") -> list[str]:
    return [hit.child.given_name for hit in search(world.visit(by), Question(text, born)).hits]


def add(world: World, given: str, family: str, **more: object) -> Child:
    world.children[given] = Child.objects.create(
        **{"given_name": given, "family_name": family, "birth_date": date(2018, 5, 2)} | more
    )
    world.tie(given, "on-roll", "hill-school")
    return world.children[given]


class TestNames:
    @pytest.mark.parametrize(
        ("written", "read"),
        [
            ("Zoë O'Brien-Łuk", ("zoe", "obrien", "luk")),
            ("  AMIR\tIqbal ", ("amir", "iqbal")),
            ("Ærøskøbing Đặng", ("aeroskobing", "dang")),
            ("👩‍🚀 Star ⭐", ("star",)),
            ("محمّد علي", ("محمد", "علی")),
            ("%' OR 1=1 --", ("or", "1", "1")),
            ("\u202eamir\u202c", ("amir",)),
            ("", ()),
        ],
    )
    def test_a_name_in_words(self, written: str, read: tuple[str, ...]) -> None:
        assert words(written) == read

    def test_ten_thousand_characters_are_cut(self) -> None:
        assert len(words("abcdefghi " * 1_000)) == 8
        assert len(words("a" * 10_000)[0]) == 24

    @given(LETTERS, st.data())
    def test_one_wrong_letter_is_found(self, word: str, data: st.DataObject) -> None:
        """A letter left out, put in, changed, or two neighbours changed round: a key is always shared."""
        at = data.draw(st.integers(0, len(word) - 2))
        typed = data.draw(
            st.sampled_from(
                [
                    word[:at] + word[at + 1 :],
                    word[:at] + "q" + word[at:],
                    word[:at] + "q" + word[at + 1 :],
                    word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                ]
            )
        )
        if len(typed) >= 4:
            assert stored_keys([word]) & asked_keys([typed])

    @given(LETTERS, LETTERS)
    def test_likeness_is_between_0_and_1_and_1_for_the_same(self, one: str, other: str) -> None:
        assert likeness([one], [one]) == 1
        assert 0 <= likeness([one], [other]) <= 1
        assert likeness([one], []) == likeness([], [one]) == 0

    def test_keys_can_not_be_made_without_the_secret(self) -> None:
        """The database holds digests: none of them is a hash of the word alone."""
        import hashlib

        plain = {
            int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)
            for text in ("amir", "near amir", "name\0near amir")
        }
        assert not stored_keys(["Amir"]) & plain

    def test_folded_is_equal_for_what_is_called_the_same(self) -> None:
        assert folded("Zoë", "O’Brien") == folded("zoe", "OBRIEN")


@pytest.mark.django_db
@pytest.mark.both_databases
class TestSearch:
    @pytest.mark.parametrize(
        "typed",
        ["Amir Iqbal", "iqbal amir", "Amri Iqbal", "Ameer Iqbal", "Amir Ikbal", "iqba", "AMIR", "Amir Iqbl"],
    )
    def test_a_name_with_mistakes(self, world: World, typed: str) -> None:
        assert found(world, typed) == ["Amir"]

    def test_nobody_like_it(self, world: World) -> None:
        assert found(world, "Xenophon Quartermaine") == []

    def test_only_those_who_may_be_found(self, world: World) -> None:
        assert found(world, "Bea Stone") == []
        assert found(world, "Bea Stone", by="other-senco") == ["Bea"]
        assert found(world, "Amir", by="other-senco") == []
        assert found(world, "Cy Marsh", by="health-visitor") == []
        assert found(world, "Amir Iqbal", by="parent") == ["Amir"]
        assert found(world, "Amir Iqbal", by="other-parent") == []

    def test_an_ended_tie_finds_nobody(self, world: World) -> None:
        today = timezone.localdate()
        world.children["amir"].ties.update(until=today)
        assert found(world, "Amir Iqbal") == []

    def test_by_birth_date_alone_with_a_name_and_swapped(self, world: World) -> None:
        assert sorted(found(world, born=date(2020, 3, 9))) == ["Amir", "Cy"]
        assert sorted(found(world, "9/3/2020")) == ["Amir", "Cy"]
        assert sorted(found(world, born=date(2020, 9, 3))) == ["Amir", "Cy"], "day and month changed round"
        assert found(world, "Amira Ikbol 2020-03-09") == ["Amir"]
        assert found(world, "99/99/2020") == []

    def test_by_exact_numbers(self, world: World) -> None:
        child = world.children["amir"]
        child.nhs_number, child.upn = "943 476 5919", "a123456789012"
        child.save()
        assert found(world, "9434765919") == found(world, " 943-476-5919 ") == ["Amir"]
        assert found(world, "A123456789012") == ["Amir"]
        assert found(world, "9434765918") == []
        assert found(world, "9434765919", by="other-senco") == []

    @pytest.mark.parametrize("given", ["محمد", "Zoë", "Łucja", "Nguyễn", "李雷", "D'Arcy", "Jean-Luc"])
    def test_names_of_the_world(self, world: World, given: str) -> None:
        add(world, given, "Example")
        assert given in found(world, given)

    def test_a_name_that_is_known_as(self, world: World) -> None:
        add(world, "Muhammad", "Khan", known_as="Mo")
        assert found(world, "Mo Khan") == found(world, "Mohamed Khan") == ["Muhammad"]

    @pytest.mark.parametrize(
        "hostile", ["%", "_____", "' OR 1=1 --", "\\", "😀" * 50, "a" * 10_000, "\x00", "[" * 99]
    )
    def test_hostile_words_find_nobody_and_break_nothing(self, world: World, hostile: str) -> None:
        assert found(world, hostile) == []

    def test_a_new_name_replaces_the_old(self, world: World) -> None:
        child = world.children["amir"]
        child.family_name = "Rahman"
        child.save()
        assert found(world, "Rahman") == ["Amir"]
        assert found(world, "Iqbal") == []

    def test_children_written_in_bulk_are_found(self, world: World) -> None:
        made = Child.objects.bulk_create(
            [
                Child(given_name=f"Bulk{n}", family_name="Loaded", birth_date=date(2019, 1, 1))
                for n in range(3)
            ]
        )
        for child in made:
            world.children[child.given_name] = child
            world.tie(child.given_name, "on-roll", "hill-school")
        assert found(world, "Loaded") == []
        assert index_children(made) == NameKey.objects.filter(child__in=made).count()
        assert sorted(found(world, "Loaded")) == ["Bulk0", "Bulk1", "Bulk2"]

    def test_more_than_a_page_asks_for_more_of_the_name(self, world: World) -> None:
        for number in range(searching.SHOWN + 1):
            add(world, f"Sam{number}", "Common")
        results = search(world.visit("senco"), Question("Common"))
        assert len(results.hits) == searching.SHOWN
        assert results.more


@pytest.mark.django_db
class TestPages:
    def test_a_search_has_no_word_in_its_address_and_can_be_gone_back_to(
        self, world: World, as_role: Callable[[str], Client]
    ) -> None:
        client = as_role("senco")
        asked = client.post(reverse("children:search"), {"text": "Amir Iqbl"})
        assert asked.status_code == 302
        assert "mir" not in asked["Location"].lower()
        for _ in range(2):
            page = client.get(asked["Location"])
            assert page.status_code == 200
            assert reverse("children:child", args=[world.children["amir"].public_id]) in page.content.decode()
        assert world.children["bea"].public_id not in page.content.decode()

    def test_the_ledger_has_how_many_and_never_the_words(
        self, world: World, as_role: Callable[[str], Client]
    ) -> None:
        as_role("senco").post(reverse("children:search"), {"text": "Amir Iqbal"}, follow=True)
        entry = AccessEntry.objects.filter(action="search").get()
        assert "1 found" in entry.note
        assert "mir" not in str(vars(entry)).lower()
        stored = SearchRecord.objects.values_list("words", flat=True)
        assert [each["text"] for each in stored] == ["Amir Iqbal"]

    def test_a_question_of_somebody_else_or_too_old_is_gone(
        self, world: World, as_role: Callable[[str], Client]
    ) -> None:
        asked = as_role("senco").post(reverse("children:search"), {"text": "Amir"})
        assert as_role("class-teacher").get(asked["Location"]).status_code == 404
        SearchRecord.objects.update(asked_at=timezone.now() - searching.KEPT - timedelta(seconds=1))
        gone = as_role("senco").get(asked["Location"])
        assert gone.status_code == 404
        assert "too old" in gone.content.decode()

    def test_nothing_to_search_for(self, as_role: Callable[[str], Client]) -> None:
        page = as_role("senco").post(reverse("children:search"), {"text": " 👍 "})
        assert page.status_code == 422
        assert "Write a name" in page.content.decode()

    def test_a_person_who_searches_like_a_machine_is_asked_to_wait(
        self, world: World, as_role: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(searching, "PER_MINUTE", 2)
        client = as_role("senco")
        codes = [client.post(reverse("children:search"), {"text": "Amir"}).status_code for _ in range(3)]
        assert codes == [302, 302, 429]
        assert as_role("class-teacher").post(reverse("children:search"), {"text": "Amir"}).status_code == 302

    def test_two_with_one_name_and_birthday_are_both_shown_and_told_apart(
        self, world: World, as_role: Callable[[str], Client]
    ) -> None:
        twin = add(world, "Amír", "IQBAL", birth_date=date(2020, 3, 9))
        world.tie("Amír", "teaches", "hill-school", team=world.teams["1B"])
        client = as_role("senco")
        page = client.post(reverse("children:search"), {"text": "Amir Iqbal"}, follow=True).content.decode()
        assert page.count("Same name and birth date as another") == 2
        assert "Hill Primary School, 1A" in page
        assert "Hill Primary School, 1B" in page
        for child in (twin, world.children["amir"]):
            own = client.get(reverse("children:child", args=[child.public_id])).content.decode()
            assert "Another child has this name" in own
        other = client.get(reverse("children:child", args=[world.children["cy"].public_id])).content.decode()
        assert "Another child has this name" not in other


@pytest.mark.parametrize(
    ("born", "day", "year"),
    [
        (date(2021, 8, 31), date(2025, 9, 1), "Reception"),
        (date(2021, 9, 1), date(2025, 9, 1), ""),
        (date(2021, 9, 1), date(2026, 9, 1), "Reception"),
        (date(2020, 3, 9), date(2026, 8, 31), "Year 1"),
        (date(2008, 1, 1), date(2026, 3, 1), "Year 13"),
        (date(2007, 8, 31), date(2026, 3, 1), ""),
        (None, date(2026, 3, 1), ""),
    ],
)
def test_the_school_year(born: date | None, day: date, year: str) -> None:
    assert school_year(born, day) == year
