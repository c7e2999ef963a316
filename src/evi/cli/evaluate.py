"""`evi evaluate`: whether a change that some schools try, and others not or not yet, helps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evi.cli.app import app

evaluate_app = typer.Typer(
    help="Evaluate a change that some schools try and others do not (yet): plan, draw lots, analyse.\n\n"
    "Example: `evi evaluate example parallel --out trial.yaml`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(evaluate_app, name="evaluate")

ProtocolArgument = Annotated[Path, typer.Argument(help="The protocol's file (YAML).")]
AllocationOption = Annotated[
    Path | None,
    typer.Option("--allocation", help="Which school starts when, as `evi evaluate allocate` wrote it."),
]
