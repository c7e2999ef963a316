"""The `evi` command: one module a verb."""

from evi.cli.app import app, main

__all__ = ["app", "main"]
