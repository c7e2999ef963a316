"""A list's ages and who is seen next from its children, for the forecast of its months."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.stats import norm

from evi.queues.forecasts.cohorts import WEEKS_A_PERIOD
from evi.queues.forecasts.disciplines import GRID, Aged, LongestFirst, share_of
from evi.queues.forecasts.fitting import QueueFit
from evi.queues.forecasts.journey_fitting import JourneyFit
from evi.queues.forecasts.rates import Floats
from evi.queues.forecasts.spells import Ints

LONGEST_FIRST = "contacts that go to the longest waiters"


def with_journeys(fit: QueueFit, journeys: JourneyFit) -> QueueFit:
    """The fit of a series with ages as the children have them, and who is seen next as their journeys say.

    Published bands say where on a list children stand only roughly; journeys say it to the week. Where too
    few were seen to tell who is seen next, every share of longest-first stays as likely.
    """
    cohorts = _by_period(journeys.ages, WEEKS_A_PERIOD[fit.period])
    total = cohorts.sum()
    if total > 0:
        cohorts = cohorts * fit.waiting / total
    aged = Aged(np.repeat(cohorts[None, :], len(GRID), axis=0), _longest_first(journeys))
    kept = tuple(one for one in fit.estimates if one.name != LONGEST_FIRST)
    notes = tuple(note for note in fit.notes if not note.startswith("No share of longest-first"))
    return replace(fit, aged=aged, estimates=kept, notes=notes)


def _by_period(ages: Ints, weeks: float) -> Floats:
    """Children by periods waited, the longest first, from children by completed weeks."""
    period = ((np.arange(len(ages)) + 0.5) / weeks).astype(np.int64)
    return np.bincount(period, weights=ages).astype(float)[::-1]


def _longest_first(journeys: JourneyFit) -> LongestFirst:
    found = journeys.next_seen
    if found is None:
        return share_of(np.ones(len(GRID)) / len(GRID), 0, 1.0)
    one = found.longest
    sd = max((one.high - one.low) / 2 / float(norm.ppf(0.5 + one.level / 2)), 0.01)
    weights = np.exp(-(((GRID - one.value) / sd) ** 2) / 2)
    return share_of(weights / weights.sum(), (journeys.end - journeys.first).days // 7, 1.0)
