"""Series of lists whose rates are known, for tests."""

from __future__ import annotations

from datetime import date

import numpy as np

from evi.queues.measuring.series import Series, series_table


def made_up(
    months: int = 60,
    referrals: float = 100.0,
    starts: float = 80.0,
    leave: float = 0.05,
    seed: int = 0,
    *,
    season: float = 0.0,
    drift: float = 0.0,
    place: str = "here",
) -> Series:
    """A monthly list: Poisson referrals and starts about (wandering) means, a share leaving."""
    rng = np.random.default_rng(seed)
    waiting = (referrals - starts) / leave
    log_a, log_s = np.log(referrals), np.log(starts)
    rows = []
    for k in range(months):
        log_a += drift * rng.standard_normal()
        log_s += drift * rng.standard_normal()
        come = rng.poisson(np.exp(log_a + season * np.cos(2 * np.pi * (k % 12) / 12)))
        seen = min(rng.poisson(np.exp(log_s)), waiting + come)
        gone = rng.binomial(int(waiting + come - seen), leave)
        waiting = waiting + come - seen - gone
        start = date(2015 + k // 12, k % 12 + 1, 1)
        rows.append({"start": start, "referrals": come, "starts": seen, "waiting": waiting})
    return Series(place, "made up", "month", series_table(rows), source="made up")
