"""`evi casefind life`: where each rule stands in its life, and decisions about it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from evi.cli.app import HERE, DistrictOption, JsonOption
from evi.cli.casefind import casefind_app
from evi.cli.console import mistakes_explained, out, show_json, show_table
from evi.workspace import District


@casefind_app.command()
def life(
    rule: Annotated[str | None, typer.Argument(help="The rule, or family of rules (all of them).")] = None,
    district: DistrictOption = HERE,
    to: Annotated[
        str | None, typer.Option(help="What it becomes: shadow, live, suspended or retired.")
    ] = None,
    by: Annotated[str, typer.Option(help="Who decided: a role, such as “designated clinical officer”.")] = "",
    because: Annotated[str, typer.Option(help="Why, in a few words.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Show where rules stand, or write down a decision: proposed, shadow, live, suspended, retired.

    Only a live rule's work lists go out. The ledger is checked whenever it is read.

    Example: `evi casefind life gld --to shadow --by "SEND board" --because "To see what it would ask for"`
    """
    with mistakes_explained(as_json=as_json):
        from evi.casefinding import life as lives  # noqa: PLC0415 - loaded when asked for
        from evi.casefinding.rules import load_rules, rules_named  # noqa: PLC0415

        opened = District.open(district)
        rules = rules_named(rule, opened) if rule else tuple(load_rules(opened).values())
        if to is not None and rule is not None:
            for each in rules:  # a family is decided on together or not at all
                lives.check_decision(opened, each, to, by, because)
            for each in rules:
                lives.decide(opened, each, to, by, because)
        elif to is not None or by or because:
            raise typer.BadParameter("name the RULE that the decision is about, and --to")
        entries = lives.ledger(opened).read()
        rows = [_row(lives.standing(opened, each, entries)) for each in rules]
        head = lives.ledger(opened).head()
        history = [row for each in rules for row in lives.decisions_on(opened, each.id)] if rule else []
        if as_json:
            show_json({"rules": rows, "decisions": history, "ledger": asdict(head)})
            return
        show_table("", rows, ("rule", "version", "state", "since", "decided by", "because"))
        if history:
            out.print("Decisions, oldest first:")
        for entry in history:
            out.print(
                f"  {entry['at'][:10]} v{entry['version']} {entry['was']} → {entry['to']}: {entry['by']}, "
                f"“{entry['because']}”",
                markup=False,
            )
        out.print(f"The ledger checks out: {head.entries} entries, the last {head.hash}.", markup=False)


def _row(found: Any) -> dict[str, object]:
    return {
        "rule": found.rule,
        "version": found.version,
        "state": found.state.name + (" (its text was changed since)" if found.changed else ""),
        "since": found.since[:10],
        "decided by": found.by,
        "because": found.because,
    }
