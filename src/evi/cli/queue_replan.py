"""`evi queue replan`: someone is ill or a school must shut, and the rota changes as little as can be."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from evi.cli.app import JsonOption
from evi.cli.console import mistakes_explained, out, show_json, show_table
from evi.cli.days import parse_date
from evi.cli.queue import queues_app
from evi.cli.queue_days import PROBLEM, show_unplaced
from evi.workspace import EviError


@queues_app.command()
def replan(
    folder: Annotated[Path, typer.Argument(help="What `evi queue days --out` wrote.")],
    start: Annotated[str, typer.Option("--from", help="First day, as 2027-02-01.")],
    end: Annotated[str, typer.Option("--to", help="Last day.")],
    absent: Annotated[
        list[str] | None, typer.Option("--absent", help="A person who is away; can be given again.")
    ] = None,
    closed: Annotated[
        list[str] | None, typer.Option("--closed", help="A school that cannot host; can be given again.")
    ] = None,
    today: Annotated[
        str | None, typer.Option("--today", help="Visits before it have been (default: the first day).")
    ] = None,
    out_folder: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the new rota here; it can be the same folder.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Put a rota right when someone drops out, and change as little as can be.

    Without --out it only says what would change. Calendars hold what is no more as cancelled.

    Example: `evi queue replan rota --absent P12 --from 2027-02-01 --to 2027-02-12 --out rota`
    """
    with mistakes_explained(as_json=as_json):
        from evi.queues.days.calendars import write_calendars  # noqa: PLC0415 - CP-SAT only for those who plan
        from evi.queues.days.folder import read_problem, write_problem  # noqa: PLC0415
        from evi.queues.days.problem import Away  # noqa: PLC0415
        from evi.queues.days.replan import replan as put_right  # noqa: PLC0415
        from evi.queues.days.rota import read_rota, write_rota  # noqa: PLC0415

        problem, old = read_problem(folder / PROBLEM), read_rota(folder)
        first, last = _day(start, "--from"), _day(end, "--to")
        away = [Away("person", name, first, last) for name in absent or ()]
        away += [Away("school", name, first, last) for name in closed or ()]
        new = put_right(old, problem, away, today=parse_date(today))
        if out_folder is not None:
            if out_folder.exists() and any(out_folder.iterdir()) and not (out_folder / PROBLEM).is_dir():
                raise EviError(
                    "this holds something else than a rota.",
                    where=str(out_folder),
                    do="Name a new folder.",
                    exit_code=2,
                )
            write_rota(new.rota, new.problem, out_folder)
            write_problem(new.problem, out_folder / PROBLEM)
            write_calendars(new.rota, new.problem, out_folder, before=old)
        changes = {name: value for name, value in vars(new.disturbance).items()}
        if as_json:
            show_json({"changes": changes, "seen": new.rota.seen, "written": out_folder})
            return
        rows = [{"what": name.replace("_", " "), "count": count} for name, count in changes.items()]
        show_table(f"What changes, of {len(old.visits)} visits", rows)
        before = {one.child for one in old.unplaced}
        if any(one.child not in before for one in new.rota.unplaced):
            show_unplaced(new.rota)
        out.print(
            f"[green]✓[/] written → {out_folder}" if out_folder else "Nothing is written without --out."
        )


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise EviError(
            "this is not a date.", where=option, do="Write it as 2027-02-01.", exit_code=2
        ) from error
