"""`evi child` answers without importing what takes long, and `--json` says the same."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date, datetime, time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "index"))

from index_district import DAY, Tables, write_tables

SLOW = {
    "jsonschema",
    "matplotlib",
    "numpy",
    "pandas",
    "polars",
    "pyarrow",
    "pydantic",
    "rich",
    "scipy",
    "splink",
}
ASKED = """
import sys
from evi.cli import main

try:
    main()
finally:
    print(*sorted({name.split(".")[0] for name in sys.modules}), file=sys.stderr)
"""


@pytest.fixture
def district(tmp_path: Path) -> Path:
    day = date(2026, 1, 20)
    meals = {"subject_id": 1, "time": datetime.combine(day, time()), "code": "EDU/FSM", "known_at": day,
             "source": "school", "record_id": 13, "withdrawn": False}  # fmt: skip
    tables = Tables(
        subjects=[(1, date(2017, 4, 1), "F", "A", "ENG", "child")],
        spans=[(1, "free_school_meals", day, None)],
        covered=[(1, "of the school", date(2020, 1, 1), None)],
        needs=[("free_school_meals", "of the school")],
        residence=[(1, 7, "E01000001", date(2020, 5, 1), None)],
        coverage=[(1, "school", date(2020, 1, 1), None, date(2020, 1, 1))],
        people=[("school", 11, 1, 0.97)],
        events=[meals],
    )
    return write_tables(tmp_path / "d", tables).root


def child(district: Path, *options: str) -> subprocess.CompletedProcess[str]:
    asked = ["child", "1", "--district", str(district), "--date", str(DAY), *options]
    return subprocess.run([sys.executable, "-c", ASKED, *asked], capture_output=True, text=True, check=True)


def test_a_child_is_explained_without_importing_what_takes_long(district: Path) -> None:
    done = child(district)
    assert "Present (1)" in done.stdout
    assert SLOW.isdisjoint(done.stderr.split())


def test_as_json_it_says_the_same(district: Path) -> None:
    said = json.loads(child(district, "--json").stdout)
    assert [need["indicator"] for need in said["present"]] == ["free_school_meals"]
    assert said["present"][0]["reason"] in child(district).stdout


def test_a_districts_own_indicators_are_still_checked_against_the_schema(district: Path) -> None:
    (district / "mine").mkdir()
    (district / "mine" / "health.yaml").write_text("domain: health\nindicators: [{id: Not An Id}]\n")
    toml = district / "district.toml"
    toml.write_text(toml.read_text().replace("[district]", '[district]\nregistry = ["mine"]'))
    with pytest.raises(subprocess.CalledProcessError) as failed:
        child(district)
    assert "See registry.schema.json" in failed.value.stderr
