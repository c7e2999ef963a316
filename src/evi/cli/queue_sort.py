"""`evi queue sort`: a waiting list as a work list, by what is known of each child."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evi.cli.app import HERE, DistrictOption, JsonOption
from evi.cli.console import TerminalProgress, mistakes_explained, out, show_json, show_table
from evi.cli.days import day_asked
from evi.cli.queue import queues_app
from evi.workspace import District, EviError, replace_file

if TYPE_CHECKING:
    from evi.queues.sorting.sorting_audit import Audit
    from evi.queues.sorting.worklist import Child, WorkList

FIRST = 10


@queues_app.command("sort")
def sort(
    pathway: Annotated[str, typer.Argument(help="The pathway whose list it is, such as autism.")],
    district: DistrictOption = HERE,
    day: Annotated[
        str | None,
        typer.Option("--day", "--date", help="The day to look at (default: the newest day known)."),
    ] = None,
    most: Annotated[
        int, typer.Option("--most", min=1, help="How many children of each group to print.")
    ] = FIRST,
    as_json: JsonOption = False,
    save: Annotated[
        Path | None,
        typer.Option("--out", help="Also write it: .csv (one row a child) or .json (everything)."),
    ] = None,
) -> None:
    """Sort a waiting list: evidence complete, needs one named thing, other pathway likely.

    A work list for a clinician to decide from. Nobody comes off the list and nobody's place changes.

    Example: `evi queue sort autism --district my-district --out autism.csv`
    """
    with mistakes_explained(as_json=as_json):
        from evi.queues.sorting.sort_list import sort_list  # noqa: PLC0415 - numbers are loaded only when asked for
        from evi.queues.sorting.sorting_audit import audit  # noqa: PLC0415

        if save is not None and save.suffix not in (".csv", ".json"):
            raise EviError(
                "a work list is written as .csv or .json.", where="--out", do="Name such a file.", exit_code=2
            )
        opened = District.open(district)
        progress = TerminalProgress()
        with progress.task(f"Sort the waiting list of {pathway}", 2) as step:
            worklist = sort_list(opened, pathway, day_asked(opened, day))
            step(1)
            audited = audit(opened, worklist)
            step(1)
        document = worklist.to_json() | {"audit": audited.to_json()}
        if save is not None:
            _save(save, worklist, document)
        if as_json:
            show_json(document)
            return
        _show(worklist, most)
        _show_audit(audited)
        if save is not None:
            out.print(f"[green]✓[/] written: {save} ({len(worklist.children):,} children)")


def _show(worklist: WorkList, most: int) -> None:
    from evi.queues.sorting.worklist import ABOUT_GROUPS, GROUPS  # noqa: PLC0415

    out.print(f"{len(worklist.children):,} children wait on {worklist.day}. {worklist.rules.about}\n")
    for name in GROUPS:
        children = worklist.group(name)
        out.print(f"[bold]{name.capitalize()}: {len(children):,}[/]  {ABOUT_GROUPS[name]}")
        rows = [
            {
                "place": child.place,
                "child": str(child.subject_id),
                "weeks": f"{child.wait_weeks:.0f}",
                "why": "\n".join(_why(child)),
            }
            for child in children[:most]
        ]
        if rows:
            show_table("", rows)
        if len(children) > most:
            out.print(f"… and {len(children) - most:,} more; --most or --out gives all of them.")
        out.print()


def _why(child: Child) -> list[str]:
    """What a clinician reads first; what is held is said where nothing is missing."""
    gaps = child.of("missing", "not known")
    said = [finding.words for finding in (*child.of("points elsewhere"), *gaps, *child.of("mark"))]
    if gaps:
        more = f", then {len(gaps) - 1} more" if len(gaps) > 1 else ""
        return [f"Ask first for: {child.first_thing}{more}", *said]
    return [*said, *(finding.words for finding in child.of("held"))]


def _show_audit(audited: Audit) -> None:
    rows = [
        {
            "by": share.dimension,
            "group": share.people,
            "list": share.side,
            "children": f"{share.children} of {share.of}",
            "share": ""
            if share.share is None
            else f"{share.share:.0%} ({share.low:.0%} to {share.high:.0%})",
            "from the rest": ""
            if share.difference is None
            else f"{share.difference:+.0%} ({share.difference_low:+.0%} to {share.difference_high:+.0%})",
            "differs": "yes" if share.differs else "",
        }
        for share in audited.shares
        if share.share is not None
    ]
    hidden = sum(share.share is None for share in audited.shares)
    if rows:
        show_table("For whom: share of each group", rows)
    out.print(f"{hidden:,} of {len(audited.shares):,} shares are hidden. {audited.rule}")


def _save(path: Path, worklist: WorkList, document: dict[str, Any]) -> None:
    with replace_file(path) as scratch:
        if path.suffix == ".json":
            scratch.write_text(json.dumps(document, indent=1, default=str) + "\n", encoding="utf-8")
            return
        rows = worklist.rows()
        names = list(rows[0]) if rows else ["place", "subject_id"]
        with scratch.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, names, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
