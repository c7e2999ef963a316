"""`evi demo`: a made-up district, the whole pipeline, and its report."""

from __future__ import annotations

import os
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from evi.cli.app import app
from evi.cli.console import TerminalProgress, mistakes_explained, out, show_result
from evi.cli.new import DEFAULT_PEOPLE, DEFAULT_SEED, make_synthetic
from evi.cli.run import run_all
from evi.workspace import District, EviError, Progress
from evi.workspace.district import CONFIG


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where the demo district is to be.")] = Path("demo-district"),
    people: Annotated[int, typer.Option(help="How many made-up people.")] = DEFAULT_PEOPLE,
    seed: Annotated[int, typer.Option(help="The same seed makes the same people.")] = DEFAULT_SEED,
) -> None:
    """Make a synthetic district, run everything on it, and open its report.

    With CI=true nothing is opened.

    Example: `evi demo demo-district --people 20000`
    """
    with mistakes_explained():
        progress = TerminalProgress()
        if not (folder / CONFIG).is_file():
            show_result(make_synthetic(folder, people, seed, progress), folder)
        district = District.open(folder)
        if not district.config.synthetic:
            raise EviError(
                "this district is not made up.", where=str(folder), do="Use `evi run` on it.", exit_code=2
            )
        run_all(district, progress)
        report = district.outputs / "report.html"
        _waiting_list(district, progress)
        out.print(f"\nThe district is ready. Its report: {report}", markup=False)
        out.print(f"One child: evi patterns, evi status and evi child --district {folder}", markup=False)
        if not os.environ.get("CI"):
            webbrowser.open(report.as_uri())


def _waiting_list(district: District, progress: Progress) -> None:
    """The page of the autism pathway's waiting list, from the same records."""
    from evi.cli.queue_report import page_of_records  # noqa: PLC0415 - loaded when the rest is done
    from evi.records import reference_day  # noqa: PLC0415
    from evi.reports.queue_page import build_queue_page  # noqa: PLC0415

    page = page_of_records(district, "autism", reference_day(district), progress)
    path = build_queue_page(district, page, district.outputs / "queue-autism.html")
    out.print(f"The autism assessment waiting list: {path}", markup=False)
