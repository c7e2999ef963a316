"""`evi queue`: measure a waiting list, forecast it, size what it needs, follow what comes after."""

from __future__ import annotations

import typer

from evi.cli.app import app

queues_app = typer.Typer(
    help="Waiting lists: measure, forecast, size the capacity, follow the knock-on, plan the days.\n\n"
    "Example: `evi queue measure autism --district my-district`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(queues_app, name="queue")
