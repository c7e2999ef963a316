"""`evi agreement list` and `show`: which agreements there are, what each says, and the words they use."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from evi.cli.agreement import FolderOption, InDistrictOption, agreement_app, open_door
from evi.cli.app import DateOption, JsonOption
from evi.cli.console import mistakes_explained, out, show_json, show_table
from evi.cli.days import parse_date

if TYPE_CHECKING:
    from evi.sharing.agreement import Agreement


@agreement_app.command("list")
def list_agreements(
    folder: FolderOption = None,
    district: InDistrictOption = None,
    words: Annotated[bool, typer.Option("--words", help="The words of agreements instead.")] = False,
    gateways: Annotated[bool, typer.Option("--gateways", help="The legal gateways instead.")] = False,
    day: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """List agreements and who is party to them, the legal gateways, or the words.

    Example: `evi agreement list --gateways`
    """
    with mistakes_explained(as_json=as_json):
        rows = _words() if words else None
        if rows is None:
            door = open_door(folder, district)
            on = parse_date(day) or date.today()  # noqa: DTZ011 - a day of people, not a moment
            rows = (
                [
                    {
                        "gateway": each.id,
                        "title": each.title,
                        "from": str(each.in_force_from or "not appointed"),
                        "switch": "on" if each.switched_on else "off",
                        "objection": each.objection,
                        "opt-out": each.opt_out,
                        "consent": each.consent,
                        "source": each.checked,
                    }
                    for each in door.gateways.values()
                ]
                if gateways
                else [
                    {
                        "no.": each.number,
                        "agreement": each.name,
                        "title": each.title,
                        "state": each.state(on),
                        "parties": ", ".join(dict.fromkeys(party.kind for party in each.parties)),
                    }
                    for each in door.agreements
                ]
            )
        if as_json:
            show_json(rows)
        else:
            show_table("", rows)


@agreement_app.command()
def show(
    name: Annotated[str, typer.Argument(help="The agreement's name, such as school-health.")],
    folder: FolderOption = None,
    district: InDistrictOption = None,
    cedar: Annotated[bool, typer.Option("--cedar", help="Print the policies that it compiles to.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show one agreement: its parties, gateways and clauses, or the policies that it compiles to.

    Example: `evi agreement show operation-encompass --cedar`
    """
    with mistakes_explained(as_json=as_json):
        from evi.sharing.compiling import compile_agreement  # noqa: PLC0415

        agreement = open_door(folder, district).agreement(name)
        if cedar:
            typer.echo("\n\n".join(policy for _, policy in compile_agreement(agreement)))
        elif as_json:
            show_json(asdict(agreement))
        else:
            _show(agreement)


def _show(agreement: Agreement) -> None:
    from evi.sharing.comparing import shortened  # noqa: PLC0415

    out.print(f"Agreement {agreement.number}: {agreement.title}, version {agreement.version}", markup=False)
    out.print(agreement.summary, markup=False)
    out.print(f"From {agreement.start} until {agreement.end}; review by {agreement.review}.", markup=False)
    for party in agreement.parties:
        signed = (
            f"signed {party.signed.day} by {party.signed.by}, {party.signed.role}"
            if party.signed
            else "NOT SIGNED"
        )
        out.print(f"  · {party.name}: {signed}", markup=False)
    for gateway in agreement.gateways:
        off = "" if gateway.live else " (OFF)"
        out.print(f"  · {gateway.title}{off}", markup=False)
    for clause in agreement.clauses:
        out.print(f"\n{clause.id}  {clause.sentence}", markup=False)
        ties = " or ".join(clause.relationships) or "no tie needed"
        agreed = ", once the family has agreed" if clause.consent_needed else ""
        out.print(
            f"     {', '.join(clause.roles)} at {', '.join(clause.organisations)}: {ties}{agreed}",
            markup=False,
        )
        out.print(f"     {', '.join(clause.actions)}: {', '.join(shortened(clause.items))}", markup=False)
    out.print("")
    for question, answer in agreement.steps.items():
        out.print(f"  {question}: {answer}", markup=False)
    for fault in agreement.faults:
        out.print(f"✗ {fault}", markup=False)


def _words() -> list[dict[str, object]]:
    from evi.sharing.vocabulary import vocabulary  # noqa: PLC0415

    known = vocabulary()
    lists = {
        "organisation": known.organisations,
        "role": known.roles,
        "relationship": known.relationships,
        "purpose": known.purposes,
        "action": known.actions,
        "item": known.items,
        "duty": known.duties,
    }
    return [
        {"kind of word": kind, "word": key, "means": getattr(word, "title", "")}
        for kind, words in lists.items()
        for key, word in words.items()
    ]
