"""One search for capacity, in CPU seconds: the shipped plan's whole trajectory, warm."""

from __future__ import annotations

import time
from dataclasses import replace

from evi.queues.sizing.capacity import question_of, size_capacity
from evi.queues.sizing.trajectory import national_standard, no_worse
from evi.queues.sizing.waiting_plan import read_plan

SHOULD_SECONDS = 20


def main() -> None:
    """Print a table: a search for each target of the shipped plan."""
    plan = read_plan("wsoa-autism")
    question = question_of(plan)
    targets = {
        "the plan, every month": plan.trajectory,
        "the national standard": national_standard(plan.trajectory, plan.today),
        "no worse than today": no_worse(plan.trajectory, plan.today),
        "the plan, milestones only": plan.milestones_only,
    }
    began = time.process_time()
    size_capacity(replace(question, trajectory=plan.milestones_only), replications=20, check_replications=20)
    print(f"First search, with compiled code to load: {time.process_time() - began:.1f} CPU s\n")
    print("| target | CPU s | simulated in full | extra slots | bound | holds |")
    print("|---|---|---|---|---|---|")
    for name, trajectory in targets.items():
        began = time.process_time()
        answer = size_capacity(replace(question, trajectory=trajectory))
        seconds = time.process_time() - began
        print(
            f"| {name} | {seconds:.1f} | {answer.simulations} | {answer.extra_slots:,.0f} "
            f"| {answer.bound_slots:,.0f} | {answer.joint:.1%} |",
            flush=True,
        )
    print(f"\nA search should take less than {SHOULD_SECONDS} CPU s.")


if __name__ == "__main__":
    main()
