"""Assessment days on made-up districts: the greedy plan, the one that the bound guides, and the improved one.

`python -m benchmarks.queues_days [--seeds 1 2 3] [--seconds 10] [--wall]`. Time is counted in CPU seconds,
since other work on the machine would otherwise take from the search; --wall counts by the clock.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable
from datetime import date

from evi.queues.days.bound import bound
from evi.queues.days.checking import validate
from evi.queues.days.disturbance import disturbance
from evi.queues.days.greedy import greedy
from evi.queues.days.grid import grid
from evi.queues.days.made_up import made_up
from evi.queues.days.planning import plan_days, rota_of
from evi.queues.days.priority import by_priority
from evi.queues.days.problem import Away
from evi.queues.days.replan import replan
from evi.queues.days.rota import Rota, kilometres

SIZES = (((100, 400, 40), "400 seen, at most 174 visits"), ((200, 800, 60), "at least 757 seen"))
WEEKS = 12


def main(argv: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--wall", action="store_true", help="count the seconds of the clock")
    given = parser.parse_args(argv)
    print(
        "| schools, children, people | seed | plan | children seen | no plan more than | visits | "
        "km one way | CPU s | wall s | to reach |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    for size, target in SIZES:
        for seed in given.seeds:
            rows(size, seed, given.seconds, time.monotonic if given.wall else time.process_time, target)
    print(
        "\n| seed | ill for two weeks | way | visits hit | visits changed | children moved | children lost | "
        "CPU s |\n|---|---|---|---|---|---|---|---|"
    )
    for seed in given.seeds:
        someone_ill(seed)


def rows(
    size: tuple[int, int, int], seed: int, seconds: float, clock: Callable[[], float], target: str
) -> None:
    """Three lines: one for each way to plan."""
    problem = made_up(*size, weeks=WEEKS, seed=seed)
    most = bound(grid(problem)).children

    def say(name: str, make: Callable[[], Rota], to_reach: str = "") -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        rota = make()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        assert not validate(rota, problem)
        print(
            f"| {', '.join(map(str, size))} | {seed} | {name} | {rota.seen} | {most} | {len(rota.visits)} | "
            f"{kilometres(rota, problem):,.0f} | {cpu:.1f} | {wall:.1f} | {to_reach} |",
            flush=True,
        )

    def first(*, guided: bool) -> Rota:
        arrays = grid(problem)
        plan = greedy(arrays, bound(arrays) if guided else None)
        by_priority(plan)
        return rota_of(plan)

    say("greedy", lambda: first(guided=False))
    say("greedy, guided", lambda: first(guided=True))
    say("improved", lambda: plan_days(problem, seconds=seconds, clock=clock).rota, target)


def someone_ill(seed: int, rounds: int = 20) -> None:
    """Two lines: the rota put right, and planned anew, when the busiest person of the core team is ill."""
    problem = made_up(*SIZES[0][0], weeks=WEEKS, seed=seed)
    rota = plan_days(problem, rounds=rounds).rota
    first, last = date(2027, 2, 1), date(2027, 2, 14)
    goes = Counter(person for visit in rota.visits if first <= visit.day <= last for person in visit.team)
    core = {role for choice in problem.rules.core for role in choice}
    busiest = max((p for p in problem.people if p.role in core), key=lambda p: (goes[p.person], p.person))
    cpu = time.process_time()
    new = replan(rota, problem, [Away("person", busiest.person, first, last)])
    right = time.process_time()
    anew = disturbance(rota, plan_days(new.problem, rounds=rounds).rota, new.disturbance.visits_hit)
    ends = time.process_time()
    for way, found, took in (("put right", new.disturbance, right - cpu), ("anew", anew, ends - right)):
        print(
            f"| {seed} | {busiest.role.replace('_', ' ')} | {way} | {found.visits_hit} | "
            f"{found.visits_changed} | {found.children_moved} | {found.children_lost} | {took:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
