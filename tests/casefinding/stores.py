"""Small event stores in the shapes that case-finding reads, with nothing upstream of them run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from evi.casefinding.frameworks import assessments
from evi.records.shapes import BY_CODE, code_id, family
from evi.workspace import District, DistrictConfig

DAY = date(2024, 8, 31)
SUMMER = date(2023, 6, 30)
BORN = date(2018, 3, 1)
FEEDS = ("eyfsp", "csds", "gp", "school", "cin", "ssd", "sen2", "mhsds", "maternity")


@dataclass(frozen=True)
class Fact:
    """One event. `record` numbers the record that says it; events with one number are its versions."""

    child: int
    code: str
    day: date
    value: float | None = None
    text: str | None = None
    known: date | None = None
    until: date | None = None
    end: date | None = None
    record: int | None = None
    withdrawn: bool = False


def profile(
    child: int,
    framework: str,
    values: Mapping[str, float] | float = 2,
    *,
    on: date = SUMMER,
    record: int | None = None,
    known: date | None = None,
) -> list[Fact]:
    """A whole early years profile: one value for all goals, and others for those named (`COM/LA`)."""
    goals = assessments()["eyfsp"].frameworks[framework].items
    prefix = f"EDU/EYFSP/{framework}/"
    usual = 2 if isinstance(values, Mapping) else values
    given = {prefix + goal: value for goal, value in values.items()} if isinstance(values, Mapping) else {}
    return [
        Fact(child, code, on, given.get(code, usual), known=known, record=record and record + number)
        for number, code in enumerate(goals)
    ]


def low_profile(child: int, framework: str, low: int, *, on: date = SUMMER) -> list[Fact]:
    """A profile with the first so many goals below the expected level and the others at it."""
    goals = [code.split("/", 3)[3] for code in assessments()["eyfsp"].frameworks[framework].items]
    return profile(child, framework, dict.fromkeys(goals[:low], 1), on=on)


def write_store(
    root: Path,
    facts: Iterable[Fact],
    *,
    births: Mapping[int, date | None] | Iterable[int] = (),
    schools: Mapping[int, str] | None = None,
    uncovered: Iterable[tuple[int, str]] = (),
    kinds: Mapping[int, str] | None = None,
) -> District:
    """Write a district's records.

    Args:
        births: month of birth by child, or the children, all born in March 2018; children of facts are added.
        schools: school by child.
        uncovered: (child, feed) that no coverage speaks of; all others are covered all their lives.
        kinds: those who are no children.
    """
    toml = root / "district.toml"
    district = (
        District.open(root)
        if toml.is_file()
        else District.create(root, DistrictConfig(name="Testbridge", synthetic=True))
    )
    facts = list(facts)
    born = dict(births) if isinstance(births, Mapping) else dict.fromkeys(births, BORN)
    for fact in facts:
        born.setdefault(fact.child, BORN)
    folder = district.records / "by_code"
    folder.mkdir(parents=True, exist_ok=True)
    by_family: dict[str, list[dict[str, object]]] = {}
    for number, fact in enumerate(facts, 1_000_000):
        by_family.setdefault(family(fact.code), []).append(_row(fact, number))
    for name, rows in by_family.items():
        pq.write_table(pa.Table.from_pylist(rows, BY_CODE), folder / f"{name}.parquet")
    for path in folder.glob("*.parquet"):
        if path.stem not in by_family:
            path.unlink()
    _write_people(district, born, schools or {}, set(uncovered), kinds or {})
    about = {"reference_day": DAY.isoformat(), "state": "made up", "deliveries": {}}
    (district.records / "store.json").write_text(json.dumps(about))
    return district


def _row(fact: Fact, number: int) -> dict[str, object]:
    return {
        "code": fact.code,
        "code_id": code_id(fact.code),
        "subject_id": fact.child,
        "time": datetime.combine(fact.day, time()),
        "numeric_value": fact.value,
        "text_value": fact.text,
        "known_at": fact.known or fact.day,
        "known_until": fact.until,
        "source": fact.code.split("/")[0].lower(),
        "record_id": fact.record if fact.record is not None else number,
        "place_id": None,
        "end_time": None if fact.end is None else datetime.combine(fact.end, time()),
        "link_confidence": 1.0,
        "withdrawn": fact.withdrawn,
    }


def _write_people(
    district: District,
    born: Mapping[int, date | None],
    schools: Mapping[int, str],
    uncovered: set[tuple[int, str]],
    kinds: Mapping[int, str],
) -> None:
    i64, text, day = pa.int64(), pa.string(), pa.date32()
    tables = {
        "subjects": (
            [("subject_id", i64), ("birth_month", day), ("sex", text), ("ethnicity", text),
             ("language", text), ("kind", text)],
            [(child, month, "F", "WBRI", "ENG", kinds.get(child, "child")) for child, month in born.items()],
        ),
        "coverage": (
            [("subject_id", i64), ("feed", text), ("start", day), ("end", day), ("known_at", day)],
            [
                (child, feed, month or BORN, date(2050, 1, 1), month or BORN)
                for child, month in born.items() for feed in FEEDS if (child, feed) not in uncovered
            ],
        ),
        "enrolment": (
            [("subject_id", i64), ("school", text), ("start", day), ("end", day)],
            [(child, school, date(2020, 9, 1), None) for child, school in schools.items()],
        ),
        "residence": (
            [("subject_id", i64), ("home", i64), ("lsoa", text), ("start", day), ("end", day)],
            [(child, 500 + child, f"E0100{child % 3}", month, None) for child, month in born.items()],
        ),
    }  # fmt: skip
    for name, (columns, rows) in tables.items():
        arrays = [pa.array([row[i] for row in rows], kind) for i, (_, kind) in enumerate(columns)]
        pq.write_table(pa.table(arrays, pa.schema(columns)), district.records / f"{name}.parquet")
