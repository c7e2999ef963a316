"""The engines beside the exact answers, as the tests hold them: `python -m benchmarks.queues_truth`."""

from __future__ import annotations

import numpy as np
from tests.queues import test_queues_truth as truth

from evi.queues.simulation.continuous import Server
from evi.queues.simulation.engine import simulate


def _row(name: str, samples: np.ndarray, exact: float) -> None:
    off = truth.off(samples, exact)
    print(f"| {name} | {exact:.7g} | {samples.mean():.4f} | {off:.1f} |")


def _named(server: Server) -> str:
    rates = "/".join(f"{rate:g}" for rate in server.rates)
    parts = [f"{server.servers} servers" if server.servers > 1 else "1 server", f"rates {rates}"]
    parts += [f"arrivals {server.arrivals}"] if server.arrivals != "exponential" else []
    parts += [f"service {server.service.replace('_', ' ')}"] if server.service != "exponential" else []
    parts += [f"patience {server.patience_rate:g}"] if server.patience_rate else []
    parts += [f"missed {server.missed:g}"] if server.missed else []
    parts += ["priority first"] if server.discipline.priority else []
    parts += ["mostly at random"] if server.discipline.random else []
    return ", ".join(parts)


def main() -> None:
    """Print the table."""
    print("| | exact | found | standard errors off |\n|---|---:|---:|---:|")
    for server, what, exact in truth.SERVED:
        _row(f"{_named(server)}: {what.replace('_', ' ')}", truth.found(server, what), exact)
    for mean, slots, missed, waiting, wait in truth.SLOTS:
        lists, waits = truth.in_the_long_run(truth.weekly(mean, slots, missed))
        name = f"{mean} referrals, {slots} slots a week, {missed:g} missed"
        _row(f"{name}: list after the week", lists, waiting)
        _row(f"{name}: weeks waited", waits, wait)
    waiting = simulate(truth.leaving(), truth.WEEKS, 4000, 6).waiting[:, :, 0]
    for week in (0, 4, truth.WEEKS - 1):
        _row(f"a list never empty, after {week + 1} weeks", waiting[:, week], truth.expected_list(week + 1))


if __name__ == "__main__":
    main()
