"""`evi exchange`: files that go to other systems and come from them."""

from __future__ import annotations

import typer

from evi.cli.app import app

exchange_app = typer.Typer(
    help="Files that go to other systems and come from them: FHIR R4 documents and support plan files.\n\n"
    "Example: `evi exchange check needs-passport.json`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(exchange_app, name="exchange")


@exchange_app.callback()
def _exchange() -> None:
    pass
