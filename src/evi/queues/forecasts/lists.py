"""The list, period after period, in many futures: rates wander, flows follow, and what is left is the list.

Everything is shaped [case, replication, period]; a case is one origin of a back-test, or the one forecast.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evi.queues.forecasts.drift import Drift
from evi.queues.forecasts.rates import Floats, Level

LEAST_SHARE = 0.03
"""Removals wander in proportion to their share of the list, but as if that were at least so much."""
MOST_SHARE = 0.8
"""No more than this share of a list is taken off in one period."""
LUCK_TAILS = 3.0
"""Degrees of freedom of one period's removals about their level: revisions and cleansing are rare and big."""


@dataclass(frozen=True)
class State:
    """What is known of each case on the day of its forecast.

    Attributes:
        waiting: children on the list, [case].
        referrals, starts: level of the log of each a period.
        removals: level of the share of (the list + half of the period's referrals) taken off a period; below
            0 where a list gains children who were never counted as referred.
        season_referrals, season_starts: log factors by periods ahead, [case, periods in a year].
    """

    waiting: Floats
    referrals: Level
    starts: Level
    removals: Level
    season_referrals: Floats
    season_starts: Floats


@dataclass(frozen=True)
class Luck:
    """Draws shared by all cases and all scenarios, [replication, period] (levels: [replication, 3])."""

    levels: Floats
    steps: Floats
    noise: Floats

    @classmethod
    def draw(cls, replications: int, periods: int, tails: float, seed: int) -> Luck:
        """Draw luck; the same seed gives the same luck, and a longer horizon only adds to it."""
        rng = np.random.default_rng(seed)
        levels = _paired(rng.standard_normal((_half(replications), 3)), replications)
        steps, noise = [], []
        for _ in range(periods):
            drawn = rng.standard_t(tails, (_half(replications), 3)) * np.sqrt((tails - 2) / tails)
            steps.append(_paired(drawn, replications))
            drawn = rng.standard_normal((_half(replications), 3))
            wild = rng.standard_t(LUCK_TAILS, _half(replications)) / np.sqrt(LUCK_TAILS / (LUCK_TAILS - 2))
            noise.append(_paired(np.column_stack([drawn[:, :2], wild]), replications))
        return cls(levels, np.stack(steps, axis=1), np.stack(noise, axis=1))


@dataclass(frozen=True)
class Given:
    """What a scenario says of the future.

    Attributes:
        referrals, starts: [case, period] where they are known, else None.
        referrals_factor, starts_factor: [period], by which what history gives is multiplied.
    """

    referrals: Floats | None = None
    starts: Floats | None = None
    referrals_factor: Floats | None = None
    starts_factor: Floats | None = None

    @property
    def both(self) -> bool:
        """Whether both flows are told."""
        return self.referrals is not None and self.starts is not None


@dataclass(frozen=True)
class Lists:
    """Futures of flows and list, [case, replication, period]."""

    referrals: Floats
    starts: Floats
    removals: Floats
    waiting: Floats


def futures(state: State, drift: Drift, luck: Luck, periods: int, given: Given | None = None) -> Lists:
    """Let every case run on, in each replication of luck.

    A period: referrals and starts are drawn about their wandering levels (or taken as given); starts can't
    outrun the list; then a share of the list, and of half of the period's
    referrals, is taken off. Where neither flow is told, the gap between what came and what went at the origin
    closes by `drift.settle`, as services and list-keeping respond to it.

    Args:
        drift: in steps of the same period as the state's rates.
    """
    given = given or Given()
    waiting = np.repeat(state.waiting[:, None], luck.levels.shape[0], axis=1)
    level_a, level_s, level_r = (
        level.mean[:, None] + level.sd[:, None] * luck.levels[:, k]
        for k, level in enumerate((state.referrals, state.starts, state.removals))
    )
    gap = 0.0 if given.both else _gap(state)[:, None]
    kept: list[tuple[Floats, Floats, Floats, Floats]] = []
    for t in range(periods):
        step = luck.steps[:, t]
        level_a = level_a + drift.referrals * step[:, 0]
        level_s = level_s + drift.starts * step[:, 1]
        level_r = level_r + drift.removals * np.maximum(level_r, LEAST_SHARE) * step[:, 2]
        level_r = np.clip(level_r, -LEAST_SHARE, MOST_SHARE)
        referred = _flow(level_a, state.referrals, state.season_referrals, luck.noise[:, t, 0], t)
        if given.referrals_factor is not None:
            referred = referred * given.referrals_factor[t]
        if given.referrals is not None:
            referred = np.broadcast_to(given.referrals[:, t, None], waiting.shape)
        started = _flow(level_s, state.starts, state.season_starts, luck.noise[:, t, 1], t)
        if given.starts_factor is not None:
            started = started * given.starts_factor[t]
        if given.starts is not None:
            started = np.broadcast_to(given.starts[:, t, None], waiting.shape)
        base = waiting + referred / 2
        removed = base * (level_r + state.removals.noise_sd[:, None] * luck.noise[:, t, 2])
        removed = removed + gap * (1 - drift.settle ** (t + 1))
        started = np.minimum(started, waiting + referred)
        after = np.maximum(waiting + referred - started - removed, 0.0)
        kept.append((referred, started, waiting + referred - started - after, after))
        waiting = after
    return Lists(*(np.stack([one[k] for one in kept], axis=2) for k in range(4)))


def _flow(level: Floats, about: Level, season: Floats, noise: Floats, t: int) -> Floats:
    sd = about.noise_sd[:, None]
    return np.asarray(np.exp(level + season[:, t % season.shape[1], None] + sd * noise - sd**2 / 2))


def _gap(state: State) -> Floats:
    """What came less what went, a period, at the levels of the origin."""
    referred, started = np.exp(state.referrals.mean), np.exp(state.starts.mean)
    return np.asarray(referred - started - state.removals.mean * (state.waiting + referred / 2))


def _half(replications: int) -> int:
    return (replications + 1) // 2


def _paired(drawn: Floats, replications: int) -> Floats:
    """Each draw and its mirror image, so that middles are steady with few replications."""
    return np.concatenate([drawn, -drawn])[:replications]
