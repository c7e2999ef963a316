"""What follows an assessment: outcomes, the services that children then ask for, and how unsure that is.

Everything is read from a file (`conversions.yaml`, or a district's own), with a range and a source for each
probability. `draw` takes sets of them from their ranges by Latin hypercube (McKay, Beckman and Conover 1979,
https://doi.org/10.2307/1268522), so that a few hundred sets cover every range evenly.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import numpy.typing as npt
import yaml

from evi.queues.sizing.schema_words import first_mistake
from evi.workspace import EviError

Floats = npt.NDArray[np.float64]
CLOSE = 1e-6


@dataclass(frozen=True)
class Ranged:
    """A figure that is not known exactly: its best value, the range it may be in, and its source."""

    best: float
    low: float
    high: float
    source: str


@dataclass(frozen=True)
class Lag:
    """Weeks between two things: the mean (which may itself be unsure) and the spread between children."""

    mean: Ranged
    spread: float


@dataclass(frozen=True)
class Step:
    """A share of the children who reach `comes_from` also reach `leads_to`, some weeks later."""

    comes_from: str
    leads_to: str
    share: Ranged
    lag: Lag


@dataclass(frozen=True)
class Downstream:
    """A service that children ask for after an assessment, as it is today.

    Attributes:
        id, title: what it is called.
        limit_weeks: nobody should wait longer.
        slots_per_week: children that it can start a week.
        other_referrals_per_week: children who come by other ways.
        waiting: children on its list.
        most_added_per_week: the most that could be added; infinite if no ceiling is stated.
        pounds_per_slot: what it costs to start one child more.
        source: where these are from, or the word assumed.
    """

    id: str
    title: str
    limit_weeks: float
    slots_per_week: float
    other_referrals_per_week: float
    waiting: float
    most_added_per_week: float
    pounds_per_slot: float
    source: str


@dataclass(frozen=True)
class Conversions:
    """Outcomes, steps (each after those that lead to where it starts) and services."""

    id: str
    title: str
    outcomes: Mapping[str, Ranged]
    outcome_lag: Lag
    steps: tuple[Step, ...]
    services: Mapping[str, Downstream]

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Every figure in one sentence, with its range and source."""
        said = [
            f"Outcome {name.replace('_', ' ')}: {r.best:.0%} ({r.low:.0%} to {r.high:.0%}; {r.source})."
            for name, r in self.outcomes.items()
        ]
        said.append(
            f"From start to outcome {self.outcome_lag.mean.best:g} weeks ({self.outcome_lag.mean.low:g} to "
            f"{self.outcome_lag.mean.high:g}; {self.outcome_lag.mean.source})."
        )
        said += [
            f"From {s.comes_from.replace('_', ' ')} to {s.leads_to.replace('_', ' ')}: {s.share.best:.1%} "
            f"({s.share.low:.1%} to {s.share.high:.1%}; {s.share.source}), after {s.lag.mean.best:g} weeks "
            f"({s.lag.mean.source})."
            for s in self.steps
        ]
        said += [
            f"{s.title} starts {s.slots_per_week:g} children a week, {s.other_referrals_per_week:g} come by "
            f"other ways, {s.waiting:g} wait, none should wait over {s.limit_weeks:g} weeks ({s.source})."
            for s in self.services.values()
        ]
        return tuple(said)


@dataclass(frozen=True)
class Drawn:
    """Sets of figures drawn from their ranges; every array has one row a set.

    Attributes:
        outcomes: shape [draws, outcomes]; each row sums to 1.
        outcome_lag_weeks: shape [draws].
        shares, lags_weeks: of each step, shape [draws, steps].
    """

    outcomes: Floats
    outcome_lag_weeks: Floats
    shares: Floats
    lags_weeks: Floats


def read_conversions(path: Path | None = None) -> Conversions:
    """Read a district's own file, or the one that eVI ships.

    Raises:
        EviError: it can't be read, or isn't what the schema asks for, or contradicts itself.
    """
    if path is None:
        return conversions_from(_shipped("conversions.yaml"), "conversions.yaml")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EviError(
            f"the conversions can't be read ({type(error).__name__}).", where=str(path), do="Check the path."
        ) from error
    return conversions_from(text, str(path))


def conversions_from(text: str, where: str) -> Conversions:
    """The conversions written in a YAML text.

    Raises:
        EviError: it isn't YAML, isn't what the schema asks for, a range doesn't hold its best value,
            the outcomes don't sum to 1, or the steps go round in a circle or start nowhere.
    """
    try:
        given = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise EviError("the conversions aren't YAML.", where=where, do="Mend the file.") from error
    wrong = first_mistake(_schema(), given, "the conversions")
    if wrong:
        raise EviError(
            wrong,
            where=where,
            do="See evi/queues/sizing/conversions.schema.json for what may be said.",
        )
    outcomes = {name: _ranged(r, f"outcome {name}", where) for name, r in given["outcomes"].items()}
    total = sum(r.best for r in outcomes.values())
    if abs(total - 1) > CLOSE:
        raise EviError(
            f"the outcomes sum to {total:g}, not to 1.",
            where=where,
            do="Every child comes out with one: add the missing outcome, or mend the shares.",
        )
    steps = [
        Step(s["from"], s["to"], _ranged(s["share"], _name(s), where), _lag(s["lag_weeks"], _name(s), where))
        for s in given["steps"]
    ]
    services = {
        name: Downstream(id=name, **{"most_added_per_week": np.inf} | s)
        for name, s in given["services"].items()
    }
    ordered = _in_order(steps, set(outcomes), where)
    reached = set(outcomes) | {step.leads_to for step in ordered}
    for name in services:
        if name not in reached:
            raise EviError(
                f"no step leads to the service {name}.", where=where, do="Add one, or leave it out."
            )
    lag = _lag(given["outcome_lag_weeks"], "the lag to the outcome", where)
    return Conversions(given["id"], given["title"], outcomes, lag, ordered, services)


def draw(conversions: Conversions, draws: int, seed: int) -> Drawn:
    """Draw sets of figures from their ranges by Latin hypercube; triangular, with the best value as peak.

    Args:
        draws: how many sets.
        seed: the same seed gives the same sets.
    """
    luck = np.random.default_rng([seed, 1])

    def column(ranged: Ranged) -> Floats:
        at = (luck.permutation(draws) + luck.random(draws)) / draws
        return _triangular(at, ranged)

    outcomes = np.column_stack([column(r) for r in conversions.outcomes.values()])
    outcomes /= outcomes.sum(axis=1, keepdims=True)
    lag = column(conversions.outcome_lag.mean)
    # Columns by hand, so that a step's figures don't move when another step is added at the end.
    both = [(column(step.share), column(step.lag.mean)) for step in conversions.steps]
    return Drawn(
        outcomes, lag, np.column_stack([s for s, _ in both]), np.column_stack([weeks for _, weeks in both])
    )


def _triangular(at: Floats, r: Ranged) -> Floats:
    """The inverse of the triangular distribution's cumulative function."""
    width = r.high - r.low
    if width <= 0:
        return np.full(len(at), r.best)
    peak = (r.best - r.low) / width
    rising = r.low + np.sqrt(at * width * (r.best - r.low))
    falling = r.high - np.sqrt((1 - at) * width * (r.high - r.best))
    return np.where(at < peak, rising, falling)


def _in_order(steps: list[Step], known: set[str], where: str) -> tuple[Step, ...]:
    """Steps so that each comes after all that lead to where it starts."""
    ordered: list[Step] = []
    waiting = list(steps)
    while waiting:
        still_to_come = {step.leads_to for step in waiting}
        ready = [s for s in waiting if s.comes_from not in still_to_come and s.comes_from in known]
        if not ready:
            lost = sorted({s.comes_from for s in waiting} - known - still_to_come)
            raise EviError(
                f"a step starts at {lost[0]}, where nothing leads." if lost else "the steps go in a circle.",
                where=where,
                do="A step starts at an outcome, or where an earlier step leads.",
            )
        ordered += ready
        waiting = [s for s in waiting if s not in ready]
        known = known | {s.leads_to for s in ready}
    return tuple(ordered)


def _ranged(given: dict[str, Any], what: str, where: str) -> Ranged:
    ranged = Ranged(float(given["best"]), float(given["low"]), float(given["high"]), str(given["source"]))
    if not ranged.low <= ranged.best <= ranged.high:
        raise EviError(
            f"{what}: the best value is not within its range.", where=where, do="Write low ≤ best ≤ high."
        )
    return ranged


def _lag(given: dict[str, Any], what: str, where: str) -> Lag:
    mean = float(given["mean"])
    ranged = {"best": mean, "low": given.get("low", mean), "high": given.get("high", mean)}
    return Lag(_ranged({**ranged, "source": given["source"]}, f"{what}: lag", where), float(given["spread"]))


def _name(step: dict[str, Any]) -> str:
    return f"step from {step['from']} to {step['to']}"


@cache
def _schema() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(_shipped("conversions.schema.json")))


def _shipped(name: str) -> str:
    return (resources.files("evi.queues.sizing") / name).read_text(encoding="utf-8")
