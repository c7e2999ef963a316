"""However deliveries, replacements and new links come, the store is that of a rebuild, byte by byte."""

from __future__ import annotations

import shutil
import tempfile
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from records_district import Inputs, case, new_district, place, sen, store_bytes, write_inputs
from records_reference import expected_events, salts_of

from evi.feeds import load_layouts
from evi.records import changes_since, increments, load, open_records, store_state
from evi.workspace import District

START = date(2021, 1, 1)
days = st.integers(0, 300).map(lambda n: (START + timedelta(days=n)).isoformat())
later = st.one_of(st.none(), st.integers(0, 500).map(lambda n: START + timedelta(days=n)))
records, persons, homes = st.integers(1, 5), st.integers(1, 4), st.one_of(st.none(), st.integers(1, 3))
sen_rows = st.builds(
    sen, records, persons, days,
    provision=st.sampled_from("NK"), Need=st.sampled_from(["asd", "slcn", None]), Leaving=later,
    withdrawn=st.booleans(),
)  # fmt: skip
case_rows = st.builds(
    case, records, persons, days, Closed=later, Cost=st.sampled_from([None, 0.5, 3.0]),
    Kind=st.sampled_from(["A", "B", None]), person_mother=st.one_of(st.none(), persons),
    MotherUnwell=st.booleans(), withdrawn=st.booleans(),
)  # fmt: skip
place_rows = st.builds(place, records, homes, days, mould=st.booleans(), withdrawn=st.booleans())
ROWS = {"t_sen": sen_rows, "t_case": case_rows, "t_place": place_rows}
people = st.dictionaries(
    st.tuples(st.sampled_from(["school", "care"]), persons),
    st.tuples(st.integers(100, 104), st.sampled_from([1.0, 0.987, 0.984])),
).map(lambda found: [(feed, person, *link) for (feed, person), link in sorted(found.items())])
subjects = st.lists(st.integers(2002, 2020), min_size=5, max_size=5).map(
    lambda years: [(100 + n, date(year, 5, 1), "F", None, "ENG", 1) for n, year in enumerate(years)]
)
households = st.lists(st.tuples(st.integers(100, 104), st.integers(1, 3), days), max_size=6, unique=True).map(
    lambda stays: [(who, home, "E01", date.fromisoformat(start), None) for who, home, start in sorted(stays)]
)


@st.composite
def histories(draw: st.DrawFn) -> list[Inputs]:
    """What lay before `load` each time: every step delivers, replaces or takes away, or links anew."""
    now = Inputs(
        {("t_sen", "t_sen-a"): draw(st.lists(sen_rows, min_size=1, max_size=4))}, draw(people), draw(subjects)
    )
    steps = [now]
    for _ in range(draw(st.integers(1, 3))):
        payloads = dict(now.payloads)
        for layout in draw(st.lists(st.sampled_from(sorted(ROWS)), max_size=2)):
            name = f"{layout}-{draw(st.sampled_from('abc'))}"
            if (layout, name) in payloads and len(payloads) > 1 and draw(st.booleans()):
                del payloads[layout, name]
            else:
                payloads[layout, name] = draw(st.lists(ROWS[layout], max_size=5))
        now = Inputs(
            payloads,
            draw(people) if draw(st.booleans()) else now.people,
            now.subjects,
            draw(households) if draw(st.booleans()) else now.households,
        )
        steps.append(now)
    return steps


@pytest.fixture(autouse=True)
def _always_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small districts would rather be made anew; here every load changes what is there."""
    monkeypatch.setattr(increments, "WORTH_CHANGING", 1e9)


@given(histories())
@settings(
    deadline=None,
    max_examples=8,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_history_ends_in_the_bytes_of_a_rebuild(history: list[Inputs]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        district = new_district(Path(folder) / "district")
        before = None
        for inputs in history:
            write_inputs(district, inputs)
            load(district)
            check_changes(district, before)
            before = (store_state(district), rows_of(district))
        changed = store_bytes(district)
        shutil.rmtree(district.records)
        load(district)
        rebuilt = store_bytes(district)
        assert sorted(changed) == sorted(rebuilt)
        assert [name for name in rebuilt if changed[name] != rebuilt[name]] == []
        check_rows(district, history[-1])


def check_rows(district: District, inputs: Inputs) -> None:
    """The store holds what the plain reading of the rules says."""
    salts = salts_of(load_layouts([district.root / "layouts"]))
    with open_records(district) as con:
        found = con.execute(
            """SELECT subject_id, time::DATE, code, numeric_value, text_value, known_at, known_until, source,
            CASE WHEN source <> 'spine' THEN record_id END, place_id, end_time::DATE,
            round(link_confidence::DOUBLE, 2), withdrawn, delivery FROM events"""
        ).fetchall()
    assert sorted(found, key=str) == expected_events(inputs, salts)


def check_changes(district: District, before: tuple[str, list[tuple[object, ...]]] | None) -> None:
    """The rows before, less those removed, and those added, are the rows now."""
    if before is None or before[0] == store_state(district):
        return
    changes = changes_since(district, before[0])
    assert changes is not None and changes.after == store_state(district)
    with open_records(district) as con:
        removed = con.execute(f"FROM read_parquet('{changes.removed}')").fetchall()
        added = con.execute(f"FROM read_parquet('{changes.added}')").fetchall()
    rows = list(before[1])
    for row in removed:
        rows.remove(row)
    assert sorted(rows + added, key=str) == sorted(rows_of(district), key=str)


def rows_of(district: District) -> list[tuple[object, ...]]:
    with open_records(district) as con:
        return con.execute("FROM events_by_code").fetchall()
