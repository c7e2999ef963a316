"""`evi queue size`: five sums of a waiting list on the back of an envelope."""

from __future__ import annotations

from typing import Annotated

import typer

from evi.cli.app import JsonOption
from evi.cli.console import mistakes_explained, out, show_json, show_table
from evi.cli.queue import queues_app


@queues_app.command()
def size(
    demand: Annotated[float, typer.Option(help="Children referred a week.")],
    capacity: Annotated[float, typer.Option(help="Children who start a week.")],
    waiting: Annotated[float, typer.Option(help="Children on the list now.")],
    target: Annotated[float, typer.Option(help="Weeks within which nearly all should start.")],
    mean_wait: Annotated[
        float | None, typer.Option(help="Mean wait so far of those waiting, in weeks.")
    ] = None,
    weeks: Annotated[float, typer.Option(help="Weeks in which the list should come down.")] = 26,
    factor: Annotated[float, typer.Option(help="Target over mean wait.")] = 4,
    cv_demand: Annotated[
        float, typer.Option(help="Standard deviation over mean of the time between referrals.")
    ] = 1,
    cv_capacity: Annotated[
        float, typer.Option(help="Standard deviation over mean of the time between starts.")
    ] = 1,
    as_json: JsonOption = False,
) -> None:
    """Work out load, target list, capacity to get there and to stay there, and pressure.

    A first look, for one list with steady demand; `evi queue capacity` plans for a real one.

    Example: `evi queue size --demand 30 --capacity 27 --waiting 1200 --target 52 --mean-wait 63`
    """
    with mistakes_explained(as_json=as_json):
        from dataclasses import asdict  # noqa: PLC0415

        from evi.queues.measuring.formulas import size_list  # noqa: PLC0415

        found = size_list(
            demand, capacity, waiting, target, relief_weeks=weeks, mean_wait_weeks=mean_wait,
            factor=factor, cv_demand=cv_demand, cv_capacity=cv_capacity,
        )  # fmt: skip
        if as_json:
            show_json(asdict(found))
            return
        rows: list[dict[str, object]] = [
            _row("load", found.load, "referrals a start; from 1 on it grows"),
            _row("target list", found.target_queue, f"children, to start nearly all in {target:g} weeks"),
            _row("relief capacity", found.relief_capacity, f"starts a week to get there in {weeks:g} weeks"),
            _row("target capacity", found.target_capacity, "starts a week to stay there"),
            _row("pressure", found.pressure, "2 x mean wait / target; above 1 it is missed"),
        ]
        show_table("Size of the list", rows)
        if found.queue_too_big:
            out.print("The list is over twice its target: relief comes first.")
        if found.load >= 1:
            out.print("More children come than start: the list grows without end.")


def _row(what: str, number: float | None, means: str) -> dict[str, object]:
    return {"what": what, "is": number, "means": means}
