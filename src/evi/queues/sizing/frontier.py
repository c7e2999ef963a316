"""Speed against peak: how fast a list can be cleared before the services after it are swamped.

One clearance plan for each number of extra slots a week: they are there until nobody waits as long as the
standard, and then as many as keep it so. Each plan is simulated with the same children, followed to the
services after (`knockon`), and softened (`softening`). So a row of the frontier says how soon the list is
clear, how high demand and waits rise, and what it costs to keep every wait under its limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt

from evi.queues.simulation.engine import simulate
from evi.queues.simulation.paths import Paths
from evi.queues.sizing.answers import CapacityAnswer
from evi.queues.sizing.capacity import Question
from evi.queues.sizing.conversions import Conversions
from evi.queues.sizing.knockon import KnockOn, follow
from evi.queues.sizing.plan_network import place_of
from evi.queues.sizing.softening import Softened, soften
from evi.workspace import SILENT, EviError, Progress

Floats = npt.NDArray[np.float64]
HEADROOM = 1.03
"""Slots that hold a cleared list: 3% more than the referrals need on average."""


@dataclass(frozen=True)
class Clearance:
    """One speed of clearing.

    Attributes:
        plan: what it is called.
        extra_slots: appointments a week above today's until the list is clear.
        weeks_to_clear: until nobody waits as long as the standard, in the wanted share of the simulations;
            None: not within the time that is looked at.
        slots_by_week: appointments of each week.
        waiting_by_week: children on the list, mean of the simulations.
        seen_by_week: children seen, mean of the simulations.
        assessment_pounds: of the appointments above today's.
        knock_on: the children who go on.
        softened: what the services after it need.
    """

    plan: str
    extra_slots: int
    weeks_to_clear: int | None
    slots_by_week: tuple[float, ...]
    waiting_by_week: tuple[float, ...]
    seen_by_week: tuple[float, ...]
    assessment_pounds: float
    knock_on: KnockOn
    softened: Softened

    @property
    def pounds(self) -> float:
        """The appointments and the slots that soften what follows, together."""
        return self.assessment_pounds + self.softened.pounds


@dataclass(frozen=True)
class Frontier:
    """All speeds, the slowest first, the choice among them, and what was assumed.

    Attributes:
        clearances: one a speed.
        chosen: the cheapest that is clear in time and within every ceiling; None if there is none.
        why: the choice in a sentence.
        assumptions: everything that went in, in sentences.
    """

    clearances: tuple[Clearance, ...]
    chosen: Clearance | None
    why: str
    assumptions: tuple[str, ...]


def frontier(
    question: Question,
    conversions: Conversions,
    speeds: Sequence[int],
    *,
    weeks: int = 260,
    probability: float = 0.8,
    clear_within_weeks: int | None = None,
    most_pounds: float | None = None,
    replications: int = 200,
    draws: int = 400,
    seed: int = 1,
    progress: Progress = SILENT,
) -> Frontier:
    """Follow and soften one clearance plan for each speed.

    Args:
        question: the list and what an appointment costs.
        conversions: what follows an assessment.
        speeds: extra slots a week, each 0 or more.
        weeks: how long is looked at.
        probability: with which the list is clear, and with which all waits keep their limits together.
        clear_within_weeks: a choice must be clear by then; None: at some time.
        most_pounds: and cost no more than this; None: whatever it costs.
        replications, draws, seed: of the simulations and of what follows them.

    Raises:
        EviError: there is no speed, or one is negative.
    """
    if not speeds or min(speeds) < 0:
        raise EviError(
            "a frontier needs speeds: extra slots a week, none below 0.", where="speeds", do="Give 6,10,20."
        )
    made = []
    with progress.task("following each speed", total=len(set(speeds))) as advance:
        for extra in sorted(set(speeds)):
            made.append(
                clearance(
                    question, conversions, extra,
                    weeks=weeks, probability=probability, replications=replications, draws=draws, seed=seed,
                )
            )  # fmt: skip
            advance(1)
    chosen, why = _choice(made, clear_within_weeks, most_pounds)
    said = (
        *question.assumptions,
        *conversions.assumptions,
        f"A list is clear when nobody waits {_limit(question)} weeks or more in {probability:.0%} of the "
        "simulations; from then on there are as many slots as keep it so.",
        "Slots that soften a service are there in every week from when they are first needed until they are "
        "no longer; a child's wait there is in order of coming.",
    )
    return Frontier(tuple(made), chosen, why, said)


def clearance(
    question: Question,
    conversions: Conversions,
    extra: int,
    *,
    weeks: int,
    probability: float = 0.8,
    replications: int = 200,
    draws: int = 400,
    seed: int = 1,
) -> Clearance:
    """One speed: so many extra slots until the list is clear, and then as many as keep it so."""
    place = place_of(question.network, question.pool)
    slots = question.network.slots(weeks)
    slots[:, place] += extra
    paths = simulate(question.network, weeks, replications, seed, slots=slots)
    clear = _clear(paths, place, _limit(question), probability)
    if clear is not None:
        slots[clear + 1 :, place] = _holding(question, place, weeks)[clear + 1 :]
    title = f"{extra} more a week" if extra else "today's slots"
    return _followed(question, conversions, title, extra, slots, probability, replications, draws, seed)


def planned(
    question: Question,
    conversions: Conversions,
    answer: CapacityAnswer,
    *,
    weeks: int,
    probability: float = 0.8,
    replications: int = 200,
    draws: int = 400,
    seed: int = 1,
) -> Clearance:
    """The capacity of an answer (`size_capacity`), month by month, and then as many slots as hold the list.

    Its `extra_slots` are those of the month with the most.
    """
    place = place_of(question.network, question.pool)
    slots = question.network.slots(weeks)
    of_week = question.trajectory.month_of_week[:weeks]
    extra = np.array([month.extra_slots for month in answer.months])
    slots[: len(of_week), place] += extra[of_week]
    hold = _holding(question, place, weeks)
    slots[len(of_week) :, place] = np.maximum(slots, hold[:, None])[len(of_week) :, place]
    most = round(float(extra.max(initial=0.0)))
    return _followed(question, conversions, answer.title, most, slots, probability, replications, draws, seed)


def _holding(question: Question, place: int, weeks: int) -> Floats:
    """Slots of each week that hold a list where it is."""
    coming = question.network.arrival_means(weeks)[:, place].sum(axis=1)
    return np.asarray(np.ceil(coming * HEADROOM / (1 - question.network.pools[place].missed)))


def _followed(
    question: Question,
    conversions: Conversions,
    title: str,
    extra: int,
    slots: Floats,
    probability: float,
    replications: int,
    draws: int,
    seed: int,
) -> Clearance:
    """The list with these slots, the children who go on, and what the services after need."""
    place, weeks = place_of(question.network, question.pool), len(slots)
    paths = simulate(question.network, weeks, replications, seed, slots=slots)
    clear = _clear(paths, place, _limit(question), probability)
    knock_on = follow(
        title, paths.starts[:, :, place], question.network.start, conversions, draws=draws, seed=seed
    )
    more = np.maximum(slots[:, place] - question.network.slots(weeks)[:, place], 0.0)
    return Clearance(
        plan=title,
        extra_slots=extra,
        weeks_to_clear=None if clear is None else clear + 1,
        slots_by_week=tuple(float(x) for x in slots[:, place]),
        waiting_by_week=tuple(float(x) for x in paths.waiting[:, :, place].mean(axis=0)),
        seen_by_week=tuple(float(x) for x in paths.starts[:, :, place].mean(axis=0)),
        assessment_pounds=float(more.sum()) * question.pounds_per_slot,
        knock_on=knock_on,
        softened=soften(knock_on, conversions, probability),
    )


def _limit(question: Question) -> int:
    return question.trajectory.limit_weeks


def _clear(paths: Paths, place: int, limit: int, probability: float) -> int | None:
    """The first week after which nobody waits as long as the standard, in this share of the replications."""
    longest: npt.NDArray[np.int32] = paths.longest_waiting_weeks[:, :, place]
    weeks = np.flatnonzero((longest < limit).mean(axis=0) >= probability)
    return int(weeks[0]) if len(weeks) else None


def _choice(
    made: list[Clearance], clear_within_weeks: int | None, most_pounds: float | None
) -> tuple[Clearance | None, str]:
    """The cheapest clearance that is allowed, and why in a sentence."""
    clears = [c for c in made if c.weeks_to_clear is not None]
    if not clears:
        return (
            None,
            "No speed clears the list in the time that is looked at: add more slots, or look for longer.",
        )
    soon = [c for c in clears if clear_within_weeks is None or (c.weeks_to_clear or 0) <= clear_within_weeks]
    if not soon:
        fastest = min(clears, key=lambda c: c.weeks_to_clear or 0)
        return None, (
            f"No speed clears the list within {clear_within_weeks} weeks; the fastest, {fastest.plan}, takes "
            f"{fastest.weeks_to_clear}."
        )
    allowed = [c for c in soon if c.softened.within_ceilings]
    if not allowed:
        over = next(r for r in soon[0].softened.services if not r.within_ceiling)
        return None, (
            f"Even {soon[0].plan} needs {over.added.slots:g} more slots a week in {over.title}, where only "
            f"{over.most_added_per_week:g} can be added. Go slower, or find more there."
        )
    cheapest = min(allowed, key=lambda c: c.pounds)
    if most_pounds is not None and cheapest.pounds > most_pounds:
        return None, (
            f"The cheapest that is clear in time, {cheapest.plan}, costs £{cheapest.pounds:,.0f}, which is "
            f"£{ceil(cheapest.pounds - most_pounds):,} too much."
        )
    return cheapest, (
        f"{cheapest.plan[0].upper()}{cheapest.plan[1:]} clears the list in {cheapest.weeks_to_clear} weeks "
        f"for £{cheapest.pounds:,.0f}: £{cheapest.assessment_pounds:,.0f} for assessments and "
        f"£{cheapest.softened.pounds:,.0f} at the services after. Every wait stays under its limit in "
        f"{cheapest.softened.probability:.0%} of the draws."
    )
