"""`evi link`: link records into people, households and families, and say how sure it is."""

from __future__ import annotations

from evi.cli.app import HERE, DistrictOption, ForceOption, JsonOption, app
from evi.cli.perform import perform
from evi.cli.pipeline import LINK


@app.command()
def link(district: DistrictOption = HERE, force: ForceOption = False, as_json: JsonOption = False) -> None:
    """Link records into people, households and families, and say how sure it is.

    Example: `evi link --district my-district`
    """
    perform(LINK, district, as_json=as_json, force=force)
