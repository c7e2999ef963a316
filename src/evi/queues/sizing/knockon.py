"""Where assessed children go next: demand on the services that follow, week by week.

Every child who is seen comes out with one outcome, and from it asks for services with the shares and after
the lags of `conversions`. A set of draws carries both kinds of doubt: what the shares are (each draw has its
own set), and what chance does with each child. A child's luck is bound to the child's place in the order of
being seen, not to the week: so with the same seed two plans that see children sooner or later send the same
children to the same services, only sooner or later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import gammaincinv

from evi.queues.sizing.conversions import Conversions, Drawn, draw
from evi.queues.sizing.trajectory import month_of
from evi.workspace import EviError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
GRID = 2048
"""Points at which the spread of lags is tabulated."""
OUTCOME, OUTCOME_LAG, FIRST_STEP = 0, 1, 10
"""What numbers of luck are for."""


@dataclass(frozen=True)
class Visits:
    """Children who reach one service or outcome: the draw, the child's place in the order of being seen, and
    the week of getting there (counted from the plan's start; it can be after the last week followed)."""

    draw: Ints
    child: Ints
    week: Ints


@dataclass(frozen=True)
class KnockOn:
    """Demand that follows one plan.

    Attributes:
        plan: what the plan is called.
        start: the Monday of week 0.
        weeks: how many weeks are followed.
        draws: how many draws.
        seed: where their luck began.
        seen: children seen, by draw.
        visits: children who reach each outcome and each service.
        titles: of the services, by name, in order.
        assumptions: everything that went in, in sentences.
    """

    plan: str
    start: date
    weeks: int
    draws: int
    seed: int
    seen: Ints
    visits: Mapping[str, Visits]
    titles: Mapping[str, str]
    assumptions: tuple[str, ...]

    def weekly(self, name: str) -> Ints:
        """Children who reach an outcome or service, shape [draw, week], without those after the last week."""
        visits = self.visits[name]
        within = visits.week < self.weeks
        cell = visits.draw[within] * self.weeks + visits.week[within]
        return np.bincount(cell, minlength=self.draws * self.weeks).reshape(self.draws, self.weeks)

    def later(self, name: str) -> Ints:
        """Children who reach it after the last week that is followed, by draw."""
        visits = self.visits[name]
        return np.bincount(visits.draw[visits.week >= self.weeks], minlength=self.draws)

    def months(self) -> tuple[list[date], Ints]:
        """The months that are followed, and the position of each week's month among them."""
        of_week = [month_of(self.start + timedelta(weeks=week)) for week in range(self.weeks)]
        months = sorted(set(of_week))
        return months, np.array([months.index(month) for month in of_week])

    def monthly(self, name: str) -> Ints:
        """The same as `weekly`, by month: shape [draw, month]."""
        months, position = self.months()
        weekly = self.weekly(name)
        first = np.searchsorted(position, np.arange(len(months)))
        return np.asarray(np.add.reduceat(weekly, first, axis=1), np.int64)

    def table(self, level: float = 0.8, against: KnockOn | None = None) -> pl.DataFrame:
        """Demand by service and month: mean, and the interval that holds `level` of the draws.

        With `against` (the same draws under another plan), the difference between the two.
        """
        tail = (1 - level) / 2
        rows = []
        for name, title in self.titles.items():
            monthly = self.monthly(name)
            if against is not None:
                monthly = monthly - against.monthly(name)
            low, high = np.quantile(monthly, [tail, 1 - tail], axis=0)
            rows += [
                {"service": name, "title": title, "month": month, "mean": mean, "low": below, "high": above}
                for month, mean, below, above in zip(
                    self.months()[0], monthly.mean(axis=0), low, high, strict=True
                )
            ]
        return pl.DataFrame(rows)

    def totals(self, level: float = 0.8) -> list[dict[str, Any]]:
        """For each service: children in all, and the busiest quarter's weekly mean, with intervals."""
        tail = (1 - level) / 2
        said = []
        for name, title in self.titles.items():
            weekly = self.weekly(name)
            total, peak = weekly.sum(axis=1), smoothed(weekly).max(axis=1)
            said.append(
                {
                    "service": name,
                    "title": title,
                    "children": float(total.mean()),
                    "children_low": float(np.quantile(total, tail)),
                    "children_high": float(np.quantile(total, 1 - tail)),
                    "peak_per_week": float(smoothed(weekly.mean(axis=0)).max()),
                    "peak_low": float(np.quantile(peak, tail)),
                    "peak_high": float(np.quantile(peak, 1 - tail)),
                }
            )
        return said


def smoothed(weekly: npt.NDArray[Any], weeks: int = 13) -> Floats:
    """The mean over each run of `weeks` weeks, along the last axis (shorter by `weeks` − 1)."""
    weeks = min(weeks, weekly.shape[-1])
    running = np.cumsum(weekly, axis=-1, dtype=float)
    running = np.concatenate([np.zeros((*weekly.shape[:-1], 1)), running], axis=-1)
    return np.asarray((running[..., weeks:] - running[..., :-weeks]) / weeks)


def follow(
    plan: str,
    starts: npt.NDArray[np.integer[Any]],
    start: date,
    conversions: Conversions,
    *,
    draws: int = 400,
    seed: int = 1,
    tail_weeks: int = 0,
) -> KnockOn:
    """Follow the children who are seen under one plan.

    Args:
        plan: what to call it.
        starts: children seen, shape [replication, week]; draws take the replications in turn.
        start: the Monday of week 0.
        conversions: what follows.
        draws: how many draws.
        seed: the same seed, and as many draws, give the same children the same luck under every plan.
        tail_weeks: how long to follow after the last week of `starts`, in which nobody else is seen.

    Raises:
        EviError: nobody is counted, or a count is negative, or there is no draw.
    """
    if starts.ndim != 2 or starts.size == 0 or starts.min() < 0:
        raise EviError(
            "children seen must be counts by replication and week, none below 0.",
            where=plan,
            do="Check them.",
        )
    if draws < 1 or tail_weeks < 0:
        raise EviError("at least one draw is needed, and no negative tail.", where=plan, do="Ask for more.")
    drawn = draw(conversions, draws, seed)
    weeks = starts.shape[1] + tail_weeks
    children = _in_order_of_being_seen(starts, draws)
    visits = _reached(children, conversions, drawn, draws, seed, int(starts.sum(axis=1).max()))
    return KnockOn(
        plan=plan,
        start=start,
        weeks=weeks,
        draws=draws,
        seed=seed,
        seen=np.bincount(children.draw, minlength=draws),
        visits=visits,
        titles={name: service.title for name, service in conversions.services.items()},
        assumptions=conversions.assumptions,
    )


def luck(seed: int, purpose: int, children: int, draws: int) -> npt.NDArray[np.float32]:
    """Numbers from 0 to 1 for every child and draw, flat; with more children the first ones keep theirs."""
    found = np.random.default_rng([seed, 2, purpose]).random((children, draws), dtype=np.float32)
    return np.asarray(found.ravel(), np.float32)


def _in_order_of_being_seen(starts: npt.NDArray[np.integer[Any]], draws: int) -> Visits:
    """Every child seen in every draw."""
    week, child = [], []
    for counts in starts[:draws]:
        week.append(np.repeat(np.arange(len(counts)), counts))
        child.append(np.arange(len(week[-1])))
    order = np.arange(draws) % len(week)
    draw_of = np.repeat(np.arange(draws), [len(week[r]) for r in order])
    return Visits(
        draw_of, np.concatenate([child[r] for r in order]), np.concatenate([week[r] for r in order])
    )


def _reached(
    children: Visits, conversions: Conversions, drawn: Drawn, draws: int, seed: int, most: int
) -> dict[str, Visits]:
    """Who reaches which outcome and service, and when."""

    def numbers(purpose: int, who: Visits) -> npt.NDArray[np.float32]:
        found = luck(seed, purpose, most, draws)
        return np.asarray(found[who.child * draws + who.draw], np.float32)

    def delayed(who: Visits, mean: Floats, spread_over_mean: float, purpose: int) -> Visits:
        lag = _lag_weeks(numbers(purpose, who), mean[who.draw], spread_over_mean)
        return Visits(who.draw, who.child, who.week + lag)

    lag = conversions.outcome_lag
    known = delayed(children, drawn.outcome_lag_weeks, _relative(lag.mean.best, lag.spread), OUTCOME_LAG)
    at = numbers(OUTCOME, known)
    edges = np.cumsum(drawn.outcomes, axis=1)
    which = (at[:, None] >= edges[known.draw, :-1]).sum(axis=1)
    routes: dict[str, list[Visits]] = {
        name: [_some(known, which == n)] for n, name in enumerate(conversions.outcomes)
    }
    for n, step in enumerate(conversions.steps):
        relative = _relative(step.lag.mean.best, step.lag.spread)
        for route in list(routes[step.comes_from]):
            goes = numbers(FIRST_STEP + 2 * n, route) < drawn.shares[route.draw, n]
            gone = delayed(_some(route, goes), drawn.lags_weeks[:, n], relative, FIRST_STEP + 2 * n + 1)
            routes.setdefault(step.leads_to, []).append(gone)
    return {name: _together(parts) for name, parts in routes.items()}


def _relative(mean: float, spread: float) -> float:
    return spread / mean if mean > 0 else 0.0


def _lag_weeks(at: npt.NDArray[np.float32], mean: Floats, spread_over_mean: float) -> Ints:
    """Whole weeks of lag: gamma with this mean and spread, so that it is never negative."""
    if spread_over_mean <= 0:
        return np.rint(mean).astype(np.int64)
    shape = spread_over_mean**-2
    quantiles = gammaincinv(shape, (np.arange(GRID) + 0.5) / GRID) / shape
    quantiles /= quantiles.mean()
    index = np.minimum((at * GRID).astype(np.int64), GRID - 1)
    return np.rint(quantiles[index] * mean).astype(np.int64)


def _some(visits: Visits, which: npt.NDArray[np.bool_]) -> Visits:
    return Visits(visits.draw[which], visits.child[which], visits.week[which])


def _together(parts: list[Visits]) -> Visits:
    return Visits(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("draw", "child", "week")))
