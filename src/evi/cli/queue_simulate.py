"""`evi queue simulate`: what a network of waiting lists does, week by week, if nothing else changes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evi.cli.app import JsonOption
from evi.cli.console import TerminalProgress, mistakes_explained, out, show_json, show_table
from evi.cli.queue import queues_app
from evi.workspace import EviError, replace_file

if TYPE_CHECKING:
    from evi.queues.simulation.paths import Paths

SHOWN_WEEKS = (1, 13, 26, 52, 104, 156, 208, 260)


@queues_app.command("simulate")
def simulate_network(
    network: Annotated[
        str, typer.Argument(help="A network in YAML, or the name of one that comes with eVI: autism_pathway.")
    ],
    weeks: Annotated[int, typer.Option("--weeks", help="How many weeks from the network's start.")] = 156,
    replications: Annotated[
        int, typer.Option("--replications", help="How often luck is drawn anew; 1,000 for bands to quote.")
    ] = 1000,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same numbers.")] = 1,
    slots: Annotated[
        Path | None,
        typer.Option(
            "--slots", help="CSV: a column a pool, a row a week (the last goes on); others as they are."
        ),
    ] = None,
    level: Annotated[
        float, typer.Option("--level", help="The middle share of replications that a band holds.")
    ] = 0.8,
    output: Annotated[
        Path | None, typer.Option("--out", "-o", help="Every week, pool and measure: .parquet or .csv.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Simulate a network of waiting lists: who is seen, who waits, and how long.

    It says what follows from the figures in the file, with a band for luck. It is no forecast: the figures
    themselves are not in doubt here (`evi queue forecast` doubts them).

    Example: `evi queue simulate autism_pathway --weeks 156 --seed 1 --out lists.parquet`
    """
    with mistakes_explained(as_json=as_json):
        if output is not None and output.suffix not in (".parquet", ".csv"):
            raise EviError(
                "that kind of file is not written.", where=str(output), do="End it in .parquet or .csv."
            )
        from evi.queues.simulation.engine import simulate  # noqa: PLC0415 (slow to import)
        from evi.queues.simulation.network_file import example_network, read_network  # noqa: PLC0415
        from evi.queues.simulation.slots_file import read_slots  # noqa: PLC0415

        is_file = network.endswith((".yaml", ".yml")) or Path(network).exists()
        model = read_network(Path(network)) if is_file else example_network(network)
        given = read_slots(slots, model, weeks) if slots is not None else None
        paths = simulate(model, weeks, replications, seed, slots=given, progress=TerminalProgress())
        if output is not None:
            _write(paths, level, output)
        if as_json:
            show_json(_document(paths, level, seed))
        else:
            _show(paths, level, model.title or network)
            if output is not None:
                out.print(f"[green]✓[/] every week, pool and measure → {output}")


def _write(paths: Paths, level: float, output: Path) -> None:
    if not output.absolute().parent.is_dir():
        raise EviError("there is no such folder.", where=str(output.parent), do="Make it first.")
    table = paths.to_table(level)
    with replace_file(output) as path:
        if output.suffix == ".csv":
            table.write_csv(path)
        else:
            table.write_parquet(path)


def _document(paths: Paths, level: float, seed: int) -> dict[str, object]:
    return {
        "start": paths.start,
        "weeks": paths.weeks,
        "replications": paths.replications,
        "seed": seed,
        "level": level,
        "notes": list(paths.notes),
        "waits": paths.waits().to_dicts(),
        "weekly": paths.to_table(level).to_dicts(),
    }


def _show(paths: Paths, level: float, title: str) -> None:
    low, high = paths.band(level)
    mean, so_far = paths.mean(), paths.mean("wait_so_far_weeks")
    rows = []
    for place, pool in enumerate(paths.pools):
        for week in sorted({*(week for week in SHOWN_WEEKS if week < paths.weeks), paths.weeks}):
            at = week - 1, place
            band = f"{low[at]:,.0f} to {high[at]:,.0f}"
            waited = f"{so_far[at]:.1f}" if so_far[at] == so_far[at] else "–"
            rows.append({"pool": pool, "after week": week, "waiting": f"{mean[at]:,.0f}", "band": band,
                         "mean weeks so far": waited})  # fmt: skip
    show_table(f"{title}: children waiting, mean and middle {level:.0%} of {paths.replications:,}", rows)
    found = paths.waits().to_dicts()
    for head, stage, children in (
        ("Wait of those seen, over all weeks", "wait_seen", "seen"),
        ("Wait so far of those waiting, after the last week", "wait_so_far", "waiting"),
    ):
        show_table(f"{head} (weeks)", [_waits(row, stage, children) for row in found])
    show_table(
        "Longest wait so far",
        [
            {"pool": row["pool"], "weeks, in the middle replication": _plain(row["longest_median"])}
            for row in found
        ],
    )
    for note in paths.notes:
        out.print(f"[yellow]·[/] {note}")


def _waits(row: dict[str, object], stage: str, children: str) -> dict[str, object]:
    share = row[f"{children}_within_share"]
    return {
        "pool": row["pool"],
        "children": _plain(row[children]),
        "mean": _plain(row[f"{stage}_mean"]),
        "half within": _plain(row[f"{stage}_median"]),
        "9 in 10 within": _plain(row[f"{stage}_p90"]),
        "within limit": f"{share:.0%} under {row['limit_weeks']}" if isinstance(share, float) else "–",
    }


def _plain(value: object) -> str:
    return f"{value:,.1f}" if isinstance(value, float) else "–"
