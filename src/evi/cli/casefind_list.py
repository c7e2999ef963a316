"""`evi casefind RULE`: a work list of who is worth a professional look, because of what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evi.cli.app import HERE, DateOption, DistrictOption, JsonOption
from evi.cli.casefind import MAKES_A_LIST, casefind_app
from evi.cli.console import TerminalProgress, mistakes_explained, out, show_json, show_table
from evi.cli.days import day_asked
from evi.workspace import District

if TYPE_CHECKING:
    from datetime import date

    from evi.casefinding.concerns import Concerns
    from evi.casefinding.finding import Findings
    from evi.casefinding.places_offered import Offered
    from evi.casefinding.worklist import WorkList

FIRST = 10


@casefind_app.command(MAKES_A_LIST)
def work_list(
    rule: Annotated[str, typer.Argument(help="The rule, or family of rules, such as autism-eyfsp.")],
    district: DistrictOption = HERE,
    day: DateOption = None,
    capacity: Annotated[
        str | None,
        typer.Option(help="How many children can be seen this term: a number, or a file by school."),
    ] = None,
    term: Annotated[str | None, typer.Option(help="Which term of the file of places is meant.")] = None,
    concerns: Annotated[
        Path | None, typer.Option(help="Concerns of teachers, parents and practitioners (CSV or YAML).")
    ] = None,
    most: Annotated[int, typer.Option("--most", min=1, help="How many children to print.")] = FIRST,
    only_print: Annotated[bool, typer.Option("--only-print", help="Write nothing.")] = False,
    as_json: JsonOption = False,
    folder: Annotated[
        Path | None, typer.Option("--out", help="Where to write it (default: outputs/casefind).")
    ] = None,
) -> None:
    """Make the work list of a rule: who is worth a professional look, because of what, and who is next.

    Case-finding, not screening: children on a pathway already are left out, with the reason; a person's
    concern counts as much as a rule; nothing on the list is a chance of a condition.

    Example: `evi casefind autism-eyfsp --district my-district --capacity 40 --concerns concerns.csv`
    """
    with mistakes_explained(as_json=as_json):
        from evi.casefinding.finding import find  # noqa: PLC0415 - polars is loaded only when asked for
        from evi.casefinding.releasing import release_worklist  # noqa: PLC0415
        from evi.casefinding.worklist import make_worklist  # noqa: PLC0415

        opened = District.open(district)
        on = day_asked(opened, day)
        with TerminalProgress().task(f"Read every child by {rule}", 2) as step:
            found = find(opened, rule, on)
            step(1)
            raised = _concerns(opened, found, concerns, on)
            made = make_worklist(opened, found, raised, _offered(capacity, term))
            step(1)
        where, run, release = None, "", None
        if not only_print:
            files = [path for path in (concerns, _file(capacity)) if path is not None]
            written = release_worklist(opened, made, folder, files, raised)
            where, run, release = written.folder, written.manifest.run_id, written.release
        if as_json:
            said = {"run": run, "written": where, "release": release, "children": made.rows()}
            show_json(made.summary() | said)
            return
        _show(made, most)
        if where is not None:
            out.print(f"[green]✓[/] written: {where} (run {run})")
        if release is not None and not release.allowed:
            out.print(f"Not for release: {release.words}. Nobody may act on it.", markup=False)


def _file(capacity: str | None) -> Path | None:
    return None if capacity is None or capacity.isdecimal() else Path(capacity)


def _offered(capacity: str | None, term: str | None) -> Offered:
    from evi.casefinding.places_offered import Offered, read_offered  # noqa: PLC0415

    path = _file(capacity)
    if path is not None:
        return read_offered(path, term)
    return Offered(None if capacity is None else int(capacity), term=term or "")


def _concerns(district: District, found: Findings, path: Path | None, day: date) -> Concerns:
    from evi.casefinding.concerns import NO_CONCERNS, read_concerns  # noqa: PLC0415
    from evi.casefinding.known import births_of  # noqa: PLC0415
    from evi.casefinding.rules import load_rules  # noqa: PLC0415

    if path is None:
        return NO_CONCERNS
    known = {rule.condition for rule in load_rules(district).values()}
    about = found.rules[0].condition
    return read_concerns(path, about=about, known=known, births=births_of(district, day), day=day)


def _show(made: WorkList, most: int) -> None:
    from evi.casefinding.concerns import REJECTS  # noqa: PLC0415
    from evi.casefinding.wording import PROBLEMS  # noqa: PLC0415

    said = made.summary()
    out.print(f"[bold]{said['question']}[/]")
    answers = said["answers"]
    out.print(
        f"{sum(answers.values()):,} children asked on {made.findings.day}: "
        + ", ".join(f"{count:,} {answer.replace('_', ' ')}" for answer, count in answers.items())
    )
    for row in said["excluded"]:
        out.print(f"  left out: {row['children']:,} {row['title'].lower()}")
    for name, count in said["not_assessable"].items():
        out.print(f"  not assessable: {count:,} {PROBLEMS.get(name, name)}")
    for row in said["results_set_aside"]:
        out.print(f"  set aside: {row['results']:,} {row['words']} ({row['children']:,} children)")
    for name, count in said["concerns"].items():
        if count:
            words = REJECTS.get(name, "concerns on the list, or answered by a pathway already open")
            out.print(f"  {'' if name == 'used' else 'set aside: '}{count:,} {words}")
    for label in said["review_overdue"]:
        out.print(f"  [yellow]·[/] {label} should have been reviewed by now; ask its owner.")
    listed = said["on_the_list"]
    out.print("on the list: " + ", ".join(f"{count:,} {state}" for state, count in listed.items()))
    if made.offered.places is not None or made.offered.by_school:
        show_table("", said["schools"])
    first = made.rows()[:most]
    show_table(
        "",
        [
            {
                "school": row["school"],
                "place": row["place"],
                "child": str(row["subject_id"]),
                "when": row["state"],
                "by": row["route"],
                "because": "\n".join(
                    [row["reasons"], *([f"Not known: {row['not_known']}"] * bool(row["not_known"]))]
                ),
            }
            for row in first
        ],
        ("school", "place", "child", "when", "by", "because"),
    )
    if made.table.height > most:
        out.print(f"… and {made.table.height - most:,} more; --most or --out gives all of them.")
    out.print(f"Next step: {said['next_step'][0]}")
