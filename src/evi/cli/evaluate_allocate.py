"""`evi evaluate allocate`: draw by lot which school starts when, once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from evi.cli.app import JsonOption
from evi.cli.console import mistakes_explained, out, show_json, show_table
from evi.cli.evaluate import ProtocolArgument, evaluate_app


@evaluate_app.command()
def allocate(
    protocol: ProtocolArgument,
    to: Annotated[Path, typer.Option("--out", help="Where to write who starts when (YAML).")],
    as_json: JsonOption = False,
) -> None:
    """Draw which school starts when, from the allocations that balance size and deprivation. Once.

    The draw is written to the ledger beside the protocol, and never drawn again.

    Example: `evi evaluate allocate trial.yaml --out allocation.yaml`
    """
    with mistakes_explained(as_json=as_json):
        from evi.casefinding.trials.ledger import write_allocation  # noqa: PLC0415 - loaded when asked for
        from evi.casefinding.trials.protocol import read_protocol  # noqa: PLC0415

        asked = read_protocol(protocol)
        drawn, notes, same = write_allocation(asked, to, datetime.now(UTC).date())
        if as_json:
            show_json({**drawn.to_json(), "notes": notes, "written_before": same, "file": to})
            return
        show_table(
            f"{escape(asked.title)}: drawn from {drawn.kept:,} of {drawn.listed:,} allocations, "
            "the best balanced",
            [
                {
                    "starts": escape(start),
                    "schools": int(row["schools"]),
                    **{f"mean {name}": f"{value:.1f}" for name, value in row.items() if name != "schools"},
                    "which": escape(
                        ", ".join(name for name, when in drawn.starts.items() if (when or "never") == start)
                    ),
                }
                for start, row in drawn.balance.items()
            ],
        )
        for line in notes:
            out.print(f"  · {line}", markup=False)
        out.print(f"[green]✓[/] {'the same as before' if same else 'written'}: {to}")
