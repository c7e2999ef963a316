"""`evi compare`: two case-finding rules side by side, and who moves."""

from __future__ import annotations

from typing import Annotated

import typer

from evi.cli.app import HERE, DateOption, DistrictOption, JsonOption, app
from evi.cli.console import mistakes_explained, out, show_json, show_table
from evi.cli.days import day_asked
from evi.workspace import District

FIRST = 10


@app.command()
def compare(
    rule_a: Annotated[str, typer.Argument(help="One rule, or family of rules.")],
    rule_b: Annotated[str, typer.Argument(help="The other.")],
    district: DistrictOption = HERE,
    day: DateOption = None,
    most: Annotated[
        int, typer.Option("--most", min=1, help="How many children of each move to print.")
    ] = FIRST,
    as_json: JsonOption = False,
) -> None:
    """Compare two case-finding rules: who is found by both, and who moves on or off the list.

    Example: `evi compare gld gld-age --district my-district`
    """
    with mistakes_explained(as_json=as_json):
        from evi.casefinding.comparing import compare as compare_findings  # noqa: PLC0415
        from evi.casefinding.finding import find  # noqa: PLC0415

        opened = District.open(district)
        on = day_asked(opened, day)
        found = compare_findings(find(opened, rule_a, on), find(opened, rule_b, on))
        if as_json:
            show_json(found.to_json())
            return
        title = f"{rule_a} (down) and {rule_b} (across), children on {on}"
        across = list(dict.fromkeys(found.crossed["answer_b"].to_list()))
        rows = []
        for answer in dict.fromkeys(found.crossed["answer_a"].to_list()):
            of = {b: n for a, b, n in found.crossed.iter_rows() if a == answer}
            rows.append({"": answer.replace("_", " "), **{b.replace("_", " "): of.get(b, 0) for b in across}})
        show_table(title, rows)
        for moves, words in (
            ("stays", "found by both"),
            ("on", f"found by {rule_b} alone"),
            ("off", f"found by {rule_a} alone"),
        ):
            children = found.of(moves)
            out.print(f"\n[bold]{children.height:,} {words}[/]")
            if moves != "stays" and children.height:
                show_table(
                    "",
                    [
                        {
                            "child": str(row["subject_id"]),
                            "school": row["school"],
                            "why": "\n".join(row["why"]),
                        }
                        for row in children.head(most).iter_rows(named=True)
                    ],
                )
