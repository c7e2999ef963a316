"""`card_page`: the card of a case-finding rule as one HTML file."""

from __future__ import annotations

from evi.casefinding.cards.card import Card
from evi.casefinding.cards.forms import Part
from evi.casefinding.cards.written import (
    DRAFT,
    HAZARD_HEADERS,
    fairness_words,
    hazard_rows,
    indented,
)
from evi.index.explanation import day_text
from evi.reports.blocks import Note, Points, Section, section, table
from evi.reports.build import page_of


def card_page(card: Card) -> str:
    """The whole page; the same card gives the same bytes."""
    return page_of(
        "card.html.j2",
        [_use(card), _fairness(card), *(_part(card, part) for part in card.parts), _text(card)],
        district=card.district,
        synthetic=card.synthetic,
        title=card.title,
        label=card.label,
        state=card.state,
        question=card.question,
        draft="" if card.complete else f"{DRAFT}. {len(card.missing)} things are missing.",
        day=day_text(card.day),
    )


def _use(card: Card) -> Section:
    rows = [("for", card.intended), *(("not for", each) for each in card.not_for)]
    rows += [(f"next step {number}", each) for number, each in enumerate(card.next_step, 1)]
    rows += [("does not know", each) for each in card.limits]
    return section("use", "What it is for, and what not", table("Use", ("What", "In words"), rows))


def _fairness(card: Card) -> Section:
    shown = table("By group", card.headers, card.fairness) if card.fairness else None
    return section("fairness", "Fairness", fairness_words(card), shown)


def _part(card: Card, part: Part) -> Section:
    wanting = sum(bool(field.gaps) for field in part.fields)
    note = Note(f"{wanting} fields of this part lack something.", "warning") if wanting else None
    if part.id == "hazards":
        log = table("Hazard log, a draft for the safety officer", HAZARD_HEADERS, hazard_rows(card))
        return section(part.id, part.title, f"Shape: {part.source}", note, log, part.fields[-1].answer)
    tables = [
        table(
            name,
            ("item", "question", "answer"),
            [(each.id, each.question, each.answer) for each in part.fields if each.section == name],
        )
        for name in dict.fromkeys(field.section for field in part.fields)
    ]
    return section(part.id, part.title, f"Shape: {part.source}", note, *tables)


def _text(card: Card) -> Section:
    return section("text", "The whole text", Points("The rule as JSON", (indented(card),)))
