"""How well rates fitted from the records recover the rates that a made-up district was made with.

The truth is read for scoring only: no stage of the pipeline, and no forecast, looks at it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from evi.queues.forecasts.fitting import Estimate
from evi.queues.forecasts.journey_fitting import JourneyFit, fit_journeys
from evi.queues.measuring.journeys import journeys
from evi.workspace import District, EviError

LEVEL = 0.95
KEYS = ("pathway", "missed", "removal_weekly", "slots_per_week", "discipline", "referrals_per_week")
NO_MATCH = (
    "Who is seen next is shown and not scored: the truth tells which of those who could be seen got each "
    "slot, and the records do not say who could not, because it was too early or a form was outstanding."
)
"""Why the discipline that is fitted is not expected to be that of the truth."""


@dataclass(frozen=True)
class Recovered:
    """One fitted figure beside its truth.

    Attributes:
        name, unit: in plain words.
        truth: what the district was made with. value, low, high: what was fitted, with its interval.
        scored: whether the two mean the same thing.
    """

    name: str
    unit: str
    truth: float
    value: float
    low: float
    high: float
    scored: bool = True

    @property
    def within(self) -> bool:
        """Whether the truth lies in the interval."""
        return self.low <= self.truth <= self.high


def recover(district: District, pathway: str, day: date) -> tuple[JourneyFit, tuple[Recovered, ...]]:
    """Fit a pathway of a made-up district and compare with its truth, with 95% intervals.

    Raises:
        EviError: the district has no truth about this pathway, or the list can't be fitted.
    """
    truth = read_truth(district, pathway)
    made = journeys(district, pathway, day)
    fit = fit_journeys(
        made.table, day, pathway=pathway, missed_on=made.missed_on["missed_on"].to_list(), level=LEVEL
    )
    return fit, compare(fit, truth)


def read_truth(district: District, pathway: str) -> dict[str, Any]:
    """`truth/queue.json` of a made-up district.

    Raises:
        EviError: there is none, it can't be read, or it is of another pathway.
    """
    path = district.truth / "queue.json"
    if not path.is_file():
        raise EviError(
            "there is no truth about a queue here.",
            where=str(path),
            do="Only a district made with `evi new --synthetic` has one.",
            exit_code=2,
        )
    try:
        truth = json.loads(path.read_text(encoding="utf-8"))
        missing = [key for key in KEYS if key not in truth]
    except (ValueError, TypeError) as error:
        raise EviError("it is not JSON.", where=str(path), do="Make the district again.") from error
    if missing:
        raise EviError(f"it lacks {', '.join(missing)}.", where=str(path), do="Make the district again.")
    if str(truth["pathway"]).lower() != pathway.lower():
        raise EviError(
            f"the truth is about {str(truth['pathway']).lower()}, not {pathway}.",
            where=str(path),
            do=f"Ask for {str(truth['pathway']).lower()}.",
            exit_code=2,
        )
    return dict(truth)


def compare(fit: JourneyFit, truth: Mapping[str, Any]) -> tuple[Recovered, ...]:
    """Every fitted figure beside what the truth says of the same weeks."""
    made = [
        _beside(fit.referrals, _mean(truth["referrals_per_week"], fit)),
        _beside(fit.slots, _mean(truth["slots_per_week"], fit)),
        _beside(fit.missed, float(truth["missed"])),
    ]
    ends = [step.from_week for step in fit.removal[1:]]
    for step, end in zip(fit.removal, [*ends, None], strict=True):
        made.append(_beside(step.chance, weekly_chance(truth["removal_weekly"], step.from_week, end)))
    if fit.next_seen is not None:
        mix = truth["discipline"]
        for found, key in (
            (fit.next_seen.longest, "longest"),
            (fit.next_seen.first, "priority"),
            (fit.next_seen.random, "random"),
        ):
            made.append(_beside(found, float(mix[key]), scored=False))
    return tuple(made)


def weekly_chance(steps: Sequence[Mapping[str, float]], start: int, end: int | None) -> float:
    """The mean weekly chance of weeks `start` up to `end` (none: for good), from a table of steps.

    >>> weekly_chance([{"from_week": 0, "probability": 0.0}, {"from_week": 1, "probability": 0.04}], 0, 4)
    0.03
    """
    ordered = sorted(steps, key=lambda step: step["from_week"])
    last = int(ordered[-1]["from_week"])
    weeks = range(start, max(end if end is not None else last, start) + (end is None))

    def at(week: int) -> float:
        return next((s["probability"] for s in reversed(ordered) if s["from_week"] <= week), 0.0)

    return sum(at(week) for week in weeks) / len(weeks)


def _beside(found: Estimate, truth: float, *, scored: bool = True) -> Recovered:
    return Recovered(found.name, found.unit, truth, found.value, found.low, found.high, scored)


def _mean(weeks: Sequence[Sequence[Any]], fit: JourneyFit) -> float:
    """The mean a week over the weeks that were fitted."""
    first, end = fit.first.isoformat(), fit.end.isoformat()
    counts = [float(count) for monday, count in weeks if first <= str(monday) < end]
    return sum(counts) / len(counts) if counts else float("nan")
