"""`evi ledger`: check and anchor the access ledger, who looked at a child's record, and what is unusual."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from evi.cli.app import HERE, DistrictOption, JsonOption, app
from evi.cli.console import mistakes_explained, out, show_json, show_table
from evi.cli.opening_care import CareOption, open_care
from evi.workspace import EviError

if TYPE_CHECKING:
    from evi.care.door.looked import Look

TAMPERED = 4
"""What `verify` ends with if the ledger has a fault."""

ledger_app = typer.Typer(
    help="Check and anchor the access ledger; who looked, and what is unusual.\n\n"
    "Example: `evi ledger verify --district my-district`",
    no_args_is_help=True,
)
app.add_typer(ledger_app, name="ledger")


@ledger_app.command()
def verify(
    district: DistrictOption = HERE,
    care: CareOption = None,
    anchor: Annotated[
        list[str] | None, typer.Option("--anchor", help="A line that `evi ledger anchor` printed; repeat it.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check that nobody edited, took out, moved, put in or cut off an entry; names the first that is wrong.

    It ends with 4 if something is.

    Example: `evi ledger verify --anchor "eVI ledger 1204 3f…e1 2026-05-03T10:00:00.000000Z"`
    """
    with mistakes_explained(as_json=as_json):
        open_care(care, district)
        from evi.care.door import ledger  # noqa: PLC0415 - after Django is set up
        from evi.sharing.ledger import Anchor  # noqa: PLC0415

        found = ledger.check([Anchor.of_line(line) for line in anchor or ()])
        if as_json:
            show_json(asdict(found))
        elif found.fault is None:
            said = f"✓ {found.entries:,} entries, none changed; {found.anchors:,} anchors held."
            out.print(said, f"It ends with {found.head.hash}.", markup=False)
        else:
            out.print(
                f"✗ {found.fault.kind} at entry {found.fault.number:,}: {found.fault.sentence}", markup=False
            )
        if found.fault:
            raise SystemExit(TAMPERED)


@ledger_app.command()
def anchor(district: DistrictOption = HERE, care: CareOption = None, as_json: JsonOption = False) -> None:
    """Note how far the ledger goes, outside its database, and print the line to give to somebody else.

    Whoever can change the database and this folder can't change the line that is in the board's minutes.

    Example: `evi ledger anchor`
    """
    with mistakes_explained(as_json=as_json):
        open_care(care, district)
        from evi.care.door import ledger  # noqa: PLC0415

        made = ledger.anchor()
        if as_json:
            show_json(asdict(made) | {"line": made.line()})
        else:
            typer.echo(made.line())


@ledger_app.command("who-looked")
def who_looked(
    child: Annotated[str, typer.Argument(help="The child's public id, as in the address of its page.")],
    district: DistrictOption = HERE,
    care: CareOption = None,
    as_json: JsonOption = False,
) -> None:
    """Who looked at a child's record, when and why, to give to the family. This look is in the ledger too.

    Example: `evi ledger who-looked bcdf2345ghjk67`
    """
    with mistakes_explained(as_json=as_json):
        open_care(care, district)
        from evi.care.children.models import Child  # noqa: PLC0415
        from evi.care.door import ledger, looked  # noqa: PLC0415

        found = Child.objects.filter(public_id=child).first()
        if found is None:
            raise EviError("no child has this public id.", where="who-looked", exit_code=2)
        before, lines = None, []
        while True:
            page = looked.who_looked(found, before)
            lines += [(day.day.isoformat(), look) for day in page.days for look in day.looks]
            if (before := page.before) is None:
                break
        ledger.append(actor=ledger.SYSTEM, action="export", child=child, permitted=["access-list"])
        if as_json:
            show_json([{"day": day} | asdict(look) for day, look in lines])
        else:
            show_table(
                "", [_row(day, look) for day, look in lines], ["day", "who", "did", "why", "by", "times"]
            )


def _row(day: str, look: Look) -> dict[str, object]:
    refused = f"; was told no: {', '.join(look.refused)}" if look.refused else ""
    return {
        "day": day,
        "who": ", ".join(part for part in (look.who, look.role, look.place) if part),
        "did": f"{look.did}: {', '.join(look.items)}{refused}" if look.items else f"{look.did}{refused}",
        "why": look.why,
        "by": look.agreement,
        "times": look.times,
    }


@ledger_app.command()
def unusual(
    district: DistrictOption = HERE,
    care: CareOption = None,
    organisation: Annotated[str, typer.Option(help="Only people of this organisation (its code).")] = "",
    as_json: JsonOption = False,
) -> None:
    """Access to ask about: own family, many eyes, odd hours, refusals, searches, emergencies.

    Children and people are named by public id only.

    Example: `evi ledger unusual --organisation hill-school`
    """
    with mistakes_explained(as_json=as_json):
        open_care(care, district)
        from evi.care.door.unusual import find_unusual  # noqa: PLC0415
        from evi.sharing.unusual import unusual_rules  # noqa: PLC0415

        found, rules = find_unusual(organisation), unusual_rules()
        if as_json:
            show_json([asdict(each) for each in found])
            return
        if not found:
            out.print(f"Nothing unusual in the last {rules.days} days.")
            return
        rows = [
            {
                "rule": rules.rules[each.rule].title,
                "who": ", ".join(part for part in (each.person, each.role, each.organisation) if part),
                "what": each.sentence,
                "records": ", ".join(each.children or (each.child,)),
            }
            for each in found
        ]
        show_table("", rows)
