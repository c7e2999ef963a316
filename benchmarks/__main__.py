"""Every benchmark, one after the other: `make bench`."""

from __future__ import annotations

from benchmarks import (
    casefinding,
    district,
    linkage,
    linkage_bad,
    linkage_draws,
    linkage_scale,
    queues,
    queues_capacity,
    queues_days,
    queues_truth,
    spans,
    trials,
)
from benchmarks.attacks import __main__ as attacks


def main() -> None:
    """Print every table."""
    print("## Spans and indicators\n", flush=True)
    spans.main()
    print("\n## Linkage\n", flush=True)
    linkage.main()
    print("\n## Linkage by size\n", flush=True)
    linkage_scale.main([])
    print("\n## Registers as bad as they get\n", flush=True)
    linkage_bad.main([])
    print("\n## Draws of links against the truth\n", flush=True)
    linkage_draws.main([])
    print("\n## Waiting lists: the simulation beside its peers\n", flush=True)
    queues.main()
    print("\n## Waiting lists: the simulation beside exact answers\n", flush=True)
    queues_truth.main()
    print("\n## Waiting lists: one search for capacity\n", flush=True)
    queues_capacity.main()
    print("\n## Waiting lists: assessment days\n", flush=True)
    queues_days.main([])
    print("\n## Case-finding\n", flush=True)
    casefinding.main([])
    print("\n## Trials in schools: how often each analysis finds what isn't there\n", flush=True)
    trials.main([])
    print("\n## A whole district\n", flush=True)
    district.main()
    print("\n## Attacks on codes, by profile\n", flush=True)
    attacks.main()


if __name__ == "__main__":
    main()
