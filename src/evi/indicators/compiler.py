"""From truths of leaves to spans of indicators: the expression tree, ages and coverage put together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from evi.indicators.covering import Coverage, Group, covered_days
from evi.indicators.expressions import (
    AtLeastOf,
    Count,
    Expression,
    Leaf,
    MissingBy,
    Not,
    Rate,
    rests_on_silence,
)
from evi.indicators.intervals import (
    OPEN,
    Days,
    Keys,
    Mask,
    at_least_of,
    both,
    clipped,
    of_subjects,
    outside,
    without,
)
from evi.indicators.leaves import leaf_days, leaves_of
from evi.indicators.packed import Intervals
from evi.indicators.people import People
from evi.indicators.plan import Plan, Stream
from evi.indicators.registry import Indicator, facts_required


@dataclass
class Evaluation:
    """Works out indicators for everyone, or for the people of a mask, from the truths of their leaves.

    Attributes:
        plan, people, coverage: what is asked, of whom, and what could be known.
        leaves: days on which each leaf holds; filled by `take`, kind by kind.
        chosen: the people to answer for (none: everyone).
    """

    plan: Plan
    people: People
    coverage: Coverage
    leaves: dict[Leaf, Days] = field(default_factory=dict)
    chosen: Mask | None = None
    _covered: dict[Group, Days] = field(default_factory=dict)

    def take(
        self, streams: Collection[Stream], intervals: Intervals, indicators: Iterable[Indicator] | None = None
    ) -> None:
        """Work out the leaves of some streams of one kind; the intervals may then be let go."""
        asked = self.plan.registry.stored if indicators is None else indicators
        leaves = [leaf for indicator in asked for leaf in leaves_of(indicator)]
        self.leaves |= leaf_days(self.plan, intervals.kind, streams, intervals, leaves)

    def covered(self, indicator: Indicator) -> Days:
        """The days on which the indicator's "no" means no, within its ages."""
        group = Group.of(indicator)
        if group not in self._covered:
            required = facts_required(indicator.needs)
            present = self.leaves[Count(required)] if required else None
            self._covered[group] = covered_days(group, self.coverage, self.people, present, self.chosen)
        return self._covered[group]

    def spans(self, indicator: Indicator) -> Days:
        """The days on which the indicator is present."""
        expression = indicator.expression
        first, last = (self.people.day_at_age(months) for months in indicator.age_months)
        if not rests_on_silence(expression):
            return clipped(self._days(expression, np.empty(0, np.int64)), first, last)
        covered = self.covered(indicator)
        return both(self._days(expression, covered.who()), covered)

    def beyond(self, indicator: Indicator, spans: Days) -> Days:
        """The days on which it is present although no coverage says that a "no" would have meant no."""
        return without(spans, self.covered(indicator))

    def _days(self, expression: Expression, everyone: Keys) -> Days:
        match expression:
            case AtLeastOf(n, parts):
                return at_least_of([self._days(part, everyone) for part in parts], n)
            case Not(part):
                return self._silence(self._days(part, everyone), everyone)
            case MissingBy(facts, months):
                silent = self._silence(self.leaves[Count(facts)], everyone)
                return clipped(
                    silent, self.people.day_at_age(months), np.full(len(self.people), OPEN, np.int64)
                )
            case Rate():
                raise ValueError("a rate has no spans")
            case _:
                return self.leaves[expression]

    def _silence(self, days: Days, everyone: Keys) -> Days:
        mine = np.zeros(len(self.people), np.bool_)
        mine[everyone] = True
        return outside(of_subjects(days, mine), everyone)


def groups(plan: Plan) -> Mapping[Group, Indicator]:
    """Each group of needs, in order, with one indicator that has it."""
    found = {Group.of(indicator): indicator for indicator in reversed(plan.registry.stored)}
    return dict(sorted(found.items()))
