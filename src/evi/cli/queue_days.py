"""`evi queue days`: which team visits which school on which day, and whom it sees."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from evi.cli.app import JsonOption
from evi.cli.console import TerminalProgress, mistakes_explained, out, show_json, show_table
from evi.cli.queue import queues_app
from evi.workspace import EviError

PROBLEM = "problem"
"""The folder, in what is written, that holds what the plan was made from: `evi queue replan` reads it."""


@queues_app.command()
def days(
    folder: Annotated[
        Path | None, typer.Argument(help="The folder with schools.csv, children.csv, people.csv, terms.csv.")
    ] = None,
    made_up: Annotated[
        str | None, typer.Option("--made-up", help="Schools, children and people instead, as 100,400,40.")
    ] = None,
    weeks: Annotated[int | None, typer.Option(help="Weeks to plan (default: as the rules say).")] = None,
    seconds: Annotated[float, typer.Option(min=0.5, max=3600, help="Time to search.")] = 10.0,
    rounds: Annotated[
        int | None, typer.Option(min=1, help="Search so many rounds instead: always the same rota.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the search, and of what is made up.")] = 1,
    out_folder: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the rota and a calendar for each person here.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Plan assessment days: teams, schools, days and children.

    Children are pseudonyms. Every rule is checked again at the end; each child without a day has a reason.

    Example: `evi queue days --made-up 100,400,40 --seconds 10 --out rota`
    """
    with mistakes_explained(as_json=as_json):
        from evi.queues.days.planning import plan_days  # noqa: PLC0415 - CP-SAT only for those who plan

        problem = _problem(folder, made_up, weeks, seed)
        planned = plan_days(problem, seconds=seconds, rounds=rounds, seed=seed, progress=TerminalProgress())
        written = _write(out_folder, planned.rota, problem)
        if as_json:
            show_json(_document(planned, problem, written))
        else:
            _show(planned, problem, written)


def _problem(folder: Path | None, made_up: str | None, weeks: int | None, seed: int) -> Any:
    from evi.queues.days import folder as files  # noqa: PLC0415
    from evi.queues.days import made_up as making  # noqa: PLC0415

    if (folder is None) == (made_up is None):
        raise EviError(
            "name the plan's folder, or --made-up, and not both.",
            do="See evi queue days --help.",
            exit_code=2,
        )
    if weeks is not None and not 1 <= weeks <= 53:
        raise EviError("a plan has 1 to 53 weeks.", where="--weeks", do="Give another number.", exit_code=2)
    if folder is not None:
        problem = files.read_problem(folder)
        return replace(problem, rules=replace(problem.rules, weeks=weeks)) if weeks else problem
    try:
        schools, children, people = (int(part) for part in str(made_up).split(","))
    except ValueError as error:
        raise EviError(
            "these are not three numbers.", where="--made-up", do="Write them as 100,400,40.", exit_code=2
        ) from error
    return making.made_up(schools, children, people, weeks or 12, seed)


def _write(folder: Path | None, rota: Any, problem: Any) -> dict[str, Any]:
    if folder is None:
        return {}
    from evi.queues.days.calendars import write_calendars  # noqa: PLC0415
    from evi.queues.days.folder import write_problem, write_rows  # noqa: PLC0415
    from evi.queues.days.rota import ROTA, write_rota  # noqa: PLC0415

    if folder.exists() and not (folder / ROTA).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise EviError(
            "this holds something else than a rota.", where=str(folder), do="Name a new folder.", exit_code=2
        )
    write_rota(rota, problem, folder)
    write_problem(problem, folder / PROBLEM)
    left_out = [{"line": line, "why": why} for line, why in problem.rejects]
    write_rows(folder / "left_out.csv", ["line", "why"], left_out)
    return {"folder": str(folder), "calendars": write_calendars(rota, problem, folder)}


def _document(planned: Any, problem: Any, written: dict[str, Any]) -> dict[str, Any]:
    from evi.queues.days.folder import reject_counts  # noqa: PLC0415
    from evi.queues.days.rota import kilometres, team_rows, unplaced_rows, visit_rows  # noqa: PLC0415

    return {
        "children": len(problem.children),
        "seen": planned.rota.seen,
        "visits": len(planned.rota.visits),
        "km_one_way": round(kilometres(planned.rota, problem), 1),
        "first": {"seen": planned.first.seen, "visits": len(planned.first.visits)},
        "no_plan_can_see_more_than": planned.most,
        "break_even_children": round(problem.rules.break_even, 3),
        "fewest_children_a_visit": problem.rules.least,
        "most_children_a_visit": problem.rules.most,
        "search": vars(planned.search),
        "left_out": reject_counts(problem),
        "visit_list": visit_rows(planned.rota, problem),
        "rota": team_rows(planned.rota, problem),
        "unplaced": unplaced_rows(planned.rota, problem),
        "written": written,
    }


def _show(planned: Any, problem: Any, written: dict[str, Any]) -> None:
    from evi.queues.days.folder import reject_counts  # noqa: PLC0415
    from evi.queues.days.rota import kilometres  # noqa: PLC0415

    rules = problem.rules
    rows = [
        {
            "plan": name,
            "children seen": rota.seen,
            "of": len(problem.children),
            "visits": len(rota.visits),
            "km one way": round(kilometres(rota, problem)),
        }
        for name, rota in (("first", planned.first), ("improved", planned.rota))
    ]
    show_table(f"Assessment days, {rules.start} to {rules.end}", rows)
    out.print(
        f"A visit breaks even with the clinic at {rules.break_even:.2f} children; it sees {rules.least} to "
        f"{rules.most}. No plan can see more than {planned.most:,}. {planned.search.rounds} rounds in "
        f"{planned.search.seconds:.1f} s. Every rule checked."
    )
    for why, count in reject_counts(problem).items():
        out.print(f"[yellow]![/] children.csv: {count} left out: {why}")
    show_unplaced(planned.rota)
    if written:
        out.print(f"[green]✓[/] rota, {written['calendars']} calendars → {written['folder']}")


def show_unplaced(rota: Any, most: int = 5) -> None:
    """Count those without a day by reason, and say the first few in full."""
    for why, count in Counter(one.why for one in rota.unplaced).most_common():
        out.print(f"[yellow]![/] without a day: {count} ({why.replace('_', ' ')})")
    if rota.unplaced:
        columns = ("child", "school", "says", "do")
        show_table(
            f"The first {min(most, len(rota.unplaced))} by priority",
            [{name: getattr(one, name) for name in columns} for one in rota.unplaced[:most]],
        )
