"""Every benchmark, one after the other (`make bench`), or some rooms (`make bench ONLY="linkage queues"`)."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from benchmarks import (
    care_children,
    care_ledger,
    care_load,
    care_row_lock,
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

ROOMS: dict[str, tuple[tuple[str, Callable[[], object]], ...]] = {
    "spans": (("Spans and indicators", spans.main),),
    "linkage": (
        ("Linkage", linkage.main),
        ("Linkage by size", lambda: linkage_scale.main([])),
        ("Attacks on codes, by profile", attacks.main),
        ("Draws of links against the truth", lambda: linkage_draws.main([])),
        ("Registers as bad as they get", lambda: linkage_bad.main([])),
    ),
    "queues": (
        ("Waiting lists: the simulation beside its peers", queues.main),
        ("Waiting lists: the simulation beside exact answers", queues_truth.main),
        ("Waiting lists: one search for capacity", queues_capacity.main),
        ("Waiting lists: assessment days", lambda: queues_days.main([])),
    ),
    "casefinding": (
        ("Case-finding", lambda: casefinding.main([])),
        ("Trials in schools: how often each analysis finds what isn't there", lambda: trials.main([])),
    ),
    "care": (
        ("The application: the access ledger", care_ledger.main),
        ("The application: the second lock", care_row_lock.main),
        ("The application: search and a child's pages", lambda: care_children.main(care_children.CHILDREN)),
        ("The application under load", lambda: care_load.main([])),
    ),
    "district": (("A whole district", lambda: district.main([])),),
}


def main() -> None:
    """Print every table, or those of the rooms that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rooms", nargs="*", help=f"{', '.join(ROOMS)} (all of them if none is named)")
    asked = parser.parse_args().rooms
    if unknown := set(asked) - set(ROOMS):
        parser.error(f"no such room: {', '.join(sorted(unknown))}")
    for room in asked or ROOMS:
        for title, run in ROOMS[room]:
            print(f"\n## {title}\n", flush=True)
            run()


if __name__ == "__main__":
    main()
