"""Published tables: Wood adds up, Wright does not, and the importer says what and by how much."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from evi.casefinding.performance import Counts
from evi.casefinding.published_tables import (
    FOLDER,
    Range,
    counts_of,
    disagreements,
    implied_cases,
    printed,
    read_published,
    share_that_fits,
)
from evi.workspace import EviError

BASE = {"id": "made-up", "title": "t", "source": "s", "flagged_as": "f", "case": "c"}


def table(tmp_path: Path, **rows: object) -> Path:
    path = tmp_path / "table.yaml"
    path.write_text(yaml.safe_dump(BASE | rows), encoding="utf-8")
    return path


def test_wood_2024_adds_up() -> None:
    read = read_published("wood-2024")
    assert disagreements(read) == ()
    assert counts_of(read) == Counts(tp=10_171, fp=10_543, fn=3_036, tn=29_479)


def test_wright_2019_subscore_implies_96_cases_against_84() -> None:
    read = read_published("wright-2019-subscore")
    (fault,) = disagreements(read)
    assert "84 are printed" in fault
    assert "13.1%" in fault
    implied = implied_cases(read)
    assert implied is not None
    assert implied.low > 84.5
    assert implied.low < 96.0 < implied.high
    at_the_printed_digits = 8_935 * (0.152 * 0.064 + 0.848 * 0.0012)
    assert at_the_printed_digits == pytest.approx(96.0, abs=0.05)
    assert share_that_fits(read) == pytest.approx(0.131, abs=0.0005)
    with pytest.raises(EviError, match="do not add up"):
        counts_of(read)


def test_wright_2019_total_implies_86_and_a_half_against_84() -> None:
    read = read_published("wright-2019-total")
    (fault,) = disagreements(read)
    assert "85.0 to 87.9 cases, and 84 are printed" in fault
    implied = implied_cases(read)
    assert implied is not None
    assert implied.low < 86.5 < implied.high


def test_every_table_that_is_shipped_can_be_read() -> None:
    assert len(list(FOLDER.glob("*.yaml"))) == 3
    for path in FOLDER.glob("*.yaml"):
        assert read_published(path).id == path.stem


def test_a_percentage_stands_for_all_that_rounds_to_it() -> None:
    assert printed("0.12%") == Range(0.00115, 0.00125)
    assert printed("49.1%") == Range(0.4905, 0.4915)
    assert printed("100%").high == 1


@given(st.integers(20, 2_000), st.integers(20, 2_000), st.data())
def test_a_true_table_rounded_for_print_never_disagrees(flagged: int, rest: int, data: st.DataObject) -> None:
    tp, fn = data.draw(st.integers(1, flagged)), data.draw(st.integers(1, rest))
    total = flagged + rest
    rows = {
        "flagged": {"share": f"{flagged / total:.1%}", "rate": f"{tp / flagged:.1%}"},
        "not_flagged": {"rate": f"{fn / rest:.2%}"},
        "all": {"children": total, "cases": tp + fn},
    }
    from evi.casefinding.published_tables import Published

    read = Published("a", "t", "s", "f", "c", rows, {})
    assert disagreements(read) == ()


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (
            {
                "flagged": {"children": 100, "cases": 10, "others": 91},
                "not_flagged": {"children": 400, "cases": 5, "others": 395},
                "all": {"children": 500},
            },
            "10 and 91 of those flagged make 101, and 100 are printed",
        ),
        (
            {
                "flagged": {"children": 100, "cases": 10},
                "not_flagged": {"children": 400, "cases": 5},
                "all": {"children": 510},
            },
            "100 and 400 children make 500, and 510 are printed",
        ),
        (
            {
                "flagged": {"children": 100, "cases": 10, "rate": "12.0%"},
                "not_flagged": {"children": 400, "cases": 5},
                "all": {"children": 500},
            },
            "and 10 are printed",
        ),
        (
            {
                "flagged": {"children": 100, "cases": 10},
                "not_flagged": {"children": 400, "cases": 5},
                "all": {"children": 500},
                "measures": {"sensitivity": "70.0%"},
            },
            "The counts give a sensitivity of 66.7%, and 70.0% is printed",
        ),
    ],
)
def test_what_does_not_add_up_is_named(tmp_path: Path, rows: dict[str, object], words: str) -> None:
    faults = disagreements(read_published(table(tmp_path, **rows)))
    assert any(words in fault for fault in faults), faults


def test_too_little_printed_gives_no_counts(tmp_path: Path) -> None:
    rows = {
        "flagged": {"share": "20%", "rate": "4%"},
        "not_flagged": {"rate": "1%"},
        "all": {"children": 1_000},
    }
    with pytest.raises(EviError, match="enough"):
        counts_of(read_published(table(tmp_path, **rows)))


@pytest.mark.parametrize("text", ["a: [", "id: x\n", "flagged: 3\n"])
def test_a_broken_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(EviError):
        read_published(path)
    with pytest.raises(EviError, match="no published table"):
        read_published("nothing-of-that-name")
