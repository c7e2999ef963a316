"""The compiled plan and the slow, obvious reference say the same of any records, on any day."""

from __future__ import annotations

import tempfile
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from tests.indicators.worlds import CHILDREN, FIRST, registries, worlds, write_world

from evi.indicators.queries import SpanIndex, register_views
from evi.indicators.reference import World, state
from evi.indicators.registry import Registry
from evi.indicators.snapshot import evaluate_at
from evi.indicators.spans import build_spans

STEADY = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
DAYS = [FIRST + timedelta(days=n) for n in range(-400, 1900, 35)] + [
    FIRST + timedelta(days=n) for n in range(100, 1000, 97)
]


def expected(world: World, registry: Registry, days: list[date]) -> dict[tuple[int, str, date], str]:
    return {(c, i.id, d): state(i, world, c, d) for c in CHILDREN for i in registry for d in days}


@STEADY
@given(worlds(), registries())
def test_spans_say_what_the_reference_says(world: World, registry: Registry) -> None:
    with tempfile.TemporaryDirectory() as folder:
        records = write_world(world, Path(folder) / "records")
        build_spans(records, registry=registry, out=Path(folder) / "index")
        said = _days(Path(folder) / "index")
        for day in DAYS:
            for child in CHILDREN:
                for indicator in registry:
                    found = _state(said, child, indicator.id, day)
                    assert found == state(indicator, world, child, day), (child, indicator, day)
        for day in DAYS[30:31]:
            quick, kept = (
                evaluate_at(records, day, registry=registry),
                SpanIndex(records, registry, Path(folder) / "index").state_at(day),
            )
            assert quick.subject_ids.tolist() == kept.subject_ids.tolist()
            for child in CHILDREN:
                assert (
                    quick.of(child)
                    == kept.of(child)
                    == {i.id: _state(said, child, i.id, day) for i in registry}
                )
        for name in ("spans", "covered", "beyond"):
            _well_formed(Path(folder) / "index" / f"{name}.parquet")


def _days(index: Path) -> dict[str, dict[tuple[int, str], list[tuple[date, date]]]]:
    with duckdb.connect() as con:
        register_views(con, index)
        found: dict[str, dict[tuple[int, str], list[tuple[date, date]]]] = {"spans": {}, "assessable": {}}
        for view, days in found.items():
            for subject, label, start, end in con.sql(f"SELECT * FROM {view}").fetchall():
                days.setdefault((subject, label), []).append((start, end or date.max))
    return found


def _state(said: dict, child: int, indicator: str, day: date) -> str:
    def holds(view: str) -> bool:
        return any(start <= day < end for start, end in said[view].get((child, indicator), ()))

    if holds("spans"):
        assert holds("assessable")
        return "present"
    return "absent" if holds("assessable") else "not assessable"


def _well_formed(path: Path) -> None:
    """Sorted, disjoint, apart, and never empty."""
    rows = [tuple(row.values()) for row in pq.read_table(path).to_pylist()]
    keyed = [(label, subject, start, end or date.max) for subject, label, start, end in rows]
    assert keyed == sorted(keyed)
    assert all(start < end for _, _, start, end in keyed)
    for one, two in pairwise(keyed):
        assert one[:2] != two[:2] or one[3] < two[2]
