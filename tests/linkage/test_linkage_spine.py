"""The spine of a small, hard district, judged against its truth."""

from __future__ import annotations

import json
import shutil
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evi.encoding import Coder, encode
from evi.linkage import link
from evi.workspace import District, DistrictConfig, EviError, file_hash
from tests.linkage.small_district import SmallDistrict, keys_of, make_small_district


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SmallDistrict:
    small = make_small_district(tmp_path_factory.mktemp("spine") / "d", families=120)
    encode(small.district, keys_of(small))
    link(small.district)
    return small


def table(small: SmallDistrict, name: str) -> pa.Table:
    return pq.read_table(small.district.spine / f"{name}.parquet")


def truth_of(small: SmallDistrict) -> dict[tuple[str, int], int]:
    coder = Coder(keys_of(small))
    return {
        (feed, coder.opaque(f"person/{feed}", pa.array([local])).to_pylist()[0]): person
        for (feed, local), person in small.truth.items()
    }


def linked_records(small: SmallDistrict) -> list[tuple[str, int, int]]:
    people = table(small, "people").to_pydict()
    return list(zip(people["feed"], people["person"], people["subject_id"], strict=True))


def subject_of(small: SmallDistrict) -> dict[int, int]:
    """The subject that holds most of each true person's records."""
    truth, votes = truth_of(small), defaultdict(Counter)
    for feed, person, subject in linked_records(small):
        votes[truth[feed, person]][subject] += 1
    return {number: counter.most_common(1)[0][0] for number, counter in votes.items()}


def pairs(groups: dict[int, list[tuple[str, int]]]) -> set[tuple[tuple[str, int], tuple[str, int]]]:
    return {pair for members in groups.values() for pair in combinations(sorted(members), 2)}


def test_tables_have_the_columns_of_the_contract(made: SmallDistrict) -> None:
    columns = {
        name: table(made, name).column_names for name in ("people", "subjects", "households", "relations")
    }
    assert columns == {
        "people": ["feed", "person", "subject_id", "probability"],
        "subjects": ["subject_id", "birth_month", "sex", "ethnicity", "language", "n_feeds"],
        "households": ["subject_id", "household_id", "lsoa", "start", "end"],
        "relations": ["subject_id", "relation", "other_id", "probability"],
    }


def test_every_record_has_one_subject(made: SmallDistrict) -> None:
    records = [(feed, person) for feed, person, _ in linked_records(made)]
    assert len(records) == len(set(records)) and set(records) <= set(truth_of(made))
    assert records == sorted(records)


def test_links_are_right_and_nearly_all_are_found(made: SmallDistrict) -> None:
    truth = truth_of(made)
    found, true = defaultdict(list), defaultdict(list)
    for feed, person, subject in linked_records(made):
        found[subject].append((feed, person))
        true[truth[feed, person]].append((feed, person))
    right = len(pairs(found) & pairs(true))
    assert right / len(pairs(found)) >= 0.995
    assert right / len(pairs(true)) >= 0.96  # some children in care have no pupil number and no name


def test_twins_and_brothers_and_sisters_stay_apart(made: SmallDistrict) -> None:
    subject = subject_of(made)
    by_mother = defaultdict(list)
    for person in made.people:
        if person.mother is not None:
            by_mother[person.mother].append(person)
    twins = [(a, b) for group in by_mother.values() for a, b in combinations(group, 2) if a.born == b.born]
    assert len(twins) >= 5
    for group in by_mother.values():
        assert len({subject[child.number] for child in group}) == len(group)


def test_a_return_without_names_links_by_pupil_number_and_birth_date(made: SmallDistrict) -> None:
    truth, sizes = truth_of(made), Counter(subject for *_, subject in linked_records(made))
    cared = [
        (truth[feed, person], subject) for feed, person, subject in linked_records(made) if feed == "ssda903"
    ]
    joined = [(number, subject) for number, subject in cared if sizes[subject] > 1]
    assert len(joined) >= len(cared) * 0.4  # the rest have no pupil number, or no school yet
    main = subject_of(made)
    assert all(main[number] == subject for number, subject in joined)


def test_mothers_and_siblings(made: SmallDistrict) -> None:
    subject = subject_of(made)
    relations = table(made, "relations").to_pylist()
    found = {(r["subject_id"], r["other_id"]) for r in relations if r["relation"] == "mother"}
    true = {(subject[p.number], subject[p.mother]) for p in made.people if p.mother is not None}
    assert len(found & true) / len(true) >= 0.99 and found <= true
    siblings = {(r["subject_id"], r["other_id"]) for r in relations if r["relation"] == "sibling"}
    assert siblings and siblings == {(b, a) for a, b in siblings}


def test_families_are_found_at_their_homes(made: SmallDistrict) -> None:
    coder, subject = Coder(keys_of(made)), subject_of(made)
    code = dict(
        zip(
            uprns := sorted({p.uprn for p in made.people} | {p.moved[1] for p in made.people if p.moved}),
            coder.home(pa.array([str(u) for u in uprns])).to_pylist(),
            strict=True,
        )
    )
    stays = {
        (s["subject_id"], s["household_id"]) for s in table(made, "households").to_pylist() if not s["end"]
    }
    true = {(subject[p.number], code[p.moved[1] if p.moved else p.uprn]) for p in made.people}
    assert len(stays & true) * 2 / (len(stays) + len(true)) >= 0.95
    for stay in table(made, "households").to_pylist():
        assert stay["end"] is None or stay["end"] > stay["start"]


def test_quality_says_what_was_done(made: SmallDistrict) -> None:
    quality = json.loads((made.district.spine / "quality.json").read_text())
    assert set(quality["feeds"]) == {"ae", "gp", "maternity", "school", "ssda903"}
    assert quality["audit"]["expected_matches"] <= quality["audit"]["most_possible_matches"]
    assert quality["warnings"] == []
    model = json.loads((made.district.spine / "model.json").read_text())
    assert {"forename", "birth_date", "sex", "family_place", "nhs"} <= set(model["comparisons"])


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: file_hash(path) for path in sorted(folder.iterdir())}


def test_the_same_input_gives_the_same_bytes_and_ids_last(made: SmallDistrict, tmp_path: Path) -> None:
    before = hashes(made.district.spine)
    link(made.district)
    assert hashes(made.district.spine) == before
    root = tmp_path / "again"
    shutil.copytree(made.district.root, root)
    shutil.rmtree(root / "spine")
    link(District.open(root))
    assert hashes(root / "spine") == before


def test_ids_outlive_a_feed_and_the_ledger_tells_of_splits(made: SmallDistrict, tmp_path: Path) -> None:
    root = tmp_path / "later"
    shutil.copytree(made.district.root, root)
    later = SmallDistrict(District.open(root), made.people, made.truth)
    before = {(feed, person): subject for feed, person, subject in linked_records(made)}
    shutil.rmtree(root / "extracts" / "maternity")  # the bridge between some records
    encode(later.district, keys_of(later))
    result = link(later.district)
    after = {(feed, person): subject for feed, person, subject in linked_records(later)}
    kept = sum(before[record] == subject for record, subject in after.items())
    assert kept / len(after) > 0.98
    ledger = table(later, "ledger").to_pylist()
    assert {entry["change"] for entry in ledger} <= {"split", "merged"}
    assert sum(entry["change"] == "split" for entry in ledger) == result.rows["split"]
    fresh = {subject for record, subject in after.items() if before[record] != subject}
    assert not fresh & (set(before.values()) - set(after.values()))  # an id that has gone is not used again


def test_nothing_encoded_is_said_plainly(tmp_path: Path) -> None:
    district = District.create(tmp_path / "empty", DistrictConfig("empty"))
    with pytest.raises(EviError, match=r"nothing is encoded yet.*evi encode"):
        link(district)
