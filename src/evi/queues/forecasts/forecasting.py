"""Forecast a waiting list under a stated scenario: many equally likely futures, and what was assumed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from evi.queues.forecasts.cohorts import longest_weeks, share_within, step
from evi.queues.forecasts.drift import MONTHS_A_PERIOD
from evi.queues.forecasts.fitting import QueueFit
from evi.queues.forecasts.learning import stretched
from evi.queues.forecasts.limits import strayed
from evi.queues.forecasts.lists import Lists, Luck, futures
from evi.queues.forecasts.rates import Floats
from evi.queues.forecasts.scenarios import Scenario
from evi.queues.forecasts.scoring import LEVELS, interval
from evi.queues.forecasts.trials import LONGEST
from evi.queues.measuring.series import Period
from evi.workspace import EviError

REPLICATIONS = 1_000
SEED = 20_260_101
MOST_MONTHS = 60
LIMIT_WEEKS = 18.0
"""Weeks of wait that are counted as in time, where no other limit is given (Scottish CAMHS standard)."""


@dataclass(frozen=True)
class Forecast:
    """Many futures of one list, [replication, period ahead].

    Attributes:
        place, pathway, period: whose list, and the length of a period.
        scenario: what was assumed, as numbers; assumptions: the same as sentences, to stand on every chart.
        starts_on: the first day of each period ahead.
        now: children on the list on the day of the forecast.
        waiting: children on the list at each period's end.
        referrals, starts, removals: in each period; removals below 0 are children put back.
        waiting_within: share of the list that has waited less than `limit_weeks` (see `limits`).
        longest_weeks: the longest wait so far, by the model alone; rough, since published bands are open at
            the top, and nothing to back-test it with is published.
        limit_weeks: the limit.
    """

    place: str
    pathway: str
    period: Period
    scenario: Scenario
    assumptions: tuple[str, ...]
    starts_on: tuple[date, ...]
    now: float
    waiting: Floats
    referrals: Floats
    starts: Floats
    removals: Floats
    waiting_within: Floats
    longest_weeks: Floats
    limit_weeks: float

    def band(self, level: float, what: str = "waiting") -> tuple[Floats, Floats]:
        """The central interval of a quantity by period (low, high)."""
        return interval(self._values(what).T, level)

    def middle(self, what: str = "waiting") -> Floats:
        """The median of a quantity by period."""
        return np.asarray(np.median(self._values(what), axis=0))

    def chance(self, most: float, period: int = -1) -> float:
        """The chance that no more than so many children wait at the end of a period (the last one)."""
        return float((self.waiting[:, period] <= most).mean())

    def table(self, levels: Sequence[float] = LEVELS) -> pl.DataFrame:
        """One row a period and quantity: its first day, what, the middle, and the ends of each interval."""
        rows = []
        for what in QUANTITIES:
            middle = self.middle(what)
            bands = {level: self.band(level, what) for level in levels}
            for k, day in enumerate(self.starts_on):
                row: dict[str, object] = {"start": day, "what": what, "middle": float(middle[k])}
                for level, (low, high) in bands.items():
                    row[f"low_{level * 100:g}"], row[f"high_{level * 100:g}"] = float(low[k]), float(high[k])
                rows.append(row)
        return pl.DataFrame(rows)

    def _values(self, what: str) -> Floats:
        if what not in QUANTITIES:
            raise EviError(f"a forecast has no {what}.", do=f"Ask for one of {', '.join(QUANTITIES)}.")
        values: Floats = getattr(self, what)
        return values


QUANTITIES = ("waiting", "referrals", "starts", "removals", "waiting_within", "longest_weeks")


def forecast(
    fit: QueueFit,
    scenario: Scenario | None = None,
    *,
    months: int = 12,
    limit_weeks: float = LIMIT_WEEKS,
    replications: int = REPLICATIONS,
    seed: int = SEED,
) -> Forecast:
    """Let a fitted list run on under a scenario.

    Two scenarios with the same seed share their luck, so their difference is the scenario's. Intervals are
    stretched by what back-tests on other places asked for; flows aren't, so with a stretch other than 1 they
    add up to the list only about.

    Args:
        months: how far ahead, up to 60; beyond 12 nothing has been back-tested, and the assumptions say so.

    Raises:
        EviError: a horizon, a limit or a number of replications that makes no sense.
    """
    scenario = scenario or Scenario()
    if not 1 <= months <= MOST_MONTHS:
        raise EviError(f"{months} months ahead can't be forecast.", do=f"Choose 1 to {MOST_MONTHS}.")
    if limit_weeks <= 0 or replications < 2:
        raise EviError("a forecast needs a limit above 0 weeks and at least two replications.")
    length = MONTHS_A_PERIOD[fit.period]
    periods = max(int(np.ceil(months / length - 1e-9)), 1)
    luck = Luck.draw(replications, periods, fit.drift.tails, seed)
    lists = futures(fit.state, fit.drift.per(fit.period), luck, periods, scenario.given(periods))
    ahead: Floats = np.arange(1, periods + 1) * np.float64(length)
    waiting = stretched(lists.waiting, fit.drift.stretch(scenario.known, ahead))
    within, longest = waits_ahead(fit, lists, limit_weeks, seed)
    within = strayed(within, share_now(fit, limit_weeks), fit.waiting, ahead, fit.drift, seed)
    assumptions = scenario.assumptions(fit)
    if months > LONGEST:
        assumptions += (f"Nothing beyond {LONGEST} months was back-tested.",)
    return Forecast(
        fit.place,
        fit.pathway,
        fit.period,
        scenario,
        assumptions,
        _starts(fit, periods),
        fit.waiting,
        waiting[0],
        lists.referrals[0],
        lists.starts[0],
        lists.removals[0],
        within,
        longest,
        limit_weeks,
    )


def share_now(fit: QueueFit, limit_weeks: float) -> float:
    """The share of today's list that has waited less than a limit."""
    each = share_within(fit.aged.cohorts, limit_weeks, fit.weeks_a_period)
    return float(fit.aged.discipline.weights @ each)


def waits_ahead(fit: QueueFit, lists: Lists, limit_weeks: float, seed: int) -> tuple[Floats, Floats]:
    """Share within the limit and longest wait so far, [replication, period], by the model alone.

    Each replication has its own share of longest-first, as likely as the fit found it.
    """
    replications, periods = lists.waiting.shape[1:]
    who = fit.aged.discipline
    rng = np.random.default_rng([seed, 1])
    drawn = rng.choice(len(who.shares), size=replications, p=who.weights)
    cohorts = fit.aged.cohorts[drawn]
    within, longest = np.empty((replications, periods)), np.empty((replications, periods))
    for t in range(periods):
        referred, started, removed = (
            flow[0, :, t] for flow in (lists.referrals, lists.starts, lists.removals)
        )
        cohorts, _ = step(cohorts, referred, started, removed, who.shares[drawn])
        within[:, t] = share_within(cohorts, limit_weeks, fit.weeks_a_period)
        longest[:, t] = longest_weeks(cohorts, fit.weeks_a_period)
    return within, longest


def _starts(fit: QueueFit, periods: int) -> tuple[date, ...]:
    if fit.period == "week":
        return tuple(fit.end + timedelta(weeks=k) for k in range(periods))
    first = fit.end.year * 12 + fit.end.month - 1
    return tuple(date((first + k) // 12, (first + k) % 12 + 1, 1) for k in range(periods))
