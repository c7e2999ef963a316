"""Refreshing a district's spans: nothing, an update or a build, whichever is right; and after a kill."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

from evi.indicators import SpanFiles, SpanIndex, build_spans, refresh_spans, spans, updates
from evi.indicators.reference import Covered, Event, World
from evi.workspace import District, DistrictConfig, EviError
from tests.indicators.worlds import events_table, write_world

FACT = Event(1, datetime.combine(date(2024, 1, 10), time()), "EDU/FSM", date(2024, 1, 20), 7, source="school")
LATER = replace(FACT, time=datetime.combine(date(2024, 5, 1), time()), known_at=date(2024, 5, 2), record_id=8)
COVERED = Covered(1, "school", date(2023, 9, 1), date(2025, 1, 1), date(2023, 9, 1))
WORLD = World((FACT,), (), (COVERED,), {1: date(2015, 2, 1)}, (1,))


@pytest.fixture
def district(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> District:
    """A district of one pupil, whose records say that they are in state one."""
    district = District.create(tmp_path / "d", DistrictConfig("one pupil"))
    write_world(WORLD, district.records)
    told(monkeypatch, "one", None)
    return district


def told(monkeypatch: pytest.MonkeyPatch, state: str, changes: object) -> None:
    monkeypatch.setattr(updates, "store_state", lambda _: state)
    monkeypatch.setattr(spans, "store_state", lambda _: state)
    monkeypatch.setattr(updates, "changes_since", lambda _, since: changes if since == "one" else None)


def more(district: District, tmp_path: Path) -> SimpleNamespace:
    """The store a term later, and the rows that came and left."""
    write_world(replace(WORLD, events=(FACT, LATER)), district.records)
    for name, rows in (("added", [LATER]), ("removed", [])):
        pq.write_table(events_table(rows), tmp_path / f"{name}.parquet")
    return SimpleNamespace(added=tmp_path / "added.parquet", removed=tmp_path / "removed.parquet")


def test_the_first_time_it_builds_and_then_does_nothing(district: District) -> None:
    assert refresh_spans(district).rows["spans"] == 1
    assert refresh_spans(district).skipped
    assert SpanIndex(district).days(1, "free_school_meals") == [(date(2024, 1, 20), date(2025, 2, 13))]


def test_changes_that_are_told_are_an_update(
    district: District, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh_spans(district)
    told(monkeypatch, "two", more(district, tmp_path))
    monkeypatch.setattr(updates, "build_spans", None)  # a build would now fail
    assert refresh_spans(district).rows["spans"] == 1
    build_spans(district, out=tmp_path / "rebuilt")
    for mine, theirs in zip(SpanFiles(district.index).all, SpanFiles(tmp_path / "rebuilt").all, strict=True):
        assert mine.read_bytes() == theirs.read_bytes()


def test_changes_that_are_not_told_are_a_build(
    district: District, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh_spans(district)
    more(district, tmp_path)
    told(monkeypatch, "three", None)
    refresh_spans(district)
    assert SpanIndex(district).days(1, "free_school_meals")[-1][1] == date(2025, 6, 5)


def test_after_a_kill_nothing_half_done_is_believed(district: District) -> None:
    refresh_spans(district)
    (SpanFiles(district.index).state / "about.json").unlink()
    with pytest.raises(EviError, match="Run `evi index`"):
        SpanIndex(district)
    assert not refresh_spans(district).skipped


def test_taking_away_what_was_never_there_is_refused(
    district: District, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh_spans(district)
    changes = more(district, tmp_path)
    told(monkeypatch, "two", SimpleNamespace(added=changes.removed, removed=changes.added))
    with pytest.raises(EviError, match="records that the spans were not built from"):
        refresh_spans(district)
