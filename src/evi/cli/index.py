"""`evi index`: the index of every child, family, school and small area on one day."""

from __future__ import annotations

from evi.cli.app import HERE, DateOption, DistrictOption, ForceOption, JsonOption, app
from evi.cli.days import parse_date
from evi.cli.perform import perform
from evi.cli.pipeline import INDEX


@app.command()
def index(
    district: DistrictOption = HERE,
    day: DateOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Work out the index on one day, for children, families, schools and small areas.

    Example: `evi index --district my-district --date 2026-03-31`
    """
    options = {"date": str(parse_date(day))} if day else {}
    perform(INDEX, district, as_json=as_json, force=force, options=options)
