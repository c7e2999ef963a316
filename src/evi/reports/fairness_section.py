"""The section on whom the joining of records lets down."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import yaml
from matplotlib.figure import Figure

from evi.index.disclosure import SMALLEST_SHOWN, share, shown
from evi.linkage import gate
from evi.reports.blocks import Block, Chart, Note, Section, section, table
from evi.reports.charts import bars, chart
from evi.reports.material import Material
from evi.reports.words import feed_name, in_a_hundred

SMALLEST = 300  # records; a bar for fewer would mostly show chance
TITLES = {
    "ethnicity": "Ethnicity", "deprivation": "Deprivation of the area", "language": "Language", "age": "Age",
    "sex": "Sex", "care": "Care", "movement": "Moves", "feed": "Service",
}  # fmt: skip
_SEX = {"F": "Girls and women", "M": "Boys and men"}
_ENDS = {"decile 01": "decile 01 (most deprived)", "decile 10": "decile 10 (least deprived)"}


def fairness_section(material: Material) -> Section:
    """Missed and false matches by group, what they could explain, and what someone accepted."""
    title = "Whom does the joining let down?"
    found = material.fairness
    groups = [group for group in found.get("groups", []) if group["records"] >= SMALLEST]
    if not groups or not found["whole"].get("missed", {}).get("of"):
        return section("fairness", title, "There were too few records that could be joined to say.")
    compared = [g for g in groups if "held_out" in g and g["held_out"]["of"] >= 2 * SMALLEST_SHOWN]
    blocks: list[Block | str | None] = [
        "Some names can be written in many ways. Some families move a lot. Then it is harder to see that two "
        "records are about one child. We check that this does not hurt some children more than others.",
        _overall(found["whole"]),
        *_told_apart(compared),
        _explained(groups),
        _alone(found["whole"]),
        *_held(material),
        _table(groups),
    ]
    return section("fairness", title, *blocks)


@cache
def _names() -> dict[tuple[str, str], str]:
    text = resources.files("evi.feeds").joinpath("code_lists.yaml").read_text(encoding="utf-8")
    lists = yaml.safe_load(text)
    named = {("ethnicity", str(code)): str(name) for code, name in lists["ethnicity_dfe"]["codes"].items()}
    return named | {("language", str(code)): str(name) for code, name in lists["language"]["codes"].items()}


def group_name(dimension: str, group: str) -> str:
    """What a group is called on the page."""
    if dimension == "feed":
        return feed_name(group)
    return _names().get((dimension, group)) or _SEX.get(group) or _ENDS.get(group) or group


def _overall(whole: dict[str, Any]) -> str:
    missed, wrong = (in_a_hundred(whole[name]["count"], whole[name]["of"]) for name in ("missed", "wrong"))
    return (
        f"We think that of all pairs of records that belong together, {missed} were not joined. Of all pairs "
        f"that we joined, {wrong} do not belong together."
    )


def _told_apart(groups: list[dict[str, Any]]) -> list[Block | str]:
    """How many pairs with the same number would have been missed without it, by ethnicity."""
    bars_of = [g for g in groups if g["dimension"] == "ethnicity" and g["group"] != "not told"]
    if len(bars_of) < 2:
        return []
    bars_of.sort(key=lambda g: (-g["held_out"]["rate"], g["group"]))
    worst, best = bars_of[0], bars_of[-1]

    def missed(group: dict[str, Any]) -> str:
        return in_a_hundred(group["held_out"]["count"], group["held_out"]["of"])

    said = (
        "An NHS number or a pupil number tells us for sure that two records are about one person. So we hid "
        "these numbers and looked again. Without them we would have missed "
        f"{missed(worst)} pairs for people written down as {group_name('ethnicity', worst['group'])}, and "
        f"{missed(best)} for {group_name('ethnicity', best['group'])}."
    )
    return [said, _chart(bars_of)]


def _chart(groups: list[dict[str, Any]]) -> Chart:
    names = [group_name("ethnicity", g["group"]) for g in groups]
    rates = [g["held_out"] for g in groups]
    shares = [share(shown(rate["count"]), shown(rate["of"])) for rate in rates]
    ends = [(None, None) if s is None else (r["low"], r["high"]) for s, r in zip(shares, rates, strict=True)]
    rows = [
        (name, shown(g["records"]), shown(g["people"]), _percent(rate["count"], rate["of"]), _range(rate))
        for name, g, rate in zip(names, groups, rates, strict=True)
    ]

    def draw(figure: Figure, narrow: bool) -> None:
        low, high = ([end[i] for end in ends] for i in (0, 1))
        bars(figure.add_subplot(), names, shares, low=low, high=high, above=narrow)

    return chart(
        "heldout",
        "Pairs that would have been missed without an NHS or pupil number",
        "One bar a group; the thin line is how far chance could move it. "
        f"Most: {names[0]}. Least: {names[-1]}.",
        draw,
        (0.5 + 0.27 * len(names), 0.5 + 0.42 * len(names)),
        table(
            "Pairs that would have been missed without a number, by ethnicity",
            ("Group", "Records", "People", "Missed", "Could be from … to"),
            rows,
            (1, 2, 3, 4),
        ),
    )


def _explained(groups: list[dict[str, Any]]) -> str | None:
    ratios = [
        max(1 - g["need_ratio"]["least"], g["need_ratio"]["most"] - 1)
        for g in groups
        if "need_ratio" in g and g["dimension"] in ("ethnicity", "language", "deprivation", "sex")
        and g["group"] != "not told"
    ]  # fmt: skip
    if not ratios:
        return None
    return (
        "Do two groups seem to have different needs? A gap can come from the joining and from nothing else. "
        "As far as we can tell, it could make one group's figure look up to "
        f"{100 * max(ratios):.1f}% higher or lower than it is. A gap of that size proves nothing."
    )


def _alone(whole: dict[str, Any]) -> str | None:
    blank = whole.get("nothing_to_find_by")
    if not blank or blank["count"] < SMALLEST_SHOWN:
        return None
    return (
        f"{shown(blank['count'])} records came with no name and no number, and stand alone. Nobody can say "
        "whose they are, so they are not in the figures above."
    )


def _held(material: Material) -> list[Block]:
    """What passed a limit, and who accepted it."""
    found = gate.read_gate(material.district)["findings"]
    if not found:
        return []
    entry = gate.accepted(material.district)
    notes: list[Block] = [Note(str(one["says"]), "warning") for one in found]
    if entry:
        notes.append(Note(f"{entry['by']} accepted this on {entry['at'][:10]}, because: {entry['reason']}"))
    return notes


def _table(groups: list[dict[str, Any]]) -> Block:
    rows = [
        (
            f"{TITLES[g['dimension']]}: {group_name(g['dimension'], g['group'])}",
            shown(g["records"]),
            _range(g.get("missed")),
            _range(g.get("wrong")),
            _range(g.get("held_out")),
        )
        for g in groups
    ]
    return table(
        f"Every group with {SMALLEST} records or more: how many in 100 pairs are thought to be missed or "
        "wrong, and would be missed without a number (from … to)",
        ("Group", "Records", "Missed", "Wrong", "Missed without a number"),
        rows,
        (1, 2, 3, 4),
        folded=True,
    )


def _percent(part: float, whole: float) -> str:
    found = share(shown(part), shown(whole))
    return "not shown" if found is None else f"{found:.1%}"


def _range(rate: dict[str, float] | None) -> str:
    """An interval, to a tenth of a percent; one that rests on few people is not shown."""
    if rate is None or rate["effective"] < SMALLEST_SHOWN:
        return "not shown"
    return f"{100 * rate['low']:.1f} to {100 * rate['high']:.1f}"
