"""`make_card`: the card of a rule, from its file, a run on a day, its life, and the district's answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import evi
from evi.casefinding.cards.answers import FILE, read_answers
from evi.casefinding.cards.forms import ASK, Facts, Part, fill_form, form, listed, missing, questions
from evi.casefinding.cards.hazards import Hazard, equality_part, hazard_log
from evi.casefinding.cards.model_facts import model_facts, model_groups
from evi.casefinding.cards.rule_facts import rule_facts
from evi.casefinding.cards.run_facts import run_facts
from evi.casefinding.life import CARD, RUN, ledger, standing
from evi.casefinding.models.saved import Saved
from evi.casefinding.rules import Rule
from evi.workspace import District, EviError

TRIPOD, ATRS = "tripod_ai", "atrs"
MODEL_LAYER = "recorded within some years, children not learned from"


@dataclass(frozen=True)
class Card:
    """Everything that is said of a rule before it is used.

    Attributes:
        rule: id. label: id and version. digest: of its text. text: the whole rule, as JSON.
        intended, not_for: what it may be used for, and what not.
        parts: TRIPOD+AI, the transparency record, hazards (as fields), equality.
        headers, fairness: the group table. layer: the layer of truth behind it.
        hazards: the hazard log. judged: figures as they may be printed, or None.
        missing: what is missing, by name, with the fields that want it.
        why: why the run could not give something.
    """

    rule: str
    label: str
    digest: str
    title: str
    question: str
    district: str
    synthetic: bool
    day: date
    state: str
    intended: str
    not_for: tuple[str, ...]
    next_step: tuple[str, ...]
    limits: tuple[str, ...]
    parts: tuple[Part, ...]
    headers: tuple[str, ...]
    fairness: tuple[tuple[str, ...], ...]
    layer: str
    hazards: tuple[Hazard, ...]
    judged: dict[str, Any] | None
    text: str
    missing: dict[str, list[str]]
    why: str

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing

    def part(self, name: str) -> Part:
        """One part, by id."""
        return next(part for part in self.parts if part.id == name)


def make_card(district: District, rule: Rule, day: date, model: Saved | None = None) -> Card:
    """Make a card; gaps are marked in it, and listed in `missing`.

    Args:
        model: make the card of this model, which puts the list of the rule in order.

    Raises:
        EviError: the district's answers can't be read, or the ledger was tampered with.
    """
    answers = read_answers(district, rule.id)
    stands, ran = standing(district, rule), run_facts(district, rule, day)
    known = {**rule_facts(rule), **ran.facts, **_around(district, rule, day)}
    known["state"] = stands.state.name
    known["state_words"] = f"{stands.state.name}: {stands.state.means}." + (
        f" Decided by {stands.by} on {stands.since[:10]}: {stands.because}." if stands.by else ""
    )
    known["blinding"] = _blinding(district, rule)
    known["hazard_summary"] = listed([row["hazard"] for row in form("hazards")["hazards"]])
    kind = "rule"
    if model is not None:
        words = f"A model has no list and no life of its own: {known['state_words']} {model.sentence}"
        kind, known = "model", known | model_facts(model, rule) | {"state_words": words}
        headers, rows = model_groups(model)
        ran = replace(ran, headers=headers, fairness=rows, layer=MODEL_LAYER, judged=None)
    facts = Facts(known, answers, ran.why)
    log = hazard_log(facts)
    parts = (
        fill_form(TRIPOD, "TRIPOD+AI", facts, kind),
        fill_form(ATRS, "Algorithmic transparency record", facts, kind),
        log.part,
        equality_part(facts, ran.fairness),
    )
    uses = form("uses")
    return Card(
        rule.id if model is None else f"{model.about['kind']}-model-{rule.id}", str(known["label"]),
        str(known["digest"]), str(known["title"]), str(known["question"]), district.config.name,
        district.config.synthetic, day, stands.state.name, uses["intended"], tuple(uses["not_for"]),
        rule.next_step, rule.limits, parts, ran.headers, ran.fairness, ran.layer, log.hazards, ran.judged,
        str(known["text"]), missing(parts), ran.why,
    )  # fmt: skip


def check_complete(card: Card) -> None:
    """Refuse a card that has gaps, and list them.

    Raises:
        EviError: something is missing.
    """
    if card.complete:
        return
    asked = [name.removeprefix(ASK) for name in card.missing if name.startswith(ASK)]
    run = [name for name in card.missing if not name.startswith(ASK)]
    fields = {field for wanted in card.missing.values() for field in wanted}
    said = []
    if asked:
        said.append(f"the district must say: {', '.join(asked)}")
    if run:
        said.append(f"the run must give: {', '.join(run)}" + (f" ({card.why})" if card.why else ""))
    raise EviError(
        f"it is not complete: {len(fields)} fields lack something. {'; '.join(said)}".rstrip(".") + ".",
        where=f"card of {card.label}",
        do=f"Answer in {FILE} (`evi casefind card --questions` says what is asked), or add --draft.",
        exit_code=2,
    )


def note_card(district: District, card: Card, digest: str, at: str) -> dict[str, Any]:
    """Note in the ledger that a complete card of this text was made: a rule goes live only with one.

    Args:
        digest: hash of the card's JSON. at: when.

    Raises:
        EviError: it isn't complete, or the ledger was tampered with.
    """
    check_complete(card)
    version = int(card.label.rpartition(" v")[2])
    return ledger(district).append(
        {"kind": CARD, "rule": card.rule, "version": version, "digest": card.digest, "card": digest, "at": at}
    )


def asked_of_district() -> tuple[str, ...]:
    """Every key that a complete card needs an answer to."""
    return tuple(questions())


def _blinding(district: District, rule: Rule) -> str:
    went_out = [
        each
        for each in ledger(district).read()
        if each["kind"] == RUN and each["released"] and rule.label in each["rules"]
    ]
    if went_out:
        return (
            f"Lists of this version have gone out ({len(went_out)}), the first on {went_out[0]['at'][:10]}. "
            "Services may have recorded what they did because of them, so figures after that day flatter."
        )
    return "Yes or no is recorded by services, and no list of this version had gone out, so none could know."


def _around(district: District, rule: Rule, day: date) -> dict[str, str | None]:
    made_up = (
        "Everyone in it is made up." if district.config.synthetic else "Children whom its services know."
    )
    return {
        "district": district.config.name,
        "day": str(day),
        "made_up": made_up,
        "evi_version": evi.__version__,
    }
