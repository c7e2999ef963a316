"""`evi load`: load encoded extracts into the event store."""

from __future__ import annotations

from evi.cli.app import HERE, DistrictOption, ForceOption, JsonOption, app
from evi.cli.perform import perform
from evi.cli.pipeline import LOAD


@app.command()
def load(district: DistrictOption = HERE, force: ForceOption = False, as_json: JsonOption = False) -> None:
    """Load encoded extracts into the event store.

    Example: `evi load --district my-district`
    """
    perform(LOAD, district, as_json=as_json, force=force)
