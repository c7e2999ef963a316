"""What a model's file says, in the words of a card: put in place of what its rule's file and run say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from evi.casefinding.cards.forms import listed
from evi.casefinding.models.saved import Saved
from evi.casefinding.rules import Rule
from evi.index.disclosure import shown

Row = Mapping[str, Any]
WAYS = {
    "child": "children it did not learn from",
    "family": "families it did not learn from",
    "time": "later years",
    "place": "other schools",
}
SENSITIVE = (
    "sex",
    "weeks_early",
    "preterm",
    "ethnicity",
    "language",
    "deprivation",
    "summer",
    "age_assessed",
)
"""Names of features that are, or stand for, a characteristic by which groups are judged."""
KINDS = {
    "logistic": "A logistic regression with splines",
    "boosting": "An explainable boosting machine (main effects)",
}


def model_facts(saved: Saved, rule: Rule) -> dict[str, str | None]:
    """Facts of a model, by name.

    Args:
        rule: the rule whose list it puts in order.
    """
    about = saved.about
    learned, tried = about["learned_from"], about["validation"]
    name = f"{about['kind']} model"
    verdict = saved.sentence.rstrip(".") + "."
    tested = " ".join(f"On {WAYS[way]}: {_measured(found)}." for way, found in tried["by"].items())
    titles = [row["title"] for row in about["features"]]
    outcome = (
        f"recorded within {learned['years_to_outcome']} years after the day, of those not recorded on it"
    )
    not_done = listed([f"{way}: {why}" for way, why in tried["not_done"].items()])
    sensitive = listed([row["title"] for row in about["features"] if row["name"] in SENSITIVE], none="")
    sample = f"{shown(learned['children'])} children, {shown(learned['events'])} of them with the outcome."
    performance = f"{tested} {_work(about)} {verdict}"
    return {
        "kind": "model",
        "title": f"A {name} that puts the list of {rule.label} in order",
        "label": model_label(saved),
        "digest": saved.digest,
        "question": f"Of the children whom {rule.label} flags, who is to be seen first? {rule.question}",
        "items": listed(titles),
        "items_why": "Declared beforehand; none that gives the answer away: " + listed(
            list(dict.fromkeys(f"{row['title']} ({row['why']})" for row in about["features"] if row["why"]))
        ),
        "objective": "To make a model and to see, in children it did not learn from, whether it does more "
        "good than its simplest rule. If it doesn't, it is not offered.",
        "outcome": f"{outcome}. This is who would have been found anyway, later: it says less about children "
        "whom nobody looks at.",
        "sample": sample,
        "sample_why": f"Riley's criteria ask for {shown(about['needed']['children'])} children and "
        f"{shown(about['needed']['events'])} with the outcome, for {about['needed']['parameters']} numbers "
        "fitted; with fewer no model is made.",
        "division": "By child, by family, by year and by school; figures are of children whom the model did "
        f"not learn from. Not done: {not_done}.",
        "arithmetic": f"Each item adds to a sum by a curve of its own: {listed(titles)}. Children are put in "
        "order by the sum. It is shown to nobody as a chance.",
        "built": f"{KINDS.get(about['kind'], name)}; every number of it is in its file. {_wavering(about)}",
        "heterogeneity_how": "Tried in schools it did not learn from, and by group, with floors.",
        "heterogeneity": f"In other schools: {_measured(tried['by']['place'])}."
        if "place" in tried["by"]
        else "Not tried in other schools: " + str(tried["not_done"].get("place", "no reason was kept")),
        "updating": "No. A new model is a new file with a new hash.",
        "imbalance": "No: nothing is weighted or drawn again, so calibration is of the children as they are.",
        "line": f"none of its own: it puts in order whom {rule.label} flags",
        "line_why": verdict,
        "transported": _elsewhere(about),
        "performance": performance,
        "performance_short": verdict,
        "missed": "see the group table; the rule decides who is on the list.",
        "wrongly": "see the group table; the rule decides who is on the list.",
        "group_gap": "Of those with the outcome, found among the first: see the group table.",
        "interpretation": f"{verdict} It only puts a list in order, and decides about nobody.",
        "recognition": f"the outcome is “{outcome}”, which is recognition and not need.",
        "code": learned["code"],
        "text": json.dumps(dict(about), ensure_ascii=False),
        "adjusted": "What it does to groups, beside the rule alone, is in the group table.",
        "sensitive": f"Among its items: {sensitive}." if sensitive else "Used to judge, and not to score.",
        "line_source": "net benefit beside the rule, in children not learned from",
        "state": f"as {rule.label}",
        "limits": f"{about['use']} What it learned is who was recognised, not who has the need. "
        + " ".join(rule.limits),
    }  # fmt: skip


def model_label(saved: Saved) -> str:
    """How a card names a model.

    A model has no version of its own: its hash says which it is.
    """
    return f"{saved.about['kind']} model beside {saved.rule}"


def model_groups(saved: Saved) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Headers and rows of the group table; groups too small to measure are named with no figure."""
    headers = (
        "group", "children", "said on average", "came", "found among the first, of those with it",
        "the same by the rule", "among the first, of those without", "the same by the rule alone",
    )  # fmt: skip
    rows = [
        (f"{row['by']}: {row['group']}", str(shown(row["children"])), f"{row['said']:.0%}",
         _share(row["came"]),
         *(_share(row[name]) for name in ("by_model", "by_rule", "wrongly_by_model", "wrongly_by_rule")))
        for row in saved.about["groups"]
    ]  # fmt: skip
    small = [(name, *["too few"] * (len(headers) - 1)) for name in saved.about["groups_too_small"]]
    return headers, (*rows, *small)


def _measured(found: Row) -> str:
    return (
        f"AUC {_three(found['auc'])}, calibration slope {_three(found['calibration_slope'])}, calibration in "
        f"the large {_three(found['calibration_in_the_large'])}"
    )


def _work(about: Row) -> str:
    said = []
    for outcome, row in about["equal_work"].items():
        counts = [shown(row[name]) for name in ("found_by_model", "found_by_rule", "needy", "assessed")]
        model, rule, needy, assessed = (str(each) for each in counts)
        said.append(
            f"With as many children assessed as the rule flags ({assessed}), of {needy} "
            f"({outcome.replace('_', ' ')}) the model finds {model} and the rule {rule}."
        )
    return " ".join(said)


def _wavering(about: Row) -> str:
    found = about["stability"]
    return (
        f"Fitted again {found['refits']} times on families drawn anew: AUC falls by "
        f"{found['auc_optimism']:.3f}, and {found['first_who_stay_first']:.0%} of the first stay first."
    )


def _elsewhere(about: Row) -> str:
    found = about["external"]
    if found is None:
        return "It was not tried in another district, so how it does elsewhere is not known."
    return f"In {found['district']}, none of whose children it learned from: {_measured(found)}."


def _three(ends: list[float | None]) -> str:
    if any(end is None for end in ends):
        return "not known"
    value, low, high = ends
    return f"{value:.2f} ({low:.2f} to {high:.2f})"


def _share(row: Row) -> str:
    return f"{row['value']:.0%} ({row['low']:.0%} to {row['high']:.0%})"
