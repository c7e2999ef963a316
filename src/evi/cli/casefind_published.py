"""`evi casefind published`: what a published table says of a rule, and whether its figures add up."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from evi.cli.app import JsonOption
from evi.cli.casefind import casefind_app
from evi.cli.console import mistakes_explained, out, show_json, show_table


@casefind_app.command()
def published(
    table: Annotated[str, typer.Argument(help="A YAML file, or one that is here, such as wood-2024.")],
    as_json: JsonOption = False,
) -> None:
    """Read a published table of two by two: its figures with intervals, or what does not add up in it.

    Example: `evi casefind published wright-2019-subscore`
    """
    with mistakes_explained(as_json=as_json):
        from evi.casefinding.performance import judge_counts  # noqa: PLC0415 - loaded when asked for
        from evi.casefinding.published_tables import (  # noqa: PLC0415
            counts_of,
            disagreements,
            implied_cases,
            read_published,
        )

        read = read_published(table)
        faults, implied = disagreements(read), implied_cases(read)
        found = None if faults else judge_counts(counts_of(read))
        if as_json:
            show_json(
                {
                    "id": read.id,
                    "source": read.source,
                    "adds_up": not faults,
                    "disagreements": list(faults),
                    "implied_cases": None if implied is None else asdict(implied),
                    "figures": None if found is None else asdict(found),
                }
            )
            return
        out.print(f"{read.title}\n{read.source}", markup=False)
        if found is None:
            out.print("[bold]Its figures do not add up:[/]")
            for fault in faults:
                out.print(f"  · {fault}", markup=False)
            return
        rows = [
            {
                "figure": name.replace("_", " "),
                "value": f"{each.value:.1%}",
                "95% interval": f"{each.low:.1%} to {each.high:.1%}",
            }
            for name in ("sensitivity", "specificity", "ppv", "npv", "flagged", "prevalence")
            if (each := getattr(found, name))
        ]
        for name in ("number_needed_to_assess", "odds_ratio"):
            each = getattr(found, name)
            ends = f"{each.low:.2f} to {each.high:.2f}"
            rows.append(
                {"figure": name.replace("_", " "), "value": f"{each.value:.2f}", "95% interval": ends}
            )
        show_table(f"{found.counts.n:,} children: {read.flagged_as}; {read.case}", rows)
