"""`evi queue measure`: how long the list is, who came, who was seen, and how long they wait."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evi.cli.app import HERE, DistrictOption, JsonOption
from evi.cli.console import err, mistakes_explained, out, show_json, show_table
from evi.cli.days import day_asked, parse_date
from evi.cli.queue import queues_app
from evi.workspace import District, EviError, replace_file

if TYPE_CHECKING:
    from datetime import date

    from evi.queues.measuring.journeys import Journeys


@queues_app.command()
def measure(
    pathway: Annotated[
        str | None,
        typer.Argument(help="The waiting list, such as autism; without it, those that have a clock."),
    ] = None,
    district: DistrictOption = HERE,
    day: Annotated[
        str | None,
        typer.Option("--day", "--date", help="The day to look at (default: the newest day known)."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Count from this day on (default: a year; with --by or --every, three years)."),
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Compare children by sex, ethnicity, deprivation or school.")
    ] = None,
    every: Annotated[str | None, typer.Option(help="Also show every week or month.")] = None,
    as_json: JsonOption = False,
    save: Annotated[
        Path | None,
        typer.Option("--out", help="Also write it: all of it to a .json file, the table to a .csv file."),
    ] = None,
) -> None:
    """Measure a waiting list: its size, what came and went, and three waits that are not the same.

    A number under 10 is hidden, others are rounded to the nearest 5.

    Example: `evi queue measure autism --district my-district --by deprivation`
    """
    with mistakes_explained(as_json=as_json):
        opened = District.open(district)
        if pathway is None:
            _clocks(opened, as_json=as_json)
            return
        document = _document(opened, pathway, day_asked(opened, day), parse_date(since), by, every)
        if save is not None:
            _save(save, document)
        if as_json:
            show_json(document)
        else:
            _show(document)
            if save is not None:
                out.print(f"[green]✓[/] written: {save}")


def _clocks(district: District, *, as_json: bool) -> None:
    from evi.queues.measuring.clocks import load_clocks, missing_codes  # noqa: PLC0415 - loaded only when asked for

    rows = [
        {
            "pathway": clock.id,
            "what": clock.title,
            "limit": "; ".join(f"{step.title}: {step.limit_words}" for step in clock.milestones),
            "missing": "; ".join(missing_codes(clock, district)) or "nothing",
        }
        for clock in load_clocks(district).values()
    ]
    if as_json:
        show_json(rows)
    else:
        show_table("Waiting lists that have a clock, and what no feed gives", rows)


def _document(
    district: District, pathway: str, day: date, since: date | None, by: str | None, every: str | None
) -> dict[str, Any]:
    from evi.index.disclosure import RULE  # noqa: PLC0415
    from evi.queues.measuring.clocks import check_feeds, clock_of  # noqa: PLC0415
    from evi.queues.measuring.journeys import journeys  # noqa: PLC0415
    from evi.queues.measuring.measures import snapshot  # noqa: PLC0415
    from evi.queues.measuring.printable import printable_series, printable_snapshot  # noqa: PLC0415

    clock = clock_of(pathway, district)
    notes = check_feeds(clock, district)
    made = journeys(district, pathway, day)
    document: dict[str, Any] = printable_snapshot(snapshot(made, since))
    document["about"] = " ".join(clock.about.split())
    document["limit_sources"] = [
        f"{limit}: {' '.join(limit.source.split())} ({limit.status})"
        for step in clock.milestones for limit in step.limits
    ]  # fmt: skip
    if not clock.missed:
        del document["appointments"], document["missed"]
    if every is not None:
        from evi.queues.measuring.over_time import by_period  # noqa: PLC0415

        if every not in ("week", "month"):
            raise EviError(f"“{every}” is no period.", where="--every", do="Say week or month.", exit_code=2)
        document["every"] = printable_series(by_period(made, every, since))  # type: ignore[arg-type]
    if by is not None:
        document["by"] = _groups(district, made, by, since)
    document["notes"] = [*notes, RULE]
    return document


def _groups(district: District, made: Journeys, by: str, since: date | None) -> dict[str, Any]:
    from evi.queues.measuring.groups import group_children  # noqa: PLC0415
    from evi.queues.measuring.inequality import unequal_waits  # noqa: PLC0415

    found = unequal_waits(made, group_children(district, made.table, by), by, since)  # type: ignore[arg-type]
    return {
        "by": by,
        "since": str(found.since),
        "compared_at": round(found.compared_at, 1),
        "groups": found.printable,
    }


def _save(path: Path, document: dict[str, Any]) -> None:
    import json  # noqa: PLC0415

    import polars as pl  # noqa: PLC0415

    if path.suffix not in (".json", ".csv"):
        raise EviError(
            "what kind of file is meant?", where="--out", do="End its name in .json or .csv.", exit_code=2
        )
    rows = document.get("every") or [_flat(row) for row in document.get("by", {}).get("groups", [])]
    if path.suffix == ".csv" and not rows:
        raise EviError(
            "there is no table to write.", where="--out", do="Add --every month or --by sex.", exit_code=2
        )
    with replace_file(path) as scratch:
        if path.suffix == ".csv":
            pl.DataFrame(rows, infer_schema_length=None).write_csv(scratch)
        else:
            scratch.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in row.items():
        if name in INTERVALS:
            parts = value or {}
            made |= {f"{name}{end}": parts.get(part) for part, end in PARTS.items()}
        else:
            made[name] = value
    return made


INTERVALS = ("within_limit", "started_by", "gap", "until_half", "wait_so_far", "missed")
PARTS = {"value": "", "low": "_low", "high": "_high"}


def _show(document: dict[str, Any]) -> None:
    from evi.queues.measuring.measures import LONGEST, WAIT_OF_SEEN, WAIT_SO_FAR  # noqa: PLC0415
    from evi.queues.measuring.printable import said  # noqa: PLC0415

    unit = document["unit"]
    out.print(f"{document['title']} on {document['day']}: [bold]{_n(document['waiting'])}[/] on the list")
    out.print(f"{document['about']}\n", markup=False)
    flows = ("referrals", "starts", "removals", "appointments", "missed")
    out.print(
        f"Since {document['since']}: {said((name, document[name]) for name in flows if name in document)}\n"
    )
    waits = [_told(name, document[name]) for name in (WAIT_OF_SEEN, WAIT_SO_FAR)]
    show_table(f"Waits in {unit}; the limit is {document['limit']}", waits)
    longest = "not shown" if document[LONGEST] is None else f"{document[LONGEST]:,} {unit}"
    out.print(f"{LONGEST} on the list: {longest}\n")
    for name, what, title in (
        ("waiting_by_weeks", "weeks", "List by age of wait"),
        ("removals_by_reason", "reason", "Removals by reason"),
    ):
        if document[name]:
            show_table(title, [{what: key, "children": _n(value)} for key, value in document[name].items()])
    if len(document["milestones"]) > 1:
        steps = [
            {**step, "reached": _n(step["reached"]), "share_in_time": _percent(step["share_in_time"])}
            for step in document["milestones"]
        ]
        show_table(f"Milestones reached since {document['since']}", steps)
    if "every" in document:
        show_table("Over time", [_short(row) for row in document["every"]])
    if "by" in document:
        _show_groups(document["by"], unit)
    for line in (*document["set_aside"], *document["notes"]):
        err.print(f"  [yellow]·[/] {line}")


def _told(name: str, waits: dict[str, Any]) -> dict[str, Any]:
    return {
        "wait": name,
        "mean": _tenth(waits["mean"]),
        "median": _tenth(waits["median"]),
        "90%": _tenth(waits["90th percentile"]),
        "in limit": _percent(waits["share within the limit"]),
    }


def _short(row: dict[str, Any]) -> dict[str, Any]:
    names = {"referrals": "referred", "starts": "started", "removals": "removed", "waiting": "list"}
    return {
        "from": row["start"][:-3] if row["start"].endswith("-01") else row["start"],
        **{short: _n(row[name]) for name, short in names.items()},
        "seen, median": _tenth(row["wait_seen_median"]),
        "so far, median": _tenth(row["wait_so_far_median"]),
        "longest": _tenth(row["wait_so_far_longest"]),
    }


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _tenth(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def _show_groups(found: dict[str, Any], unit: str) -> None:
    at = found["compared_at"]
    same = all(row["within_limit"] == row["started_by"] for row in found["groups"])
    rows = [
        {
            found["by"]: row["group"],
            "referred": row["said"],
            "list": _n(row["waiting"]),
            "in limit": _range(row["within_limit"], "%"),
            **({} if same else {f"by {at:g}": _range(row["started_by"], "%")}),
            "less others": _range(row["gap"], "%"),
            "p": "–" if row["p_value"] is None else f"{row['p_value']:.2g}",
            "half started by": _range(row["until_half"], ""),
        }
        for row in found["groups"]
    ]
    by_then = "" if same else f", and by {at:g} {unit}"
    title = f"Share of children referred since {found['since']} who started within the limit{by_then}"
    show_table(f"{title}; with 95% intervals", rows)


def _range(interval: dict[str, float | None] | None, unit: str) -> str:
    if interval is None:
        return "–"
    scale = 100 if unit == "%" else 1

    def told(value: float | None) -> str:
        if value is None:
            return "?"
        return f"{value * scale:.0f}" if unit == "%" else f"{value:.1f}"

    return f"{told(interval['value'])}{unit} ({told(interval['low'])}, {told(interval['high'])})"


def _n(value: int | float | None) -> str:
    return "hidden" if value is None else f"{value:,}"
