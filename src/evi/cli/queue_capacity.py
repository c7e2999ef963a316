"""`evi queue capacity`: what a promise about a waiting list needs, month by month."""

from __future__ import annotations

import csv
from dataclasses import asdict, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evi.cli.app import JsonOption
from evi.cli.console import TerminalProgress, mistakes_explained, out, show_json, show_table
from evi.cli.queue import queues_app
from evi.workspace import EviError, replace_file

if TYPE_CHECKING:
    from evi.queues.sizing.answers import CapacityAnswer, MonthNeed
    from evi.queues.sizing.capacity import Question
    from evi.queues.sizing.gaming import Gaming
    from evi.queues.sizing.trajectory import Trajectory
    from evi.queues.sizing.waiting_plan import Plan

TARGETS = ("plan", "standard", "no-worse", "milestones")
SHORT = {
    "av. waiting": "average_waiting_weeks",
    "av. seen": "average_seen_weeks",
    "long. waiting": "longest_waiting_weeks",
    "long. seen": "longest_seen_weeks",
    "in": "share_started_within_limit",
}
"""Measures that are shown, by the head of their column."""


@queues_app.command()
def capacity(
    plan: Annotated[str, typer.Option(help="A plan that eVI ships, or the path of one.")] = "wsoa-autism",
    target: Annotated[
        str,
        typer.Option(help="plan, standard (all within it), no-worse, milestones (only), or all of them."),
    ] = "all",
    probability: Annotated[float, typer.Option(help="With which everything promised holds.")] = 0.8,
    step_months: Annotated[int, typer.Option(help="Extra slots change only every so many months.")] = 1,
    most_slots: Annotated[float | None, typer.Option(help="A ceiling on slots in any week.")] = None,
    other_reading: Annotated[
        bool, typer.Option("--other-reading", help="Read the plan's measures in the other way it names.")
    ] = False,
    waiting: Annotated[
        float | None, typer.Option(help="Children on the list, instead of the plan's.")
    ] = None,
    referrals: Annotated[float | None, typer.Option(help="Children referred a week.")] = None,
    slots: Annotated[float | None, typer.Option(help="Slots a week today.")] = None,
    missed: Annotated[float | None, typer.Option(help="Share of slots missed.")] = None,
    longest_first: Annotated[
        float | None, typer.Option(help="Share of slots to who waits longest; the rest to anyone.")
    ] = None,
    network: Annotated[
        Path | None, typer.Option(help="A network of services, instead of the plan's own list.")
    ] = None,
    pool: Annotated[str, typer.Option(help="The pool of the network that gets the slots.")] = "",
    seed: Annotated[int, typer.Option(help="The same seed gives the same answer.")] = 1,
    folder: Annotated[
        Path | None, typer.Option("--out", help="A folder for months.csv, one row a target and month.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Work out the least extra capacity with which a promise about a waiting list holds, and its cost.

    Example: `evi queue capacity --plan wsoa-autism --target plan --probability 0.8`
    """
    with mistakes_explained(as_json=as_json):
        from evi.queues.sizing.capacity import size_capacity  # noqa: PLC0415 - numbers are loaded when asked for
        from evi.queues.sizing.waiting_plan import read_plan  # noqa: PLC0415

        read = read_plan(plan).given(
            waiting=waiting,
            weekly_referrals=referrals,
            slots_per_week=slots,
            missed=missed,
            longest_first=longest_first,
        )
        question = _question(read, network, pool)
        targets = _targets(read, target, other_reading=other_reading)
        answers = {
            name: size_capacity(
                replace(question, trajectory=trajectory),
                probability=probability,
                step_months=step_months,
                most_slots=most_slots,
                seed=seed,
                progress=TerminalProgress(),
            )
            for name, trajectory in targets.items()
        }
        gamable = target in ("all", "plan", "milestones") and not other_reading
        gaming = _gaming(read, question) if gamable else None
        if folder is not None:
            _write(folder / "months.csv", answers)
        if as_json:
            show_json(_document(answers, gaming))
            return
        if target != "all" and answers[target].says_something:
            _show(answers[target])
        for answer in answers.values():
            out.print(f"{answer.sentence}\n{answer.outside_sentence}\n", markup=False)
        _compare(answers)
        if gaming is not None:
            out.print(f"\n{gaming.sentence}")
        out.print("\nAssumed:")
        for line in question.assumptions + next(iter(answers.values())).assumptions[-3:]:
            out.print(f"  · {line}", markup=False)
        if folder is not None:
            out.print(
                f"\n[green]✓[/] {sum(len(a.months) for a in answers.values())} rows → {folder}/months.csv"
            )


def _question(plan: Plan, network: Path | None, pool: str) -> Question:
    from evi.queues.simulation.network import Network  # noqa: PLC0415
    from evi.queues.sizing.capacity import question_of  # noqa: PLC0415

    question = question_of(plan)
    if network is None:
        return question
    other = Network.from_yaml(network)
    chosen = pool or other.pool_ids[0]
    if other.start != plan.trajectory.start:
        raise EviError(
            f"the network starts on {other.start}, the plan on {plan.trajectory.start}.",
            where=str(network),
            do="Give both the same start.",
        )
    said = f"The list and its services are those of {network.name}; slots are added to {chosen}."
    return replace(question, network=other, pool=chosen, assumptions=(said, plan.assumptions[-1]))


def _targets(plan: Plan, target: str, *, other_reading: bool) -> dict[str, Trajectory]:
    from evi.queues.sizing.trajectory import national_standard, no_worse  # noqa: PLC0415

    if target != "all" and target not in TARGETS:
        raise EviError(
            f"there is no target {target!r}.", where="--target", do=f"Give all, {', '.join(TARGETS)}."
        )
    made = {
        "plan": plan.trajectory,
        "standard": national_standard(plan.trajectory, plan.today),
        "no-worse": no_worse(plan.trajectory, plan.today),
        "milestones": plan.milestones_only,
    }
    if other_reading:
        if not plan.readings:
            raise EviError("the plan names no other reading.", where=plan.id, do="Leave out --other-reading.")
        made = {name: made[name].read_as(plan.readings) for name in ("plan", "milestones")}
    if target == "all":
        return made
    if target not in made:
        raise EviError("this target has no other reading.", where="--target", do="Choose plan or milestones.")
    return {target: made[target]}


def _gaming(plan: Plan, question: Question) -> Gaming | None:
    from evi.queues.sizing.gaming import gamed  # noqa: PLC0415
    from evi.queues.sizing.plan_network import flow_of  # noqa: PLC0415

    flow = flow_of(question.network, question.pool, plan.trajectory.weeks)
    return gamed(flow, plan.trajectory, plan.milestones_only)


def _show(answer: CapacityAnswer) -> None:
    rows = [
        {
            "month": f"{month.month:%Y-%m}",
            "slots": f"{month.slots_today:g}+{month.extra_slots:g}",
            "list": round(month.waiting[1]),
            **{
                short: _beside(month, measure)
                for short, measure in SHORT.items()
                if month.measures[measure][1] or measure in month.limits
            },
            "kept": f"{month.holds:.1%}",
        }
        for month in answer.months
    ]
    show_table(f"{answer.title}: the middle one of the simulations, and what is promised", rows)
    out.print("\nav.: average, long.: longest, in weeks; in: started within the standard\n")


def _beside(month: MonthNeed, measure: str) -> str:
    """What was found, and what is promised."""
    found, limit = month.measures[measure][1], month.limits.get(measure)
    text, promised = (
        (f"{found:.1%}", "" if limit is None else f"{limit:.1%}")
        if measure == SHORT["in"]
        else (f"{found:.0f}", "" if limit is None else f"{limit:.0f}")
    )
    return f"{text} ({promised})" if promised else text


def _compare(answers: dict[str, CapacityAnswer]) -> None:
    rows = [
        {
            "target": name,
            "kept": "yes" if answer.feasible else "nearest" if answer.says_something else "no",
            "extra slots": round(answer.extra_slots) if answer.says_something else None,
            "£": round(answer.pounds) if answer.says_something else None,
            "hours": round(answer.hours) if answer.says_something else None,
            "bound": round(answer.bound_slots) if answer.bound_slots != float("inf") else None,
            "holds": f"{answer.joint:.1%} ({answer.joint_low:.0%} to {answer.joint_high:.0%})",
        }
        for name, answer in answers.items()
    ]
    show_table("What each would need", rows)


def _document(answers: dict[str, CapacityAnswer], gaming: Gaming | None) -> dict[str, object]:
    document: dict[str, object] = {
        "answers": {
            name: asdict(answer) | {"sentence": answer.sentence, "outside_sentence": answer.outside_sentence}
            for name, answer in answers.items()
        },
        "gaming": None if gaming is None else asdict(gaming) | {"sentence": gaming.sentence},
    }
    return {name: _finite(value) for name, value in document.items()}


def _finite(value: object) -> object:
    """The same without infinite numbers, which JSON doesn't have."""
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def _write(path: Path, answers: dict[str, CapacityAnswer]) -> None:
    """One row a target and month; bands as low, middle and high."""
    rows: list[dict[str, object]] = []
    for name, answer in answers.items():
        for month in answer.months:
            row: dict[str, object] = {
                "target": name,
                "month": month.month,
                "referrals_per_week": month.referrals_per_week,
                "slots_today": month.slots_today,
                "extra_slots": month.extra_slots,
                "bound_extra_slots": month.bound_extra_slots,
                "holds": month.holds,
            }
            bands = {"waiting": month.waiting, "seen": month.seen} | dict(month.measures)
            for measure, band in bands.items():
                row |= {
                    f"{measure}_{end}": value for end, value in zip(("low", "mid", "high"), band, strict=True)
                }
                row[f"{measure}_limit"] = month.limits.get(measure)
            rows.append(row)
    with replace_file(path) as scratch, scratch.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
