"""`evi casefind drift`: what moved between two days in what a rule says, and in whom it is asked of."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated

import typer

from evi.cli.app import HERE, DistrictOption, JsonOption
from evi.cli.casefind import casefind_app
from evi.cli.console import TerminalProgress, mistakes_explained, out, show_json, show_table
from evi.workspace import District, EviError


@casefind_app.command()
def drift(
    rule: Annotated[str, typer.Argument(help="The rule, or family of rules.")],
    before: Annotated[str, typer.Option("--from", help="The first day, as 2025-08-31.")],
    after: Annotated[str, typer.Option("--to", help="The second day.")],
    district: DistrictOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Say what moved between two days: who is flagged, who can't be assessed, scores, and who is asked.

    Example: `evi casefind drift autism-eyfsp --from 2025-08-31 --to 2026-08-31 --district my-district`
    """
    with mistakes_explained(as_json=as_json):
        from evi.casefinding.drifting import drift as drifted  # noqa: PLC0415 - loaded when asked for

        opened = District.open(district)
        found = drifted(
            opened, rule, _day(before), _day(after),
            hide=not opened.config.synthetic, progress=TerminalProgress(),
        )  # fmt: skip
        if as_json:
            show_json(asdict(found) | {"moved": [each.name for each in found.moved]})
            return
        out.print(f"{rule}: {found.asked[0]:,} children asked on {found.before}, {found.asked[1]:,} on "
                  f"{found.after}", markup=False)  # fmt: skip
        rows: list[dict[str, object]] = [
            {
                "watched": each.name,
                "was": _share(each.was),
                "now": _share(each.now),
                "change or PSI": _size(each.size, each.kind),
                "limit": f"{each.limit:g}",
                "by chance": "" if each.chance is None else f"{each.chance:.3f}",
                "moved": "yes" if each.moved else "",
            }
            for each in found.monitors
        ]
        show_table("", rows)
        for each in found.moved:
            out.print(f"  {each.name}: {each.note}", markup=False)
        if not found.moved:
            out.print("Nothing moved past its limit and past what chance explains.")


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _size(value: float | None, kind: str) -> str:
    if value is None:
        return "not shown"
    return f"{100 * value:+.1f} points" if kind == "share" else f"PSI {value:.3f}"


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise EviError(
            "this is not a day.", where="--from or --to", do="Write it as 2026-08-31.", exit_code=2
        ) from None
