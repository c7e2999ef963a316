"""`evi queue knock-on`: what clearing a list does to the services after it, and how to soften it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evi.cli.app import DateOption, JsonOption
from evi.cli.console import TerminalProgress, mistakes_explained, out, show_json, show_table
from evi.cli.days import day_asked
from evi.cli.queue import queues_app
from evi.workspace import District, EviError, replace_file

if TYPE_CHECKING:
    from evi.queues.sizing.allocation import Places
    from evi.queues.sizing.frontier import Clearance, Frontier
    from evi.queues.sizing.trajectory import Trajectory
    from evi.queues.sizing.waiting_plan import Plan

SPEEDS = "6,8,10,15,20,30,40"


@queues_app.command("knock-on")
def knock_on(
    plan: Annotated[str, typer.Option(help="A plan that eVI ships, or the path of one.")] = "wsoa-autism",
    speeds: Annotated[str, typer.Option(help="Extra slots a week to compare.")] = SPEEDS,
    conversions: Annotated[
        Path | None, typer.Option(help="What follows an assessment, instead of what eVI ships.")
    ] = None,
    places: Annotated[
        Path | None, typer.Option(help="A CSV of school, locality and share (or children).")
    ] = None,
    district: Annotated[
        Path | None, typer.Option("--district", "-d", help="Take schools from this district's own list.")
    ] = None,
    pathway: Annotated[str, typer.Option("--pathway", "-p", help="Whose list, with --district.")] = "autism",
    day: DateOption = None,
    probability: Annotated[float, typer.Option(help="With which no wait is over its limit.")] = 0.8,
    clear_within: Annotated[int | None, typer.Option(help="Weeks by which the list must be clear.")] = None,
    most_pounds: Annotated[float | None, typer.Option(help="What all of it may cost.")] = None,
    years: Annotated[int, typer.Option(help="How long to look ahead (1 to 10).")] = 5,
    target: Annotated[
        str | None, typer.Option(help="Also follow what plan, standard or no-worse needs, or all of them.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same answer.")] = 1,
    folder: Annotated[
        Path | None, typer.Option("--out", help="A folder for frontier.csv, monthly.csv and places.csv.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Follow assessed children to the services after, and find the cheapest way to keep those waits short.

    Example: `evi queue knock-on --clear-within 104`
    """
    with mistakes_explained(as_json=as_json):
        from evi.queues.sizing.capacity import question_of, size_capacity  # noqa: PLC0415 - loaded when asked for
        from evi.queues.sizing.conversions import read_conversions  # noqa: PLC0415
        from evi.queues.sizing.frontier import clearance, frontier, planned  # noqa: PLC0415
        from evi.queues.sizing.waiting_plan import read_plan  # noqa: PLC0415

        weeks = _weeks(years, probability)
        read = read_plan(plan)
        question, after = question_of(read), read_conversions(conversions)
        targets = _targets(read, target)
        extras = _speeds(speeds)
        where = _places(places, district, pathway, day)
        progress = TerminalProgress()
        today = clearance(question, after, 0, weeks=weeks, probability=probability, seed=seed)
        found = frontier(
            question, after, extras,
            weeks=weeks, probability=probability, clear_within_weeks=clear_within, most_pounds=most_pounds,
            seed=seed, progress=progress,
        )  # fmt: skip
        chosen = found.chosen or found.clearances[-1]
        answers = [
            size_capacity(replace(question, trajectory=one), seed=seed, progress=progress) for one in targets
        ]
        plans = [
            planned(question, after, answer, weeks=weeks, probability=probability, seed=seed)
            for answer in answers
        ]
        document = _document(found, today, chosen, plans, where)
        if folder is not None:
            _write(folder, document)
        if as_json:
            show_json(document)
            return
        _show(document, found, chosen)
        if folder is not None:
            out.print(f"\n[green]✓[/] frontier, months and places → {folder}")


def _weeks(years: int, probability: float) -> int:
    if not 1 <= years <= 10:
        raise EviError("years must be from 1 to 10.", where="--years", do="Give 5.")
    if not 0 < probability < 1:
        raise EviError(
            "the probability must be more than 0 and less than 1.", where="--probability", do="Give 0.8."
        )
    return years * 52


def _speeds(text: str) -> list[int]:
    try:
        extras = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise EviError(
            "speeds are whole numbers with commas between them.", where="--speeds", do="Give 6,10,20."
        ) from error
    if min(extras) < 0:
        raise EviError("a speed is below 0.", where="--speeds", do="Give 6,10,20.")
    return extras


def _targets(plan: Plan, target: str | None) -> list[Trajectory]:
    from evi.queues.sizing.trajectory import national_standard, no_worse  # noqa: PLC0415

    made = {
        "no-worse": no_worse(plan.trajectory, plan.today),
        "plan": plan.trajectory,
        "standard": national_standard(plan.trajectory, plan.today),
    }
    if target is None or target == "all":
        return list(made.values()) if target else []
    if target not in made:
        raise EviError(
            f"there is no target {target!r}.", where="--target", do=f"Give all, {', '.join(made)}."
        )
    return [made[target]]


def _places(table: Path | None, folder: Path | None, pathway: str, day: str | None) -> Places | None:
    from evi.queues.sizing.allocation import read_places  # noqa: PLC0415

    if table is not None:
        return read_places(table)
    if folder is None:
        return None
    from evi.queues.sizing.list_places import places_of_list  # noqa: PLC0415

    opened = District.open(folder)
    return places_of_list(opened, pathway, day_asked(opened, day))


def _document(
    found: Frontier, today: Clearance, chosen: Clearance, plans: list[Clearance], where: Places | None
) -> dict[str, Any]:
    """Everything that was found, as plain figures."""
    return {
        "why": found.why,
        "shown": chosen.plan,
        "frontier": [_row(one) for one in found.clearances],
        "plans": [_row(one) for one in (today, *plans)],
        "services": [
            {
                "service": relief.service,
                "title": relief.title,
                "limit_weeks": relief.limit_weeks,
                "peak_per_week": relief.peak_per_week,
                "peak_per_week_today": before.peak_per_week,
                "peak_wait_weeks": relief.peak_wait_weeks,
                "peak_wait_weeks_today": before.peak_wait_weeks,
                "added_slots": relief.added.slots,
                "from_week": relief.added.from_week,
                "until_week": relief.added.until_week,
                "peak_wait_after_weeks": relief.peak_wait_after_weeks,
                "pounds": relief.pounds,
            }
            for relief, before in zip(chosen.softened.services, today.softened.services, strict=True)
        ],
        "totals": chosen.knock_on.totals(),
        "monthly": [
            {"plan": one.plan} | row
            for one in (today, *found.clearances, *plans)
            for row in one.knock_on.table().to_dicts()
        ],
        "monthly_more_than_today": chosen.knock_on.table(against=today.knock_on).to_dicts(),
        "localities": _by(chosen, where, "locality"),
        "schools": _by(chosen, where, "school"),
        "places_source": None if where is None else where.source,
        "assumptions": found.assumptions,
    }


def _row(one: Clearance) -> dict[str, Any]:
    """One speed of the frontier."""
    row: dict[str, Any] = {
        "plan": one.plan,
        "extra_slots": one.extra_slots,
        "weeks_to_clear": one.weeks_to_clear,
        "assessment_pounds": one.assessment_pounds,
        "downstream_pounds": one.softened.pounds,
        "pounds": one.pounds,
        "holds": one.softened.probability,
        "within_ceilings": one.softened.within_ceilings,
    }
    for relief in one.softened.services:
        row[f"{relief.service}_peak_per_week"] = relief.peak_per_week
        row[f"{relief.service}_peak_wait_weeks"] = relief.peak_wait_weeks[1]
        row[f"{relief.service}_peak_wait_high_weeks"] = relief.peak_wait_weeks[2]
        row[f"{relief.service}_added_slots"] = relief.added.slots
    return row


def _by(chosen: Clearance, where: Places | None, by: str) -> list[dict[str, Any]]:
    from evi.queues.sizing.allocation import by_place  # noqa: PLC0415

    return [] if where is None else by_place(chosen.knock_on, where, by=by).to_dicts()


def _show(document: dict[str, Any], found: Frontier, chosen: Clearance) -> None:
    out.print(f"{found.why}\n", markup=False)
    _show_speeds("Speed against peak", document["frontier"])
    if len(document["plans"]) > 1:
        out.print()
        _show_speeds("What each plan would do (slots of the month with most)", document["plans"], named=True)
    out.print()
    _show_services(document, chosen)
    out.print("\nAssumed:")
    for line in document["assumptions"]:
        out.print(f"  · {line}", markup=False)


def _show_speeds(title: str, rows: list[dict[str, Any]], *, named: bool = False) -> None:
    show_table(
        title,
        [
            ({"plan": row["plan"]} if named else {})
            | {
                "more a week": row["extra_slots"],
                "clear in weeks": row["weeks_to_clear"],
                "assessments £": round(row["assessment_pounds"]),
                "services after £": round(row["downstream_pounds"]),
                "SEN peak": f"{row['sen_support_peak_per_week']:.1f}"
                if "sen_support_peak_per_week" in row
                else "",
                "EHC peak": f"{row['ehc_request_peak_per_week']:.1f}"
                if "ehc_request_peak_per_week" in row
                else "",
                "holds": f"{row['holds']:.0%}",
            }
            for row in rows
        ],
    )


def _show_services(document: dict[str, Any], chosen: Clearance) -> None:
    """The services after one plan, the children who go on, and where they live."""
    show_table(
        f"Services after, with {chosen.plan}: busiest quarter, longest wait in weeks, slots to add",
        [
            {
                "service": row["title"],
                "a week": f"{row['peak_per_week']:.1f}",
                "today": f"{row['peak_per_week_today']:.1f}",
                "wait": "{1:.0f} ({0:.0f} to {2:.0f})".format(*row["peak_wait_weeks"]),
                "limit": f"{row['limit_weeks']:g}",
                "add": f"{row['added_slots']:g}",
                "weeks": f"{row['from_week']} to {row['until_week']}" if row["added_slots"] else "",
                "£": round(row["pounds"]),
            }
            for row in document["services"]
        ],
    )
    out.print()
    show_table(
        f"Children who go on within {len(chosen.seen_by_week) // 52} years (80% interval)",
        [
            {
                "service": row["title"],
                "children": round(row["children"]),
                "low": round(row["children_low"]),
                "high": round(row["children_high"]),
            }
            for row in document["totals"]
        ],
    )
    if document["localities"]:
        out.print()
        show_table(
            f"By locality, the first two years ({document['places_source']})",
            [
                {
                    "locality": row["locality"],
                    "service": row["title"],
                    "year": row["year"],
                    "children": round(row["mean"], 1),
                    "low": round(row["low"]),
                    "high": round(row["high"]),
                }
                for row in document["localities"]
                if row["year"] <= 2
            ],
        )


def _write(folder: Path, document: dict[str, Any]) -> None:
    import polars as pl  # noqa: PLC0415

    tables = {
        "frontier": document["frontier"],
        "monthly": document["monthly"],
        "places": document["schools"],
    }
    for name, rows in tables.items():
        if rows:
            with replace_file(folder / f"{name}.csv") as scratch:
                pl.DataFrame(rows).write_csv(scratch)
