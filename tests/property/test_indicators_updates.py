"""Spans that are brought up to date are, to the byte, those of a rebuild; in whatever order records come."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.indicators.worlds import (
    BIRTHS,
    coverages,
    event_lists,
    events_table,
    registries,
    stays,
    worlds,
    write_world,
)

from evi.indicators import Changes, Registry, SpanFiles, build_spans, update_spans
from evi.indicators.reference import Event, World

STEADY = settings(
    deadline=None, max_examples=20, suppress_health_check=list(HealthCheck), report_multiple_bugs=False
)


@st.composite
def later_worlds(draw: st.DrawFn, world: World) -> World:
    """The same district later: late records, corrections, withdrawals, moves, new people, relinked events."""
    events = list(world.events)
    for place, event in enumerate(events):
        match draw(st.sampled_from(("same", "same", "corrected", "withdrawn", "relinked", "gone"))):
            case "corrected" | "withdrawn" as what if event.known_until is None:
                known = event.known_at + timedelta(days=10 * draw(st.integers(0, 20)))
                events[place] = replace(event, known_until=known)
                events.append(replace(event, known_at=known, withdrawn=what == "withdrawn", value=1.0))
            case "relinked":
                events[place] = replace(event, subject_id=draw(st.sampled_from((11, 13, 21))))
            case "gone":
                events[place] = replace(event, subject_id=99)
    events += draw(event_lists(5, first_record=100))
    births = dict(world.birth_months)
    children = world.children
    if draw(st.booleans()):
        births[12] = draw(st.sampled_from((None, BIRTHS[13], BIRTHS[11])))
    if draw(st.booleans()):
        births[10], children = BIRTHS[11], (10, *children)
    kept = {
        "stays": draw(stays()) if draw(st.booleans()) else world.stays,
        "coverage": draw(coverages()) if draw(st.booleans()) else world.coverage,
    }
    return World(tuple(events), birth_months=births, children=children, **kept)


def change(then: World, now: World, folder: Path) -> Changes:
    """The rows that came and the rows that left, in files."""
    old, new = Counter(then.events), Counter(now.events)
    files: dict[str, list[Path]] = {}
    for name, events in (("added", new - old), ("removed", old - new)):
        rows: list[Event] = list(events.elements())
        files[name] = [folder / f"{name}.parquet"] if rows else []
        if rows:
            pq.write_table(events_table(rows), files[name][0])
    return Changes.in_files(**files)


def contents(folder: Path) -> dict[str, bytes]:
    files = [*SpanFiles(folder).all, *sorted((folder / "intervals").iterdir())]
    return {path.name: path.read_bytes() for path in files}


@STEADY
@given(st.data(), worlds(), registries())
def test_update_equals_rebuild(data: st.DataObject, world: World, registry: Registry) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        records, index = write_world(world, folder / "records"), folder / "index"
        build_spans(records, registry=registry, out=index)
        for _ in range(2):
            later = data.draw(later_worlds(world))
            write_world(later, records)
            update_spans(records, change(world, later, folder), registry=registry, out=index)
            world = later
        build_spans(records, registry=registry, out=folder / "rebuilt")
        assert contents(index) == contents(folder / "rebuilt")
