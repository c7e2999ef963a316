"""What `encode` writes, and what never stands in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evi.encoding import ABOUT_SCHEMA, LINKAGE_SCHEMA, TOKENS, encode, read_deliveries
from evi.feeds import load_layouts
from evi.workspace import file_hash
from tests.linkage.small_district import SmallDistrict, keys_of, make_small_district, write_extract

CANARY = {
    "PatientID": "GCANARY77",
    "Forename": "Xylofonia",
    "Surname": "Quetzalcanary",
    "Postcode": "BD9 9ZZ",
}
CANARY |= {"NHSNumber": "9990548609", "AddressLine": "77 Canary Wharfside", "UPRN": "990077700777"}
BORN = date(2013, 11, 23)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SmallDistrict:
    small = make_small_district(tmp_path_factory.mktemp("encoding") / "d", families=12)
    row = CANARY | {
        "DateOfBirth": BORN,
        "Sex": "2",
        "AddressFrom": BORN,
        "RegisteredFrom": BORN,
        "RecordedDate": BORN,
    }
    path = small.district.extracts / "gp" / "gp_patients_20240401_20250331.csv"
    write_extract(path, load_layouts()["gp_patients"], [row])
    encode(small.district, keys_of(small))
    return small


@pytest.fixture
def fresh(made: SmallDistrict, tmp_path: Path) -> SmallDistrict:
    root = tmp_path / "d"
    shutil.copytree(made.district.root, root)
    return SmallDistrict(type(made.district).open(root), made.people, made.truth)


def hashes(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): file_hash(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def read(made: SmallDistrict, part: str, layout: str) -> pa.Table:
    files = sorted((made.district.encoded / part / layout).glob("*.parquet"))
    return pa.concat_tables([pq.read_table(file) for file in files])


def test_linkage_and_payload_are_apart_and_have_the_columns_of_the_contract(made: SmallDistrict) -> None:
    linkage, payload = read(made, "linkage", "gp_patients"), read(made, "payload", "gp_patients")
    assert linkage.schema.equals(LINKAGE_SCHEMA)
    assert payload.column_names[:8] == [
        *("delivery", "row_no", "known_at", "withdrawn", "record", "person_person", "home", "lsoa")
    ]
    assert not set(payload.column_names) & {*CANARY, "DateOfBirth"}
    assert payload.schema.field("RegisteredFrom").type == pa.date32()
    assert set(linkage["person"].to_pylist()) == set(payload["person_person"].to_pylist())


def test_relations_name_mother_and_child_by_their_codes(made: SmallDistrict) -> None:
    relations, births = read(made, "relations", "maternity_births"), read(made, "payload", "maternity_births")
    assert set(relations["type"].to_pylist()) == {"mother"}
    pairs = set(zip(relations["person"].to_pylist(), relations["other"].to_pylist(), strict=True))
    assert pairs == set(
        zip(births["person_child"].to_pylist(), births["person_mother"].to_pylist(), strict=True)
    )


def test_small_areas_and_homes_are_looked_up_at_the_agency(made: SmallDistrict) -> None:
    attended = read(made, "linkage", "ae_attendances")  # it delivers addresses and no UPRN
    assert attended["home"].null_count == 0
    assert read(made, "about", "ae_attendances")["lsoa"].null_count == 0
    registered = set(read(made, "linkage", "gp_patients")["home"].to_pylist())
    assert set(attended["home"].to_pylist()) <= registered


def test_without_an_address_list_areas_are_null(fresh: SmallDistrict) -> None:
    shutil.rmtree(fresh.district.reference)
    encode(fresh.district, keys_of(fresh))
    attended, told = read(fresh, "linkage", "ae_attendances"), read(fresh, "about", "ae_attendances")
    assert attended["home"].null_count == attended["household"].null_count == len(attended)
    assert told["lsoa"].null_count == told["household"].null_count == len(told)


def test_nothing_is_done_again_without_need_and_bytes_repeat(fresh: SmallDistrict) -> None:
    before = hashes(fresh.district.encoded)
    assert encode(fresh.district, keys_of(fresh)).skipped
    assert hashes(fresh.district.encoded) == before
    shutil.rmtree(fresh.district.encoded)
    assert not encode(fresh.district, keys_of(fresh)).skipped
    assert hashes(fresh.district.encoded) == before


def test_one_changed_extract_is_encoded_alone(fresh: SmallDistrict) -> None:
    before = hashes(fresh.district.encoded)
    path = fresh.district.extracts / "gp" / "gp_patients_20240401_20250331.csv"
    path.write_text(path.read_text().replace("2013-11-23", "2013-11-24"))
    result = encode(fresh.district, keys_of(fresh))
    assert result.rows["encoded"] == 1
    after = hashes(fresh.district.encoded)
    changed = {name for name in before if after[name] != before[name]}
    assert {name.split("/")[-1] for name in changed} == {
        "deliveries.json",
        "gp_patients-20240401-20250331.parquet",
    }


def test_an_extract_that_has_gone_takes_its_codes_with_it(fresh: SmallDistrict) -> None:
    shutil.rmtree(fresh.district.extracts / "maternity")
    result = encode(fresh.district, keys_of(fresh))
    assert result.rows["removed"] == 1
    assert not list(fresh.district.encoded.rglob("maternity_births*"))


def test_a_redelivery_of_the_same_period_replaces_its_predecessor(fresh: SmallDistrict) -> None:
    folder = fresh.district.extracts / "gp"
    old = folder / "gp_patients_20240401_20250331.csv"
    new = folder / "gp_patients_20240401_20250331_v2.csv"
    new.write_text(old.read_text().replace(",2,", ",1,"))
    result = encode(fresh.district, keys_of(fresh))
    assert any("replaces" in note for note in result.notes)
    entries = [e for e in read_deliveries(fresh.district) if e["delivery"] == "gp_patients-20240401-20250331"]
    assert [entry["extract"] for entry in entries] == ["extracts/gp/gp_patients_20240401_20250331_v2.csv"]


def test_another_key_means_other_codes_everywhere(fresh: SmallDistrict) -> None:
    before = set(read(fresh, "linkage", "gp_patients")["person"].to_pylist())
    fresh.district.key_file.unlink()
    from evi.encoding import write_new_key

    write_new_key(fresh.district.key_file)
    encode(fresh.district, keys_of(fresh))
    assert not before & set(read(fresh, "linkage", "gp_patients")["person"].to_pylist())


def test_what_a_killed_run_left_is_swept_away(fresh: SmallDistrict) -> None:
    stray = fresh.district.encoded / "linkage" / "gp_patients" / "gp_patients-stray.parquet"
    stray.write_bytes(b"half")
    encode(fresh.district, keys_of(fresh))
    assert not stray.exists()


def test_a_refused_file_is_named_and_the_rest_goes_on(fresh: SmallDistrict) -> None:
    (fresh.district.extracts / "gp" / "letters.csv").write_text("a,b\n1,2\n")
    result = encode(fresh.district, keys_of(fresh))
    assert result.rows["refused"] == 1
    assert any("letters.csv" in note and "fits no layout" in note for note in result.notes)


def _needles() -> Iterator[bytes]:
    words = [*CANARY.values(), "BD99ZZ", "2013-11-23", "23/11/2013", "20131123", "Canary Wharfside"]
    for word in words:
        for form in {word, word.upper(), word.lower(), word.replace(" ", "")}:
            for coded in (
                form.encode(),
                form.encode("utf-16-le"),
                form.encode("utf-16-be"),
                form[::-1].encode(),
            ):
                yield coded
                yield coded.hex().encode()


def test_no_canary_stands_in_any_byte_of_what_leaves_the_agency(made: SmallDistrict) -> None:
    needles = sorted(set(_needles()))
    for path in sorted(made.district.encoded.rglob("*")):
        if not path.is_file():
            continue
        contents = [path.read_bytes(), str(path).encode()]
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            for name in table.column_names:
                values = table[name].combine_chunks()
                if pa.types.is_floating(values.type) or pa.types.is_integer(values.type):
                    assert not set(map(str, values.drop_null().to_pylist())) & set(CANARY.values())
                contents.append("\n".join(map(str, values.to_pylist())).encode())
                contents += [buffer.to_pybytes() for buffer in values.buffers() if buffer is not None]
        for content in contents:
            # Days of events are clear by design, and the day of registration here is the birth date.
            found = [n for n in needles if n in content and b"2013-11-23" not in n]
            assert not found, (path.name, found)


def test_birth_dates_are_in_clear_to_the_month_only(made: SmallDistrict) -> None:
    for path in sorted((made.district.encoded / "about").rglob("*.parquet")):
        table = pq.read_table(path)
        assert table.schema.equals(ABOUT_SCHEMA)
        assert {value.day for value in table["birth_month"].to_pylist() if value} <= {1}
        born = {person.born for person in made.people if person.born.day != 1}
        assert not born & set(table["birth_month"].to_pylist())


def test_no_month_of_birth_or_area_stands_beside_the_codes(made: SmallDistrict) -> None:
    """Beside a code of the date with day and month changed over, a month would give away the day."""
    clear = set(LINKAGE_SCHEMA.names) - set(TOKENS)
    assert not clear & {"birth_month", "ethnicity", "language", "lsoa"}
    assert not set(ABOUT_SCHEMA.names) & set(TOKENS)
    linkage, told = read(made, "linkage", "gp_patients"), read(made, "about", "gp_patients")
    assert set(linkage["household"].to_pylist()) == set(told["household"].to_pylist())
    assert not (set(linkage["home"].to_pylist()) - {None}) & set(linkage["household"].to_pylist())
