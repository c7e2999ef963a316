"""What can't hold in a protocol, beyond what its schema sees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evi.casefinding.trials.protocol import Outcome, Protocol

FEWEST = 2
"""Schools in an arm. With one, the change can't be told from the school."""
FEWEST_STEPPED = 3
"""Schools in a stepped wedge."""


def faults_of(made: Protocol, table: Mapping[str, Any]) -> Iterator[str]:
    """What can't hold, a sentence each, the most basic first."""
    for what, names in (
        ("cluster", [each.id for each in made.clusters]),
        ("period", [each.id for each in made.periods]),
        ("outcome", [each.id for each in made.outcomes]),
    ):
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            are = "s are" if len(twice) > 1 else " is"
            yield f"{len(twice)} {what}{are} named more than once ({twice[0]})."
    if sum(each.primary for each in made.outcomes) != 1:
        yield "one outcome, and only one, must be the primary one."
    for before, after in zip(made.periods, made.periods[1:], strict=False):
        if after.since < before.until:
            yield f"period {after.id} starts before {before.id} ends."
    if any(each.until <= each.since for each in made.periods):
        yield "a period ends before it starts."
    yield from _start_faults(made, table)
    for each in made.outcomes:
        yield from _assumption_faults(each)
    for name in made.balance:
        lacking = sum(getattr(cluster, name) is None for cluster in made.clusters)
        if lacking:
            yield f"the allocation is to balance {name}, and {lacking} clusters have none."


def _start_faults(made: Protocol, table: Mapping[str, Any]) -> Iterator[str]:
    names = [each.id for each in made.periods]
    if set(made.starts) - set(names):
        yield "a start is in a period that there is not."
        return
    if list(made.starts) != sorted(made.starts, key=names.index):
        yield "the starts are not in the order of the periods."
    if made.design == "parallel" and len(made.starts) != 1:
        yield "a parallel trial has one start."
    if made.design == "parallel" and len(made.clusters) < 2 * FEWEST:
        yield (
            f"{len(made.clusters)} schools make an arm of one. With one school in an arm, the change "
            "can't be told from the school."
        )
    if made.design == "stepped_wedge":
        if len(made.starts) < 2 or made.starts[0] == names[0]:
            yield "a stepped wedge has two steps or more, and none in the first period."
        if len(made.clusters) < max(FEWEST_STEPPED, len(made.starts)):
            yield f"{len(made.clusters)} schools are too few for {len(made.starts)} steps."
    given = ["starts" in each for each in table["clusters"]]
    if made.randomised and any(given):
        yield "clusters say when they start, and the allocation is said to be drawn by lot."
    if not made.randomised:
        if not all(given):
            yield f"{given.count(False)} clusters do not say when they start."
        elif {each.starts for each in made.clusters} - {*made.starts, None}:
            yield "a cluster starts in a period that is no start."
        else:
            arms = Counter(each.starts is not None for each in made.clusters)
            if made.design == "parallel" and min(arms[True], arms[False]) < FEWEST:
                yield (
                    f"{arms[True]} schools try the change and {arms[False]} do not. With one school "
                    "in an arm, the change can't be told from the school."
                )


def _assumption_faults(outcome: Outcome) -> Iterator[str]:
    planned = outcome.base + outcome.worthwhile_effect
    if outcome.kind == "share" and not (0 < outcome.base < 1 and 0 < planned < 1):
        yield f"{outcome.id}: a share, with the worthwhile difference too, lies between 0 and 1."
    if planned <= 0:
        yield f"{outcome.id}: the worthwhile difference is larger than all that there is."
    if outcome.kind == "days" and not outcome.sd:
        yield f"{outcome.id}: days need an assumed standard deviation (assume: sd)."
    if outcome.kind == "days" and max(outcome.base, planned) > outcome.within_days:
        yield f"{outcome.id}: the assumed mean is longer than children are followed."
