"""`evi export`: tables for one recipient, under pseudonyms of that release alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evi import encoding
from evi.cli.app import HERE, DistrictOption, JsonOption, app
from evi.cli.console import mistakes_explained, show_json, show_result
from evi.workspace import District, StageResult


@app.command()
def export(
    name: Annotated[str, typer.Argument(help="The release's name, such as `schools-2026-11`.")],
    tables: Annotated[list[Path], typer.Argument(help="Parquet tables of the district.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write.")],
    district: DistrictOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Write tables for one recipient, under pseudonyms of that release alone.

    No id, and no order of rows, joins two releases. What the rows say still can, if both say the same of a
    child: leave out what the recipient does not need. Pseudonyms are not disclosure control.

    Example: `evi export schools-2026-11 index/at-2026-08-31/children.parquet --out release`
    """
    with mistakes_explained(as_json=as_json):
        opened = District.open(district)
        found = [path if path.is_file() else opened.root / path for path in tables]
        result = StageResult("export", encoding.write_release(opened, name, found, out))
        if as_json:
            show_json(result)
        else:
            show_result(result, out)
