"""`evi casefind card`: everything that must be said of a rule before it is used."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evi.cli.app import HERE, DateOption, DistrictOption, JsonOption
from evi.cli.casefind import casefind_app
from evi.cli.console import mistakes_explained, out, show_json
from evi.cli.days import day_asked
from evi.workspace import District, EviError, file_hash

if TYPE_CHECKING:
    from evi.casefinding.cards.card import Card
    from evi.casefinding.models.saved import Saved
    from evi.casefinding.rules import Rule


@casefind_app.command()
def card(
    rule: Annotated[str | None, typer.Argument(help="The rule, or family of rules (a card each).")] = None,
    district: DistrictOption = HERE,
    day: DateOption = None,
    draft: Annotated[bool, typer.Option("--draft", help="Write it with gaps, marked in capitals.")] = False,
    model: Annotated[
        Path | None, typer.Option(help="The card of a model (model.json) in place of its rule's.")
    ] = None,
    questions: Annotated[
        bool, typer.Option("--questions", help="Print what a district is asked, as a file to fill in.")
    ] = False,
    folder: Annotated[
        Path | None, typer.Option("--out", help="Where to (default: outputs/casefind-cards).")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make the card of a rule: TRIPOD+AI, transparency record, fairness, hazard log, equality draft.

    A card with a gap is refused; --draft writes it with the gaps marked. A rule goes live only with a
    complete card of its present text.

    Example: `evi casefind card autism-eyfsp-2021 --district my-district --draft`
    """
    with mistakes_explained(as_json=as_json):
        from evi.casefinding.cards import card as cards  # noqa: PLC0415 - loaded when asked for
        from evi.casefinding.cards.answers import blank_answers  # noqa: PLC0415
        from evi.casefinding.cards.written import JSON, card_document, write_card  # noqa: PLC0415
        from evi.casefinding.models.saved import load_model  # noqa: PLC0415
        from evi.casefinding.rules import rules_named  # noqa: PLC0415
        from evi.reports.card_page import card_page  # noqa: PLC0415

        if questions:
            typer.echo(blank_answers(), nl=False)
            return
        saved = load_model(model) if model is not None else None
        if saved is not None:
            rule = saved.rule.rpartition(" v")[0]
        if rule is None:
            raise EviError("which rule is meant?", where="RULE", do="See `evi casefind rules`.", exit_code=2)
        opened = District.open(district)
        on = day_asked(opened, day)
        made = [cards.make_card(opened, each, on, saved) for each in _rules(rules_named(rule, opened), saved)]
        if not draft:
            for each in made:
                cards.check_complete(each)
        for each in made:
            where = (folder or opened.outputs / "casefind-cards") / each.rule
            write_card(each, where, card_page(each))
            if each.complete and not draft:
                now = datetime.now(UTC).isoformat(timespec="seconds")
                cards.note_card(opened, each, file_hash(where / JSON), now)
            if not as_json:
                _tell(each, where)
        if as_json:
            show_json([card_document(each) for each in made])


def _rules(rules: tuple[Rule, ...], saved: Saved | None) -> tuple[Rule, ...]:
    """The rules, after it was checked that a model's rule is still the one that it was made beside."""
    if saved is not None and [rule.digest for rule in rules] != [saved.rule_digest]:
        raise EviError(
            f"the rule {saved.rule} has changed since the model was made.",
            where="--model",
            do="Make the model again.",
            exit_code=2,
        )
    return rules


def _tell(made: Card, where: Path) -> None:
    fields = sum(len(part.fields) for part in made.parts)
    if made.complete:
        out.print(f"[green]✓[/] {made.label}: {fields} fields, none missing → {where}")
        return
    wanting = {field for wanted in made.missing.values() for field in wanted}
    out.print(f"{made.label}: a draft; {len(wanting)} of {fields} fields lack something → {where}")
