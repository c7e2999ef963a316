"""How likely a trial is to find what would matter: simulated with the analysis that will be made."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from evi.casefinding.trials.allocating import choices, starts_of
from evi.casefinding.trials.designs import Bools, Floats, Ints, effect_matrix, switched_on
from evi.casefinding.trials.formulas import (
    did_variance,
    parallel_variance,
    power_of,
    smallest_found,
    stepped_variance,
    variance_between_children,
)
from evi.casefinding.trials.protocol import Outcome, Protocol
from evi.casefinding.trials.robust import RobustFit
from evi.casefinding.trials.simulating import make_up
from evi.workspace import SILENT, Progress

DRAWS = 10
"""Allocations over which one simulation is spread, since schools differ in size."""


@dataclass(frozen=True)
class Simulated:
    """What many made-up trials gave.

    Attributes:
        effect: the true one. trials: how many were made up.
        found: share of trials in which the interval excludes no effect: power, or size where effect is 0.
        found_naive: the same with errors that take children of one school as independent.
        covered: share of intervals that hold the true effect.
        error: standard deviation of the estimates. mean: their mean. df: mean degrees of freedom.
    """

    effect: float
    trials: int
    found: float
    found_naive: float
    covered: float
    error: float
    mean: float
    df: float


@dataclass(frozen=True)
class Power:
    """The power of a trial for one outcome.

    Attributes:
        effect: the smallest worthwhile difference. simulated, at_nothing: with it, and with no effect.
        by_formula: power from a closed formula, with schools of mean size; NaN where none fits.
        detectable: smallest difference found with the protocol's power.
        what_if: other assumptions, each with its power: ICC twice as high, a quarter of the schools lost, and
            half the difference.
    """

    outcome: Outcome
    effect: float
    simulated: Simulated
    at_nothing: Simulated
    by_formula: float
    detectable: float
    what_if: tuple[tuple[str, float], ...]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        made = asdict(self)
        made["outcome"] = self.outcome.id
        made["what_if"] = dict(self.what_if)
        made["by_formula"] = None if np.isnan(self.by_formula) else self.by_formula
        return made


def power(protocol: Protocol, *, trials: int = 2000, progress: Progress = SILENT) -> tuple[Power, ...]:
    """Power for every outcome of a protocol, the primary one first.

    Args:
        trials: made-up trials for each figure; 2,000 give a figure to about 2 points.
    """
    ordered = sorted(protocol.outcomes, key=lambda each: not each.primary)
    made = []
    with progress.task("making up trials", total=len(ordered) * 5) as advance:
        for number, outcome in enumerate(ordered):
            seed = [protocol.seed, 2, number]
            effect = outcome.worthwhile_effect
            main = simulate(protocol, outcome, effect, trials=trials, seed=[*seed, 0])
            advance(1)
            nothing = simulate(protocol, outcome, 0.0, trials=trials, seed=[*seed, 1])
            advance(1)
            others = []
            for case, (words, variant, changed, kept) in enumerate(_what_ifs(outcome, effect), 2):
                found = simulate(
                    protocol, variant, changed, trials=trials, seed=[*seed, case], keep_schools=kept
                )
                others.append((words, found.found))
                advance(1)
            detectable = smallest_found(main.error, protocol.alpha, protocol.power, main.df)
            formula = formula_power(protocol, outcome, main.df)
            made.append(Power(outcome, effect, main, nothing, formula, detectable, tuple(others)))
    return tuple(made)


def _what_ifs(outcome: Outcome, effect: float) -> list[tuple[str, Outcome, float, float]]:
    return [
        (
            "schools twice as different (ICC × 2)",
            replace(outcome, icc=min(2 * outcome.icc, 0.9)),
            effect,
            1.0,
        ),
        ("a quarter of schools drop out", outcome, effect, 0.75),
        ("half the difference", outcome, effect / 2, 1.0),
    ]


def simulate(
    protocol: Protocol,
    outcome: Outcome,
    effect: float,
    *,
    trials: int,
    seed: list[int],
    keep_schools: float = 1.0,
) -> Simulated:
    """Make up trials, and analyse each as the protocol's own difference in differences.

    Args:
        effect: the true difference. keep_schools: share of schools that stay to the end.
    """
    rng = np.random.default_rng(seed)
    values, errors, naive, dfs, halves = [], [], [], [], []
    for on, sizes in _designs(protocol, rng, keep_schools):
        made = make_up(outcome, on, sizes, effect, -(-trials // DRAWS), rng)
        fit = ready(on, sizes, protocol.average_over)
        found = fit.fit(made.mean)
        plain = ready(on, sizes, "children")
        values.append(found.value)
        errors.append(found.error)
        halves.append(found.half_width(protocol.alpha))
        naive.append(
            np.abs(plain.fit(made.mean).value)
            > 1.959964 * plain.naive_error(made.mean, made.within, float(sizes.sum()))
        )
        dfs.append(found.df)
    value, half = np.concatenate(values), np.concatenate(halves)
    return Simulated(
        effect,
        len(value),
        float((np.abs(value) > half).mean()),
        float(np.concatenate(naive).mean()),
        float((np.abs(value - effect) <= half).mean()),
        float(value.std(ddof=1)),
        float(value.mean()),
        float(np.mean(dfs)),
    )


def ready(on: Bools, sizes: Ints, average_over: str) -> RobustFit:
    """The fit of the effect on all cells of a design (schools by periods)."""
    cluster, period = (each.ravel() for each in np.indices(on.shape))
    matrix, _ = effect_matrix(cluster, period, on.ravel())
    weights: Floats = sizes.ravel().astype(float) if average_over == "children" else np.ones(on.size)
    contrast = np.zeros(matrix.shape[1])
    contrast[-1] = 1.0
    return RobustFit(matrix, weights, cluster, contrast)


def _designs(protocol: Protocol, rng: np.random.Generator, keep_schools: float) -> list[tuple[Bools, Ints]]:
    sizes = np.maximum(np.rint([each.size for each in protocol.clusters]), 1).astype(int)
    tall = np.repeat(sizes[:, None], len(protocol.periods), axis=1)
    if protocol.randomised:
        listed = choices(protocol).steps
        drawn = [starts_of(protocol, listed[rng.integers(len(listed))]) for _ in range(DRAWS)]
    else:
        drawn = [protocol.chosen] * DRAWS
    made = []
    for starts in drawn:
        on = switched_on(protocol, starts)
        stay = np.arange(len(sizes))
        if keep_schools < 1:
            stay = _stay(on, keep_schools, rng)
        made.append((on[stay], tall[stay]))
    return made


def _stay(on: Bools, share: float, rng: np.random.Generator) -> Ints:
    """Schools that stay: in each arm or step the share given, and never fewer than two of an arm."""
    kept: list[int] = []
    first = on.sum(axis=1)
    for each in np.unique(first):
        here = np.flatnonzero(first == each)
        keep = max(round(len(here) * share), min(2, len(here)))
        kept += rng.choice(here, keep, replace=False).tolist()
    return np.sort(np.array(kept))


def formula_power(protocol: Protocol, outcome: Outcome, df: float) -> float:
    """Power from a closed formula, with every school of mean size; NaN for other designs.

    The variance between children is the mean of that with the change and without, by how many cells have it.
    """
    size = float(np.mean([each.size for each in protocol.clusters]))
    plain, changed = (
        variance_between_children(outcome, outcome.base + effect)
        for effect in (0.0, outcome.worthwhile_effect)
    )
    later = len(protocol.periods) - protocol.place_of(protocol.starts[0])
    share_on = 0.5 * (1.0 if protocol.design == "stepped_wedge" else later / len(protocol.periods))
    total = share_on * changed + (1 - share_on) * plain
    arm = len(protocol.clusters) // 2
    other = len(protocol.clusters) - arm
    if protocol.design == "stepped_wedge":
        labels = np.sort(np.arange(len(protocol.clusters)) % len(protocol.starts))
        on = switched_on(protocol, starts_of(protocol, labels))
        noise = total * (1 - outcome.icc) / size + total * outcome.icc * (1 - outcome.cac)
        variance = stepped_variance(noise, np.inf, on)
    elif len(protocol.periods) == 1:
        variance = parallel_variance(total, size, outcome.icc, arm, other)
    elif len(protocol.periods) == 2 and protocol.place_of(protocol.starts[0]) == 1:
        variance = did_variance(total, size, outcome.icc, outcome.cac, arm, other)
    else:
        return float("nan")
    return power_of(outcome.worthwhile_effect, float(np.sqrt(variance)), protocol.alpha, df)
