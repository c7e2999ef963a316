"""The compiled plan and the slow, obvious reference say the same of any records, on any day."""

from __future__ import annotations

import tempfile
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings

from evi.indicators.queries import SpanIndex
from evi.indicators.reference import World, state
from evi.indicators.registry import Registry
from evi.indicators.spans import build_spans
from tests.indicators.worlds import CHILDREN, FIRST, registries, worlds, write_world

STEADY = settings(
    deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
DAYS = [FIRST + timedelta(days=n) for n in range(-400, 1900, 5)] + [
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
        index = SpanIndex(records, registry=registry, out=Path(folder) / "index")
        for day in DAYS[::7]:
            states = index.state_at(day)
            for child in CHILDREN:
                found = states.of(child)
                for indicator in registry:
                    assert found[indicator.id] == state(indicator, world, child, day), (child, indicator, day)
        for name in ("spans", "covered", "beyond"):
            _well_formed(Path(folder) / "index" / f"{name}.parquet")


def _well_formed(path: Path) -> None:
    """Sorted, disjoint, apart, and never empty."""
    rows = [tuple(row.values()) for row in pq.read_table(path).to_pylist()]
    keyed = [(label, subject, start, end or date.max) for subject, label, start, end in rows]
    assert keyed == sorted(keyed)
    assert all(start < end for _, _, start, end in keyed)
    for one, two in zip(keyed, keyed[1:], strict=False):
        assert one[:2] != two[:2] or one[3] < two[2]
