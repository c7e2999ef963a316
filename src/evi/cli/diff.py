"""`evi diff`: what changed between two indexes, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from evi import index
from evi.cli.app import HERE, DistrictOption, JsonOption, app
from evi.cli.console import mistakes_explained, out, show_json, show_table
from evi.workspace import District


@app.command()
def diff(
    before: Annotated[str, typer.Argument(help="The earlier index: a day, a run id, or a folder.")],
    after: Annotated[str, typer.Argument(help="The later one.")],
    district: DistrictOption = HERE,
    child: Annotated[int | None, typer.Option("--child", help="Only this child's changed answers.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Say which answers changed between two indexes, and why each did.

    Example: `evi diff 2026-07-31 2026-08-31 --district my-district`
    """
    with mistakes_explained(as_json=as_json):
        changes = index.diff(District.open(district), before, after)
        if child is not None:
            rows = changes.of_child(child)
            if as_json:
                show_json(rows)
            else:
                show_table(f"Child {child}", rows, ("indicator", "before", "after", "cause"))
            return
        if as_json:
            show_json(changes.to_json())
            return
        _show(changes)


def _show(changes: index.Changes) -> None:
    before, after = changes.evi_mean
    out.print(f"{changes.before}: {changes.n_before:,} children; {changes.after}: {changes.n_after:,}")
    if before is not None and after is not None:
        out.print(f"mean index {before:.4f} → {after:.4f}")
    for label, counts in (("came", changes.arrived), ("left", changes.left)):
        for why, count in counts.items():
            out.print(f"{count:,} {label}: {why}")
    rows = [
        {"before": was, "after": now, "because": cause, "answers": count}
        for (was, now, cause), count in sorted(changes.causes.items(), key=lambda item: -item[1])
    ]
    show_table("Changed answers", rows)
    bands = [{"before": was, "after": now, "children": count} for (was, now), count in changes.bands.items()]
    show_table("Changed bands", bands)
