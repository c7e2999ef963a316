"""`evi agreement check`: whether each agreement permits anything, and what a change of them changes."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evi.cli.agreement import FolderOption, InDistrictOption, agreement_app, open_door
from evi.cli.app import DateOption, JsonOption
from evi.cli.console import mistakes_explained, out, show_json, show_table
from evi.cli.days import parse_date

if TYPE_CHECKING:
    from evi.sharing.agreement import Agreement
    from evi.sharing.comparing import Change

NOT_WHOLE = 1
"""What the command ends with if an agreement is incomplete, or changed without a new version."""


@agreement_app.command()
def check(
    folder: FolderOption = None,
    district: InDistrictOption = None,
    against: Annotated[
        Path | None, typer.Option("--against", help="A folder with the agreements as they were.")
    ] = None,
    day: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check agreements, and say what each permits nothing for; with `--against`, what a change changes.

    Example: `evi agreement check --folder agreements --against agreements-of-last-year`
    """
    with mistakes_explained(as_json=as_json):
        from evi.sharing.comparing import changes, unversioned  # noqa: PLC0415

        on = parse_date(day) or date.today()  # noqa: DTZ011 - a day of people, not a moment
        door = open_door(folder, district)
        old = open_door(against, None) if against is not None else None
        found = changes(old, door, on) if old else []
        same = unversioned(old.agreements, door.agreements) if old else []
        if as_json:
            show_json(_document(door.agreements, on, door.fingerprint, found, same))
        else:
            show_table("", [_row(each, on) for each in door.agreements])
            for each in door.agreements:
                for fault in each.faults:
                    out.print(f"✗ {each.name}: {fault}", markup=False)
            _notes(door.agreements)
            if old:
                _show_changes(found, same)
            out.print(f"Fingerprint: {door.fingerprint[:16]}", markup=False)
        if same or any(each.faults for each in door.agreements):
            raise SystemExit(NOT_WHOLE)


def _row(agreement: Agreement, day: date) -> dict[str, object]:
    return {
        "no.": agreement.number,
        "agreement": f"{agreement.name}, version {agreement.version}",
        "state": agreement.state(day),
        "until": str(agreement.end),
        "review": f"{agreement.review}{' (due)' if agreement.review <= day else ''}",
        "stopped by": ", ".join(wish for wish in ("objection", "opt-out") if agreement.honours(wish)) or "–",
    }


def _notes(agreements: tuple[Agreement, ...]) -> None:
    unchecked = {each.title for one in agreements for each in one.gateways if each.checked != "verified"}
    if unchecked:
        out.print(f"Have your adviser check the wording of {len(unchecked)} gateways:", markup=False)
        for title in sorted(unchecked):
            out.print(f"  · {title}", markup=False)


def _show_changes(found: list[Change], same: list[str]) -> None:
    out.print("What changes:" if found else "Nothing changes in what is permitted.")
    for each in found:
        out.print(f"  {each.sentence}", markup=False)
    for name in same:
        out.print(f"✗ {name}: its text changed, and its version did not go up.", markup=False)


def _document(
    agreements: tuple[Agreement, ...], day: date, fingerprint: str, found: list[Change], same: list[str]
) -> dict[str, object]:
    return {
        "day": day,
        "fingerprint": fingerprint,
        "agreements": [
            {**_row(each, day), "faults": each.faults, "notes": each.notes} for each in agreements
        ],
        "changes": [asdict(each) for each in found],
        "changed_without_version": same,
    }
