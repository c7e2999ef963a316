"""Which schools start when: drawn by lot from the allocations that balance what is known of the schools.

Constrained randomisation (Raab and Butcher 2001, Statistics in Medicine 20(3), 351-365): possible allocations
are listed (all of them, or 20,000 drawn by the protocol's seed), each gets a score for how far its arms
differ in school size and deprivation, the best share is kept, and one of these is drawn. The same list serves
the permutation test, since only allocations that could have been drawn may be compared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations

import numpy as np

from evi.casefinding.trials.designs import Floats, Ints
from evi.casefinding.trials.protocol import Protocol
from evi.workspace import EviError

MOST_LISTED = 20_000
FEWEST_KEPT = 100
ALWAYS = 0.99
"""Two schools in one arm in more than this share of allocations are hardly drawn apart."""


@dataclass(frozen=True)
class Choices:
    """The allocations that may be drawn.

    Attributes:
        steps: allocations by schools: number of the start of each school, or -1 for never.
        score: how far the arms of each differ; 0 is perfect balance.
        listed: how many were looked at. every: whether these were all that there are.
    """

    steps: Ints
    score: Floats
    listed: int
    every: bool

    @cached_property
    def tied(self) -> int:
        """Pairs of schools that are always, or never, in one arm: too strict a balance makes these."""
        together = np.zeros((self.steps.shape[1],) * 2)
        for step in np.unique(self.steps):
            here = (self.steps == step).astype(float)
            together += here.T @ here
        share = together[np.triu_indices_from(together, 1)] / len(self.steps)
        return int(((share > ALWAYS) | (share < 1 - ALWAYS)).sum())


@dataclass(frozen=True)
class Allocation:
    """When each school starts (None: never), and how it was drawn.

    Attributes:
        balance: mean of each characteristic by start, for a reader.
    """

    protocol: str
    digest: str
    seed: int
    starts: dict[str, str | None]
    balance: dict[str, dict[str, float]]
    listed: int
    kept: int

    def to_json(self) -> dict[str, object]:
        """What its file holds."""
        return {**vars(self)}


def choices(protocol: Protocol) -> Choices:
    """The allocations that may be drawn, by the protocol alone: the same each time."""
    known = tuple(
        tuple(float(getattr(each, name)) for each in protocol.clusters) for name in protocol.balance
    )
    return _choices(
        tuple(_labels(protocol)), protocol.design == "parallel", protocol.seed, known, protocol.keep_share
    )


@lru_cache(maxsize=8)
def _choices(
    labels: tuple[int, ...],
    parallel: bool,
    seed: int,
    known: tuple[tuple[float, ...], ...],
    keep_share: float,
) -> Choices:
    listed, every = _listed(np.array(labels), seed, parallel=parallel)
    score = _scores(listed, known)
    kept = max(math.ceil(len(listed) * keep_share), min(FEWEST_KEPT, len(listed)))
    if not known:
        kept = len(listed)
    order = np.sort(np.argsort(score, kind="stable")[:kept])
    return Choices(listed[order], score[order], len(listed), every)


def allocate(protocol: Protocol) -> tuple[Allocation, Choices]:
    """Draw one allocation; the same protocol always draws the same.

    Raises:
        EviError: the schools of this protocol were chosen.
    """
    if not protocol.randomised:
        raise EviError(
            "its schools were chosen, so there is nothing to draw.",
            where=f"protocol {protocol.id}",
            do="Analyse it as it is, or set allocation: randomised before anybody starts.",
            exit_code=2,
        )
    found = choices(protocol)
    drawn = found.steps[np.random.default_rng([protocol.seed, 1]).integers(len(found.steps))]
    starts = starts_of(protocol, drawn)
    return (
        Allocation(
            protocol.id,
            protocol.digest,
            protocol.seed,
            starts,
            balance_of(protocol, starts),
            found.listed,
            len(found.steps),
        ),
        found,
    )


def starts_of(protocol: Protocol, steps: Ints) -> dict[str, str | None]:
    """When each school starts, from numbers of starts."""
    return {
        each.id: None if step < 0 else protocol.starts[step]
        for each, step in zip(protocol.clusters, steps.tolist(), strict=True)
    }


def steps_of(protocol: Protocol, starts: dict[str, str | None]) -> Ints:
    """The numbers of the starts of schools."""
    return np.array(
        [
            -1 if (start := starts[each.id]) is None else protocol.starts.index(start)
            for each in protocol.clusters
        ]
    )


def balance_of(protocol: Protocol, starts: dict[str, str | None]) -> dict[str, dict[str, float]]:
    """Schools, and their mean size and deprivation, by start."""
    found: dict[str, dict[str, float]] = {}
    for start in (*protocol.starts, None):
        here = [each for each in protocol.clusters if starts[each.id] == start]
        if not here:
            continue
        row = {"schools": float(len(here)), "size": round(sum(each.size for each in here) / len(here), 2)}
        poor = [each.deprivation for each in here if each.deprivation is not None]
        if poor:
            row["deprivation"] = round(sum(poor) / len(poor), 2)
        found[start or "never"] = row
    return found


def _labels(protocol: Protocol) -> Ints:
    """The starts to be shared out: half of the schools, or alike many at each step."""
    n = len(protocol.clusters)
    if protocol.design == "parallel":
        return np.array([0] * (n // 2) + [-1] * (n - n // 2))
    return np.sort(np.arange(n) % len(protocol.starts))


def _listed(labels: Ints, seed: int, *, parallel: bool) -> tuple[Ints, bool]:
    n = len(labels)
    if parallel and math.comb(n, n // 2) <= MOST_LISTED:
        every = list(combinations(range(n), n // 2))
        table = np.full((len(every), n), -1)
        np.put_along_axis(table, np.array(every), 0, axis=1)
        return table, True
    rng = np.random.default_rng([seed, 0])
    drawn = rng.permuted(np.tile(labels, (MOST_LISTED, 1)), axis=1)
    return np.unique(drawn, axis=0), False


def _scores(steps: Ints, known: tuple[tuple[float, ...], ...]) -> Floats:
    """Sum over characteristics and starts of schools × (mean there, in standard deviations)²."""
    score = np.zeros(len(steps))
    for values in map(np.array, known):
        spread = values.std()
        if spread == 0:
            continue
        standard = (values - values.mean()) / spread
        for step in np.unique(steps):
            here = steps == step
            score += (here @ standard) ** 2 / here.sum(axis=1)
    return score
