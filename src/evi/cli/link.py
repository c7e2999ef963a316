"""`evi link`: link records into people, households and families, and say how sure it is."""

from __future__ import annotations

import typer

from evi.cli.app import HERE, DistrictOption, ForceOption, JsonOption, app
from evi.cli.perform import perform
from evi.cli.pipeline import LINK

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
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Link records into people, households and families, and say how sure it is.

    Example: `evi link --district my-district`
    """
    if context.invoked_subcommand is None:
        perform(LINK, district, as_json=as_json, force=force)
