"""`evi queue backtest`: would the forecast have been right, on places from which nothing was learned?"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evi.cli.app import JsonOption
from evi.cli.console import TerminalProgress, mistakes_explained, out, show_json, show_table
from evi.cli.days import parse_date
from evi.cli.queue import queues_app
from evi.cli.queue_reading import read_published
from evi.workspace import EviError, replace_file

if TYPE_CHECKING:
    from evi.queues.forecasts.backtesting import Backtest, Judged
    from evi.queues.forecasts.drift import Known
    from evi.queues.forecasts.limit_trials import LimitJudged


BY_PLACE = ("nothing", "flows")
"""Of what is told, what is shown by place."""


@queues_app.command()
def backtest(
    kind: Annotated[str, typer.Argument(help="Whose tables: camhs (Public Health Scotland).")],
    files: Annotated[list[Path], typer.Argument(help="The published tables.")],
    learn_before: Annotated[
        str | None,
        typer.Option(help="Learn only from before this day, and judge only forecasts made from then on."),
    ] = None,
    drift: Annotated[
        Path | None, typer.Option(help="Also write the drift that all places teach, as a YAML file.")
    ] = None,
    limit: Annotated[
        int, typer.Option(help="Also judge the share waiting under so many weeks; 0: don't.")
    ] = 18,
    by_place: Annotated[bool, typer.Option(help="Show every place too.")] = False,
    as_json: JsonOption = False,
    save: Annotated[Path | None, typer.Option("--out", help="Also write it to a .json file.")] = None,
) -> None:
    """Forecast every past month of every place with what was known then, and count how often it held.

    Example: `evi queue backtest camhs scotland_camhs_*.csv --by-place`
    """
    with mistakes_explained(as_json=as_json):
        from evi.queues.forecasts.backtesting import backtest as judge  # noqa: PLC0415 - loaded only when asked for
        from evi.queues.forecasts.limit_trials import limit_backtest  # noqa: PLC0415
        from evi.queues.published.scottish_camhs import SCOTLAND  # noqa: PLC0415

        if save is not None and save.suffix != ".json":
            raise EviError(
                "what kind of file is meant?", where="--out", do="End its name in .json.", exit_code=2
            )
        places = [one for one in read_published(kind, files) if one.place not in {"Scotland", SCOTLAND}]
        progress = TerminalProgress()
        found = judge(places, learn_before=parse_date(learn_before), progress=progress)
        limits: tuple[LimitJudged, ...] = ()
        learned = found.drift
        if limit and learn_before is None:
            limits, taught = limit_backtest(places, limit, progress=progress)
            learned = replace(learned, trust=taught.trust, stray=taught.stray)
        document = found.as_json() | {"limit_weeks": limit, "within_limit": [asdict(row) for row in limits]}
        document["drift"] = asdict(learned)
        text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        for path, written in ((save, text), (drift, learned.to_yaml())):
            if path is not None:
                with replace_file(path) as scratch:
                    scratch.write_text(written, encoding="utf-8")
        if as_json:
            show_json(document)
            return
        _show(found, by_place=by_place)
        if limits:
            show_table(f"Share waiting under {limit} weeks", [_limit_row(row) for row in limits])
        for path in (save, drift):
            if path is not None:
                out.print(f"[green]✓[/] written: {path}")


def _show(found: Backtest, *, by_place: bool) -> None:
    show_table("Over all places, each counting alike", [_row(row) for row in found.rows])
    if by_place:
        places = dict.fromkeys((row.place, row.known) for row in found.by_place if row.known in BY_PLACE)
        show_table(
            "By place: error (of no change), and share inside the 80% interval",
            [_place_row(found, place, known) for place, known in places],
        )
    out.print("  · error: mean |middle - outcome| as a share of the list on the day of the forecast")
    for line in found.notes:
        out.print(f"  · {line}", markup=False)
    for place in found.left_out:
        out.print(f"  · {place}: history too short to judge.", markup=False)


def _row(row: Judged) -> dict[str, object]:
    return {
        "told": row.known,
        "months": row.months,
        "method": row.method,
        "n": row.cases,
        "error": row.error,
        "CRPS": row.crps,
        "50%": row.inside_50,
        "80%": row.inside_80,
        "95%": row.inside_95,
    }


def _place_row(found: Backtest, place: str, known: Known) -> dict[str, object]:
    made: dict[str, object] = {"place": place.removeprefix("NHS "), "told": known}
    judged = [
        row for row in found.by_place if (row.place, row.known, row.method) == (place, known, "forecast")
    ]
    for row in judged:
        plain = found.find(known, "no change", row.months, place)
        made[f"{row.months} months"] = f"{row.error:.2f} ({plain.error:.2f}), {row.inside_80:.0%}"
    return made


def _limit_row(row: LimitJudged) -> dict[str, object]:
    return {
        "told": row.known,
        "months": row.months,
        "n": row.cases,
        "error": row.error,
        "no change": row.no_change,
        "CRPS": row.crps,
        "80%": row.inside_80,
    }
