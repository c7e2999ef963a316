"""`evi queue score-truth`: do fitted rates recover those that a made-up district was made with?"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from evi.cli.app import HERE, DistrictOption, JsonOption
from evi.cli.console import mistakes_explained, out, show_json, show_table
from evi.cli.days import day_asked
from evi.cli.queue import queues_app
from evi.workspace import District


@queues_app.command("score-truth")
def score_truth(
    pathway: Annotated[str, typer.Argument(help="The pathway, such as autism.")] = "autism",
    district: DistrictOption = HERE,
    day: Annotated[
        str | None,
        typer.Option("--day", "--date", help="The day to look at (default: the newest day known)."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare fitted slots, missed appointments and removals with the truth of a made-up district.

    Example: `evi queue score-truth autism --district demo-district`
    """
    with mistakes_explained(as_json=as_json):
        from evi.queues.forecasts.recovery import LEVEL, NO_MATCH, recover  # noqa: PLC0415 - loaded when asked for

        opened = District.open(district)
        fit, found = recover(opened, pathway, day_asked(opened, day))
        scored = [one for one in found if one.scored]
        if as_json:
            show_json(
                {
                    "pathway": pathway,
                    "first": fit.first,
                    "end": fit.end,
                    "level": LEVEL,
                    "figures": [
                        asdict(one) | {"within": one.within if one.scored else None} for one in found
                    ],
                    "within": sum(one.within for one in scored),
                    "scored": len(scored),
                    "notes": [*fit.notes, NO_MATCH],
                }
            )
            return
        show_table(
            f"Fitted from the records, {fit.first} to {fit.end}, and the truth",
            [
                {
                    "figure": one.name,
                    "truth": one.truth,
                    "fitted": one.value,
                    "95% interval": f"{one.low:.4f} to {one.high:.4f}",
                    "unit": one.unit,
                    "holds it": ("yes" if one.within else "no") if one.scored else "not scored",
                }
                for one in found
            ],
        )
        right = sum(one.within for one in scored)
        out.print(f"{right} of {len(scored)} intervals hold the truth; one in twenty would miss it by luck.")
        for note in (*fit.notes, NO_MATCH):
            out.print(note)
