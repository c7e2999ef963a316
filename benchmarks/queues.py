"""CPU seconds for 1,000 replications of a network of waiting lists: ours, SimPy in two styles, and Ciw.

All run the network of `queues_network`, one after the other, in one process each or in this one. Peers run
fewer replications, whose mean cost is scaled; the table says how many. Ours is also timed in a new process
with nothing compiled (cold) and with what an earlier one left on disk (warm).
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks import queues_ciw, queues_network, queues_simpy
from benchmarks.measuring import Cost, measure
from evi.queues.simulation.engine import simulate

REPLICATIONS = 1000
LEAN, CHILDREN, CIW = 20, 5, 1

OURS = f"""
from benchmarks.queues_network import WEEKS, network
from evi.queues.simulation.engine import simulate
simulate(network(), WEEKS, {REPLICATIONS}, 1)
"""


@dataclass(frozen=True)
class Row:
    """One way to simulate: replications run, CPU seconds and seconds on the clock each, and what it found."""

    name: str
    replications: int
    cpu_seconds_each: float
    seconds_each: float
    found: Mapping[str, float]

    @property
    def per_thousand(self) -> float:
        """CPU seconds for 1,000 replications."""
        return 1000.0 * self.cpu_seconds_each


def _peer(name: str, replicate: Callable[[int], Mapping[str, float]], number: int) -> Row:
    began, clock = time.process_time(), time.perf_counter()
    found = [replicate(seed) for seed in range(1, number + 1)]
    cpu, wall = time.process_time() - began, time.perf_counter() - clock
    means = {key: sum(one[key] for one in found) / number for key in found[0]}
    return Row(name, number, cpu / number, wall / number, means)


def _ours() -> Row:
    model = queues_network.network()
    simulate(model, queues_network.WEEKS, 2, 1)
    began, clock = time.process_time(), time.perf_counter()
    paths = simulate(model, queues_network.WEEKS, REPLICATIONS, 1)
    cpu, wall = time.process_time() - began, time.perf_counter() - clock
    found = {
        "starts": float(paths.starts.sum(axis=(1, 2)).mean()),
        "waiting": float(paths.waiting[:, -1, 1].mean()),
        "removals": float(paths.removals.sum(axis=(1, 2)).mean()),
    }
    return Row("eVI", REPLICATIONS, cpu / REPLICATIONS, wall / REPLICATIONS, found)


def _whole_process(cache: str) -> Cost:
    return measure([sys.executable, "-c", OURS], NUMBA_CACHE_DIR=cache)


def main() -> None:
    """Print the tables."""
    rows = [
        _ours(),
        _peer("SimPy, lean", queues_simpy.lean, LEAN),
        _peer("SimPy, a process a child", queues_simpy.a_process_each, CHILDREN),
        _peer("Ciw", queues_ciw.run, CIW),
    ]
    ours = rows[0].per_thousand
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors. 156 weeks, five pools, about 60")
    print(
        "referrals a week, 1,500 children listed. Starts and removals: in all pools and weeks; waiting: for"
    )
    print("assessment at the end.\n")
    print("| | replications run | CPU s for 1,000 | times ours | starts | waiting | removals |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        print(
            f"| {row.name} | {row.replications:,} | {row.per_thousand:,.1f} | {row.per_thousand / ours:,.0f} "
            f"| {row.found['starts']:,.0f} | {row.found['waiting']:,.0f} | {row.found['removals']:,.0f} |"
        )
    with tempfile.TemporaryDirectory() as cache:
        cold, warm = _whole_process(cache), _whole_process(cache)
    times = (
        ("warm, in a running process", rows[0].seconds_each * REPLICATIONS, ours, "2"),
        ("warm, a whole new process with its start", warm.wall_seconds, warm.cpu_seconds, ""),
        ("cold, a whole new process that compiles anew", cold.wall_seconds, cold.cpu_seconds, "10"),
    )
    print("\n| eVI, 1,000 replications | seconds on the clock | CPU s | at most |\n|---|---:|---:|---:|")
    for name, wall, cpu, most in times:
        print(f"| {name} | {wall:.2f} | {cpu:.1f} | {most} |")


if __name__ == "__main__":
    main()
