"""`evi agreement`: what the information-sharing agreements permit, and what is missing from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evi.cli.app import app
from evi.workspace import District, EviError

if TYPE_CHECKING:
    from evi.sharing.decisions import Door

agreement_app = typer.Typer(
    help="Information-sharing agreements: checked, shown, and asked who may see what.\n\n"
    "Example: `evi agreement why --role senco --kind school --tie on-roll --item plan --folder agreements`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(agreement_app, name="agreement")

FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--folder", "-f", help="The folder of agreements (default: the district's, or the shipped examples)."
    ),
]
InDistrictOption = Annotated[
    Path | None, typer.Option("--district", "-d", help="The district folder.", envvar="EVI_DISTRICT")
]


def folder_of(folder: Path | None, district: Path | None) -> Path:
    """The folder of agreements that is meant: the one named, the district's own, or the shipped examples."""
    from evi.sharing.agreements import EXAMPLES  # noqa: PLC0415 - only what is asked for is imported

    if folder is not None:
        return folder
    return District.open(district).root / "agreements" if district is not None else EXAMPLES


def open_door(folder: Path | None, district: Path | None) -> Door:
    """The door of the agreements that are meant.

    Raises:
        EviError: there is no such folder, it holds no agreement, or one of them is wrong.
    """
    from evi.sharing.decisions import Door  # noqa: PLC0415

    where = folder_of(folder, district)
    door = Door.open([where])
    if not door.agreements:
        raise EviError(
            "there are no agreements here.", where=str(where), do="Put YAML files there.", exit_code=2
        )
    return door
