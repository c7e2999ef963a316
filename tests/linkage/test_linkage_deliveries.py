"""Delivery after delivery through `evi link`: built on what stands, and as if linked in full."""

from __future__ import annotations

import csv
import json
import random
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from evi.cli.console import TerminalProgress
from evi.cli.link_retire import retire
from evi.cli.pipeline import ENCODE, LINK
from evi.cli.rerun import repeat
from evi.cli.stages import run_stage
from evi.linkage import review
from evi.linkage.learned import FILES
from evi.workspace import SILENT, District, Manifest, RunLedger, StageResult, file_hash
from tests.linkage.small_district import SmallDistrict, make_small_district

FAMILIES, DELIVERIES, EACH = 120, 2, 8


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SmallDistrict:
    """A district linked without some patients and attendances, who wait in `later/`, in two deliveries."""
    small = make_small_district(tmp_path_factory.mktemp("deliveries") / "d", families=FAMILIES, seed=5)
    draw = random.Random(4)
    for feed, stem in (("gp", "gp_patients"), ("ae", "ae_attendances")):
        (path,) = (small.district.extracts / feed).glob("*.csv")
        with path.open(encoding="utf-8") as stream:
            head, *rows = list(csv.reader(stream))
        draw.shuffle(rows)
        write(path, head, rows[DELIVERIES * EACH :])
        for number in range(DELIVERIES):
            name = f"{stem}_2024040{number + 1}_2024040{number + 1}.csv"
            write(
                small.district.root / "later" / str(number) / feed / name,
                head,
                rows[number * EACH : (number + 1) * EACH],
            )
    linked(small.district)
    return small


def write(path: Path, head: list[str], rows: list[list[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([head, *rows])


def linked(district: District, *, force: bool = False) -> StageResult:
    """Encode what is new and link it, as `evi run` does."""
    run_stage(ENCODE, district, SILENT)
    return run_stage(LINK, district, SILENT, force=force)


def deliver(district: District, number: int) -> StageResult:
    shutil.copytree(district.root / "later" / str(number), district.extracts, dirs_exist_ok=True)
    return linked(district)


def copied(made: SmallDistrict, folder: Path) -> District:
    shutil.copytree(made.district.root, folder)
    return District.open(folder)


def clusters(district: District) -> dict[frozenset[tuple[str, int]], int]:
    """From the records of each person to the person's id."""
    held: dict[int, set[tuple[str, int]]] = {}
    table = pq.read_table(district.spine / "people.parquet").to_pydict()
    for feed, person, subject in zip(table["feed"], table["person"], table["subject_id"], strict=True):
        held.setdefault(subject, set()).add((feed, person))
    return {frozenset(records): subject for subject, records in held.items()}


def hashes(district: District) -> dict[str, str]:
    return {path.name: file_hash(path) for path in sorted(district.spine.iterdir())}


def manifest_of(district: District) -> Manifest:
    last = RunLedger(district.root, district.runs).latest("link")
    assert last is not None
    return last


def test_delivery_after_delivery_is_as_if_linked_in_full(made: SmallDistrict, tmp_path: Path) -> None:
    district = copied(made, tmp_path / "d")
    before = clusters(district)
    touched = 0
    for number in range(DELIVERIES):
        result = deliver(district, number)
        assert "Built on the last full run" in result.notes[0]
        built = json.loads((district.spine / "quality.json").read_text())["built_on_a_full_run"]
        assert built["new_or_changed"] > touched  # counted from the full run, not from the last delivery
        touched = built["new_or_changed"]
    grown = clusters(district)
    standing = [subject for records, subject in grown.items() if before.get(records) == subject]
    assert len(standing) > 0.9 * len(before)  # ids persist
    assert repeat(district, manifest_of(district), TerminalProgress())[0] == []
    forced = linked(district, force=True)
    assert forced.notes[0].startswith("Linked in full.")
    full = clusters(district)
    assert len(full.keys() & grown.keys()) >= 0.999 * len(full)
    assert sum(full.get(records) == subject for records, subject in grown.items()) >= 0.999 * len(full)
    assert "built_on_a_full_run" not in json.loads((district.spine / "quality.json").read_text())
    assert linked(district).skipped


def test_decisions_hold_from_delivery_to_delivery(made: SmallDistrict, tmp_path: Path) -> None:
    district = copied(made, tmp_path / "d")
    pairs = {row["pair"]: row["p"] for row in review.read_pairs(district)}
    refused = min((p, pair) for pair, p in pairs.items() if p > 0.02)[1]
    joined = max((p, pair) for pair, p in pairs.items())[1]
    review.decide(district, refused, "match", "clerk one")
    review.decide(district, joined, "different", "clerk one")
    first = linked(district)
    assert first.notes[0].startswith("Linked in full. No record is new")
    assert deliver(district, 0).notes[0].startswith("Built on the last full run")
    grown = clusters(district)
    doubted = {row["pair"] for row in review.read_pairs(district)}
    assert not {refused, joined} & doubted
    linked(district, force=True)
    assert len(clusters(district).keys() & grown.keys()) >= 0.999 * len(grown)


def test_what_stands_is_not_built_on_when_it_is_damaged_gone_or_was_made_by_other_code(
    made: SmallDistrict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    district = copied(made, tmp_path / "d")
    damaged = district.spine / FILES[2]
    damaged.write_bytes(damaged.read_bytes()[:-50])
    assert (
        deliver(district, 0).notes[0]
        == "Linked in full. Nothing that was learned before is kept to build on."
    )
    whole = hashes(district)
    assert set(FILES) <= set(whole)
    shutil.rmtree(district.extracts / "ae")
    assert "Linked in full. The feeds are not those" in linked(district).notes[0]
    monkeypatch.setattr("evi.linkage.learned.code_hash", lambda: "another")
    assert "Linked in full. The program has changed" in deliver(district, 1).notes[0]


def test_a_run_killed_between_two_swaps_is_built_on_what_stood(made: SmallDistrict, tmp_path: Path) -> None:
    district = copied(made, tmp_path / "d")
    deliver(district, 0)
    wanted = hashes(district)
    other = copied(made, tmp_path / "killed")
    other.spine.rename(other.spine.with_name("spine.old"))
    deliver(other, 0)
    assert hashes(other) == wanted


def test_retired_codes_leave_nothing_that_was_learned_from_them(made: SmallDistrict, tmp_path: Path) -> None:
    district = copied(made, tmp_path / "d")
    retire(district)
    assert not set(FILES) & set(hashes(district))
    assert linked(district).skipped
