"""`evi evaluate analyse`: what the trial found, and what it does not say."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from evi.cli.app import DateOption, JsonOption
from evi.cli.console import TerminalProgress, mistakes_explained, out, show_json, show_table
from evi.cli.days import day_asked
from evi.cli.evaluate import AllocationOption, ProtocolArgument, evaluate_app
from evi.records import store_state
from evi.workspace import District, EviError, replace_file

if TYPE_CHECKING:
    from evi.casefinding.trials.protocol import Protocol
    from evi.casefinding.trials.rows import Rows

AS_IT_IS = {"share": 100.0, "days": 1.0, "count": 1.0}
UNIT = {"share": "%", "days": "days", "count": "events"}


@evaluate_app.command()
def analyse(
    protocol: ProtocolArgument,
    data: Annotated[
        Path | None, typer.Argument(help="Results as CSV: cluster, period, child, outcome, value.")
    ] = None,
    district: Annotated[
        Path | None, typer.Option("--district", "-d", help="Or read them from a district's records.")
    ] = None,
    allocation: AllocationOption = None,
    day: DateOption = None,
    by: Annotated[
        str | None, typer.Option("--by", help="Also by group: a column of the CSV, or sex, language, …")
    ] = None,
    as_json: JsonOption = False,
    save: Annotated[Path | None, typer.Option("--out", help="Also write it to a .json file.")] = None,
) -> None:
    """Analyse a trial: the effect with its interval, checks by other roads, groups, and what is missing.

    Example: `evi evaluate analyse trial.yaml results.csv --allocation allocation.yaml --by language`
    """
    with mistakes_explained(as_json=as_json):
        from evi.casefinding.trials.analysing import analyse as work_out  # noqa: PLC0415 - loaded when asked for
        from evi.casefinding.trials.ledger import (  # noqa: PLC0415
            changes,
            looks,
            note_analysis,
            read_allocation,
        )
        from evi.casefinding.trials.protocol import read_protocol  # noqa: PLC0415
        from evi.casefinding.trials.telling import printable  # noqa: PLC0415

        if (data is None) == (district is None):
            raise EviError(
                "where are the results?", where="DATA or --district", do="Give one of the two.", exit_code=2
            )
        if save is not None and save.suffix != ".json":
            raise EviError(
                "what kind of file is meant?", where="--out", do="End its name in .json.", exit_code=2
            )
        asked = read_protocol(protocol)
        starts, notes = read_allocation(asked, allocation)
        rows, source = _rows(asked, starts, data, district, day, by)
        notes += changes(asked)
        found = work_out(asked, starts, rows, by=by, notes=tuple(notes), progress=TerminalProgress())
        note_analysis(asked, source, datetime.now(UTC).date())
        document = printable(found)
        if (n := looks(asked)) > 1:
            document["notes"].append(
                f"Results of this trial were analysed {n} times with different data. Who looks often, and "
                "stops when a difference shows, finds differences that are not there."
            )
        if save is not None:
            with replace_file(save) as scratch:
                scratch.write_text(
                    json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
                )
        if as_json:
            show_json(document)
            return
        _show(document)
        if save is not None:
            out.print(f"[green]✓[/] written: {save}")


def _rows(
    asked: Protocol,
    starts: dict[str, str | None],
    data: Path | None,
    district: Path | None,
    day: str | None,
    by: str | None,
) -> tuple[dict[str, Rows], str]:
    """Rows of every outcome, and a hash of what they came from."""
    from evi.casefinding.trials.from_records import read_records  # noqa: PLC0415
    from evi.casefinding.trials.table_file import read_table  # noqa: PLC0415

    if data is not None:
        found = read_table(data, asked, starts)
        return found, hashlib.blake2b(data.read_bytes(), digest_size=16).hexdigest()
    opened = District.open(Path(str(district)))
    on = day_asked(opened, day)
    return read_records(opened, asked, starts, on, by), f"{store_state(opened)} {on}"


def _show(document: dict[str, Any]) -> None:
    out.print(f"[bold]{escape(document['title'])}[/]\n{escape(document['question'])}")
    for each in document["outcomes"]:
        _show_outcome(each)
    for name, why in document["left_out"].items():
        out.print(f"\n  · {name}: not estimated, {why}", markup=False)
    if document["notes"]:
        out.print("\nOf the trial itself")
    for line in document["notes"]:
        out.print(f"  · {line}", markup=False)


def _show_outcome(each: dict[str, Any]) -> None:
    unit, times = UNIT[each["kind"]], AS_IT_IS[each["kind"]]
    mark = " (primary)" if each["primary"] else ""
    out.print(f"\n[bold]{each['id']}[/]{mark}: {escape(each['title'])}")
    for line in each["said"]:
        out.print(f"  {line}", markup=False)
    show_table(
        "",
        [
            {
                "period": escape(row["period"]),
                "arm": row["arm"],
                "schools": row["schools"],
                "children": row["children"] if row["children"] is not None else "fewer than 10",
                f"mean ({unit})": "not shown" if row["mean"] is None else f"{row['mean'] * times:.1f}",
            }
            for row in each["table"]
        ],
    )
    rows = [_row(effect, times, unit) for effect in (each["main"], *each["others"])]
    if each["permutation"]:
        by_lot = each["permutation"]
        rows.append(
            {
                "how": f"permutation test, {by_lot['allocations']:,} allocations",
                "p": f"{by_lot['p_value']:.4f}",
            }
        )
    show_table("", rows, ["how", "effect", "interval", *(["p"] if each["primary"] else [])])
    for line in each["rejects"]:
        out.print(f"  · {line}", markup=False)
    if each["groups"]:
        show_table(
            "By group: what counts is the difference between groups, and its interval",
            [_group(row, times, unit) for row in each["groups"]],
        )
    if each["groups_left_out"]:
        out.print(f"  · {each['groups_left_out']} groups have too few children to say anything of.")


def _row(effect: dict[str, Any], times: float, unit: str) -> dict[str, object]:
    if effect["value"] is None:
        return {"how": effect["how"], "effect": None, "interval": effect["note"]}
    if effect["method"] == "ratio":
        times, unit = 1.0, ""
    row: dict[str, object] = {
        "how": effect["how"],
        "effect": f"{effect['value'] * times:.2f} {_points(unit)}".strip(),
        "interval": f"{effect['low'] * times:.2f} to {effect['high'] * times:.2f}",
    }
    if "p_value" in effect:
        row["p"] = _p(effect["p_value"])
    return row


def _group(row: dict[str, Any], times: float, unit: str) -> dict[str, object]:
    value, low, high = (None if each is None else each * times for each in row["effect"])
    made: dict[str, object] = {
        "group": escape(row["group"]),
        "children": row["children"] if row["children"] is not None else "not shown",
        f"effect ({_points(unit)})": "–"
        if value is None or low is None
        else f"{value:.1f} ({low:.1f} to {high:.1f})",
    }
    apart = row["difference"]
    made["difference"] = "the largest group" if apart is None else "–" if None in apart else (
        f"{apart[0] * times:.1f} ({apart[1] * times:.1f} to {apart[2] * times:.1f})"
    )  # fmt: skip
    made["p of the difference"] = None if row["p_of_difference"] is None else f"{row['p_of_difference']:.3f}"
    return made


def _p(value: float) -> str:
    return "under 0.0001" if value < 0.0001 else f"{value:.4f}"


def _points(unit: str) -> str:
    return "points" if unit == "%" else unit
