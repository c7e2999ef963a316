"""Planted identifiers are found nowhere beyond the agency's own folders."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from evi.encoding import TOKENS, Coder, Keys
from evi.workspace import District
from tests.pipeline.conftest import evi, made

HUB = ("encoded", "spine", "records", "index", "outputs", "runs", "run.log")


@pytest.fixture(scope="module")
def planted(run_district: Path) -> list[dict[str, Any]]:
    return list(json.loads((run_district / "truth" / "canaries.json").read_text()))


@pytest.fixture(scope="module")
def canaries(planted: list[dict[str, Any]]) -> list[str]:
    """Every planted identifier that is one of a kind; birth dates have a test of their own."""
    values = {
        value
        for child in planted
        for name, value in child.items()
        if name not in {"person", "date_of_birth", "local_ids"}
    }
    values |= {value for child in planted for ids in child["local_ids"].values() for value in ids}
    assert len(values) >= 30
    return sorted(values)


def texts(path: Path) -> Iterator[str]:
    """What a curious reader could see in a file: its bytes as text, and every value of a table."""
    raw = path.read_bytes()
    yield raw.decode("latin-1")
    yield raw.decode("utf-16-le", errors="ignore")
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        for name in table.column_names:
            column = table.column(name)
            while pa.types.is_nested(column.type) and not pa.types.is_struct(column.type):
                column = pc.list_flatten(column)
            values = column.to_pylist() if pa.types.is_struct(column.type) else column.unique().to_pylist()
            yield "\n".join(map(str, values))


def holds(text: str, value: str) -> bool:
    """Whether the value stands in the text. A number counts by itself, not as digits of a longer code."""
    at = text.lower().find(value.lower())
    if at < 0 or not value.isdigit():
        return at >= 0
    return re.search(rf"(?<!\d){value}(?!\d)", text) is not None


def hub_files(folder: Path) -> list[Path]:
    return [
        path
        for name in HUB
        for path in ([folder / name] if (folder / name).is_file() else sorted((folder / name).rglob("*")))
        if path.is_file()
    ]


def test_the_canaries_are_in_the_extracts(run_district: Path, canaries: list[str]) -> None:
    extracts = "\n".join(p.read_text(errors="replace") for p in (run_district / "extracts").rglob("*.*"))
    missing = [value for value in canaries if value not in extracts]
    assert not missing


def test_no_canary_leaves_the_agency(run_district: Path, canaries: list[str]) -> None:
    found = []
    for path in hub_files(run_district):
        for text in texts(path):
            found += [(str(path), value) for value in canaries if holds(text, value)]
    assert not found
    assert len(hub_files(run_district)) > 20


def test_no_birth_date_leaves_the_agency(run_district: Path, planted: list[dict[str, Any]]) -> None:
    """In no row about a planted child is there a date that is the child's date of birth."""
    coder = Coder(Keys.from_environment(District.open(run_district)))
    born = {
        coder.opaque(f"person/{feed}", pa.array([local_id])).to_pylist()[0]: child["date_of_birth"]
        for child in planted
        for feed, ids in child["local_ids"].items()
        for local_id in ids
    }
    people = pq.read_table(run_district / "spine" / "people.parquet").to_pylist()
    born |= {row["subject_id"]: born[row["person"]] for row in people if row["person"] in born}
    leaks, looked = [], 0
    for path in hub_files(run_district):
        if path.suffix != ".parquet":
            continue
        table = pq.read_table(path)
        about = [n for n in table.column_names if n == "subject_id" or n.startswith("person")]
        dates = [n for n in table.column_names if pa.types.is_temporal(table.schema.field(n).type)]
        for name in about:
            rows = table.filter(pc.is_in(table.column(name), pa.array(list(born), pa.int64())))
            for row in rows.to_pylist():
                looked += 1
                leaks += [(path.name, d) for d in dates if str(row[d])[:10] == born[row[name]]]
    assert looked > 100
    assert not leaks


def whole_numbers(path: Path) -> Iterator[tuple[str, npt.NDArray[np.int64]]]:
    """Every whole number of a file that a code could be, with the column (or "text") that it stands in."""
    if path.suffix != ".parquet":
        found = re.findall(r"-?\d{9,20}", path.read_text(errors="replace"))
        yield "text", np.array([int(n) for n in found if abs(int(n)) < 2**63], np.int64)
        return
    table = pq.read_table(path)
    for name in table.column_names:
        column = table.column(name)
        while pa.types.is_nested(column.type) and not pa.types.is_struct(column.type):
            column = pc.list_flatten(column)
        values = column.unique().drop_null()
        if pa.types.is_integer(values.type):
            yield name, np.asarray(values.cast(pa.int64(), safe=False))  # codes are compared as bits
        elif pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            found = re.findall(r"-?\d{9,20}", "\n".join(values.to_pylist()))
            yield name, np.array([int(n) for n in found if abs(int(n)) < 2**63], np.int64)


def test_codes_of_identities_stay_with_the_linkage_unit(run_district: Path) -> None:
    """No column and no value of `encoded/linkage` stands in what analysts hold, nor in the spine itself."""
    codes = [
        numbers
        for path in sorted((run_district / "encoded" / "linkage").rglob("*.parquet"))
        for name, numbers in whole_numbers(path)
        if name in TOKENS
    ]
    every = np.unique(np.concatenate(codes))
    assert len(every) > 10_000
    places = ("encoded/payload", "encoded/about", "spine", "records", "index", "outputs", "runs", "run.log")
    shared, looked = [], 0
    for path in (p for p in hub_files(run_district) if str(p.relative_to(run_district)).startswith(places)):
        if path.suffix == ".parquet":  # `home` and `sex` are words of the payload too; its codes are its own
            assert not set(pq.read_schema(path).names) & (set(TOKENS) - {"home"}), path
        for name, numbers in whole_numbers(path):
            looked += len(numbers)
            if (every[np.searchsorted(every, numbers).clip(max=len(every) - 1)] == numbers).any():
                shared.append((str(path.relative_to(run_district)), name))
    assert looked > 10_000
    assert not shared


def test_two_releases_share_no_code_and_hold_no_canary(
    run_district: Path, canaries: list[str], tmp_path: Path
) -> None:
    """Neither with one another nor with the hub: codes are whole numbers that no count reaches."""
    folder = tmp_path / "district"
    shutil.copytree(run_district, folder)
    tables = ["spine/households.parquet", "spine/relations.parquet", "records/residence.parquet"]
    tables += [str(path.relative_to(folder)) for path in (folder / "index").glob("at-*/children.parquet")]
    held: dict[str, set[int]] = {"hub": set()}
    for name in ("one", "other"):
        evi("export", name, *tables, "--out", tmp_path / name, "--district", folder)
        released = sorted((tmp_path / name).iterdir())
        assert len(released) == len(tables) == 4
        numbers = [n for path in released for _, found in whole_numbers(path) for n in found.tolist()]
        held[name] = {number for number in numbers if abs(number) > 2**40}
        found = [
            value for path in released for text in texts(path) for value in canaries if holds(text, value)
        ]
        assert not found
    for path in (folder / table for table in tables):
        held["hub"] |= {n for _, found in whole_numbers(path) for n in found.tolist() if abs(n) > 2**40}
    assert min(map(len, held.values())) > 100
    assert not held["one"] & held["other"]
    assert not (held["one"] | held["other"]) & held["hub"]


def test_errors_and_rejects_hold_no_value(run_district: Path, canaries: list[str], tmp_path: Path) -> None:
    """Spoil a copy of one extract in several ways; nothing said about it may quote it."""
    extract = next((run_district / "extracts").rglob("school_census*.csv"))
    lines = extract.read_text().splitlines()
    held = next(number for number, line in enumerate(lines) if any(c in line for c in canaries))
    header = lines[0].split(",")
    spoiled = []
    for field in range(len(header)):
        cells = lines[held].split(",")
        if len(cells) == len(header):
            cells[field] = "31/31/2031 " + cells[field]
            spoiled.append(",".join(cells))
    target = tmp_path / extract.name
    target.write_text("\n".join([lines[0], *spoiled, lines[held] + ",extra"]) + "\n")
    done = evi("check", target, "--rejects", tmp_path / "rejects", check=False)
    said = done.stdout + done.stderr
    said += "".join(p.read_text() for p in (tmp_path / "rejects").rglob("*") if p.is_file())
    assert done.returncode in {1, 3}
    assert [value for value in canaries if value.lower() in said.lower()] == []


def test_the_truth_is_never_read(new_district: Path, run_district: Path, tmp_path: Path) -> None:
    """A district without its truth folder ends in the same bits."""
    folder = tmp_path / "district"
    shutil.copytree(new_district, folder, ignore=shutil.ignore_patterns("truth"))
    evi("run", "--district", folder)
    assert made(folder) == made(run_district)
