"""`evi queue report`: one waiting list as a page to read, print and pass on."""

from __future__ import annotations

import webbrowser
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evi.cli.app import HERE, DistrictOption
from evi.cli.console import TerminalProgress, err, mistakes_explained, out
from evi.cli.days import day_asked
from evi.cli.queue import queues_app
from evi.workspace import District, EviError, Progress

if TYPE_CHECKING:
    from datetime import date

    from evi.queues.measuring.journeys import Journeys
    from evi.reports.queue_page import QueuePage

GROUPS = ("sex", "ethnicity", "deprivation")
SPEEDS = (6, 8, 10, 15, 20, 30, 40)
YEARS = 5


@queues_app.command("report")
def report(
    pathway: Annotated[str, typer.Argument(help="The waiting list, such as autism.")],
    district: DistrictOption = HERE,
    day: Annotated[
        str | None,
        typer.Option("--day", "--date", help="The day to look at (default: the newest day known)."),
    ] = None,
    plan: Annotated[
        str | None,
        typer.Option(
            help="Also say what a plan's promise needs and what follows it: wsoa-autism, or a path."
        ),
    ] = None,
    clear_within: Annotated[int | None, typer.Option(help="Weeks by which that list must be clear.")] = None,
    rota: Annotated[Path | None, typer.Option(help="A folder that `evi queue days` wrote.")] = None,
    save: Annotated[
        Path | None, typer.Option("--out", help="Where to (default: outputs/queue-PATHWAY.html).")
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write one waiting list as a page: who waits, what may come, what it takes, what follows, which days.

    Example: `evi queue report autism --district my-district --plan wsoa-autism`
    """
    with mistakes_explained():
        from evi.reports.queue_page import build_queue_page  # noqa: PLC0415 - drawing takes a second to load

        opened = District.open(district)
        progress = TerminalProgress()
        page = page_of_records(opened, pathway, day_asked(opened, day), progress)
        if plan is not None:
            page = _planned(page, plan, clear_within, progress)
        if rota is not None:
            page = _with_days(page, rota)
        path = build_queue_page(opened, page, save or opened.outputs / f"queue-{page.found.pathway}.html")
        out.print(f"[green]✓[/] {len(page.sections)} sections → {path}")
        if show:
            webbrowser.open(path.resolve().as_uri())


def page_of_records(district: District, pathway: str, day: date, progress: Progress) -> QueuePage:
    """What a district's records say of a waiting list on a day.

    Raises:
        EviError: no clock, or no feed that could start or stop it.
    """
    from evi.queues.measuring.clocks import check_feeds, clock_of  # noqa: PLC0415
    from evi.queues.measuring.groups import group_children  # noqa: PLC0415
    from evi.queues.measuring.inequality import unequal_waits  # noqa: PLC0415
    from evi.queues.measuring.journeys import journeys  # noqa: PLC0415
    from evi.queues.measuring.measures import snapshot  # noqa: PLC0415
    from evi.queues.measuring.over_time import by_period  # noqa: PLC0415
    from evi.reports.queue_page import QueuePage  # noqa: PLC0415

    clock = clock_of(pathway, district)
    for note in check_feeds(clock, district):
        err.print(f"  [yellow]·[/] {note}")
    with progress.task("The list", 5) as step:
        made = journeys(district, pathway, day)
        step(1)
        series = by_period(made, "month")
        step(1)
        groups = tuple(
            unequal_waits(made, group_children(district, made.table, by), by)  # type: ignore[arg-type]
            for by in GROUPS
        )
        step(1)
        page = QueuePage(snapshot(made), series, groups)
        page = _sorted(page, district, pathway)
        step(1)
        page = _forecast(page, pathway, made.day, made)
        step(1)
    return page


def _sorted(page: QueuePage, district: District, pathway: str) -> QueuePage:
    from evi.queues.sorting.sort_list import sort_list  # noqa: PLC0415
    from evi.queues.sorting.sorting_audit import audit  # noqa: PLC0415

    try:
        worklist = sort_list(district, pathway, page.found.day)
        return replace(page, worklist=(worklist, audit(district, worklist)))
    except EviError as error:
        err.print(f"  · The list is not sorted: {error}", markup=False)
        return page


def _forecast(page: QueuePage, pathway: str, day: date, made: Journeys) -> QueuePage:
    from evi.queues.forecasts.fitting import fit_series  # noqa: PLC0415
    from evi.queues.forecasts.forecasting import LIMIT_WEEKS, forecast  # noqa: PLC0415
    from evi.queues.forecasts.journey_ages import with_journeys  # noqa: PLC0415
    from evi.queues.forecasts.journey_fitting import fit_journeys  # noqa: PLC0415

    try:
        fit = fit_series(page.over_time)
    except EviError as error:
        err.print(f"  · Nothing is forecast: {error}", markup=False)
        return page
    try:
        missed = made.missed_on["missed_on"].to_list()
        fit = with_journeys(fit, fit_journeys(made.table, day, pathway=pathway, missed_on=missed))
    except EviError:  # too few weeks, or nobody seen: the months are judged by themselves
        err.print("  · Too few children were seen to tell who is seen next.", markup=False)
    return replace(page, coming=forecast(fit, limit_weeks=page.found.limit_weeks or LIMIT_WEEKS))


def _planned(page: QueuePage, plan: str, clear_within: int | None, progress: Progress) -> QueuePage:
    """What the plan needs, beside what the national standard would, and what follows it."""
    from evi.queues.sizing.capacity import question_of, size_capacity  # noqa: PLC0415
    from evi.queues.sizing.conversions import read_conversions  # noqa: PLC0415
    from evi.queues.sizing.frontier import clearance, frontier  # noqa: PLC0415
    from evi.queues.sizing.trajectory import national_standard  # noqa: PLC0415
    from evi.queues.sizing.waiting_plan import read_plan  # noqa: PLC0415

    read, after = read_plan(plan), read_conversions(None)
    question = question_of(read)
    standard = replace(question, trajectory=national_standard(read.trajectory, read.today))
    needs = tuple(size_capacity(one, progress=progress) for one in (question, standard))
    found = frontier(
        question, after, SPEEDS, weeks=YEARS * 52, clear_within_weeks=clear_within, progress=progress
    )
    today = clearance(question, after, 0, weeks=YEARS * 52)
    return replace(page, needs=needs, frontier=(found, today))


def _with_days(page: QueuePage, folder: Path) -> QueuePage:
    from evi.cli.queue_days import PROBLEM  # noqa: PLC0415
    from evi.queues.days.folder import read_problem  # noqa: PLC0415
    from evi.queues.days.rota import read_rota  # noqa: PLC0415

    return replace(page, rota=(read_rota(folder), read_problem(folder / PROBLEM)))
