"""How much capacity a promise needs: the least extra, month by month, and how sure that is.

Three steps: a bound from below by a linear programme (`lp`), a search by simulation in which all candidates
share their luck (`shaping`, `searching`), and a check of the answer with fresh luck, of which the search
knows nothing. Unless the check is better than asked by a standard error, the search aims higher and is
checked again with other luck. What is told at the end comes from luck that decided nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from evi.index.intervals import wilson
from evi.queues.simulation.engine import simulate
from evi.queues.simulation.network import Network
from evi.queues.sizing.answers import CapacityAnswer, Nearest
from evi.queues.sizing.judging import Monthly
from evi.queues.sizing.lp import Bound, Flow, least_capacity
from evi.queues.sizing.plan_network import POOL, flow_of, network_of, place_of
from evi.queues.sizing.searching import Ints, Simulator, lifted, trimmed
from evi.queues.sizing.shaping import LookAhead, shaped
from evi.queues.sizing.telling import hardest_of, last_limits, method, months_of, outside_of
from evi.queues.sizing.trajectory import Trajectory
from evi.queues.sizing.waiting_plan import Plan
from evi.workspace import SILENT, EviError, Progress

QUARTER = 3
"""Months of one block while the shape is sought."""
TURNS = 8
MOST_LOOKS = 120
LOOSEST = 4.0
"""Limits are loosened up to five times as long."""
NEAR = 12
"""How many candidates are looked at for how near one can come."""
STARTS = 3
"""How many of the cheapest candidates are trimmed."""
CHECKS = 4
FRESH = 1_000_003
"""What is added to the seed for each check, so that it shares no luck with the search."""


@dataclass(frozen=True)
class Question:
    """What is asked: the list, what is promised of it, and what a slot costs.

    Attributes:
        network, pool: the list; extra slots go to this pool.
        trajectory: what is promised.
        today: measures before the plan begins, towards which an impossible promise is eased.
        pounds_per_slot, hours_per_slot: cost of one appointment, and hours of clinicians in it.
        assumptions: what the answer will say was assumed.
    """

    network: Network
    pool: str
    trajectory: Trajectory
    today: Mapping[str, float]
    pounds_per_slot: float
    hours_per_slot: float
    assumptions: tuple[str, ...]


def question_of(plan: Plan) -> Question:
    """What a plan asks: its own list and trajectory."""
    return Question(
        network=network_of(plan),
        pool=POOL,
        trajectory=plan.trajectory,
        today=plan.today.limits,
        pounds_per_slot=plan.pounds_per_slot,
        hours_per_slot=plan.hours_per_slot,
        assumptions=plan.assumptions,
    )


def size_capacity(
    question: Question,
    *,
    probability: float = 0.8,
    step_months: int = 1,
    most_slots: float | None = None,
    replications: int = 200,
    check_replications: int = 2000,
    seed: int = 1,
    progress: Progress = SILENT,
) -> CapacityAnswer:
    """The least extra slots, month by month, with which a trajectory holds.

    Args:
        question: the list, the trajectory and the cost.
        probability: with which all measures of all months hold together.
        step_months: extra slots change only every so many months.
        most_slots: a ceiling on slots in any week, today's included; None: no ceiling.
        replications: of each candidate; `check_replications`: of the check.
        seed: of the search; checks use others.

    Raises:
        EviError: the probability isn't between 0 and 1, the ceiling is below today's slots, or there is no
            such pool.
    """
    _check(question, probability, step_months, replications)
    place = place_of(question.network, question.pool)
    trajectory = question.trajectory
    base = simulate(question.network, trajectory.weeks, min(replications, 200), seed)
    arrivals = base.arrivals[:, :, place].mean(axis=0)
    outside = question.network.arrival_means(trajectory.weeks)[:, place].sum(axis=1)
    sent_on = bool(question.network.edges)
    flow = flow_of(question.network, question.pool, trajectory.weeks, arrivals if sent_on else outside)
    month_block = np.arange(len(trajectory.months)) // step_months
    room = _room(question, flow, month_block, most_slots)
    bound = least_capacity(flow, trajectory, month_block, most_slots)
    search = _Search(question, place, flow, month_block, room, replications, seed, progress)
    if not bound.feasible:
        return search.impossible(bound, probability, by_any_order=True)
    aim = probability
    for check in range(1, CHECKS + 1):
        extra = search.least(aim, bound)
        if extra is None:
            return search.impossible(bound, probability, by_any_order=False)
        fresh = search.simulator.monthly(extra, seed + check * FRESH, check_replications)
        joint = fresh.joint(trajectory)
        surely = probability + np.sqrt(probability * (1 - probability) / check_replications)
        if joint >= min(surely, 1.0 - 1 / check_replications) or check == CHECKS:
            break
        aim = min(aim + (surely - joint), 1 - 1 / replications)
    assert extra is not None  # noqa: S101 (the loop ran)
    told = search.simulator.monthly(extra, seed + (CHECKS + 1) * FRESH, check_replications)
    return search.answer(extra, bound, told, probability)


def _check(question: Question, probability: float, step_months: int, replications: int) -> None:
    if not 0 < probability < 1:
        raise EviError(
            "the probability must be more than 0 and less than 1.",
            where="probability",
            do="Give 0.8 for four times in five.",
        )
    if step_months < 1 or replications < 2:
        raise EviError(
            "a step must be at least a month, and a search needs replications.",
            where="search",
            do="Ask for more.",
        )
    if not any(np.isfinite(limits).any() for limits in question.trajectory.limits.values()):
        raise EviError("the trajectory promises nothing.", where=question.trajectory.title, do="Add a limit.")


def _room(question: Question, flow: Flow, month_block: Ints, most_slots: float | None) -> Ints:
    """The most extra slots a week in each block; without a ceiling, enough to see the list in a month."""
    today = float(flow.slots[: question.trajectory.weeks].max(initial=0.0))
    if most_slots is None:
        enough = (flow.backlog.sum() / 4 + 3 * flow.arrivals.max(initial=0.0)) / (1 - flow.missed)
        return np.full(int(month_block.max()) + 1, int(np.ceil(enough)))
    if most_slots < today:
        raise EviError(
            f"the ceiling of {most_slots:g} slots a week is below today's {today:g}.",
            where="most slots",
            do="Give a ceiling that holds today's slots.",
        )
    return np.full(int(month_block.max()) + 1, int(most_slots - today))


class _Search:
    """One question while it is searched."""

    def __init__(
        self,
        question: Question,
        place: int,
        flow: Flow,
        month_block: Ints,
        room: Ints,
        replications: int,
        seed: int,
        progress: Progress,
    ) -> None:
        self.question, self.flow, self.room, self.progress = question, flow, room, progress
        self.month_block = month_block
        trajectory = question.trajectory
        self.block_of_week = month_block[trajectory.month_of_week]
        self.coarse = month_block // max(QUARTER // (month_block.tolist().count(0)), 1)
        self.simulator = Simulator(
            question.network, place, trajectory, self.block_of_week, seed, replications
        )
        self.discipline = question.network.pools[place].discipline
        self.candidates: list[tuple[float, Ints]] = []

    def least(self, aim: float, bound: Bound) -> Ints | None:
        """The cheapest extra slots by block that hold with this probability in the search's luck."""
        with self.progress.task(
            f"searching: {self.question.trajectory.title}", TURNS + MOST_LOOKS
        ) as advance:
            if not self.candidates:
                self._shape(aim, advance)
            self._lift(np.zeros(len(self.room), np.int64), aim)
            if not self._holding(aim):
                self._lift(self._nearly(bound), aim)
            for start in self._holding(aim)[:STARTS]:
                best = trimmed(self.simulator, start, aim, advance, MOST_LOOKS // STARTS)
                self.candidates.append((self.simulator.joint(best, aim), best))
            return next(iter(self._holding(aim)), None)

    def _holding(self, aim: float) -> list[Ints]:
        """Candidates that hold with this probability, the cheapest first; one of each cost."""
        holding = {self.cost(extra): extra for joint, extra in self.candidates if joint >= aim}
        return [holding[cost] for cost in sorted(holding)]

    def _lift(self, shape: Ints, aim: float) -> None:
        """Candidates of this shape, from as it is to as high as it must be."""
        _, tried = lifted(self.simulator, shape, aim, self.room)
        self.candidates += [(self.simulator.joint(extra, aim), extra) for extra in tried]

    def cost(self, extra: Ints) -> float:
        """Extra slots over all weeks."""
        return float(extra[self.block_of_week].sum())

    def _shape(self, aim: float, advance: Callable[[int], None]) -> None:
        """Candidates of an even shape, in blocks of a quarter."""
        trajectory = self.question.trajectory
        blocks = int(self.coarse.max()) + 1
        of_block = np.array([self.coarse[np.argmax(self.month_block == b)] for b in range(len(self.room))])
        room = np.array([self.room[of_block == b].min() for b in range(blocks)], float)
        of_week = self.coarse[trajectory.month_of_week]
        ahead = LookAhead(self.flow, self.discipline, trajectory, of_week, room)
        coarse = replace(self.simulator, block_of_week=of_week, runs=0)
        found = shaped(ahead, coarse, aim, TURNS, advance)
        self.simulator.runs += coarse.runs
        for joint, extra in found:
            fine = np.minimum(extra[of_block], self.room)
            self.simulator.remember(fine, joint)
            self.candidates.append((joint, fine))

    def _nearly(self, bound: Bound) -> Ints:
        """Where to start lifting: the candidate that came nearest, or the bound's shape."""
        if self.candidates:
            return max(self.candidates, key=lambda candidate: candidate[0])[1]
        return np.minimum(np.ceil(bound.extra_by_block).astype(np.int64), self.room)

    def answer(self, extra: Ints, bound: Bound, fresh: Monthly, probability: float) -> CapacityAnswer:
        """Everything about the capacity that was found and checked."""
        kept = np.asarray(fresh.kept(self.question.trajectory).all(axis=1), bool)
        _, low, high = wilson(kept.sum(), len(kept))
        slots = self.cost(extra)
        return CapacityAnswer(
            title=self.question.trajectory.title,
            pool=self.question.pool,
            limit_weeks=self.question.trajectory.limit_weeks,
            probability=probability,
            feasible=True,
            months=months_of(
                self.question.trajectory,
                self.flow,
                extra[self.month_block],
                bound.extra_by_block[self.month_block] if bound.feasible else None,
                fresh,
            ),
            extra_slots=slots,
            bound_slots=bound.extra_slots,
            pounds=slots * self.question.pounds_per_slot,
            bound_pounds=bound.extra_slots * self.question.pounds_per_slot,
            hours=slots * self.question.hours_per_slot,
            joint=float(kept.mean()),
            joint_low=float(low),
            joint_high=float(high),
            check_replications=len(kept),
            simulations=self.simulator.runs,
            hardest=hardest_of(self.question.trajectory, fresh),
            outside=outside_of(self.question.trajectory, fresh),
            nearest=None,
            assumptions=self.question.assumptions + method(self.question.trajectory.limit_weeks, len(kept)),
        )

    def impossible(self, bound: Bound, probability: float, *, by_any_order: bool) -> CapacityAnswer:
        """What can be said if no capacity keeps the promise: how near one can come."""
        trajectory, today = self.question.trajectory, self.question.today
        tried = list({self.cost(extra): extra for _, extra in self.candidates}.values())
        tried = sorted(tried or [self.room // 4, self.room // 2], key=self.cost)
        tried = [*tried[:: -(-len(tried) // NEAR)], self.room]
        best: tuple[float, float, float, Ints, Monthly] | None = None
        for extra in tried:
            monthly = self.simulator.monthly(extra)
            easing = monthly.least(lambda share: trajectory.eased(today, share), 1.0, probability)
            loosening = monthly.least(trajectory.loosened, LOOSEST, probability)
            if best is None or (easing, loosening, self.cost(extra)) < best[:3]:
                best = (easing, loosening, self.cost(extra), extra, monthly)
        assert best is not None  # noqa: S101 (tried is never empty)
        easing, loosening, _, extra, monthly = best
        answer = self.answer(extra, bound, monthly, probability)
        moved = (
            trajectory.eased(today, easing) if easing <= 1 else trajectory.loosened(min(loosening, LOOSEST))
        )
        nearest = Nearest(
            easing=float(easing),
            loosening=float(loosening),
            joint=monthly.joint(moved),
            limits=last_limits(moved),
            most_extra_slots=float(extra.max(initial=0)),
            by_any_order=by_any_order,
        )
        return replace(answer, feasible=False, nearest=nearest)
