"""The store: what MEDS asks of its files, their order and bytes, and that no row is lost uncounted."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from meds.schema import CodeMetadataSchema, DataSchema, DatasetMetadataSchema
from records_district import (
    PAYLOADS,
    Inputs,
    case,
    day,
    new_district,
    place,
    sen,
    store_bytes,
    write_inputs,
)

from evi.records import code_id, family, load, open_records, reference_day, store, trace
from evi.workspace import District, EviError

SUBJECTS = [
    (100, day("2012-05-01"), "F", "A", "ENG", 2),
    (101, day("2013-05-01"), "M", "A", "URD", 2),
    (200, day("1980-01-01"), "F", None, None, 1),
]
PEOPLE = [
    ("care", 1, 100, 1.0), ("care", 3, 200, 0.9), ("school", 1, 100, 1.0), ("school", 2, 101, 0.987),
]  # fmt: skip
HOUSEHOLDS = [
    (100, 777, "E01", day("2015-01-01"), day("2018-01-01")),
    (100, 778, "E01", day("2018-01-01"), None),
    (200, 777, "E01", day("2015-01-01"), None),
]
PAYLOAD = {
    ("t_sen", "t_sen-1"): [
        sen(11, 1, "2021-01-20"),
        sen(12, 2, "2021-01-20", provision="N"),
        sen(13, 9, "2021-01-20"),
        sen(13, 9, "2021-01-20", provision="N"),
    ],
    ("t_case", "t_case-1"): [
        case(-21, 1, "2021-02-01", Cost=4.5, Kind="A", MotherUnwell=True, person_mother=3),
        case(22, 1, "2021-03-01", withdrawn=True),
    ],
    ("t_place", "t_place-1"): [place(31, 777, "2021-02-02"), place(32, None, "2021-02-03")],
}


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    """A small district, loaded."""
    made = new_district(tmp_path_factory.mktemp("records") / "district")
    write_inputs(made, Inputs(PAYLOAD, PEOPLE, SUBJECTS, HOUSEHOLDS))
    load(made)
    return made


def test_every_file_of_events_is_valid_meds(district: District) -> None:
    files = sorted((district.records / "events").glob("*.parquet"))
    assert len(files) == 32
    for file in files:
        DataSchema.validate(pq.read_table(file))
    for file in sorted((district.records / "by_code").glob("*.parquet")):
        DataSchema.validate(pq.read_table(file))


def test_metadata_is_valid_meds(district: District) -> None:
    codes = pq.read_table(district.records / "codes.parquet")
    CodeMetadataSchema.validate(codes)
    told = json.loads((district.records / "dataset.json").read_text())
    DatasetMetadataSchema.validate(told)
    assert told["dataset_name"] == "Testbridge"
    with open_records(district) as con:
        held = {code for (code,) in con.execute("SELECT DISTINCT code FROM events").fetchall()}
    assert held <= set(codes["code"].to_pylist())


def test_a_subject_lives_in_one_file_in_order_of_time(district: District) -> None:
    seen: set[int] = set()
    for file in sorted((district.records / "events").glob("*.parquet")):
        rows = pq.read_table(file).select(["subject_id", "time", "code", "record_id", "delivery"]).to_pylist()
        keys = [tuple(row.values()) for row in rows]
        assert keys == sorted(keys)
        subjects = {row["subject_id"] for row in rows}
        assert not subjects & seen
        seen |= subjects
    assert {100, 101, 200, -778} == seen


def test_by_code_holds_what_the_hub_ever_knew_in_order_of_code(district: District) -> None:
    with open_records(district) as con:
        held = con.execute(
            "SELECT record_id, known_at FROM events WHERE NOT withdrawn ORDER BY ALL"
        ).fetchall()
        by_code = con.execute("SELECT record_id, known_at FROM events_by_code ORDER BY ALL").fetchall()
    assert by_code == held
    for file in sorted((district.records / "by_code").glob("*.parquet")):
        rows = pq.read_table(file).to_pylist()
        keys = [(row["code"], row["subject_id"], row["time"], row["record_id"]) for row in rows]
        assert keys == sorted(keys)
        assert all(
            family(row["code"]) == file.stem and row["code_id"] == code_id(row["code"]) for row in rows
        )


def test_no_row_is_lost_uncounted(district: District) -> None:
    with open_records(district) as con:
        deliveries = con.execute(
            "SELECT delivery, rows, repeated, withdrawn, unlinked, events FROM deliveries ORDER BY delivery"
        ).fetchall()
        lines = con.execute("SELECT rows, not_given, unlinked, events FROM reconciliation WHERE event >= 0")
        assert all(rows == sum(parts) for rows, *parts in lines.fetchall())
        events = con.execute("SELECT delivery, count(*) FROM events GROUP BY ALL ORDER BY ALL").fetchall()
    assert deliveries == [
        ("t_case-1", 2, 0, 1, 0, 3),
        ("t_place-1", 2, 0, 0, 2, 2),
        ("t_sen-1", 4, 1, 0, 1, 4),
    ]
    assert events == [("spine", 1), ("t_case-1", 3), ("t_place-1", 2), ("t_sen-1", 4)]


def test_the_result_tells_whom_nobody_could_be_found_for(district: District) -> None:
    result = load(district)
    assert result.rows["payload_rows"] == 8
    assert result.rows["events"] == 10
    assert result.notes == [
        "t_place: 2 of 4 events are about nobody in the spine and wait outside the store.",
        "t_sen: 1 of 5 events are about nobody in the spine and wait outside the store.",
    ]


def test_codes_say_what_they_mean_and_how_much_there_is(district: District) -> None:
    with open_records(district) as con:
        rows = con.execute(
            """SELECT description, parent_codes, events, subjects FROM codes WHERE code IN
            ('CSC/CLOSED', 'HEALTH/MATERNAL/UNWELL', 'PLACE/MOVE') ORDER BY code"""
        ).fetchall()
    assert rows == [
        ("Made-up cases", ["CSC"], 0, 0),
        ("Made-up cases, where MotherUnwell", ["HEALTH/MATERNAL"], 1, 1),
        ("Start of a residence after a person's first", ["PLACE"], 1, 1),
    ]


def test_trace_gives_a_subject_s_events_and_those_at_its_homes(district: District) -> None:
    own = trace(district, 100, homes=False)
    assert own["code"].to_pylist() == [
        "PLACE/MOVE", "EDU/ROLL", "EDU/SEN/NEED/ASD", "EDU/SEN/SUPPORT", "CSC/REFERRAL", "CSC/REFERRAL",
    ]  # fmt: skip
    assert trace(district, 100, ("EDU/SEN",))["code"].to_pylist() == ["EDU/SEN/NEED/ASD", "EDU/SEN/SUPPORT"]
    # Subject 200 still lived at home 777 when damp was seen there; subject 100 had left.
    assert trace(district, 200, ("HOUSING",))["place_id"].to_pylist() == ["home:777"]
    assert trace(district, 100, ("HOUSING",)).num_rows == 0


def test_reference_day_is_the_newest_day_of_knowledge(district: District) -> None:
    assert reference_day(district) == day("2021-03-01")


def test_bytes_do_not_depend_on_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With enough rows for several row groups and for more than one thread."""
    made = new_district(tmp_path / "district")
    write_inputs(made, Inputs(PAYLOAD, [*PEOPLE, ("care", 0, 101, 1.0)], SUBJECTS, HOUSEHOLDS))
    schema = pa.schema(PAYLOADS["t_case"])
    path = made.encoded / "payload" / "t_case" / "t_case-2.parquet"
    with duckdb.connect() as con:
        con.execute(
            f"""COPY (SELECT 't_case-2' AS delivery, i::INTEGER AS row_no,
            DATE '2021-01-01' + (i % 900)::INTEGER AS known_at, false AS withdrawn,
            i * 7919 % 250007 AS record,
            (i % 2)::BIGINT AS person_child, CAST(NULL AS BIGINT) AS person_mother, i AS "Case",
            DATE '2021-01-01' + (i % 900)::INTEGER AS "Opened", CAST(NULL AS DATE) AS "Closed",
            (i % 10)::DOUBLE AS "Cost", 'A' AS "Kind", i % 2 = 0 AS "MotherUnwell",
            CAST(NULL AS BIGINT) AS home, CAST(NULL AS VARCHAR) AS lsoa FROM range(300000) AS t(i))
            TO '{path}' (FORMAT parquet)"""
        )
    assert set(schema.names) <= set(pq.read_schema(path).names)
    found = []
    for threads in ("1", "2", "2"):
        monkeypatch.setenv("EVI_THREADS", threads)
        load(made, rebuild=True)
        found.append(store_bytes(made))
    assert pq.ParquetFile(made.records / "by_code" / "CSC-REFERRAL.parquet").num_row_groups > 1
    assert found[0] == found[1] == found[2]


def test_a_load_that_fails_leaves_the_store_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = new_district(tmp_path / "district")
    write_inputs(made, Inputs(PAYLOAD, PEOPLE, SUBJECTS, HOUSEHOLDS))
    load(made)
    before = store_bytes(made)
    write_inputs(made, Inputs({key: rows[:1] for key, rows in PAYLOAD.items()}, PEOPLE, SUBJECTS))

    def fail(*_anything: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "_write_family", fail)
    with pytest.raises(KeyboardInterrupt):
        load(made)
    assert store_bytes(made) == before
    monkeypatch.undo()
    load(made)
    assert store_bytes(made) != before


def test_loading_again_changes_nothing(tmp_path: Path) -> None:
    made = new_district(tmp_path / "district")
    write_inputs(made, Inputs(PAYLOAD, PEOPLE, SUBJECTS, HOUSEHOLDS))
    first = load(made)
    inode = (made.records / "store.json").stat().st_ino
    assert load(made).rows == first.rows
    assert (made.records / "store.json").stat().st_ino == inode


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    made = new_district(tmp_path / "district")
    with pytest.raises(EviError, match="no events are loaded yet"):
        open_records(made)
    with pytest.raises(EviError, match=r"nothing is encoded yet.*evi encode"):
        load(made)
    write_inputs(made, Inputs(PAYLOAD, [("care", 1, 100, 1.0), ("care", 1, 101, 1.0)], SUBJECTS))
    with pytest.raises(EviError, match="1 records are linked to more than one person"):
        load(made)
    (made.spine / "people.parquet").unlink()
    with pytest.raises(EviError, match="nobody is linked yet"):
        load(made)
    (made.encoded / "payload" / "t_case").rename(made.encoded / "payload" / "t_unknown")
    with pytest.raises(EviError, match="no layout named t_unknown"):
        load(made)
