"""`evi link`: link records into people, households and families, and say how sure it is."""

from __future__ import annotations

from typing import Annotated

import typer

from evi.cli.app import HERE, DistrictOption, ForceOption, JsonOption, app
from evi.cli.perform import perform
from evi.cli.pipeline import DRAWS, LINK

link_app = typer.Typer(
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(link_app, name="link")


@link_app.callback(invoke_without_command=True)
def link(
    context: typer.Context,
    district: DistrictOption = HERE,
    draws: Annotated[
        int, typer.Option(help="Also draw so many plausible spines, and say how figures vary between them.")
    ] = 0,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Link records into people, households and families, and say how sure it is.

    With --draws, `draws/figures.parquet` holds district counts with the middle 90% of the draws, and
    `draws/people.parquet` the records that a draw gives to another person than the spine does. With --json it
    prints two documents then.

    Example: `evi link --draws 20 --district my-district`
    """
    if context.invoked_subcommand is None:
        perform(LINK, district, as_json=as_json, force=force)
        if draws:
            perform(DRAWS, district, as_json=as_json, force=force, draws=draws)
