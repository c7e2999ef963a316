"""`evi evaluate power`: how likely the planned trial is to find what would matter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from evi.cli.app import JsonOption
from evi.cli.console import TerminalProgress, mistakes_explained, out, show_json, show_table
from evi.cli.evaluate import ProtocolArgument, evaluate_app
from evi.workspace import EviError, replace_file

if TYPE_CHECKING:
    from evi.casefinding.trials.power import Power
    from evi.casefinding.trials.protocol import Protocol


@evaluate_app.command()
def power(
    protocol: ProtocolArgument,
    trials: Annotated[int, typer.Option(min=100, max=100_000, help="Made-up trials for each figure.")] = 2000,
    as_json: JsonOption = False,
    save: Annotated[Path | None, typer.Option("--out", help="Also write it to a .json file.")] = None,
) -> None:
    """Make up trials from the protocol's assumptions, analyse each, and count how often they find something.

    Example: `evi evaluate power trial.yaml`
    """
    with mistakes_explained(as_json=as_json):
        from evi.casefinding.trials.power import power as work_out  # noqa: PLC0415 - loaded when asked for
        from evi.casefinding.trials.protocol import read_protocol  # noqa: PLC0415

        if save is not None and save.suffix != ".json":
            raise EviError(
                "what kind of file is meant?", where="--out", do="End its name in .json.", exit_code=2
            )
        asked = read_protocol(protocol)
        found = work_out(asked, trials=trials, progress=TerminalProgress())
        document = {
            "protocol": asked.id,
            "digest": asked.digest,
            "trials": trials,
            "notes": asked.notes,
            "outcomes": [each.to_json() for each in found],
        }
        if save is not None:
            with replace_file(save) as scratch:
                scratch.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        if as_json:
            show_json(document)
            return
        _show(asked, found)


def _show(asked: Protocol, found: tuple[Power, ...]) -> None:
    from evi.casefinding.trials.telling import amount  # noqa: PLC0415

    show_table(
        f"{escape(asked.title)}: {len(asked.clusters)} schools, {len(asked.periods)} periods",
        [
            {
                "outcome": each.outcome.id + (" (primary)" if each.outcome.primary else ""),
                "worthwhile": amount(each.outcome, each.effect),
                "power": f"{each.simulated.found:.0%}",
                "by formula": "–" if each.by_formula != each.by_formula else f"{each.by_formula:.0%}",
                f"found with {asked.power:.0%}": amount(each.outcome, each.detectable),
                "false finds": f"{each.at_nothing.found:.1%}",
                "…ignoring schools": f"{each.at_nothing.found_naive:.1%}",
                "intervals hold": f"{each.simulated.covered:.1%}",
            }
            for each in found
        ],
    )
    for each in found:
        cases = "; ".join(f"{words}: {share:.0%}" for words, share in each.what_if)
        out.print(f"  · {each.outcome.id}, power if {cases}", markup=False)
    first = found[0]
    if first.simulated.found < asked.power:
        out.print(
            f"  · Too small for its main question: {first.simulated.found:.0%} where {asked.power:.0%} is "
            "asked for. More schools help more than more children in each.",
            markup=False,
        )
    for line in asked.notes:
        out.print(f"  · {line}", markup=False)
    out.print(
        "  · Power is by difference in differences. A mixed model finds somewhat more if what it assumes is "
        "right.\n"
        "  · All of it rests on the assumptions in the protocol: "
        + "; ".join(dict.fromkeys(each.outcome.source for each in found)),
        markup=False,
    )
