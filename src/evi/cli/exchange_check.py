"""`evi exchange check`: is this a file that eVI would take, and if not, what is wrong where?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evi.cli.app import JsonOption
from evi.cli.console import mistakes_explained, out, show_json
from evi.cli.exchange import exchange_app
from evi.workspace import EviError

REFUSED = 3


@exchange_app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A FHIR R4 document or a support plan file (JSON).")],
    as_json: JsonOption = False,
) -> None:
    """Check a file as FHIR R4 with its profiles, or as a support plan file, and print each fault.

    No value of the file is printed. Ends with 0 if it would be taken, 3 if it would be refused.

    Example: `evi exchange check needs-passport.json`
    """
    from evi.care.exchange.faults import BadFileError  # noqa: PLC0415 - only this command needs FHIR
    from evi.care.exchange.files import read_file  # noqa: PLC0415

    with mistakes_explained(as_json=as_json):
        try:
            content = file.read_bytes()
        except OSError as error:
            raise EviError(
                "it can't be read.", where=str(file), do=str(error.strerror), exit_code=2
            ) from error
        try:
            found = read_file(content)
        except BadFileError as refused:
            _refused(refused.what, [str(fault) for fault in refused.faults], refused.do, as_json)
            raise typer.Exit(REFUSED) from None
        plan = found.dossier.plan
        said = {
            "kind": found.kind,
            "right": True,
            "words": len(found.dossier.words),
            "needs": len(plan.needs) if plan else 0,
            "outcomes": len(plan.outcomes) if plan else 0,
            "actions": len(plan.actions) if plan else 0,
            "reviews": len(plan.reviews) if plan else 0,
            "circle": len(found.dossier.circle),
            "left_out": len(found.dossier.left_out),
            "not_taken": [str(fault) for fault in found.not_taken],
        }
        if as_json:
            show_json(said)
            return
        kind = "a FHIR R4 document" if found.kind == "fhir" else "a support plan file"
        out.print(f"Right: {kind}.")
        names = ("words", "needs", "outcomes", "actions", "reviews", "circle", "left_out")
        out.print(", ".join(f"{name.replace('_', ' ')} {said[name]}" for name in names))
        for fault in found.not_taken:
            out.print(f"  not taken: {fault}", markup=False, soft_wrap=True)


def _refused(what: str, faults: list[str], do: str, as_json: bool) -> None:
    if as_json:
        show_json({"right": False, "what": what, "faults": faults, "do": do})
        return
    out.print(f"Refused: {what} {do}".strip(), markup=False, soft_wrap=True)
    for fault in faults:
        out.print(f"  {fault}", markup=False, soft_wrap=True)
