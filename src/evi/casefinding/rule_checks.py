"""What a rule may not say though its schema lets it: frameworks mixed, items unsourced, lines undrawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evi.casefinding.frameworks import assessments

NEEDED = {
    "share": ("of", "to", "days", "minimum"),
    "missed": ("seen", "watched_months"),
    "indicators": ("indicators", "assessable_share"),
    "places": ("places",),
    "sum": (),
    "below": (),
}
"""What each kind of score can't do without, beside the items."""


def faults_of(table: Mapping[str, Any]) -> Iterator[str]:
    """Each mistake in a rule that fits the schema, in one sentence."""
    reads, kind = table["reads"], table["score"]["kind"]
    for what in ("age_months", "reads"):
        ages = table[what] if what == "age_months" else reads.get("assessed_age_months")
        if ages and ages[0] >= ages[1]:
            yield f"{what}: an age window must end after it starts."
    missing = [name for name in NEEDED[kind] if name not in table["score"]]
    if missing:
        yield f"score: a score of kind {kind} needs {' and '.join(missing)}."
        return
    if kind in ("sum", "below"):
        yield from _item_faults(table)
    elif "assessment" in reads or "items" in reads:
        yield f"reads: a score of kind {kind} reads no items of an assessment."
    names = [each["id"] for each in table["exclusions"]]
    if len(set(names)) < len(names):
        yield "exclusions: two have the same id."


def _item_faults(table: Mapping[str, Any]) -> Iterator[str]:
    reads, score = table["reads"], table["score"]
    known = assessments()
    if reads.get("assessment") not in known:
        yield f"reads: the assessment must be one of {', '.join(known)}."
        return
    assessment = known[reads["assessment"]]
    frameworks = reads.get("frameworks", [])
    unknown = [each for each in frameworks if each not in assessment.frameworks]
    if unknown or not frameworks:
        yield f"reads: the frameworks must be among {', '.join(assessment.frameworks)}."
        return
    if assessment.one_per_child and len(frameworks) > 1:
        yield (
            "reads: one rule may not read two frameworks, as their results are not comparable; "
            "write one rule for each and give them one family."
        )
    allowed = {code for each in frameworks for code in assessment.frameworks[each].items}
    chosen = reads.get("items", "all")
    if chosen != "all":
        strange = [code for code in chosen if code not in allowed]
        if strange:
            yield f"reads: {strange[0]} is no item of the framework {' or '.join(frameworks)}."
        if not chosen and not table.get("not_ready"):
            yield "reads: it names no items. Say in not_ready why, or fill them in."
        if chosen and len(reads.get("items_source", "")) < 10:
            yield "reads: a choice of items needs an items_source, where the choice was seen."
    for code in score.get("cuts", {}):
        if code not in allowed:
            yield f"score: {code} has a cut but is no item of the framework."
    has_expected = all(assessment.frameworks[each].expected is not None for each in frameworks)
    wanted = allowed if chosen == "all" else set(chosen)
    if score["kind"] == "below" and not has_expected and wanted - set(score.get("cuts", {})):
        yield "score: every item of this assessment needs a cut."
    if score.get("cuts") and not score.get("cuts_source"):
        yield "score: cuts need a cuts_source."
