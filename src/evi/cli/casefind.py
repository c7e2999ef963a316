"""`evi casefind`: who is worth a professional look, because of what, and how good that rule is."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from evi.cli.app import app

MAKES_A_LIST = "list"


class _RuleFirst(TyperGroup):
    """`evi casefind RULE` makes the work list of a rule: a name that is no command is the name of a rule."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands:
            args = [MAKES_A_LIST, *args]
        return super().resolve_command(ctx, args)


casefind_app = typer.Typer(
    cls=_RuleFirst,
    help="Case-finding: who may have a need that nobody has recognised, and how good each rule is.\n\n"
    "`evi casefind RULE` makes the work list of a rule.\n\n"
    "Example: `evi casefind autism-eyfsp --district my-district --capacity 40`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(casefind_app, name="casefind")
