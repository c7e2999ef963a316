"""From fitted rates to a network that the engine can run."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from evi.queues.forecasts.cohorts import WEEKS_A_PERIOD
from evi.queues.forecasts.fitting import QueueFit
from evi.queues.forecasts.histories import HALF
from evi.queues.forecasts.journey_fitting import JourneyFit
from evi.queues.forecasts.rates import Floats
from evi.queues.simulation.network import (
    Arrivals,
    Backlog,
    ChildClass,
    Discipline,
    Network,
    Pool,
    RemovalStep,
    Supply,
)

ANY = "any"


def network_from_fit(
    fit: QueueFit | JourneyFit,
    *,
    pool: str = "assessment",
    title: str = "",
    skill: str = "clinic",
    limit_weeks: int | None = None,
) -> Network:
    """A network of one pool, at the fitted rates as they stand on the last day.

    It has no drift, and no gap closes: its futures differ by luck alone, and are surer than a forecast's. Use
    it to compare plans with each other, and `forecast` to say how sure the list is.

    Args:
        pool, title, skill: what to call the pool and who sees its children.
        limit_weeks: its standard.
    """
    if isinstance(fit, QueueFit):
        return _of_series(fit, pool, title, skill, limit_weeks)
    return _of_journeys(fit, pool, title, skill, limit_weeks)


def _of_series(fit: QueueFit, pool: str, title: str, skill: str, limit_weeks: int | None) -> Network:
    weeks = WEEKS_A_PERIOD[fit.period]
    levels = (fit.state.referrals, fit.state.starts)
    referred, started = (max(float(np.exp(level.mean[0])) - HALF, 0.0) / weeks for level in levels)
    missed = min(fit.missed.value, 0.99) if fit.missed is not None else 0.0
    share = float(np.clip(fit.state.removals.mean[0], 0.0, 0.99))
    removal = (RemovalStep(0, 1 - (1 - share) ** (1 / weeks)),) if share else ()
    who = fit.aged.discipline
    source = f"fitted to {fit.source or fit.place}, to {fit.end - timedelta(days=1)}"
    sources = {name: source for name in ("slots_per_week", "removal", "discipline")}
    sources["missed"] = source if fit.missed is not None else "assumed"
    ages = _whole((who.weights @ fit.aged.cohorts)[::-1])
    by_week = tuple((round((k + HALF) * weeks - HALF), int(n)) for k, n in enumerate(ages) if n)
    return Network(
        start=_monday(fit.end),
        title=title or f"{fit.pathway}, {fit.place}",
        pools=(
            Pool(
                id=pool,
                title=title or fit.pathway,
                skill=skill,
                supply=Supply((started / (1 - missed),)),
                missed=missed,
                discipline=Discipline(who.mean, 0.0, 1.0 - who.mean),
                removal=removal,
                limit_weeks=limit_weeks,
                sources=sources,
            ),
        ),
        classes=(ChildClass(ANY, 0),),
        arrivals=(Arrivals(pool, ANY, referred, by_month=_by_month(fit), source=source),),
        backlog=(Backlog(pool, ANY, by_week, source=source),) if by_week else (),
    )


def _of_journeys(fit: JourneyFit, pool: str, title: str, skill: str, limit_weeks: int | None) -> Network:
    source = f"fitted to the children's journeys from {fit.first} to {fit.end}"
    if fit.next_seen is None:
        discipline, told = Discipline(), "assumed"
    else:
        longest, first = fit.next_seen.longest.value, fit.next_seen.first.value
        discipline, told = Discipline(longest, first, max(1.0 - longest - first, 0.0)), source
    by_week = tuple((age, int(n)) for age, n in enumerate(fit.ages) if n)
    return Network(
        start=fit.end,
        title=title or fit.pathway,
        pools=(
            Pool(
                id=pool,
                title=title or fit.pathway,
                skill=skill,
                supply=Supply((fit.slots.value,)),
                missed=fit.missed.value,
                discipline=discipline,
                removal=tuple(RemovalStep(step.from_week, step.chance.value) for step in fit.removal),
                limit_weeks=limit_weeks,
                sources={"slots_per_week": source, "missed": source, "removal": source, "discipline": told},
            ),
        ),
        classes=(ChildClass(ANY, 0),),
        arrivals=(Arrivals(pool, ANY, fit.referrals.value, source=source),),
        backlog=(Backlog(pool, ANY, by_week, source=source),) if by_week else (),
    )


def _by_month(fit: QueueFit) -> tuple[float, ...] | None:
    """Seasonal factors from January, where a monthly history had a season."""
    if fit.period != "month" or not fit.state.season_referrals.any():
        return None
    ahead = (np.arange(12) - (fit.end.month - 1)) % 12
    return tuple(float(factor) for factor in np.exp(fit.state.season_referrals[0, ahead]))


def _monday(day: date) -> date:
    return day + timedelta(days=-day.weekday() % 7)


def _whole(counts: Floats) -> Floats:
    """Whole children with the same total, by largest remainders."""
    whole = np.floor(counts)
    short = round(float(counts.sum())) - int(whole.sum())
    if short > 0:
        whole[np.argsort(whole - counts, kind="stable")[:short]] += 1
    return whole
