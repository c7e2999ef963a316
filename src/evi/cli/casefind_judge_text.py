"""A judgement in tables, with a sentence beside each on how to read it."""

from __future__ import annotations

from typing import Any

from evi.cli.console import err, out, show_table

LAYERS = {
    "unrecognised": "Needs that nobody knows of",
    "recorded_within": "Recorded in the years after the day",
    "recorded": "Already recorded by some service",
    "any": "All who have the need, known or not",
}
FLATTERS = (
    "Read this with care. Children are often recognised because of the same low scores that the rule reads, "
    "and those whom nobody looked at count here as not having the need. So this tends to flatter a rule."
)
RATES = {
    "missed": "missed",
    "wrongly_flagged": "wrongly flagged",
    "ppv": "found of flagged",
    "calibration": "calibration",
}
POINTS = 8


def show_judgement(document: dict[str, Any]) -> None:
    """Print what `evi.casefinding.judged_text.printable` gives."""
    out.print(f"{document['rule']} ({', '.join(document['read'])}) on {document['day']}", markup=False)
    out.print(f"Answers: {_said(document['answers'])}")
    if document["not_assessable_because"]:
        out.print(f"Not assessable because: {_said(document['not_assessable_because'])}")
    if document["reach"]:
        _show_reach(document["reach"])
    for layer in document["layers"]:
        out.print()
        _show_layer(layer, document)
    for table in document["groups"]:
        _show_group(table)
    if document["groups"]:
        _explain_groups(document["floors"])
    _show_assessable(document)
    _show_gaps(document["recognition"])
    for note in document["notes"]:
        err.print(f"  [yellow]·[/] {note}")


def _show_reach(reach: dict[str, Any]) -> None:
    out.print(
        f"People of these ages with a need that nobody knows of: {_n(reach['people'])}. On the list "
        f"{_n(reach['flagged'])}, not on it {_n(reach['not_flagged'])}, left out {_n(reach['excluded'])}, "
        f"not assessable {_n(reach['not_assessable'])}. Of the last, so many have a record here "
        f"that the rule reads, joined to nobody or to somebody else: {_n(reach['unjoined'])}."
    )


def _show_layer(layer: dict[str, Any], document: dict[str, Any]) -> None:
    rule, chance, beside, drawn = (layer[name] for name in ("rule", "chance", "beside", "under_draws"))
    ways: dict[str, dict[str, str]] = {document["rule"]: _told(rule)}
    ways["chance"] = {
        "children to assess": _n(chance["flagged_children"]),
        FOUND: _share(chance["sensitivity"]),
        OF_FLAGGED: _share(chance["ppv"]),
    }
    if beside:
        ways[beside["name"]] = _told(beside["other"])
    if drawn:
        over = {SHARES[name]: _share(each) for name, each in drawn.items() if name in SHARES}
        ways[f"over {document['draws']} draws"] = over
    rows = [
        {"": figure, **{way: told.get(figure, "") for way, told in ways.items()}} for figure in _told(rule)
    ]
    title = f"{LAYERS[layer['layer']]}: {_n(layer['with_it'])} of {_n(layer['children'])} children"
    show_table(f"{title} (95% intervals)", rows)
    out.print(f"The layer: {layer['question']}", markup=False)
    if layer["layer"] == "recorded":
        out.print(FLATTERS)
    _show_ways(layer, document["rule"])


FOUND, OF_FLAGGED = "found, of those with it", "have it, of those flagged"
SHARES = {
    "sensitivity": FOUND,
    "specificity": "left alone, of the rest",
    "ppv": OF_FLAGGED,
    "npv": "don't have it, of the others",
}


def _told(found: dict[str, Any]) -> dict[str, str]:
    return {
        "children to assess": _n(found["flagged_children"]),
        **{title: _share(found[name]) for name, title in SHARES.items()},
        "assess to find one": _plain(found["number_needed_to_assess"]),
        "odds ratio": _plain(found["odds_ratio"]),
    }


def _show_ways(layer: dict[str, Any], name: str) -> None:
    for rule, points in layer["workload"].items():
        if not points:
            continue
        step = max(1, len(points) // POINTS)
        rows = [
            {
                "line": f"{point['threshold']:g}",
                "assess": _n(point["assessed"]),
                "of all": f"{point['share_assessed']:.0%}",
                "found": _n(point["found"]),
                "of those with it": f"{point['share_found']:.0%}",
            }
            for point in points[::step]
        ]
        area = layer["auc"].get(rule)
        second = f"; area under the curve {area['value']:.2f}, a secondary figure" if area else ""
        show_table(f"Work against yield by line, {rule}{second}", rows)
    _show_benefit(layer["net_benefit"], name)


def _show_benefit(found: dict[str, Any], name: str) -> None:
    rows = []
    for place, willing in enumerate(found["willing"]):
        row: dict[str, object] = {"willing to assess": str(willing)}
        for rule, values in found["rules"].items():
            row[rule] = _benefit(values, place)
        everyone = found["everyone"]
        row["everyone"] = "–" if everyone is None else f"{everyone[place]:.1f}"
        rows.append(row)
    chosen = [row for row in rows if row["willing to assess"] in ("5", "10", "20", "30", "50")]
    if all(row[name] == "–" for row in chosen):
        return
    show_table("Net benefit for each 1,000 children, by how many a service will assess to find one", chosen)
    out.print("Above 0 it does more good than assessing nobody; the highest of a row is the best way.")


def _benefit(values: dict[str, Any], place: int) -> str:
    if values["value"] is None:
        return "–"
    return f"{values['value'][place]:.1f} ({values['low'][place]:.1f}, {values['high'][place]:.1f})"


def _show_group(table: dict[str, Any]) -> None:
    rows, drawn = [], []
    for each in table["rates"]:
        row: dict[str, object] = {table["by"]: each["group"], "assessed": _n(each["assessed"])}
        for name, title in RATES.items():
            row[title] = _plain(each[name]) if name == "calibration" else _figure(each[name])
        rows.append(row)
        told = {
            RATES[name]: _share(each.get(f"{name}_under_draws")) for name in RATES if name != "calibration"
        }
        if any(value != "–" for value in told.values()):
            drawn.append({table["by"]: each["group"], **told})
    if not rows:
        return
    out.print()
    show_table(f"{LAYERS[table['layer']]}, by {table['by']}: pooled (and alone)", rows)
    if drawn:
        show_table("The same over draws of who is who, not pooled", drawn)


def _explain_groups(floors: dict[str, int]) -> None:
    out.print(
        "Missed: with the need and not flagged. Wrongly flagged: without it and flagged. Calibration: those "
        "with the need, over those expected at equal scores; over 1, an equal score hides more need. A rule "
        "can be fair by one of these and unfair by another. *: differs from all others beyond chance. "
        f"–: fewer than {floors['missed']} children to count it in ({floors['calibration']} expected), or a "
        "number too small to show."
    )


def _figure(found: dict[str, Any] | None) -> str:
    if found is None:
        return "–"
    star = "*" if found["p_value"] is not None and found["p_value"] < 0.05 else ""
    return f"{_share(found['pooled'])}{star} ({found['raw']['value']:.0%})"


def _show_assessable(document: dict[str, Any]) -> None:
    seen = set()
    for table in document["groups"]:
        if table["by"] in seen:
            continue
        seen.add(table["by"])
        rows = [
            {
                table["by"]: each["group"],
                "asked": _n(each["children"]),
                "not assessable": _share(each["not_assessable"]),
                "over draws": _share(each["under_draws"]),
                "because of links": _share(each["because_of_links"]) if document["made_up"] else "not known",
            }
            for each in table["assessable"]
        ]
        out.print()
        show_table(f"Children who can't be assessed, by {table['by']}", rows)
    if seen:
        out.print(
            "A group that links badly looks as if it had less need. Because of links: a record that the rule "
            "reads is here and is this child's, but is joined to nobody or to somebody else; only the truth "
            "of a made-up district tells. Children whose records are in pieces are often in “not known”."
        )


def _show_gaps(found: dict[str, Any]) -> None:
    rows = [
        {
            "by": gap["by"].replace("_", " "),
            "group": gap["group"],
            "beside": gap["reference"],
            "children": _n(gap["children"]),
            "recognised": _n(gap["recognised"]),
            "odds ratio": _plain(gap["odds_ratio"]),
            "p": _p(gap["p_value"]),
        }
        for gap in found["gaps"]
    ]
    if not rows:
        return
    out.print()
    show_table(f"Who gets recognised at an equal profile, among {found['among']}", rows)
    out.print("–: fewer than 10 recognised, or fewer than 10 not, in the group or those beside it.")
    out.print(
        "Equal profile: band of score, sex, age and year. Under 1: recognised less often than those beside."
    )


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "<0.001" if value < 0.0005 else f"{value:.3f}"


def _said(counts: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {_n(count)}" for name, count in counts.items())


def _share(interval: dict[str, Any] | None) -> str:
    if interval is None or interval["value"] is None:
        return "–"
    digits = 0 if all(_whole(interval[end]) for end in ("value", "low", "high")) else 1
    ends = ", ".join(
        "?" if interval[end] is None else f"{interval[end]:.{digits}%}" for end in ("low", "high")
    )
    return f"{interval['value']:.{digits}%} ({ends})"


def _whole(value: float | None) -> bool:
    return value is None or abs(value * 100 - round(value * 100)) < 1e-9


def _plain(interval: dict[str, Any] | None) -> str:
    if interval is None or interval["value"] is None:
        return "–"
    ends = ", ".join("?" if interval[end] is None else f"{interval[end]:g}" for end in ("low", "high"))
    return f"{interval['value']:g} ({ends})"


def _n(value: int | None) -> str:
    return "hidden" if value is None else f"{value:,}"
