"""`evi check`: can this extract be read, and what would be rejected?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evi import feeds
from evi.cli.app import JsonOption, app
from evi.cli.console import TerminalProgress, mistakes_explained, out, show_json, show_table
from evi.workspace import District
from evi.workspace.district import CONFIG


@app.command()
def check(
    extracts: Annotated[list[Path], typer.Argument(help="Extracts, or folders of them.")],
    rejects: Annotated[
        Path | None,
        typer.Option(help="Where rejected rows are listed (default: the district's rejects folder)."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Read extracts as the pipeline would, and say what is rejected and why.

    Ends with 0 if every row was read, 1 if some were rejected, 3 if a file was refused whole.

    Example: `evi check my-district/extracts`
    """
    with mistakes_explained(as_json=as_json):
        district = _district_of(extracts[0])
        folder = rejects or (district.rejects if district else None)
        extra = [district.root / name for name in district.config.layouts] if district else []
        report = feeds.check(extracts, feeds.load_layouts(extra), folder, TerminalProgress())
        if as_json:
            show_json(report.as_json())
        else:
            _show(report, folder)
        raise typer.Exit(3 if report.refused else 1 if report.rejected else 0)


def _district_of(path: Path) -> District | None:
    for folder in path.resolve().parents:
        if (folder / CONFIG).is_file():
            return District.open(folder)
    return None


def _show(report: feeds.CheckReport, folder: Path | None) -> None:
    rows = [
        {
            "file": Path(file.file).name,
            "layout": "refused" if file.refused else file.layout,
            "delivery": file.delivery,
            "rows": file.rows_in,
            "loaded": file.loaded,
            "rejected": file.rejected,
        }
        for file in report.files
    ]
    show_table("Extracts", rows, ("file", "layout", "delivery", "rows", "loaded", "rejected"))
    for file in report.files:
        said = [file.refused] if file.refused else []
        said += [f"{count:,} rejected: {reason}" for reason, count in file.reasons.items()]
        said += [f"{count:,} loaded, but odd: {warning}" for warning, count in file.warnings.items()]
        for line in (*said, *file.notes):
            out.print(f"{Path(file.file).name}: {line}", markup=False)
    for note in report.notes:
        out.print(note, markup=False)
    if report.rejected and folder:
        out.print(f"\nRejected rows are listed, without their values, in {folder}", markup=False)
