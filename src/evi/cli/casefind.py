"""`evi casefind`: who is worth a professional look, because of what, and how good that rule is."""

from __future__ import annotations

import typer

from evi.cli.app import app

casefind_app = typer.Typer(
    help="Case-finding: who may have a need that nobody has recognised, and how good each rule is.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(casefind_app, name="casefind")
