"""`evi panel`: the index of every month, for years."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from evi import index
from evi.cli.app import HERE, DistrictOption, JsonOption, app
from evi.cli.console import TerminalProgress, mistakes_explained, show_json, show_result, show_table
from evi.cli.days import day_asked, parse_date
from evi.workspace import District

DEFAULT_YEARS = 5


@app.command()
def panel(
    district: DistrictOption = HERE,
    start: Annotated[
        str | None, typer.Option(help="The first month, as 2021-09-01 (default: five years).")
    ] = None,
    end: Annotated[
        str | None, typer.Option(help="The last month, as 2026-08-31 (default: the newest day).")
    ] = None,
    children: Annotated[
        bool, typer.Option("--children", help="Also one row a child and month (large).")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Work out the index at the end of every month.

    Example: `evi panel --district my-district --start 2021-09-01`
    """
    with mistakes_explained(as_json=as_json):
        opened = District.open(district)
        last = day_asked(opened, end)
        first = parse_date(start) or date(last.year - DEFAULT_YEARS, last.month, 1)
        result = index.panel(opened, first, last, TerminalProgress(), children=children)
        months = index.read_panel(opened.index / "panel").months.to_pylist()
        if as_json:
            show_json({"rows": result.rows, "months": months})
            return
        show_table("Every month", months)
        show_result(result, opened.index / "panel")
