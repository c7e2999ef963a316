"""What a rule's file says, in the words of a card."""

from __future__ import annotations

import json

from evi.casefinding.cards.forms import form, listed
from evi.casefinding.rules import Rule
from evi.workspace import code_hash

COUNTS = {
    "sum": "the items are added up",
    "below": "items below their cut are counted",
    "share": "one number of sessions is divided by another",
    "missed": "checks that were never seen are counted",
    "indicators": "parts of life with a need in the index are counted",
    "places": "services that lack a record which another service has are counted",
}
METHODS = {
    "published": "The line was published.",
    "definition": "The line is the definition itself.",
    "statutory": "The line is in law or statutory guidance.",
    "derived": "The line was worked out from another rule's, by a stated method.",
    "chosen": "The line was chosen, and rests on no study.",
}


def rule_facts(rule: Rule) -> dict[str, str | None]:
    """Facts of a rule's file, by name."""
    uses, condition = form("uses"), rule.condition.replace("_", " ")
    items = list(dict.fromkeys(rule.items.values())) or list(rule.codes)
    return {
        "kind": "rule",
        "title": rule.title,
        "label": rule.label,
        "version": str(rule.version),
        "digest": rule.digest,
        "question": rule.question,
        "condition_words": condition,
        "ages": f"{_years(rule.age_months[0])} to {_years(rule.age_months[1])} years",
        "feeds": ", ".join(rule.feeds),
        "intended": uses["intended"],
        "not_for": listed(uses["not_for"]),
        "benefit": uses["benefit"],
        "owner": rule.owner,
        "review_by": str(rule.review_by),
        "next_steps": " ".join(rule.next_step),
        "limits": " ".join(rule.limits) or "Nothing beside what the figures show.",
        "limit_first": rule.limits[0] if rule.limits else "",
        "exclusions": listed([each.title.lower() for each in rule.exclusions], none="nobody"),
        "inequalities": "Children whom services see least are recognised least; so recognition is "
        "no fair guide to need. Published: " + listed([each.figure for each in rule.evidence]),
        "objective": "To see how good the rule is here, against recorded diagnoses and, where it is known, "
        "against need that nobody has recognised, and for whom it is worse. Nothing is fitted.",
        "data_sources": f"Records of {', '.join(rule.feeds)}, joined by pseudonym.",
        "results_dated": "Each result carries the days on which it was made and known.",
        "items": _items(rule, items),
        "items_why": _items_why(rule),
        "judged_items": "Results of the assessment are a teacher's judgement."
        if rule.assessment == "eyfsp"
        else "Items are what services recorded in their usual work; some rest on the judgement of those "
        "who recorded them.",
        "sample_why": "No number is fitted, so none is asked for; figures that rest on few children are not "
        "given, and the others have intervals.",
        "division": _division(rule),
        "arithmetic": f"{COUNTS[rule.kind].capitalize()}, and the score is compared with the line: "
        f"{_line(rule)}.",
        "built": "A rule written down by people: no model, nothing learnt from records.",
        "heterogeneity_how": "Figures by school and by group, partly pooled, with floors.",
        "updating": f"This is version {rule.version}. A change is a new version, and its life starts anew.",
        "imbalance": "No: nothing is fitted.",
        "adjusted": f"The line moves with age in the school year and early birth: {rule.adjust.why}"
        if rule.adjust
        else "The line is the same for every child.",
        "sensitive": "Early birth and age in the year move the line; the others are used to judge only."
        if rule.adjust
        else "Used to judge, and not to score.",
        "line": _line(rule),
        "line_why": f"{METHODS[rule.threshold.method]} {rule.threshold.why.strip()}",
        "line_source": rule.threshold.source,
        "transported": _transported(rule),
        "evidence": listed([f"{each.figure} ({each.source})" for each in rule.evidence]),
        "text": json.dumps(json.loads(rule.text), indent=1, ensure_ascii=False),
        "code": code_hash(),
    }


def _items(rule: Rule, items: list[str]) -> str:
    if rule.not_ready:
        return f"Not filled in: {rule.not_ready}"
    head = f"{rule.reads.title}, framework {' or '.join(rule.frameworks)}: " if rule.reads else ""
    if rule.kind == "indicators":
        return "Needs of the index, by part of life; see the registry of indicators."
    return head + listed(items)


def _items_why(rule: Rule) -> str:
    if rule.items_source:
        return rule.items_source
    if rule.reads is not None:
        return "Every item of the framework, so none was picked."
    return "By what the rule asks; see its evidence: " + listed([each.source for each in rule.evidence])


def _division(rule: Rule) -> str:
    derived = rule.threshold.derived
    if derived is None:
        return "Nothing is made from records, so nothing is divided."
    return f"The line was worked out on: {derived['cohort']}. It is judged on the records of this run."


def _transported(rule: Rule) -> str:
    derived = rule.threshold.derived
    if derived is None:
        return (
            "It was not made on children's records here. Published figures are of other children: "
            + listed([each.figure for each in rule.evidence])
        )
    return f"Its line was worked out on: {derived['cohort']}; how those differ from these is not known."


def _line(rule: Rule) -> str:
    way = "below" if rule.threshold.direction == "below" else "at least"
    return f"{way} {rule.threshold.value:g}"


def _years(months: int) -> str:
    return f"{months / 12:.1f}".removesuffix(".0")
