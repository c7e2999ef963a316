"""`evi index`: the index of every child, family, school and small area on one day."""

from __future__ import annotations

from typing import Annotated

import typer

from evi.cli.app import HERE, DateOption, DistrictOption, ForceOption, JsonOption, app
from evi.cli.days import parse_date
from evi.cli.perform import perform
from evi.cli.pipeline import INDEX, INDEX_DRAWS


@app.command()
def index(
    district: DistrictOption = HERE,
    day: DateOption = None,
    draws: Annotated[
        bool, typer.Option("--draws", help="Also count it on the draws that `evi link --draws` made.")
    ] = False,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Work out the index on one day, for children, families, schools and small areas.

    With --draws, `draws/index.parquet` holds how many children have each need, by domain, ward and small
    area, with the middle 90% of the draws.

    Example: `evi index --district my-district --date 2026-03-31`
    """
    options = {"date": str(parse_date(day))} if day else {}
    then = [(INDEX_DRAWS, options)] if draws else []
    perform(INDEX, district, as_json=as_json, force=force, options=options, then=then)
