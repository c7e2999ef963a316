"""`evi demo`: a made-up district, the whole pipeline, a release, and the application with seven sign-ins."""

from __future__ import annotations

import os
import webbrowser
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evi.cli.app import app
from evi.cli.console import TerminalProgress, mistakes_explained, out, show_result, show_table
from evi.cli.new import DEFAULT_PEOPLE, DEFAULT_SEED, make_synthetic
from evi.cli.run import run_all
from evi.cli.serve import PORT
from evi.workspace import District, Progress
from evi.workspace.district import CONFIG

if TYPE_CHECKING:
    from evi.care.tour.making import Demonstration


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where the demo district is to be.")] = Path("demo-district"),
    people: Annotated[int, typer.Option(help="How many made-up people.")] = DEFAULT_PEOPLE,
    seed: Annotated[int, typer.Option(help="The same seed makes the same people.")] = DEFAULT_SEED,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="The port of the application.")] = PORT,
    serve: Annotated[bool, typer.Option(help="Serve the application when all is ready.")] = True,
) -> None:
    """Make a synthetic district, run everything on it, release a list, and serve the application.

    It prints seven sign-ins with one password, and opens the guided tour. With CI=true nothing is opened, and
    it ends when the sign-in page has answered.

    Example: `evi demo demo-district --people 20000`
    """
    with mistakes_explained():
        from evi.cli.demo_release import check_synthetic, release_demo  # noqa: PLC0415 - polars

        progress = TerminalProgress()
        if not (folder / CONFIG).is_file():
            show_result(make_synthetic(folder, people, seed, progress), folder)
        district = District.open(folder)
        check_synthetic(district)
        run_all(district, progress)
        _waiting_list(district, progress)
        out.print(f"Its report: {district.outputs / 'report.html'}", markup=False)
        for manifest in release_demo(district, progress):
            out.print(
                f"[green]✓[/] released: {manifest['release']}, {manifest['children']:,} children, "
                f"under {manifest['agreement']}"
            )
        made = _filled(district, progress)
        out.print(f"One child: evi patterns, evi status and evi child --district {folder}", markup=False)
        if serve:
            _serve(district, made, port)
        else:
            _tell(made, f"Start it with: evi serve --district {folder}")


def _filled(district: District, progress: Progress) -> Demonstration:
    """The application's tables, filled, with people who can sign in."""
    from evi.care import boot  # noqa: PLC0415 - Django
    from evi.cli.care import show_loaded  # noqa: PLC0415

    boot.open_care(district)
    boot.prepare(district, progress)
    from evi.care.loading.district import keep_circles, load_district  # noqa: PLC0415
    from evi.care.tour.making import make_demonstration  # noqa: PLC0415

    show_loaded(load_district(district, progress))
    made = make_demonstration(district)
    keep_circles(progress)
    return made


def _serve(district: District, made: Demonstration, port: int) -> None:
    """Serve until somebody stops it; with CI=true until one page has answered."""
    from evi.care.serving import background  # noqa: PLC0415 - Django
    from evi.cli.serve import started  # noqa: PLC0415

    server = started(district, "127.0.0.1", port, None)
    _tell(made, f"eVI answers at {server.address}  The guided tour: {server.address}tour/")
    if os.environ.get("CI"):
        server.stop()
        out.print("The sign-in page answered; CI is set, so the server was stopped again.")
        return
    out.print("Ctrl+C stops it.")
    webbrowser.open(f"{server.address}tour/")
    raise typer.Exit(server.run(partial(background, district.outputs / "releases")))


def _tell(made: Demonstration, where: str) -> None:
    rows = [{"sign in as": each.email, "who": f"{each.name}, {each.title}"} for each in made.seven]
    show_table("", rows)
    rest = ", ".join(each.email for each in made.sign_ins if each not in made.seven)
    out.print(f"Also: {rest}", markup=False)
    out.print(f"Password of all of them: {made.password}", markup=False)
    out.print(where, markup=False)


def _waiting_list(district: District, progress: Progress) -> None:
    """The page of the autism pathway's waiting list, from the same records."""
    from evi.cli.queue_report import page_of_records  # noqa: PLC0415 - loaded when the rest is done
    from evi.records import reference_day  # noqa: PLC0415
    from evi.reports.queue_page import build_queue_page  # noqa: PLC0415

    page = page_of_records(district, "autism", reference_day(district), progress)
    path = build_queue_page(district, page, district.outputs / "queue-autism.html")
    out.print(f"The autism assessment waiting list: {path}", markup=False)
