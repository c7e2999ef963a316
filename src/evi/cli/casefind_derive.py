"""`evi casefind derive`: a line for a framework that has no published one, from local children."""

from __future__ import annotations

from typing import Annotated

import typer

from evi.cli.app import HERE, DateOption, DistrictOption, JsonOption
from evi.cli.casefind import casefind_app
from evi.cli.console import mistakes_explained, out, show_json, show_table
from evi.cli.days import day_asked
from evi.workspace import District


@casefind_app.command()
def derive(
    family: Annotated[str, typer.Argument(help="The family of rules, such as autism-eyfsp.")],
    district: DistrictOption = HERE,
    day: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Derive a line by equal share: the same share of children past it as past the line of the old framework.

    Example: `evi casefind derive autism-eyfsp --district my-district`
    """
    with mistakes_explained(as_json=as_json):
        from evi.casefinding.deriving import derive as derive_line  # noqa: PLC0415

        opened = District.open(district)
        derived = derive_line(opened, family, day_asked(opened, day))
        if as_json:
            show_json(derived.to_json())
            return
        out.print(
            f"{derived.from_rule}: {derived.share_before:.1%} of {derived.children_before:,} children are "
            f"past its line.\n{derived.rule}: the line with the nearest share is [bold]{derived.line:g}[/] "
            f"({derived.share_after:.1%} of {derived.children_after:,}); its file has {derived.shipped:g}."
        )
        near = sorted(derived.candidates, key=lambda each: abs(each[1] - derived.share_before))[:7]
        show_table("", [{"line": f"{line:g}", "share": f"{share:.1%}"} for line, share in sorted(near)])
        out.print(
            "It makes the workload alike and says nothing about who is found: judge it before use. "
            "To use it, copy the rule's file to the district's folder rules/ and put line, cohort and counts "
            "(--json) in.",
            markup=False,
        )
