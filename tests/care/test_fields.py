"""Encrypted fields: nothing clear in the database, nothing lost, nothing moved, keys that change."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from evi.care import fields
from evi.care.children.models import Child
from evi.care.publicid import new_public_id
from evi.care.rotating import count_by_key, encrypted_columns, renew, retire, rotate
from evi.workspace import EviError
from tests.care.conftest import World

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
HARD = ["", " ", "'; DROP TABLE x; --", "آمنہ بی بی", "👩‍👧", "a\u0000b", "x" * 10_000, "\u202egnihton"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A care folder of this test's own, so that its keys can be changed and broken."""
    monkeypatch.setenv("EVI_CARE_HOME", str(tmp_path))
    yield tmp_path
    fields._path_in.cache_clear()


@given(WORDS, WORDS)
def test_what_is_encrypted_is_read_back_and_only_in_its_place(text: str, other: str) -> None:
    stored = fields.encrypt(text, "a.b")
    assert fields.decrypt(stored, "a.b") == text
    if len(text.encode()) > 3:
        assert text.encode() not in stored
    if other != "a.b":
        with pytest.raises(EviError):
            fields.decrypt(stored, other)


@given(st.text(min_size=1, max_size=40), st.data())
def test_a_changed_value_is_never_read(text: str, data: st.DataObject) -> None:
    stored = bytearray(fields.encrypt(text.encode("utf-8", "replace").decode(), "a.b"))
    at = data.draw(st.integers(0, len(stored) - 1))
    stored[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(EviError):
        fields.decrypt(bytes(stored), "a.b")


@given(st.binary(max_size=60))
def test_noise_is_refused_in_plain_words(noise: bytes) -> None:
    with pytest.raises(EviError):
        fields.decrypt(noise, "a.b")


def test_two_of_the_same_look_different_and_their_blind_index_the_same() -> None:
    assert fields.encrypt("9990001234", "a.b") != fields.encrypt("9990001234", "a.b")
    assert fields.blind("9990001234", "nhs") == fields.blind("9990001234", "nhs")
    assert fields.blind("9990001234", "nhs") != fields.blind("9990001234", "upn")
    assert fields.blind("9990001234", "nhs") != fields.blind("9990001235", "nhs")
    assert fields.blind("", "nhs") == ""


@pytest.mark.parametrize("text", HARD)
def test_a_child_keeps_any_name(text: str, db: None) -> None:
    made = Child.objects.create(
        given_name=text, family_name="Stone", birth_date=date(2020, 2, 29), address=text
    )
    read = Child.objects.get(pk=made.pk)
    assert (read.given_name, read.address, read.birth_date) == (text, text, date(2020, 2, 29))


def test_the_database_holds_no_name(world: World) -> None:
    seen = b""
    with connection.cursor() as cursor:
        for model, columns in encrypted_columns():
            names = ", ".join(column for column, _ in columns)
            cursor.execute(f"SELECT {names} FROM {model._meta.db_table}")
            seen += b"".join(bytes(value) for row in cursor.fetchall() for value in row if value is not None)
    assert len(seen) > 100
    for word in (b"Amir", b"Iqbal", b"Stone", b"2020-03-09", b"BD1"):
        assert word not in seen


def test_values_of_two_columns_cannot_be_swapped(world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE children_child SET given_name = postcode")
    with pytest.raises(EviError, match="changed, or belongs to another place"):
        list(Child.objects.all())


def test_the_keys_are_the_owners_alone_and_a_new_one_is_used_at_once(place: Path) -> None:
    old = fields.encrypt("Amir", "a.b")
    assert stat.S_IMODE((place / fields.KEYS).stat().st_mode) == 0o600
    number = fields.add_key()
    new = fields.encrypt("Amir", "a.b")
    assert (old[0], new[0]) == (1, number) == (1, 2)
    assert fields.decrypt(old, "a.b") == fields.decrypt(new, "a.b") == "Amir"
    assert fields.retire_keys({2}) == [1]
    assert stat.S_IMODE((place / fields.KEYS).stat().st_mode) == 0o600
    assert fields.decrypt(new, "a.b") == "Amir"
    with pytest.raises(EviError, match="key that is not there"):
        fields.decrypt(old, "a.b")
    assert fields.add_key() == 3, "a number is never given twice"


def test_a_key_that_another_process_added_is_known_without_a_restart(place: Path) -> None:
    fields.encrypt("Amir", "a.b")
    with (place / fields.KEYS).open("a", encoding="utf-8") as stream:
        stream.write(fields._new_key() + "\n")
    assert fields.encrypt("Amir", "a.b")[0] == 2


def test_the_keys_of_another_place_say_so(place: Path) -> None:
    stored = fields.encrypt("Amir", "a.b")
    (place / fields.KEYS).unlink()
    with pytest.raises(EviError) as refused:
        fields.decrypt(stored, "a.b")
    assert "Amir" not in str(refused.value)


@pytest.mark.parametrize("broken", ["", "x\n", "AAAA\nAAAA\n", "not base64 !!\nnor this\n", "-\n-\n"])
def test_a_damaged_key_file_is_refused_and_never_shown(place: Path, broken: str) -> None:
    (place / fields.KEYS).write_text(broken, encoding="utf-8")
    with pytest.raises(EviError, match="damaged") as refused:
        fields.encrypt("Amir", "a.b")
    assert "AAAA" not in str(refused.value)


def test_every_value_moves_to_the_newest_key_and_stays_what_it_was(place: Path, world: World) -> None:
    def everything() -> list[tuple[object, ...]]:
        rows = Child.objects.order_by("pk")
        return [(child.given_name, child.birth_date, child.postcode, child.nhs_blind) for child in rows]

    before, held = everything(), count_by_key()
    assert set(held) == {1}
    assert renew().values == sum(held.values())
    fields.add_key()
    mixed = Child.objects.create(given_name="Dee", family_name="New", birth_date=date(2021, 1, 1))
    done = rotate()
    assert done.values == sum(held.values())
    assert set(done.keys) == {3}
    assert everything()[:-1] == before
    assert Child.objects.get(pk=mixed.pk).given_name == "Dee"
    assert rotate().values == 0, "a second time there is nothing to do"
    assert retire() == [1, 2]
    assert everything()[:-1] == before


def test_a_rotation_that_was_stopped_goes_on(
    place: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evi.care import rotating

    fields.add_key()
    whole, calls = rotating._rewrite, []

    def stops(*given: object) -> int:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return whole(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(rotating, "ROWS", 1)
    monkeypatch.setattr(rotating, "_rewrite", stops)
    with pytest.raises(KeyboardInterrupt):
        rotate()
    assert set(count_by_key()) == {1, 2}
    assert retire() == [], "what is still needed stays"
    monkeypatch.setattr(rotating, "_rewrite", whole)
    assert set(rotate().keys) == {2}
    assert sorted(child.given_name for child in Child.objects.all()) == ["Amir", "Bea", "Cy"]


def test_secrets_of_second_steps_are_encrypted_and_move_too(place: Path, world: World) -> None:
    from allauth.mfa.adapter import get_adapter
    from allauth.mfa.models import Authenticator

    adapter, user = get_adapter(), world.members["senco"].user
    step = Authenticator.objects.create(user=user, type="totp", data={"secret": adapter.encrypt("JBSWY3DP")})
    assert "JBSWY3DP" not in str(step.data)
    fields.add_key()
    rotate()
    assert retire() == [1]
    step.refresh_from_db()
    assert adapter.decrypt(step.data["secret"]) == "JBSWY3DP"


@given(st.integers(1, 50))
def test_public_ids_are_random_and_without_meaning(count: int) -> None:
    made = {new_public_id() for _ in range(count)}
    assert len(made) == count
    assert all(len(each) == 14 and set(each) <= set("23456789bcdfghjkmnpqrstvwxyz") for each in made)
