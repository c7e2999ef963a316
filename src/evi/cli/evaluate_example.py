"""`evi evaluate example` and `rehearse`: a protocol to copy, and made-up results to try it on."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from evi.cli.console import mistakes_explained, out
from evi.cli.evaluate import AllocationOption, ProtocolArgument, evaluate_app
from evi.workspace import EviError

EXAMPLES = ("parallel", "stepped-wedge")


@evaluate_app.command()
def example(
    design: Annotated[str, typer.Argument(help="parallel or stepped-wedge.")],
    to: Annotated[Path, typer.Option("--out", help="Where to write it.")],
) -> None:
    """Write an example of a protocol, to copy and fill.

    Example: `evi evaluate example parallel --out trial.yaml`
    """
    with mistakes_explained():
        if design not in EXAMPLES:
            raise EviError(
                f"there is no example “{design}”.",
                where="DESIGN",
                do=f"Choose {' or '.join(EXAMPLES)}.",
                exit_code=2,
            )
        if to.exists():
            raise EviError("the file is there already.", where=str(to), do="Give another name.", exit_code=3)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(files("evi.casefinding.trials") / "examples" / f"{design}.yaml"), to)
        out.print(f"[green]✓[/] written: {to}")


@evaluate_app.command()
def rehearse(
    protocol: ProtocolArgument,
    to: Annotated[Path, typer.Option("--out", help="Where to write the made-up results (CSV).")],
    allocation: AllocationOption = None,
    effect: Annotated[
        float, typer.Option(help="True difference, as a multiple of the smallest worthwhile one; 0: none.")
    ] = 1.0,
    missing: Annotated[float, typer.Option(help="Share of values left empty.")] = 0.0,
    seed: Annotated[int | None, typer.Option(help="Instead of the protocol's.")] = None,
) -> None:
    """Make up results from the protocol's assumptions, to rehearse the analysis before there are real ones.

    Example: `evi evaluate rehearse trial.yaml --allocation allocation.yaml --out made-up.csv`
    """
    with mistakes_explained():
        from evi.casefinding.trials.ledger import read_allocation  # noqa: PLC0415 - loaded when asked for
        from evi.casefinding.trials.protocol import read_protocol  # noqa: PLC0415
        from evi.casefinding.trials.rehearsing import rehearsal, write_rehearsal  # noqa: PLC0415

        asked = read_protocol(protocol)
        starts, _ = read_allocation(asked, allocation)
        table = rehearsal(asked, starts, share_of_worthwhile=effect, missing=missing, seed=seed)
        write_rehearsal(table, to)
        out.print(f"[green]✓[/] {table.height:,} made-up rows written: {to}")
