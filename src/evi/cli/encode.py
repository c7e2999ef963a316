"""`evi encode`: replace names, dates, addresses and identifiers by keyed codes, at the agency."""

from __future__ import annotations

from evi.cli.app import HERE, DistrictOption, ForceOption, JsonOption, app
from evi.cli.perform import perform
from evi.cli.pipeline import ENCODE


@app.command()
def encode(district: DistrictOption = HERE, force: ForceOption = False, as_json: JsonOption = False) -> None:
    """Replace names, dates, addresses and identifiers by keyed codes, at the agency.

    Example: `evi encode --district my-district`
    """
    perform(ENCODE, district, as_json=as_json, force=force)
