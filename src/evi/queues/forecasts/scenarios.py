"""What is assumed of the future, in numbers and in sentences that belong on the chart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from evi.queues.forecasts.drift import Known
from evi.queues.forecasts.fitting import Estimate, QueueFit
from evi.queues.forecasts.lists import Given
from evi.queues.forecasts.rates import Floats
from evi.workspace import EviError

FURTHEST = 10.0
"""The largest factor by which a scenario may change referrals or capacity."""


@dataclass(frozen=True)
class Scenario:
    """A future to forecast under.

    Attributes:
        title: what to call it.
        referrals_percent, capacity_percent: how many per cent more (or fewer) than history gives.
        referrals, contacts: children referred and seen in each period ahead, where they are known or planned;
            the last one goes on for ever. They take the place of what history gives.
    """

    title: str = "as history"
    referrals_percent: float = 0.0
    capacity_percent: float = 0.0
    referrals: tuple[float, ...] | None = None
    contacts: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        for name, percent in (("referrals", self.referrals_percent), ("capacity", self.capacity_percent)):
            if not -100 <= percent <= 100 * (FURTHEST - 1):
                raise EviError(
                    f"{name} can't change by {percent:g}%.",
                    where="scenario",
                    do=f"Give a change between -100% and +{100 * (FURTHEST - 1):.0f}%.",
                )
        for name, given in (("referrals", self.referrals), ("contacts", self.contacts)):
            if given is not None and (not given or not np.isfinite(given).all() or min(given) < 0):
                raise EviError(
                    f"{name} must be numbers of children, none below 0.", where="scenario", do="Check them."
                )

    @property
    def known(self) -> Known:
        """What the forecast is told."""
        if self.referrals is None:
            return "nothing" if self.contacts is None else "contacts"
        return "referrals" if self.contacts is None else "flows"

    def given(self, periods: int) -> Given:
        """For the model."""
        return Given(
            _over(self.referrals, periods),
            _over(self.contacts, periods),
            np.full(periods, 1 + self.referrals_percent / 100),
            np.full(periods, 1 + self.capacity_percent / 100),
        )

    def assumptions(self, fit: QueueFit) -> tuple[str, ...]:
        """What is assumed, each as one sentence with its figure."""
        by = {one.name: one for one in fit.estimates}
        history = f"history to {fit.end - timedelta(days=1):%B %Y}"
        said = [
            _flow("Referrals", self.referrals, self.referrals_percent, by["referrals"], history),
            _flow("Contacts", self.contacts, self.capacity_percent, by["starts"], history),
            _leaving(by["leave without a start"], fit.period),
        ]
        if self.known != "flows":
            said.append(
                f"Of a gap between what comes and what goes, {1 - fit.drift.settle:.0%} closes each month, "
                "as it did elsewhere; the service isn't assumed to respond to what this scenario changes."
            )
        who = fit.aged.discipline
        if who.periods:
            said.append(
                f"{who.mean:.0%} of contacts ({who.low:.0%} to {who.high:.0%}) go to the longest waiters, "
                "the rest to anyone on the list."
            )
        else:
            said.append("Who is seen next isn't known: anything from strictly in turn to at random.")
        said.append(f"Rates wander as they did elsewhere ({fit.drift.source.rstrip('.') or 'assumed'}).")
        return tuple(said)


def _flow(name: str, given: tuple[float, ...] | None, percent: float, level: Estimate, history: str) -> str:
    if given is not None:
        return f"{name} are given: {np.mean(given):,.0f} on average."
    usual = f"{level.value:,.0f} {level.unit}"
    if percent:
        more = f"{abs(percent):g}% {'more' if percent > 0 else 'fewer'}"
        return f"{name} are {more} than the {history} gives (about {usual}), and wander from there."
    return f"{name} go on as in the {history} (about {usual}), and wander from there."


def _leaving(rate: Estimate, period: str) -> str:
    if rate.value < 0:
        return (
            f"The list gains {-rate.value:.1%} a {period} beyond its referrals, as it did of late (children "
            "who were put back, or never counted as referred)."
        )
    return (
        f"{rate.value:.1%} of the list leave a {period} without a start (moved, declined, list cleansing), "
        "by what it must have lost."
    )


def _over(given: tuple[float, ...] | None, periods: int) -> Floats | None:
    if given is None:
        return None
    at = np.minimum(np.arange(periods), len(given) - 1)
    return np.asarray(np.array(given, float)[at][None, :])
