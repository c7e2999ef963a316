"""`evi casefind replay` and `evi casefind runs`: past lists, made again by the version that made them."""

from __future__ import annotations

from typing import Annotated

import typer

from evi.cli.app import HERE, DistrictOption, JsonOption
from evi.cli.casefind import casefind_app
from evi.cli.console import mistakes_explained, out, show_json, show_table
from evi.workspace import District

FIRST = 20


@casefind_app.command()
def runs(
    district: DistrictOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """List the runs that made work lists: rule, day, whether it went out, and how many were listed.

    Example: `evi casefind runs --district my-district`
    """
    with mistakes_explained(as_json=as_json):
        from evi.casefinding.kept import read_run  # noqa: PLC0415 - loaded when asked for
        from evi.casefinding.life import RUN, ledger  # noqa: PLC0415

        opened = District.open(district)
        entries = [each for each in ledger(opened).read() if each["kind"] == RUN]
        rows: list[dict[str, object]] = []
        for entry in entries:
            kept = read_run(opened, entry["run"])
            rows.append(
                {
                    "run": kept.run,
                    "rules": ", ".join(entry["rules"]),
                    "day": str(kept.day),
                    "went out": "yes" if kept.released else f"no ({kept.state})",
                    "listed": kept.table.height,
                }
            )
        if as_json:
            show_json(rows)
        else:
            show_table("", rows, ("run", "rules", "day", "went out", "listed"))


@casefind_app.command()
def replay(
    run: Annotated[str, typer.Argument(help="The run, as `evi casefind runs` names it.")],
    district: DistrictOption = HERE,
    most: Annotated[int, typer.Option("--most", min=0, help="How many differences to print.")] = FIRST,
    as_json: JsonOption = False,
) -> None:
    """Make a past work list again with the rule that made it, and compare it child by child.

    Ends with 1 if anything differs, and says why: linkage, records, or code.

    Example: `evi casefind replay 20260901T101500-casefind-1a2b3c4d --district my-district`
    """
    with mistakes_explained(as_json=as_json):
        from evi.casefinding.replaying import CAUSES  # noqa: PLC0415 - loaded when asked for
        from evi.casefinding.replaying import replay as replayed  # noqa: PLC0415

        found = replayed(District.open(district), run)
        if as_json:
            show_json(
                {
                    "run": run,
                    "same": found.same,
                    "same_bits": found.bits,
                    "listed": found.listed,
                    "code_differs": found.code,
                    "inputs_that_differ": found.inputs,
                    "rules_changed_since": found.rules,
                    "causes": found.causes,
                    "entries": found.differing.to_dicts(),
                    "answers": found.answers.to_dicts(),
                }
            )
            raise typer.Exit(0 if found.same else 1)
        labels = ", ".join(rule.label for rule in found.run.rules)
        out.print(f"{labels} on {found.run.day}: {found.listed:,} children on the list then", markup=False)
        for words in _ground(found.code, found.inputs, found.rules):
            out.print(f"  · {words}", markup=False)
        if found.same:
            bits = "the same list, bit for bit" if found.bits else "the same list; only its packing differs"
            out.print(f"[green]✓[/] {bits}")
            return
        for cause, count in found.causes.items():
            out.print(f"  {count:,} children differ: {CAUSES[cause]}")
        rows = [
            {**row, "subject_id": str(row["subject_id"])} for row in found.differing.head(most).to_dicts()
        ]
        if rows:
            show_table("", rows, ("subject_id", "what", "then", "now", "cause"))
        moved = found.answers.filter(found.answers["then"] != found.answers["now"]).height
        out.print(f"{found.answers.height:,} children's answers rest on another score; {moved:,} changed.")
        raise typer.Exit(1)


def _ground(code: bool, inputs: tuple[str, ...], rules: tuple[str, ...]) -> list[str]:
    said = []
    if code:
        said.append("the code is not the code of that run")
    if inputs:
        said.append(f"{len(inputs)} files that it read are not what they were: {', '.join(inputs[:5])}")
    if rules:
        said.append(f"changed or gone since, and replayed as they were: {', '.join(rules)}")
    return said
