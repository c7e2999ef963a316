"""`evi status`: what has been run, and what is out of date."""

from __future__ import annotations

from evi.cli.app import HERE, DistrictOption, JsonOption, app
from evi.cli.console import mistakes_explained, out, show_json, show_table
from evi.cli.pipeline import STAGES
from evi.cli.stages import state_of
from evi.workspace import District


@app.command()
def status(district: DistrictOption = HERE, as_json: JsonOption = False) -> None:
    """Say which stages are up to date, and what the newest run of each counted.

    Example: `evi status --district my-district`
    """
    with mistakes_explained(as_json=as_json):
        opened = District.open(district)
        states = [state_of(stage, opened) for stage in STAGES]
        if as_json:
            show_json({"district": opened.config.name, "stages": states})
            return
        rows = [
            {
                "stage": state["stage"],
                "state": state["state"],
                "finished": state["finished"],
                "counts": ", ".join(f"{n:,} {what.replace('_', ' ')}" for what, n in state["rows"].items()),
            }
            for state in states
        ]
        show_table(opened.config.name, rows)
        for state in states:
            for note in state["notes"]:
                out.print(f"{state['stage']}: {note}", markup=False)
