"""A district as encoding and linkage leave it, written by hand from rows of Python."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from evi.workspace import District, DistrictConfig

HEAD = """
layout: {name}
feed: {feed}
title: {title}
version: "1"
source: https://example.org/made-up-for-tests
zone_owner: tests
format: csv
detect:
  filename: "{name}_(?P<first>\\\\d{{8}})_(?P<last>\\\\d{{8}}).*\\\\.csv"
  example: {name}_20200101_20200331.csv
period: {{start: ymd(first), end: ymd(last)}}
"""
SEN = (
    HEAD.format(name="t_sen", feed="school", title="Made-up school list")
    + """
row_key: [Pupil, Listed]
persons: [{role: child, local_id: Pupil, identifies: {}, observed: Listed}]
fields:
  - {name: Pupil, type: identifier, kind: local_id, required: true}
  - {name: School, type: pattern, pattern: "\\\\d{6}"}
  - {name: Entered, type: date}
  - {name: Leaving, type: date}
  - {name: Need, type: code, codes: {asd: Autism, slcn: Speech and language}}
  - {name: Provision, type: code, codes: {N: None, K: Support}}
  - {name: Listed, type: date}
known_at: Listed
record_id: [Pupil]
events:
  - {code: EDU/ROLL, time: Entered, end_time: Leaving, place: "'school:' || School"}
  - {code: EDU/SEN/SUPPORT, when: "Provision = 'K'", time: Listed}
  - {code: "EDU/SEN/NEED/{Need}", when: "Provision = 'K'", time: Listed, text: Provision}
coverage: {kind: person, from: Entered, to: "coalesce(Leaving, Listed + 100)"}
"""
)
CASE = (
    HEAD.format(name="t_case", feed="care", title="Made-up cases")
    + """
row_key: [Case]
persons: [{role: child, local_id: Child, identifies: {}}, {role: mother, local_id: Mother, identifies: {}}]
fields:
  - {name: Case, type: reference, required: true}
  - {name: Child, type: identifier, kind: local_id, required: true}
  - {name: Mother, type: identifier, kind: local_id}
  - {name: Opened, type: date}
  - {name: Closed, type: date}
  - {name: Cost, type: number}
  - {name: Kind, type: code, codes: {A: One, B: Two}}
  - {name: MotherUnwell, type: boolean}
known_at: Opened
events:
  - {code: "CSC/REFERRAL", time: Opened, end_time: Closed, value: Cost, text: Kind, person: child}
  - {code: CSC/CLOSED, time: Closed, known_at: Closed, person: child}
  - {code: HEALTH/MATERNAL/UNWELL, when: MotherUnwell, time: Opened, person: mother}
coverage: {kind: population, refresh_days: 30, ages: [0, 18]}
"""
)
PLACE = (
    HEAD.format(name="t_place", feed="homes", title="Made-up addresses")
    + """
row_key: [Ref]
home: UPRN
persons: []
fields:
  - {name: Ref, type: reference, required: true}
  - {name: UPRN, type: identifier, kind: uprn}
  - {name: Seen, type: date}
  - {name: Mould, type: boolean}
known_at: Seen
events:
  - {code: HOUSING/DAMP, when: Mould, time: Seen, place: home}
  - {code: FIRE/VISIT, time: Seen, place: home}
coverage: {kind: population, refresh_days: 400}
"""
)
LAYOUTS = {"t_sen": SEN, "t_case": CASE, "t_place": PLACE}
I64, DATE, TEXT, BOOL = pa.int64(), pa.date32(), pa.string(), pa.bool_()
BASE = [("delivery", TEXT), ("row_no", pa.int32()), ("known_at", DATE), ("withdrawn", BOOL), ("record", I64)]
TAIL = [("home", I64), ("lsoa", TEXT)]
PAYLOADS = {
    "t_sen": [
        ("person_child", I64), ("School", TEXT), ("Entered", DATE), ("Leaving", DATE), ("Need", TEXT),
        ("Provision", TEXT), ("Listed", DATE),
    ],
    "t_case": [
        ("person_child", I64), ("person_mother", I64), ("Case", I64), ("Opened", DATE), ("Closed", DATE),
        ("Cost", pa.float64()), ("Kind", TEXT), ("MotherUnwell", BOOL),
    ],
    "t_place": [("Ref", I64), ("Seen", DATE), ("Mould", BOOL)],
}  # fmt: skip
PEOPLE = pa.schema([("feed", TEXT), ("person", I64), ("subject_id", I64), ("probability", pa.float64())])
SUBJECTS = pa.schema(
    [
        ("subject_id", I64),
        ("birth_month", DATE),
        ("sex", TEXT),
        ("ethnicity", TEXT),
        ("language", TEXT),
        ("n_feeds", I64),
    ]
)
HOUSEHOLDS = pa.schema(
    [("subject_id", I64), ("household_id", I64), ("lsoa", TEXT), ("start", DATE), ("end", DATE)]
)
Row = Mapping[str, Any]


@dataclass
class Inputs:
    """What lies before `load`: payloads by layout and delivery, and rows of the spine's tables."""

    payloads: dict[tuple[str, str], Sequence[Row]] = field(default_factory=dict)
    people: Sequence[tuple[Any, ...]] = ()
    subjects: Sequence[tuple[Any, ...]] = ()
    households: Sequence[tuple[Any, ...]] = ()


def new_district(root: Path) -> District:
    """An empty district that knows the made-up layouts."""
    district = District.create(root, DistrictConfig(name="Testbridge", synthetic=True))
    toml = root / "district.toml"
    toml.write_text(toml.read_text().replace("synthetic = true", 'synthetic = true\nlayouts = ["layouts"]'))
    (root / "layouts").mkdir()
    for name, text in LAYOUTS.items():
        (root / "layouts" / f"{name}.yaml").write_text(text)
    return District.open(district.root)


def write_inputs(district: District, inputs: Inputs) -> None:
    """Make `encoded/` and `spine/` hold exactly `inputs`."""
    shutil.rmtree(district.encoded, ignore_errors=True)
    for (layout, delivery), rows in inputs.payloads.items():
        write_payload(district, layout, delivery, rows)
    write_table(district.spine / "people.parquet", PEOPLE, sorted(inputs.people))
    write_table(district.spine / "subjects.parquet", SUBJECTS, inputs.subjects)
    write_table(district.spine / "households.parquet", HOUSEHOLDS, inputs.households)


def write_payload(district: District, layout: str, delivery: str, rows: Sequence[Row]) -> None:
    """Write one delivery's payload; what a row doesn't say is null, and it is not withdrawn."""
    schema = pa.schema([*BASE, *PAYLOADS[layout], *TAIL])
    full = []
    for number, row in enumerate(rows, start=1):
        stated = {"delivery": delivery, "row_no": number, "withdrawn": False} | dict(row)
        full.append({name: stated.get(name) for name in schema.names})
    path = district.encoded / "payload" / layout / f"{delivery}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(full, schema), path)


def write_table(path: Path, schema: pa.Schema, rows: Sequence[tuple[Any, ...]]) -> None:
    """Write rows in the order given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema), path
    )


def store_bytes(district: District) -> dict[str, bytes]:
    """Every file of the store but those that tell how it came about."""
    return {
        str(path.relative_to(district.records)): path.read_bytes()
        for path in sorted(district.records.rglob("*"))
        if path.is_file() and path.parent.name != "changes"
    }


def day(text: str) -> date:
    return date.fromisoformat(text)


def sen(record: int, person: int, listed: str, provision: str = "K", **rest: Any) -> dict[str, Any]:
    """A row of the school list."""
    known = day(listed)
    stated = {
        "record": record,
        "person_child": person,
        "known_at": known,
        "Listed": known,
        "Provision": provision,
    }
    return {**stated, "Need": "asd", "School": "100001", "Entered": day("2020-09-01"), **rest}


def case(record: int, child: int, opened: str, **rest: Any) -> dict[str, Any]:
    """A row of the cases."""
    return {"record": record, "person_child": child, "known_at": day(opened), "Opened": day(opened), **rest}


def place(record: int, home: int | None, seen: str, *, mould: bool = True, **rest: Any) -> dict[str, Any]:
    """A row of the addresses."""
    return {"record": record, "home": home, "known_at": day(seen), "Seen": day(seen), "Mould": mould, **rest}
