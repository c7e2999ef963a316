"""`evi link`: link records into people, households and families, and say how sure it is."""

from __future__ import annotations

from typing import Annotated

import typer

from evi.cli.app import HERE, DistrictOption, ForceOption, JsonOption, app
from evi.cli.perform import perform
from evi.cli.pipeline import DRAWS, LINK
from evi.cli.stages import state_of
from evi.workspace import District, EviError

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

    A small delivery builds on the linkage that stands, and says so; --force links everything anew.

    With --draws, `draws/figures.parquet` holds district counts with the middle 90% of the draws,
    `draws/people.parquet` the records that a draw gives to another person than the spine does, and
    `draws/trial.json` how often links in doubt were right where numbers were hidden. `evi index --draws`
    counts needs on them.

    Example: `evi link --draws 20 --district my-district`
    """
    if context.invoked_subcommand is None:
        then = [(DRAWS, {"draws": draws})] if draws else []
        perform(LINK, district, as_json=as_json, force=force, then=then)


def refuse_unless_linked(district: District) -> None:
    """For commands that change codes: they wait until what is encoded is linked.

    Raises:
        EviError: it is not.
    """
    if state_of(LINK, district)["state"] != "up to date":
        raise EviError(
            "what is encoded is not linked yet.", where=str(district.root), do="Run `evi link` first."
        )
