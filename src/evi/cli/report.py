"""`evi report`: write the report of the district as one HTML file."""

from __future__ import annotations

from evi.cli.app import HERE, DistrictOption, ForceOption, JsonOption, app
from evi.cli.perform import perform
from evi.cli.pipeline import REPORT


@app.command()
def report(district: DistrictOption = HERE, force: ForceOption = False, as_json: JsonOption = False) -> None:
    """Write the report of the district as one HTML file.

    Example: `evi report --district my-district`
    """
    perform(REPORT, district, as_json=as_json, force=force)
