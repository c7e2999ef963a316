"""The engines against exact answers, inside 4.5 standard errors; and that a broken rule does not pass.

The answers: Erlang C (M/M/c), Pollaczek and Khinchine (M/G/1), the root of s = exp(-(1 - s) / rho) (D/M/1),
Cobham (priorities), Palm (Erlang A), and for weekly slots the stationary law of the lists after a week,
found by summing over the chain.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from math import exp
from types import ModuleType

import numpy as np
import pytest
from numba import njit

from evi.queues.simulation import continuous, engine, kernel
from evi.queues.simulation.continuous import Server, serve
from evi.queues.simulation.engine import simulate
from evi.queues.simulation.network import Arrivals, Backlog, Discipline, Network, Pool, RemovalStep, Supply
from evi.queues.simulation.rules import CURSOR, NOBODY, UNOFFERED

STANDARD_ERRORS = 4.5


def off(samples: np.ndarray, truth: float) -> float:
    """By how many standard errors the mean of independent samples misses the truth."""
    return float(abs(samples.mean() - truth) / (samples.std(ddof=1) / np.sqrt(len(samples))))


SERVED = [
    (Server((4.5,), 5), "delayed", 0.7624932),
    (Server((4.5,), 5), "wait", 1.5249864),
    (Server((18.0,), 20), "delayed", 0.5507690),
    (Server((18.0,), 20), "wait", 0.2753845),
    (Server((0.8,), service="fixed"), "wait", 2.0),
    (Server((0.8,), service="two_rates", service_cv=1.5), "wait", 6.5),
    (Server((0.8,), arrivals="fixed"), "wait", 1.6927308),
    (Server((0.2, 0.3, 0.3), discipline=Discipline(0, 1, 0)), "wait 0", 1.0),
    (Server((0.2, 0.3, 0.3), discipline=Discipline(0, 1, 0)), "wait 1", 2.0),
    (Server((0.2, 0.3, 0.3), discipline=Discipline(0, 1, 0)), "wait 2", 8.0),
    (Server((22.0,), 20, patience_rate=0.05), "gave_up", 0.0926600),
    (Server((22.0,), 20, patience_rate=0.05), "wait", 1.8532006),
    (Server((22.0,), 20, patience_rate=0.05, discipline=Discipline(0.3, 0, 0.7)), "gave_up", 0.0926600),
    # A fifth of offers missed: services of rate .8 in effect; the wait until the last of them begins.
    (Server((0.6,), missed=0.2), "wait", 0.75 / 0.2 + 1.25 - 1.0),
]


@functools.lru_cache
def _served(server: Server) -> continuous.Served:
    return serve(server, 30_000, 200, 1, warm_up=5_000)


def found(server: Server, what: str, served: continuous.Served | None = None) -> np.ndarray:
    served = served or _served(server)
    if what.startswith("wait "):
        return served.wait[:, int(what[5:])]
    came = served.arrived.sum(axis=1)
    if what == "wait":
        return (served.wait * served.arrived).sum(axis=1) / came
    return getattr(served, what).sum(axis=1) / came


@pytest.mark.parametrize(("server", "what", "truth"), SERVED)
def test_lists_in_continuous_time_agree_with_theory(server, what, truth):
    samples = found(server, what)
    assert off(samples, truth) < STANDARD_ERRORS
    assert samples.std(ddof=1) / np.sqrt(len(samples)) < 0.02 * truth


def weekly(mean: float, slots: float, missed: float, **more: object) -> Network:
    return Network(
        start=date(2025, 1, 6),
        pools=(Pool("a", "A", "a", Supply((float(slots),)), missed, **more),),  # type: ignore[arg-type]
        arrivals=(Arrivals("a", "any", mean),),
    )


SLOTS = [
    (22, 24, 0.0, 3.344883, 0.652040),
    (4, 5, 0.0, 1.156240, 0.789060),
    (22, 26, 0.08, 5.639488, 0.756340),
]


def in_the_long_run(network: Network) -> tuple[np.ndarray, np.ndarray]:
    """Mean list after the week and mean wait, by replication, after 150 weeks to settle."""
    paths = simulate(network, 900, 400, 31)
    starts = paths.starts[:, 150:, 0].sum(axis=1)
    waits = paths.sum_wait_seen_weeks[:, 150:, 0].sum(axis=1) / starts + 0.5
    return paths.waiting[:, 150:, 0].mean(axis=1), waits


@pytest.mark.parametrize(("mean", "slots", "missed", "waiting", "wait"), SLOTS)
@pytest.mark.parametrize("discipline", [Discipline(), Discipline(0.3, 0, 0.7)])
def test_weekly_lists_settle_where_they_must(mean, slots, missed, waiting, wait, discipline):
    lists, waits = in_the_long_run(weekly(mean, slots, missed, discipline=discipline))
    assert off(lists, waiting) < STANDARD_ERRORS
    assert off(waits, wait) < STANDARD_ERRORS


RATE, MEAN, SLOTS_A_WEEK, MISSED, LISTED, WEEKS = 0.03, 20.0, 12.0, 0.1, 800, 10


def leaving() -> Network:
    """A list that is never empty; children leave at a constant rate, the week's referrals for half of it."""
    removal = (RemovalStep(0, 1.0 - (1.0 - exp(-RATE)) / RATE), RemovalStep(1, 1.0 - exp(-RATE)))
    network = weekly(MEAN, SLOTS_A_WEEK, MISSED, removal=removal)
    return replace(network, backlog=(Backlog("a", "any", ((0, 300), (30, 500))),))


def expected_list(weeks: int) -> float:
    expected = float(LISTED)
    for _ in range(weeks):
        stay = exp(-RATE)
        expected = expected * stay + MEAN * (1 - stay) / RATE - SLOTS_A_WEEK * (1 - MISSED)
    return expected


def test_a_list_that_is_never_empty_moves_as_it_must():
    waiting = simulate(leaving(), WEEKS, 4000, 6).waiting[:, :, 0]
    assert waiting.min() > SLOTS_A_WEEK
    for week in (0, 4, WEEKS - 1):
        assert off(waiting[:, week], expected_list(week + 1)) < STANDARD_ERRORS


# A rule is broken in the engine itself, which is compiled anew: the checks above must then fail.


@contextmanager
def broken(module: ModuleType, rule: str, wrong: object, again: list[str]) -> Iterator[None]:
    """`module` with another `rule`, and those of its functions that reach it compiled again."""
    with pytest.MonkeyPatch.context() as patch:
        options = {"nogil": True, "error_model": "numpy", "_nrt": False}
        patch.setattr(module, rule, njit(**options)(wrong))
        for name in again:  # the last is the one that Python calls
            ways_in = {} if name == again[-1] else {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
            patch.setattr(module, name, njit(**options, **ways_in)(getattr(module, name).py_func))
        if module is kernel:
            patch.setattr(engine, "run", kernel.run)
        yield


def least_urgent(room, pool, rule, luck):
    if room.pool[pool, UNOFFERED] == 0:
        return NOBODY
    for rank in range(room.list.shape[1] - 1, -1, -1):
        first = room.list[pool, rank, CURSOR]
        if first != NOBODY:
            return first
    return NOBODY


def never_misses(room, number, missed):
    return missed < 0.0


def never_leaves(room, number, week):
    return None


def test_a_priority_turned_round_is_found_out():
    server = SERVED[7][0]
    with broken(continuous, "choose", least_urgent, ["offer_one", "serve_all"]):
        served = serve(server, 30_000, 50, 1, warm_up=5_000)
    assert all(off(found(server, what, served), truth) > 20 for _, what, truth in SERVED[7:10:2])


def test_offers_that_are_never_missed_are_found_out():
    server, what, truth = SERVED[-1]
    with broken(continuous, "misses", never_misses, ["offer_one", "serve_all"]):
        served = serve(server, 30_000, 50, 1, warm_up=5_000)
    assert off(found(server, what, served), truth) > 20


def test_removals_that_are_left_out_are_found_out():
    with broken(kernel, "await_removal", never_leaves, ["welcome", "arrive", "begin", "run"]):
        waiting = simulate(leaving(), WEEKS, 500, 6).waiting[:, :, 0]
    assert off(waiting[:, WEEKS - 1], expected_list(WEEKS)) > 20
