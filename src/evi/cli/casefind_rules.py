"""`evi casefind rules`: the rules that there are, and what each of them reads, asks and leaves out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from evi.cli.app import JsonOption
from evi.cli.casefind import casefind_app
from evi.cli.console import mistakes_explained, out, show_json, show_table
from evi.workspace import District


@casefind_app.command()
def rules(
    district: Annotated[
        str | None, typer.Option("--district", "-d", help="Also the rules of this district folder.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the page of the docs.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the case-finding rules: the shipped ones, and a district's own.

    Example: `evi casefind rules`
    """
    with mistakes_explained(as_json=as_json):
        from evi.casefinding.rule_pages import rules_page  # noqa: PLC0415
        from evi.casefinding.rules import load_rules  # noqa: PLC0415

        found = load_rules(District.open(district) if district else None)
        if as_json:
            show_json([asdict(rule) for rule in found.values()])
        elif markdown:
            typer.echo(rules_page(found), nl=False)
        else:
            rows: list[dict[str, object]] = [
                {
                    "rule": rule.id,
                    "version": rule.version,
                    "family": rule.family if rule.family != rule.id else "",
                    "title": rule.title,
                    "status": "not ready" if rule.not_ready else rule.status_default,
                }
                for rule in found.values()
            ]
            show_table("", rows)
            out.print("`evi casefind RULE --district FOLDER` makes its work list.", markup=False)
