"""Whether a model is offered: only if it does more good than the simplest rule, by net benefit.

Two rules stand against it: the rule at its own line, and the rule's score with a line moved to wherever the
net benefit asks (the score alone, fitted like the model). A model that beats only the first needed no more
than another line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evi.casefinding.curves import WILLING as MORE_WILLING
from evi.casefinding.models.calibration import three
from evi.index.intervals import Z95, Interval
from evi.workspace import EviError

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
WILLING = (3, 4, 5, 6, 8, 10, 12, 15, 20)
"""How many children a service would assess for each one found, unless it says otherwise."""


def range_of(fewest: int, most: int) -> tuple[int, ...]:
    """The numbers of `WILLING` and of `curves.WILLING` between two, both included.

    Raises:
        EviError: they are not 2 or more, the smaller first.
    """
    if not 2 <= fewest <= most:
        raise EviError(
            "the range needs two numbers of 2 or more, the smaller first.",
            where="--willing",
            do="Write it as --willing 3 20.",
            exit_code=2,
        )
    between = (k for k in (*WILLING, *MORE_WILLING) if fewest <= k <= most)
    return tuple(sorted({fewest, most, *between}))


@dataclass(frozen=True)
class Duel:
    """A model against one rule.

    Attributes:
        against: the rule. gain: mean difference in net benefit over the declared range, for 1,000 children.
        by_willing: the difference at each number of the range.
    """

    against: str
    gain: Interval
    by_willing: Mapping[int, Interval]

    @property
    def won(self) -> bool:
        """Whether more than chance explains the model's gain."""
        return self.gain.low > 0

    def to_json(self) -> dict[str, Any]:
        """For reports."""
        return {
            "against": self.against, "gain_per_1000": three(self.gain), "won": self.won,
            "by_children_assessed_for_one_found": {str(k): three(v) for k, v in self.by_willing.items()},
        }  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """Whether a model is offered, and why, in a sentence."""

    offered: bool
    sentence: str
    duels: tuple[Duel, ...]
    willing: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """For reports."""
        return {
            "offered": self.offered, "sentence": self.sentence, "willing": list(self.willing),
            "duels": [each.to_json() for each in self.duels],
        }  # fmt: skip


def duel(
    against: str, model: Floats, rule: Floats | Flags, outcome: Flags, groups: npt.ArrayLike,
    willing: Sequence[int] = WILLING,
) -> Duel:  # fmt: skip
    """Net benefit of a model less that of a rule, in the same children, none of whom either learned from.

    Args:
        model: chances, from 0 to 1. rule: whether each child is flagged, or chances too.
        groups: families; the intervals count them, not children.

    Raises:
        EviError: a number of the range is under 2.
    """
    if min(willing) < 2:
        raise EviError(
            "a service assesses at least 2 for each one found.", where="--willing", do="Give 2 or more."
        )
    parts = {}
    for k in willing:
        weight = 1 / (k - 1)
        flagged = rule if rule.dtype == np.bool_ else rule >= 1 / k
        differs = (model >= 1 / k).astype(float) - flagged.astype(float)
        parts[k] = 1_000 * differs * np.where(outcome, 1.0, -weight)
    gain = _mean(np.mean(list(parts.values()), axis=0), groups)
    return Duel(against, gain, {k: _mean(each, groups) for k, each in parts.items()})


def _mean(values: Floats, groups: npt.ArrayLike) -> Interval:
    """The mean with an interval that counts groups."""
    _, place = np.unique(np.asarray(groups), return_inverse=True)
    middle = float(values.mean())
    sums = np.bincount(place, values - middle)
    n = len(sums)
    half = Z95 * float(np.sqrt((sums**2).sum() * n / max(n - 1, 1))) / len(values)
    return Interval(middle, middle - half, middle + half)


def decide(duels: Sequence[Duel], *, rule: str, kind: str, willing: Sequence[int] = WILLING) -> Verdict:
    """Offer a model only if it won every duel."""
    lost = [each for each in duels if not each.won]
    span = f"where {min(willing)} to {max(willing)} children may be assessed for each one found"
    if not lost:
        least = min(duels, key=lambda each: each.gain.low)
        sentence = (
            f"The {kind} model may be offered to put the work list of {rule} in order: over "
            f"{least.against} it gains {_said(least.gain)} children found, net, of every 1,000, {span}."
        )
        return Verdict(True, sentence, tuple(duels), tuple(willing))
    worst = min(lost, key=lambda each: each.gain.low)
    sentence = (
        f"The {kind} model is not offered: it does not beat {worst.against} on net benefit "
        f"({_said(worst.gain)} for every 1,000 children, {span}). Use the rule."
    )
    return Verdict(False, sentence, tuple(duels), tuple(willing))


def _said(gain: Interval) -> str:
    return f"{gain.value:.2f} ({gain.low:.2f} to {gain.high:.2f})"


@dataclass(frozen=True)
class EqualWork:
    """Model and rule with as many children assessed: how many each finds.

    Attributes:
        assessed: how many the rule flags. needy: how many there are to find. rule, model: found by each.
        more: found by the model less by the rule.
    """

    children: int
    assessed: int
    needy: int
    rule: int
    model: int
    more: Interval

    def to_json(self) -> dict[str, Any]:
        """For reports."""
        return {
            "children": self.children, "assessed": self.assessed, "needy": self.needy,
            "found_by_rule": self.rule,
            "found_by_model": self.model, "more_by_model": three(self.more),
        }  # fmt: skip


def equal_work(score: Floats, flagged: Flags, needy: Flags, groups: npt.ArrayLike) -> EqualWork:
    """Who is found if the model's first are assessed, as many as the rule flags (ties broken by order)."""
    size = int(flagged.sum())
    order = np.argsort(-score, kind="stable")
    first = np.zeros(len(score), dtype=bool)
    first[order[:size]] = True
    each = _mean((first.astype(float) - flagged) * needy, groups)
    n = len(score)
    more = Interval(*(round(n * x, 6) for x in (each.value, each.low, each.high)))
    return EqualWork(
        n, size, int(needy.sum()), int((flagged & needy).sum()), int((first & needy).sum()), more
    )
