"""`evi casefind concordance`: how well services agree on who has a recorded condition."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from evi.cli.app import HERE, DateOption, DistrictOption, JsonOption
from evi.cli.casefind import casefind_app
from evi.cli.console import mistakes_explained, out, show_json, show_table
from evi.cli.days import day_asked
from evi.workspace import District


@casefind_app.command()
def concordance(
    rule: Annotated[str, typer.Argument(help="A rule that compares records.")] = "recording-autism",
    district: DistrictOption = HERE,
    day: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """The recording-quality report: for each two services, who is recorded by both, by one, by neither.

    Example: `evi casefind concordance --district my-district`
    """
    with mistakes_explained(as_json=as_json):
        from evi.casefinding.concordance import concordance as agreements  # noqa: PLC0415
        from evi.casefinding.rules import rules_named  # noqa: PLC0415

        opened = District.open(district)
        chosen = rules_named(rule, opened)[0]
        found = agreements(opened, chosen, day_asked(opened, day))
        if as_json:
            show_json([asdict(pair) | {"share_both": pair.share_both, "kappa": pair.kappa} for pair in found])
            return
        show_table(
            chosen.title,
            [
                {
                    "one": pair.first,
                    "other": pair.second,
                    "known to both": pair.children,
                    "both have it": pair.both,
                    "only one": pair.first_only,
                    "only the other": pair.second_only,
                    "of those with any": "" if pair.share_both is None else f"{pair.share_both:.0%}",
                    "kappa": "" if pair.kappa is None else f"{pair.kappa:.2f}",
                }
                for pair in found
            ],
        )
        for limit in chosen.limits:
            out.print(f"· {limit}", markup=False)
