"""`evi child`: one child, with reasons, with what is not known, and with who would know."""

from __future__ import annotations

from typing import Annotated

import typer

from evi import index
from evi.cli.answers import mistakes_explained, show_json
from evi.cli.app import HERE, DateOption, DistrictOption, JsonOption, app
from evi.cli.days import day_asked
from evi.workspace import District


@app.command()
def child(
    subject: Annotated[int, typer.Argument(metavar="ID", help="The child's pseudonym (subject id).")],
    district: DistrictOption = HERE,
    day: DateOption = None,
    trace: Annotated[bool, typer.Option("--trace", help="List the events behind each answer.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Explain one child: what is present, since when, from which feed; what is not known, and who would know.

    Example: `evi child 1042 --district my-district --trace`
    """
    with mistakes_explained(as_json=as_json):
        opened = District.open(district)
        explained = index.explain(opened, subject, day_asked(opened, day), trace=trace)
        if as_json:
            show_json(explained.to_json())
        else:
            typer.echo(explained.to_text())
