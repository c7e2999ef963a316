"""The whole command with every verb, for `typer utils docs`, which writes docs/commands.md."""

from evi.cli.app import app, load_verbs

load_verbs()

__all__ = ["app"]
