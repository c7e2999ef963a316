"""What a run of a rule says, in the words of a card: counts by the house rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from evi.casefinding.cards.forms import form, listed
from evi.casefinding.conditions import conditions
from evi.casefinding.finding import Findings, find
from evi.casefinding.groups import DIMENSIONS, groups
from evi.casefinding.judged_text import printable
from evi.casefinding.judging import judge
from evi.casefinding.rules import Rule
from evi.casefinding.truth import has_truth
from evi.casefinding.wording import PROBLEMS
from evi.index.disclosure import shown, shown_parts
from evi.workspace import District, EviError

Row = Mapping[str, Any]
SHOWN_BY = tuple(name for name in DIMENSIONS if name != "school")
NAMES = ("flow", "not_assessable", "set_aside", "characteristics", "sample", "performance",
         "performance_short", "outcome", "recognition", "heterogeneity", "missed", "wrongly", "group_gap",
         "interpretation")  # fmt: skip
"""Facts that only a run can give."""
COUNTED = ("flow", "not_assessable", "set_aside", "characteristics")
"""Those of them that need no outcome."""


@dataclass(frozen=True)
class Ran:
    """A run, for a card.

    Attributes:
        facts: text by name, None where it could not be had. why: why not.
        fairness: headers and rows of the group table. layer: the layer of truth behind it.
        judged: the whole judgement as it may be printed, or None.
    """

    facts: dict[str, str | None]
    why: str
    headers: tuple[str, ...]
    fairness: tuple[tuple[str, ...], ...]
    layer: str
    judged: dict[str, Any] | None


def run_facts(district: District, rule: Rule, day: date) -> Ran:
    """Run a rule and judge it.

    A rule that refuses to run, or one for whose condition there is no record to judge it by, says so: that is
    a fact and no gap. A run that fails for another reason leaves gaps.
    """
    if rule.not_ready:
        said = f"It has not run: {rule.not_ready}"
        return Ran({name: said for name in NAMES}, "", (), (), "none", None)
    try:
        found = find(district, rule, day)
        grouped = groups(district, found.table["subject_id"], day)
        facts = _counted(found, grouped)
        if rule.condition not in conditions():
            facts |= _unjudged(rule)
            headers, rows = _flagged_by_group(found, grouped)
            return Ran(facts, "", headers, rows, "flagged", None)
        told = bool(conditions()[rule.condition].need)
        truth = told and district.config.synthetic and has_truth(district)
        judged = printable(judge(district, rule.id, day, truth=truth))
    except EviError as error:
        return Ran(dict.fromkeys(NAMES), error.what, (), (), "none", None)
    facts |= _judged(judged)
    headers, rows = _rates(judged)
    return Ran(facts, "", headers, rows, str(_first(judged)["layer"]), judged)


def share(row: Row | None) -> str:
    """A share with its interval, or that it isn't shown."""
    if row is None:
        return str(form("uses")["hidden"])
    ends = [row[name] for name in ("value", "low", "high") if row.get(name) is not None]
    digits = 0 if all(round(end, 2) == end for end in ends) else 1
    value, *rest = (f"{end:.{digits}%}" for end in ends)
    return f"{value} ({' to '.join(rest)})" if len(rest) == 2 else value


def _counted(found: Findings, grouped: pl.DataFrame) -> dict[str, str | None]:
    answers = {name: str(each) for name, each in shown_parts(dict(found.counts["answer"])).items()}
    lost = shown_parts(dict(found.counts["not_assessable"]))
    mixes = []
    for by in SHOWN_BY:
        counts = dict(sorted((str(k), int(v)) for k, v in grouped[by].value_counts().iter_rows()))
        mixes.append(f"{by}: " + ", ".join(f"{name} {each}" for name, each in shown_parts(counts).items()))
    return {
        "flow": f"{shown(found.table.height)} children asked: {answers['positive']} worth a look, "
        f"{answers['negative']} no reason seen, {answers['not_assessable']} not assessable, "
        f"{answers['excluded']} on a pathway already. Outside its ages: {shown(found.outside_age)}.",
        "not_assessable": listed([f"{PROBLEMS.get(name, name)}: {each}" for name, each in lost.items()]),
        "set_aside": listed(
            [f"{row['words']}: {shown(row['results'])}" for row in found.rejects.iter_rows(named=True)]
        ),
        "characteristics": listed(mixes),
    }


def _unjudged(rule: Rule) -> dict[str, str | None]:
    words = (
        f"It can't be judged by outcome: no service records who has “{rule.condition.replace('_', ' ')}”. "
        "Its answer is what its definition says of the records, and not a guess at a condition."
    )
    told: dict[str, str | None] = {name: words for name in NAMES if name not in COUNTED}
    told["interpretation"] = f"{words} Who is flagged, and who can't be assessed, is shown by group."
    return told


def _judged(judged: Row) -> dict[str, str | None]:
    layers = judged["layers"]
    first = layers[0]
    made_up = " The district is made up: its figures say nothing about real children." * judged["made_up"]
    rule = first["rule"]
    return {
        "outcome": listed([f"{_name(each)}: {each['question']}" for each in layers]) + made_up,
        "sample": listed(
            [f"{_number(each['children'])} children with a score, {_number(each['with_it'])} with the "
             f"outcome “{_name(each)}”" for each in layers]
        ) + ".",
        "performance": " ".join(_layer(each) for each in layers) + made_up,
        "performance_short": f"With it ({_name(first)}), of children whom it flags: "
        f"{share(rule['ppv'])}; of children who have it, flagged: "
        f"{share(rule['sensitivity'])}." + made_up,
        "recognition": _recognition(judged["recognition"]),
        "heterogeneity": _schools(judged, first["layer"]),
        "missed": f"flagged, of children with it: {share(rule['sensitivity'])}.",
        "wrongly": f"with it, of children flagged: {share(rule['ppv'])}.",
        "group_gap": _group_gap(judged, first["layer"]),
        "interpretation": f"It narrows down whom to look at, and decides about nobody. "
        f"{_group_gap(judged, first['layer'])}{made_up}",
    }  # fmt: skip


def _first(judged: Row) -> Row:
    layers: list[Row] = judged["layers"]
    return layers[0]


def _name(layer: Row) -> str:
    return str(layer["layer"]).replace("_", " ")


def _layer(each: Row) -> str:
    rule, chance, beside = each["rule"], each["chance"], each["beside"]
    need = rule["number_needed_to_assess"]
    words = (
        f"Against “{_name(each)}” ({each['question']}): sensitivity "
        f"{share(rule['sensitivity'])}, specificity {share(rule['specificity'])}, positive predictive value "
        f"{share(rule['ppv'])}, negative {share(rule['npv'])}; children to assess for each one found: "
        + (f"{need['value']:g}" if need else form("uses")["hidden"])
        + f". As many children picked at random: predictive value {share(chance['ppv'])}."
    )
    if beside is not None:
        words += f" In the same children, {beside['name']}: {share(beside['other']['ppv'])}."
    return words


def _recognition(found: Row) -> str:
    told = [
        f"{gap['by']} {gap['group']} beside {gap['reference']}: odds {gap['odds_ratio']['value']:g} "
        f"({gap['odds_ratio']['low']:g} to {gap['odds_ratio']['high']:g})"
        for gap in found["gaps"]
        if gap["odds_ratio"]
    ]
    if not told:
        return "who gets recognised at an equal profile could not be measured here, for too few children."
    return f"odds of being recognised, among {found['among']}: {listed(told)}."


def _tables(judged: Row, layer: str) -> Iterable[Row]:
    return (each for each in judged["groups"] if each["layer"] == layer)


def _schools(judged: Row, layer: str) -> str:
    rates: list[Row] = next((each["rates"] for each in _tables(judged, layer) if each["by"] == "school"), [])
    shares = [row["wrongly_flagged"]["pooled"]["value"] for row in rates
              if row["wrongly_flagged"] and row["wrongly_flagged"]["pooled"]]  # fmt: skip
    if len(shares) < 2:
        return f"{len(rates)} schools; too few children in each for a figure of its own."
    return (
        f"{len(rates)} schools, {len(shares)} with enough children: of those without it, flagged between "
        f"{min(shares):.0%} and {max(shares):.0%} (partly pooled)."
    )


def _group_gap(judged: Row, layer: str) -> str:
    gaps = [
        (abs(row[name]["gap"]["value"]), name, table["by"], row["group"], row[name])
        for table in _tables(judged, layer) if table["by"] != "school"
        for row in table["rates"] for name in ("missed", "wrongly_flagged")
        if row.get(name) and row[name]["gap"]
    ]  # fmt: skip
    if not gaps:
        return "No group has enough children for a figure of its own, so nothing is known of differences."
    _, name, by, group, figure = max(gaps, key=lambda each: each[0])
    words = {"missed": "missed, of those with it", "wrongly_flagged": "flagged, of those without it"}[name]
    return f"The largest difference between groups: {by} {group}, {words}: {share(figure['raw'])}."


def _rates(judged: Row) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    headers = ("group", "children", "not assessable", "missed, of those with it", "flagged, of those without",
               "have it, of those flagged", "calibration")  # fmt: skip
    rows = []
    for table in _tables(judged, judged["layers"][0]["layer"]):
        if table["by"] == "school":
            continue
        rates: dict[str, Row] = {row["group"]: row for row in table["rates"]}
        for who in table["assessable"]:
            row: Row = rates.get(who["group"], {})
            rows.append(
                (f"{table['by']}: {who['group']}", _number(who["children"]), _cell(who["not_assessable"]),
                 *(_cell((row.get(name) or {}).get("raw")) for name in ("missed", "wrongly_flagged", "ppv")),
                 _calibration(row.get("calibration")))
            )  # fmt: skip
    return headers, tuple(rows)


def _flagged_by_group(
    found: Findings, grouped: pl.DataFrame
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    joined = found.table.join(grouped.drop("school"), on="subject_id")
    rows = []
    for by in SHOWN_BY:
        sizes = {str(k): int(v) for k, v in sorted(joined[by].value_counts().iter_rows())}
        for group, each in shown_parts(sizes).items():
            mine = joined.filter(pl.col(by) == group)
            cells = [_part(mine.filter(pl.col("answer") == answer).height, mine.height)
                     for answer in ("not_assessable", "positive")]  # fmt: skip
            rows.append((f"{by}: {group}", str(each), *cells))
    return ("group", "children", "not assessable", "flagged"), tuple(rows)


def _part(part: int, whole: int) -> str:
    few = shown(part).number is None or shown(whole - part).number is None
    return "not shown" if few else f"{part / whole:.0%}"


def _cell(row: Row | None) -> str:
    return "not shown" if row is None else share(row)


def _calibration(row: Row | None) -> str:
    return "not shown" if row is None else f"{row['value']:g} ({row['low']:g} to {row['high']:g})"


def _number(value: int | None) -> str:
    return "a few" if value is None else f"{value:,}"
