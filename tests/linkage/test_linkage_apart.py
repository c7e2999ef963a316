"""The linkage unit works without the payload."""

from __future__ import annotations

import shutil
from pathlib import Path

from evi.encoding import encode
from evi.linkage import link
from evi.workspace import file_hash
from tests.linkage.small_district import keys_of, make_small_district


def test_linking_needs_no_payload(tmp_path: Path) -> None:
    made = make_small_district(tmp_path / "district", families=30)
    encode(made.district, keys_of(made))
    link(made.district)
    people = made.district.spine / "people.parquet"
    before = file_hash(people)
    shutil.rmtree(made.district.encoded / "payload")
    shutil.rmtree(made.district.spine)
    link(made.district)
    assert file_hash(people) == before
