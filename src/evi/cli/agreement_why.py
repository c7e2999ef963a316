"""`evi agreement why`: whether somebody may do something, and the sentence that they would read."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from evi.cli.agreement import FolderOption, InDistrictOption, agreement_app, open_door
from evi.cli.app import DateOption, JsonOption
from evi.cli.console import mistakes_explained, out, show_json
from evi.cli.days import parse_date
from evi.workspace import EviError

if TYPE_CHECKING:
    from collections.abc import Mapping

REFUSED = 3
"""What the command ends with if the answer is no."""


@agreement_app.command()
def why(
    role: Annotated[str, typer.Option("--role", "-r", help="Such as senco.")],
    kind: Annotated[str, typer.Option("--kind", "-k", help="Of which organisation, such as school.")],
    item: Annotated[str, typer.Option("--item", "-i", help="What of a child, such as plan.")],
    ties: Annotated[
        list[str] | None,
        typer.Option("--tie", "-t", help="A relationship, such as on-roll; repeatable."),
    ] = None,
    action: Annotated[str, typer.Option("--action", help="view, contribute, share, …")] = "view",
    purpose: Annotated[str | None, typer.Option("--purpose", help="Instead of the role's own.")] = None,
    organisation: Annotated[str, typer.Option("--organisation", help="The organisation's code.")] = "",
    consents: Annotated[
        list[str] | None, typer.Option("--consent", help="An agreement that the family agreed to, or all.")
    ] = None,
    objections: Annotated[
        list[str] | None, typer.Option("--objection", help="An agreement objected to, all, or opt-out.")
    ] = None,
    shared: Annotated[
        list[str] | None, typer.Option("--shared", help="An item that a share names; may be repeated.")
    ] = None,
    withheld: Annotated[bool, typer.Option("--withheld", help="The item is held back from them.")] = False,
    moved_out: Annotated[bool, typer.Option("--moved-out", help="The child has left the district.")] = False,
    folder: FolderOption = None,
    district: InDistrictOption = None,
    day: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether a role with a relationship may see (or add to, share, …) an item, and because of what.

    Ends with 0 if it may, and with 3 if not.

    Example: `evi agreement why --role senco --kind school --tie on-roll --item chronology.police`
    """
    with mistakes_explained(as_json=as_json):
        from evi.sharing.decisions import Actor, Request  # noqa: PLC0415
        from evi.sharing.vocabulary import vocabulary  # noqa: PLC0415

        words = vocabulary()
        _check("--role", [role], words.roles)
        _check("--kind", [kind], words.organisations)
        _check("--item", [item, *(shared or ())], words.items)
        _check("--tie", ties or (), words.relationships)
        _check("--action", [action], words.actions)
        _check("--purpose", [purpose] if purpose else (), words.purposes)
        request = Request(
            Actor(role, organisation, kind),
            action,
            item,
            purpose or words.roles[role].purpose,
            parse_date(day) or date.today(),  # noqa: DTZ011 - a day of people, not a moment
            ties=frozenset((ties or ()) if not shared else (*(ties or ()), "shared-with")),
            shared=frozenset(shared or ()),
            consents=frozenset(consents or ()),
            objections=frozenset(objections or ()),
            withheld=frozenset({item} if withheld else ()),
            moved_out=moved_out,
        )
        decision = open_door(folder, district).decide(request)
        if as_json:
            show_json(asdict(decision))
        else:
            out.print(f"{'✓' if decision.permitted else '✗'} {decision.sentence}", markup=False)
            if decision.gateway:
                out.print(f"  {decision.why}; gateway {decision.gateway}", markup=False)
        if not decision.permitted:
            raise SystemExit(REFUSED)


def _check(option: str, said: object, known: Mapping[str, object]) -> None:
    for word in said if isinstance(said, list | tuple) else ():
        if word not in known:
            raise EviError(
                f"there is no “{word}”.", where=option, do=f"Choose one of {', '.join(known)}.", exit_code=2
            )
