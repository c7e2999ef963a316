"""`evi serve`: the web application, for a district or for the care folder that the environment names."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evi.cli.app import app
from evi.cli.console import TerminalProgress, mistakes_explained, out
from evi.workspace import District, EviError

if TYPE_CHECKING:
    from evi.care.serving import Server

PORT = 8000
DistrictHere = Annotated[
    Path | None,
    typer.Option(
        "--district", "-d", help="A district folder; its care folder is in it.", envvar="EVI_DISTRICT"
    ),
]


@app.command()
def serve(
    district: DistrictHere = None,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="The port to listen on.")] = PORT,
    host: Annotated[str, typer.Option(help="The address to listen on (this machine alone).")] = "127.0.0.1",
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="Web workers (default: one a core).")
    ] = None,
) -> None:
    """Serve the application until Ctrl+C: pages, and the background work beside them.

    Tables are brought to this version first. A server that others reach stands behind a proxy with TLS:
    see docs/care-demo.md.

    Example: `evi serve --district my-district --port 8000`
    """
    with mistakes_explained():
        opened = District.open(district) if district is not None else None
        server = started(opened, host, port, workers)
        out.print(f"eVI answers at {server.address}  (Ctrl+C stops it)", markup=False)
        from evi.care.serving import background  # noqa: PLC0415 - Django

        code = server.run(partial(background, opened.outputs / "releases" if opened else None))
        out.print("Stopped.")
        raise typer.Exit(code)


def started(district: District | None, host: str, port: int, workers: int | None) -> Server:
    """A server that answers.

    Raises:
        EviError: it can't start; see `prepare` and `Server.start`.
    """
    from evi.care import boot, serving  # noqa: PLC0415 - Django

    serving.check_port(host, port)
    if host not in ("127.0.0.1", "localhost", "::1") and not os.environ.get("EVI_CARE_HOSTS"):
        raise EviError(
            "others could reach this address, and no host name was said.",
            where="EVI_CARE_HOSTS",
            do="Set it to the names by which people reach the site, and put a proxy with TLS before it.",
            exit_code=2,
        )
    boot.open_care(district)
    boot.prepare(district, TerminalProgress())
    server = serving.Server(host, port, workers or serving.usual_workers())
    server.start()
    return server
