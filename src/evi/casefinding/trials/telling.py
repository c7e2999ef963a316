"""What a result means, and what it does not mean, in plain sentences; and as plain values to print."""

from __future__ import annotations

import math
from typing import Any

from evi.casefinding.trials.analysing import METHODS, Analysis, ArmPeriod, Effect, OutcomeResult
from evi.casefinding.trials.protocol import Outcome, Protocol
from evi.index.disclosure import SMALLEST_SHOWN, shown, shown_parts

UNITS = {"share": "percentage points", "days": "days", "count": "events a child"}
FEWEST_DEGREES = 4
"""With fewer degrees of freedom the t distribution fits poorly (Pustejovsky and Tipton 2018)."""
MISSING_APART = 0.05
"""A larger difference in missing values between arms gets a warning."""


def amount(outcome: Outcome, value: float) -> str:
    """A difference in words.

    Args:
        value: as a share, in days, or in events a child.
    """
    return f"{_number(outcome, value)} {UNITS[outcome.kind]}"


def _number(outcome: Outcome, value: float) -> str:
    if outcome.kind == "share":
        return f"{value * 100:.1f}"
    return f"{value:.1f}" if outcome.kind == "days" else f"{value:.2f}"


def said_of(result: OutcomeResult, alpha: float, *, randomised: bool) -> list[str]:
    """What the estimate of one outcome says and does not say.

    Args:
        randomised: schools were drawn by lot; else the change is not said to be the cause.
    """
    outcome, main = result.outcome, result.main
    size, low, high = (_number(outcome, each) for each in (abs(main.value), main.low, main.high))
    way = "higher" if main.value >= 0 else "lower"
    beside = "than without it" if randomised else "than the other schools would lead one to expect"
    said = [
        f"Estimate of {outcome.title}: {size} {UNITS[outcome.kind]} {way} with the change {beside} "
        f"({1 - alpha:.0%} interval: {low} to {high})."
    ]
    good = 1 if outcome.better == "more" else -1
    best, worst = max(good * main.low, good * main.high), min(good * main.low, good * main.high)
    worthwhile = amount(outcome, outcome.worthwhile)
    if worst >= outcome.worthwhile:
        said.append(f"Every value in the interval is at least what was worthwhile ({worthwhile}).")
    elif worst > 0:
        may = "It may be less or more than what was worthwhile"
        may = may if best >= outcome.worthwhile else "It is less than what was worthwhile"
        said.append(f"That is an improvement. {may} ({worthwhile}).")
    elif best < 0:
        said.append("That is worse: no value in the interval is an improvement.")
    elif best >= outcome.worthwhile:
        said.append(
            "No difference was shown, and that is not the same as no difference: the trial can't rule out a "
            f"worthwhile one ({worthwhile}), nor that there is none."
        )
    else:
        said.append(
            f"No difference was shown. A worthwhile one ({worthwhile}) is unlikely; a smaller one is "
            "possible."
        )
    return said + _checks(result, alpha)


def _checks(result: OutcomeResult, alpha: float) -> list[str]:
    said = []
    if result.replaced:
        said.append("The mixed model did not settle, so difference in differences stands in its place.")
    if result.main.df < FEWEST_DEGREES:
        said.append(
            f"So few schools carry this ({result.main.df:.1f} degrees of freedom) that the interval is "
            "itself a rough guess."
        )
    by_lot = result.permuted
    if result.outcome.primary and by_lot.smallest > alpha:
        said.append(
            f"So few allocations were possible ({by_lot.allocations}) that the permutation test could not "
            f"have shown a difference: its p-value can't be under {by_lot.smallest:.2f}."
        )
    elif result.outcome.primary and (by_lot.p_value < alpha) != (result.main.p_value < alpha):
        said.append(
            f"The permutation test (p = {by_lot.p_value:.3f}) and the estimate "
            f"(p = {result.main.p_value:.3f}) do not agree, so the result hangs by a thread."
        )
    if not by_lot.drawn:
        said.append("The permutation test holds only as if schools had been drawn by lot from all of them.")
    with_it, without = result.missing
    if max(with_it, without) > 0:
        said.append(
            f"{with_it:.1%} of values are missing with the change, and {without:.1%} without. They are left "
            "out, which is right only if what is missing is like what is known in the same school and period."
        )
    if abs(with_it - without) > MISSING_APART:
        said.append("More is missing on one side than on the other, which could itself make a difference.")
    if result.not_seen:
        said.append(f"{result.not_seen} schools of the protocol have no result for this outcome.")
    return said


def printable(found: Analysis) -> dict[str, Any]:
    """A result as plain values. Counts of children are rounded, those under 10 hidden, with their means."""
    protocol = found.protocol
    return {
        "protocol": protocol.id,
        "title": protocol.title,
        "question": protocol.question,
        "digest": protocol.digest,
        "registered": protocol.registered.isoformat(),
        "design": protocol.design,
        "alpha": protocol.alpha,
        "by": found.by,
        "notes": list(found.notes),
        "outcomes": [_outcome(each, protocol) for each in found.results],
        "left_out": dict(found.left_out),
    }


def _outcome(result: OutcomeResult, protocol: Protocol) -> dict[str, Any]:
    outcome = result.outcome
    rows = []
    for each in result.table:
        children = shown(each.children)
        mean = None if children.hidden or _few(outcome, each) else _plain(each.mean)
        rows.append(
            {**vars(each), "children": children.number, "mean": mean, "missing": shown(each.missing).number}
        )
    sizes = shown_parts({each.group: each.children for each in result.groups})
    return {
        "id": outcome.id,
        "title": outcome.title,
        "kind": outcome.kind,
        "primary": outcome.primary,
        "worthwhile": outcome.worthwhile_effect,
        "table": rows,
        "main": _effect(result.main, tested=outcome.primary),
        "others": [_effect(each, tested=outcome.primary) for each in result.others],
        "permutation": (
            {name: _plain(value) for name, value in vars(result.permuted).items()}
            if outcome.primary
            else None
        ),
        "icc": _plain(result.icc),
        "missing": [_plain(each) for each in result.missing],
        "rejects": list(result.rejects),
        "said": said_of(result, protocol.alpha, randomised=protocol.randomised),
        "groups": [
            {
                "group": each.group,
                "children": sizes[each.group].number,
                "effect": [_plain(x) for x in (each.effect.value, each.effect.low, each.effect.high)],
                "beside": each.beside,
                "difference": (
                    None
                    if each.group == each.beside
                    else [
                        _plain(x) for x in (each.difference.value, each.difference.low, each.difference.high)
                    ]
                ),
                "p_of_difference": _plain(each.p_value),
            }
            for each in result.groups
        ],
        "groups_left_out": result.groups_left_out,
    }


def _few(outcome: Outcome, row: ArmPeriod) -> bool:
    """Whether a share rests on few children who had, or had not, the event."""
    if outcome.kind != "share":
        return False
    had = round(row.mean * row.children)
    return min(had, row.children - had) < SMALLEST_SHOWN


def _effect(effect: Effect, *, tested: bool) -> dict[str, Any]:
    made = {name: _plain(value) for name, value in vars(effect).items()}
    made["how"] = METHODS[effect.method]
    if not tested:
        del made["p_value"]
    return made


def _plain(value: object) -> object:
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
