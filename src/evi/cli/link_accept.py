"""`evi link accept`: someone says why what linkage found can be lived with."""

from __future__ import annotations

from typing import Annotated

import typer

from evi.cli.app import HERE, DistrictOption, JsonOption
from evi.cli.console import mistakes_explained, out, show_json
from evi.cli.link import link_app
from evi.linkage import gate
from evi.workspace import District


@link_app.command()
def accept(
    reason: Annotated[str, typer.Option(help="Why this can be lived with. Kept, and printed in the report.")],
    by: Annotated[
        str, typer.Option(help="The role of whoever answers for it, such as 'data protection lead'.")
    ],
    district: DistrictOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Accept what linkage found beyond its limits, so that the run can go on. Changed figures ask again.

    Example: `evi link accept --reason "small feed, agency told" --by "head of data" --district my-district`
    """
    with mistakes_explained(as_json=as_json):
        opened = District.open(district)
        entry = gate.accept(opened, reason, by)
        if as_json:
            show_json(entry)
            return
        for line in entry["says"]:
            out.print(f"accepted: {line}", markup=False)
        out.print(f"Written to {opened.runs / gate.ACCEPTED}. Go on with: evi run", markup=False)
