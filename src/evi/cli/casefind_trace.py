"""`evi casefind trace`: whom one version of a rule touched, and what followed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evi.cli.app import HERE, DateOption, DistrictOption, JsonOption
from evi.cli.casefind import casefind_app
from evi.cli.console import mistakes_explained, out, show_json, show_table
from evi.cli.days import day_asked
from evi.workspace import District


@casefind_app.command()
def trace(
    rule: Annotated[str, typer.Argument(help="The rule's own id, such as autism-eyfsp-2021.")],
    version: Annotated[int, typer.Option(help="The version that was withdrawn.")],
    to: Annotated[Path, typer.Option("--out", help="The file of children to write (CSV).")],
    district: DistrictOption = HERE,
    day: DateOption = None,
    everyone: Annotated[
        bool, typer.Option("--everyone", help="Also children who were asked and not listed.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the children whom a version of a rule touched, by pseudonym, and what followed or did not.

    Example: `evi casefind trace autism-eyfsp-2021 --version 1 --out trace.csv --district my-district`
    """
    with mistakes_explained(as_json=as_json):
        from evi.casefinding import tracing  # noqa: PLC0415 - loaded when asked for

        opened = District.open(district)
        found = tracing.trace(opened, rule, version, day_asked(opened, day))
        written = tracing.write_trace(found, to, everyone=everyone)
        said = tracing.said_of(found) | {"written": str(to), "rows": written}
        if as_json:
            show_json(said)
            return
        out.print(f"{rule} v{version}: {len(found.runs)} runs, traced to {found.day}", markup=False)
        counts = found.counts()
        rows: list[dict[str, object]] = [
            {"what": name.replace("_", " ")}
            | {tracing.TOUCHED[touched]: counted[name] for touched, counted in counts.items()}
            for name in counts["listed"]
        ]
        show_table("", rows)
        out.print(f"[green]✓[/] {written:,} children → {to}")
        out.print("What followed is what the records say. It doesn't say that the rule was the cause.")
