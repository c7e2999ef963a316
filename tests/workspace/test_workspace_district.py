"""The district folder: what is read, and what is said when it can't be."""

from __future__ import annotations

from pathlib import Path

import pytest

from evi.workspace import District, DistrictConfig, EviError


def test_a_new_district_reads_back(tmp_path: Path) -> None:
    made = District.create(tmp_path / "d", DistrictConfig(name='Bradford "and" Craven', synthetic=True))
    opened = District.open(tmp_path / "d")
    assert opened == made
    assert opened.config.synthetic
    assert opened.key_file == opened.root / "keys" / "district.key"


def test_the_config_holds_a_reference_and_never_a_key(tmp_path: Path) -> None:
    text = (District.create(tmp_path / "d", DistrictConfig(name="D")).root / "district.toml").read_text()
    assert 'file = "keys/district.key"' in text


def test_a_second_district_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    District.create(tmp_path, DistrictConfig(name="D"))
    with pytest.raises(EviError, match="already here"):
        District.create(tmp_path, DistrictConfig(name="E"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "not a district folder"),
        (b"", "can't be read"),
        (b"[district]\n", "at least \\[district\\] with a name"),
        (b"district = 3\n", "can't be read"),
        (b"[district\nname", "can't be read"),
        (b"\xff\xfe\x00", "can't be read"),
    ],
)
def test_a_broken_folder_is_refused_with_what_to_do(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "district.toml").write_bytes(content)
    with pytest.raises(EviError, match=said) as caught:
        District.open(tmp_path)
    assert caught.value.exit_code == 2
    assert caught.value.do
