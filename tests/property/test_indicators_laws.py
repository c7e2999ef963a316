"""Laws of three values and of knowledge, whatever the registry and the records."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.indicators.worlds import CHILDREN, FIRST, coverages, registries, worlds, write_world

from evi.indicators import Registry, SpanFiles, build_spans
from evi.indicators.reference import State, World, state

STEADY = settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
DAYS = [FIRST + timedelta(days=n) for n in range(0, 1200, 40)]
KNOWN: dict[State, int] = {"not assessable": 0, "absent": 1, "present": 2}


def answers(world: World, registry: Registry) -> Iterable[State]:
    return [state(i, world, child, day) for i in registry for child in CHILDREN for day in DAYS]


@STEADY
@given(worlds(), registries(), coverages())
def test_more_coverage_never_unsays(world: World, registry: Registry, more: tuple) -> None:
    """A need that is present stays; an absence may turn out to be a need, never to be unknown."""
    wider = replace(world, coverage=world.coverage + more)
    for before, after in zip(answers(world, registry), answers(wider, registry), strict=True):
        assert KNOWN[after] >= KNOWN[before]


@STEADY
@given(worlds(), registries(), st.sampled_from(DAYS))
def test_nothing_leaks_from_the_future(world: World, registry: Registry, today) -> None:
    """What becomes known later changes no answer about today or before."""
    then = replace(
        world,
        events=tuple(
            replace(e, known_until=None) if e.known_until and e.known_until > today else e
            for e in world.events
            if e.known_at <= today
        ),
        coverage=tuple(c for c in world.coverage if c.known_at <= today),
    )
    for day in (d for d in DAYS if d <= today):
        for indicator in registry:
            for child in CHILDREN:
                assert state(indicator, then, child, day) == state(indicator, world, child, day)


@settings(STEADY, max_examples=6)
@given(worlds(), registries(), st.randoms(use_true_random=False))
def test_the_order_of_records_does_not_matter(world: World, registry: Registry, random) -> None:
    shuffled = list(world.events)
    random.shuffle(shuffled)
    with tempfile.TemporaryDirectory() as name:
        bytes_of = []
        for place, events in enumerate((world.events, tuple(shuffled))):
            folder = Path(name) / str(place)
            records = write_world(replace(world, events=events), folder / "records", in_order=False)
            build_spans(records, registry=registry, out=folder / "index")
            bytes_of.append([path.read_bytes() for path in SpanFiles(folder / "index").all])
        assert bytes_of[0] == bytes_of[1]
