"""The `evi` command: its verbs, and the options that they share."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from evi import __version__

VERBS = (
    "new", "check", "encode", "link", "load", "index", "panel", "patterns", "child", "report",
    "run", "status", "rerun", "diff", "score_truth", "doctor", "demo", "export", "queue",
    "casefind", "compare", "evaluate", "agreement", "release", "serve", "care", "ledger", "exchange",
)  # fmt: skip


class _InOrder(TyperGroup):
    """Lists the verbs in the order in which they are used, those with commands below them too."""

    def list_commands(self, ctx: Any) -> list[str]:
        named = [verb.replace("_", "-") for verb in VERBS]
        return sorted(super().list_commands(ctx), key=named.index)


app = typer.Typer(
    name="evi",
    cls=_InOrder,
    help="eVI, the electronic Vulnerability Index: children's unseen needs, found together and lawfully.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,  # locals can hold a person's record
    context_settings={"help_option_names": ["-h", "--help"]},
)

DistrictOption = Annotated[
    Path,
    typer.Option("--district", "-d", help="The district folder.", envvar="EVI_DISTRICT", show_default=True),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]
DateOption = Annotated[
    str | None,
    typer.Option("--date", help="The day to look at, as 2026-08-31 (default: the newest day known)."),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Do it again even if nothing has changed.")]

HERE = Path()


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    pass


def load_verbs(*verbs: str) -> None:
    """Import the modules of `verbs` (all of them if none is named), which adds them to the app.

    The commands below a verb, such as `evi link files`, are in modules named after it (`link_files`).
    """
    modules = [module.name for module in pkgutil.iter_modules(importlib.import_module("evi.cli").__path__)]
    for verb in verbs or VERBS:
        for module in (verb, *(name for name in modules if name.startswith(f"{verb}_"))):
            importlib.import_module(f"evi.cli.{module}")


def main() -> None:
    """Run the command line. Only the verb that is asked for is imported, so that it answers at once."""
    asked = sys.argv[1].replace("-", "_") if len(sys.argv) > 1 else ""
    load_verbs(*([asked] if asked in VERBS else []))
    app()
