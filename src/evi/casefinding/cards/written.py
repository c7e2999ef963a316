"""Write a card: Markdown to read, JSON for machines, and the hazard log as a table."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from evi.casefinding.cards.card import Card
from evi.casefinding.cards.hazards import Hazard
from evi.workspace import replace_dir

DRAFT = "DRAFT: not complete, not to be relied on"
JSON, MARKDOWN, HAZARDS, PAGE = "card.json", "card.md", "hazard-log.csv", "card.html"


def write_card(card: Card, folder: Path, page: str = "") -> list[Path]:
    """Write the card's files, all of them or none.

    Args:
        page: the HTML of the card, if it was made.
    """
    with replace_dir(folder) as scratch:
        text = json.dumps(card_document(card), indent=1, ensure_ascii=False)
        (scratch / JSON).write_text(text + "\n", encoding="utf-8")
        (scratch / MARKDOWN).write_text(card_markdown(card), encoding="utf-8")
        if page:
            (scratch / PAGE).write_text(page, encoding="utf-8")
        with (scratch / HAZARDS).open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, [each.name for each in fields(Hazard)], lineterminator="\n")
            writer.writeheader()
            writer.writerows(asdict(each) for each in card.hazards)
    return [folder / name for name in (JSON, MARKDOWN, HAZARDS, *([PAGE] if page else []))]


def indented(card: Card) -> str:
    """The whole text of the rule, to read."""
    return json.dumps(json.loads(card.text), indent=1, ensure_ascii=False)


def card_document(card: Card) -> dict[str, Any]:
    """The card as one JSON document."""
    made = asdict(card)
    made |= {"day": str(card.day), "text": json.loads(card.text), "complete": card.complete}
    made["parts"] = {part.id: asdict(part) for part in card.parts}
    made["fairness"] = [dict(zip(card.headers, row, strict=True)) for row in card.fairness]
    del made["headers"]
    return made


def card_markdown(card: Card) -> str:
    """The card as one page of Markdown."""
    lines = [f"# {card.title}", "", f"{card.label} in {card.district}, records as known on {card.day}. "
             f"State: {card.state}."]  # fmt: skip
    if not card.complete:
        lines += ["", f"**{DRAFT}.** {len(card.missing)} things are missing; they are marked in capitals."]
    if card.synthetic:
        lines += ["", "Everyone in this district is made up. Its figures say nothing about real children."]
    lines += ["", card.question, "", "## What it is for", "", card.intended, "", "### Not for", ""]
    lines += [f"- {each}" for each in card.not_for]
    lines += ["", "### Next step for a child on its list", ""]
    lines += [f"{number}. {each}" for number, each in enumerate(card.next_step, 1)]
    lines += ["", "### What it does not know", "", *[f"- {each}" for each in card.limits]]
    lines += ["", "## Fairness", "", fairness_words(card)]
    if card.fairness:
        lines += ["", *_table(card.headers, card.fairness)]
    for part in card.parts:
        lines += ["", f"## {part.title}", "", f"Shape: {part.source}"]
        if part.id == "hazards":
            lines += ["", *_table(HAZARD_HEADERS, hazard_rows(card))]
        section = ""
        for field in part.fields:
            if part.id == "hazards" and field.id != "decision":
                continue
            if field.section != section:
                section = field.section
                lines += ["", f"### {section}"]
            lines += ["", f"**{field.id}. {field.question}** {field.answer}"]
    lines += ["", "## The whole text", "", "```json", indented(card), "```", ""]
    return "\n".join(lines)


HAZARD_HEADERS = ("hazard", "causes", "effects", "severity", "likelihood", "risk", "controls",
                  "likelihood after", "residual risk", "owner")  # fmt: skip


def hazard_rows(card: Card) -> list[tuple[str, ...]]:
    """The hazard log as rows of text."""
    return [
        (f"{h.id}. {h.hazard}", h.causes, h.effects, h.severity, h.likelihood, str(h.risk), h.controls,
         h.likelihood_after, str(h.residual), h.owner)
        for h in card.hazards
    ]  # fmt: skip


def fairness_words(card: Card) -> str:
    """What stands above the group table."""
    if not card.fairness:
        return "No figures by group: " + (card.why or "it has not run.")
    if card.layer == "flagged":
        return (
            "No service records whom it looks for, so only who is flagged and who can't be assessed is shown."
        )
    return (
        f"Against “{card.layer.replace('_', ' ')}”. Both kinds of error stand side by side, since one number "
        "can hide the other. “Not shown”: it rests on too few children."
    )


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    return [line(headers), "|" + "---|" * len(headers), *[line(row) for row in rows]]
