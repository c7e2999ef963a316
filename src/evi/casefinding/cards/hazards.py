"""The draft hazard log and the draft equality assessment, filled in from the same facts as the forms."""

from __future__ import annotations

from dataclasses import dataclass

from evi.casefinding.cards.forms import Facts, Field, Part, fill, form


@dataclass(frozen=True)
class Hazard:
    """One hazard, before and after its controls.

    Attributes:
        risk, residual: 1 (lowest) to 5, by the matrix of severity and likelihood, before and after controls.
        owner: who answers for it.
    """

    id: str
    hazard: str
    causes: str
    effects: str
    severity: str
    likelihood: str
    risk: int
    controls: str
    likelihood_after: str
    residual: int
    owner: str


@dataclass(frozen=True)
class HazardLog:
    """Every hazard, and the fields as a part of the card that can have gaps."""

    hazards: tuple[Hazard, ...]
    part: Part


def hazard_log(facts: Facts) -> HazardLog:
    """Fill in the hazard log; severity and likelihood are drafts for the clinical safety officer."""
    table, hazards, fields = form("hazards"), [], []
    owner, owner_gaps = fill(table["owner"], facts)
    decision, decision_gaps = fill(table["decision"], facts)
    for row in table["hazards"]:
        words, gaps = {}, list(owner_gaps)
        for name in ("hazard", "causes", "effects", "controls"):
            words[name], more = fill(row[name], facts)
            gaps += more
        hazards.append(
            Hazard(
                row["id"], words["hazard"], words["causes"], words["effects"], row["severity"],
                row["likelihood"], risk(row["severity"], row["likelihood"]), words["controls"],
                row["after"], risk(row["severity"], row["after"]), owner,
            )
        )  # fmt: skip
        fields.append(
            Field(row["id"], "Hazards", words["hazard"], words["controls"], tuple(dict.fromkeys(gaps)))
        )
    fields.append(Field("decision", "Hazards", "What the safety officer decided", decision, decision_gaps))
    title = "Hazard log (draft, in the shape of DCB0129)"
    return HazardLog(tuple(hazards), Part("hazards", title, table["source"], tuple(fields)))


def risk(severity: str, likelihood: str) -> int:
    """The risk of 1 to 5 that the matrix gives.

    >>> risk("considerable", "high"), risk("minor", "very low")
    (3, 1)
    """
    table = form("hazards")
    return int(table["matrix"][likelihood][table["severities"].index(severity)])


def equality_part(facts: Facts, fairness: tuple[tuple[str, ...], ...]) -> Part:
    """Fill in the equality draft; `fairness` are the rows of the group table, headed `BY: GROUP`."""
    table, fields = form("equality"), []
    for row in table["characteristics"]:
        answer, gaps = fill(row["known"], facts)
        mine = [cells for cells in fairness if cells[0].startswith(f"{row.get('by', '')}: ")]
        if "by" in row:
            answer += (
                " See the rows of the fairness section: " + ", ".join(cells[0] for cells in mine) + "."
                if mine
                else " The run gives no figures by group."
            )
        fields.append(Field(row["id"], "What is known", row["title"], answer, gaps))
    for key, title in (("engagement", "Who was asked"), ("action", "What is done"), ("lead", "Who leads")):
        answer, gaps = fill(table[key], facts)
        fields.append(Field(key, "What follows", title, answer, gaps))
    return Part("equality", "Equality impact assessment (draft)", table["source"], tuple(fields))
