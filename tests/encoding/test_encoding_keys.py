"""Which keys are taken, and the sentence with which the others are refused."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from evi.encoding import Coder, Keys, write_new_key
from evi.workspace import District, DistrictConfig, RefusedError

GOOD = bytes.fromhex("9f1c4b7ae2d05836c1f7a94e0b6d28537e90a4c2d1b3f586e7c80a1294d6fb35")


@pytest.fixture
def district(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> District:
    monkeypatch.delenv("EVI_DISTRICT_KEY", raising=False)
    return District.create(tmp_path / "d", DistrictConfig("d"))


@pytest.mark.parametrize("text", [GOOD.hex(), base64.b64encode(GOOD).decode()])
def test_a_key_from_the_environment_as_hexadecimal_or_base64(
    district: District, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("EVI_DISTRICT_KEY", text)
    assert Keys.from_environment(district).key_id == Keys(GOOD).key_id


def test_a_new_key_file_can_be_read_back_and_is_never_overwritten(district: District) -> None:
    write_new_key(district.key_file)
    assert district.key_file.stat().st_mode & 0o077 == 0
    first = Keys.from_environment(district).key_id
    with pytest.raises(RefusedError, match="a key is already here"):
        write_new_key(district.key_file)
    assert Keys.from_environment(district).key_id == first


def test_no_key_at_all_is_refused_with_what_to_do(district: District) -> None:
    with pytest.raises(RefusedError, match=r"there is no district key.*EVI_DISTRICT_KEY"):
        Keys.from_environment(district)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_file_that_others_can_read_is_refused(district: District, mode: int) -> None:
    write_new_key(district.key_file)
    district.key_file.chmod(mode)
    with pytest.raises(RefusedError, match=r"can be read by others.*chmod 600"):
        Keys.from_environment(district)


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        (GOOD[:31], "31 bytes"),
        (b"\x00" * 32, "weak"),
        (bytes(range(32)), "weak"),
        (bytes(range(0, 64, 2)), "weak"),
        (b"\x01\xfe" * 16, "weak"),
        (b"correct horse battery staple and then some", "weak"),
    ],
    ids=["short", "nought", "counting", "steps", "two bytes", "words"],
)
def test_weak_keys_are_refused_without_showing_them(secret: bytes, words: str) -> None:
    with pytest.raises(RefusedError, match=words) as error:
        Keys(secret)
    assert secret.hex() not in str(error.value)
    assert repr(secret) not in str(error.value)


def test_a_pass_phrase_is_not_a_key(district: District, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVI_DISTRICT_KEY", "our district's secret phrase, please!")
    with pytest.raises(RefusedError, match="neither hexadecimal nor base64"):
        Keys.from_environment(district)


def test_random_keys_are_taken_every_time() -> None:
    assert len({Keys.throw_away().key_id for _ in range(2000)}) == 2000


def test_fields_purposes_and_districts_have_keys_of_their_own() -> None:
    keys = Keys(GOOD)
    derived = {
        keys.derive("linkage", "forename"),
        keys.derive("linkage", "surname"),
        keys.derive("payload", "forename"),
        Keys.throw_away().derive("linkage", "forename"),
    }
    assert len(derived) == 4
    coder = Coder(keys)
    assert coder.code("forename", "ANNA") == Coder(Keys(GOOD)).code("forename", "ANNA")
    assert coder.code("forename", "ANNA") != coder.code("surname", "ANNA")
    assert "9f1c" not in repr(keys)
